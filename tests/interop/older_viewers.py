#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""older_viewers.py -- viewers that do not know the channel at our server: a second implementation of each security
type, and the programs that people have.
"""
import os
import ssl
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../e2e"))
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True
import farhand  # noqa: E402
import older_peer as older  # noqa: E402

EVERY = "native, X509Plain, X509Vnc, X509None, RA2_256, RA2, RA2ne_256, RA2ne, VncAuth, None"
VNC_PASSWORD = "vncpass1"
RSA_TYPES = (older.RA2_256, older.RA2, older.RA2NE_256, older.RA2NE)


class Older(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        farhand.add_user(cls.users, "vnc", "never typed", "view,keyboard,pointer")
        cls.shared = farhand.Display(cls.folder, cls.SIZE)
        cls.xterm = cls.shared.xterm("printf 'some \\033[42mcolour\\033[0m'; cat", name="program")
        cls.addClassCleanup(cls.xterm.stop)
        cls.rsa_key = os.path.join(cls.folder, "rsa.pem")
        cls.tls_certificate, cls.tls_key = os.path.join(cls.folder, "tls.pem"), os.path.join(cls.folder, "tls-key.pem")
        cls.vnc_file = os.path.join(cls.folder, "vncpassword")
        with open(os.open(cls.vnc_file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write(VNC_PASSWORD + "\n")

    def older_server(self, types=EVERY, options=(), display=None, **more):
        return self.server(display or self.shared, options=["--security-types", types, "--rsa-aes-key", self.rsa_key,
                                                            "--vnc-password-file", self.vnc_file, "--tls-certificate",
                                                            self.tls_certificate, "--tls-key", self.tls_key, *options],
                           **more)

    def wrap_tls(self, sock):
        """TLS as a viewer has it that trusts the certificate's issuer."""
        context = ssl.create_default_context(cafile=self.tls_certificate)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        inside = context.wrap_socket(sock, server_hostname="localhost")
        self.addCleanup(inside.close)
        return inside

    def older_viewer(self, server, kind, user=farhand.USER, password=farhand.PASSWORD, **more):
        sock = server.connect()
        self.addCleanup(sock.close)
        return older.Viewer(sock, kind, user, password, wrap_tls=self.wrap_tls, **more)


