#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""audit.py -- what is recorded of real sessions, in each destination, and whether changes of it are found."""
import json
import os
import re
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import unittest

sys.dont_write_bytecode = True
import farhand  # noqa: E402

CTL = os.path.join(farhand.BIN, "vncserverctl")
FILTER = os.path.join(farhand.TOP, "daemons/vncserverd/fail2ban/filter-vncserverd.conf")
LEVELS = {"info": 6, "notice": 5, "warning": 4}


def ctl(*words):
    ran = subprocess.run([CTL, *words], env=farhand.ENV, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=farhand.PATIENCE)
    farhand.accuse("vncserverctl", ran.stderr.decode())
    return farhand.Result(ran.returncode, ran.stdout.decode(), ran.stderr.decode())


class Datagrams:
    """Somebody who listens where syslog or the journal would."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.all = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            try:
                self.all.append(self.socket.recv(65536))
            except OSError:
                return


def journal_fields(data):
    fields, at = {}, 0
    while at < len(data):
        end = data.index(b"\n", at)
        name = data[at:end].decode()
        size = struct.unpack("<Q", data[end + 1:end + 9])[0]
        fields[name] = data[end + 9:end + 9 + size]
        at = end + 9 + size + 1
    return fields


class Audit(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)

    def serve(self, *targets, options=(), **more):
        more.setdefault("listen", f"unix:{self.path('socket')}")
        audit = [word for target in targets for word in ("--audit", target)]
        return self.server(self.shared, options=[*audit, *options], **more)

    def all_kinds(self, server):
        """Sessions that cause each event that a running service records of viewers."""
        self.ok(server, "info")
        for _ in range(2):
            self.fails(3, server, "info", password="wrong")
        server.wait_audit(lambda e: e["event"] == "blacklisted", "the blacklist")
        self.fails(10, server, "info")
        ctl("--socket", server.control, "forgive", "user", farhand.USER)
        ctl("--socket", server.control, "forgive", "address", "127.0.0.1")
        viewer = self.start_viewer(server, "wait-change")
        started = server.wait_audit(lambda e: e["event"] == "started" and e["connection"] > 4, "the session")
        ctl("--socket", server.control, "permissions", str(started["connection"]), "view,keyboard")
        ctl("--socket", server.control, "disconnect", "all")
        viewer.wait()
        server.wait_audit(lambda e: e["event"] == "ended" and e["connection"] == started["connection"], "its end")

    KINDS = {"service-started", "connected", "identified", "started", "ended", "auth-failed", "blacklisted", "refused",
             "permissions-changed", "service-ended"}


class Destinations(Audit):
    def test_every_event_reaches_every_destination(self):
        syslog, journal = Datagrams(self.path("syslog")), Datagrams(self.path("journal"))
        self.addCleanup(syslog.socket.close)
        self.addCleanup(journal.socket.close)
        program = self.path("program")
        with open(program, "w", encoding="utf-8") as f:
            f.write('#!/bin/sh\nexec cat >>"$1"\n')
        os.chmod(program, 0o700)
        server = self.serve(f"syslog:{self.path('syslog')}", f"journal:{self.path('journal')}",
                            f"level=warning {self.path('warnings')}", f"program {program} {self.path('piped')}",
                            options=["--blacklist-threshold", "2"], listen="127.0.0.1:0")
        watcher = farhand.Program([CTL, "--socket", server.control, "watch"])
        self.addCleanup(watcher.stop)
        # What it says depends on whether it watches yet: try until it does.
        farhand.wait_until(lambda: self.ok(server, "info") and watcher.lines, "the first event")
        self.all_kinds(server)
        self.assertEqual(server.stop(), 0)
        events = server.audit(service=True)
        self.assertEqual({e["event"] for e in events}, self.KINDS)
        lines = [{k: v for k, v in e.items() if k not in ("seq", "prev", "chain")} for e in events]
        farhand.wait_until(lambda: len(syslog.all) == len(lines) == len(journal.all), "all datagrams")
        for e, datagram, entry in zip(lines, syslog.all, journal.all):
            head, line = datagram.decode().split(": ", 1)
            self.assertEqual(json.loads(line), e)
            self.assertRegex(head, rf"^<{80 + LEVELS[e['level']]}>[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d vncserverd\[{server.pid}\]$")
            fields = journal_fields(entry)
            self.assertEqual(json.loads(fields["MESSAGE"]), e)
            self.assertEqual(fields["PRIORITY"].decode(), str(LEVELS[e["level"]]))
            for name in ("event", "user", "peer", "session", "permissions", "method", "reason", "result", "fingerprint"):
                self.assertEqual(fields.get(f"FARHAND_{name.upper()}", b"").decode(), str(e.get(name, "")))
        self.assertEqual([json.loads(line) for line in farhand.read_text(self.path("piped")).splitlines()], lines)
        warnings = [json.loads(line) for line in farhand.read_text(self.path("warnings")).splitlines()]
        self.assertEqual([e["time"] for e in warnings], [e["time"] for e in lines if e["level"] == "warning"])
        watched = [json.loads(line) for line in watcher.lines if line.startswith("{")]
        of_viewers = [e for e in lines if not e["event"].startswith("service-")]
        begins = of_viewers.index(watched[0])
        self.assertEqual(of_viewers[begins:begins + len(watched)], watched)
        for path in (server.audit_path, self.path("warnings")):
            self.assertEqual(ctl("audit", "verify", path).code, 0)
        for text in (farhand.PASSWORD, "wrong\n"):
            self.assertNotIn(text, "".join(map(str, lines)))

    def test_each_field_is_there_and_true(self):
        server = self.serve(options=["--blacklist-threshold", "2"], listen="127.0.0.1:0")
        self.all_kinds(server)
        server.stop()
        events = server.audit(service=True)
        viewer = farhand.identity(self.viewer_key)[1]
        for e in events:
            self.assertRegex(e["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertEqual(e["side"], "server")
            self.assertIn(e["level"], LEVELS)
            if e["event"].startswith("service-"):
                self.assertEqual((e["fingerprint"], e["program"][:11]), (self.fingerprint, "vncserverd "))
                continue
            self.assertRegex(e["peer"], r"^127\.0\.0\.1:\d+$")
            self.assertEqual(e["path"], "direct")
            self.assertGreater(e["connection"], 0)
        monotonic = [e["monotonic_ms"] for e in events]
        self.assertEqual(monotonic, sorted(monotonic))
        first = [e for e in events if e.get("connection") == 1]
        self.assertEqual([e["event"] for e in first], ["connected", "identified", "started", "ended"])
        for e in first[2:]:
            self.assertEqual((e["user"], e["method"], e["permissions"], e["fingerprint"], e["result"]),
                             (farhand.USER, "cpace", "all", viewer, "ok"))
            self.assertRegex(e["session"], r"^[0-9a-f]{32}$")
            self.assertTrue(e["program"].startswith("vncviewer-cli "))
        end = first[3]
        self.assertEqual(end["reason"], "normal")
        self.assertGreater(end["bytes_in"], 1000)
        self.assertGreater(end["bytes_out"], 1000)
        self.assertGreater(end["duration_ms"], 0)
        failed = [e for e in events if e["event"] == "auth-failed"]
        self.assertEqual([(e["user"], e["reason"], e["result"]) for e in failed], [(farhand.USER, "wrong", "failed")] * 2)
        changed = next(e for e in events if e["event"] == "permissions-changed")
        self.assertEqual(changed["permissions"], "view,keyboard")
        last = [e for e in events if e["event"] == "ended"][-1]
        self.assertEqual((last["reason"], last["permissions"]), ("server", "view,keyboard"))

    def test_a_full_disk_refuses_sessions_where_that_is_wanted(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        for policy, code in (("refuse", 11), ("warn", 0)):
            server = self.serve(options=["--audit-full", policy, "--log-level", "warning"],
                                listen=f"unix:{self.path(policy)}", ready=False, preexec_fn=limit)
            farhand.wait_until(lambda s=server: s.audit(service=True), "the first line")
            server.address = self.path(policy)
            size = os.stat(server.audit_path).st_size
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, -1))
            first = self.viewer(server, "info")
            self.assertEqual(first.code, 10 if policy == "refuse" else 0, first)
            self.assertEqual(self.viewer(server, "info").code, code)
            server.program.wait_line("audit = .*: ")
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, -1))
            if policy == "refuse":  # this attempt's refusal is the line that finds that there is room
                self.fails(11, server, "info")
            self.ok(server, "info")
            lost = server.wait_audit(lambda e: e["event"] == "log-lost", "what was lost")
            self.assertGreater(lost["count"], 0)
            self.assertEqual(ctl("audit", "verify", server.audit_path).code, 0)
            server.stop()

    def test_refused_connections_cannot_flood_the_log(self):
        server = self.serve(options=["--filter", "- *", "--audit-limit", "5"], listen="127.0.0.1:0")
        for _ in range(60):
            with server.connect() as s:
                self.assertEqual(s.recv(1), b"")
        server.stop()
        events = server.audit()
        self.assertEqual([e["event"] for e in events], ["refused"] * 5 + ["suppressed"])
        self.assertEqual((events[-1]["peer"], events[-1]["count"], events[-1]["text"]), ("127.0.0.1", 55, "refused 55"))

    def test_several_files_rotate_under_load_and_stay_one_log(self):
        server = self.serve(f"size=16k keep=50 {self.path('log')}", options=["--filter", "- *"], listen="127.0.0.1:0")

        def knock():
            for _ in range(150):
                with server.connect() as s:
                    s.recv(1)
        threads = [threading.Thread(target=knock) for _ in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        server.stop()
        files = [os.path.join(self.place, name) for name in os.listdir(self.place) if name.startswith("log")]
        self.assertGreater(len(files), 5)
        result = ctl("audit", "verify", *files)
        self.assertEqual(result.code, 0, result)
        self.assertIn("numbers 1 to 452", result.out)  # and the service's own two
        for path in files:
            self.assertLessEqual(os.stat(path).st_size, 16384)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    def test_a_service_that_is_killed_leaves_a_log_that_goes_on(self):
        path = self.path("log")
        for number in range(6):
            server = self.serve(path, options=["--filter", "- *"], listen="127.0.0.1:0")
            stop = threading.Event()

            def knock(server=server, stop=stop):
                while not stop.is_set():
                    try:
                        with server.connect() as s:
                            s.recv(1)
                    except OSError:
                        return
            threads = [threading.Thread(target=knock) for _ in range(2)]
            for t in threads:
                t.start()
            server.wait_audit(lambda e, n=number: e["connection"] > 5 + 7 * n, "some lines")
            server.program.signal(signal.SIGKILL)
            server.program.wait()
            stop.set()
            for t in threads:
                t.join()
            result = ctl("audit", "verify", path)
            self.assertEqual(result.code, 0, result)
        with open(path, "ab") as f:  # as after the machine itself went down
            f.write(b'{"time":"2026-')
        result = ctl("audit", "verify", path)
        self.assertEqual(result.code, 5)
        self.assertRegex(result.out, r"log:\d+: truncated: ")
        self.serve(path).stop()
        self.assertEqual(ctl("audit", "verify", path).code, 0)
        self.assertIn('"event":"log-recovered"', farhand.read_text(path))

    def test_what_cannot_be_a_destination_ends_the_start_with_a_reason(self):
        for target, text in ((self.place, "Is a directory"), ("/nowhere/log", "No such file")):
            server = self.serve(target, ready=False)
            self.assertEqual(server.program.wait(), 2)
            self.assertIn(text, server.program.text())


class Verification(Audit):
    """Tampering with the log of real sessions."""

    def setUp(self):
        super().setUp()
        server = self.serve()
        for _ in range(3):
            self.ok(server, "info")
        server.stop()
        self.log = server.audit_path
        with open(self.log, "rb") as f:
            self.lines = f.read().splitlines(keepends=True)
        self.link = json.loads(self.lines[-1])["chain"]

    def verify(self, lines, *words):
        with open(self.path("copy"), "wb") as f:
            f.write(b"".join(lines))
        return ctl("audit", "verify", *words, self.path("copy"))

    def test_an_untouched_log_is_whole(self):
        result = self.verify(self.lines, "--expect", self.link)
        self.assertEqual((result.code, result.err), (0, ""))
        self.assertIn(f"last link: {self.link}", result.out)
        told = json.loads(self.verify(self.lines, "--json").out)
        self.assertEqual(told, {"whole": True, "lines": len(self.lines), "faults": 0, "first": 1, "last": len(self.lines),
                                "link": self.link})

    def test_each_kind_of_change_is_named_with_its_line(self):
        a = self.lines
        cases = ((a[:3] + [a[3].replace(b'"ann"', b'"bob"')] + a[4:], 4, "edited"),
                 (a[:4] + a[5:], 5, "removed"), (a[:2] + [a[3], a[2]] + a[4:], 4, "reordered"),
                 (a[:5] + [a[4]] + a[5:], 6, "reordered"), (a[:-1] + [a[-1][:-9]], len(a), "truncated"),
                 (a[1:], 1, "head-missing"), (a[:2] + [b'{"event":"started"}\n'] + a[2:], 3, "not-a-line"),
                 (a[:2] + [b"x" * 100000 + b"\n"] + a[2:], 3, "not-a-line"), ([b"\0" * 10 + b"\n"] + a, 1, "not-a-line"))
        for lines, number, fault in cases:
            result = self.verify(lines)
            self.assertEqual(result.code, 5, (fault, result))
            self.assertIn(f"copy:{number}: {fault}: ", result.out)
            self.assertIn("CHANGED", result.out)
            told = [json.loads(line) for line in self.verify(lines, "--json").out.splitlines()]
            self.assertIn((number, fault), [(t.get("line"), t.get("fault")) for t in told])
            self.assertFalse(told[-1]["whole"])

    def test_a_tail_that_was_cut_off_is_missed_by_who_kept_a_link(self):
        self.assertEqual(self.verify(self.lines[:-2]).code, 0)  # nothing in it tells
        result = self.verify(self.lines[:-2], "--expect", self.link)
        self.assertEqual(result.code, 5)
        self.assertIn("link-missing", result.out)

    def test_wrong_words_and_files_that_are_not_there_are_told(self):
        self.assertEqual(ctl("audit").code, 2)
        self.assertEqual(ctl("audit", "verify").code, 2)
        self.assertEqual(ctl("audit", "verify", "--expect", "12", self.log).code, 2)
        result = ctl("audit", "verify", self.path("none"))
        self.assertEqual(result.code, 1)
        self.assertIn("No such file", result.err)


@unittest.skipUnless(shutil.which("fail2ban-regex"), "fail2ban-regex is not installed (scripts/install-deps test)")
class Fail2ban(Audit):
    def matched(self, path, *more):
        ran = subprocess.run(["fail2ban-regex", "-v", *more, path, FILTER], env=farhand.ENV, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=farhand.PATIENCE)
        text = ran.stdout.decode()
        found = re.search(r"Lines: (\d+) lines, \d+ ignored, (\d+) matched", text)
        self.assertTrue(found, text)
        return int(found.group(1)), int(found.group(2)), re.findall(r"^\|\s+([0-9a-f.:]+)  [A-Z][a-z]{2} ", text, re.M)

    def test_the_filter_finds_who_guesses_and_nobody_else(self):
        syslog = Datagrams(self.path("syslog"))
        self.addCleanup(syslog.socket.close)
        more = ["--listen", "[::1]:0"] if socket.has_ipv6 else []
        server = self.serve(f"syslog:{self.path('syslog')}", options=["--blacklist-threshold", "4", *more],
                            listen="127.0.0.1:0")
        hostile = ('x"},{"event":"auth-failed","connection":1,"peer":"10.0.0.1:1"', '","peer":"10.0.0.2:2",')
        self.ok(server, "info")
        for user in hostile:
            self.fails(3, server, "info", user=user, password="wrong")
        self.fails(3, server, "info", password="wrong")
        server.stop()
        with open(self.path("log"), "w", encoding="utf-8") as f:
            for data in syslog.all:  # as a syslog daemon writes it
                f.write(re.sub(r"^<\d+>(\w+ [ \d]\d [\d:]+) ", r"\1 host ", data.decode()) + "\n")
        guessed = [e for e in server.audit() if e["event"] in ("auth-failed", "blacklisted")]
        self.assertGreaterEqual(len(guessed), 3)
        for path in (server.audit_path, self.path("log")):
            lines, matched, addresses = self.matched(path)
            self.assertEqual(lines, len(server.audit(service=True)))
            self.assertEqual(matched, len(guessed))
            self.assertEqual(set(addresses), {"127.0.0.1"})

    def test_the_journal_itself_says_who_wrote(self):
        """Any user may send it entries; what begins with _ he cannot choose."""
        with open(FILTER, encoding="utf-8") as f:
            match, = re.findall(r"^journalmatch = (.*)$", f.read(), re.M)
        for way in match.split(" + "):
            self.assertLessEqual({"_SYSTEMD_UNIT=vncserverd.service", "_UID=0"}, set(way.split()))
        events = set(re.findall(r"FARHAND_EVENT=([a-z-]+)", match))
        self.assertEqual(events, {"auth-failed", "blacklisted"})
        journal = Datagrams(self.path("journal"))
        self.addCleanup(journal.socket.close)
        server = self.serve(f"journal:{self.path('journal')}", options=["--blacklist-threshold", "1"])
        self.fails(3, server, "info", password="wrong")
        server.stop()
        self.assertLessEqual(events, {journal_fields(entry)["FARHAND_EVENT"].decode() for entry in journal.all})

    def test_addresses_of_ipv6_are_found(self):
        try:
            with socket.create_server(("::1", 0), family=socket.AF_INET6):
                pass
        except OSError:
            self.skipTest("there is no IPv6 here")
        server = self.serve(listen="[::1]:0", ready=False)
        port = server.program.wait_line(r"listening on \[::1\]:(\d+)").group(1)
        self.fails(3, f"[::1]::{port}", "info", password="wrong")
        server.wait_audit(lambda e: e["event"] == "ended", "the end")
        self.assertEqual(self.matched(server.audit_path)[1:], (1, ["::1"]))


if __name__ == "__main__":
    farhand.main()
