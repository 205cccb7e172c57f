#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""trust.py -- who the server is: first contact, known, changed, forgotten, and the person at a terminal."""
import json
import os
import shutil
import signal
import stat
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../support"))
sys.dont_write_bytecode = True
import farhand  # noqa: E402
import procs  # noqa: E402
import session  # noqa: E402


class Trust(farhand.Case):
    """Servers with two keys, on one display."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)
        cls.other_key = farhand.make_identity(os.path.join(cls.folder, "other.pem"))
        cls.other_phrase, cls.other_fingerprint = farhand.identity(cls.other_key)

    def unix(self, name="socket", **more):
        return self.server(self.shared, listen=f"unix:{self.path(name)}", **more)

    def kept(self):
        return farhand.read_text(self.known)

    def known_servers(self, *words, options=(), code=0):
        return self.fails(code, "known-servers", *words, options=options, trust=False)

    def listed(self):
        return [json.loads(line) for line in self.known_servers("list", options=["--json"]).out.splitlines()
                if '"result"' not in line]


class FirstContact(Trust):
    def test_an_unknown_server_ends_the_run_before_the_viewer_says_who_it_is(self):
        server = self.unix()
        result = self.fails(4, server, "info", trust=False)
        self.assertIn(self.phrase, result.err)
        self.assertIn(self.fingerprint, result.err)
        self.assertEqual(self.kept(), "")
        ended = server.wait_audit(lambda e: e["event"] in ("ended", "refused"), "the end in the audit")
        self.assertFalse([e for e in server.audit() if e["event"] in ("identified", "started")], ended)

    def test_the_phrase_given_pins_the_key(self):
        server = self.unix()
        result = self.ok(server, "info", options=["--trust", self.phrase], trust=False)
        self.assertIn("given in advance", result.out)
        self.assertTrue(self.kept())
        self.assertEqual(stat.S_IMODE(os.stat(self.known).st_mode) & 0o077, 0)
        self.ok(server, "info", trust=False)

    def test_the_phrase_may_be_written_carelessly(self):
        sloppy = "  ".join(self.phrase.upper().replace(".", " ").split())
        self.ok(self.unix(), "info", options=["--trust", sloppy], trust=False)

    def test_the_fingerprint_given_pins_the_key(self):
        self.ok(self.unix(), "info", options=["--trust", self.fingerprint], trust=False)

    def test_one_sentence_is_not_enough_for_trust(self):
        sentence = self.phrase.split(". ")[0] + "."
        self.fails(5, self.unix(), "info", options=["--trust", sentence], trust=False)

    def test_another_identity_than_the_given_one_is_refused(self):
        server = self.unix()
        result = self.fails(5, server, "info", options=["--trust", self.other_phrase], trust=False)
        self.assertIn(self.phrase, result.err)
        self.assertEqual(self.kept(), "")

    def test_accept_new_takes_any_key_once_and_records_it_as_that(self):
        server = self.unix()
        result = self.ok(server, "info", options=["--accept-new"], trust=False)
        self.assertIn("accepted unseen", result.out)
        self.assertIn("accepted unseen", self.ok(server, "info", trust=False).out)
        self.assertIn("given in advance", self.ok(server, "info").out)

    def test_a_changed_key_is_refused_and_both_phrases_are_shown(self):
        server = self.unix()
        self.ok(server, "info")
        server.stop()
        impostor = self.unix(key=self.other_key)
        self.assertEqual(impostor.address, server.address)
        for options in ([], ["--accept-new"], ["--trust", self.other_phrase]):
            result = self.fails(5, impostor, "info", options=options, trust=False)
            for text in (self.phrase, self.other_phrase, self.fingerprint, self.other_fingerprint, "known-servers remove"):
                self.assertIn(text, result.err)
        self.assertFalse([e for e in impostor.audit() if e["event"] == "identified"])

    def test_forgetting_is_the_way_on_after_a_change(self):
        server = self.unix()
        self.ok(server, "info")
        server.stop()
        impostor = self.unix(key=self.other_key)
        self.assertIn("removed 1", self.known_servers("remove", impostor.address).out)
        self.known_servers("remove", impostor.address, code=4)
        self.ok(impostor, "info", options=["--trust", self.other_phrase], trust=False)

    def test_hashed_names_do_not_tell_where_one_has_been(self):
        server = self.unix()
        self.ok(server, "info", options=["--hash-names"])
        self.assertTrue(self.kept())
        self.assertNotIn(os.path.basename(server.address), self.kept())
        self.ok(server, "info", trust=False)

    def test_a_broken_store_stops_the_run_and_names_the_line(self):
        with open(self.known, "w", encoding="utf-8") as f:
            f.write("# a comment\n1 somewhere:5900 trusted nonsense\n")
        server = self.unix()
        result = self.fails(1, server, "info", trust=False)
        self.assertIn(f"{self.known}:2", result.err)

    def test_json_tells_code_and_message(self):
        result = self.fails(4, self.unix(), "info", options=["--json"], trust=False)
        line = json.loads(result.out.splitlines()[-1])
        self.assertEqual((line["result"], line["exit"]), ("error", 4))
        self.assertIn(self.phrase, line["message"])


class KnownServers(Trust):
    def test_what_is_known_is_listed_shown_and_removed(self):
        self.assertEqual(self.known_servers("list").out, "")
        first, second = self.unix("first"), self.unix("second", key=self.other_key)
        self.ok(first, "info")
        self.ok(second, "info", options=["--accept-new", "--hash-names"], trust=False)
        entries = self.listed()
        self.assertEqual([(e["status"], e["how"], e["hashed"]) for e in entries],
                         [("trusted", "given", False), ("trusted", "accepted-blind", True)])
        self.assertEqual((entries[0]["name"], entries[0]["fingerprint"], entries[0]["catchphrase"]),
                         (first.address, self.fingerprint, self.phrase))
        self.assertRegex(entries[0]["first_seen"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertIn(first.address, self.known_servers("list").out)
        shown = self.known_servers("show", second.address).out  # though its name is hashed
        for text in (second.address, "accepted unseen", self.other_phrase, self.other_fingerprint):
            self.assertIn(text, shown)
        self.known_servers("show", "elsewhere:1", code=4)
        self.assertIn("removed 1", self.known_servers("remove", second.address).out)
        self.assertEqual(len(self.listed()), 1)
        self.known_servers("remove", second.address, code=4)

    def test_wrong_words_are_told(self):
        for words in ((), ("lost",), ("list", "all"), ("remove",), ("show", "a", "b")):
            self.assertIn("known-servers: expected", self.known_servers(*words, code=2).err)
        self.known_servers("show", "[nonsense", code=2)


class VerifyAlways(Trust):
    """Each connection is checked by hand, known or not."""

    ALWAYS = ["--verify", "always"]

    def test_a_known_server_has_to_be_vouched_for_again(self):
        server = self.unix()
        self.ok(server, "info")
        result = self.fails(4, server, "info", options=self.ALWAYS, trust=False)
        self.assertIn("each connection is to be checked", result.err)
        self.assertNotIn(self.phrase, result.err)  # it has to come from the owner
        self.assertEqual(len([e for e in server.audit() if e["event"] == "identified"]), 1)
        self.ok(server, "info", options=self.ALWAYS)
        self.ok(server, "info", options=[*self.ALWAYS, "--trust", self.phrase], trust=False)
        self.fails(5, server, "info", options=[*self.ALWAYS, "--trust", self.other_phrase], trust=False)

    def test_an_unknown_server_is_not_accepted_unseen(self):
        server = self.unix()
        self.fails(4, server, "info", options=[*self.ALWAYS, "--accept-new"], trust=False)
        self.assertEqual(self.kept(), "")

    def test_it_can_be_said_in_a_file_and_not_be_taken_back(self):
        server = self.unix()
        self.ok(server, "info")
        config = self.path("config")
        with open(config, "w", encoding="utf-8") as f:
            f.write("# for scripts\nverify = always\n")
        self.fails(4, server, "info", options=["--config", config, "--verify", "known"], trust=False)
        self.ok(server, "info", options=["--config", config])
        os.makedirs(self.path(".config/farhand"))
        os.rename(config, self.path(".config/farhand/vncviewer-cli.conf"))
        self.fails(4, server, "info", trust=False)

    def test_a_wrong_file_names_its_line(self):
        server = self.unix()
        for text, says in (("verify = sometimes\n", "verify = sometimes: expected WHEN"), ("\nnonsense\n", "name = value"),
                           ("json = yes\n", "the name of an option"), ("view-only = 1\n", "yes or no"),
                           ("audit = somewhere\n", "expected WHERE")):
            with open(self.path("config"), "w", encoding="utf-8") as f:
                f.write(text)
            result = self.fails(2, server, "info", options=["--config", self.path("config")])
            self.assertIn(f"config:{text.count(chr(10))}: ", result.err)
            self.assertIn(says, result.err)
        self.assertIn("No such file", self.fails(2, server, "info", options=["--config", self.path("none")]).err)

    def test_a_person_types_the_phrase_for_each_connection(self):
        server = self.unix()
        self.ok(server, "info")
        for answer, code in ((self.phrase.split(". ")[1].rstrip("."), 0), ("unseen", 4), (self.other_phrase, 4), ("", 4)):
            terminal = farhand.Terminal(self.viewer_args(server, ["info"], self.ALWAYS, trust=False),
                                        {**farhand.ENV, "FH_PASSWORD": farhand.PASSWORD, "HOME": self.place})
            self.addCleanup(terminal.stop)
            terminal.wait_text("is checked for each connection")
            self.assertNotIn(self.phrase, terminal.shown)
            terminal.type(answer + "\n")
            self.assertEqual(terminal.wait(), code, terminal.shown)


class Rotation(Trust):
    """Another key in the place of the old one, announced in sessions under it."""

    def setUp(self):
        super().setUp()
        self.own = farhand.make_identity(self.path("own.pem"))
        self.own_phrase, self.own_fingerprint = farhand.identity(self.own)

    def serve(self):
        return self.unix(key=self.own)

    def identity(self, *words, code=0):
        ran = farhand.subprocess.run([farhand.SERVERD, "--identity", self.own, "identity", *words], env=farhand.ENV, check=False,
                                     stdout=farhand.subprocess.PIPE, stderr=farhand.subprocess.STDOUT, timeout=farhand.PATIENCE)
        self.assertEqual(ran.returncode, code, ran.stdout)
        return ran.stdout.decode()

    def begin(self):
        """A rotation under way; the next key's (phrase, fingerprint)."""
        self.identity("rotate", "--bits", "2048")
        self.assertEqual(stat.S_IMODE(os.stat(self.own + ".next").st_mode), 0o600)
        return farhand.identity(self.own + ".next")

    @staticmethod
    def has_unread(pid):
        """Whether something waits in a socket of the process."""
        lines = farhand.subprocess.run(["ss", "-xpHa"], check=True, stdout=farhand.subprocess.PIPE).stdout.decode()
        return any(int(line.split()[2]) > 0 for line in lines.splitlines() if f"pid={pid}," in line)

    def trusted(self, *options):
        return ["--trust", self.own_fingerprint, *options]

    def test_the_commands(self):
        self.identity("rotate", "--finish", code=13)
        self.identity("rotate", "--abort", code=13)
        phrase, fingerprint = self.begin()
        shown = self.identity("show")
        for text in (self.own_phrase, self.own_fingerprint, phrase, fingerprint):
            self.assertIn(text, shown)
        self.assertIn("under way", self.identity("rotate", code=13))
        self.identity("rotate", "--abort")
        self.assertNotIn(phrase, self.identity("show"))
        self.assertFalse(os.path.exists(self.own + ".next"))
        phrase, fingerprint = self.begin()
        self.identity("rotate", "--finish")
        self.assertEqual(farhand.identity(self.own), (phrase, fingerprint))
        self.assertFalse(os.path.exists(self.own + ".next"))
        for words in (("rotate", "--now"), ("rotate", "--bits", "1024"), ("rotate", "--finish", "x")):
            self.identity(*words, code=2)

    def test_a_viewer_that_heard_of_the_new_key_accepts_it_and_then_no_longer_the_old_one(self):
        server = self.serve()
        self.ok(server, "info", options=self.trusted(), trust=False)
        server.stop()
        old = self.path("kept.pem")
        shutil.copy(self.own, old)
        phrase, fingerprint = self.begin()
        server = self.serve()
        for number in range(2):
            result = self.ok(server, "info", options=["--audit", self.path("log")], trust=False)
            self.assertEqual(phrase in result.err, number == 0, result.err)  # told once
        self.assertEqual([e["text"] for e in server.audit() if e["event"] == "key-rotation"], [fingerprint] * 2)
        recorded = [json.loads(line) for line in farhand.read_text(self.path("log")).splitlines()]
        self.assertEqual([(e["reason"], e["text"], e["result"]) for e in recorded if e["event"] == "key-rotation"],
                         [("recorded", fingerprint, "ok")] * 2)
        self.assertEqual([(e["status"], e["how"]) for e in self.listed()], [("trusted", "given"), ("trusted", "rotated")])
        server.stop()
        self.identity("rotate", "--finish")
        server = self.serve()
        result = self.ok(server, "info", trust=False)
        self.assertIn("named by the key before", result.out)
        entries = self.listed()
        self.assertEqual([(e["status"], e["how"]) for e in entries], [("retired", "given"), ("trusted", "rotated")])
        self.assertEqual((entries[1]["fingerprint"], entries[1]["rotated_by"]), (fingerprint, self.own_fingerprint))
        server.stop()
        impostor = self.unix(key=old)  # with the old key, which leaked
        self.assertIn(phrase, self.fails(5, impostor, "info", trust=False).err)

    def test_a_viewer_that_did_not_hear_of_it_refuses_the_new_key(self):
        server = self.serve()
        self.ok(server, "info", options=self.trusted(), trust=False)
        server.stop()
        self.begin()
        self.identity("rotate", "--finish")
        self.fails(5, self.serve(), "info", trust=False)

    def test_a_key_that_was_accepted_unseen_names_nobody(self):
        self.begin()
        server = self.serve()
        for _ in range(2):
            self.ok(server, "info", options=["--accept-new"], trust=False)
        self.assertEqual(len(self.listed()), 1)
        self.ok(server, "info", options=self.trusted(), trust=False)  # now a person vouches for it
        self.assertEqual(len(self.listed()), 2)

    def test_a_key_that_was_given_up_is_forgotten(self):
        self.begin()
        server = self.serve()
        self.ok(server, "info", options=self.trusted(), trust=False)
        self.assertEqual(len(self.listed()), 2)
        server.stop()
        self.identity("rotate", "--abort")
        self.ok(self.serve(), "info", trust=False)
        self.assertEqual([e["fingerprint"] for e in self.listed()], [self.own_fingerprint])


    @unittest.skipUnless(shutil.which("ss"), "ss is not installed (scripts/install-deps test)")
    def test_the_key_process_that_dies_while_both_keys_should_sign_keeps_nobody_out(self):
        self.begin()
        server = self.serve()
        client = session.Client(server.connect(), session.load_key(self.viewer_key), bytes.fromhex(self.own_fingerprint))
        self.addCleanup(client.channel.sock.close)
        key, = procs.of(server)["key"]
        os.kill(key, signal.SIGSTOP)
        results = []
        thread = threading.Thread(target=lambda: results.append(client.log_in(farhand.USER, farhand.PASSWORD)), daemon=True)
        thread.start()
        farhand.wait_until(lambda: self.has_unread(key), "what the key process is asked")
        os.kill(key, signal.SIGKILL)
        thread.join(farhand.PATIENCE)
        self.assertEqual([r[0] for r in results], [session.GRANTED])
        client.start_rfb()
        client.picture()  # and nothing was said of another key
        self.assertNotIn(session.ROTATION, [payload[0] for number, payload in client.frames if number == session.SESSION])
        farhand.wait_until(lambda: self.viewer(server, "info", options=self.trusted(), trust=False).code == 0,
                           "another key process")
        self.assertEqual(len(self.listed()), 2)  # which has both keys again


