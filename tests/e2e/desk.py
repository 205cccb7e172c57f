#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""desk.py -- the person at the shared desktop: is asked, sees who is connected, and what happens when all are gone.

Pictures of what he sees are left in the folder of the logs, for a person to look at.
"""
import ctypes
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402

CTL = os.path.join(farhand.BIN, "vncserverctl")
PROMPT = os.path.join(farhand.BIN, "vncserver-prompt")
SHOTS = os.path.join(os.path.dirname(farhand.BIN), "log", "desk")
QUESTION, STRIP = "Somebody wants to connect", "Remote session"
# Where the buttons are in the window of a question, from its left and its bottom.
FULL, VIEW, REJECT = 150, 288, 418
FROM_BOTTOM = 40


class Desk(farhand.Case):
    SIZE = "800x600"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)

    def serve(self, *options, **more):
        return self.server(self.shared, options=options, **more)

    def shoot(self, name):
        """What the screen shows now, kept for people."""
        os.makedirs(SHOTS, exist_ok=True)
        picture = self.shared.picture()
        farhand.png_write(os.path.join(SHOTS, f"{name}.png"), *picture)
        return picture

    def windows(self, name=QUESTION):
        found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", f"^{name}$"], env=self.shared.env,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.split()
        return [number.decode() for number in found]

    def wait_window(self, name=QUESTION):
        return farhand.wait_until(lambda: self.windows(name), f"the window {name}")[0]

    def wait_gone(self, name=QUESTION):
        farhand.wait_until(lambda: not self.windows(name), f"that the window {name} goes")

    def geometry(self, window):
        lines = self.shared.ask("xdotool", "getwindowgeometry", "--shell", window).decode().split()
        facts = dict(line.split("=") for line in lines)
        return [int(facts[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")]

    def click_until(self, window, x, from_bottom, condition):
        """Clicks that come too early do not count: it is clicked until something happened."""
        left, top, _, height = self.geometry(window)
        self.shared.ask("xdotool", "mousemove", str(left + x), str(top + height - from_bottom))

        def click():
            self.shared.ask("xdotool", "click", "1")
            return condition()
        farhand.wait_until(click, "that the click is heard")

    def key_until(self, keys, condition):
        """Keys count when it was quiet for a while: so it is tried with pauses in between."""
        def press():
            self.shared.ask("xdotool", "key", *keys)
            return condition() or farhand.time.sleep(0.6)
        farhand.wait_until(press, "that the keys are heard")

    def reasons(self, server):
        return [e["reason"] for e in server.audit() if e["event"] == "approval"]

    def log_in(self, server, sock=None):
        """The independent client, that waits for what the person says."""
        client = session.Client(sock, session.load_key(self.viewer_key), bytes.fromhex(self.fingerprint)) if sock \
            else self.raw_client(server)
        client.message(session.OFFER)
        client.send(session.SESSION, bytes([session.CHOOSE, session.PASSWORD_METHOD]) + session.items(
            (session.KIND_USER, farhand.USER.encode()), (session.KIND_PASSWORD, farhand.PASSWORD.encode())))
        self.assertIn(b"Waiting for the person", client.message(session.ASK)[1])
        return client

    def granted(self, client):
        """The permissions that it got; None: it was sent away."""
        try:
            result = client.message(session.RESULT)[1]
        except session.Ended:
            return None
        return int.from_bytes(result[4:8], "big") if result[0] == session.GRANTED else None

    def script(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(path, stat.S_IRWXU)
        return path


class Question(Desk):
    """The window that asks."""

    def setUp(self):
        super().setUp()
        self.serving = self.serve("--approve", "always", "--approve-timeout", "25")

    def test_each_button_says_what_is_written_on_it(self):
        for name, x, permissions in (("full", FULL, "all"), ("view", VIEW, "view"), ("reject", REJECT, None)):
            with self.subTest(name):
                client = self.log_in(self.serving)
                window = self.wait_window()
                self.shoot(f"question-{name}")
                self.click_until(window, x, FROM_BOTTOM, lambda: not self.windows())
                started = self.granted(client)
                if permissions:
                    client.start_rfb()
                    got = [e["permissions"] for e in self.serving.audit() if e["event"] == "started"][-1]
                    self.assertEqual(got, permissions)
                    client.channel.sock.close()
                else:
                    self.assertIsNone(started)
        self.assertEqual(self.reasons(self.serving), ["approved", "approved", "rejected"])

    def test_the_keyboard_is_enough_and_return_alone_rejects(self):
        for keys, is_let_in in ((("Return",), False), (("Escape",), False), (("Tab", "Return"), True),
                                (("Left", "space"), True)):
            with self.subTest(keys):
                client = self.log_in(self.serving)
                self.wait_window()
                self.key_until(keys, lambda: not self.windows())
                self.assertEqual(self.granted(client) is not None, is_let_in)
                client.channel.sock.close()

    def test_the_keyboard_is_given_back(self):
        xev = self.shared.xev(geometry="100x100+0+500")
        self.addCleanup(xev.stop)
        target = self.shared.window("xev")
        self.shared.ask("xdotool", "windowfocus", "--sync", target)
        self.log_in(self.serving)
        self.wait_window()
        self.key_until(("Escape",), lambda: not self.windows())

        def focused():
            return subprocess.run(["xdotool", "getwindowfocus", "-f"], env=self.shared.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, check=False).stdout.decode().strip()
        farhand.wait_until(lambda: focused() == target, "the focus")
        self.assertNotIn("KeyPress", xev.text())  # it may see the key come up

    def make_up(self, window, kind, detail, x=0, y=0):
        """An event by SendEvent (xdotool would use XTEST for the window that has the focus)."""
        class Event(ctypes.Structure):  # XKeyEvent, XButtonEvent: alike; an XEvent is 24 longs
            _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
                        ("window", ctypes.c_ulong), ("root", ctypes.c_ulong), ("subwindow", ctypes.c_ulong), ("time", ctypes.c_ulong),
                        ("x", ctypes.c_int), ("y", ctypes.c_int), ("x_root", ctypes.c_int), ("y_root", ctypes.c_int),
                        ("state", ctypes.c_uint), ("detail", ctypes.c_uint), ("same_screen", ctypes.c_int), ("rest", ctypes.c_long * 12)]
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x11.XOpenDisplay(self.shared.name.encode()))
        event = Event(type=kind, window=window, x=x, y=y, detail=detail, same_screen=1)
        self.assertTrue(x11.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event)))
        x11.XCloseDisplay(display)  # when it returns the server has sent it

    def test_what_other_programs_made_up_is_not_heard(self):
        client = self.log_in(self.serving)
        window = self.wait_window()
        _, _, _, height = self.geometry(window)
        for _ in range(4):
            for kind, detail in ((2, 36), (3, 36), (4, 1), (5, 1)):  # Return goes down and up, so does the button
                self.make_up(int(window), kind, detail, FULL, height - FROM_BOTTOM)
            farhand.time.sleep(0.3)
        self.assertTrue(self.windows())
        self.click_until(window, VIEW, FROM_BOTTOM, lambda: not self.windows())
        self.assertEqual(self.granted(client), 1)

    def test_no_answer_in_time_is_a_no(self):
        server = self.serve("--approve", "always", "--approve-timeout", "2")
        client = self.log_in(server)
        self.wait_window()
        self.assertIsNone(self.granted(client))
        self.wait_gone()
        self.assertEqual(self.reasons(server), ["not-answered"])

    def test_a_viewer_that_leaves_takes_the_question_with_it(self):
        client = self.log_in(self.serving)
        self.wait_window()
        client.channel.sock.close()
        self.wait_gone()
        self.assertEqual(self.reasons(self.serving), [])

    def test_the_first_answer_counts_wherever_it_is_given(self):
        with farhand.socket.socket(farhand.socket.AF_UNIX) as sock:
            sock.settimeout(farhand.PATIENCE)
            sock.connect(self.serving.control)
            lines = sock.makefile("rb")
            sock.sendall(b'{"command":"approve"}\n')
            lines.readline()
            first = self.log_in(self.serving)
            self.wait_window()
            ask = json.loads(lines.readline())["ask"]
            sock.sendall(json.dumps({"command": "answer", "id": ask["id"], "permissions": "none"}).encode() + b"\n")
            self.assertIsNone(self.granted(first))
            self.wait_gone()
            lines.readline()
            lines.readline()
            second = self.log_in(self.serving)
            window = self.wait_window()
            number = json.loads(lines.readline())["ask"]["id"]
            self.click_until(window, FULL, FROM_BOTTOM, lambda: not self.windows())
            self.assertIsNotNone(self.granted(second))
            self.assertEqual(json.loads(lines.readline()), {"withdrawn": number})
            sock.sendall(json.dumps({"command": "answer", "id": number, "permissions": "none"}).encode() + b"\n")
            self.assertEqual(json.loads(lines.readline())["error"]["code"], "no-question")
        self.assertEqual(self.reasons(self.serving), ["rejected", "approved"])

    def test_a_window_that_is_killed_is_a_no(self):
        client = self.log_in(self.serving)
        window = self.wait_window()
        self.shared.ask("xkill", "-id", window)
        self.assertIsNone(self.granted(client))
        self.assertEqual(self.reasons(self.serving), ["nobody-to-ask"])

    def test_one_window_at_a_time_and_the_next_question_after_it(self):
        clients = [self.log_in(self.serving) for _ in range(3)]
        peers = [client.channel.sock.getsockname()[1] for client in clients]
        for client, peer in zip(clients, peers):
            window = self.wait_window()
            self.assertEqual(self.windows(), [window])
            self.key_until(("Escape",), lambda: self.windows() != [window])
            self.assertIsNone(self.granted(client), peer)
        self.wait_gone()
        self.assertEqual(self.reasons(self.serving), ["rejected"] * 3)

    def test_who_is_in_does_not_let_others_in(self):
        first = self.log_in(self.serving)
        self.click_until(self.wait_window(), FULL, FROM_BOTTOM, lambda: not self.windows())
        self.assertIsNotNone(self.granted(first))
        first.start_rfb()
        first.picture()
        second = self.log_in(self.serving)
        left, top, _, height = self.geometry(self.wait_window())
        x, y = left + FULL, top + height - FROM_BOTTOM
        for _ in range(4):
            first.rfb(session.pointer_event(x, y, 0) + session.pointer_event(x, y, 1) + session.pointer_event(x, y, 0) +
                      session.key_event(0xff09, True) + session.key_event(0xff09, False) +
                      session.key_event(0xff0d, True) + session.key_event(0xff0d, False))
            first.rfb(session.update_request(0, 0, 10, 10))
            first.picture()
            farhand.time.sleep(0.3)
        self.assertTrue(self.windows())
        self.key_until(("Escape",), lambda: not self.windows())
        self.assertIsNone(self.granted(second))
        # And then it controls again.
        xev = self.shared.xev(geometry="800x600+0+0", events=("mouse",))
        self.addCleanup(xev.stop)
        first.rfb(session.pointer_event(50, 50, 1) + session.pointer_event(50, 50, 0))
        xev.wait_line("ButtonPress")

    def test_it_runs_as_the_user_of_the_desktop(self):
        if os.geteuid() != 0:
            self.skipTest("only root has several users")

        def nobody():
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        reader, writer = os.pipe()
        xvfb = farhand.Program(["Xvfb", "-displayfd", str(writer), "-screen", "0", "800x600x24", "-nolisten", "tcp",
                                "-noreset"], pass_fds=(writer,), preexec_fn=nobody)
        self.addCleanup(xvfb.stop)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            name = ":" + pipe.readline().strip()
        server = self.server(where=["--display", name], options=["--approve", "always"])
        client = self.log_in(server)

        def asking():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                text = farhand.read_text(f"/proc/{pid}/status") if os.path.exists(f"/proc/{pid}/status") else ""
                if "vncserver-promp" in text and f"\nPPid:\t{server.pid}\n" in text:
                    return text
            return None
        self.assertIn("\nUid:\t65534\t65534\t65534\t65534\n", farhand.wait_until(asking, "the program"))
        client.channel.sock.close()


class Prompt(Desk):
    """The program by itself, with names that no user store would take."""

    def prompt(self, mode="ask"):
        program = subprocess.Popen([PROMPT, mode], env=self.shared.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)

        def end():
            program.kill()
            program.wait()
            for pipe in (program.stdin, program.stdout, program.stderr):
                pipe.close()
        self.addCleanup(end)
        return program

    def ask(self, **facts):
        program = self.prompt()
        question = {"id": 4, "user": "ann", "peer": "203.0.113.7:50123", "path": "direct", "fingerprint": "ab" * 32,
                    "permissions": "all", "seconds": 25, **facts}
        program.stdin.write(json.dumps({"ask": question}).encode() + b"\n")
        program.stdin.flush()
        return program

    def end(self, program):
        program.stdin.close()
        self.assertEqual(program.wait(farhand.PATIENCE), 1)
        self.assertEqual(program.stdout.read(), b"")

    def crop(self, picture, x, y, w, h):
        width, _, rgb = picture
        return b"".join(rgb[3 * ((y + i) * width + x):3 * ((y + i) * width + x + w)] for i in range(h))

    def test_hostile_names_stay_in_their_place(self):
        buttons = None
        for name, user in (("plain", "ann"), ("bidi", "ann\u202e\u2066)rotartsinimda( nna\u2069"), ("lines", "ann\n\n\r\tFrom\b\x1b[2J"),
                           ("long", "x" * 5000), ("words", "very long name " * 100), ("marks", "e" + "\u0301\u0316" * 300),
                           ("right", "\u05d0\u05d1\u05d2 \u0627\u0644\u0645\u062f\u064a\u0631 ann"), ("quote", "ann\u201d from here")):
            with self.subTest(name):
                program = self.ask(user=user)
                window = self.wait_window()
                left, top, width, height = self.geometry(window)
                self.assertTrue(left >= 0 and top >= 0 and left + width <= 800 and top + height <= 600)
                self.shared.ask("xdotool", "mousemove", "5", "5")
                farhand.wait_until(lambda: self.crop(self.shared.picture(), left + 24, top + 5, 1, 1) == b"\x1d\x35\x57",
                                   "that it is painted")
                picture = self.shoot(f"hostile-{name}")
                # From the left edge to the labels, and the buttons, all are the same.
                here = self.crop(picture, left + 1, top + height - 64, width - 2, 62)
                buttons = buttons or here
                self.assertEqual(here, buttons)
                self.end(program)
                self.wait_gone()

    def test_a_viewer_that_may_only_look_is_not_offered_control(self):
        program = self.ask(permissions="view")
        window = self.wait_window()
        self.shoot("question-view-only")
        self.click_until(window, VIEW, FROM_BOTTOM, lambda: program.poll() is not None)
        self.assertEqual(program.stdout.read(), b"view-only\n")

    def test_questions_that_are_none_are_refused(self):
        for text in (b"\n", b"{}\n", b"[]\n", b'{"ask":7}\n', b'{"ask":{}}\n', b'{"ask":{"seconds":0,"permissions":"all"}}\n',
                     b'{"ask":{"seconds":5,"permissions":"everything"}}\n', b"\xff\n", b"x" * 200000):
            ran = subprocess.run([PROMPT, "ask"], env=self.shared.env, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 timeout=farhand.PATIENCE, check=False)
            self.assertEqual((ran.returncode, ran.stdout), (2, b""), text[:60])

    def test_no_display_is_said(self):
        env = {**self.shared.env, "DISPLAY": ":9999"}
        ran = subprocess.run([PROMPT, "notice"], env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             timeout=farhand.PATIENCE, check=False)
        self.assertEqual(ran.returncode, 3)
        self.assertIn(b"no display", ran.stderr)

    def test_usage(self):
        for words, code in (([], 2), (["nonsense"], 2), (["ask", "more"], 2), (["--help"], 0), (["--version"], 0)):
            ran = subprocess.run([PROMPT, *words], env=farhand.ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, timeout=farhand.PATIENCE, check=False)
            self.assertEqual(ran.returncode, code, words)

    def test_it_is_kept_above_others_and_large_where_the_fonts_are(self):
        self.shared.ask("xrdb", "-merge", data=b"Xft.dpi: 144\n")
        self.addCleanup(lambda: self.shared.ask("xrdb", "-remove"))
        program = self.ask()
        left, top, width, height = self.geometry(self.wait_window())
        self.assertGreater(width, 740)
        xev = self.shared.xev(geometry="800x600+0+0")
        self.addCleanup(xev.stop)
        farhand.wait_until(lambda: self.crop(self.shared.picture(), left + 24, top + 5, 1, 1) == b"\x1d\x35\x57", "that it is above")
        self.shoot("question-large")
        self.end(program)


class Program(Desk):
    """A program of the administrator's is asked."""

    def test_it_is_told_all_and_answers_with_a_line(self):
        command = self.script("ask", f'read -r line; echo "$line" >{self.path("told")}; echo "$1"\n')
        server = self.serve("--approve", "always", "--approve-dialog", "no", "--approve-command", f"{command} view,keyboard")
        self.assertEqual(self.granted(self.log_in(server)), 3)
        with open(self.path("told"), encoding="utf-8") as f:
            ask = json.load(f)["ask"]
        self.assertEqual((ask["user"], ask["path"], ask["seconds"]), (farhand.USER, "direct", 10))
        self.assertEqual(ask["fingerprint"], farhand.identity(self.viewer_key)[1])

    def test_or_by_how_it_ends(self):
        for code, is_let_in, reason in ((0, True, "approved"), (1, False, "rejected"), (127, False, "nobody-to-ask")):
            command = self.script(f"exit-{code}", f"exit {code}\n")
            server = self.serve("--approve", "always", "--approve-dialog", "no", "--approve-command", command)
            self.assertEqual(self.granted(self.log_in(server)) is not None, is_let_in)
            self.assertEqual(self.reasons(server), [reason])

    def test_one_that_cannot_be_started_is_nobody(self):
        server = self.serve("--approve", "always", "--approve-dialog", "no", "--approve-command", "/nonexistent/program")
        self.assertIsNone(self.granted(self.log_in(server)))
        server.program.wait_line("/nonexistent/program: No such file")
        self.assertEqual(self.reasons(server), ["nobody-to-ask"])

    def test_nonsense_is_no_answer(self):
        command = self.script("ask", "echo everything; echo; head -c 1024 /dev/zero | tr '\\0' x; echo all\n")
        server = self.serve("--approve", "always", "--approve-dialog", "no", "--approve-command", command)
        self.assertIsNone(self.granted(self.log_in(server)))
        server.program.wait_line("everything.* is no answer")
        self.assertEqual(self.reasons(server), ["nobody-to-ask"])

    def test_it_is_ended_when_the_answer_is_not_wanted_any_more(self):
        command = self.script("ask", f'echo $$ >{self.path("pid")}; cat >/dev/null; printf "done\\n" >{self.path("done")}\n')
        stubborn = self.script("stubborn", f"trap '' TERM; echo $$ >{self.path('pid2')}; while :; do sleep 1; done\n")
        for script, pid_file in ((command, "pid"), (stubborn, "pid2")):
            server = self.serve("--approve", "always", "--approve-dialog", "no", "--approve-command", script)
            client = self.log_in(server)
            pid = int(farhand.wait_until(lambda: farhand.read_text(self.path(pid_file)), "the program"))
            client.channel.sock.close()
            farhand.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "its end")
        self.assertEqual(farhand.read_text(self.path("done")), "done\n")


