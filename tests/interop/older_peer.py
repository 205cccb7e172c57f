# SPDX-License-Identifier: MIT
"""older_peer.py -- RFB 3.3 to 3.8 with its security types, written from rfbproto and docs/protocol.md.

A second implementation, of both ends of RSA-AES: python3-cryptography has AES and RSA, and EAX is composed here.
"""
import datetime
import hashlib
import os
import struct
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import cmac, hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

NONE, VNC, RA2, RA2NE, VENCRYPT, RA2_256, RA2NE_256 = 1, 2, 5, 6, 19, 129, 130
X509_NONE, X509_VNC, X509_PLAIN = 260, 261, 262


class Refused(Exception):
    pass


def omac(key, t, data):
    c = cmac.CMAC(algorithms.AES(key))
    c.update(bytes(15) + bytes([t]) + data)
    return c.finalize()


def xor(*parts):
    return bytes(a ^ b ^ c for a, b, c in zip(*parts))


def ctr(key, start, data):
    c = Cipher(algorithms.AES(key), modes.CTR(start)).encryptor()
    return c.update(data) + c.finalize()


def eax_seal(key, nonce, aad, data):
    n = omac(key, 0, nonce)
    sealed = ctr(key, n, data)
    return sealed + xor(n, omac(key, 1, aad), omac(key, 2, sealed))


def eax_open(key, nonce, aad, sealed):
    n, body = omac(key, 0, nonce), sealed[:-16]
    if xor(n, omac(key, 1, aad), omac(key, 2, body)) != sealed[-16:]:
        raise ValueError("a record does not open")
    return ctr(key, n, body)


def des(key, data):
    """DES with each byte of the key in reverse, as the first VNC had it."""
    key = bytes(int(f"{b:08b}"[::-1], 2) for b in key)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is weak is known
        c = Cipher(algorithms.TripleDES(key * 3), modes.ECB()).encryptor()
    return c.update(data) + c.finalize()


def vnc_response(password, challenge):
    return des(password.encode()[:8].ljust(8, b"\0"), challenge)


def scrambled(password):
    """A file of vncpasswd's: DES with a key that everybody knows."""
    return des(bytes((23, 82, 107, 6, 35, 78, 88, 7)), password.encode()[:8].ljust(8, b"\0"))


class Plain:
    """Bytes of a socket."""

    def __init__(self, sock):
        self.sock = sock

    def read(self, n):
        data = b""
        while len(data) < n:
            got = self.sock.recv(n - len(data))
            if not got:
                raise EOFError(f"{len(data)} of {n} bytes: {data!r}")
            data += got
        return data

    def write(self, data):
        self.sock.sendall(data)

    def u8(self):
        return self.read(1)[0]

    def u32(self):
        return struct.unpack(">I", self.read(4))[0]


class Sealed(Plain):
    """Bytes in the records of RSA-AES."""

    def __init__(self, below, to_key, from_key):
        super().__init__(below.sock)
        self.below, self.to_key, self.from_key = below, to_key, from_key
        self.sent = self.got = 0
        self.kept = b""

    def write(self, data):
        for at in range(0, len(data), 8174):
            part = data[at:at + 8174]
            head = struct.pack(">H", len(part))
            self.below.write(head + eax_seal(self.to_key, self.sent.to_bytes(16, "little"), head, part))
            self.sent += 1

    def record(self):
        head = self.below.read(2)
        sealed = self.below.read(struct.unpack(">H", head)[0] + 16)
        data = eax_open(self.from_key, self.got.to_bytes(16, "little"), head, sealed)
        self.got += 1
        return data

    def read(self, n):
        while len(self.kept) < n:
            self.kept += self.record()
        data, self.kept = self.kept[:n], self.kept[n:]
        return data


def pub_bytes(key):
    numbers = key.public_numbers()
    k = (numbers.n.bit_length() + 7) // 8
    return struct.pack(">I", numbers.n.bit_length()) + numbers.n.to_bytes(k, "big") + numbers.e.to_bytes(k, "big")


def read_pub(stream):
    bits = stream.u32()
    k = (bits + 7) // 8
    n, e = stream.read(k), stream.read(k)
    key = rsa.RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big")).public_key()
    return key, struct.pack(">I", bits) + n + e


def fingerprint(pub):
    return "-".join(f"{b:02x}" for b in hashlib.sha1(pub).digest()[:8])


