#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""addresses.py -- the filter and the blacklist with real networks: IPv4, IPv6, and a NAT in between.

The server and its clients live in network namespaces of their own, in which every address can be had:

    client 10.9.0.0/24, 2001:db8:9::/48 --veth-- server 10.9.0.1, 2001:db8:9::1
    inner  192.168.7.2 --veth-- client, which masquerades it (nftables)

Where namespaces are not allowed the script says so and is skipped.
"""
import contextlib
import ctypes
import os
import signal
import shutil
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
if os.environ.get("FARHAND_NETNS") != "1":
    for tool in ("unshare", "ip", "nft"):
        if not shutil.which(tool):
            print(f"skipped: {tool} is not installed (scripts/install-deps test)")
            sys.exit(77)
    flags = "-n" if os.geteuid() == 0 else "-Urn"
    probe = subprocess.run(["unshare", flags, "ip", "link", "add", "farhand0", "type", "veth"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if probe.returncode != 0:
        print(f"skipped: network namespaces are not allowed here ({probe.stdout.decode().strip()})")
        sys.exit(77)
    os.environ["FARHAND_NETNS"] = "1"
    os.execvp("unshare", ["unshare", flags, sys.executable, *sys.argv])

import farhand  # noqa: E402
import session  # noqa: E402

fsc1 = session.fsc1
CLONE_NEWNET = 0x40000000
SERVED, TOLD_TO_WAIT = b"\x02", b"\xff"
libc = ctypes.CDLL(None, use_errno=True)


def run(*args, data=None):
    subprocess.run(args, check=True, input=data, stdout=subprocess.DEVNULL)


class Namespace:
    """A network namespace, held by a process of ours."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.fd = os.open(f"/proc/{self.holder.pid}/ns/net", os.O_RDONLY)
        self.ip("link", "set", "lo", "up")

    def ip(self, *args):
        run("nsenter", "-n", "-t", str(self.holder.pid), "ip", *args)

    def nft(self, rules):
        run("nsenter", "-n", "-t", str(self.holder.pid), "nft", "-f", "-", data=rules.encode())

    @contextlib.contextmanager
    def inside(self):
        """What is opened meanwhile belongs to the namespace, and stays there."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if libc.setns(self.fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if libc.setns(own, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            os.close(own)

    def end(self):
        os.close(self.fd)
        self.holder.stdin.close()
        self.holder.wait()


class Networks(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run("ip", "link", "set", "lo", "up")
        cls.client, cls.inner = Namespace(), Namespace()
        cls.addClassCleanup(cls.client.end)
        cls.addClassCleanup(cls.inner.end)
        run("ip", "link", "add", "s0", "type", "veth", "peer", "name", "c0", "netns", str(cls.client.holder.pid))
        for address in ("10.9.0.1/24", "2001:db8:9::1/32"):
            run("ip", "address", "add", address, "dev", "s0", *(["nodad"] if ":" in address else []))
        run("ip", "link", "set", "s0", "up")
        for address in ("10.9.0.2/24", "10.9.0.3/24", "10.9.0.66/24"):
            cls.client.ip("address", "add", address, "dev", "c0")
        for net in (9, 10):
            for host in ("1::2", "1::3", "2::2"):
                cls.client.ip("address", "add", f"2001:db8:{net}:{host}/32", "dev", "c0", "nodad")
        cls.client.ip("link", "set", "c0", "up")
        cls.client.ip("link", "add", "c1", "type", "veth", "peer", "name", "i0", "netns", str(cls.inner.holder.pid))
        cls.client.ip("address", "add", "192.168.7.1/24", "dev", "c1")
        cls.client.ip("link", "set", "c1", "up")
        cls.inner.ip("address", "add", "192.168.7.2/24", "dev", "i0")
        cls.inner.ip("link", "set", "i0", "up")
        cls.inner.ip("route", "add", "default", "via", "192.168.7.1")
        with cls.client.inside():
            with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as f:
                f.write("1")
        cls.client.nft("""table ip nat {
            chain post {
                type nat hook postrouting priority srcnat;
                oif "c0" ip saddr 192.168.7.0/24 snat to 10.9.0.66;
            }
        }
        """)
        cls.shared = farhand.Display(cls.folder, cls.SIZE)

    def serve(self, *rules, more=()):
        """A server on all addresses of both families."""
        options = [word for rule in rules for word in ("--filter", rule)] + list(more)
        server = self.server(self.shared, options=options, listen="*:0", ready=False)
        self.port = int(server.program.wait_line(r"listening on \S*:(\d+)$").group(1))
        return server

    def connect(self, source, where=None):
        with (where or self.client).inside():
            sock = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
        sock.settimeout(farhand.PATIENCE)
        sock.bind((source, 0))
        sock.connect(("2001:db8:9::1" if ":" in source else "10.9.0.1", self.port))
        self.addCleanup(sock.close)
        return sock

    def first_byte(self, source, where=None):
        """What a client gets for saying hello: SERVED, TOLD_TO_WAIT, or nothing."""
        key = fsc1.public(fsc1.X25519PrivateKey.generate())
        with self.connect(source, where) as sock:
            try:
                sock.sendall(b"FARHAND 001\n" + fsc1.write_client_hello(os.urandom(32), bytes(16), bytes(16), key))
                return sock.recv(1)
            except ConnectionError:
                return b""

    def attempt(self, source, password="not it", where=None):
        try:
            with self.connect(source, where) as sock:
                client = session.Client(sock, session.load_key(self.viewer_key), bytes.fromhex(self.fingerprint))
                return client.log_in(farhand.USER, password)[0]
        except (session.Ended, fsc1.Closed, ConnectionError, EOFError):
            return "refused"

    def test_networks_of_both_families(self):
        self.serve("- 10.9.0.3", "+ 10.9.0.0/24", "- 2001:db8:9:2::/64", "+ 2001:db8:9::/48", "- *")
        for source, answer in (("10.9.0.2", SERVED), ("10.9.0.3", b""), ("2001:db8:9:1::2", SERVED),
                               ("2001:db8:9:1::3", SERVED), ("2001:db8:9:2::2", b""), ("2001:db8:10:1::2", b"")):
            self.assertEqual(self.first_byte(source), answer, source)

    def test_an_ipv4_address_is_one_whatever_the_socket(self):
        """A rule for all of IPv6 does not meet an IPv4 address that a dual socket shows as mapped."""
        self.serve("- ::/0", "+ 10.9.0.2", "- *")
        self.assertEqual(self.first_byte("10.9.0.2"), SERVED)
        self.assertEqual(self.first_byte("10.9.0.3"), b"")
        self.assertEqual(self.first_byte("2001:db8:9:1::2"), b"")

    def test_behind_a_nat_the_nats_address_counts(self):
        server = self.serve("- 10.9.0.66", "+ *")
        self.assertEqual(self.first_byte("192.168.7.2", where=self.inner), b"")
        event = server.wait_audit(lambda e: e["event"] == "refused", "the record")
        self.assertIn("10.9.0.66", event["peer"])

    def test_rules_change_on_sighup(self):
        path = self.path("conf")

        def write(rule):
            with open(path, "w", encoding="utf-8") as f:
                f.write(f"filter = {rule}\nfilter = - *\n")
        write("+ 2001:db8:9:1::/64")
        server = self.serve(more=("--config", path))
        self.assertEqual(self.first_byte("2001:db8:9:1::2"), SERVED)
        write("+ 10.9.0.0/24")
        said = len(server.program.lines)
        server.program.signal(signal.SIGHUP)
        server.program.wait_line("configuration was read again", start=said)
        self.assertEqual(self.first_byte("2001:db8:9:1::2"), b"")
        self.assertEqual(self.first_byte("10.9.0.2"), SERVED)

    def test_a_64_waits_as_one_address_and_its_neighbours_do_not(self):
        self.serve()
        sources = ("2001:db8:9:1::2", "2001:db8:9:1::3")
        looked = sum(self.attempt(sources[i % 2]) == session.TRY_AGAIN for i in range(8))
        self.assertEqual(looked, 5)
        self.assertEqual(self.attempt(sources[0], farhand.PASSWORD), "refused")
        self.assertEqual(self.first_byte(sources[1]), TOLD_TO_WAIT)
        for neighbour in ("2001:db8:9:2::2", "2001:db8:10:1::2", "10.9.0.2"):
            self.assertEqual(self.first_byte(neighbour), SERVED, neighbour)


if __name__ == "__main__":
    farhand.main()
