#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cloud.py -- a broker, a relay and a log that lie, between vncserverd and vncviewer-cli: whatever they do ends in a
refusal at the ends, or in a trace, and never at another desktop or in plaintext.
"""
import asyncio
import json
import os
import secrets
import struct
import subprocess
import sys
import time
import types
import zlib

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../e2e"), os.path.join(HERE, "../../libcrypto-rfb/tests/fsc1"),
                os.path.join(HERE, "../support")]
sys.dont_write_bytecode = True
import clouds  # noqa: E402
import farhand  # noqa: E402
import fsc1  # noqa: E402  -- ends the script where python3-cryptography is not installed
import liar  # noqa: E402
import procs  # noqa: E402

MONITOR = os.path.join(farhand.BIN, "vnccloud-monitor")
REACHABLE = "notice: reachable through the cloud"
PICTURE = "PICTURE"  # a file of each viewer's own
WORD = "xylophonist"
REFUSED, UNKNOWN, CHANGED, NO_WAY, CUT, BROKEN, TOO_LATE = 3, 4, 5, 10, 11, 20, 40


class Lied(farhand.Case):
    """Servers and viewers of a cloud that lies."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)
        cls.another_key = farhand.make_identity(os.path.join(cls.folder, "another.pem"))
        cls.another = farhand.identity(cls.another_key)[1]
        cls.set_up_cloud()

    @classmethod
    def set_up_cloud(cls):
        cls.cloud = liar.Cloud(cls.folder)
        cls.here, cls.there = cls.cloud.endpoint("listen"), cls.cloud.endpoint("connect")
        cls.target = "cloud:" + cls.here.address
        cls.server_ = cls.start(cls.here, cls.key)

    @classmethod
    def start(cls, endpoint, key, *options):
        server = farhand.Server(cls.folder, ["--display", cls.shared.name], key, users=cls.users, listen="none", ready=False,
                                options=[*endpoint.server_options, "--blacklist-threshold", "1000", *options])
        server.program.wait_line(REACHABLE)
        return server

    def setUp(self):
        super().setUp()
        self.addCleanup(self.look_for_faults)
        self.cloud.lies.clear()
        self.cloud.lie()

    def look_for_faults(self):
        self.assertEqual(self.cloud.faults, [])

    def by_cloud(self, *commands, path="relay", target=None, options=(), there=None, **more):
        return self.viewer(target or self.target, *commands, options=[
            *(there or self.there).viewer_options, "--path", path, *options], **more)

    def works(self, *commands, **more):
        result = self.by_cloud(*(commands or ("info",)), **more)
        self.assertEqual(result.code, 0, result)
        return result

    def refused(self, code, pattern, **more):
        """That a viewer ends with this and says why, and that no server let anybody in."""
        before = len(self.let_in())
        result = self.by_cloud("info", **more)
        self.assertIn(result.code, code if isinstance(code, tuple) else (code,), result)
        self.assertRegex(result.err, pattern)
        self.assertEqual(result.out, "")
        self.assertEqual(len(self.let_in()), before)
        return result

    def servers(self):
        return [self.server_]

    def let_in(self):
        return [e for s in self.servers() for e in s.audit() if e["event"] == "started"]

    def info(self, **more):
        return json.loads(self.works("info", options=["--json"], **more).out.splitlines()[0])

    def change(self, side, **what):
        """Lies to one of the two."""
        self.cloud.lie(tell=lambda call: call.told[side].update(what))

    def begin(self, cases, path, *options, commands=("info",), may_start=False):
        """A viewer for each case: (name, how it is lied to, exit codes, what it says). Returns what judges of them."""
        viewers = []
        for i, (name, how, codes, pattern) in enumerate(cases):
            endpoint = self.cloud.endpoint("connect")
            self.cloud.lie(endpoint, **how)
            words = [self.path(f"{i}.png") if word == PICTURE else word for word in commands]
            viewers.append((name, codes, pattern, endpoint.address, self.start_viewer(self.target, *words, options=[
                *endpoint.viewer_options, "--path", path, "--verbose", *options])))

        def judge():
            for name, codes, pattern, address, viewer in viewers:
                with self.subTest(name):
                    self.assertIn(viewer.wait(), codes, viewer.text())
                    self.assertRegex(viewer.text(), pattern)
                    self.assertTrue(may_start or address not in [e["cloud"] for e in self.let_in()])
            real = self.shared.picture()
            for i, case in enumerate(cases):
                if os.path.exists(self.path(f"{i}.png")):
                    self.assertEqual(farhand.png_pixels(self.path(f"{i}.png")), real, case[0])
        return judge

    def at_once(self, *args, **more):
        self.begin(*args, **more)()

    def wait_refusal(self, reason, start=0, server=None):
        server = server or self.server_
        return farhand.wait_until(lambda: [e for e in server.audit()[start:] if e.get("reason") == reason], reason)[0]


