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

    def clipboard(self):
        return subprocess.run(["xclip", "-o", "-selection", "clipboard"], env=self.shared.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False).stdout.decode()

    def test_the_clipboard_goes_one_way_where_that_is_granted(self):
        client = self.join()
        self.ctl("permissions", "all", "view,clipboard-in")
        self.wait_permissions(client, 0x801)
        client.rfb(session.cut_text(b"in"))
        farhand.wait_until(lambda: self.clipboard() == "in", "the text on the desktop")
        self.ctl("permissions", "all", "view,clipboard-out,keyboard")
        self.wait_permissions(client, 0x1003)
        xev = self.shared.xev()
        self.addCleanup(xev.stop)
        client.rfb(session.cut_text(b"stolen") + session.key_event(0x7a, True) + session.key_event(0x7a, False))
        xev.wait_line(r"keysym 0x7a, z\)")
        self.assertEqual(self.clipboard(), "in")
        owner = self.shared.run("xclip", "-quiet", "-i", "-selection", "clipboard", stdin=subprocess.PIPE)
        self.addCleanup(owner.stop)
        owner.process.stdin.write(b"out")
        owner.process.stdin.close()
        farhand.wait_until(lambda: self.clipboard() == "out", "another owner")
        while client.text() != b"out":
            pass

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