class Presence(Desk):
    def presence(self, idle):
        return subprocess.run([PROMPT, "presence"], env=self.shared.env, input=json.dumps({"idle": idle}).encode() + b"\n",
                              stdout=subprocess.PIPE, timeout=farhand.PATIENCE, check=True).stdout.decode().strip()

    def test_he_is_asked_while_he_is_there(self):
        server = self.serve("--approve", "present", "--approve-idle", "600")
        self.shared.ask("xdotool", "mousemove", "7", "7")
        client = self.log_in(server)
        self.click_until(self.wait_window(), VIEW, FROM_BOTTOM, lambda: not self.windows())
        self.assertEqual(self.granted(client), 1)
        self.assertEqual(self.reasons(server), ["approved"])

    def test_and_not_while_nobody_is(self):
        server = self.serve("--approve", "present", "--approve-idle", "1")
        farhand.wait_until(lambda: self.presence(1) == "absent", "that nobody is there")
        self.assertIsNotNone(self.granted(self.log_in(server)))
        self.assertEqual(self.reasons(server), ["nobody-present"])

    def test_a_rule_that_asks_asks_all_the_same(self):
        server = self.serve("--approve", "present", "--approve-idle", "1", "--filter", "? 127.0.0.1")
        farhand.wait_until(lambda: self.presence(1) == "absent", "that nobody is there")
        client = self.log_in(server)
        self.wait_window()
        self.key_until(("Escape",), lambda: not self.windows())
        self.assertIsNone(self.granted(client))

    def test_nobody_sits_at_a_virtual_desktop(self):
        server = self.server(where=["--virtual", "640x480"], options=["--approve", "present"])
        self.assertIsNotNone(self.granted(self.log_in(server)))
        self.assertEqual(self.reasons(server), ["nobody-present"])


