#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vnccloudd as a process: its first start, its files, its signals, its door, its sandbox.

Claims: the first start prints the line that clients need, and --show-client prints the same later; --check-config makes nothing and finds
what is wrong; keys that others may read are refused; a certificate is read again on SIGHUP, and a wrong configuration changes
nothing; SIGTERM ends it with 0; sockets may come from systemd; TLS 1.2 with ECDHE and AEAD is spoken, by ALPN with whom it says; once it
listens it has no capabilities, few system calls and no files but its own, and is another user than root.
"""
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

BIN = os.environ.get("FARHAND_BIN") or os.path.abspath("build/release/bin")
SERVER = os.path.join(BIN, "vnccloudd")
LIMIT = 60  # seconds that anything may take before the test gives up


class Home:
    """A directory of the user that the service will be."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="vnccloudd-test-")
        os.mkdir(self.path + "/state", 0o700)
        if os.geteuid() == 0:
            for path in (self.path, self.state):
                shutil.chown(path, "nobody")
            os.chmod(self.path, 0o755)
        self.config = self.path + "/vnccloudd.conf"
        self.write("")

    state = property(lambda self: self.path + "/state")

    def write(self, more):
        lines = ["listen = 127.0.0.1:0", "stun-listen = 127.0.0.1:0", "name = cloud.example", "node = localhost:443", "audit = none",
                 "state = " + self.state, "control = none"]
        if os.geteuid() == 0:
            lines.append("user = nobody")
        with open(self.config, "w") as f:
            f.write("\n".join(lines) + "\n" + more)

    def run(self, *arguments):
        return subprocess.run([SERVER, "--config", self.config, *arguments], capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL)

    def remove(self):
        shutil.rmtree(self.path)


class Process:
    def __init__(self, home, *arguments, **more):
        self.home = home
        self.lines, self.rest = [], b""
        read, write = os.pipe()
        self.process = subprocess.Popen([SERVER, "--config", home.config, *arguments], stdin=subprocess.DEVNULL, stdout=write, stderr=write, **more)
        os.close(write)
        self.read = read

    def line(self, pattern):
        """The first line, from the last one that was asked for on, in which this is."""
        end = time.monotonic() + LIMIT
        while True:
            while self.lines:
                m = re.search(pattern, self.lines.pop(0))
                if m:
                    return m
            ready, _, _ = select.select([self.read], [], [], max(0, end - time.monotonic()))
            data = os.read(self.read, 4096) if ready else b""
            assert data, "no %r" % pattern
            self.rest += data
            *whole, self.rest = self.rest.split(b"\n")
            self.lines += [line.decode() for line in whole]

    def port(self):
        return int(self.line(r"listening on 127\.0\.0\.1:(\d+)").group(1))

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(LIMIT)
        os.close(self.read)
        return status


def talk(home, port, alpn=None, name="cloud.example", **more):
    context = ssl.create_default_context(cafile=home.state + "/root.pem")
    if alpn:
        context.set_alpn_protocols(alpn)
    for key, value in more.items():
        setattr(context, key, value)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), LIMIT), server_hostname=name)