class SecondImplementation(Older):
    def test_sees_the_desktop_pixel_by_pixel_with_each_type(self):
        server = self.older_server()
        wanted = self.shared.picture()
        for kind in (older.X509_PLAIN, older.X509_VNC, older.X509_NONE, *RSA_TYPES, older.VNC, older.NONE):
            with self.subTest(kind=kind):
                is_vnc = kind in (older.VNC, older.X509_VNC)
                viewer = self.older_viewer(server, kind, password=VNC_PASSWORD if is_vnc else farhand.PASSWORD)
                self.assertEqual(viewer.offered, [19, 129, 5, 130, 6, 2, 1])
                self.assertEqual(viewer.picture(), wanted)
                viewer.stream.sock.close()

    def test_sees_it_in_older_versions(self):
        server, wanted = self.older_server(), self.shared.picture()
        for version, kind in ((7, older.RA2), (7, older.NONE), (7, older.VNC), (3, older.VNC)):
            with self.subTest(version=version, kind=kind):
                password = VNC_PASSWORD if kind == older.VNC else farhand.PASSWORD
                self.assertEqual(self.older_viewer(server, kind, password=password, version=version).picture(), wanted)

    def test_is_heard(self):
        xev = self.shared.xev(events=("keyboard", "mouse"))
        self.addCleanup(xev.stop)
        viewer = self.older_viewer(self.older_server(), older.RA2_256)
        for buttons in (0, 1, 0):
            viewer.pointer(60, 40, buttons)
        viewer.key(0x71, True)
        viewer.key(0x71, False)
        xev.wait_line(r"root:\(60,40\)")
        xev.wait_line(r"keysym 0x71, q")

    def test_is_recorded_like_all_others(self):
        server = self.older_server()
        viewer = self.older_viewer(server, older.RA2_256)
        viewer.picture()
        viewer.stream.sock.close()
        server.wait_audit(lambda e: e["event"] == "ended", "the end")
        events = {e["event"]: e for e in server.audit()}
        self.assertEqual(list(events), ["connected", "identified", "started", "ended"])
        self.assertEqual(events["identified"]["program"], "RFB 3.8, RA2_256")
        self.assertEqual((events["started"]["user"], events["started"]["method"]), (farhand.USER, "password"))
        self.assertEqual(events["ended"]["reason"], "normal")
        self.assertGreater(events["ended"]["bytes_out"], 100000)

    def test_has_the_permissions_of_its_user(self):
        xev = self.shared.xev()
        self.addCleanup(xev.stop)
        users = self.path("users")
        farhand.add_user(users, "eve", "looks only", "view")
        server = self.older_server(users=users)
        viewer = self.older_viewer(server, older.RA2, "eve", "looks only")
        viewer.key(0x78, True)
        viewer.key(0x78, False)
        viewer.picture()
        self.assertNotIn("keysym 0x78", xev.text())
        started = server.wait_audit(lambda e: e["event"] == "started", "the start")
        self.assertEqual(started["permissions"], ["view"] if isinstance(started["permissions"], list) else "view")

    def test_with_a_wrong_password_is_refused_and_waits_longer_each_time(self):
        server = self.older_server(options=["--blacklist-threshold", "2"])
        for _ in range(2):
            with self.assertRaisesRegex(older.Refused, "Authentication failed"):
                self.older_viewer(server, older.RA2_256, password="wrong")
        with self.assertRaises((older.Refused, EOFError, ConnectionError)):
            self.older_viewer(server, older.RA2_256)
        failed = [e for e in server.audit() if e["event"] == "auth-failed"]
        self.assertEqual([e["user"] for e in failed], [farhand.USER] * 2)

    def test_cannot_be_asked_for_a_code_and_is_not_let_in_without(self):
        server = self.older_server(options=["--require", "password + totp", "--codes", self.path("codes")])
        with self.assertRaisesRegex(older.Refused, "Authentication failed"):
            self.older_viewer(server, older.RA2_256)

    def test_with_a_type_that_was_not_offered_is_dropped(self):
        server = self.older_server("native, RA2_256")
        for kind in (older.NONE, older.VNC, older.RA2NE, 0, 255):
            sock = server.connect()
            stream = older.Plain(sock)
            stream.read(12)
            stream.write(b"RFB 003.008\n")
            self.assertEqual(stream.read(2), b"\1\x81")
            stream.write(bytes([kind]))
            with self.assertRaises((EOFError, ConnectionError)):
                stream.read(1)
            sock.close()

    def test_of_another_machine_is_not_offered_what_protects_nothing(self):
        names = subprocess.run(["hostname", "-I"], stdout=subprocess.PIPE, check=True).stdout.decode().split()
        if not names:
            self.skipTest("this machine has no address but its own")
        server = self.older_server(listen="0.0.0.0:0", ready=False)
        port = int(server.program.wait_line(r"listening on 0\.0\.0\.0:(\d+)").group(1))
        for address, offered in (("127.0.0.1", [19, 129, 5, 130, 6, 2, 1]), (names[0], [19, 129, 5])):
            sock = older.Plain(farhand.socket.create_connection((address, port), timeout=farhand.PATIENCE))
            sock.read(12)
            sock.write(b"RFB 003.008\n")
            self.assertEqual(list(sock.read(sock.u8())), offered)
            sock.sock.close()

    def test_sees_one_certificate_over_restarts_and_its_key_is_the_key_process_s(self):
        seen = set()
        for _ in range(2):
            server = self.older_server("native, X509Plain")
            seen.add(server.program.wait_line(r"fingerprint of TLS, of its key: (\S+)").group(1))
            viewer = self.older_viewer(server, older.X509_PLAIN)
            self.assertEqual(viewer.subtypes, [older.X509_PLAIN])
            self.assertEqual(viewer.stream.sock.version(), "TLSv1.2")
            viewer.picture()
            viewer.stream.sock.close()
            server.stop()
        self.assertEqual(len(seen), 1)
        self.assertEqual(os.stat(self.tls_key).st_mode & 0o777, 0o600)

    def test_that_breaks_tls_is_dropped_and_has_seen_nothing(self):
        server = self.older_server("native, X509Plain")
        stream = older.Plain(server.connect())
        stream.read(12)
        stream.write(b"RFB 003.008\n\x13\0\2\0\0\1\6")
        stream.write(b"no TLS, but the name and the password in clear")
        heard = b""
        while True:
            try:
                data = stream.sock.recv(4096)
            except ConnectionError:
                break
            if not data:
                break
            heard += data
        self.assertTrue(heard.startswith(b"\1\x13\0\2\0\1\0\0\1\6\1"), heard)
        self.assertLess(len(heard), 40)  # an alert at most
        server.wait_audit(lambda e: e["event"] == "ended", "the end")
        self.assertNotIn("started", [e["event"] for e in server.audit()])
        stream.sock.close()

    def test_sees_one_key_over_restarts(self):
        seen = set()
        for _ in range(2):
            server = self.older_server("native, RA2")
            said = server.program.wait_line(r"fingerprint of RSA-AES: (\S+)").group(1)
            viewer = self.older_viewer(server, older.RA2)
            self.assertEqual(older.fingerprint(viewer.server_pub), said)
            seen.add(said)
            viewer.stream.sock.close()
            server.stop()
        self.assertEqual(len(seen), 1)
        self.assertEqual(os.stat(self.rsa_key).st_mode & 0o777, 0o600)

    def test_leaves_the_channel_to_our_own_viewers(self):
        server = self.older_server()
        self.ok(server, "capture", self.path("a.png"))
        self.assertEqual(farhand.png_pixels(self.path("a.png")), self.shared.picture())
        self.ok(server, "capture", self.path("b.png"), options=["--resume"])