class Broker(Lied):
    """What it tells of one to the other."""

    def forge(self):
        return liar.make_statement(liar.load_key(self.another_key), self.here.raw)

    def test_an_honest_one_puts_them_in_touch(self):
        self.assertEqual(self.info()["path"], "relayed")
        info = self.info(path="direct")
        self.assertEqual((info["path"], info["datagrams_renewed"]), ("direct", True))

    def test_another_key_for_a_server_that_is_known(self):
        self.works()
        self.change("viewer", statement=self.forge())
        self.refused(CHANGED, "not the one that the cloud named", trust=False)

    def test_another_key_for_a_server_that_is_not_known(self):
        self.change("viewer", statement=self.forge())
        self.refused(CHANGED, "not the one that the cloud named")

    def test_a_statement_that_was_altered(self):
        for at in (15, 30, 100, -1):
            with self.subTest(at=at):
                def alter(call, at=at):
                    altered = bytearray(call.told["viewer"]["statement"])
                    altered[at] ^= 1
                    call.told["viewer"]["statement"] = bytes(altered)
                self.cloud.lie(tell=alter)
                self.refused(CHANGED, "signature or proof")

    def test_another_address_than_was_asked_for(self):
        self.change("viewer", statement=liar.make_statement(liar.load_key(self.key), self.there.raw))
        self.refused(CHANGED, "signature or proof")

    def test_another_viewer_than_comes(self):
        other = liar.make_statement(liar.load_key(self.another_key), self.cloud.endpoint("connect").raw)
        self.change("server", statement=other)
        start = len(self.server_.audit())
        self.refused(REFUSED, "the identity was not accepted")
        self.wait_refusal("swapped", start)

    def test_a_cloud_secret_that_only_one_has(self):
        for side in liar.SIDES:
            with self.subTest(side=side):
                self.change(side, k_cloud=secrets.token_bytes(32))
                self.refused(REFUSED, "refused before identifying itself")

    def test_a_name_of_the_connection_that_only_one_has(self):
        for side in liar.SIDES:
            with self.subTest(side=side):
                self.change(side, conn=secrets.token_bytes(16))
                self.refused(REFUSED, "refused before identifying itself")

    def test_a_packet_secret_that_only_one_has(self):
        self.change("viewer", packet_secret=secrets.token_bytes(32))
        self.refused(TOO_LATE, "time", path="direct", options=["--timeout", "3"])
        self.assertEqual(self.info(path="any")["path"], "relayed")

    def test_a_grant_that_has_expired_is_of_no_use_at_a_relay_that_says_so(self):
        self.cloud.lie(answer=1)
        self.refused(TOO_LATE, "time", options=["--timeout", "3"])
        self.assertEqual(self.info(path="any")["path"], "direct")


