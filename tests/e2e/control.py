#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""control.py -- who sits at the shared computer stays in charge: vncserverctl and its socket."""
import json
import os
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402

CTL = os.path.join(farhand.BIN, "vncserverctl")


class Control(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)

    def setUp(self):
        super().setUp()
        self.serving = self.server(self.shared)

    def ctl(self, *words, code=0, **more):
        ran = subprocess.run([CTL, "--socket", self.serving.control, *words], env=farhand.ENV, check=False,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             timeout=farhand.PATIENCE, **more)
        farhand.accuse("vncserverctl", ran.stderr.decode())
        self.assertEqual(ran.returncode, code, ran)
        return ran.stdout.decode() if code == 0 else ran.stderr.decode()

    def sessions(self):
        return json.loads(self.ctl("--json", "list"))["sessions"]

    def join(self):
        """The independent client, with a picture."""
        client = self.raw_client(self.serving)
        self.assertEqual(client.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        client.start_rfb()
        client.picture()
        return client

    def raw(self):
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.settimeout(farhand.PATIENCE)
        sock.connect(self.serving.control)
        return sock

    def ask(self, sock, data):
        sock.sendall(data)
        return json.loads(sock.makefile("rb").readline())


class Sessions(Control):
    def test_nobody_is_there_at_first(self):
        self.assertIn("no sessions", self.ctl("list"))
        self.assertEqual(self.sessions(), [])
        self.assertIn("no such session", self.ctl("disconnect", "1", code=4))

    def test_a_session_is_listed_with_what_the_audit_calls_it(self):
        self.join()
        one, = self.sessions()
        started = self.serving.wait_audit(lambda e: e["event"] == "started", "the record")
        self.assertEqual((one["session"], one["id"], one["user"]),
                         (started["connection"], started["session"], farhand.USER))
        self.assertEqual(one["permissions"], "all")
        self.assertRegex(self.ctl("list"), rf"(?m)^ +{one['session']} +\d+ +{farhand.USER} +127\.0\.0\.1:\d+ +all$")

    def test_one_is_disconnected_and_the_other_stays(self):
        first, second = self.join(), self.join()
        one, two = sorted(s["session"] for s in self.sessions())
        self.ctl("disconnect", str(one))
        with self.assertRaises(session.Ended):
            first.drain()
            raise session.Ended
        ended = self.serving.wait_audit(lambda e: e["event"] == "ended", "the record")
        self.assertEqual((ended["connection"], ended["reason"]), (one, "server"))
        self.assertEqual([s["session"] for s in self.sessions()], [two])
        second.picture()
        self.ctl("disconnect", "all")
        farhand.wait_until(lambda: self.sessions() == [], "the end of all")


class Permissions(Control):
    def wait_permissions(self, client, expected):
        while True:
            _, body = client.message(session.PERMISSIONS)
            if int.from_bytes(body[:4], "big") == expected:
                return

    def test_a_change_in_mid_drag_is_felt_at_once(self):
        xev = self.shared.xev(events=("keyboard", "mouse"))
        self.addCleanup(xev.stop)
        client = self.join()
        client.rfb(session.pointer_event(50, 50, 0) + session.pointer_event(50, 50, 1) + session.key_event(0x61, True))
        xev.wait_line("ButtonPress")
        xev.wait_line(r"keysym 0x61, a\)")
        self.ctl("permissions", "all", "view")
        # What it holds is let go of; what it goes on sending is heard by nobody.
        xev.wait_line("ButtonRelease")
        xev.wait_line("KeyRelease")
        self.wait_permissions(client, 1)
        said = len(xev.lines)
        client.rfb(session.pointer_event(60, 60, 1) + session.pointer_event(60, 60, 0) + session.key_event(0x62, True) +
                   session.key_event(0x62, False) + session.cut_text(b"stolen"))
        client.picture()
        self.ctl("permissions", "all", "all")
        self.wait_permissions(client, 0x7ff)
        client.rfb(session.key_event(0x7a, True) + session.key_event(0x7a, False))
        xev.wait_line(r"keysym 0x7a, z\)", start=said)
        self.assertNotRegex("\n".join(xev.lines[said:]), r"ButtonPress|keysym 0x62, b\)")
        changed = [e["permissions"] for e in self.serving.audit() if e["event"] == "permissions-changed"]
        self.assertEqual(changed, ["view", "all"])

    def test_paused_nobody_sees_anything_and_who_comes_waits(self):
        client = self.join()
        self.ctl("pause")
        self.assertIn("paused", self.ctl("list"))
        self.wait_permissions(client, 0)
        late = self.raw_client(self.serving)
        self.assertEqual(late.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        self.wait_permissions(late, 0)
        self.assertIn("view", self.fails(30, self.serving, "capture", self.path("late.png")).err)
        self.ctl("resume")
        self.wait_permissions(client, 0x7ff)
        self.wait_permissions(late, 0x7ff)
        client.picture()

    def test_a_list_that_is_none_is_refused(self):
        self.join()
        self.assertIn("permissions: expected", self.ctl("permissions", "all", "everything", code=2))


class Watching(Control):
    def test_events_come_as_they_happen(self):
        watcher = farhand.Program([CTL, "--socket", self.serving.control, "watch"])
        self.addCleanup(watcher.stop)
        # What it says depends on whether it watches yet: try until it does.
        farhand.wait_until(lambda: self.ok(self.serving, "info") and watcher.lines, "the first event")
        end = json.loads(watcher.wait_line('"event":"ended"').string)
        self.assertEqual(end["user"], farhand.USER)
        self.serving.stop()
        self.assertEqual(watcher.wait(), 3)

    def test_who_does_not_read_is_let_go_of_and_disturbs_nobody(self):
        sock = self.raw()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.assertEqual(self.ask(sock, b'{"command":"watch"}\n'), {"watching": True})
        # Requests cost answers as well: it asks and asks, and reads nothing.
        sock.setblocking(False)
        line, asked = b'{"command":"nonsense"}\n' * 100, 0

        def is_cut():
            nonlocal asked
            try:
                asked += sock.send(line)
            except BlockingIOError:
                return False
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False
        farhand.wait_until(is_cut, "that it is let go of")
        self.assertIn("no sessions", self.ctl("list"))


class Hostile(Control):
    def test_what_is_no_request_is_told_so(self):
        sock = self.raw()
        for data in (b"\n", b"list\n", b"[]\n", b"{}\n", b'{"command":7}\n', b'{"command":"list","command":"pause"}\n',
                     b'{"command":"disconnect"}\n', b'{"command":"disconnect","session":-1}\n',
                     b'{"command":"disconnect","session":"me"}\n', b'{"command":"permissions","session":"all"}\n',
                     b'{"command":"forgive","address":"example.org"}\n', b'{"command":"forgive"}\n', b"\xff\xfe\0\n"):
            self.assertEqual(self.ask(sock, data)["error"]["code"], "usage", data)

    def test_a_line_without_an_end_is_cut_off(self):
        sock = self.raw()
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            sock.sendall(b"x" * 4096)
            if sock.recv(1) == b"":
                raise BrokenPipeError
        self.assertIn("no sessions", self.ctl("list"))

    def test_only_so_many_at_a_time(self):
        socks = [self.raw() for _ in range(40)]
        served = 0
        for sock in socks:
            try:
                served += "sessions" in self.ask(sock, b'{"command":"list"}\n')
            except (ConnectionError, ValueError):
                pass
        self.assertEqual(served, 16)

    def test_other_users_are_not_listened_to(self):
        self.assertEqual(os.stat(self.serving.control).st_mode & 0o777, 0o600)
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        # Even where the socket's mode would let them in.
        os.chmod(self.serving.control, 0o666)
        for folder in (self.folder, self.place, self.serving.folder):
            os.chmod(folder, 0o711)

        def nobody():
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        with tempfile.TemporaryDirectory() as cwd:
            self.ctl("pause", code=3, preexec_fn=nobody, cwd=cwd)
        self.serving.program.wait_line("control: the user with number 65534 was refused")
        self.assertNotIn("paused", self.ctl("list"))

    def test_a_second_service_does_not_take_the_socket_and_a_dead_one_is_replaced(self):
        second = self.server(self.shared, options=["--control", self.serving.control], ready=False)
        second.program.wait_line("no control socket: .*in use")
        self.assertEqual(second.program.wait(), 10)
        self.serving.program.signal(farhand.signal.SIGKILL)
        self.serving.program.wait()
        third = self.server(self.shared, options=["--control", self.serving.control])
        self.assertIn("no sessions", self.ctl("list"))
        third.stop()
        self.assertFalse(os.path.exists(self.serving.control))


class Forgiving(Control):
    def test_an_operator_forgives(self):
        for _ in range(2):
            self.fails(3, self.serving, "info", password="not it")
            self.viewer(self.serving, "info", password="not it")
        self.viewer(self.serving, "info", password="not it")
        self.fails(10, self.serving, "info")
        self.assertEqual(self.ctl("forgive", "address", "127.0.0.1"), "1 forgiven\n")
        self.assertEqual(self.ctl("forgive", "user", farhand.USER), "1 forgiven\n")
        self.assertEqual(self.ctl("forgive", "address", "127.0.0.1"), "0 forgiven\n")
        self.ok(self.serving, "info")


class CommandLine(Control):
    def test_usage(self):
        for words in ((), ("nonsense",), ("disconnect",), ("list", "more"), ("forgive", "city", "x"), ("--nonsense",)):
            self.ctl(*words, code=2)
        self.assertIn("Usage", self.ctl("--help"))
        self.assertRegex(self.ctl("--version"), r"^vncserverctl \d+\.\d+\.\d+\n$")

    def test_no_service(self):
        self.serving.stop()
        self.assertIn("No such file", self.ctl("list", code=3))


if __name__ == "__main__":
    farhand.main()
