#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""auth_pam.py -- PAM decides: the system's own, with its pam_unix and a user that is made for the test.

It needs root, and is skipped without. A module of ours (tests/support/pam_ask.c) asks and says what no other does.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import auth  # noqa: E402
import farhand  # noqa: E402
import session  # noqa: E402

fsc1 = session.fsc1
is_alive, lines_of = auth.is_alive, auth.lines_of


PAM_USER = f"fhtest{os.getpid()}"


def build_module(folder):
    """The path of pam_ask.so; None: there is no compiler or no header."""
    source, out = os.path.join(farhand.TOP, "tests/support/pam_ask.c"), os.path.join(folder, "pam_ask.so")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        return None
    ran = subprocess.run([compiler, "-shared", "-fPIC", "-o", out, source, "-lpam"], stderr=subprocess.PIPE)
    return out if ran.returncode == 0 else None


class Pam(auth.Auth):
    services = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.module = build_module(cls.folder)
        subprocess.run(["useradd", "-M", "-N", "-s", "/bin/false", PAM_USER], check=True, stdout=subprocess.DEVNULL)
        cls.addClassCleanup(subprocess.run, ["userdel", PAM_USER], stderr=subprocess.DEVNULL)
        subprocess.run(["chpasswd"], input=f"{PAM_USER}:right\n".encode(), check=True)

    def setUp(self):
        super().setUp()
        self.command("user", "add", "*")

    def service(self, *lines):
        Pam.services += 1
        name = f"farhand-test-{os.getpid()}-{Pam.services}"
        path = os.path.join("/etc/pam.d", name)
        with open(path, "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))
        self.addCleanup(os.unlink, path)
        return name

    def with_pam(self, *lines, options=(), **more):
        return self.serve("--auth", "pam", "--pam-service", self.service(*lines), "--blacklist-threshold", "100", *options,
                          **more)

    def with_unix(self, session_line="session required pam_permit.so"):
        with open(farhand.SERVERD, "rb") as f:
            if b"__asan_init" in f.read():
                self.skipTest("a sanitizer's crypt() does not find that of pam_unix")
        return self.with_pam("auth required pam_unix.so nodelay", "account required pam_unix.so", session_line)

    def asking(self, *arguments, options=()):
        if not self.module:
            self.skipTest("no compiler for the module that asks")
        return self.with_pam(f"auth required {self.module} {' '.join(arguments)}", "account required pam_permit.so",
                             "session required pam_permit.so", options=options)

    def helpers(self, server):
        """The processes of a server that talk with PAM."""
        out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(server.pid)], stdout=subprocess.PIPE).stdout
        return [int(line.split()[0]) for line in out.decode().splitlines() if "helper pam" in line]

    def test_the_system_s_password_opens_and_another_does_not(self):
        server = self.with_unix()
        self.enters(server, user=PAM_USER, password="right")
        for user, password in ((PAM_USER, "wrong"), (PAM_USER, ""), ("no-such-user", "right"), ("root", "right")):
            self.stays_out(server, user=user, password=password)
        self.assertEqual({e["reason"] for e in server.audit() if e["event"] == "auth-failed"}, {"wrong"})
        self.assertNotIn("right", farhand.read_text(server.audit_path))
        farhand.wait_until(lambda: not self.helpers(server), "the end of every helper")

    def test_whom_the_file_of_users_does_not_name_is_not_let_in(self):
        self.command("user", "remove", "*")
        self.command("user", "add", "somebody", "--no-password")
        server = self.with_unix()
        self.stays_out(server, user=PAM_USER, password="right")
        self.denied(server, "no-access")

    def test_who_is_unknown_costs_and_looks_the_same(self):
        server = self.with_unix()
        seen = {}
        for user in (PAM_USER, "no-such-user"):
            client = self.converse(server, user)
            client.ask(session.KIND_PROMPT)
            self.assertEqual(len(self.helpers(server)), 1)
            client.answer((session.KIND_PROMPT, b"wrong"))
            result = client.ask()
            seen[user] = [len(payload) for _, payload in client.frames], result[:4]
            client.channel.sock.close()
            farhand.wait_until(lambda: not self.helpers(server), "the end of the helper")
        self.assertEqual(*seen.values())

    def test_an_expired_password_is_refused_with_the_reason(self):
        server = self.with_unix()
        subprocess.run(["chage", "-d", "0", PAM_USER], check=True)
        self.addCleanup(subprocess.run, ["chage", "-d", "-1", PAM_USER])
        result = self.stays_out(server, user=PAM_USER, password="right")
        self.assertIn("expired", result.err)
        self.denied(server, "password-expired")
        result = self.stays_out(server, user=PAM_USER, password="wrong")
        self.assertNotIn("expired", result.err)

    def test_a_closed_account_is_refused(self):
        server = self.with_unix()
        subprocess.run(["chage", "-E", "1", PAM_USER], check=True)
        self.addCleanup(subprocess.run, ["chage", "-E", "-1", PAM_USER])
        self.stays_out(server, user=PAM_USER, password="right")
        self.denied(server, "account-closed")

    def test_several_prompts_and_messages_reach_the_person(self):
        server = self.asking("info=Welcome_here", "secret=one", "error=Now_the_town", "open=two", "info=Bye")
        client = self.converse(server, PAM_USER)
        self.assertEqual(client.ask(session.KIND_NOTICE, session.KIND_PROMPT), [b"Welcome here", b"\0Secret: "])
        client.answer((session.KIND_PROMPT, b"one"))
        self.assertEqual(client.ask(session.KIND_NOTICE, session.KIND_PROMPT), [b"Now the town", b"\1Town: "])
        client.answer((session.KIND_PROMPT, b"two"))
        self.assertEqual(client.ask(session.KIND_NOTICE), [b"Bye"])
        self.assertEqual(client.ask()[0], session.GRANTED)

    def test_on_a_terminal_what_is_secret_is_not_shown_and_the_rest_is(self):
        server = self.asking("info=Welcome_here", "secret=one", "open=two")
        terminal = farhand.Terminal(self.viewer_args(server, ["info"], user=PAM_USER),
                                    {**farhand.ENV, "HOME": self.place})
        self.addCleanup(terminal.stop)
        terminal.wait_text("Secret: ")
        self.assertIn("Welcome here", terminal.shown)
        terminal.type("one\n")
        terminal.wait_text("Town: ")
        terminal.type("two\n")
        self.assertEqual(terminal.wait(), 0, terminal.shown)
        self.assertIn("Town: two", terminal.shown)
        self.assertNotIn("one", terminal.shown)

    def test_many_messages_are_told_in_pieces_and_too_many_end_the_attempt(self):
        server = self.asking(*(f"info=line_{i}" for i in range(20)), "secret=one")
        client = self.converse(server, PAM_USER)
        told = []
        for n in (8, 8):
            told += client.ask(*[session.KIND_NOTICE] * n)
        told += client.ask(*[session.KIND_NOTICE] * 4, session.KIND_PROMPT)
        self.assertEqual(told[:20], [b"line %d" % i for i in range(20)])
        client.answer((session.KIND_PROMPT, b"one"))
        self.assertEqual(client.ask()[0], session.GRANTED)
        server = self.asking(*["secret=one"] * 20)
        client = self.converse(server, PAM_USER)
        with self.assertRaises((session.Ended, fsc1.Closed)):
            for _ in range(20):
                client.ask(session.KIND_PROMPT)
                client.answer((session.KIND_PROMPT, b"one"))
        farhand.wait_until(lambda: not self.helpers(server), "the end of the helper")

    def test_a_module_s_text_may_be_long_or_no_text_at_all(self):
        server = self.asking("info=" + "x" * 500, "info=\udcff\udcfe".encode("utf-8", "surrogateescape").decode("latin-1"),
                             "secret=one")
        client = self.converse(server, PAM_USER)
        self.assertEqual(len(client.ask(session.KIND_NOTICE, session.KIND_NOTICE, session.KIND_PROMPT)), 3)

    def test_a_module_that_makes_another_user_of_it_opens_nothing(self):
        server = self.asking("secret=one", "user=root")
        self.stays_out(server, user=PAM_USER, password="one")
        self.denied(server, "user-mapped")

    @unittest.skipIf(farhand.is_sanitized(), "helpers take their time to end there")
    def test_a_delay_after_a_failure_makes_nobody_else_wait(self):
        server = self.asking("secret=one", "delay=600000", "fail")
        slow = self.converse(server, PAM_USER)
        slow.ask(session.KIND_PROMPT)
        slow.answer((session.KIND_PROMPT, b"one"))
        client = self.converse(server, "another")
        client.ask(session.KIND_PROMPT)
        client.answer((session.KIND_PROMPT, b"wrong"))
        self.assertEqual(client.ask()[0], session.TRY_AGAIN)  # it came later, and is answered
        farhand.wait_until(lambda: len(self.helpers(server)) == 1, "the end of the helper that answered")
        self.assertFalse([p for _, p in slow.frames if p[0] == session.RESULT])

    def test_a_module_that_hangs_goes_with_the_viewer(self):
        server = self.asking("secret=one", "hang")
        client = self.converse(server, PAM_USER)
        client.ask(session.KIND_PROMPT)
        client.answer((session.KIND_PROMPT, b"one"))
        self.assertEqual(len(self.helpers(server)), 1)
        client.channel.sock.close()  # without a goodbye
        farhand.wait_until(lambda: not self.helpers(server), "the end of the helper")

    def test_answers_too_long_for_pam_or_of_no_text_are_wrong(self):
        server = self.asking("secret=one")
        for answer in (b"x" * 1024, b"one\0", b"\0"):
            client = self.converse(server, PAM_USER)
            client.ask(session.KIND_PROMPT)
            client.answer((session.KIND_PROMPT, answer))
            self.assertEqual(client.ask()[0], session.TRY_AGAIN, answer)

    def noting(self):
        """A server whose PAM session leaves lines in a file, and what it notes of a session."""
        log, note = self.path("log"), self.path("note")
        with open(note, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\necho "$PAM_TYPE $PAM_USER $PAM_RHOST $PAM_TTY $PAM_SERVICE" >>{log}\n')
        os.chmod(note, 0o755)
        server = self.with_unix(f"session required pam_exec.so quiet {note}")
        viewer = self.start_viewer(server, "info", "wait-stable", "3600", user=PAM_USER, password="right")
        server.wait_audit(lambda e: e["event"] == "started", "the session")
        which = f"{PAM_USER} 127.0.0.1 vnc farhand-test-{os.getpid()}-{Pam.services}"
        return server, viewer, log, which

    def test_its_session_begins_before_ours_and_ends_after_it(self):
        server, viewer, log, which = self.noting()
        self.assertEqual(lines_of(log), [f"open_session {which}"])
        viewer.stop()
        server.wait_audit(lambda e: e["event"] == "ended", "the end")
        farhand.wait_until(lambda: len(lines_of(log)) == 2, "the end of PAM's session")
        self.assertEqual(lines_of(log)[1], f"close_session {which}")

    def test_its_session_ends_however_the_service_does(self):
        for end in ("terminate", "kill"):
            server, _, log, which = self.noting()
            helpers = self.helpers(server)
            self.assertEqual(len(helpers), 1)
            getattr(server.program.process, end)()
            server.program.wait()
            farhand.wait_until(lambda: not any(is_alive(pid) for pid in helpers), "the end of the helper")
            self.assertEqual(lines_of(log), [f"open_session {which}", f"close_session {which}"])
            os.unlink(log)

    def test_without_a_session_there_is_none(self):
        server = self.with_unix("session required pam_deny.so")
        self.stays_out(server, user=PAM_USER, password="right")
        self.denied(server, "session-failed")

    def test_a_code_comes_after_it(self):
        self.command("user", "add", PAM_USER, "--no-password", "--require", "password + totp")
        secret, _ = self.enrol(PAM_USER)
        server = self.with_unix()
        self.stays_out(server, user=PAM_USER, password="right", code="000000")
        self.enters(server, user=PAM_USER, password="right", code=self.code(secret))
        farhand.wait_until(lambda: not self.helpers(server), "the end of every helper")

    def test_a_service_that_is_not_there_lets_nobody_in(self):
        server = self.serve("--auth", "pam", "--pam-service", "farhand-no-such-service")
        self.stays_out(server, user=PAM_USER, password="right")  # not even by what PAM would do instead
        self.denied(server, "pam-failed")
        self.command("--pam-service", "../passwd", "--check-config", code=2)


if __name__ == "__main__":
    farhand.need("oathtool", "useradd", "chage", "chpasswd", "ps")
    if os.geteuid() != 0:
        print("skipped: needs root, since PAM services and a user are made")
        sys.exit(77)
    farhand.main()