class Impostor(Lied):
    """Another server of the same cloud, in the place of the one that was asked for."""

    @classmethod
    def set_up_cloud(cls):
        super().set_up_cloud()
        cls.elsewhere = cls.cloud.endpoint("listen")
        cls.impostor = cls.start(cls.elsewhere, cls.another_key)

    def servers(self):
        return [self.server_, self.impostor]

    def lead_astray(self, forge):
        """Everything fits but the key of the server."""
        statement = liar.make_statement(liar.load_key(self.another_key), self.here.raw)

        def tell(call):
            call.ends["server"] = self.cloud.clients[self.elsewhere.raw]
            if forge:
                call.told["viewer"]["statement"] = statement
        self.cloud.lie(tell=tell)

    def refused(self, code, pattern, **more):
        result = super().refused(code, pattern, **more)
        self.assertNotIn("user", str(self.impostor.audit()))
        self.assertNotIn("identified", [e["event"] for e in self.impostor.audit()])
        return result

    def test_it_shows_another_key_than_the_cloud_named(self):
        self.lead_astray(False)
        self.refused(CHANGED, "not the one that the cloud named")

    def test_the_cloud_names_its_key(self):
        self.works()
        self.lead_astray(True)
        self.refused(CHANGED, "has another key; nothing was sent to it", trust=False)

    def test_the_cloud_names_its_key_to_who_was_told_the_right_one(self):
        self.lead_astray(True)
        self.refused(CHANGED, "not the one that --trust names; nothing was sent to it")

    def test_the_cloud_names_its_key_to_who_knows_none(self):
        self.lead_astray(True)
        self.refused(UNKNOWN, "is not known", trust=False)

    def test_the_relay_crosses_two_connections(self):
        there, calls, before, viewers = self.cloud.endpoint("connect"), [], len(self.let_in()), []

        def join(side, call):
            """The viewer's stream of one meets the server's of the other."""
            return call.conn if side == "viewer" else next(c.conn for c in calls if c is not call)

        def tell(call):
            """Nothing goes on before both are there."""
            calls.append(call)
            if len(calls) == 2:
                self.cloud.lie(join=join)
                for c in calls:
                    c.manner = self.cloud.manner(None)
                    c.target()
                    c.incoming()
            return liar.HELD
        self.cloud.lie(tell=tell)
        for endpoint, target, trust in ((self.there, self.here, self.fingerprint), (there, self.elsewhere, self.another)):
            viewers.append(self.start_viewer("cloud:" + target.address, "info", trust=False, options=[
                *endpoint.viewer_options, "--path", "relay", "--trust", trust, "--timeout", "20"]))
        for viewer in viewers:
            self.assertEqual(viewer.wait(), REFUSED, viewer.text())
            self.assertIn("refused before identifying itself", viewer.text())
        self.assertEqual(len(self.let_in()), before)


class Signals(Lied):
    """Candidates, which are sealed, on the way from one to the other."""

    BROKEN = {"viewer": ((NO_WAY,), "the peer gave up"), "server": ((CHANGED,), "not its key's")}

    def meddled(self, name, meddle, codes=None, pattern=None):
        """Two cases: the signals of either side are changed."""
        def case(side):
            count = [0]

            def pass_on(_, way, sealed):
                if way != side:
                    return [sealed]
                count[0] += 1
                return meddle(count[0], sealed)
            return pass_on
        return [(f"{name}, of the {side}", {"pass_on": case(side)}, codes or self.BROKEN[side][0],
                 pattern or self.BROKEN[side][1]) for side in liar.SIDES]

    def test_whatever_is_done_to_them_ends_the_connection(self):
        def flip(at):
            return lambda n, s: [s[:at] + bytes([s[at] ^ 1]) + s[at + 1:]]

        def back(call, way, sealed):
            call.send(way, "SIGNAL", sealed)
            return []
        ended = self.begin([
            *self.meddled("another number", flip(7)), *self.meddled("altered", flip(40)),
            *self.meddled("cut", lambda n, s: [s[:-1]]), *self.meddled("reversed", lambda n, s: [s[::-1]]),
            *self.meddled("made up", lambda n, s: [struct.pack(">Q", n - 1) + secrets.token_bytes(272)]),
            ("given back", {"pass_on": back}, (CHANGED, NO_WAY), "not its key's|gave up")], "direct", "--timeout", "25")
        # Where all was said in one signal, one that is lost is waited for, and one that comes twice changes nothing.
        self.at_once([
            *self.meddled("dropped", lambda n, s: [] if n == 1 else [s], (CHANGED, NO_WAY, TOO_LATE), "key's|gave up|time"),
            *self.meddled("twice", lambda n, s: [s, s], (0, CHANGED, NO_WAY), "key's|gave up|direct")],
            "direct", "--timeout", "8", may_start=True)
        ended()

    def test_held_back_for_a_while(self):
        def pass_on(call, way, sealed):
            other = liar.SIDES[way == "viewer"]
            self.cloud.loop.call_later(0.3, call.send, other, "SIGNAL", sealed)
            return []
        self.cloud.lie(pass_on=pass_on)
        self.assertEqual(self.info(path="direct")["path"], "direct")


