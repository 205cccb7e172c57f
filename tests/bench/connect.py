#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""connect.py -- how long a viewer waits for its first picture, and what a still screen costs.

The peer is TigerVNC's Xvnc with the method of its own that does the same job: X509Vnc, where the
server is known by a certificate, the user by a password and everything is encrypted. Both servers
show an empty screen of the same size on this machine, and both are asked by a client written in
Python, for Raw, in alternating runs. The medians:

    connect.tcp        the connection alone
    connect.channel    until the server is known and keys stand
    connect.password   the password's check: Argon2id on purpose, DES there
    connect.picture    from then until all of the picture is here
    connect.total      all of it
    idle.wakeups       of vncserverd with a viewer and a still screen, in a second
"""
import os
import socket
import ssl
import statistics
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../e2e"))
sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402
from cryptography.hazmat.primitives.ciphers import Cipher, modes  # noqa: E402

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:
    from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES

RUNS, WIDTH, HEIGHT, IDLE_S = 15, 1280, 800, 10
PASSWORD = "secret12"
PHASES = ("channel", "password", "picture")


def report(name, value, unit, peer, peer_value, goal):
    ratio = value / peer_value if peer_value else value
    print(f"bench: {name} value={value:.4g} unit={unit} peer={peer}:{peer_value:.4g} ratio={ratio:.3f} goal={goal:.2f} "
          f"{'ok' if ratio <= goal else 'short'}", flush=True)


def des(key, data):
    """One DES with VNC's mirrored key bits: three equal keys are one."""
    mirrored = bytes(int(f"{b:08b}"[::-1], 2) for b in key.ljust(8, b"\0")[:8])
    encryptor = Cipher(TripleDES(mirrored * 3), modes.ECB()).encryptor()
    return encryptor.update(data)


