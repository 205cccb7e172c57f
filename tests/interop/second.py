#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""second.py -- our programs against the second implementation of the whole protocol.

e2e/session.py and fsc1.py were written from docs/protocol.md; here they are the viewer of our
server and the server of our viewer.
"""
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
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        sock, _ = self.listener.accept()
        with sock:
            try:
                self.served = session.Server(sock, session.load_key(self.key), farhand.USER, farhand.PASSWORD,
                                             WIDTH, HEIGHT, self.RGB)
                self.served.serve()
            except (session.Ended, session.fsc1.Closed):
                pass
            except Exception as error:  # told by the case that waits for it
                self.error = error

    def finish(self):
        self.thread.join(farhand.PATIENCE)
        self.assertIsNone(self.error)

    def test_is_seen_pixel_by_pixel_and_hears(self):
        self.ok(self.address, "type", "hi", "click", "1", "paste", "\u20ac", "capture", self.path("a.png"),
                options=["--encodings", "raw"])
        self.finish()
        self.assertEqual(farhand.png_pixels(self.path("a.png")), (WIDTH, HEIGHT, self.RGB))
        self.assertEqual(self.served.heard[:4], [session.key_event(ord(c), d) for c in "hi" for d in (1, 0)])
        self.assertEqual(self.served.heard[4:6], [session.pointer_event(0, 0, 1), session.pointer_event(0, 0, 0)])
        self.assertEqual(session.fsc1.fingerprint(self.served.peer).hex(), farhand.identity(self.viewer_key)[1])

    def test_refuses_a_wrong_password(self):
        self.fails(3, self.address, "info", password="wrong")
        self.finish()


if __name__ == "__main__":
    farhand.main()