class Relay(Lied):
    """Bytes of a session, at a relay; and a cloud that says nothing."""

    def case(self, name, side, at, meddle, codes, pattern):
        """Chunk `at` of one side, counted from 1, is changed."""
        count = [0]

        def carry(_, way, data):
            if way != side:
                return data
            count[0] += 1
            return meddle(data) if count[0] == at else data
        return f"{name} {at} of the {side}", {"carry": carry}, codes, pattern

    def wait_in_vain(self):
        late = (TOO_LATE,), "timed out|did not end within"
        return self.begin([
            ("no challenge", {"withheld": {"CHALLENGE"}}, (NO_WAY,), "cannot connect"),
            ("no welcome", {"withheld": {"WELCOME"}}, (NO_WAY,), "cannot connect"),
            ("no target", {"withheld": {"TARGET"}}, (TOO_LATE,), "timed out"),
            ("no grant", {"withheld": {"GRANT"}}, *late),
            ("nobody at the relay", {"join": lambda side, call: (side, call)}, *late)], "relay", "--timeout", "22")

    def test_what_is_done_to_them_is_noticed_and_what_never_comes_is_not_waited_for(self):
        in_vain = self.wait_in_vain()

        def flip(data):
            middle = len(data) // 2
            return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1:]
        broken = (BROKEN, CUT), "the protocol was broken|the connection was lost"
        # What a link can ask for again is not even lost: then all is as it should be.
        lost = (TOO_LATE, CUT, BROKEN, 0), "deadline|time|lost|protocol|authenticated"
        cases = [self.case("altered", side, at, flip, *broken) for side in liar.SIDES for at in (1, 2)]
        cases += [self.case("dropped", side, at, lambda data: b"", *lost) for side in liar.SIDES for at in (1, 3)]
        cases += [self.case("twice", side, at, lambda data: data + data, *lost) for side in liar.SIDES for at in (1, 3)]
        self.at_once(cases, "relay", "--timeout", "12", may_start=True,
                     commands=("pause", "0.5", "move", "9", "9", "wait-stable", "1", "capture", PICTURE))
        in_vain()

    def test_late_bytes_are_late(self):
        def carry(_, __, data):
            time.sleep(0.05)  # everybody's loop: nobody is quick today
            return data
        self.cloud.lie(carry=carry)
        self.works("capture", self.path("a.png"))
        self.assertEqual(farhand.png_pixels(self.path("a.png")), self.shared.picture())


class Flood(Lied):
    """A cloud that says too much."""

    def flood(self, *frames):
        client = self.cloud.clients[self.here.raw]

        def pour():
            for frame in frames:
                client.writer.write(frame)
        before = self.memory()
        self.cloud.call(pour)
        self.then()
        self.assertNotIn("not reachable", self.server_.program.text())
        if not farhand.is_sanitized():
            self.assertLess(self.memory() - before, 8192, "KiB")

    def then(self):
        self.assertEqual(self.info()["path"], "relayed")

    def memory(self):
        """Of the process that hears the flood."""
        with open(f"/proc/{procs.of(self.server_)['cloud'][0]}/status", encoding="ascii") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def test_a_flood_of_what_need_not_be_heard(self):
        ping, unknown = bytes([5, 0, 0, 8]) + bytes(8), bytes([99, 0, 3, 232]) + bytes(1000)
        state = bytes([15, 0, 0, 13]) + bytes(13)
        self.flood(*[ping, unknown, state] * 3000)