class Notice(Desk):
    def join(self, server):
        client = self.raw_client(server)
        self.assertEqual(client.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        client.start_rfb()
        client.picture()
        return client

    def test_a_strip_says_who_is_there_and_disconnects(self):
        server = self.serve("--notice", "window")
        client = self.join(server)
        window = self.wait_window(STRIP)
        self.shoot("notice-one")
        self.join(server)
        self.shoot("notice-two")
        ended = lambda: [e for e in server.audit() if e["event"] == "ended"]  # noqa: E731
        _, _, width, _ = self.geometry(window)
        self.click_until(window, width - 40, 18, ended)
        self.assertEqual(ended()[0]["reason"], "server")
        with self.assertRaises(session.Ended):
            client.drain()
            raise session.Ended
        self.wait_gone(STRIP)

    def test_the_farewell_does_not_hold_up_the_next(self):
        server = self.serve("--notice", "window")
        self.join(server).channel.sock.close()
        server.wait_audit(lambda e: e["event"] == "ended", "the end")
        self.shoot("notice-farewell")
        again = self.join(server)
        self.wait_window(STRIP)
        server.program.signal(signal.SIGTERM)
        self.wait_gone(STRIP)
        again.channel.sock.close()
        self.assertEqual(server.program.wait(), 0)

    def test_a_program_is_told_of_each_change(self):
        command = self.script("notice", f'cat >{self.path("told")}\n')
        server = self.serve("--notice", "command", "--notice-command", command)
        client = self.join(server)
        subprocess.run([CTL, "--socket", server.control, "permissions", "all", "view"], env=farhand.ENV, check=True)
        client.channel.sock.close()
        lines = farhand.wait_until(lambda: len(farhand.read_text(self.path("told")).splitlines()) == 3 and
                                   farhand.read_text(self.path("told")).splitlines(), "three lines")
        told = [[(s["user"], s["permissions"]) for s in json.loads(line)["sessions"]] for line in lines]
        self.assertEqual(told, [[(farhand.USER, "all")], [(farhand.USER, "view")], []])

    def test_one_that_does_not_read_is_ended_and_another_begins(self):
        """Else each change would wait for it in the service's memory."""
        command = self.script("notice", f'echo $$ >>{self.path("pids")}\nexec sleep 3600\n')
        server = self.serve("--notice", "command", "--notice-command", command)
        self.join(server)
        pids = lambda: farhand.read_text(self.path("pids")).split()  # noqa: E731
        farhand.wait_until(pids, "the notice")
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(server.control)
            lines = control.makefile("rw", encoding="utf-8")

            def change():
                for which in ("view", "all"):
                    for _ in range(50):
                        lines.write(json.dumps({"command": "permissions", "session": "all", "permissions": which}) + "\n")
                    lines.flush()
                    for _ in range(50):
                        lines.readline()
                return len(pids()) > 1

            farhand.wait_until(change, "another")
        self.assertFalse(os.path.exists(f"/proc/{pids()[0]}"))

    def test_a_program_may_disconnect(self):
        command = self.script("notice", f"read -r line; until [ -e {self.path('go')} ]; do sleep 0.05; done; echo disconnect; "
                              "cat >/dev/null\n")
        server = self.serve("--notice", "command", "--notice-command", command)
        self.join(server)
        with open(self.path("go"), "w", encoding="utf-8"):
            pass
        self.assertEqual(server.wait_audit(lambda e: e["event"] == "ended", "the end")["reason"], "server")

    def test_notifications_of_the_desktop(self):
        if not shutil.which("dbus-daemon") or not shutil.which("dbus-monitor"):
            self.skipTest("dbus is not installed")
        bus = farhand.Program(["dbus-daemon", "--session", "--nofork", "--print-address", f"--address=unix:dir={self.place_for_bus()}"])
        self.addCleanup(bus.stop)
        address = bus.wait_line("^(unix:.*)$").group(1)
        env = {**farhand.ENV, "HOME": self.folder, "DBUS_SESSION_BUS_ADDRESS": address}
        monitor = farhand.Program(["stdbuf", "-oL", "dbus-monitor", "--address", address, "interface='org.freedesktop.Notifications'"], env=env)
        self.addCleanup(monitor.stop)
        monitor.wait_line("NameAcquired|NameLost")
        server = self.serve("--notice", "notify", env=env)
        client = self.join(server)
        monitor.wait_line("member=Notify")
        monitor.wait_line(f'string "\u201c{farhand.USER}\u201d is controlling this desktop"')
        client.channel.sock.close()
        monitor.wait_line("Nobody is connected to this desktop any more")

    def place_for_bus(self):
        os.makedirs(self.path("bus"), exist_ok=True)
        return self.path("bus")

    def test_another_notice_is_taken_without_a_restart(self):
        with open(self.path("conf"), "w", encoding="utf-8") as f:
            f.write("notice = window\n")
        server = farhand.Server(self.place, ["--display", self.shared.name], self.key, ["--config", self.path("conf")],
                                users=self.users, notice=None)
        self.addCleanup(server.stop)
        self.join(server)
        self.wait_window(STRIP)
        with open(self.path("conf"), "w", encoding="utf-8") as f:
            f.write("notice = none\n")
        server.program.signal(signal.SIGHUP)
        self.wait_gone(STRIP)


class Leaving(Desk):
    join = Notice.join

    def test_the_last_one_locks(self):
        command = self.script("lock", f'echo "$1" >>{self.path("locked")}\n')
        server = self.serve("--at-disconnect", "lock", "--lock-command", f"{command} now")
        first, second = self.join(server), self.join(server)
        first.channel.sock.close()
        server.wait_audit(lambda e: e["event"] == "ended", "the end of one")
        self.assertFalse(os.path.exists(self.path("locked")))
        second.channel.sock.close()
        farhand.wait_until(lambda: farhand.read_text(self.path("locked")) == "now\n", "the lock")

    def test_or_logs_out_also_when_the_service_ends(self):
        command = self.script("logout", f'echo out >{self.path("out")}\n')
        server = self.serve("--at-disconnect", "logout", "--logout-command", command)
        client = self.join(server)
        server.program.signal(signal.SIGTERM)
        server.program.wait_line("the desktop is logged out")
        client.channel.sock.close()
        self.assertEqual(server.program.wait(), 0)
        self.assertEqual(farhand.read_text(self.path("out")), "out\n")

    def test_without_logind_and_without_a_program_it_is_complained_of(self):
        server = self.serve("--at-disconnect", "lock")
        self.join(server).channel.sock.close()
        server.program.wait_line("lock-command says how")


if __name__ == "__main__":
    farhand.need("xrdb", "xkill")
    farhand.main()