def rsa_aes(stream, kind, is_client, key=None):
    """The exchange up to the hashes: (sealed stream, the other's pub)."""
    is_256 = kind in (RA2_256, RA2NE_256)
    size, digest = (32, hashlib.sha256) if is_256 else (16, hashlib.sha1)
    key = key or rsa.generate_private_key(65537, 2048)
    own = pub_bytes(key.public_key())
    secret = os.urandom(size)
    if not is_client:
        stream.write(own)
    peer_key, peer = read_pub(stream)
    sealed_secret = peer_key.encrypt(secret, padding.PKCS1v15())
    said = struct.pack(">H", len(sealed_secret)) + sealed_secret
    stream.write(own + said if is_client else said)
    length = struct.unpack(">H", stream.read(2))[0]
    peer_secret = key.decrypt(stream.read(length), padding.PKCS1v15())
    to_key, from_key = digest(peer_secret + secret).digest()[:size], digest(secret + peer_secret).digest()[:size]
    sealed = Sealed(stream, to_key, from_key)
    sealed.write(digest(own + peer).digest())
    if sealed.record() != digest(peer + own).digest():
        raise ValueError("the hashes differ")
    return sealed, peer


class Viewer:
    """A viewer that has been let in: self.stream is at ServerInit."""

    def __init__(self, sock, kind, user="", password="", version=8, wrap_tls=None):
        self.stream = Plain(sock)
        self.version = version
        if self.stream.read(12) != b"RFB 003.008\n":
            raise ValueError("no greeting")
        self.stream.write(b"RFB 003.00%d\n" % version)
        self.offered = self.choose(kind, wrap_tls)
        self.log_in(kind, user, password)
        self.stream.write(b"\1")
        self.width, self.height = struct.unpack(">HH", self.stream.read(4))
        self.stream.read(16)
        self.name = self.stream.read(self.stream.u32()).decode()

    def reason(self):
        return self.stream.read(self.stream.u32()).decode()

    def choose(self, kind, wrap_tls):
        if self.version == 3:
            got = self.stream.u32()
            if got == 0:
                raise Refused(self.reason())
            assert got == kind, got
            return [got]
        n = self.stream.u8()
        if n == 0:
            raise Refused(self.reason())
        offered = list(self.stream.read(n))
        self.stream.write(bytes([kind if kind < 256 else VENCRYPT]))
        if kind > 255:
            self.vencrypt(kind, wrap_tls)
        return offered

    def vencrypt(self, kind, wrap_tls):
        assert self.stream.read(2) == b"\0\2"
        self.stream.write(b"\0\2")
        assert self.stream.u8() == 0
        self.subtypes = [self.stream.u32() for _ in range(self.stream.u8())]
        self.stream.write(struct.pack(">I", kind))
        assert self.stream.u8() == 1
        self.stream = Plain(wrap_tls(self.stream.sock))

    def log_in(self, kind, user, password):
        user, secret = user.encode(), password.encode()
        if kind in (RA2, RA2NE, RA2_256, RA2NE_256):
            plain = self.stream
            sealed, self.server_pub = rsa_aes(plain, kind, True)
            assert sealed.record() == b"\1"
            sealed.write(bytes([len(user)]) + user + bytes([len(secret)]) + secret)
            self.stream = plain if kind in (RA2NE, RA2NE_256) else sealed
        elif kind in (VNC, X509_VNC):
            self.stream.write(vnc_response(password, self.stream.read(16)))
        elif kind == X509_PLAIN:
            self.stream.write(struct.pack(">II", len(user), len(secret)) + user + secret)
        if kind == NONE and self.version < 8:
            return
        if self.stream.u32() != 0:
            raise Refused(self.reason() if self.version == 8 else "")

    def picture(self):
        """(width, height, RGB bytes), asked for as Raw."""
        self.stream.write(struct.pack(">BBHi", 2, 0, 1, 0))
        self.stream.write(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width, self.height))
        out = bytearray(3 * self.width * self.height)
        missing = self.width * self.height
        while missing > 0:
            kind = self.stream.u8()
            assert kind == 0, kind
            self.stream.read(1)
            for _ in range(struct.unpack(">H", self.stream.read(2))[0]):
                x, y, w, h, encoding = struct.unpack(">HHHHi", self.stream.read(12))
                assert encoding == 0, encoding
                data = self.stream.read(4 * w * h)
                for row in range(h):
                    for column in range(w):
                        at, to = 4 * (row * w + column), 3 * ((y + row) * self.width + x + column)
                        out[to:to + 3] = bytes((data[at + 2], data[at + 1], data[at]))
                missing -= w * h
        return self.width, self.height, bytes(out)

    def key(self, keysym, down):
        self.stream.write(struct.pack(">BBHI", 4, down, 0, keysym))

    def pointer(self, x, y, buttons):
        self.stream.write(struct.pack(">BBHH", 5, buttons, x, y))