class Case(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.running = []

    def tearDown(self):
        for p in self.running:
            p.end()
        self.home.remove()

    def start(self, *arguments, **more):
        p = Process(self.home, *arguments, **more)
        self.running.append(p)
        return p

    def stop(self, p):
        self.running.remove(p)
        return p.end()


class Starting(Case):
    def test_the_first_start_says_what_clients_need(self):
        self.assertEqual(self.home.run("--show-client").returncode, 13)
        p = self.start()
        line = p.line(r"^cloud = localhost:443,root=[0-9a-f]{64},log=cloud\.example\+\S+,name=cloud\.example$").group(0)
        self.assertEqual(self.stop(p), 0)
        shown = self.home.run("--show-client")
        self.assertEqual((shown.returncode, shown.stdout), (0, line + "\n"))
        p = self.start()
        p.port()
        self.assertEqual(self.home.run("--show-client").stdout, line + "\n")

    def test_checking_makes_nothing_and_finds_what_is_wrong(self):
        os.rmdir(self.home.state)
        self.assertEqual(self.home.run("--check-config").returncode, 0)
        self.assertFalse(os.path.exists(self.home.state))
        self.home.write("nodes = x:1\n")
        bad = self.home.run("--check-config")
        self.assertEqual(bad.returncode, 2)
        self.assertIn("nodes: expected the name of an option", bad.stderr)
        self.home.write("certificate = /nowhere/chain.pem\n")
        self.assertIn("expected both or none", self.home.run("--check-config").stderr)
        self.home.write("certificate = /nowhere/chain.pem\nkey = /nowhere/key.pem\n")
        self.assertEqual(self.home.run("--check-config").returncode, 13)

    def test_keys_that_others_may_read_are_refused(self):
        p = self.start()
        p.port()
        self.assertEqual(self.stop(p), 0)
        os.chmod(self.home.state + "/server.key", 0o644)
        for arguments in ((), ("--check-config",)):
            bad = self.home.run(*arguments)
            self.assertEqual(bad.returncode, 13)
            self.assertIn("chmod 600", bad.stderr)

    def test_an_address_that_is_taken_is_told(self):
        p = self.start()
        port = p.port()
        bad = self.home.run("--listen", "127.0.0.1:%d" % port)
        self.assertEqual(bad.returncode, 10)
        self.assertIn("127.0.0.1:%d" % port, bad.stderr)

    def test_sockets_may_come_from_systemd(self):
        s = socket.create_server(("127.0.0.1", 0))
        fd = s.fileno()
        command = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&%d' % fd, "sh", SERVER, "--config", self.home.config, "--listen", "systemd"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[fd])
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(socket.create_connection(s.getsockname(), LIMIT)) as t:
                self.assertEqual(t.version(), "TLSv1.2")
        finally:
            process.terminate()
            self.assertEqual(process.wait(LIMIT), 0)
            s.close()


class Door(Case):
    def test_alpn_says_with_whom(self):
        p = self.start()
        port = p.port()
        for alpn, chosen in ((["farhand-broker/1"], "farhand-broker/1"), (["h2", "farhand-relay/1"], "farhand-relay/1"), (["http/1.1"], "http/1.1")):
            with talk(self.home, port, alpn) as s:
                self.assertEqual(s.selected_alpn_protocol(), chosen)
                self.assertRegex(s.cipher()[0], "^ECDHE-.*(GCM|CHACHA20)")
        with talk(self.home, port) as s:
            s.sendall(b"GET /health/live HTTP/1.1\r\nHost: cloud.example\r\nConnection: close\r\n\r\n")
            self.assertTrue(s.recv(4096).startswith(b"HTTP/1.1 200 "))
        # The broker does not speak HTTP, and says so before it goes.
        with talk(self.home, port, ["farhand-broker/1"]) as s:
            s.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertEqual(s.recv(4096)[0], 16)
            self.assertEqual(s.recv(4096), b"")

    def test_the_roots_list_is_where_the_certificate_says(self):
        p = self.start()
        with talk(self.home, p.port()) as s:
            certificate = s.getpeercert()
            s.sendall(b"GET /root.crl HTTP/1.1\r\nHost: cloud.example\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: s.recv(65536), b""))
        self.assertEqual(certificate["crlDistributionPoints"], ("https://localhost:443/root.crl",))
        head, _, der = answer.partition(b"\r\n\r\n")
        self.assertIn(b"HTTP/1.1 200 ", head)
        self.assertIn(b"\r\nContent-Type: application/pkix-crl\r\n", head)
        look = subprocess.run(["openssl", "crl", "-inform", "DER", "-CAfile", self.home.state + "/root.pem", "-noout", "-text"],
                              input=der, capture_output=True, timeout=LIMIT)
        self.assertIn(b"verify OK", look.stderr)
        self.assertIn(b"No Revoked Certificates", look.stdout)

    def test_old_tls_and_other_names_are_refused(self):
        p = self.start()
        port = p.port()
        with self.assertRaises(ssl.SSLError):
            talk(self.home, port, name="other.example")
        for old in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA"):
            context = ssl.create_default_context(cafile=self.home.state + "/root.pem")
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(old + "@SECLEVEL=0")
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(socket.create_connection(("127.0.0.1", port), LIMIT), server_hostname="cloud.example")

    def test_udp_says_whence(self):
        p = self.start()
        udp = int(p.line(r"answering on 127\.0\.0\.1:(\d+), UDP").group(1))
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(LIMIT)
        s.sendto(bytes.fromhex("000100002112a442") + b"123456789012", ("127.0.0.1", udp))
        answer = s.recv(200)
        s.close()
        self.assertEqual(answer[:2], bytes.fromhex("0101"))
        self.assertEqual(answer[8:20], b"123456789012")


class Running(Case):
    def test_sighup_reads_all_again(self):
        p = self.start()
        port = p.port()
        with talk(self.home, port, ["farhand-broker/1"]) as open_all_the_time:
            before = open_all_the_time.getpeercert(True)
            self.home.write("node = other.example:443\nlimit-connect = 7/60\nlisten = 127.0.0.1:1\n")
            p.process.send_signal(signal.SIGHUP)
            p.line("node has changed$")
            p.line("limit-connect has changed$")
            p.line("the configuration was read again")
            with talk(self.home, port, ["farhand-broker/1"]) as s:
                self.assertNotEqual(s.getpeercert(True), before)
            with talk(self.home, port, name="other.example"):
                pass
            self.home.write("interval = soon\n")
            p.process.send_signal(signal.SIGHUP)
            p.line("interval = soon: expected a number")
            p.line("everything stays as it is")
        with talk(self.home, port):
            pass

    def test_the_sandbox_holds(self):
        p = self.start("--verbose")
        p.port()
        with open("/proc/%d/status" % p.process.pid) as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        if status["Seccomp"] == "0" and b"__asan_init" in open(SERVER, "rb").read():
            self.skipTest("sanitizers need more than a sandbox leaves")
        self.assertEqual(status["Seccomp"], "2")
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(int(status["CapEff"], 16) | int(status["CapPrm"], 16), 0)
        if os.geteuid() == 0:
            self.assertEqual(int(status["CapBnd"], 16), 0)
        self.assertNotEqual(status["Uid"].split()[0], "0")
        with open("/proc/%d/limits" % p.process.pid) as f:
            self.assertRegex(f.read(), r"Max core file size +0 ")

    def test_it_ends_politely_while_clients_are_there(self):
        p = self.start()
        port = p.port()
        s = [talk(self.home, port, [alpn]) for alpn in ("farhand-broker/1", "farhand-relay/1", "http/1.1")]
        half = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.assertEqual(self.stop(p), 0)
        for one in s + [half]:
            one.close()

    def test_a_second_signal_does_no_harm(self):
        p = self.start()
        p.port()
        p.process.send_signal(signal.SIGTERM)
        p.process.send_signal(signal.SIGHUP)
        p.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.stop(p), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
