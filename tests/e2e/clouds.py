# SPDX-License-Identifier: MIT
"""clouds.py -- a vnccloudd of our own on the loopback interface, and endpoints of it.

    cloud = clouds.Cloud(folder)
    here = cloud.endpoint("listen")     .address, .options for vncserverd
    there = cloud.endpoint("connect")   .options for vncviewer-cli
    cloud.kill(), cloud.start()         it comes back at the same port, with the same keys
"""
import json
import os
import re
import subprocess
import tempfile

import farhand

CLOUDD = os.path.join(farhand.BIN, "vnccloudd")
CTL = os.path.join(farhand.BIN, "vnccloudctl")


def open_folder(path):
    """As root the service is somebody else, who must get there."""
    os.chmod(path, 0o711)
    return path


class Endpoint:
    """An address of a cloud, with what its program needs."""

    def __init__(self, cloud, folder, kind, more):
        made = cloud.ctl("address", "add", "test", "--" + kind, *more)
        self.cloud = cloud
        self.address = made["address"]
        self.place = tempfile.mkdtemp(prefix=f"{kind}-", dir=folder)
        self.password_file = os.path.join(self.place, "password")
        self.key = os.path.join(self.place, "cloud.key")
        self.write_password(made["password"])

    def write_password(self, password):
        with open(self.password_file, "w", encoding="ascii") as f:
            f.write(password + "\n")
        os.chmod(self.password_file, 0o600)

    @property
    def options(self):
        return ["--cloud", self.cloud.line, "--cloud-address", self.address, "--cloud-password-file", self.password_file,
                "--cloud-key", self.key]

    @property
    def server_options(self):
        return [*self.options, "--cloud-loopback", "yes"]

    @property
    def viewer_options(self):
        return [*self.options, "--cloud-loopback"]

    def state(self):
        return self.cloud.ctl("address", "show", self.address)


class Cloud:
    """A cloud, ready for clients."""

    def __init__(self, folder, options=()):
        for path in (folder, os.path.dirname(folder)):
            if path.startswith(tempfile.gettempdir() + "/"):
                open_folder(path)
        self.folder = tempfile.mkdtemp(prefix="cloud-", dir=folder)
        os.chmod(self.folder, 0o777)
        self.options = list(options)
        self.control = os.path.join(self.folder, "control")
        self.config = os.path.join(self.folder, "conf")
        self.port = 0
        self.line = None
        self.program = None
        self.write_config()
        self.start()
        self.ctl("account", "add", "test")

    def write_config(self):
        with open(self.config, "w", encoding="ascii") as f:
            if self.port:
                f.write(f"node = localhost:{self.port}\n")
        os.chmod(self.config, 0o644)

    def start(self):
        """Where it listens is chosen at the first start, and told to clients from then on."""
        self.program = farhand.Program([
            CLOUDD, "--config", self.config, "--state", os.path.join(self.folder, "state"), "--name", "localhost",
            "--listen", f"127.0.0.1:{self.port}", "--stun-listen", "none", "--audit", os.path.join(self.folder, "audit"),
            "--control", self.control, *self.options])
        port = int(self.program.wait_line(r"listening on 127\.0\.0\.1:(\d+)").group(1))
        line = self.program.wait_line(r"^cloud = (\S+)").group(1) if self.line is None else self.line
        if self.port == 0:
            self.port = port
            self.write_config()
            self.program.signal(farhand.signal.SIGHUP)
            self.program.wait_line(r"configuration was read again")
            self.line = re.sub(r"^[^,]*", f"localhost:{port}", line)
        farhand.wait_until(lambda: os.path.exists(self.control), "the control socket")

    def kill(self):
        """Without a word."""
        self.program.process.kill()
        self.program.wait()
        farhand.Program.running.remove(self.program)

    def stop(self):
        return self.program.stop()

    def ctl(self, *words):
        ran = subprocess.run([CTL, "--socket", self.control, "--json", *words], env=farhand.ENV, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=farhand.PATIENCE, check=False)
        if ran.returncode != 0:
            raise AssertionError(f"vnccloudctl {words}: {ran.returncode} {ran.stderr.decode()}")
        return json.loads(ran.stdout) if ran.stdout.strip() else None

    def endpoint(self, kind, *more):
        return Endpoint(self, self.folder, kind, more)
