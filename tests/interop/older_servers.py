#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""older_servers.py -- our viewer at servers that do not know the channel: a second implementation of each security
type, and the programs that people have.
"""
import os
import shutil
import socket
import ssl
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../e2e"))
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True
import farhand  # noqa: E402
import older_peer as older  # noqa: E402

OK, AUTHENTICATION, UNKNOWN, CHANGED = 0, 3, 4, 5
NAMES = {older.RA2_256: "RA2_256", older.RA2: "RA2", older.RA2NE_256: "RA2ne_256", older.RA2NE: "RA2ne",
         older.VNC: "VncAuth", older.NONE: "None"}
RSA_TYPES = (older.RA2_256, older.RA2, older.RA2NE_256, older.RA2NE)


class Older(farhand.Case):
    def run_viewer(self, address, *commands, options=(), password=farhand.PASSWORD):
        return self.viewer(address, *commands, options=list(options), trust=False, password=password)

    def python_server(self, kinds, key=None, connections=1, **more):
        """Serves so many viewers in turn: (address, the servers that were)."""
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(farhand.PATIENCE)
        self.addCleanup(listener.close)
        servers = []

        def serve():
            for _ in range(connections):
                sock, _ = listener.accept()
                sock.settimeout(farhand.PATIENCE)
                try:
                    servers.append(older.Server(sock, kinds, farhand.USER, farhand.PASSWORD, key, **more))
                    servers[-1].serve()
                    servers[-1].stream.sock.close()
                except (older.Refused, OSError, EOFError, AssertionError) as e:
                    servers.append(e)
                sock.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, farhand.PATIENCE)
        return f"127.0.0.1::{listener.getsockname()[1]}", servers


class SecondImplementation(Older):
    def setUp(self):
        super().setUp()
        self.rsa = older.rsa.generate_private_key(65537, 2048)
        self.pub = older.pub_bytes(self.rsa.public_key())
        self.id = older.hashlib.sha256(self.pub).hexdigest()

    def test_is_seen_and_hears_with_each_type(self):
        for kind in (*RSA_TYPES, older.VNC, older.NONE):
            with self.subTest(kind=kind):
                address, servers = self.python_server([kind], self.rsa)
                trust = ["--trust", self.id] if kind in RSA_TYPES else []
                result = self.run_viewer(address, "type", "q", "capture", self.path("a.png"),
                                         options=["--legacy", NAMES[kind], *trust])
                self.assertEqual(result.code, OK, result)
                self.assertEqual(farhand.png_pixels(self.path("a.png")), (64, 48, bytes((1, 2, 3)) * 64 * 48))
                farhand.wait_until(lambda: (0x71, 0) in servers[0].heard, "the key")

    def test_is_seen_inside_tls(self):
        cert, key, spki = older.make_certificate(self.place)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        for kind in (older.X509_PLAIN, older.X509_VNC, older.X509_NONE):
            with self.subTest(kind=kind):
                address, servers = self.python_server([older.VENCRYPT], tls=(context, [258, kind]))
                result = self.run_viewer(address, "type", "q", "capture", self.path("a.png"),
                                         options=["--legacy", "X509None", "--trust", spki])
                self.assertEqual(result.code, OK, result)
                self.assertEqual(farhand.png_pixels(self.path("a.png")), (64, 48, bytes((1, 2, 3)) * 64 * 48))
                self.assertEqual(servers[0].kind, kind)
        address, servers = self.python_server([older.VENCRYPT], tls=(context, [older.X509_PLAIN]), connections=2)
        result = self.run_viewer(address, "capture", "x.png", options=["--legacy", "X509Plain"])
        self.assertEqual(result.code, UNKNOWN, result)
        self.assertIn(spki, result.err)
        result = self.run_viewer(address, "capture", "x.png", options=["--legacy", "X509Plain", "--trust", "00" * 32])
        self.assertEqual(result.code, CHANGED, result)

    def test_that_breaks_tls_is_left(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            sock, _ = listener.accept()
            stream = older.Plain(sock)
            stream.write(b"RFB 003.008\n")
            stream.read(13 - 1)
            stream.write(b"\1\x13")
            stream.read(1)
            stream.write(b"\0\2")
            stream.read(2)
            stream.write(b"\0\1\0\0\1\6")
            stream.read(4)
            stream.write(b"\1no TLS at all, but something else")
            try:
                while stream.read(1):
                    pass
            except (EOFError, ConnectionError):
                sock.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, farhand.PATIENCE)
        result = self.run_viewer(f"127.0.0.1::{listener.getsockname()[1]}", "capture", "x.png",
                                 options=["--legacy", "X509Plain", "--accept-new"])
        self.assertEqual(result.code, 20, result)

    def test_in_older_versions_is_spoken_with_in_these(self):
        for said, answered in ((b"RFB 003.007\n", b"RFB 003.007\n"), (b"RFB 003.889\n", b"RFB 003.008\n"),
                               (b"RFB 005.000\n", b"RFB 003.008\n")):
            address, servers = self.python_server([older.NONE], version=said)
            self.assertEqual(self.run_viewer(address, "capture", self.path("a.png"),
                                             options=["--legacy", "None"]).code, OK)
            self.assertEqual(servers[0].version, answered)

    def test_whose_key_is_not_known_hears_no_password(self):
        address, servers = self.python_server([older.RA2_256], self.rsa, connections=3)
        result = self.run_viewer(address, "capture", "x.png", options=["--legacy", "RA2"])
        self.assertEqual(result.code, UNKNOWN, result)
        self.assertIn(self.id, result.err)
        self.assertIn(older.fingerprint(self.pub), result.err)
        # Accepted unseen: a password is another matter.
        result = self.run_viewer(address, "capture", "x.png", options=["--legacy", "RA2", "--accept-new"])
        self.assertEqual(result.code, AUTHENTICATION, result)
        self.assertIn("not confirmed", result.err)
        result = self.run_viewer(address, "capture", self.path("a.png"), options=["--legacy", "RA2", "--trust", self.id])
        self.assertEqual(result.code, OK, result)
        self.assertTrue(all(isinstance(s, Exception) for s in servers[:2]))

    def test_is_known_again_and_another_is_refused(self):
        address, servers = self.python_server([older.RA2_256], self.rsa, connections=2)
        known = ["--legacy", "RA2", "--trust", older.fingerprint(self.pub)]  # as its owner sees it
        self.assertEqual(self.run_viewer(address, "capture", self.path("a.png"), options=known).code, OK)
        self.assertEqual(self.run_viewer(address, "capture", self.path("a.png"), options=["--legacy", "RA2"]).code, OK)
        other = older.rsa.generate_private_key(65537, 2048)
        impostor, tried = self.python_server([older.RA2_256], other)
        self.rename(address, impostor)
        result = self.run_viewer(impostor, "capture", "x.png", options=["--legacy", "RA2"])
        self.assertEqual(result.code, CHANGED, result)
        self.assertIn(self.id, result.err)
        farhand.wait_until(lambda: tried, "the impostor's end")
        self.assertIsInstance(tried[0], Exception)

    def rename(self, before, after):
        """As if the one were reached where the other was."""
        text = farhand.read_text(self.known)
        with open(self.known, "w", encoding="ascii") as f:
            f.write(text.replace(before.replace("::", ":"), after.replace("::", ":")))

    def test_that_was_good_once_is_not_taken_for_less(self):
        address, _ = self.python_server([older.RA2_256], self.rsa)
        self.assertEqual(self.run_viewer(address, "capture", self.path("a.png"),
                                         options=["--legacy", "None", "--trust", self.id]).code, OK)
        weak, _ = self.python_server([older.RA2NE, older.VNC, older.NONE], self.rsa)
        self.rename(address, weak)
        result = self.run_viewer(weak, "capture", "x.png", options=["--legacy", "None"])
        self.assertEqual(result.code, AUTHENTICATION, result)
        self.assertIn("what was used there before", result.err)
        result = self.run_viewer(weak, "capture", "x.png", options=["--security-type", "None"])
        self.assertEqual(result.code, 1, result)
        self.assertIn("was reached with RA2_256 before", result.err)
        listed = self.viewer("known-servers", "list", trust=False)
        self.assertIn("RA2_256", listed.out)

    def test_that_offers_less_than_wanted_is_refused(self):
        address, servers = self.python_server([older.VNC, older.NONE])
        result = self.run_viewer(address, "capture", "x.png", options=["--legacy", "RA2ne"])
        self.assertEqual(result.code, AUTHENTICATION, result)
        self.assertIn("--legacy", result.err)

    def test_that_knows_only_the_channel_is_not_spoken_with_in_older_words(self):
        display = self.display()
        server = self.server(display)
        result = self.run_viewer(server, "capture", "x.png", options=["--legacy", "None", "--timeout", "3"])
        self.assertNotEqual(result.code, OK)

    def test_of_ours_serves_both_kinds(self):
        display = self.display()
        key = self.path("rsa.pem")
        server = self.server(display, options=["--security-types", "native, RA2_256, RA2", "--rsa-aes-key", key])
        said = server.program.wait_line(r"fingerprint of RSA-AES: (\S+)").group(1)
        self.assertEqual(self.run_viewer(server, "capture", self.path("a.png"),
                                         options=["--legacy", "RA2", "--trust", said]).code, OK)
        self.ok(server, "capture", self.path("b.png"))
        self.assertEqual(farhand.png_pixels(self.path("a.png")), farhand.png_pixels(self.path("b.png")))
        result = self.run_viewer(server, "capture", "x.png", options=["--legacy", "RA2"], password="wrong")
        self.assertEqual(result.code, AUTHENTICATION, result)
        self.assertIn("Authentication failed", result.err)


class Programs(Older):
    def setUp(self):
        super().setUp()
        self.passwd = self.path("passwd")
        with open(self.passwd, "wb") as f:
            f.write(older.scrambled("vncpass1"))

    def tigervnc(self, *options):
        if not shutil.which("Xtigervnc"):
            self.skipTest("Xtigervnc is not installed")
        reader, writer = os.pipe()
        program = farhand.Program(
            ["Xtigervnc", "-displayfd", str(writer), "-geometry", "320x240", "-depth", "24", "-localhost",
             "-interface", "127.0.0.1", "-rfbport", "-1", "-rfbunixpath", self.path("socket"), *options],
            pass_fds=(writer,))
        os.close(writer)
        self.addCleanup(program.stop)
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()
        display = f":{number}"
        farhand.wait_until(lambda: os.path.exists(self.path("socket")), "its socket")
        return display

    def sees(self, address, display, *options, password="vncpass1"):
        farhand.subprocess.run(["xsetroot", "-display", display, "-solid", "#204060"], check=True, env=farhand.ENV)
        result = self.run_viewer(address, "wait-stable", "0.2", "capture", self.path("a.png"), options=options,
                                 password=password)
        self.assertEqual(result.code, OK, result)
        width, height, pixels = farhand.png_pixels(self.path("a.png"))
        self.assertEqual((width, height), (320, 240))
        self.assertEqual(pixels[:3], bytes((0x20, 0x40, 0x60)))

    def test_tigervnc_with_vnc_authentication(self):
        display = self.tigervnc("-SecurityTypes", "VncAuth", "-PasswordFile", self.passwd)
        self.sees(self.path("socket"), display, "--legacy", "VncAuth")
        result = self.run_viewer(self.path("socket"), "capture", "x.png", options=["--legacy", "VncAuth"],
                                 password="wrong")
        self.assertEqual(result.code, AUTHENTICATION, result)

    def test_tigervnc_without_authentication(self):
        display = self.tigervnc("-SecurityTypes", "None")
        self.sees(self.path("socket"), display, "--legacy", "None")

    def test_tigervnc_inside_tls(self):
        cert, key, spki = older.make_certificate(self.place)
        for kind in ("X509Vnc", "X509None"):
            with self.subTest(kind=kind):
                display = self.tigervnc("-SecurityTypes", kind, "-PasswordFile", self.passwd, "-X509Cert", cert,
                                        "-X509Key", key)
                self.sees(self.path("socket"), display, "--legacy", kind, "--trust", spki)
                os.unlink(self.known)
                farhand.Program.running[-1].stop()

    def test_tigervnc_with_anonymous_keys_only_is_refused_by_name(self):
        self.tigervnc("-SecurityTypes", "TLSVnc,TLSNone", "-PasswordFile", self.passwd)
        result = self.run_viewer(self.path("socket"), "capture", "x.png", options=["--legacy", "None"])
        self.assertEqual(result.code, AUTHENTICATION, result)

    def x11vnc(self, *options):
        if not shutil.which("x11vnc"):
            self.skipTest("x11vnc is not installed")
        display = self.display()
        program = display.run("x11vnc", "-display", display.name, "-forever", "-noipv6", "-norc", "-quiet",
                              "-nopw" if "-rfbauth" not in options else "-shared", "-rfbport", "0", "-unixsock",
                              self.path("socket"), *options)
        self.addCleanup(program.stop)
        farhand.wait_until(lambda: os.path.exists(self.path("socket")), "its socket")
        return display.name, self.path("socket")

    def test_x11vnc_with_vnc_authentication(self):
        display, address = self.x11vnc("-rfbauth", self.passwd)
        self.sees(address, display, "--legacy", "VncAuth")

    def test_x11vnc_without_authentication(self):
        display, address = self.x11vnc()
        self.sees(address, display, "--legacy", "None")


if __name__ == "__main__":
    farhand.main()
