#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The credentials that clients are given, at the real coturn with use-auth-secret: good, expired, and of another secret."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

TOOL = os.path.join(os.path.dirname(os.environ["FARHAND_BIN"]), "daemons/vnccloudd/tests/turn_rest")
SECRET = "north wind, north wind"


def credentials(secret, seconds):
    return subprocess.run([TOOL, secret, str(seconds)], capture_output=True, text=True, check=True).stdout.split()


def allocate(port, secret, seconds):
    """Does coturn give an address for them, and carry a message?"""
    user, password = credentials(secret, seconds)
    ret = subprocess.run(["turnutils_uclient", "-p", str(port), "-u", user, "-w", password, "-y", "-c", "-n", "1", "-m", "1",
                          "-l", "100", "127.0.0.1"], capture_output=True, text=True, timeout=60)
    return ret.returncode == 0 and "tot_recv_msgs=" in ret.stdout + ret.stderr, ret.stdout + ret.stderr


def udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until_it_answers(port, server):
    request = bytes.fromhex("000100002112a442") + b"twelve bytes"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", port))
        s.settimeout(0.2)
        for _ in range(100):
            if server.poll() is not None:
                sys.exit("coturn ended")
            try:
                s.send(request)
                s.recv(100)
                return
            except OSError:
                time.sleep(0.05)
    sys.exit("coturn does not answer")


def main():
    if not shutil.which("turnserver") or not shutil.which("turnutils_uclient"):
        print("coturn is not installed (scripts/install-deps test)")
        sys.exit(77)
    folder, port = tempfile.mkdtemp(prefix="test-turn-"), udp_port()
    server = subprocess.Popen(["turnserver", "-n", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", str(port), "-r", "turn.test", "--no-cli",
                               "--no-tls", "--no-dtls", "--allow-loopback-peers", "--use-auth-secret",
                               "--static-auth-secret=" + SECRET, "--log-file", folder + "/log", "--simple-log",
                               "--pidfile", folder + "/pid", "--userdb", folder + "/db"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_it_answers(port, server)
        for what, secret, seconds, expected in (("good for an hour", SECRET, 3600, True), ("expired a minute ago", SECRET, -60, False),
                                                ("of another secret", SECRET + ".", 3600, False)):
            done, said = allocate(port, secret, seconds)
            print(what + ":", "taken" if done else "refused")
            if done != expected:
                sys.exit(said)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
