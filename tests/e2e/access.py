#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""access.py -- who may do what: users, passwords, permissions, and what the audit records of it."""
import json
import os
import re
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402


class Access(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)

    def serve(self, **more):
        return self.server(self.shared, listen=f"unix:{self.path('socket')}", **more)

    def users_file(self, *users):
        path = self.path("users")
        for name, password, permissions in users:
            farhand.add_user(path, name, password, permissions)
        return path


class Rejection(Access):
    def test_without_any_user_everyone_is_rejected(self):
        server = self.serve(users=self.path("none"))
        server.program.wait_line("every connection is rejected")
        # It does not even say who it is.
        self.fails(11, server, "info")
        self.assertEqual([e["event"] for e in server.audit()], ["refused"])

    def test_a_wrong_password_and_an_unknown_user_are_told_the_same(self):
        server = self.serve()
        wrong = self.fails(3, server, "capture", self.path("a.png"), password="not it")
        unknown = self.fails(3, server, "capture", self.path("a.png"), user="nobody")
        self.assertEqual(wrong.err, unknown.err)
        self.assertFalse(os.path.exists(self.path("a.png")))
        self.assertEqual(len([e for e in server.audit() if e["event"] == "auth-failed"]), 2)

    def test_no_password_and_nobody_to_ask(self):
        result = self.fails(3, self.serve(), "info", password=None)
        self.assertIn("--password-file", result.err)

    def test_the_password_may_come_from_a_file_or_standard_input(self):
        server = self.serve()
        with open(self.path("password"), "w", encoding="utf-8") as f:
            f.write(farhand.PASSWORD + "\nnot this\n")
        self.ok(server, "info", options=["--password-file", self.path("password")], password=None)
        self.ok(server, "info", options=["--password-file", "-"], password=None, data=farhand.PASSWORD.encode() + b"\n")

    def test_a_user_added_while_it_runs_gets_in_after_sighup_and_a_removed_one_does_not(self):
        path = self.users_file(("ben", "one", "all"))
        server = self.serve(users=path)
        self.ok(server, "info", user="ben", password="one")
        farhand.add_user(path, "cid", "two", "all")
        said = len(server.program.lines)
        server.program.signal(farhand.signal.SIGHUP)
        server.program.wait_line("(?i)users", start=said)
        self.ok(server, "info", user="cid", password="two")
        farhand.remove_user(path, "ben")
        said = len(server.program.lines)
        server.program.signal(farhand.signal.SIGHUP)
        server.program.wait_line("(?i)users", start=said)
        self.fails(3, server, "info", user="ben", password="one")

    def test_users_are_listed_and_their_file_is_private(self):
        path = self.users_file(("ben", "one", "view"), ("cid", "two", "all"))
        listed = farhand.ask_serverd("--users", path, "user", "list")
        self.assertRegex(listed, r"(?m)^ben\b.*view")
        self.assertRegex(listed, r"(?m)^cid\b")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertNotRegex(farhand.read_text(path), r"one|two")