class ViewerAudit(Trust):
    def lines(self):
        return [json.loads(line) for line in farhand.read_text(self.path("log")).splitlines()]

    def test_both_ends_record_the_same_session(self):
        server = self.server(self.shared)
        self.ok(server, "info", options=["--audit", self.path("log"), "--audit", f"level=warning {self.path('warnings')}"])
        ours = self.lines()
        self.assertEqual([e["event"] for e in ours], ["connected", "identified", "started", "ended"])
        server.wait_audit(lambda e: e["event"] == "ended", "the end")
        theirs = server.audit()
        self.assertEqual(ours[-1]["session"], theirs[-1]["session"])
        self.assertEqual(ours[1]["fingerprint"], self.fingerprint)
        self.assertEqual(ours[1]["reason"], "checked")
        self.assertEqual(ours[0]["text"], f"127.0.0.1:{server.port}")
        for e in ours:
            self.assertEqual((e["side"], e["peer"], e["path"]), ("viewer", f"127.0.0.1:{server.port}", "direct"))
        end = ours[-1]
        self.assertEqual((end["user"], end["method"], end["permissions"], end["reason"], end["result"]),
                         (farhand.USER, "cpace", "all", "normal", "ok"))
        self.assertGreater(end["bytes_in"], 1000)
        self.assertGreater(end["duration_ms"], 0)
        self.assertEqual(farhand.read_text(self.path("warnings")), "")
        self.assertNotIn(farhand.PASSWORD, farhand.read_text(self.path("log")))
        ctl = os.path.join(farhand.BIN, "vncserverctl")
        farhand.subprocess.run([ctl, "audit", "verify", self.path("log")], env=farhand.ENV, check=True,
                               stdout=farhand.subprocess.DEVNULL, timeout=farhand.PATIENCE)

    def test_what_did_not_come_about_is_recorded_as_well(self):
        options = ["--audit", self.path("log")]
        server = self.unix()
        self.fails(4, server, "info", options=options, trust=False)
        self.fails(3, server, "info", options=options, password="wrong")
        server.stop()
        self.fails(10, server, "info", options=options)
        self.assertEqual([(e["event"], e.get("reason")) for e in self.lines()],
                         [("connected", None), ("refused", "identity"), ("ended", "identity"),
                          ("connected", None), ("identified", "checked"), ("auth-failed", "wrong"),
                          ("ended", "normal"), ("refused", "unreachable")])
        self.fails(2, server, "info", options=["--audit", "nonsense"])
        self.assertIn("No such file", self.fails(2, server, "info", options=["--audit", "/nowhere/log"]).err)


