#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hostile.py -- what a server gives to those it does not know: as little as the protocol has it."""
import os
import select
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402

fsc1 = session.fsc1
OPENING = b"FARHAND 001\n"


def hello():
    return fsc1.write_client_hello(os.urandom(32), bytes(16), bytes(16), fsc1.public(fsc1.X25519PrivateKey.generate()))


def everything(sock):
    """All that the server says until it closes."""
    data = b""
    try:
        while True:
            part = sock.recv(65536)
            if not part:
                return data
            data += part
    except ConnectionResetError:
        return data


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Hostile(farhand.Case):
    NAME = "the-secret-name-of-the-desktop"

    def setUp(self):
        super().setUp()
        self.shown = self.display()
        self.serving = self.server(self.shown, options=["--name", self.NAME])

    def connect(self, source=None):
        sock = self.serving.connect(source)
        self.addCleanup(sock.close)
        return sock

    def answer(self, data, source=None):
        sock = self.connect(source)
        sock.sendall(data)
        return everything(sock)


class FirstBytes(Hostile):
    def test_wrong_first_bytes_get_silence(self):
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"RFB 003.008\n", b"RFB 003.003\n", b"\0" * 12, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03x",
                     b"FARHAND abc\n", b"farhand 001\n", b"FARHAND 001\r"):
            self.assertEqual(self.answer(data), b"", data)

    def test_another_version_is_told_ours(self):
        for version in (b"002", b"000", b"999"):
            self.assertEqual(self.answer(b"FARHAND " + version + b"\n"), OPENING)

    def test_what_is_no_hello_gets_silence(self):
        good = hello()
        for number, bad in enumerate((b"\x02" + good[1:], b"\x01\x00\xff\xff" + b"\0" * 64, good[:4] + b"\0" * (len(good) - 4),
                                      good[:68] + b"\x00" + good[69:], b"\x17\x00\x00\x01x", fsc1.message(1, b""))):
            sock = self.connect(f"127.0.1.{number + 1}")
            sock.sendall(OPENING + bad)
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(everything(sock), b"", bad)

    def test_a_hello_without_a_common_suite_is_refused(self):
        bad = bytearray(hello())
        bad[69:71] = b"\x77\x77"
        said = self.answer(OPENING + bytes(bad))
        self.assertEqual((said[0], said[4]), (255, 5))

    def test_a_share_that_forces_the_secret_is_refused(self):
        bad = bytearray(hello())
        bad[71:103] = bytes(32)
        said = self.answer(OPENING + bytes(bad))
        self.assertEqual((said[0], said[4]), (255, 1))


class BeforeAuthorisation(Hostile):
    """All that ever came is kept and looked at: nothing of the desktop is in it."""

    def nothing_but_session(self, client):
        self.assertTrue(client.frames)
        for number, payload in client.frames:
            self.assertEqual(number, session.SESSION)
            self.assertIn(payload[0], (session.OFFER, session.RESULT, session.BYE))
            self.assertNotIn(self.NAME.encode(), payload)
            self.assertNotIn(b"\x01\x40\x00\xf0", payload)  # 320x240 as RFB writes it

    def end(self, client):
        try:
            client.drain()
        except (fsc1.Closed, fsc1.Abort, OSError):
            pass

    def test_waiting_brings_nothing(self):
        client = self.raw_client(self.serving)
        client.message(session.OFFER)
        self.shown.ask("xsetroot", "-solid", "red")
        ready, _, _ = select.select([client.channel.sock], [], [], 1)
        self.assertEqual(ready, [])
        client.channel.close()
        self.end(client)
        self.nothing_but_session(client)

    def test_wrong_passwords_bring_nothing(self):
        client = self.raw_client(self.serving)
        client.log_in(farhand.USER, "1")
        try:
            for i in range(10):
                client.choose(farhand.USER, str(i))
        except (session.Ended, fsc1.Closed, fsc1.Abort, OSError):
            pass
        self.end(client)
        self.nothing_but_session(client)
        self.assertLessEqual(len([e for e in self.serving.audit() if e["event"] == "auth-failed"]), 5)

    def test_rfb_before_the_result_is_a_protocol_error(self):
        for data in (b"\x01", session.update_request(0, 0, 320, 240), b"\x01" + session.encodings(0)):
            client = self.raw_client(self.serving)
            client.message(session.OFFER)
            client.rfb(data)
            with self.assertRaises((fsc1.Closed, session.Ended)):
                client.message(session.RESULT)
            self.end(client)
            self.nothing_but_session(client)

    def test_early_bytes_with_a_wrong_password_bring_nothing(self):
        client = self.raw_client(self.serving)
        client.message(session.OFFER)
        client.send(session.SESSION, bytes([session.CHOOSE, session.PASSWORD_METHOD]) +
                    session.items((session.KIND_USER, b"ann"), (session.KIND_PASSWORD, b"wrong")))
        client.send(session.SESSION, bytes([session.EARLY]) + b"\x01" + session.update_request(0, 0, 320, 240))
        self.assertEqual(client.message(session.RESULT)[1][0], session.TRY_AGAIN)
        client.channel.close()
        self.end(client)
        self.nothing_but_session(client)

    def test_all_answers_have_the_same_size(self):
        sizes = set()
        for user, password in ((farhand.USER, "x"), ("nobody", "x"), ("n", "x" * 100)):
            client = self.raw_client(self.serving)
            client.message(session.OFFER)
            lengths = []
            read = client.channel.read

            def watch(n, lengths=lengths, read=read):
                data = read(n)
                if n == 4:
                    lengths.append(int.from_bytes(data[1:], "big"))
                return data
            client.channel.read = watch
            client.choose(user, password)
            sizes.add(tuple(lengths))
            client.channel.close()
            self.end(client)
        self.assertEqual(len(sizes), 1, sizes)


