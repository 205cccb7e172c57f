#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""second.py -- our programs against the second implementation of the whole protocol.

e2e/session.py and fsc1.py were written from docs/protocol.md; here they are the viewer of our
server and the server of our viewer.
"""
import json
import os
import random
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../e2e"))
sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402

WIDTH, HEIGHT = 97, 61


class TheirViewer(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)
        cls.xterm = cls.shared.xterm("printf 'some \\033[42mcolour\\033[0m'; cat", name="program")
        cls.addClassCleanup(cls.xterm.stop)

    def test_sees_the_desktop_pixel_by_pixel(self):
        client = self.raw_client(self.server(self.shared))
        self.assertEqual(client.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        self.assertEqual(client.permissions, 0x7ff)
        client.start_rfb()
        self.assertEqual(client.picture(), self.shared.picture())
        client.channel.close()
        client.drain()

    def test_is_heard(self):
        xev = self.shared.xev(events=("keyboard", "mouse"))
        self.addCleanup(xev.stop)
        client = self.raw_client(self.server(self.shared))
        client.log_in(farhand.USER, farhand.PASSWORD)
        client.start_rfb()
        client.rfb(session.pointer_event(60, 40, 0) + session.pointer_event(60, 40, 1) +
                   session.pointer_event(60, 40, 0) + session.key_event(0x71, True) + session.key_event(0x71, False))
        xev.wait_line(r"root:\(60,40\)")
        xev.wait_line(r"keysym 0x71, q")
        client.channel.close()
        client.drain()

    def test_may_renew_the_keys_in_the_middle(self):
        client = self.raw_client(self.server(self.shared))
        client.log_in(farhand.USER, farhand.PASSWORD)
        client.start_rfb()
        before = client.picture()
        client.channel.update()
        self.assertEqual(client.picture(), before)
        client.channel.rekey()
        self.assertEqual(client.picture(), before)
        self.assertEqual(client.picture(), before)
        self.assertGreater(client.channel.into.epoch, 1)
        client.channel.close()
        client.drain()

    def test_proves_the_password_without_telling_it(self):
        client = self.raw_client(self.server(self.shared))
        self.assertEqual(client.prove(farhand.USER, "wrong")[0], session.TRY_AGAIN)
        self.assertEqual(client.prove(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        client.start_rfb()
        self.assertEqual(client.picture(), self.shared.picture())
        client.channel.close()
        client.drain()

    def test_hears_of_the_next_key_and_that_both_keys_vouch_for_it(self):
        own = farhand.make_identity(self.path("own.pem"))
        _, fingerprint = farhand.identity(own)
        farhand.ask_serverd("--identity", own, "identity", "rotate", "--bits", "2048")
        server = self.server(self.shared, key=own)
        seen = set()
        for _ in range(2):
            with server.connect() as sock:
                client = session.Client(sock, session.load_key(self.viewer_key), bytes.fromhex(fingerprint))
                client.log_in(farhand.USER, farhand.PASSWORD)
                _, body = client.message(session.ROTATION)
                statement = session.read_rotation(body)
                binding = client.channel.schedule.channel_binding
                session.fsc1.check_rotation(binding, client.peer, *statement)
                self.assertEqual(session.fsc1.fingerprint(statement[0]).hex(), farhand.identity(own + ".next")[1])
                with self.assertRaises(session.fsc1.Abort):
                    session.fsc1.check_rotation(bytes(32), client.peer, *statement)
                seen.add(body)
                client.start_rfb()
                self.assertEqual(client.picture(), self.shared.picture())
                client.channel.close()
                client.drain()
        self.assertEqual(len(seen), 2)

    def test_may_try_again_after_a_wrong_password(self):
        client = self.raw_client(self.server(self.shared))
        self.assertEqual(client.log_in(farhand.USER, "wrong")[0], session.TRY_AGAIN)
        self.assertEqual(client.choose(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        client.channel.close()
        client.drain()


class TheirServer(farhand.Case):
    RGB = random.Random(1).randbytes(3 * WIDTH * HEIGHT)

    def setUp(self):
        super().setUp()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.address = f"127.0.0.1::{self.listener.getsockname()[1]}"
        self.served, self.error = None, None
        self.announce = None  # what is said of another key, of the open channel
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.serve_one(sock)

    def serve_one(self, sock):
        with sock:
            try:
                self.served = session.Server(sock, session.load_key(self.key), farhand.USER, farhand.PASSWORD,
                                             WIDTH, HEIGHT, self.RGB)
                if self.announce:
                    self.served.send(session.SESSION, self.announce(self.served))
                self.served.serve()
            except (session.Ended, session.fsc1.Closed):
                pass
            except Exception as error:  # told by the case that waits for it
                self.error = error

    def finish(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(farhand.PATIENCE)
        self.assertFalse(self.thread.is_alive())
        self.assertIsNone(self.error)

    def test_is_seen_pixel_by_pixel_and_hears(self):
        self.ok(self.address, "type", "hi", "click", "1", "paste", "\u20ac", "capture", self.path("a.png"),
                options=["--encodings", "raw"])
        self.finish()
        self.assertEqual(farhand.png_pixels(self.path("a.png")), (WIDTH, HEIGHT, self.RGB))
        self.assertEqual(self.served.heard[:4], [session.key_event(ord(c), d) for c in "hi" for d in (1, 0)])
        self.assertEqual(self.served.heard[4:6], [session.pointer_event(0, 0, 1), session.pointer_event(0, 0, 0)])
        self.assertEqual(session.fsc1.fingerprint(self.served.peer).hex(), farhand.identity(self.viewer_key)[1])

    def statement(self, served, old=None, new=None, binding=None):
        old, new = old or self.key, new or self.path("next.pem")
        binding = binding or served.channel.schedule.channel_binding
        return session.write_rotation(*session.fsc1.sign_rotation(session.load_key(old), session.load_key(new), binding))

    def keys_known(self):
        ran = farhand.subprocess.run([farhand.VIEWER, "--known-servers", self.known, "--json", "known-servers", "list"],
                                     env={**farhand.ENV, "HOME": self.place}, check=True, stdout=farhand.subprocess.PIPE,
                                     timeout=farhand.PATIENCE)
        return [(e["how"], e["fingerprint"]) for e in map(json.loads, ran.stdout.splitlines())]

    def test_names_its_next_key(self):
        _, fingerprint = farhand.identity(farhand.make_identity(self.path("next.pem")))
        self.announce = self.statement
        self.ok(self.address, "capture", self.path("a.png"), options=["--encodings", "raw"])
        self.assertEqual(self.keys_known(), [("given", self.fingerprint), ("rotated", fingerprint)])
        self.finish()

    def test_is_left_when_its_keys_do_not_vouch(self):
        farhand.make_identity(self.path("next.pem"))
        farhand.make_identity(self.path("another.pem"))
        heard = []

        def record(served):
            heard.append(self.statement(served))
            return heard[0]
        self.announce = record
        self.ok(self.address, "capture", self.path("a.png"), options=["--encodings", "raw"])
        self.fails(0, "known-servers", "remove", self.address)
        cases = {"replayed from another channel": lambda s: heard[0],
                 "signed by another old key": lambda s: self.statement(s, old=self.path("another.pem")),
                 "the keys exchanged": lambda s: self.statement(s, old=self.path("next.pem"), new=self.key),
                 "its own successor": lambda s: self.statement(s, new=self.key),
                 "another binding": lambda s: self.statement(s, binding=bytes(32)),
                 "cut": lambda s: self.statement(s)[:-1], "longer": lambda s: self.statement(s) + b"x",
                 "no key": lambda s: session.write_rotation(b"", b"", b"")}
        for name, self.announce in cases.items():
            with self.subTest(name):
                result = self.fails(20, self.address, "wait-change", options=["--encodings", "raw"])
                self.assertRegex(result.err, "do not vouch|protocol")
                self.assertEqual(self.keys_known(), [("given", self.fingerprint)])
        self.finish()

    def test_refuses_a_wrong_password(self):
        self.fails(3, self.address, "info", password="wrong")
        self.finish()


if __name__ == "__main__":
    farhand.main()
