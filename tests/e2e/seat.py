#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seat.py -- display = auto: the service finds the desktop, and follows who leaves and who comes.

Each case has a /tmp of its own, so that the X servers in it are all that there are. logind is played by
the unit tests: here is a computer without it.
"""
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402


class Computer:
    """A mount namespace with an empty /tmp, and X servers in it."""

    def __init__(self, case):
        self.case = case
        self.root = farhand.Program(["unshare", "-m", "--propagation", "private", "sh", "-c",
                                     "mount -t tmpfs none /tmp && mkdir -m 1777 /tmp/.X11-unix && mkdir -p /run/systemd && "
                                     "mount -t tmpfs none /run/systemd && mount -t tmpfs none /usr/local/bin && echo ready && exec sleep 600"])
        case.addCleanup(self.root.stop)
        self.root.wait_line("^ready$")
        self.enter = ["nsenter", "-t", str(self.root.pid), "-m", "--"]

    def write(self, path, text, mode="644"):
        """A file there, whole at once, as logind writes its own."""
        subprocess.run([*self.enter, "sh", "-c", 'mkdir -p "$(dirname "$0")" && cat >"$0.new" && chmod "$1" "$0.new" && mv "$0.new" "$0"',
                        path, mode], input=text.encode(), check=True)

    def log_in(self, name, display, kind="x11", uid=0):
        """logind's record of a session, in front of the seat."""
        self.write(f"/run/systemd/sessions/{name}", f"UID={uid}\nUSER=root\nACTIVE=1\nIS_DISPLAY=1\nSTATE=active\nREMOTE=0\nTYPE={kind}\n"
                   f"CLASS=user\nSEAT=seat0\n" + (f"DISPLAY={display}\n" if display else ""))
        self.write("/run/systemd/seats/seat0", f"IS_SEAT0=1\nCAN_MULTI_SESSION=1\nACTIVE={name}\nACTIVE_UID={uid}\nSESSIONS={name}\nUIDS={uid}\n")

    def log_out(self):
        self.write("/run/systemd/seats/seat0", "IS_SEAT0=1\nCAN_MULTI_SESSION=1\n")

    def x_server(self, size="320x240", color="red"):
        reader, writer = os.pipe()
        server = farhand.Program([*self.enter, "Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size}x24", "-nolisten", "tcp",
                                  "-noreset"], pass_fds=(writer,), name="Xvfb")
        self.case.addCleanup(server.stop)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            server.display = ":" + pipe.readline().strip()
        subprocess.run(["xsetroot", "-solid", color], env={**farhand.ENV, "DISPLAY": server.display}, check=True)
        return server

    def serve(self, *options, ready=True):
        """A server there; its files are outside of /tmp."""
        case = self.case
        serving = farhand.Server.__new__(farhand.Server)
        serving.folder = case.outside
        serving.key, serving.users = os.path.join(case.outside, "key.pem"), os.path.join(case.outside, "users")
        serving.audit_path, serving.control = os.path.join(case.outside, "audit"), os.path.join(case.outside, "control")
        farhand.make_identity(serving.key)
        farhand.add_user(serving.users, farhand.USER, farhand.PASSWORD, "all")
        serving.program = farhand.Program(
            [*self.enter, farhand.SERVERD, "--identity", serving.key, "--users", serving.users, "--audit", serving.audit_path,
             "--blacklist", serving.audit_path + ".blacklist", "--control", serving.control, "--codes", serving.audit_path + ".codes",
             "--listen", "127.0.0.1:0", "--notice", "none", "--display", "auto", *options],
            env={**farhand.ENV, "HOME": case.outside}, name="vncserverd")
        serving.pid = serving.program.pid
        serving.port = serving.address = None
        case.addCleanup(serving.stop)
        if ready:
            serving.wait_ready()
        return serving


