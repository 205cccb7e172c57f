#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""trust.py -- who the server is: first contact, known, changed, forgotten, and the person at a terminal."""
import json
import os
import stat
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402


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
            for text in (self.phrase, self.other_phrase, self.fingerprint, self.other_fingerprint, "--forget"):
                self.assertIn(text, result.err)
        self.assertFalse([e for e in impostor.audit() if e["event"] == "identified"])

    def test_forgetting_is_the_way_on_after_a_change(self):
        server = self.unix()
        self.ok(server, "info")
        server.stop()
        impostor = self.unix(key=self.other_key)
        self.assertIn("removed 1", self.ok(impostor, options=["--forget"], trust=False).out)
        self.fails(4, impostor, options=["--forget"], trust=False)
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
