#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""auth_program.py -- a program of the administrator's decides about passwords; and to whom a viewer tells one at all."""
import concurrent.futures
import json
import os
import re
import socket
import sys
import textwrap
import threading

sys.dont_write_bytecode = True
import auth  # noqa: E402
import farhand  # noqa: E402
import session  # noqa: E402

fsc1 = session.fsc1
is_alive, lines_of = auth.is_alive, auth.lines_of


# What auth-command tells us of itself, and one that decides.
PROGRAM = """
    import json, os, sys
    log = open({log!r}, "a")
    def read():
        line = json.loads(sys.stdin.readline())
        log.write(json.dumps(line) + "\\n"); log.flush()
        return line
    def say(**what):
        print(json.dumps(what), flush=True)
    q = read()
"""


class Programs(auth.Auth):
    def program(self, body, name="check"):
        self.log = self.path("log")
        return self.script(name, textwrap.dedent(PROGRAM).format(log=self.log) + textwrap.dedent(body))

    def with_program(self, body, *options):
        return self.serve("--auth", "program", "--auth-command", self.program(body), "--blacklist-threshold", "100",
                          *options)

    ALLOW = 'say(result="allow", permissions="all") if q.get("password") == "pw" else say(result="deny", reason="locked")'

    def test_it_learns_who_it_is_and_decides(self):
        server = self.with_program(self.ALLOW)
        self.enters(server)
        self.stays_out(server, password="wrong")
        self.denied(server, "locked")
        first = json.loads(lines_of(self.log)[0])
        self.assertEqual({**first, "peer": "", "connection": 0},
                         {"version": 1, "user": "ann", "method": "password", "peer": "", "address": "127.0.0.1",
                          "fingerprint": farhand.identity(self.viewer_key)[1], "connection": 0, "attempt": 1,
                          "password": "pw"})
        self.assertNotIn("pw", server.program.text().split())

    def test_what_it_allows_is_what_there_is_and_the_file_bounds_it(self):
        server = self.with_program('say(result="allow", permissions="view,keyboard") if q["user"] != "cid" else '
                                   'say(result="allow")')
        self.command("user", "add", "ben", "--no-password", "--permissions", "view,pointer")
        granted = {name: json.loads(self.enters(server, user=name, options=["--json"]).out.splitlines()[0])["permissions"]
                   for name in ("ann", "ben")}
        self.assertEqual(granted, {"ann": "view,keyboard", "ben": "view"})
        self.stays_out(server, user="cid")  # nobody says what it may do
        self.denied(server, "no-permissions")

    def test_it_asks_several_times(self):
        server = self.with_program("""
            say(ask=[{"notice": "Hello"}])
            say(ask=[{"prompt": "Word: ", "echo": False}, {"notice": "soon"}, {"prompt": "Town: ", "echo": True}])
            a = read()["answers"]
            say(ask=[{"prompt": "Code: "}])
            b = read()["answers"]
            good = (a, b) == (["one", "two"], ["three"])
            say(**({"result": "allow", "permissions": "all"} if good else {"result": "deny"}))
        """)
        for last, status in ((b"three", session.GRANTED), (b"four", session.TRY_AGAIN)):
            client = self.converse(server, "ann")
            self.assertEqual(client.ask(session.KIND_NOTICE), [b"Hello"])
            asked = client.ask(session.KIND_PROMPT, session.KIND_NOTICE, session.KIND_PROMPT)
            self.assertEqual(asked, [b"\0Word: ", b"soon", b"\1Town: "])
            client.answer((session.KIND_PROMPT, b"one"), (session.KIND_PROMPT, b"two"))
            self.assertEqual(client.ask(session.KIND_PROMPT), [b"\0Code: "])
            client.answer((session.KIND_PROMPT, last))
            self.assertEqual(client.ask()[0], status)

    # What a program may do wrong, and how the log calls it.
    BAD = (("sys.exit(1)", "status 1 without a result"),
           ("pass", "status 0 without a result"),
           ('say(result="allow", permissions="all"); sys.exit(3)', "status 3 after its result"),
           ('say(result="allow", permissions="all"); say(result="allow", permissions="all")', "after the result"),
           ('say(result="allow", permissions="all", extra=1)', "expected"),
           ('say(result="allow", permisions="view")', "expected"),
           ('say(result="allow", permissions="fly")', "permissions"),
           ('say(result="maybe")', "expected"),
           ('say(result="deny", reason="A B")', "reason"),
           ('say(ask=[])', "one to eight"),
           ('say(ask=[{"prompt": "x"}] * 9)', "one to eight"),
           ('say(ask=[{"notice": "x" * 513}])', "512 bytes"),
           ('say(ask=[{"prompt": 1}])', "in ask"),
           ('print("yes", flush=True)', "an object of JSON"),
           ('print("[1]", flush=True)', "an object of JSON"),
           ('print("x" * 20000, flush=True)', "16384 bytes"),
           ('sys.stdout.write("{\\"result\\": \\"allow\\", \\"permissions\\": \\"all\\"}"); sys.stdout.flush()',
            "without a result"),
           ('os.kill(os.getpid(), 9)', "was killed"),
           ('import time; time.sleep(3600)', "was killed"))

    def test_what_is_not_a_clear_yes_is_a_no(self):
        for i, (body, says) in enumerate(self.BAD):
            with self.subTest(body):
                server = self.serve("--auth", "program", "--auth-timeout", "1", "--auth-command",
                                    self.program(body, f"check{i}"))
                self.stays_out(server)
                server.program.wait_line(re.escape(says))
                self.denied(server, "program-failed")
                server.stop()

    def test_beside_a_virtual_display_its_end_is_noticed_as_well(self):
        server = self.server(where=["--virtual", "320x240"], users=self.users_path,
                             options=["--auth", "program", "--auth-command", self.program(self.ALLOW)])
        self.enters(server)
        self.stays_out(server, password="wrong")
        self.enters(server)

    def test_one_that_is_not_there_lets_nobody_in(self):
        server = self.serve("--auth", "program", "--auth-command", self.path("nothing"))
        self.stays_out(server)
        self.command("--auth", "program", "--check-config", code=2)
        self.command("--auth", "program", "--auth-command", "relative", "--check-config", code=2)

    def test_it_inherits_nothing_and_no_shell_reads_its_line(self):
        os.environ["SECRET"] = "shown"
        self.addCleanup(os.environ.pop, "SECRET")
        body = self.program("""
            log.write(json.dumps([sorted(os.environ), sorted(int(fd) for fd in os.listdir("/proc/self/fd")), os.getcwd(),
                                  sys.argv[1:], os.getpgid(0) == os.getpid()]) + "\\n"); log.flush()
            say(result="allow", permissions="all")
        """)
        server = self.serve("--auth", "program", "--auth-command", body + "  $HOME  '`id`;'",
                            env={**farhand.ENV, "HOME": self.place, "SECRET": "shown"})
        self.enters(server)
        environment, descriptors, folder, words, leads = json.loads(lines_of(self.log)[1])
        self.assertEqual(set(environment) - {"LC_CTYPE"}, {"LANG", "PATH"})
        self.assertEqual(len(descriptors), 5)  # three, the log and the listing itself
        self.assertEqual((folder, words, leads), ("/", ["$HOME", "'`id`;'"], True))

    def test_it_goes_when_the_viewer_goes_with_all_that_it_started(self):
        server = self.with_program("""
            import subprocess
            child = subprocess.Popen(["sleep", "3600"])
            log.write(json.dumps([os.getpid(), child.pid]) + "\\n"); log.flush()
            say(ask=[{"prompt": "Word: "}])
            read()
        """)
        client = self.converse(server, "ann")
        client.ask(session.KIND_PROMPT)
        pids = json.loads(lines_of(self.log)[1])
        client.channel.sock.close()  # without a goodbye
        farhand.wait_until(lambda: not any(is_alive(pid) for pid in pids), "the end of the program")

    def test_a_code_and_an_identity_come_after_it(self):
        self.user("ann", "--no-password", "--require", "password + totp + identity")
        self.command("user", "identity", "add", "ann", farhand.identity(self.viewer_key)[1])
        secret, _ = self.enrol("ann")
        server = self.with_program(self.ALLOW)
        self.stays_out(server, code=self.code(secret), password="wrong")
        self.stays_out(server, code=self.code(secret), options=["--identity", self.other_viewer])
        self.enters(server, code=self.code(secret))

    def test_it_is_asked_the_same_about_whom_nobody_knows(self):
        server = self.with_program(self.ALLOW)
        self.user("ann", "--no-password")
        seen = {}
        for name in ("ann", "nobody"):
            client = self.converse(server, name)
            result = client.ask()
            seen[name] = [len(payload) for _, payload in client.frames], result[:4]
        self.assertEqual(seen["ann"], seen["nobody"])
        self.assertEqual([json.loads(line)["user"] for line in lines_of(self.log)], ["ann", "nobody"])

    def test_answers_that_answer_nothing(self):
        server = self.with_program("""
            say(ask=[{"prompt": "Word: "}])
            read()
            say(result="allow", permissions="all")
        """)
        prompt = session.KIND_PROMPT
        for answers in ([], [(session.KIND_CODE, b"1")], [(prompt, b"1"), (prompt, b"2")], [(prompt, b"x" * 1025)]):
            client = self.converse(server, "ann")
            client.ask(prompt)
            client.answer(*answers)
            with self.assertRaises((session.Ended, fsc1.Closed), msg=answers):
                client.ask()
        self.assertEqual(len(lines_of(self.log)), 4)  # no answer reached it
        client = self.converse(server, "ann")
        client.ask(prompt)
        client.answer((prompt, b"\xff\0"))  # no text, so it is not said
        self.assertEqual(client.ask()[0], session.GRANTED)
        self.assertEqual(json.loads(lines_of(self.log)[-1]), {"answers": [None]})

    def test_guesses_from_many_addresses_at_once_are_few(self):
        server = self.serve("--auth", "program", "--auth-command", self.program('say(result="deny")'),
                            "--max-half-open", "100")

        def guess(i):
            try:
                with server.connect(f"127.8.{i}.1") as sock:
                    client = session.Client(sock, session.load_key(self.viewer_key), bytes.fromhex(self.fingerprint))
                    return client.log_in("ann", f"guess {i}")[0]
            except (session.Ended, fsc1.Closed, ConnectionError, EOFError):
                return "refused"

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            results = list(pool.map(guess, range(32)))
        self.assertIn("refused", results)
        self.assertEqual(len(lines_of(self.log)), 5)


