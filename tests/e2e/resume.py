#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""resume.py -- a viewer whose network is cut, stalls or is closed by half carries on where it was, and nobody else can.

Between them stands a network of ours (network.py). What was typed and what is seen is compared exactly.
"""
import os
import random
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import network  # noqa: E402
import session  # noqa: E402

sys.path.insert(0, os.path.join(farhand.TOP, "libtransport/tests/link"))
import link  # noqa: E402

fsc1 = session.fsc1
KEEP = 4 << 20


class Resume(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)
        cls.shared.ask("xset", "r", "off")  # a key whose release is late must not repeat itself

    def serve(self, *options, **more):
        return self.server(self.shared, options=options, **more)

    def network(self, server, **more):
        net = network.Network(server.port, **more)
        self.addCleanup(net.close)
        return net

    def events(self, server, *names):
        return [e for e in server.audit() if e["event"] in names]

    def wait_event(self, server, name, count=1):
        return farhand.wait_until(lambda: (self.events(server, name)[count - 1:] or [None])[0], f"{name} {count}")


class Network(Resume):
    """What the user of vncviewer-cli --resume sees: nothing, but that it takes longer."""

    def type_through(self, net, text, meddle):
        """Types into a program that writes down what it reads, through what meddle() does to the network."""
        out = self.path("typed")
        program = self.shared.xterm(f"cat >{out}; echo done >>{out}.done", name="typist")
        self.addCleanup(program.stop)
        with open(self.path("text"), "w", encoding="ascii") as f:
            f.write(text)
        viewer = self.start_viewer(net.address, "pause", "0.5", "click", "1", "typefile", self.path("text"),
                                   "wait-stable", "1", "key", "ctrl-d", "wait-stable", "1", options=["--resume", "--verbose"])
        viewer.wait_line("authenticated")  # it knows that it may come back
        left = meddle()
        self.assertEqual(viewer.wait(), 0, viewer.text())
        self.assertLess(left[0], 5)
        farhand.wait_until(lambda: os.path.exists(out + ".done"), "the end of what was typed")
        return farhand.read_text(out)

    def text(self, seed, lines):
        letters = random.Random(seed)
        return "".join("".join(letters.choice("abcdefghijklmnopqrstuvwxyz ABCXYZ0123456789")
                               for _ in range(60)) + "\n" for _ in range(lines))

    def cut_often(self, net, direction, seed, least, most, times):
        at = random.Random(seed)
        left = [times]

        def cut(wire):
            wire.cut()
            left[0] -= 1
            if left[0] > 0:
                net.after(direction, at.randint(least, most), cut)

        net.after(direction, at.randint(least, most), cut)
        return left

    def test_what_is_typed_while_the_network_is_cut_arrives_once(self):
        for direction, least, most in ((network.UP, 3000, 12000), (network.DOWN, 60, 400)):
            with self.subTest(direction=direction):
                server = self.serve()
                net = self.network(server)
                text = self.text(direction, 40)
                self.assertEqual(self.type_through(net, text, lambda: self.cut_often(
                    net, direction, 7, least, most, 5)), text)  # noqa: B023
                self.assertEqual(len(self.events(server, "started")), 1)
                # Some may have been cut again before they were proved.
                self.assertIn(len(self.events(server, "resumed")), range(1, net.count()))
                for name in ("typed", "typed.done"):
                    os.remove(self.path(name))

    def restless(self, seconds):
        """A screen that changes all the time, and then stays as it is."""
        script = (f"end=$(($(date +%s) + {seconds})); while [ $(date +%s) -lt $end ]; do "
                  "head -c 700 /dev/urandom | od -An -tx1; done; echo STILL; cat")
        program = self.shared.xterm(script, geometry="50x20+0+0", name="restless")
        self.addCleanup(program.stop)

    def test_the_picture_is_exact_after_cuts_in_big_updates(self):
        server = self.serve()
        net = self.network(server)
        self.restless(4)
        viewer = self.start_viewer(net.address, "wait-stable", "2", "capture", self.path("a.png"),
                                   options=["--resume", "--verbose", "--encodings", "zrle"])
        viewer.wait_line("authenticated")
        left = self.cut_often(net, network.DOWN, 3, 20000, 90000, 6)
        self.assertEqual(viewer.wait(), 0, viewer.text())
        self.assertLess(left[0], 6)
        self.assertGreaterEqual(len(self.events(server, "resumed")), 1)
        self.assertEqual(farhand.png_pixels(self.path("a.png")), self.shared.picture())

    def test_a_network_that_only_stalls_is_found_out(self):
        server = self.serve()
        net = self.network(server)
        viewer = self.start_viewer(net.address, "pause", "2", "capture", self.path("a.png"),
                                   options=["--resume", "--verbose"])
        viewer.wait_line("authenticated")
        net.stall()
        viewer.wait_line("connected to .* again; the session carries on")
        self.assertEqual(viewer.wait(), 0, viewer.text())
        self.assertEqual(farhand.png_pixels(self.path("a.png")), self.shared.picture())
        self.assertEqual(net.count(), 2)

    def test_a_stream_that_is_closed_by_half_is_replaced(self):
        for direction in (network.UP, network.DOWN):
            with self.subTest(direction=direction):
                server = self.serve()
                net = self.network(server)
                viewer = self.start_viewer(net.address, "pause", "1", "move", "5", "5", "capture", self.path("a.png"),
                                           options=["--resume", "--verbose"])
                viewer.wait_line("authenticated")
                net.half_close(direction)
                self.assertEqual(viewer.wait(), 0, viewer.text())
                self.assertEqual(farhand.png_pixels(self.path("a.png")), self.shared.picture())
                self.assertEqual(len(self.events(server, "resumed")), 1)

    def test_what_was_held_down_is_let_go_of(self):
        xev = self.shared.xev(events=("keyboard", "mouse"))
        self.addCleanup(xev.stop)
        server = self.serve()
        net = self.network(server)
        viewer = self.start_viewer(net.address, "move", "50", "50", "keydown", "shift", "mousedown", "1", "pause", "3",
                                   "mouseup", "1", "keyup", "shift", options=["--resume"])
        xev.wait_line(r"ButtonPress")
        net.refuses = True
        net.cut()
        xev.wait_line(r"ButtonRelease")
        self.wait_event(server, "detached")
        self.assertEqual(self.events(server, "resumed"), [])
        net.refuses = False
        self.assertEqual(viewer.wait(), 0, viewer.text())
        self.wait_event(server, "resumed")

    def test_the_audit_says_when_it_left_and_from_where_it_came_back(self):
        server = self.serve()
        net = self.network(server, sources=("127.0.0.2", "127.0.0.3"))
        viewer = self.start_viewer(net.address, "pause", "2", "info", options=["--resume", "--verbose"])
        viewer.wait_line("authenticated")
        net.cut()
        resumed = self.wait_event(server, "resumed")
        self.assertEqual(viewer.wait(), 0, viewer.text())
        started, detached = self.wait_event(server, "started"), self.wait_event(server, "detached")
        self.assertIn("127.0.0.2", detached["peer"])
        self.assertIn("127.0.0.3", resumed["peer"])
        self.assertEqual({e["session"] for e in (started, detached, resumed)}, {started["session"]})
        self.assertEqual(self.wait_event(server, "ended")["user"], farhand.USER)

    def test_the_filter_judges_where_it_comes_back_from(self):
        with open(self.path("conf"), "w", encoding="utf-8") as f:
            f.write("filter = - 127.9.0.0/16\nfilter = + 127.8.0.0/16 view,clipboard-in\nfilter = + *\n")
        server = self.serve("--config", self.path("conf"))
        net = self.network(server, sources=("127.0.0.2", "127.9.0.1", "127.8.0.1"))
        viewer = self.start_viewer(net.address, "pause", "3", "key", "a", options=["--resume", "--verbose"])
        viewer.wait_line("authenticated")
        net.cut()
        resumed = self.wait_event(server, "resumed")
        self.assertIn("127.8.0.1", resumed["peer"])
        refused = [e for e in self.events(server, "refused") if "127.9.0.1" in e["peer"]]
        self.assertEqual([e["reason"] for e in refused], ["filtered"])
        self.assertEqual(self.wait_event(server, "permissions-changed")["permissions"], "view,clipboard-in")
        self.assertEqual(viewer.wait(), 30, viewer.text())  # a key is not permitted from there
        self.assertIn("not permitted", viewer.text())

    def test_who_stays_away_too_long_has_to_come_anew(self):
        server = self.serve("--resume-timeout", "2")
        net = self.network(server)
        viewer = self.start_viewer(net.address, "pause", "20", options=["--resume", "--verbose"])
        viewer.wait_line("authenticated")
        net.refuses = True
        net.cut()
        self.assertEqual(viewer.wait(), 11, viewer.text())
        self.assertIn("not reached again in time", viewer.text())
        self.wait_event(server, "ended")
        self.assertEqual(self.events(server, "ended")[0]["reason"], "lost")
        net.refuses = False
        self.ok(net.address, "info", options=["--resume"])

    def test_a_server_that_does_not_offer_it_says_so(self):
        server = self.serve("--resume-timeout", "0")
        said = self.fails(11, server, "info", options=["--resume"]).err
        self.assertIn("connect without --resume", said)
        self.ok(server, "info")

    def test_goodbye_is_no_loss(self):
        server = self.serve()
        self.ok(server, "info", options=["--resume"])
        self.wait_event(server, "ended")
        self.assertEqual(self.events(server, "detached"), [])


class Second(Resume):
    """The second implementation, as a viewer, and as somebody who would like to be one."""

    def begin(self, server):
        wire = link.Link(server.connect())
        self.addCleanup(lambda: wire.sock.close())
        client = session.Client(wire, session.load_key(self.viewer_key), bytes.fromhex(self.fingerprint))
        self.assertEqual(client.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        exporter = client.channel.schedule.exporter
        wire.key, wire.ref = fsc1.label(exporter, "link"), fsc1.label(exporter, "link ref", b"", 16)
        client.start_rfb()
        return wire, client

    def claim(self, server, wire, claim):
        """Says it is the owner of that link; what came of it."""
        with server.connect() as sock:
            sock.sendall(link.GREETING + claim)
            try:
                return sock.recv(4)
            except ConnectionError:
                return b""

    def test_carries_on(self):
        server = self.serve()
        wire, client = self.begin(server)
        before = client.picture()
        for _ in range(3):
            wire.sock.close()
            wire.resume(server.connect())
            self.assertEqual(client.picture(), before)
        self.wait_event(server, "resumed", 3)
        client.channel.close()
        client.drain()

    def test_what_was_on_its_way_is_sent_again(self):
        server = self.serve()
        wire, client = self.begin(server)
        client.rfb(session.update_request(0, 0, client.width, client.height))
        wire.take()  # some of it
        wire.sock.close()
        wire.resume(server.connect())
        rgb, missing = bytearray(3 * client.width * client.height), client.width * client.height
        while missing > 0:
            missing -= client._message(rgb)
        self.assertEqual(bytes(rgb), self.shared.picture()[2])

    def hijack(self, is_away):
        """Every false claim is refused, and the session stays its owner's."""
        server = self.serve()
        wire, client = self.begin(server)
        before = client.picture()
        other, _ = self.begin(server)
        used = wire.opening()
        if is_away:
            wire.sock.close()
            self.wait_event(server, "detached")
        wrong = bytearray(wire.opening())
        wrong[-1] ^= 1
        false = {"wrong MAC": bytes(wrong),
                 "wrong key": wire.opening(key=os.urandom(32)),
                 "another session's key": wire.opening(key=other.key),
                 "another session's name": wire.opening(ref=other.ref),
                 "a name that nobody has": wire.opening(ref=os.urandom(16)),
                 "a number that was never sent": wire.opening(want=1 << 40),
                 "a number from before": wire.opening(want=0),
                 "no key": wire.opening(key=bytes(32))}
        for what, claim in false.items():
            with self.subTest(what=what):
                self.assertIn(self.claim(server, wire, claim), (link.frame(link.REFUSED), b""))
        self.assertEqual(self.events(server, "resumed"), [])
        if not is_away:
            self.assertEqual(client.picture(), before)  # nobody noticed
            wire.sock.close()
        wire.resume(server.connect())
        self.assertEqual(client.picture(), before)
        for claim in (used, wire.opening(counter=1)):
            self.assertIn(self.claim(server, wire, claim), (link.frame(link.REFUSED), b""))
        self.assertEqual(client.picture(), before)
        self.assertEqual(len(self.events(server, "resumed")), 1)
        self.assertGreaterEqual(len(self.events(server, "refused")), len(false))

    def test_nobody_else_carries_on_while_it_is_there(self):
        self.hijack(False)

    def test_nobody_else_carries_on_while_it_is_away(self):
        self.hijack(True)

    def test_a_replayed_return_is_refused(self):
        server = self.serve()
        wire, client = self.begin(server)
        wire.sock.close()
        claim = wire.opening()
        wire.resume(server.connect(), claim)
        before = client.picture()
        self.assertIn(self.claim(server, wire, claim), (link.frame(link.REFUSED), b""))
        self.assertEqual(client.picture(), before)

    def test_whose_claim_came_last_is_not_taken_for_who_is_back(self):
        """A false claim from elsewhere, between the owner's and its proof."""
        server = self.serve()
        wire, client = self.begin(server)
        wire.sock.close()
        wrong = bytearray(wire.opening())
        wrong[-1] ^= 1
        owner = server.connect("127.0.0.2")
        steps = []

        class Slow:
            def __getattr__(self, name):
                return getattr(owner, name)

            def sendall(sock, data):  # noqa: N805
                steps.append(len(data))
                if len(steps) == 2:  # the proof
                    with server.connect("127.0.0.3") as other:
                        other.sendall(link.GREETING + bytes(wrong))
                        other.recv(4)
                    self.wait_event(server, "refused")
                owner.sendall(data)

        wire.resume(Slow())
        client.picture()
        self.assertIn("127.0.0.2", self.wait_event(server, "resumed")["peer"])
        self.assertIn("127.0.0.3", self.events(server, "refused")[0]["peer"])

    def test_a_claim_alone_moves_nothing(self):
        server = self.serve()
        wire, client = self.begin(server)
        with server.connect() as sock:  # as if somebody held the rest back
            sock.sendall(link.GREETING + wire.opening())
            self.assertEqual(sock.recv(1), bytes([link.ATTACHED]))
            self.assertEqual(client.picture(), self.shared.picture())
        self.assertEqual(self.events(server, "resumed"), [])

    def test_who_never_acknowledges_holds_what_is_kept_and_no_more(self):
        server = self.serve()
        wire, client = self.begin(server)
        before = memory(server)
        wire.silent, count, quiet = True, wire.wanted, 0
        wire.sock.settimeout(0.5)
        while quiet < 4:  # until four pictures in a row do not come
            client.rfb(session.update_request(0, 0, client.width, client.height))
            had = wire.wanted
            try:
                while True:
                    wire.take()
            except link.Lost:
                quiet = quiet + 1 if wire.wanted == had else 0
            self.assertLess(wire.wanted - count, 2 * KEEP)
        self.assertLessEqual(wire.wanted - wire.base_of_peer, KEEP)
        self.assertGreater(wire.wanted - count, KEEP // 2)
        self.assertLess(memory(server) - before, 3 * KEEP)
        # It only has to say what it has.
        wire.silent = False
        wire.sock.settimeout(farhand.PATIENCE)
        wire.acknowledge()
        self.assertEqual(client.picture(), self.shared.picture())
        client.channel.close()


def memory(server):
    """Bytes that the service and its children hold."""
    total = 0
    for pid in [server.pid, *map(int, farhand.read_text(f"/proc/{server.pid}/task/{server.pid}/children").split())]:
        for line in farhand.read_text(f"/proc/{pid}/status").splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) << 10
    return total


if __name__ == "__main__":
    farhand.need("xset")
    farhand.main()