class FloodOfViewers(Flood):
    """Each costs the server a decision and lines: so many are heard in a minute, and no more."""

    test_a_flood_of_what_need_not_be_heard = None

    def then(self):
        said = self.server_.program.wait_line("the cloud process says too much")
        self.assertIsNotNone(said)
        self.refused(10, "busy")
        self.assertLess(len(self.server_.audit()), 600)

    def test_a_flood_of_viewers_that_do_not_come(self):
        key = liar.load_key(self.another_key)
        statement = liar.make_statement(key, secrets.token_bytes(11).rjust(12, b"\0"))
        grant = bytes(64) + struct.pack(">QB", liar.now_ms(), 0) + b"\0\0"
        frames = []
        for _ in range(500):
            body = secrets.token_bytes(16) + statement + b"\0\0\0" + grant
            frames.append(bytes([9, 0]) + liar.counted(body))
            frames.append(bytes([13, 0, 0, 17]) + body[:16] + b"\1")
        self.flood(*frames)


class Log(Lied):
    """The log of the cloud, which may say one thing to one and another to another."""

    @classmethod
    def set_up_cloud(cls):
        cls.log = liar.Log()
        cls.log.fill(5)
        cls.cloud = liar.Cloud(cls.folder, cls.log)
        cls.here, cls.there = cls.cloud.endpoint("listen"), cls.cloud.endpoint("connect")
        cls.target = "cloud:" + cls.here.address
        cls.server_ = cls.start(cls.here, cls.key)

    def setUp(self):
        super().setUp()
        self.there = self.cloud.endpoint("connect")

    def fork(self, size):
        """Signed by the same key, with another past."""
        log = liar.Log(self.log.key)
        log.fill(size)
        return log

    def evidence(self, endpoint):
        with open(endpoint.key + ".fork", encoding="utf8") as f:
            text = f.read()
        self.assertEqual(text.count("\n\n\u2014 liar.cloud "), 2, text)
        return text

    def test_an_honest_one_grows(self):
        self.works()
        self.log.fill(20)
        self.works()

    def test_a_key_without_a_proof(self):
        self.change("viewer", log=None)
        self.refused(CHANGED, "the log does not prove it")

    def test_a_key_that_is_not_in_it(self):
        forged = liar.make_statement(liar.load_key(self.another_key), self.here.raw)

        def tell(call):
            call.told["viewer"].update(statement=forged, log=types.SimpleNamespace(
                proof=lambda _: self.log.proof(self.cloud.statements[self.here.raw])))
        self.cloud.lie(tell=tell)
        self.refused(CHANGED, "the log does not prove it")

    def test_somebody_elses_log(self):
        other = liar.Log()
        self.change("viewer", log=other)
        self.refused(CHANGED, "the log does not prove it")

    def test_an_old_state_of_it_is_the_beginning_of_the_new_one(self):
        self.works()
        before = liar.Log(self.log.key)
        before.leaves, before.places = list(self.log.leaves), dict(self.log.places)
        self.log.fill(7)
        self.works()
        self.change("viewer", log=before)
        self.works()

    def test_another_past(self):
        self.works()
        for size in (0, 60):
            with self.subTest(size=size):
                self.change("viewer", log=self.fork(size))
                result = self.refused(CHANGED, "TWO HISTORIES")
                self.assertIn("the log shows two histories", result.err)
                self.evidence(self.there)

    def test_another_past_for_the_server(self):
        here = self.cloud.endpoint("listen")
        server = self.start(here, self.key)
        self.works(target="cloud:" + here.address)
        self.change("server", log=self.fork(60))
        self.refused(NO_WAY, "gave up|no path|not signed in", target="cloud:" + here.address)
        server.program.wait_line("not reachable through the cloud: .*two histories")
        self.assertIn("TWO HISTORIES", server.program.text())
        self.evidence(here)
        self.assertEqual([e for e in server.audit() if e["event"] == "started"][1:], [])
        server.stop()