class Configuration(Older):
    def refuses(self, pattern, *options):
        server = self.server(self.shared, options=list(options), ready=False)
        server.program.wait_line(pattern)
        self.assertNotEqual(server.program.wait(), 0)

    def test_wants_native_first_and_known_types(self):
        for value in ("RA2", "RA2, native", "native, Plain", "native, TLSVnc", "native, RA2, RA2", "native nonsense"):
            self.refuses("expected native first", "--security-types", value)

    def test_wants_a_password_file_for_vnc_authentication(self):
        self.refuses("expected a vnc-password-file", "--security-types", "native, VncAuth")

    def test_lets_nobody_in_with_a_password_file_that_others_can_read(self):
        open_file = self.path("open")
        with open(open_file, "w", encoding="ascii") as f:
            f.write(VNC_PASSWORD + "\n")
        os.chmod(open_file, 0o644)
        server = self.server(self.shared, options=["--security-types", "native, VncAuth", "--vnc-password-file",
                                                   open_file])
        with self.assertRaises(older.Refused):
            self.older_viewer(server, older.VNC, password=VNC_PASSWORD)
        server.program.wait_line("must be readable for its owner alone")

    def test_takes_the_words_that_nobody_types_by_accident(self):
        self.refuses("expected one of this-machine", "--unprotected-types", "anywhere")

    def test_says_nothing_first_where_only_the_channel_is_spoken(self):
        server = self.server(self.shared)
        sock = server.connect()
        sock.sendall(b"RFB 003.008\n")
        self.assertEqual(sock.recv(1), b"")
        sock.close()