class Approval(Control):
    """The person at the desktop is asked, and answers on the socket."""

    def setUp(self):
        super().setUp()
        self.serving = self.server(self.shared, options=["--approve", "always", "--approve-dialog", "no"])

    def approver(self):
        sock = self.raw()
        lines = sock.makefile("rb")
        sock.sendall(b'{"command":"approve"}\n')
        self.assertEqual(json.loads(lines.readline()), {"approving": True})
        return sock, lines

    def log_in_unanswered(self, client):
        client.message(session.OFFER)
        client.send(session.SESSION, bytes([session.CHOOSE, session.PASSWORD_METHOD]) + session.items(
            (session.KIND_USER, farhand.USER.encode()), (session.KIND_PASSWORD, farhand.PASSWORD.encode())))
        self.assertIn(b"Waiting for the person", client.message(session.ASK)[1])
        return client

    def join_unanswered(self):
        return self.log_in_unanswered(self.raw_client(self.serving))

    def answer(self, sock, lines, number, permissions):
        """The reply; lines of questions that are settled meanwhile stand between."""
        sock.sendall(json.dumps({"command": "answer", "id": number, "permissions": permissions}).encode() + b"\n")
        while True:
            reply = json.loads(lines.readline())
            if "withdrawn" not in reply:
                return reply

    def reasons(self):
        return [e["reason"] for e in self.serving.audit() if e["event"] == "approval"]

    def test_while_nobody_answers_everyone_is_rejected(self):
        self.fails(3, self.serving, "capture", self.path("a.png"))
        self.assertEqual(self.reasons(), ["nobody-to-ask"])
        self.assertNotIn("started", [e["event"] for e in self.serving.audit()])

    def test_yes_lets_in_and_is_asked_with_the_facts(self):
        sock, lines = self.approver()
        client = self.join_unanswered()
        ask = json.loads(lines.readline())["ask"]
        self.assertEqual((ask["user"], ask["path"], ask["permissions"]), (farhand.USER, "direct", "all"))
        self.assertRegex(ask["peer"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(ask["fingerprint"], farhand.identity(self.viewer_key)[1])
        self.assertEqual(self.answer(sock, lines, ask["id"], "all"), {"answered": ask["id"]})
        self.assertEqual(client.message(session.RESULT)[1][0], session.GRANTED)
        client.start_rfb()
        client.picture()
        # A second answer finds no question.
        self.assertEqual(self.answer(sock, lines, ask["id"], "none")["error"]["code"], "no-question")
        self.assertEqual(len(self.sessions()), 1)
        self.assertEqual(self.reasons(), ["approved"])

    def test_view_only_caps_and_no_rejects(self):
        sock, lines = self.approver()
        client = self.join_unanswered()
        self.answer(sock, lines, json.loads(lines.readline())["ask"]["id"], "view-only")
        result = client.message(session.RESULT)[1]
        self.assertEqual((result[0], int.from_bytes(result[4:8], "big")), (session.GRANTED, 1))
        client = self.join_unanswered()
        self.answer(sock, lines, json.loads(lines.readline())["ask"]["id"], "none")
        with self.assertRaises(session.Ended):
            client.message(session.RESULT)
        self.assertEqual(self.reasons(), ["approved", "rejected"])

    def test_no_answer_in_time_is_a_no(self):
        self.serving = self.server(self.shared, options=["--approve", "always", "--approve-dialog", "no",
                                                          "--approve-timeout", "1"])
        _, lines = self.approver()
        client = self.join_unanswered()
        number = json.loads(lines.readline())["ask"]["id"]
        with self.assertRaises(session.Ended):
            client.message(session.RESULT)
        self.assertEqual(json.loads(lines.readline()), {"withdrawn": number})
        self.assertEqual(self.reasons(), ["not-answered"])

    def test_a_viewer_that_leaves_meanwhile_withdraws_the_question(self):
        sock, lines = self.approver()
        client = self.join_unanswered()
        number = json.loads(lines.readline())["ask"]["id"]
        client.channel.sock.close()
        self.assertEqual(json.loads(lines.readline()), {"withdrawn": number})
        self.assertEqual(self.answer(sock, lines, number, "all")["error"]["code"], "no-question")
        self.assertEqual(self.sessions(), [])

    def test_an_approver_that_leaves_is_a_no(self):
        sock, lines = self.approver()
        client = self.join_unanswered()
        lines.readline()
        lines.close()
        sock.close()
        with self.assertRaises(session.Ended):
            client.message(session.RESULT)
        self.assertEqual(self.reasons(), ["nobody-to-ask"])

    def test_only_whom_the_filter_asks_about_and_never_with_a_wrong_password(self):
        self.serving = self.server(self.shared, options=["--approve-dialog", "no", "--filter", "? 127.0.0.2",
                                                          "--filter", "+ 127.0.0.1"])
        self.ok(self.serving, "info")
        _, lines = self.approver()
        key, expected = session.load_key(self.viewer_key), bytes.fromhex(self.fingerprint)
        socks = [self.serving.connect("127.0.0.2") for _ in range(2)]
        for sock in socks:
            self.addCleanup(sock.close)
        wrong = session.Client(socks[0], key, expected)
        self.assertEqual(wrong.log_in(farhand.USER, "not it")[0], session.TRY_AGAIN)
        self.log_in_unanswered(session.Client(socks[1], key, expected))
        # The first question is about the right one.
        self.assertEqual(json.loads(lines.readline())["ask"]["id"], 1)

    def test_the_terminal_asks_and_takes_letters(self):
        asking, answers = os.pipe()
        person = farhand.Program([CTL, "--socket", self.serving.control, "approve"], stdin=asking)
        self.addCleanup(person.stop)
        os.close(asking)
        person.wait_line("Waiting for viewers")
        client = self.join_unanswered()
        person.wait_line("would get +all")
        self.assertIn(farhand.identity(self.viewer_key)[0], person.text())
        os.write(answers, b"what\nv\n")
        result = client.message(session.RESULT)[1]
        self.assertEqual((result[0], int.from_bytes(result[4:8], "big")), (session.GRANTED, 1))
        person.wait_line("settled")
        os.close(answers)
        self.assertEqual(person.wait(), 0)

    def test_a_program_answers_by_number(self):
        asking, answers = os.pipe()
        program = farhand.Program([CTL, "--socket", self.serving.control, "--json", "approve"], stdin=asking)
        self.addCleanup(program.stop)
        os.close(asking)
        program.wait_line('"approving":true')
        first, second = self.join_unanswered(), self.join_unanswered()
        ids = [json.loads(program.wait_line(f'"id":{n}[,}}]').string)["ask"]["id"] for n in (1, 2)]
        os.write(answers, f"nonsense\n{ids[1]} none\n{ids[0]} view,keyboard\n".encode())
        with self.assertRaises(session.Ended):
            second.message(session.RESULT)
        self.assertEqual(int.from_bytes(first.message(session.RESULT)[1][4:8], "big"), 3)
        os.close(answers)
        self.assertEqual(program.wait(), 0)


class Telling(Control):
    def test_a_message_is_shown_to_the_viewer(self):
        viewer = self.start_viewer(self.serving, "pause", "600")
        one = farhand.wait_until(self.sessions, "the session")[0]["session"]
        self.ctl("message", str(one), "Lunch \u2615 at\nnoon")
        viewer.wait_line("Lunch \u2615 at")
        self.ctl("message", "all", "Again")
        viewer.wait_line("Again")
        self.ctl("message", "999", "nobody", code=4)
        self.ctl("message", "all", "", code=2)

    def test_json_is_printed_for_errors_as_well(self):
        ran = subprocess.run([CTL, "--socket", self.serving.control, "--json", "disconnect", "7"], env=farhand.ENV, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(ran.returncode, 4)
        self.assertEqual(json.loads(ran.stdout)["error"]["code"], "no-session")
        for words in (["pause"], ["resume"], ["list"], ["forgive", "user", "x"], ["reload"]):
            self.assertIsInstance(json.loads(self.ctl("--json", *words)), dict)


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