class Recorded(Lied):
    """What a cloud that is honest, and curious, has seen of a session."""

    def test_it_saw_nothing_but_ciphertext(self):
        program = self.shared.xterm("echo The quick brown fox; cat", geometry="50x16+0+0", name="typist")
        self.addCleanup(program.stop)
        picture = self.path("a.png")
        self.works("click", "1", "type", WORD, "paste", WORD, "wait-stable", "1", "capture", picture,
                   options=["--encodings", "raw"])
        self.works("info", path="any")
        self.refused(REFUSED, "user name or password is wrong", password="wrong" + farhand.PASSWORD)
        relayed, broker = bytes(self.cloud.seen["relay"]), bytes(self.cloud.seen["broker"])
        self.assertGreater(len(relayed), 320 * 240 * 4)
        for key in (self.key, self.viewer_key):  # these it may know, and must: it was looked at
            self.assertIn(liar.spki_of(liar.load_key(key)), broker)
        for name, secret in self.secrets(picture):
            for where, seen in (("the relay", relayed), ("the broker", broker)):
                self.assertNotIn(secret, seen, f"{where} saw {name}")
        # Pixels of a desktop are mostly the same; what nobody can read cannot be compressed either.
        self.assertGreater(len(zlib.compress(relayed)), 0.97 * len(relayed))
        self.assertNotIn(b"candidate", broker)

    def secrets(self, picture):
        yield "the password", farhand.PASSWORD.encode()
        yield "the user's name", b"\x03" + farhand.USER.encode()
        yield "what was typed", WORD.encode()
        yield "the name of the display", self.shared.name.encode() + b"\0"
        for letter in set(WORD):
            yield f"the key {letter}", struct.pack(">BBHI", 4, 1, 0, ord(letter))
        for name, key in (("server", self.key), ("viewer", self.viewer_key)):
            numbers = liar.load_key(key).private_numbers()
            for part in (numbers.p, numbers.q, numbers.d):
                yield f"the key of the {name}", part.to_bytes(256, "big").lstrip(b"\0")[:32]
        for end in (self.here, self.there):
            with open(end.key, encoding="ascii") as f:
                sealing = f.read().strip()
            yield "the key of signals", bytes.fromhex(sealing)
            with open(end.password_file, encoding="ascii") as f:
                password = f.read().strip()
            yield "the password of an address", password.encode()
            yield "the password of an address", sum(
                liar.ALPHABET.index(c) << 5 * i for i, c in enumerate(reversed(password))).to_bytes(16, "big")
        width, height, rgb = farhand.png_pixels(picture)
        rows = {rgb[3 * width * y:3 * width * (y + 1)] for y in range(height)}
        rows = [row for row in rows if len({row[i:i + 3] for i in range(0, 120, 3)}) > 1]
        self.assertTrue(rows, "a picture with something in it")
        for row in rows:
            for order in ((2, 1, 0), (0, 1, 2)):
                pixels = [bytes(row[i + k] for k in order) for i in range(0, 120, 3)]
                yield "pixels", b"".join(p + b"\0" for p in pixels)
                yield "pixels", b"".join(p + b"\xff" for p in pixels)