class Programs(Older):
    """What people have, on a display of its own; what it shows is compared with what is shared."""

    def shown(self, display, name):
        window = display.window(name)
        return farhand.wait_until(
            lambda: self.has_part(display, window, self.shared.picture()), f"the picture in {name}")

    def has_part(self, display, window, wanted):
        width, height, pixels = farhand.xwd_pixels(display.ask("xwd", "-silent", "-id", window))
        ww, wh, rows = wanted[0], wanted[1], wanted[2]
        first = rows[:3 * ww]
        for y in range(height - wh + 1):
            at = pixels.find(first, 3 * width * y, 3 * width * (y + 1))
            if at >= 0 and all(pixels[at + 3 * width * r:at + 3 * width * r + 3 * ww] == rows[3 * ww * r:3 * ww * (r + 1)]
                               for r in range(wh)):
                return True
        return False

    def libvncclient(self, server, kind, user=farhand.USER, password=farhand.PASSWORD, host="127.0.0.1"):
        program = os.path.join(os.path.dirname(farhand.BIN), "tests/interop/vncclient")
        env = {**farhand.ENV, "ASAN_OPTIONS": "detect_leaks=0"}  # the library's, not ours
        return subprocess.run([program, host, str(server.port), str(kind), user, password, self.tls_certificate],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=farhand.PATIENCE, env=env)

    @unittest.skipIf(farhand.is_sanitized(), "a sanitizer fills the memory in which libvncclient keeps its picture")
    def test_libvncclient_with_each_type_that_it_has(self):
        xev = self.shared.xev()
        self.addCleanup(xev.stop)
        pixels = self.shared.picture()[2]
        wanted = f"320x240 {pixels[:3].hex()}\n"
        for types, kind, program in (("None", older.NONE, "None"), ("VncAuth", older.VNC, "VncAuth"),
                                     ("X509Plain", older.VENCRYPT, "X509Plain"),
                                     ("X509Vnc", older.VENCRYPT, "X509Vnc"), ("X509None", older.VENCRYPT, "X509None")):
            with self.subTest(types=types):
                server = self.older_server("native, " + types)
                password = VNC_PASSWORD if "Vnc" in types else farhand.PASSWORD
                seen = self.libvncclient(server, kind, password=password, host="localhost")
                self.assertEqual(seen.stdout.decode(), wanted, seen)
                started = server.wait_audit(lambda e: e["event"] == "started", "start")
                self.assertEqual(started["program"], f"RFB 3.8, {program}")
                self.assertNotEqual(self.libvncclient(server, kind, password="wrong", host="localhost").returncode == 0,
                                    "None" not in types)
                server.stop()
        xev.wait_line(r"keysym 0x71, q")

    def test_gvncviewer_without_authentication(self):
        farhand.need("gvncviewer")
        server = self.older_server("native, None")
        display = self.display("800x600")
        viewer = display.run("gvncviewer", f"127.0.0.1:{server.port - 5900}")
        self.addCleanup(viewer.stop)
        self.shown(display, ".*GVncViewer.*")

    def tigervnc(self, server, *options, host="127.0.0.1"):
        farhand.need("xtigervncviewer")
        display = self.display("800x600")
        viewer = display.run("xtigervncviewer", "-Shared", "-AutoSelect=0", "-FullColor", "-NoJPEG",
                             "-PreferredEncoding=ZRLE", *options, f"{host}::{server.port}")
        self.addCleanup(viewer.stop)
        return display, viewer

    def test_tigervnc_with_vnc_authentication(self):
        server = self.older_server()
        file = self.path("passwd")
        with open(file, "wb") as f:
            f.write(older.scrambled(VNC_PASSWORD))
        display, _ = self.tigervnc(server, "-SecurityTypes=VncAuth", "-passwd", file)
        self.shown(display, ".* - TigerVNC")
        self.assertEqual(server.wait_audit(lambda e: e["event"] == "started", "start")["method"], "vnc")

    def test_tigervnc_inside_tls(self):
        server = self.older_server("native, X509Vnc")
        file = self.path("passwd")
        with open(file, "wb") as f:
            f.write(older.scrambled(VNC_PASSWORD))
        display, _ = self.tigervnc(server, "-SecurityTypes=X509Vnc", "-passwd", file, "-X509CA", self.tls_certificate,
                                   host="localhost")
        self.shown(display, ".* - TigerVNC")
        started = server.wait_audit(lambda e: e["event"] == "started", "start")
        self.assertEqual(started["program"], "RFB 3.8, X509Vnc")

    def test_tigervnc_without_authentication(self):
        server = self.older_server("native, None")
        display, viewer = self.tigervnc(server, "-SecurityTypes=None")
        self.shown(display, ".* - TigerVNC")
        viewer.stop()
        server.wait_audit(lambda e: e["event"] == "ended" and e["reason"] == "normal", "end")


if __name__ == "__main__":
    farhand.main()