class Permissions(Access):
    def setUp(self):
        super().setUp()
        path = self.users_file(("all", "pw", "all"), ("look", "pw", "view-only"), ("blind", "pw", "keyboard,pointer"),
                               ("type", "pw", "view,keyboard"))
        self.serving = self.serve(users=path)

    def as_user(self, code, name, *commands, **more):
        result = self.viewer(self.serving, *commands, user=name, password="pw", **more)
        self.assertEqual(result.code, code, result)
        return result

    def test_who_may_only_look_sees_and_neither_types_nor_points_nor_pastes(self):
        xev = self.shared.xev(events=("keyboard", "mouse"))
        self.addCleanup(xev.stop)
        self.as_user(0, "look", "capture", self.path("a.png"))
        self.assertEqual(farhand.png_pixels(self.path("a.png")), self.shared.picture())
        for commands in (("key", "a"), ("type", "a"), ("move", "5", "5"), ("click", "1"), ("paste", "x")):
            self.assertIn("not permitted", self.as_user(30, "look", *commands).err)
        self.assertIn("clipboard", self.as_user(30, "look", "copy").err)
        # What arrives after all that is the first thing that the program hears of.
        self.as_user(0, "all", "move", "100", "100", "key", "z")
        xev.wait_line(r"keysym 0x7a, z")
        self.assertNotRegex(xev.text(), r"keysym 0x61, a\)|ButtonPress")

    def test_who_may_not_look_gets_no_picture(self):
        for commands in (("capture", self.path("a.png")), ("wait-change",), ("wait-stable", "0.1")):
            self.assertIn("view", self.as_user(30, "blind", *commands).err)
        self.assertFalse(os.path.exists(self.path("a.png")))

    def test_the_server_itself_drops_what_is_not_permitted(self):
        """A viewer that ignores its permissions: the independent client sends everything."""
        xev = self.shared.xev(events=("keyboard", "mouse"))
        self.addCleanup(xev.stop)
        client = self.raw_client(self.serving)
        self.assertEqual(client.log_in("look", "pw")[0], session.GRANTED)
        client.start_rfb()
        client.rfb(session.key_event(0x61, True) + session.key_event(0x61, False) +
                   session.pointer_event(50, 50, 1) + session.pointer_event(50, 50, 0) + session.cut_text(b"stolen"))
        client.picture()
        self.as_user(0, "all", "move", "100", "100", "key", "z")
        xev.wait_line(r"keysym 0x7a, z")
        self.assertNotRegex(xev.text(), r"keysym 0x61, a\)|ButtonPress")
        got = farhand.subprocess.run(["xclip", "-o", "-selection", "clipboard"], env=self.shared.env,
                                     stdout=farhand.subprocess.PIPE, stderr=farhand.subprocess.PIPE)
        self.assertNotIn(b"stolen", got.stdout)

    def test_info_names_the_permissions(self):
        line = json.loads(self.as_user(0, "type", "info", options=["--json"]).out.splitlines()[0])
        self.assertEqual(set(line["permissions"].split(",")), {"view", "keyboard"})

    def test_view_only_of_the_viewer_sends_nothing(self):
        self.as_user(30, "all", "key", "a", options=["--view-only"])
        self.as_user(0, "all", "capture", self.path("a.png"), options=["--view-only"])


class Audit(Access):
    def test_a_session_leaves_one_line_an_event_with_what_it_was(self):
        server = self.serve()
        self.ok(server, "capture", self.path("a.png"))
        server.wait_audit(lambda e: e["event"] == "ended", "the end")
        events = server.audit()
        self.assertEqual([e["event"] for e in events], ["connected", "identified", "started", "ended"])
        self.assertEqual(len({e["connection"] for e in events}), 1)
        started, ended = events[2], events[3]
        self.assertEqual((started["user"], started["method"]), (farhand.USER, "cpace"))
        self.assertEqual(started["permissions"], "all")
        self.assertEqual(events[1]["fingerprint"], farhand.identity(self.viewer_key)[1])
        self.assertEqual(ended["reason"], "normal")
        self.assertGreater(ended["bytes_out"], ended["bytes_in"])
        times = [e["time"] for e in events]
        self.assertEqual(times, sorted(times))
        for time in times:
            self.assertRegex(time, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertNotIn(farhand.PASSWORD, farhand.read_text(server.audit_path))
        self.assertEqual(os.stat(server.audit_path).st_mode & 0o077, 0)

    def test_a_hostile_user_name_cannot_write_a_line_of_its_own(self):
        server = self.serve(options=["--blacklist-threshold", "100"])
        hostile = 'x"}\n{"event":"started","user":"root'
        for name in (hostile, "\x1b[2Jx", "\u202egnp.exe"):
            self.assertIn("--user", self.fails(2, server, "info", user=name).err)
            with self.assertRaises((session.fsc1.Closed, session.Ended)):  # ours do not send it, and theirs is refused
                self.raw_client(server).log_in(name, "x")
        for name in ('x"},{"event":"started', "\\", "a" * 255, "\u00e4\U0001f600"):
            self.fails(3, server, "info", user=name)
        raw = farhand.read_text(server.audit_path)
        for line in raw.splitlines():
            event = json.loads(line)
            self.assertIn(event["event"], ("service-started", "connected", "refused", "identified", "auth-failed", "ended"))
        self.assertEqual(len([e for e in server.audit() if e["event"] == "auth-failed"]), 7)
        self.assertFalse(re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", raw))
        self.assertFalse(re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", server.program.text()))


if __name__ == "__main__":
    farhand.need("xclip")
    farhand.main()