class Peer:
    """Xvnc, and a client of it."""

    NAME = "tigervnc"

    def __init__(self, place):
        certificate, key = os.path.join(place, "peer.crt"), os.path.join(place, "peer.key")
        make_certificate(certificate, key)
        self.runs = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.load_verify_locations(certificate)
        with open(os.path.join(place, "passwd"), "wb") as f:
            fixed = bytes([23, 82, 107, 6, 35, 78, 88, 7])
            f.write(des(fixed, PASSWORD.encode()))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        reader, writer = os.pipe()
        self.server = farhand.Program(
            ["Xtigervnc", "-displayfd", str(writer), "-rfbport", str(self.port), "-interface", "127.0.0.1", "-geometry",
             f"{WIDTH}x{HEIGHT}", "-depth", "24", "-SecurityTypes", "X509Vnc", "-X509Cert", certificate, "-X509Key", key,
             "-PasswordFile", os.path.join(place, "passwd"), "-nolisten", "tcp", "-UseBlacklist=0"],
            env={**farhand.ENV, "HOME": place}, pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as pipe:
            if not pipe.readline().strip():
                sys.exit(f"Xtigervnc does not start:\n{self.server.text()}")

    def run(self):
        times = [time.perf_counter()]
        self.runs += 1
        sock = socket.create_connection(("127.0.0.1", self.port), source_address=(f"127.0.8.{self.runs}", 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        times.append(time.perf_counter())
        exactly(sock, 12)
        sock.sendall(b"RFB 003.008\n")
        exactly(sock, exactly(sock, 1)[0])
        sock.sendall(b"\x13")
        exactly(sock, 2)
        sock.sendall(b"\0\x02")
        exactly(sock, 1)
        exactly(sock, 4 * exactly(sock, 1)[0])
        sock.sendall(struct.pack(">I", 261))
        exactly(sock, 1)
        sock = self.context.wrap_socket(sock, server_hostname="localhost")
        times.append(time.perf_counter())
        sock.sendall(des(PASSWORD.encode(), exactly(sock, 16)))
        if exactly(sock, 4) != bytes(4):
            sys.exit("the peer refused the password")
        times.append(time.perf_counter())
        sock.sendall(b"\x01")
        exactly(sock, struct.unpack(">20xI", exactly(sock, 24))[0])
        sock.sendall(session.encodings(0) + session.update_request(0, 0, WIDTH, HEIGHT))
        first_picture(lambda n: exactly(sock, n))
        times.append(time.perf_counter())
        sock.close()
        return times


class Ours:
    def __init__(self, place):
        self.key = farhand.make_identity(os.path.join(place, "server.pem"), 3072)
        self.viewer_key = farhand.make_identity(os.path.join(place, "viewer.pem"), 3072)
        self.fingerprint = bytes.fromhex(farhand.identity(self.key)[1])
        users = os.path.join(place, "users")
        farhand.add_user(users, farhand.USER, PASSWORD, "all")
        self.display = farhand.Display(place, f"{WIDTH}x{HEIGHT}")
        self.server = farhand.Server(place, ["--display", self.display.name], self.key, users=users)
        self.loaded = session.load_key(self.viewer_key)
        self.place, self.runs = place, 0

    def run(self):
        self.runs += 1
        times = [time.perf_counter()]
        sock = self.server.connect(f"127.0.9.{self.runs}")
        times.append(time.perf_counter())
        client = session.Client(sock, self.loaded, self.fingerprint)
        times.append(time.perf_counter())
        client.log_in(farhand.USER, PASSWORD)
        times.append(time.perf_counter())
        client.rfb(b"\x01" + session.encodings(0) + session.update_request(0, 0, WIDTH, HEIGHT))
        client.read(struct.unpack(">20xI", client.read(24))[0])
        first_picture(client.read)
        times.append(time.perf_counter())
        client.channel.close()
        client.drain()
        sock.close()
        return times

    def wakeups(self):
        """Voluntary context switches a second of all the server's threads, with a viewer connected."""
        picture = os.path.join(self.place, "idle.png")
        viewer = farhand.Program([farhand.VIEWER, "--known-servers", os.path.join(self.place, "known"), "--identity",
                                  self.viewer_key, "--user", farhand.USER, "--trust", self.fingerprint.hex(),
                                  self.server.address, "wait-stable", "1", "capture", picture, "pause", str(IDLE_S + 5)],
                                 env={**farhand.ENV, "FH_PASSWORD": PASSWORD, "HOME": self.place})
        farhand.wait_until(lambda: os.path.exists(picture), "a session")
        before, began = switches(self.server.pid), time.monotonic()
        time.sleep(IDLE_S)
        value = (switches(self.server.pid) - before) / (time.monotonic() - began)
        if not viewer.is_running():
            sys.exit(f"the viewer ended with {viewer.wait()}: {viewer.text()}")
        viewer.stop()
        return value


def switches(pid):
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt_switches"))
    return total


def exactly(sock, n):
    data = bytearray()
    while len(data) < n:
        part = sock.recv(min(n - len(data), 1 << 20))
        if not part:
            sys.exit("the peer hung up")
        data += part
    return bytes(data)


def first_picture(read):
    missing = WIDTH * HEIGHT
    while missing > 0:
        kind = read(1)[0]
        if kind == 0:
            for _ in range(struct.unpack(">xH", read(3))[0]):
                _, _, w, h, encoding = struct.unpack(">HHHHi", read(12))
                if encoding != 0:
                    sys.exit(f"encoding {encoding} was not asked for")
                read(4 * w * h)
                missing -= w * h
        elif kind == 3:
            read(struct.unpack(">3xI", read(7))[0])
        elif kind != 2:
            sys.exit(f"message {kind}")


def make_certificate(certificate, key):
    import datetime
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    private = rsa.generate_private_key(65537, 3072)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.utcnow()
    built = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
             .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
             .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
             .add_extension(x509.BasicConstraints(True, None), True).sign(private, hashes.SHA256()))
    with open(certificate, "wb") as f:
        f.write(built.public_bytes(serialization.Encoding.PEM))
    with open(key, "wb") as f:
        f.write(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()))


def main():
    farhand.need("Xvfb", "Xtigervnc")
    place = farhand.temporary()
    ours, peer = Ours(place), Peer(place)
    times = {ours: [], peer: []}
    for end in (ours, peer):
        end.run()  # once for what is done once only
    for _ in range(RUNS):
        for end in (ours, peer):
            times[end].append(end.run())

    def median(end, a, b):
        return 1000 * statistics.median(t[b] - t[a] for t in times[end])
    report("connect.tcp", median(ours, 0, 1), "ms", peer.NAME, median(peer, 0, 1), 1.5)
    for i, phase in enumerate(PHASES):
        report(f"connect.{phase}", median(ours, i + 1, i + 2), "ms", peer.NAME, median(peer, i + 1, i + 2), 1.0)
    report("connect.total", median(ours, 0, 4), "ms", peer.NAME, median(peer, 0, 4), 1.0)
    report("idle.wakeups", ours.wakeups(), "Hz", "timer", 1.0, 1.0)


if __name__ == "__main__":
    main()
