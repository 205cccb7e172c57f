#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vncserverd as a process, with vncviewer-cli as its viewer.

Claims: commands and exit codes are those of vncserverd(8); nobody comes in before there is a user, and then without a
restart; SIGHUP reads again; keys are released when a viewer is killed; the end of the X server and of the program end the
service and leave nothing behind; a still screen costs no wake-ups; passwords that are wrong open nothing.
"""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.environ.get("FARHAND_BIN") or os.path.abspath("build/release/bin")
SERVER, VIEWER = os.path.join(BIN, "vncserverd"), os.path.join(BIN, "vncviewer-cli")
LIMIT = 60  # seconds that anything may take before the test gives up


class Service:
    """A running vncserverd; its log is read line by line."""

    def __init__(self, home, *arguments, env=None):
        self.lines = []
        self.process = subprocess.Popen(
            [SERVER, "--users", home + "/users", "--identity", home + "/identity.pem", "--audit", home + "/audit", "--blacklist", home + "/blacklist", "--control", "none",
             "--listen", "unix:" + home + "/socket", *arguments],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
        self.rest = b""

    def wait_for(self, pattern):
        end = time.monotonic() + LIMIT
        for line in self.lines:
            if re.search(pattern, line):
                return line
        while True:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                self.lines.append(line.decode())
                if re.search(pattern, self.lines[-1]):
                    return self.lines[-1]
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, end - time.monotonic()))
            data = os.read(self.process.stderr.fileno(), 4096) if ready else b""
            if not data:
                raise AssertionError("no %r in:\n%s" % (pattern, "\n".join(self.lines)))
            self.rest += data

    def end(self, number=signal.SIGTERM):
        if number:
            self.process.send_signal(number)
        code = self.process.wait(LIMIT)
        self.rest += self.process.stderr.read()
        self.lines += self.rest.decode().splitlines()
        self.process.stderr.close()
        return code


def children(pid):
    """All below it."""
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        direct = [int(p) for p in f.read().split()]
    return direct + [p for d in direct for p in children(d)]


def gone(pid):
    """Waits until a process was ended and, if its parent went first, until init has buried it."""
    end = time.monotonic() + LIMIT
    while os.path.exists("/proc/%d" % pid):
        if time.monotonic() > end:
            raise AssertionError("process %d is still there" % pid)
        time.sleep(0.01)


def name_of(pid):
    with open("/proc/%d/comm" % pid) as f:
        return f.read().strip()


class Case(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="vncserverd-test-")
        self.services = []
        self.env = dict(os.environ, XDG_CONFIG_HOME=self.home, XDG_STATE_HOME=self.home, FH_PASSWORD="secret")

    def tearDown(self):
        for s in self.services:
            if s.process.poll() is None:
                s.end()
        shutil.rmtree(self.home)

    def command(self, *arguments, text=""):
        return subprocess.run([SERVER, "--config", "/dev/null", "--users", self.home + "/users", "--identity",
                               self.home + "/identity.pem", *arguments],
                              input=text, capture_output=True, text=True, timeout=LIMIT)

    def add_user(self, *more):
        r = self.command("user", "add", "alice", *more, text="secret\n")
        self.assertEqual(r.returncode, 0, r.stderr)

    def start(self, *arguments):
        s = Service(self.home, *arguments, env=self.env)
        self.services.append(s)
        return s

    def start_virtual(self, *program):
        s = self.start("--virtual", "400x300", *(["--", *program] if program else []))
        s.wait_for("listening on unix:")
        return s

    def viewer(self, *commands, wait=True):
        p = subprocess.Popen([VIEWER, "--user", "alice", "--accept-new", "--known-servers", self.home + "/known",
                              "--identity", self.home + "/viewer.pem", "--timeout", str(LIMIT), self.home + "/socket",
                              *commands], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, env=self.env)
        if not wait:
            return p
        out, err = p.communicate(timeout=LIMIT + 5)
        return p.returncode, out, err


class Commands(Case):
    def test_users(self):
        self.assertEqual(self.command("user", "list").stdout, "")
        self.add_user("--permissions", "view,pointer")
        self.assertEqual(os.stat(self.home + "/users").st_mode & 0o777, 0o600)
        self.assertEqual(self.command("user", "list").stdout, "alice view,pointer\n")
        self.assertEqual(self.command("user", "add", "alice", text="other\n").stdout, "alice: replaced\n")
        self.assertEqual(self.command("user", "list").stdout, "alice all\n")
        with open(self.home + "/users") as f:
            self.assertNotIn("other", f.read())
        self.assertEqual(self.command("user", "remove", "alice").returncode, 0)
        self.assertEqual(self.command("user", "remove", "alice").returncode, 14)
        self.assertEqual(self.command("user", "list").stdout, "")

    def test_users_refused(self):
        for arguments, text, code, says in [
                (["add", "x"], "\n", 14, "empty"),
                (["add", "x"], "", 14, "empty"),
                (["add", "x"], "p" * 2000 + "\n", 14, "no password"),
                (["add", "a:b"], "p\n", 2, "expected a name"),
                (["add", ""], "p\n", 2, "expected a name"),
                (["add", "x", "--permissions", "view,fly"], "p\n", 2, "fly: expected"),
                (["add"], "", 2, "expected user add"),
                ([], "", 2, "expected user add")]:
            r = self.command("user", *arguments, text=text)
            self.assertEqual(r.returncode, code, (arguments, r.stderr))
            self.assertIn(says, r.stderr)
        self.assertFalse(os.path.exists(self.home + "/users"))

    def test_a_wrong_users_file_is_explained(self):
        with open(self.home + "/users", "w") as f:
            f.write("nonsense\n")
        os.chmod(self.home + "/users", 0o600)
        r = self.command("user", "list")
        self.assertEqual(r.returncode, 14)
        self.assertIn("users:1: expected", r.stderr)

    def test_password_on_a_terminal(self):
        for answers, code in [(b"one\none\n", 0), (b"one\ntwo\n", 14)]:
            pid, fd = pty.fork()
            if pid == 0:
                os.execv(SERVER, [SERVER, "--config", "/dev/null", "--users", self.home + "/users", "user", "add", "bob"])
            shown = b""
            for answer in answers.splitlines(True):
                while not shown.endswith(b": "):
                    shown += os.read(fd, 1024)
                os.write(fd, answer)
                shown += b"|"
            try:
                while data := os.read(fd, 1024):
                    shown += data
            except OSError:
                pass
            os.close(fd)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), code, shown)
            self.assertNotIn(b"one", shown)

    def test_identity(self):
        self.assertEqual(self.command("identity", "show").returncode, 13)
        made = self.command("identity", "new", "--bits", "2048")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(os.stat(self.home + "/identity.pem").st_mode & 0o777, 0o600)
        self.assertIn("bits: 2048\n", made.stdout)
        self.assertEqual(self.command("identity", "show").stdout, made.stdout)
        self.assertEqual(self.command("identity", "new").returncode, 13)
        self.assertEqual(self.command("identity", "show").stdout, made.stdout)
        self.assertEqual(self.command("identity", "new", "--bits", "1024").returncode, 2)

    def test_configuration(self):
        path = self.home + "/c.conf"
        with open(path, "w") as f:
            f.write("name = desk\nframe-rate = fast\nnosuch = 1\n")
        r = subprocess.run([SERVER, "--config", path, "--check-config"], capture_output=True, text=True)
        self.assertEqual(r.returncode, 2)
        self.assertIn(path + ":2: frame-rate = fast: expected a number from 1 to 240", r.stderr)
        self.assertIn(path + ":3: nosuch: expected the name of an option", r.stderr)
        with open(path, "w") as f:
            f.write("name = desk\n")
        self.assertEqual(subprocess.run([SERVER, "--config", path, "--check-config"], capture_output=True).returncode, 0)
        self.assertEqual(subprocess.run([SERVER, "--config", path + "x"], capture_output=True).returncode, 2)

    def test_exit_codes_of_starting(self):
        self.assertEqual(self.start("--display", "nonsense").end(None), 11)
        self.assertEqual(self.start("--virtual", "400x300", "--", "/nonexistent").end(None), 15)
        self.assertEqual(self.start("--virtual", "400x300", "--listen", "192.0.2.1:1").end(None), 10)
        os.chmod(self.home + "/identity.pem", 0o644)
        self.assertEqual(self.start("--virtual", "400x300").end(None), 13)


class Sessions(Case):
    def test_nobody_before_there_is_a_user(self):
        s = self.start_virtual()
        s.wait_for("every connection is rejected.*vncserverd user add")
        code, _, _ = self.viewer("info")
        self.assertNotEqual(code, 0)
        s.wait_for("was rejected")
        self.add_user()  # known without a restart
        code, out, err = self.viewer("info")
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"width +400")
        identity = self.command("identity", "show").stdout
        self.assertIn(re.search("catchphrase: (.*)", s.wait_for("catchphrase: ")).group(1), identity)
        self.env["FH_PASSWORD"] = "wrong"
        self.assertEqual(self.viewer("info")[0], 3)
        s.wait_for("wrong user name or password")
        self.assertEqual(s.end(), 0)
        with open(self.home + "/audit") as f:
            audit = f.read()
        self.assertIn('"event":"started"', audit)
        self.assertIn('"event":"auth-failed"', audit)
        self.assertEqual(os.stat(self.home + "/audit").st_mode & 0o777, 0o600)

    def test_the_bound_port_is_told(self):
        s = self.start("--virtual", "400x300", "--listen", "127.0.0.1:0")
        self.assertNotEqual(re.search(r"127\.0\.0\.1:(\d+)", s.wait_for(r"listening on 127\.0\.0\.1")).group(1), "0")

    def test_hangup_reads_again(self):
        self.add_user()
        with open(self.home + "/c.conf", "w") as f:
            f.write("name = before\n")
        s = self.start("--config", self.home + "/c.conf", "--virtual", "400x300")
        s.wait_for("listening on")
        self.assertRegex(self.viewer("info")[1], "name +before")
        with open(self.home + "/c.conf", "w") as f:
            f.write("name = after\n")
        os.rename(self.home + "/audit", self.home + "/audit.1")
        s.process.send_signal(signal.SIGHUP)
        s.wait_for("read again")
        self.assertRegex(self.viewer("info")[1], "name +after")
        self.assertTrue(os.path.exists(self.home + "/audit"))
        with open(self.home + "/c.conf", "w") as f:
            f.write("name\n")
        s.process.send_signal(signal.SIGHUP)
        s.wait_for("c.conf:1: expected")
        s.wait_for("stays as it is")
        self.assertRegex(self.viewer("info")[1], "name +after")

    def test_typed_text_reaches_the_program(self):
        self.add_user()
        fifo = self.home + "/fifo"
        os.mkfifo(fifo)
        fd = os.open(fifo, os.O_RDWR)
        self.env["LC_ALL"] = "C.UTF-8"
        self.start_virtual("xterm", "-u8", "-e", "sh", "-c", "stty -echo; echo up >%s; cat >%s" % (fifo, fifo))
        self.assertEqual(os.read(fd, 100), b"up\n")
        code, _, err = self.viewer("type", "Grüße €5 Жук", "key", "enter", "wait-stable", "0.2")
        self.assertEqual(code, 0, err)
        self.assertEqual(os.read(fd, 100).decode(), "Grüße €5 Жук\n")
        os.close(fd)

    def test_a_killed_viewers_keys_are_released(self):
        self.add_user()
        fifo = self.home + "/fifo"
        os.mkfifo(fifo)
        fd = os.open(fifo, os.O_RDWR)
        s = self.start_virtual("sh", "-c", "exec xev -geometry 400x300 -event keyboard >" + fifo)
        self.assertTrue(os.read(fd, 1))  # its window is there
        v = self.viewer("keydown", "shift", "keydown", "F5", "pause", "1000", wait=False)
        text, end = "", time.monotonic() + LIMIT

        def wait_for(kind, *names):
            nonlocal text
            while not set(names) <= {n for k, n in re.findall(r"(KeyPress|KeyRelease) event.*?keysym 0x\w+, (\w+)\)", text, re.S)
                                     if k == kind}:
                ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
                self.assertTrue(ready, text)
                text += os.read(fd, 4096).decode()

        wait_for("KeyPress", "Shift_L", "F5")
        v.kill()
        v.communicate()
        wait_for("KeyRelease", "Shift_L", "F5")
        s.wait_for("ended: ")
        os.close(fd)


class Ends(Case):
    def test_the_programs_end(self):
        self.add_user()
        self.assertEqual(self.start("--virtual", "400x300", "--", "true").end(None), 0)
        s = self.start("--virtual", "400x300", "--", "sh", "-c", "exit 3")
        self.assertEqual(s.end(None), 15)
        s.wait_for("sh ended with status 3")

    def test_the_x_servers_end(self):
        s = self.start_virtual("sleep", "1000")
        pids = children(s.process.pid)
        for pid in pids:
            if name_of(pid) == "Xvfb":
                os.kill(pid, signal.SIGKILL)
        self.assertEqual(s.end(None), 12)
        for pid in pids:
            gone(pid)

    def test_ended_while_the_x_server_starts(self):
        """SIGHUP and a child's end are no reason to give up, SIGTERM is, at once and for good."""
        runtime, fake = self.home + "/run", self.home + "/bin"
        os.mkdir(runtime, 0o700)
        os.mkdir(fake)
        os.mkfifo(self.home + "/up")
        with open(fake + "/Xvfb", "w") as f:
            f.write("#!/bin/sh\necho $$ > %s/up\nexec sleep 1000\n" % self.home)
        os.chmod(fake + "/Xvfb", 0o755)
        self.env.update(PATH=fake + ":" + self.env["PATH"], RUNTIME_DIRECTORY=runtime)
        service = self.start("--virtual", "640x480")
        with open(self.home + "/up") as f:
            server = int(f.read())
        service.process.send_signal(signal.SIGCHLD)
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("the configuration was read again")
        self.assertEqual(service.end(), 0)
        self.assertNotIn("error", "\n".join(service.lines))  # as there is where Xvfb was waited for to the end
        gone(server)
        self.assertEqual(os.listdir(runtime), [])

    def test_nothing_is_left(self):
        for number in signal.SIGTERM, signal.SIGINT:
            s = self.start_virtual("sh", "-c", "setsid sleep 1000 & sleep 1000")
            pids = children(s.process.pid)
            self.assertEqual(s.end(number), 0)
            for pid in pids:
                gone(pid)
            self.assertFalse(os.path.exists(self.home + "/socket"))

    def test_a_viewer_is_told(self):
        self.add_user()
        s = self.start_virtual()
        v = self.viewer("pause", "1000", wait=False)
        s.wait_for("started as alice")
        self.assertEqual(s.end(), 0)
        self.assertEqual(v.wait(LIMIT), 11)
        self.assertIn("shutting down", v.stderr.read())
        v.stdout.close()
        v.stderr.close()


class Idle(Case):
    def test_a_still_screen_wakes_nobody(self):
        """Voluntary context switches over three seconds, with a viewer that waits for a picture."""
        self.add_user()
        s = self.start_virtual()
        v = self.viewer("wait-stable", "1", "pause", "1000", wait=False)
        s.wait_for("started as alice")

        def switches():
            total = 0
            for pid in [s.process.pid] + children(s.process.pid):
                with open("/proc/%d/status" % pid) as f:
                    text = f.read()
                if "Xvfb" not in text:
                    total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", text, re.M).group(1))
            return total

        # The measure is a count in a span of time; what is asked is that some span is quiet.
        end = time.monotonic() + LIMIT
        quiet = False
        while not quiet and time.monotonic() < end:
            before, since = switches(), time.monotonic()
            select.select([], [], [], 3)
            quiet = switches() - before <= (time.monotonic() - since) + 1
        self.assertTrue(quiet, "more than one wake-up a second")
        v.kill()
        v.communicate()


if __name__ == "__main__":
    if not os.path.exists(VIEWER):
        print("vncviewer-cli is not built")
        sys.exit(77)
    unittest.main(verbosity=1)