def make_certificate(folder):
    """A key and a certificate of its own: (certificate's file, key's file, SHA-256 of the public key in hex)."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(9))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            .sign(key, hashes.SHA256()))
    paths = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    with open(paths[0], "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.PEM))
    with open(os.open(paths[1], os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption()))
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return *paths, hashlib.sha256(spki).hexdigest()


class Server:
    """One connection of a server with RSA-AES and what else is asked of it: a picture of one colour."""

    def __init__(self, sock, kinds, user="", password="", key=None, version=b"RFB 003.008\n", size=(64, 48),
                 tls=None):
        self.stream = Plain(sock)
        self.key, self.size, self.heard = key, size, []
        self.stream.write(version)
        self.version = self.stream.read(12)
        self.stream.write(bytes([len(kinds), *kinds]))
        self.kind = self.stream.u8()
        assert self.kind in kinds, self.kind
        if self.kind == VENCRYPT:
            self.vencrypt(tls)
        ok = self.log_in(user.encode(), password.encode())
        if self.kind != NONE or self.version == b"RFB 003.008\n":
            self.stream.write(struct.pack(">I", 0 if ok else 1))
        if not ok:
            self.stream.write(struct.pack(">I", 2) + b"no")
            raise Refused("the viewer's password is wrong")
        self.stream.read(1)
        name = b"a Python server"
        self.stream.write(struct.pack(">HH", *size) + bytes([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]) +
                          struct.pack(">I", len(name)) + name)

    def vencrypt(self, tls):
        """tls: (a context, the subtypes)."""
        self.stream.write(b"\0\2")
        assert self.stream.read(2) == b"\0\2"
        self.stream.write(b"\0" + bytes([len(tls[1])]) + b"".join(struct.pack(">I", t) for t in tls[1]))
        self.kind = self.stream.u32()
        assert self.kind in tls[1], self.kind
        self.stream.write(b"\1")
        self.stream = Plain(tls[0].wrap_socket(self.stream.sock, server_side=True))

    def log_in(self, user, password):
        if self.kind == X509_PLAIN:
            n, m = self.stream.u32(), self.stream.u32()
            return (self.stream.read(n), self.stream.read(m)) == (user, password)
        if self.kind in (RA2, RA2NE, RA2_256, RA2NE_256):
            plain = self.stream
            sealed, _ = rsa_aes(plain, self.kind, False, self.key)
            sealed.write(b"\1")
            said = sealed.record()
            self.stream = plain if self.kind in (RA2NE, RA2NE_256) else sealed
            return said == bytes([len(user)]) + user + bytes([len(password)]) + password
        if self.kind in (VNC, X509_VNC):
            challenge = os.urandom(16)
            self.stream.write(challenge)
            return self.stream.read(16) == vnc_response(password.decode(), challenge)
        return True

    def serve(self, colour=(1, 2, 3)):
        """Until the viewer goes: each request is answered with all of the picture, raw."""
        width, height = self.size
        while True:
            try:
                kind = self.stream.u8()
            except (EOFError, OSError):
                return
            if kind == 0:
                self.stream.read(19)
            elif kind == 2:
                self.stream.read(4 * struct.unpack(">xH", self.stream.read(3))[0])
            elif kind == 3:
                self.stream.read(9)
                self.stream.write(b"\0\0\0\1" + struct.pack(">HHHHi", 0, 0, width, height, 0) +
                                  bytes((*reversed(colour), 0)) * (width * height))
            elif kind == 4:
                down, keysym = struct.unpack(">BxxI", self.stream.read(7))
                self.heard.append((keysym, down))
            elif kind == 5:
                self.stream.read(5)
            else:
                raise ValueError(f"message {kind}")
