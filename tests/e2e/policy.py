#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""policy.py -- whom the server listens to at all: the filter of addresses, and the blacklist.

The loopback interface has sixteen million addresses, so every client here comes from where it likes.
"""
import concurrent.futures
import os
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402

fsc1 = session.fsc1


class Policy(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)

    def serve(self, *options, **more):
        return self.server(self.shared, options=options, **more)

    def attempt(self, server, source, user=farhand.USER, password="not it"):
        """How one attempt from an address ends: a status of Result, "refused" or "closed"."""
        try:
            with server.connect(source) as sock:
                client = session.Client(sock, session.load_key(self.viewer_key), bytes.fromhex(self.fingerprint))
                return client.log_in(user, password)[0]
        except session.Ended:
            return "refused"
        except (fsc1.Closed, ConnectionError, EOFError):
            return "closed"


class Filter(Policy):
    def config(self, *rules):
        with open(self.path("conf"), "w", encoding="utf-8") as f:
            f.write("".join(f"filter = {rule}\n" for rule in rules))
        return ["--config", self.path("conf")]

    def first_byte(self, server, source):
        """What a client gets for saying hello."""
        key = fsc1.public(fsc1.X25519PrivateKey.generate())
        with server.connect(source) as sock:
            try:
                sock.sendall(b"FARHAND 001\n" + fsc1.write_client_hello(os.urandom(32), bytes(16), bytes(16), key))
                return sock.recv(1)
            except ConnectionError:
                return b""

    def test_the_first_match_decides_before_a_byte_is_answered(self):
        server = self.serve(*self.config("- 127.1.2.0/24", "+ 127.1.0.0/16", "+ 127.0.0.1", "- *"))
        self.assertEqual(self.first_byte(server, "127.1.2.3"), b"")
        self.assertTrue(self.first_byte(server, "127.1.3.3"))
        self.assertEqual(self.first_byte(server, "127.2.0.1"), b"")
        self.assertTrue(self.first_byte(server, "127.0.0.1"))
        event = server.wait_audit(lambda e: e["event"] == "refused" and "127.2.0.1" in e["peer"], "the record")
        self.assertEqual(event["reason"], "filtered")

    def test_whom_no_rule_names_is_refused(self):
        server = self.serve("--filter", "+ 127.0.0.2")
        self.assertEqual(self.first_byte(server, "127.0.0.1"), b"")
        self.assertEqual(self.attempt(server, "127.0.0.2", password=farhand.PASSWORD), session.GRANTED)

    def test_a_rule_caps_what_is_granted(self):
        server = self.serve("--filter", "+ 127.0.0.1 view-only")
        self.assertIn("not permitted", self.fails(30, server, "key", "a").err)
        self.ok(server, "capture", self.path("a.png"))

    def test_rules_are_read_again_and_sessions_stay(self):
        server = self.serve(*self.config("+ 127.0.0.0/8"))
        with server.connect("127.0.0.9") as sock:
            client = session.Client(sock, session.load_key(self.viewer_key), bytes.fromhex(self.fingerprint))
            self.assertEqual(client.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
            client.start_rfb()
            client.picture()
            self.config("- 127.0.0.9", "+ *")
            said = len(server.program.lines)
            server.program.signal(signal.SIGHUP)
            server.program.wait_line("configuration was read again", start=said)
            self.assertEqual(self.first_byte(server, "127.0.0.9"), b"")
            self.assertTrue(self.first_byte(server, "127.0.0.8"))
            client.rfb(session.update_request(0, 0, 10, 10))
            client.picture()

    def test_a_wrong_rule_is_pointed_at_and_a_wrong_file_changes_nothing(self):
        with open(self.path("conf"), "w", encoding="utf-8") as f:
            f.write("name = x\nfilter = + 10.0.0.1/8\n")
        ran = farhand.subprocess.run([farhand.SERVERD, "--config", self.path("conf"), "--check-config"],
                                     env=farhand.ENV, stderr=farhand.subprocess.PIPE, check=False)
        self.assertEqual(ran.returncode, 2)
        self.assertIn("conf:2: filter = + 10.0.0.1/8: expected the network's own address", ran.stderr.decode())
        server = self.serve(*self.config("- 127.0.0.9", "+ *"))
        self.config("nonsense")
        server.program.signal(signal.SIGHUP)
        server.program.wait_line("everything stays as it is")
        self.assertEqual(self.first_byte(server, "127.0.0.9"), b"")


class Blacklist(Policy):
    def exhaust(self, server, source, user="nobody"):
        """Fails until the server refuses; how often it looked at a password."""
        tried = 0
        while self.attempt(server, source, user) == session.TRY_AGAIN:
            tried += 1
            self.assertLess(tried, 50)
        return tried

    def test_five_failures_and_the_address_waits_and_is_told_how_long(self):
        server = self.serve()
        self.assertEqual(self.exhaust(server, "127.0.0.1"), 5)
        event = server.wait_audit(lambda e: e["event"] == "blacklisted", "the record")
        self.assertIn("127.0.0.1", event["peer"])
        self.assertEqual(event["duration_ms"], 10000)
        # The right password does not help now, another address is not concerned.
        result = self.fails(10, server, "info")
        self.assertRegex(result.err, r"try again (in|after) \d+ s")
        self.assertEqual(self.attempt(server, "127.0.0.2", password=farhand.PASSWORD), session.GRANTED)

    def test_waiting_ends_it_and_asking_does_not_lengthen_it(self):
        server = self.serve("--blacklist-timeout", "5")
        self.exhaust(server, "127.0.0.1")
        since = time.monotonic()
        asked = 0
        while self.attempt(server, "127.0.0.1", password=farhand.PASSWORD) != session.GRANTED:
            asked += 1
            self.assertLess(time.monotonic() - since, farhand.PATIENCE)
        self.assertGreater(asked, 0)

    def test_success_forgets(self):
        server = self.serve()
        for name in ("ann", "ben"):
            for _ in range(4):
                self.assertEqual(self.attempt(server, "127.0.0.1", name), session.TRY_AGAIN)
            self.assertEqual(self.attempt(server, "127.0.0.1", password=farhand.PASSWORD), session.GRANTED)

    def test_sixty_four_addresses_at_once_get_five_guesses_of_one_name(self):
        server = self.serve("--max-half-open", "128", "--blacklist-timeout", "600")
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            ends = list(pool.map(lambda i: self.attempt(server, f"127.0.1.{i}"), range(1, 65)))
        looked = [end for end in ends if end in (session.TRY_AGAIN, session.GRANTED)]
        self.assertEqual(len(looked), 5, ends)
        failed = [e for e in server.audit() if e["event"] == "auth-failed" and e.get("reason") == "wrong"]
        self.assertEqual(len(failed), 5)

    def test_who_got_in_before_is_not_locked_out_by_strangers(self):
        server = self.serve()
        self.assertEqual(self.attempt(server, "127.0.0.7", password=farhand.PASSWORD), session.GRANTED)
        for i in range(1, 7):
            self.attempt(server, f"127.0.1.{i}")
        self.assertEqual(self.attempt(server, "127.0.2.1", password=farhand.PASSWORD), "refused")
        self.assertEqual(self.attempt(server, "127.0.0.7", password=farhand.PASSWORD), session.GRANTED)

    def test_it_survives_a_restart(self):
        where = self.path("kept")
        server = self.serve("--blacklist", where, "--blacklist-timeout", "600")
        self.exhaust(server, "127.0.0.1")
        server.stop()
        self.assertEqual(os.stat(where).st_mode & 0o777, 0o600)
        again = self.serve("--blacklist", where, "--blacklist-timeout", "600")
        self.assertEqual(self.attempt(again, "127.0.0.1", password=farhand.PASSWORD), "closed")

    def test_it_survives_being_killed(self):
        where = self.path("kept")
        server = self.serve("--blacklist", where, "--blacklist-timeout", "600")
        self.exhaust(server, "127.0.0.1")
        # KIND VALUE FAILURES LEVEL LISTED LAST: what is kept is not yet all until somebody is listed.
        farhand.wait_until(lambda: re.search(r"^\w \w+ \d+ \d+ [1-9]\d* \d+$", farhand.read_text(where), re.M), "the file")
        server.program.signal(signal.SIGKILL)
        server.program.wait()
        again = self.serve("--blacklist", where, "--blacklist-timeout", "600")
        self.assertEqual(self.attempt(again, "127.0.0.1", password=farhand.PASSWORD), "closed")

    def test_a_broken_file_is_complained_of_and_begun_anew(self):
        with open(self.path("kept"), "w", encoding="utf-8") as f:
            f.write("what is this\n")
        os.chmod(self.path("kept"), 0o600)
        server = self.serve("--blacklist", self.path("kept"))
        server.program.wait_line(r"kept:1: .*begins anew")
        self.assertEqual(self.exhaust(server, "127.0.0.1"), 5)


if __name__ == "__main__":
    farhand.main()