class RealCloud(farhand.Case):
    """vnccloudd, with somebody at its relay, or with an operator who is not honest."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)
        cls.cloud = clouds.Cloud(cls.folder)
        cls.between = liar.Between(cls.folder, cls.cloud.port)
        with open(cls.cloud.config, "a", encoding="ascii") as f:
            f.write(f"relay-node = localhost:{cls.between.port}\n")
        said = len(cls.cloud.program.lines)
        cls.cloud.program.signal(farhand.signal.SIGHUP)
        cls.cloud.program.wait_line("configuration was read again", start=said)
        cls.cloud.line += f",root={cls.between.pin}"
        cls.there = cls.cloud.endpoint("connect")

    def serve(self, endpoint, **more):
        server = self.server(self.shared, options=endpoint.server_options, listen="none", ready=False, **more)
        server.program.wait_line(REACHABLE)
        return server

    def by_cloud(self, endpoint, *commands, path="relay", there=None, **more):
        return self.viewer("cloud:" + endpoint.address, *commands, options=[
            *(there or self.there).viewer_options, "--path", path], **more)

    def test_tickets_that_were_recorded_are_of_no_use(self):
        here = self.cloud.endpoint("listen", "--allow-all")
        self.serve(here)
        result = self.by_cloud(here, "info")
        self.assertEqual(result.code, 0, result)
        tickets = self.between.tickets[-2:]
        self.assertEqual(sorted(t[1] for t in tickets), [0, 1])
        for ticket in tickets:
            self.assertEqual(self.between.answer_to(ticket), 2)
            for at in range(0, len(ticket), 7):
                altered = ticket[:at] + bytes([ticket[at] ^ 1]) + ticket[at + 1:]
                self.assertEqual(self.between.answer_to(altered), 3)

    def test_a_ticket_that_was_stolen_opens_nothing(self):
        here = self.cloud.endpoint("listen", "--allow-all")
        server = self.serve(here)
        stolen, met = [], []

        async def before(ticket):
            """The thief is first, and has the server at the other end."""
            if ticket[1] == 0 and not stolen:
                stolen.append(ticket)
                reader, writer = await self.between.relay(ticket)
                if (await reader.readexactly(1)) == b"\0":
                    hello = fsc1.write_client_hello(secrets.token_bytes(32), ticket[2:18], secrets.token_bytes(16),
                                                    secrets.token_bytes(32))
                    writer.write(fsc1.GREETING + hello)
                    met.append(await asyncio.wait_for(reader.read(4096), 20))
                writer.close()
        self.between.before = before
        self.addCleanup(setattr, self.between, "before", None)
        self.by_cloud(here, "info")
        self.assertEqual(len(stolen), 1)
        self.assertEqual([m[:1] for m in met], [bytes([fsc1.REFUSAL])])
        self.assertEqual([e for e in server.audit() if e["event"] == "identified" and
                          e.get("cloud") != self.there.address], [])

    def test_a_key_swap_is_refused_by_who_knows_it_and_found_by_who_owns_it(self):
        here = self.cloud.endpoint("listen", "--allow-all")
        server = self.serve(here)
        self.assertEqual(self.by_cloud(here, "info").code, 0)
        self.write_watched(here)
        self.assertEqual(self.monitor(0)["alarm"], False)
        server.stop()
        # The operator gives the address to somebody else.
        here.write_password(self.cloud.ctl("address", "reset", here.address)["password"])
        other = farhand.make_identity(self.path("other.pem"))
        fingerprint = farhand.identity(other)[1]
        here.key = self.path("other-cloud.key")
        impostor = self.serve(here, key=other)
        result = self.by_cloud(here, "info", trust=False)
        self.assertEqual(result.code, CHANGED, result)
        self.assertRegex(result.err, "has another key; nothing was sent to it")
        self.assertNotIn("identified", [e["event"] for e in impostor.audit()])
        # Who does not know it, and does not ask, meets the impostor; the log has it.
        self.known = self.path("known of another")
        result = self.by_cloud(here, "info", trust=False, there=self.accepting())
        self.assertEqual(result.code, 0, result)
        report = self.monitor(20)
        found = [leaf["verdict"] for leaf in report["leaves"] if leaf.get("fingerprint") == fingerprint]
        self.assertEqual(found, ["unknown"])

    def accepting(self):
        there = self.cloud.endpoint("connect")
        there.__class__ = type("Accepting", (clouds.Endpoint,), {
            "viewer_options": property(lambda e: [*e.options, "--cloud-loopback", "--accept-new"])})
        return there

    def write_watched(self, endpoint):
        made = self.cloud.ctl("key", "add", "test", "--scopes", "address:read")
        with open(self.path("api"), "w", encoding="ascii") as f:
            f.write(f"{made['key']}:{made['secret']}\n")
        os.chmod(self.path("api"), 0o600)
        with open(self.path("watched"), "w", encoding="ascii") as f:
            f.write(f"{endpoint.address} {self.fingerprint}\n")

    def monitor(self, code):
        ran = subprocess.run([MONITOR, "--service", self.cloud.line, "--addresses", self.path("watched"), "--state",
                              self.path("watcher"), "--api-key-file", self.path("api"), "--json"], env=farhand.ENV,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=farhand.PATIENCE, check=False)
        self.assertEqual(ran.returncode, code, ran)
        return json.loads(ran.stdout)


if __name__ == "__main__":
    farhand.main()