class Trust(auth.Auth):
    """A password that must be told is told only to whom somebody vouches for."""

    def test_a_server_accepted_unseen_hears_no_password_now_or_later(self):
        log = self.path("log")
        program = self.script("check", f'open({log!r}, "a").write("asked")\n')
        server = self.serve("--auth", "program", "--auth-command", program)
        for options in (["--accept-new"], []):
            result = self.stays_out(server, options=options, trust=False)
            self.assertIn("confirmed", result.err)
        self.assertFalse(os.path.exists(log))
        self.assertFalse([e for e in server.audit() if e["event"] in ("auth-failed", "denied")])
        self.stays_out(server)  # with --trust it is told, and asked for what it is good
        self.assertEqual(farhand.read_text(log), "asked")

    def test_an_impostor_is_told_nothing_whatever_it_asks(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        heard = []

        def impostor(offer):
            sock, _ = listener.accept()
            with sock:
                end = session.End(sock, "s", session.load_key(self.other_viewer))
                end.send(session.SESSION, offer)
                try:
                    while True:
                        end.message(session.CHOOSE, session.ANSWER, session.BYE)
                        heard.append(end.frames[-1])
                except (session.Ended, fsc1.Closed, ConnectionError, EOFError):
                    pass
                heard.extend(end.frames)

        for method, kinds in ((session.PASSWORD_METHOD, [1, 2]), (session.CONVERSATION_METHOD, [1, 5])):
            offer = bytes([session.OFFER, 1, method, len(kinds), *kinds])
            thread = threading.Thread(target=impostor, args=(offer,))
            thread.start()
            result = self.viewer(f"127.0.0.1::{listener.getsockname()[1]}", "info", options=["--accept-new"], trust=False,
                                 password="told to nobody")
            thread.join(farhand.PATIENCE)
            self.assertEqual(result.code, 3, result)
        self.assertFalse([frame for frame in heard if frame[1][0] in (session.CHOOSE, session.ANSWER)], heard)
        self.assertFalse([frame for frame in heard if b"told to nobody" in frame[1]])


if __name__ == "__main__":
    farhand.need("oathtool")
    farhand.main()