class Floods(Hostile):
    def test_half_open_connections_are_counted_by_address_and_in_all(self):
        """The 9th of one address and the 33rd of all are closed; one that leaves makes room."""
        def is_closed(sock):
            ready, _, _ = select.select([sock], [], [], 0)
            return bool(ready) and not sock.recv(1)

        def open_at(source):
            """A connection that the server has counted or closed: it answers those in order."""
            sock = self.connect(source)
            sock.sendall(OPENING)
            return sock
        first = [open_at("127.0.2.1") for _ in range(8)]
        ninth = open_at("127.0.2.1")
        self.assertEqual(everything(ninth), b"")
        others = [open_at(f"127.0.3.{1 + i // 8}") for i in range(24)]
        last = open_at("127.0.4.1")
        self.assertEqual(everything(last), b"")
        self.assertFalse([s for s in first + others if is_closed(s)])
        for s in first + others:
            s.close()
        farhand.wait_until(lambda: self.viewer(self.serving, "info").code == 0, "room for a viewer")

    def test_a_thousand_half_open_connections_leave_room_for_a_viewer(self):
        """From a hundred addresses, held as long as the server lets them; a viewer waits its turn and gets in."""
        before = open_files(self.serving.pid)
        held = []
        for i in range(1000):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.settimeout(farhand.PATIENCE)
            sock.bind((f"127.0.8.{1 + i % 100}", 0))
            sock.connect(("127.0.0.1", self.serving.port))
            held.append(sock)
            if i == 500:
                self.assertLess(open_files(self.serving.pid), before + 400)
        farhand.wait_until(lambda: self.viewer(self.serving, "info").code == 0, "a viewer gets in")
        self.assertTrue(self.serving.program.is_running())
        for sock in held:
            self.assertEqual(everything(sock), b"")
        farhand.wait_until(lambda: open_files(self.serving.pid) <= before, "all of them are let go of")

    def test_who_dawdles_is_closed_while_others_connect(self):
        slow = [self.connect("127.0.5.1"), self.connect("127.0.5.2"), self.connect("127.0.5.3")]
        began = time.monotonic()
        slow[0].sendall(b"FARHAND")
        slow[1].sendall(OPENING + hello()[:100])
        self.ok(self.serving, "info")
        data = hello()

        def dribble():
            try:
                for i in range(len(data)):
                    slow[2].sendall((OPENING + data)[i:i + 1])
                    time.sleep(0.05)
            except OSError:
                pass
        thread = threading.Thread(target=dribble, daemon=True)
        thread.start()
        for sock in slow:
            self.assertEqual(everything(sock), b"")
        # Not before the deadline either: that would be another reason to close.
        self.assertGreater(time.monotonic() - began, 4.5)
        thread.join()

    def test_a_flood_of_hellos_is_refused_as_busy_and_only_for_its_source(self):
        codes = []
        for _ in range(40):
            sock = self.connect("127.0.6.1")
            sock.sendall(OPENING + hello())
            head = sock.recv(5)
            codes.append(head[4] if head[:1] == b"\xff" else 0)
            sock.close()
        self.assertEqual(set(codes), {0, 6})
        self.assertLess(codes.count(0), 30)
        self.ok(self.serving, "info")

    def test_half_a_handshake_and_then_rubbish_harms_nobody(self):
        for i in range(20):
            sock = self.connect(f"127.0.7.{i + 1}")
            sock.sendall(OPENING + hello())
            sock.recv(100)
            sock.sendall(os.urandom(2000))
            sock.close()
        self.ok(self.serving, "info")
        self.assertTrue(self.serving.program.is_running())


if __name__ == "__main__":
    farhand.need("xsetroot")
    farhand.main()