class Seat(farhand.Case):
    def setUp(self):
        super().setUp()
        self.outside = subprocess.run(["mktemp", "-d", "/var/tmp/farhand-seat-XXXXXX"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
        self.addCleanup(farhand.shutil.rmtree, self.outside, True)
        os.chmod(self.outside, 0o755)
        self.computer = Computer(self)

    def client(self, server):
        sock = server.connect()
        self.addCleanup(sock.close)
        fingerprint = farhand.identity(server.key)[1]
        client = session.Client(sock, session.load_key(self.viewer_key), bytes.fromhex(fingerprint))
        self.assertEqual(client.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        return client

    def capture(self, server):
        """(size, colour of the middle) as a new viewer sees it."""
        path = self.path("a.png")
        known = ["--trust", farhand.identity(server.key)[1]]
        result = self.viewer(server.address, "capture", path, options=known, trust=False)
        self.assertEqual(result.code, 0, result)
        width, height, rgb = farhand.png_pixels(path)
        at = 3 * (height // 2 * width + width // 2)
        return (width, height), tuple(rgb[at:at + 3])

    def test_the_desktop_that_is_there_is_shared(self):
        xvfb = self.computer.x_server("300x200", "#00ff00")
        server = self.computer.serve()
        self.assertEqual(self.capture(server), ((300, 200), (0, 255, 0)))
        self.assertIn(xvfb.display, farhand.ask_serverd("--display", xvfb.display, "--print-config"))

    def test_who_comes_before_the_desktop_waits_for_it(self):
        server = self.computer.serve()
        server.program.wait_line("there is no desktop to share: no X server")
        client = self.client(server)
        self.computer.x_server("300x200", "#0000ff")
        server.program.wait_line("is shared")
        client.start_rfb()
        client.picture()
        self.assertEqual((client.width, client.height), (300, 200))

    def test_sessions_outlive_log_out_and_log_in(self):
        first = self.computer.x_server("300x200", "#ff0000")
        server = self.computer.serve()
        viewer = self.start_viewer(server.address, "wait-stable", "0.1", "capture", self.path("one.png"), "pause", "600",
                                   options=["--trust", farhand.identity(server.key)[1]], trust=False)
        farhand.wait_until(lambda: os.path.exists(self.path("one.png")), "the first picture")
        said = len(server.program.lines)
        first.stop()
        server.program.wait_line("there is no desktop to share", start=said)
        viewer.wait_line("Waiting for the desktop")
        self.computer.x_server("320x260", "#00ff00")
        server.program.wait_line("is shared", start=said)
        self.assertEqual(self.capture(server), ((320, 260), (0, 255, 0)))
        self.assertTrue(viewer.is_running())
        events = [e["event"] for e in server.audit()]
        self.assertEqual(events.count("started"), 2)
        self.assertEqual(events.count("ended"), 1)  # of the one that only captured

    def test_the_same_session_sees_the_next_desktop(self):
        first = self.computer.x_server("300x200", "#ff0000")
        server = self.computer.serve()
        viewer = self.start_viewer(server.address, "wait-stable", "0.1", "capture", self.path("one.png"), "wait-change",
                                   "wait-stable", "0.5", "capture", self.path("two.png"),
                                   options=["--trust", farhand.identity(server.key)[1]], trust=False)
        farhand.wait_until(lambda: os.path.exists(self.path("one.png")), "the first picture")
        first.stop()
        server.program.wait_line("there is no desktop to share")
        self.computer.x_server("320x260", "#00ff00")
        self.assertEqual(viewer.wait(), 0, viewer.text())
        self.assertEqual(farhand.png_pixels(self.path("two.png"))[:2], (320, 260))

    def test_a_desktop_that_cannot_be_had_is_tried_again(self):
        # Somebody listens there, and says nothing that an X server would.
        odd = farhand.Program([*self.computer.enter, sys.executable, "-uc",
                               "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/tmp/.X11-unix/X777'); s.listen(); print('ready')\n"
                               "while True: s.accept()[0].close()"], name="odd")
        self.addCleanup(odd.stop)
        odd.wait_line("ready")
        server = self.computer.serve(ready=False)
        server.program.wait_line("no display :777")
        server.program.wait_line("no display :777", start=len(server.program.lines))
        self.computer.x_server("300x200", "#00ff00")  # a lower one
        server.wait_ready()
        self.assertEqual(self.capture(server)[0], (300, 200))

    def test_logind_says_whose_turn_it_is(self):
        first, second = self.computer.x_server("300x200", "#ff0000"), self.computer.x_server("320x260", "#00ff00")
        self.computer.log_in("c2", second.display)
        server = self.computer.serve()
        self.assertEqual(self.capture(server)[0], (320, 260))
        for name, display, size in (("c1", first.display, (300, 200)), ("c2", second.display, (320, 260))):
            said = len(server.program.lines)
            self.computer.log_in(name, display)  # as who switches users
            server.program.wait_line(f"{display} is shared", start=said)
            self.assertEqual(self.capture(server)[0], size)
        said = len(server.program.lines)
        self.computer.log_out()
        server.program.wait_line("there is no desktop to share: nobody's session is in front", start=said)
        self.computer.log_in("c5", None, "wayland")
        server.program.wait_line("there is no desktop to share: .*Wayland", start=said)
        self.computer.log_in("c6", None)  # GDM's, which does not tell the display
        server.program.wait_line(f"{first.display} is shared", start=said)

    def test_the_last_viewer_locks_the_session_in_front(self):
        xvfb = self.computer.x_server()
        self.computer.log_in("c2", xvfb.display)
        self.computer.write("/usr/local/bin/loginctl", f'#!/bin/sh\necho "$@" >>{self.outside}/asked\n', "755")
        server = self.computer.serve("--at-disconnect", "lock")
        self.capture(server)
        farhand.wait_until(lambda: farhand.read_text(self.outside + "/asked") == "lock-session c2\n", "the lock")

    def test_it_ends_while_it_waits(self):
        server = self.computer.serve()
        server.program.signal(signal.SIGTERM)
        self.assertEqual(server.program.wait(), 0)


if __name__ == "__main__":
    farhand.need("unshare", "nsenter", "xsetroot")
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        print("skipped: a /tmp of one's own takes root and mount namespaces")
        sys.exit(77)
    farhand.main()