class AtATerminal(Trust):
    """The same beginning, with a person there."""

    def ask(self, server, *options):
        terminal = farhand.Terminal(self.viewer_args(server, ["info"], options, trust=False),
                                    {**farhand.ENV, "FH_PASSWORD": farhand.PASSWORD, "HOME": self.place})
        self.addCleanup(terminal.stop)
        return terminal

    def question(self, server):
        """The terminal when it asks; by then the first connection was closed."""
        terminal = self.ask(server)
        terminal.wait_text("Catchphrase: ")
        server.wait_audit(lambda e: e["event"] in ("ended", "refused"), "the first connection's end")
        self.assertNotIn(self.phrase, terminal.shown)
        self.assertFalse([e for e in server.audit() if e["event"] == "identified"])
        return terminal

    def test_a_typed_sentence_is_accepted(self):
        for number, sentence in enumerate(self.phrase.rstrip(".").split(". ")):
            server = self.unix(f"socket{number}")
            terminal = self.question(server)
            terminal.type(sentence.lower() + "\n")
            self.assertEqual(terminal.wait(), 0, terminal.shown)
            self.assertIn("catchphrase typed", terminal.shown)
            self.assertIn("catchphrase typed", self.ok(server, "info", trust=False).out)

    def test_unseen_is_accepted_and_recorded_as_that(self):
        server = self.unix()
        terminal = self.question(server)
        terminal.type("unseen\n")
        self.assertEqual(terminal.wait(), 0, terminal.shown)
        self.assertIn("accepted unseen", self.ok(server, "info", trust=False).out)

    def test_nothing_or_another_phrase_ends_the_run(self):
        for answer in ("", self.other_phrase, self.phrase.split()[0]):
            server = self.unix(f"socket{len(answer)}")
            terminal = self.question(server)
            terminal.type(answer + "\n")
            self.assertEqual(terminal.wait(), 4, terminal.shown)
            self.assertEqual(self.kept(), "")

    def test_who_swaps_the_server_while_the_person_thinks_gains_nothing(self):
        server = self.unix()
        terminal = self.question(server)
        server.stop()
        impostor = self.unix(key=self.other_key)
        terminal.type(self.phrase + "\n")
        self.assertEqual(terminal.wait(), 4, terminal.shown)
        self.assertEqual(self.kept(), "")
        self.assertFalse([e for e in impostor.audit() if e["event"] == "identified"])

    def test_a_password_is_asked_for_without_showing_it(self):
        server = self.unix()
        terminal = farhand.Terminal(self.viewer_args(server, ["info"]), {**farhand.ENV, "HOME": self.place})
        self.addCleanup(terminal.stop)
        terminal.wait_text("Password of ann")
        terminal.type("wrong\n")
        terminal.wait_text("not right")
        terminal.type(farhand.PASSWORD + "\n")
        self.assertEqual(terminal.wait(), 0, terminal.shown)
        self.assertNotIn("wrong", terminal.shown)
        self.assertNotIn(farhand.PASSWORD, terminal.shown)

    def test_control_c_ends_a_question(self):
        terminal = self.question(self.unix())
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 4, terminal.shown)
        terminal = farhand.Terminal(self.viewer_args(self.unix("second"), ["info"]), {**farhand.ENV, "HOME": self.place})
        self.addCleanup(terminal.stop)
        terminal.wait_text("Password of ann")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 1, terminal.shown)
        self.assertIn("interrupted", terminal.shown)


if __name__ == "__main__":
    farhand.main()
