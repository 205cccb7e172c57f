#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fsc1.py -- the secure channel a second time, written from docs/protocol.md alone.

    fsc1.py                                   checks docs/vectors/channel-*.json
    fsc1.py --self                            its own client against its own server, on a socket pair
    fsc1.py client HOST PORT KEY.pem [HEX]    opens a channel; HEX: the server's fingerprint
    fsc1.py server HOST PORT KEY.pem          accepts one channel
        writes "open FINGERPRINT-OF-THE-PEER" to standard error, sends standard input as
        application data and writes the peer's to standard output; closes at the end of standard
        input. PORT 0: any, told as "listening PORT". --rekey, --update: does that once it is open.
        HOST - : PORT is the number of a socket that was inherited.
        Exit codes: 0 clean end, 1 anything else, with the reason on standard error.

Suite 0x0001 only. It is made for checking and interoperability, not for keeping secrets.
"""
import glob
import hmac
import hashlib
import json
import os
import secrets
import select
import socket
import struct
import sys
import threading

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    print("python3-cryptography is not installed")
    sys.exit(77)

HELLO, SERVER_HELLO, PARAMETERS, IDENTITY, SIGNATURE, FINISHED, REFUSAL = 1, 2, 4, 5, 6, 7, 255
CLOSE, HANDSHAKE, APPLICATION, CONTROL = 21, 22, 23, 24
UPDATE, OFFER, ANSWER, DONE, REQUEST, PING, PONG = 1, 2, 3, 4, 5, 6, 7
GREETING = b"FARHAND 001\n"
RFB_GREETING = b"RFB 003.008\n"
ZEROS = bytes(32)
SPKI_HEADS = {
    bits: bytes.fromhex("3082%04x300d06092a864886f70d01010105000382%04x003082%04x0282%04x00"
                        % (bits // 8 + 34, bits // 8 + 15, bits // 8 + 10, bits // 8 + 1))
    for bits in (2048, 3072, 4096)}


class Abort(Exception):
    def __init__(self, code, what):
        super().__init__(what)
        self.code = code


class Closed(Exception):
    """The peer's Close or Refusal."""


def need(condition, code, what):
    if not condition:
        raise Abort(code, what)


# ---- section 5: keys

def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def extract(salt, ikm):
    return hmac.new(salt, ikm, hashlib.sha256).digest()


def expand(prk, info, length):
    out, t, i = b"", b"", 1
    while len(out) < length:
        t = hmac.new(prk, t + info + bytes([i]), hashlib.sha256).digest()
        out, i = out + t, i + 1
    return out[:length]


def label(secret, name, context=b"", length=32):
    name = b"fsc1 " + name.encode()
    info = struct.pack(">H", length) + bytes([len(name)]) + name + bytes([len(context)]) + context
    return expand(secret, info, length)


def cloud_ref(es, session_ref):
    return label(es, "cloud ref", session_ref, 16)


class Keys:
    """One direction under one key."""

    def __init__(self, secret, epoch):
        self.secret, self.epoch, self.seq = secret, epoch, 0
        self.key, self.iv = label(secret, "key"), label(secret, "iv", b"", 12)
        self.aead = AESGCM(self.key)

    def nonce(self):
        n = int.from_bytes(self.iv, "big") ^ self.seq
        self.seq += 1
        return n.to_bytes(12, "big")

    def next(self, secret):
        return Keys(secret, 1 if self.epoch == 255 else self.epoch + 1)

    def seal(self, kind, content, length):
        inner = (content + bytes([kind])).ljust(length, b"\0")
        head = bytes([self.epoch]) + (len(inner) + 16).to_bytes(3, "big")
        return head + self.aead.encrypt(self.nonce(), inner, head)

    def open(self, record):
        try:
            inner = self.aead.decrypt(self.nonce(), record[4:], record[:4])
        except InvalidTag:
            raise Abort(2, "a record does not open") from None
        stripped = inner.rstrip(b"\0")
        need(stripped, 1, "an inner of zeros")
        return stripped[-1], stripped[:-1], len(inner)


class Schedule:
    """From the shared secret and the transcript to all that section 5 names."""

    def __init__(self, k_cloud):
        self.es = extract(ZEROS, k_cloud or ZEROS)

    def handshake(self, shared, th):
        self.hs = extract(label(self.es, "derived", H(b"")), shared)
        self.ms = extract(label(self.hs, "derived", H(b"")), ZEROS)
        self.hs_c, self.hs_s = label(self.hs, "c hs", th), label(self.hs, "s hs", th)

    def application(self, t):
        self.ap_c, self.ap_s = label(self.ms, "c ap", t), label(self.ms, "s ap", t)
        self.guard_c, self.guard_s = label(self.ms, "c guard", t), label(self.ms, "s guard", t)
        self.exporter, self.rekey = label(self.ms, "exp", t), label(self.ms, "rekey", t)
        self.channel_binding = label(self.exporter, "binding")

    def renew(self, shared, x):
        self.rekey = extract(self.rekey, shared)
        self.ap_c, self.ap_s = label(self.rekey, "c ap", x), label(self.rekey, "s ap", x)
        self.guard_c, self.guard_s = label(self.rekey, "c guard", x), label(self.rekey, "s guard", x)


def dh(secret, share):
    try:
        return secret.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:
        raise Abort(1, "a shared secret of zeros") from None


# ---- sections 2 and 4: identities and messages

def spki_of(key):
    return key.public_key().public_bytes(serialization.Encoding.DER,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(spki):
    return H(b"fsc1 identity\0", spki)


def parse_spki(spki):
    for bits, head in SPKI_HEADS.items():
        if len(spki) == len(head) + bits // 8 + 5 and spki.startswith(head):
            n = int.from_bytes(spki[len(head):-5], "big")
            if spki.endswith(b"\x02\x03\x01\x00\x01") and n & 1 and n >> (bits - 1):
                return rsa.RSAPublicNumbers(65537, n).public_key(), bits // 8
    raise Abort(3, "not a key of an accepted form")


def signed_bytes(role, th):
    return b" " * 64 + (b"fsc1 client" if role == "c" else b"fsc1 server") + b"\0" + th


# ---- section 2: rotation

def rotation_bytes(binding, old_spki, new_spki):
    return b" " * 64 + b"fsc1 rotate\0" + H(binding, fingerprint(old_spki), fingerprint(new_spki))


def sign_rotation(old_key, new_key, binding):
    """(SPKI of the new key, signature by the old one, by the new one)"""
    said = rotation_bytes(binding, spki_of(old_key), spki_of(new_key))
    return (spki_of(new_key), old_key.sign(said, PSS, hashes.SHA256()), new_key.sign(said, PSS, hashes.SHA256()))


def check_rotation(binding, old_spki, new_spki, old_signature, new_signature):
    said = rotation_bytes(binding, old_spki, new_spki)
    need(old_spki != new_spki, 1, "a key is its own successor")
    for spki, signature in ((old_spki, old_signature), (new_spki, new_signature)):
        public_key, length = parse_spki(spki)
        need(len(signature) == length, 3, "a signature has another length than its key")
        try:
            public_key.verify(signature, said, PSS, hashes.SHA256())
        except InvalidSignature:
            raise Abort(3, "a signature of a rotation is wrong") from None


PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


def message(kind, body):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, n):
        need(n <= len(self.data), 1, "a message that is too short")
        out, self.data = self.data[:n], self.data[n:]
        return out

    def u(self, n):
        return int.from_bytes(self.take(n), "big")

    def end(self):
        need(not self.data, 1, "a message that is too long")


def read_extensions(r):
    lst, seen = Reader(r.take(r.u(2))), {}
    r.end()
    while lst.data:
        kind = lst.u(2)
        need(kind not in seen, 1, "an extension twice")
        seen[kind] = lst.take(lst.u(2))
    return seen


def is_clean(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    bad = [(0, 0x1f), (0x7f, 0x9f), (0x61c, 0x61c), (0x200b, 0x200f), (0x2028, 0x202e),
           (0x2060, 0x2069), (0xfeff, 0xfeff)]
    return not any(a <= ord(ch) <= b for ch in text for a, b in bad)


def read_parameters(body):
    need(len(body) <= 4096, 1, "Parameters above 4096 bytes")
    ext = read_extensions(Reader(body))
    out = {"max": 16384, "policy": 1, "methods": b"", "program": b""}
    if 1 in ext:
        need(len(ext[1]) == 4, 1, "max record")
        out["max"] = int.from_bytes(ext[1], "big")
        need(1024 <= out["max"] <= 65536, 1, "max record")
    if 2 in ext:
        need(len(ext[2]) == 1, 1, "padding policy")
    if 3 in ext:
        need(1 <= len(ext[3]) == 1 + ext[3][0] <= 33, 1, "methods")
        out["methods"] = ext[3][1:]
    if 5 in ext:
        need(1 <= len(ext[5]) <= 64 and is_clean(ext[5]), 1, "program")
        out["program"] = ext[5]
    return out


def read_client_hello(body):
    r = Reader(body)
    need(len(body) <= 4096, 1, "ClientHello above 4096 bytes")
    out = {"random": r.take(32), "session_ref": r.take(16), "cloud_ref": r.take(16)}
    n = r.u(1)
    need(1 <= n <= 32, 1, "number of suites")
    out["suites"] = [r.u(2) for _ in range(n)]
    out["x25519"] = r.take(32)
    need(len(r.take(r.u(2))) == (1184 if 0x0101 in out["suites"] else 0), 1, "mlkem768_ek")
    need(not any(read_extensions(r).get(0, b"")), 1, "padding that is not zeros")
    return out


def write_client_hello(random, session_ref, ref, share):
    body = random + session_ref + ref + b"\x01\x00\x01" + share + b"\0\0"
    pad = -(len(body) + 6) % 256
    return message(HELLO, body + struct.pack(">HHH", 4 + pad, 0, pad) + bytes(pad))


def read_server_hello(body):
    r = Reader(body)
    need(len(body) <= 2048, 1, "ServerHello above 2048 bytes")
    r.take(32)
    need(r.u(2) == 0x0001, 1, "a suite that was not offered")
    share = r.take(32)
    need(r.u(2) == 0, 1, "mlkem768_ct")
    read_extensions(r)
    return share


def split_flight(content):
    r, out = Reader(content), []
    for kind in (PARAMETERS, IDENTITY, SIGNATURE, FINISHED):
        need(r.u(1) == kind, 1, "the messages of a flight")
        out.append(r.take(r.u(3)))
    r.end()
    return out


class Transcript:
    def __init__(self):
        self.hash = hashlib.sha256(GREETING)

    def add(self, *messages):
        for m in messages:
            self.hash.update(m)
        return self.hash.digest()


def check_flight(content, transcript, role, finished_key):
    """The peer's flight, in the order of section 4; returns its SPKI and parameters, and the THs."""
    parameters, identity, signature, finished = split_flight(content)
    th = [transcript.add(message(PARAMETERS, parameters)), transcript.add(message(IDENTITY, identity)),
          transcript.add(message(SIGNATURE, signature))]
    need(len(finished) == 32 and hmac.compare_digest(
        finished, hmac.new(finished_key, th[2], hashlib.sha256).digest()), 1, "Finished")
    parsed = read_parameters(parameters)
    r = Reader(identity)
    need(r.u(1) == 1, 3, "kind of identity")
    spki = r.take(r.u(2))
    r.end()
    key, length = parse_spki(spki)
    r = Reader(signature)
    sig = r.take(r.u(2))
    r.end()
    need(len(sig) == length, 3, "length of the signature")
    try:
        key.verify(sig, signed_bytes(role, th[1]), PSS, hashes.SHA256())
    except InvalidSignature:
        raise Abort(3, "Signature") from None
    th.append(transcript.add(message(FINISHED, finished)))
    return spki, parsed, th


def write_flight(key, transcript, role, finished_key, program=b"fsc1.py"):
    spki = spki_of(key)
    ext = struct.pack(">HHIHHBHHB", 1, 4, 16384, 2, 1, 1, 3, 1, 0)
    ext += struct.pack(">HH", 5, len(program)) + program
    parts = [message(PARAMETERS, struct.pack(">H", len(ext)) + ext),
             message(IDENTITY, b"\x01" + struct.pack(">H", len(spki)) + spki)]
    sig = key.sign(signed_bytes(role, transcript.add(*parts)), PSS, hashes.SHA256())
    parts.append(message(SIGNATURE, struct.pack(">H", len(sig)) + sig))
    mac = hmac.new(finished_key, transcript.add(parts[2]), hashlib.sha256).digest()
    parts.append(message(FINISHED, mac))
    transcript.add(parts[3])
    return b"".join(parts)


# ---- a channel on a socket

class Channel:
    """One end; blocking. role is "c" or "s"."""

    def __init__(self, sock, role, key, expected=None, k_cloud=None, session_ref=bytes(16)):
        self.sock, self.role, self.key, self.expected = sock, role, key, expected
        self.k_cloud, self.session_ref = k_cloud, session_ref
        self.schedule, self.transcript = Schedule(k_cloud), Transcript()
        self.sent = self.received = 0
        self.out = self.into = self.early = self.offered = self.pending = None
        self.closed = False
        self.max_out = 16384

    # bytes

    def read(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise Abort(None, "the stream ended without Close")
            data += part
        return data

    def send(self, kind, content):
        length = min(-(-(len(content) + 1) // 64) * 64, self.max_out)
        self.sent += 1
        self.sock.sendall(self.out.seal(kind, content, length))

    def receive(self):
        head = self.read(4)
        keys = self.into
        if self.early and head[0] == 0:
            keys = self.early
        need(keys and head[0] == keys.epoch, 1, "epoch")
        length = int.from_bytes(head[1:], "big")
        need(17 <= length <= 16384 + 16, 1, "length of a record")
        kind, content, _ = keys.open(head + self.read(length))
        self.received += 1
        return head[0], kind, content

    # opening

    def open(self):
        try:
            peer = self.open_client() if self.role == "c" else self.open_server()
        except Abort as e:
            self.abort(e)
            raise
        return peer

    def clear_message(self, *kinds):
        kind = self.read(1)
        if self.role == "c" and kind == b"R":
            need(kind + self.read(11) == RFB_GREETING, None, "a server of another protocol")
            kind = self.read(1)
        need(kind[0] in kinds, None, "not a handshake message")
        length = int.from_bytes(self.read(3), "big")
        need(length <= 4096, None, "a message that is too long")
        return kind[0], self.read(length)

    def open_client(self):
        x = X25519PrivateKey.generate()
        ref = cloud_ref(self.schedule.es, self.session_ref) if self.k_cloud else bytes(16)
        hello = write_client_hello(secrets.token_bytes(32), self.session_ref, ref, public(x))
        self.sock.sendall(GREETING + hello)
        self.transcript.add(hello)
        kind, body = self.clear_message(SERVER_HELLO, REFUSAL)
        if kind == REFUSAL:
            raise Closed("refused before it proved itself, code %d" % body[0])
        th = self.transcript.add(message(kind, body))
        s = self.schedule
        s.handshake(dh(x, read_server_hello(body)), th)
        self.into, out = Keys(s.hs_s, 0), Keys(s.hs_c, 0)
        _, kind, content = self.receive()
        if kind == CLOSE:
            raise Closed("closed before it proved itself, code %d" % content[0])
        need(kind == HANDSHAKE, 1, "a flight was due")
        spki, peer, _ = check_flight(content, self.transcript, "s", label(s.hs_s, "finished"))
        need(self.expected in (None, fingerprint(spki)), 3, "another identity than expected")
        self.max_out = min(16384, peer["max"])
        flight = write_flight(self.key, self.transcript, "c", label(s.hs_c, "finished"))
        self.sock.sendall(out.seal(HANDSHAKE, flight, 2048))
        self.sent += 1
        s.application(self.transcript.add())
        self.early, self.into, self.out = self.into, Keys(s.ap_s, 1), Keys(s.ap_c, 1)
        self.first = self.receive()
        if self.first[1] == CLOSE:
            self.on_close(self.first[2])
        need(self.first[0] == 1, 1, "epoch 0 before acceptance")
        self.early = None
        return spki

    def open_server(self):
        need(self.read(12) == GREETING, None, "not our protocol")
        try:
            kind, body = self.clear_message(HELLO)
            hello = read_client_hello(body)
        except Abort as e:
            raise Abort(None, str(e)) from None
        if 0x0001 not in hello["suites"]:
            self.refuse(5)
        if any(hello["cloud_ref"]) or self.k_cloud:
            es = Schedule(self.k_cloud).es
            if not self.k_cloud or cloud_ref(es, hello["session_ref"]) != hello["cloud_ref"]:
                self.refuse(9)
        x, s = X25519PrivateKey.generate(), self.schedule
        try:
            shared = dh(x, hello["x25519"])
        except Abort:
            self.refuse(1)
        answer = message(SERVER_HELLO, secrets.token_bytes(32) + b"\x00\x01" + public(x) + bytes(4))
        s.handshake(shared, self.transcript.add(message(kind, body), answer))
        self.into, self.out = Keys(s.hs_c, 0), Keys(s.hs_s, 0)
        flight = write_flight(self.key, self.transcript, "s", label(s.hs_s, "finished"))
        self.sock.sendall(answer + self.out.seal(HANDSHAKE, flight, 2048))
        self.sent += 1
        _, kind, content = self.receive()
        need(kind == HANDSHAKE, 1, "a flight was due")
        spki, peer, _ = check_flight(content, self.transcript, "c", label(s.hs_c, "finished"))
        need(self.expected in (None, fingerprint(spki)), 3, "another identity than expected")
        self.max_out = min(16384, peer["max"])
        s.application(self.transcript.add())
        self.into, self.out = Keys(s.ap_c, 1), Keys(s.ap_s, 1)
        self.send(APPLICATION, b"")
        return spki

    def refuse(self, code):
        self.sock.sendall(message(REFUSAL, bytes([code]) + b"\0\0"))
        raise Abort(None, "refused with code %d" % code)

    # what runs inside

    def write(self, data):
        for i in range(0, len(data), self.max_out - 1):
            self.send(APPLICATION, data[i:i + self.max_out - 1])

    def next_data(self):
        """Application data, b"" for a record that brought none, None after a clean end."""
        try:
            if self.role == "c" and self.first:
                record, self.first = self.first, None
            else:
                record = self.receive()
            return self.on_record(*record)
        except Abort as e:
            self.abort(e)
            raise

    def on_record(self, epoch, kind, content):
        if kind == APPLICATION:
            return b"" if self.closed else content
        if kind == CLOSE:
            self.on_close(content)
            return None
        need(kind == CONTROL, 1, "type of a record")
        r = Reader(content)
        self.on_control(r.u(1), r)
        return b""

    def on_control(self, kind, r):
        lengths = {UPDATE: 0, OFFER: 34, ANSWER: 34, DONE: 0, REQUEST: 0, PING: 8, PONG: 8}
        server_only, client_only = (ANSWER, REQUEST), (OFFER, DONE)
        need(len(r.data) == lengths.get(kind), 1, "a control")
        need(kind not in (server_only if self.role == "s" else client_only), 1, "from the wrong side")
        if kind == UPDATE:
            self.into = self.into.next(label(self.into.secret, "traffic upd"))
        elif kind == PING:
            self.send(CONTROL, bytes([PONG]) + r.data)
        elif kind == REQUEST:
            self.rekey()
        elif kind == OFFER:
            self.on_offer(r.data)
        elif kind == ANSWER:
            self.on_answer(r.data)
        elif kind == DONE:
            need(self.pending, 1, "RekeyDone that was not due")
            self.into, self.pending = self.into.next(self.schedule.ap_c), None

    def on_offer(self, offer):
        need(not self.pending and offer[32:] == b"\0\0", 1, "RekeyOffer")
        x = X25519PrivateKey.generate()
        answer = public(x) + b"\0\0"
        self.send(CONTROL, bytes([ANSWER]) + answer)
        self.schedule.renew(dh(x, offer[:32]), H(offer, answer))
        self.out, self.pending = self.out.next(self.schedule.ap_s), True

    def on_answer(self, answer):
        need(self.offered and answer[32:] == b"\0\0", 1, "RekeyAnswer")
        self.schedule.renew(dh(self.offered, answer[:32]), H(public(self.offered), b"\0\0", answer))
        self.into, self.offered = self.into.next(self.schedule.ap_s), None
        self.send(CONTROL, bytes([DONE]))
        self.out = self.out.next(self.schedule.ap_c)

    def rekey(self):
        if self.role == "s":
            self.send(CONTROL, bytes([REQUEST]))
        elif not self.offered:
            self.offered = X25519PrivateKey.generate()
            self.send(CONTROL, bytes([OFFER]) + public(self.offered) + b"\0\0")

    def update(self):
        self.send(CONTROL, bytes([UPDATE]))
        self.out = self.out.next(label(self.out.secret, "traffic upd"))

    # the end

    def close(self, code=0, reason=b""):
        if not self.closed:
            self.closed = True
            self.send(CLOSE, bytes([code]) + struct.pack(">Q", self.sent + 1) + reason)

    def on_close(self, content):
        r = Reader(content)
        code, count = r.u(1), r.u(8)
        need(count == self.received and len(r.data) <= 256, 1, "Close")
        self.close()
        if code:
            raise Closed("closed by the peer, code %d %r" % (code, r.data))

    def abort(self, e):
        if e.code and self.out and not self.closed:
            try:
                self.close(e.code)
            except OSError:
                pass


def public(x):
    return x.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


# ---- the vectors

def same(what, ours, theirs):
    if ours != (bytes.fromhex(theirs) if isinstance(theirs, str) else theirs):
        raise AssertionError("%s differs" % what)


class Vector:
    """Goes through a published conversation and computes each value that it names."""

    def __init__(self, v):
        self.v = v
        self.k_cloud = bytes.fromhex(v["cloud_secret"]) or None
        self.schedule, self.transcript = Schedule(self.k_cloud), Transcript()
        self.party = {"client": v["client"], "server": v["server"]}
        self.key = {n: serialization.load_pem_private_key(p["key_pem"].encode(), None)
                    for n, p in self.party.items()}
        self.count = {"client": 0, "server": 0}
        self.keys, self.accepted, self.offer, self.values = {}, False, None, 0

    def same(self, what, ours, theirs):
        same(what, ours, theirs)
        self.values += 1

    def secret(self, name, field="x25519_secret"):
        return X25519PrivateKey.from_private_bytes(bytes.fromhex(self.party[name][field]))

    def check(self):
        v = self.v
        for name, p in self.party.items():
            self.same("spki", spki_of(self.key[name]), p["spki"])
            self.same("fingerprint", fingerprint(bytes.fromhex(p["spki"])), p["fingerprint"])
        session_ref = bytes.fromhex(v["session_ref"])
        ref = cloud_ref(self.schedule.es, session_ref) if self.k_cloud else bytes(16)
        hello = write_client_hello(bytes.fromhex(v["client"]["random"]), session_ref, ref,
                                   public(self.secret("client")))
        self.same("client_hello", hello, v["client_hello"])
        read_client_hello(hello[4:])
        if "refusal" in v:
            self.same("refusal", message(REFUSAL, b"\x09\0\0"), v["refusal"])
            return
        answer = message(SERVER_HELLO, bytes.fromhex(v["server"]["random"]) + b"\x00\x01" +
                         public(self.secret("server")) + bytes(4))
        self.same("server_hello", answer, v["server_hello"])
        th = self.transcript.add(hello, answer)
        s, h = self.schedule, v["handshake_secrets"]
        shared = dh(self.secret("client"), read_server_hello(answer[4:]))
        self.same("x25519_ss of the server", dh(self.secret("server"), hello[4 + 67:][:32]),
                  h["x25519_ss"])
        s.handshake(shared, th)
        for name, ours in (("th_server_hello", th), ("x25519_ss", shared), ("es", s.es), ("hs", s.hs),
                           ("hs_c", s.hs_c), ("hs_s", s.hs_s), ("ms", s.ms)):
            self.same(name, ours, h[name])
        self.keys = {"client": Keys(s.hs_c, 0), "server": Keys(s.hs_s, 0)}
        for record in v["records"]:
            self.check_record(record)

    def check_record(self, r):
        side = r["from"]
        if side == "server" and r["epoch"] == 1 and not self.accepted:
            self.accepted, self.keys[side] = True, Keys(self.schedule.ap_s, 1)
        keys, wire = self.keys[side], bytes.fromhex(r["wire"])
        self.same("epoch", keys.epoch, r["epoch"])
        self.same("seq", keys.seq, r["seq"])
        self.same("key", keys.key, r["key"])
        self.same("iv", keys.iv, r["iv"])
        kind, content, inner_len = keys.open(wire)
        self.same("type", kind, r["type"])
        self.same("content", content, r["content"])
        self.same("inner_len", inner_len, r["inner_len"])
        keys.seq -= 1
        self.same("wire", keys.seal(kind, content, inner_len), r["wire"])
        self.count[side] += 1
        if kind == HANDSHAKE:
            self.check_flight(r, side, content)
        elif kind == CONTROL:
            self.check_control(r, side, content)
        elif kind == CLOSE:
            self.same("count", int.from_bytes(content[1:9], "big"), self.count[side])

    def check_flight(self, r, side, content):
        role, s = side[0], self.schedule
        finished_key = label(s.hs_c if role == "c" else s.hs_s, "finished")
        spki, _, th = check_flight(content, self.transcript, role, finished_key)
        self.same("spki", spki, self.party[side]["spki"])
        for name, ours in zip(("th_parameters", "th_identity", "th_signature", "th_finished"), th):
            self.same(name, ours, r[name])
        self.check_salt(side, role, split_flight(content)[2][2:], th[1])
        if role == "c":
            s.application(th[3])
            self.check_secrets(r, ("ap_c", "ap_s", "exporter", "channel_binding", "guard_c", "guard_s"))
            self.same("rekey_0", s.rekey, r["rekey_0"])
            self.keys["client"] = Keys(s.ap_c, 1)

    def check_salt(self, side, role, sig, th):
        """RFC 8017, 9.1.2: what the signature opens to has the salt that was drawn."""
        numbers = self.key[side].public_key().public_numbers()
        length = (numbers.n.bit_length() + 7) // 8
        em = pow(int.from_bytes(sig, "big"), numbers.e, numbers.n).to_bytes(length, "big")
        h, mask, i = em[-33:-1], b"", 0
        while len(mask) < length - 33:
            mask, i = mask + H(h, struct.pack(">I", i)), i + 1
        salt = bytes(a ^ b for a, b in zip(em[:-33], mask))[-32:]
        self.same("signature_salt", salt, self.party[side]["signature_salt"])
        self.same("PSS hash", H(bytes(8), H(signed_bytes(role, th)), salt), h)

    def check_secrets(self, r, names):
        for name in names:
            self.same(name, getattr(self.schedule, name), r[name])

    def check_control(self, r, side, content):
        s, keys = self.schedule, self.keys[side]
        if content[0] == UPDATE:
            self.keys[side] = keys.next(label(keys.secret, "traffic upd"))
            self.same("next_secret", self.keys[side].secret, r["next_secret"])
        elif content[0] == OFFER:
            self.offer = content[1:]
            self.same("offer", self.offer, public(self.secret("client", "rekey_x25519_secret")) + b"\0\0")
        elif content[0] == ANSWER:
            shared, x = dh(self.secret("client", "rekey_x25519_secret"), content[1:33]), H(self.offer, content[1:])
            s.renew(shared, x)
            self.same("x25519_ss", shared, r["x25519_ss"])
            self.same("x", x, r["x"])
            self.same("rekey_1", s.rekey, r["rekey_1"])
            self.check_secrets(r, ("ap_c", "ap_s", "guard_c", "guard_s"))
            self.keys[side] = keys.next(s.ap_s)
        elif content[0] == DONE:
            self.keys[side] = keys.next(s.ap_c)


def check_rotations(top):
    with open(os.path.join(top, "docs", "vectors", "rotation.json"), encoding="utf-8") as f:
        statements = json.load(f)["statements"]
    for s in statements:
        fields = [bytes.fromhex(s[name]) for name in
                  ("channel_binding", "old_spki", "new_spki", "old_signature", "new_signature")]
        try:
            check_rotation(*fields)
            good = True
        except Abort:
            good = False
        if good != s["good"]:
            sys.exit("rotation.json: %s: %s" % (s["about"], "believed" if good else "refused"))
    return len(statements)


def check_vectors():
    top = os.environ.get("FARHAND_TOP", os.path.join(os.path.dirname(__file__), "..", "..", ".."))
    names = sorted(glob.glob(os.path.join(top, "docs", "vectors", "channel-*.json")))
    if not names:
        sys.exit("no docs/vectors/channel-*.json")
    total = 0
    for name in names:
        with open(name, encoding="utf-8") as f:
            vector = Vector(json.load(f))
        try:
            vector.check()
        except (AssertionError, Abort) as e:
            sys.exit("%s: %s" % (os.path.basename(name), e))
        total += vector.values
    total += check_rotations(top)
    check_self()
    print("%d conversations, %d values, and a channel with itself: all as docs/protocol.md says"
          % (len(names), total))


# ---- on a socket

def check_self():
    key = rsa.generate_private_key(65537, 2048)
    a, b = socket.socketpair()
    client, server = Channel(a, "c", key), Channel(b, "s", key)
    heard = {}

    def serve():
        server.open()
        server.update()
        server.write(b"welcome" * 5000)
        heard["server"] = b"".join(iter(server.next_data, None))

    thread = threading.Thread(target=serve)
    thread.start()
    client.open()
    client.rekey()
    client.write(b"hello" * 5000)
    heard["client"] = b""
    while client.offered or len(heard["client"]) < 35000:
        heard["client"] += client.next_data()
    client.update()
    client.write(b"!")
    client.close()
    while client.next_data() is not None:
        pass
    thread.join()
    same("data", heard["client"], b"welcome" * 5000)
    same("data", heard["server"], b"hello" * 5000 + b"!")


def converse(channel, options):
    sys.stderr.flush()
    if "--update" in options:
        channel.update()
    if "--rekey" in options:
        channel.rekey()
    inputs = [channel.sock, sys.stdin.buffer]
    while True:
        ready = [channel.sock] if getattr(channel, "first", None) else select.select(inputs, [], [])[0]
        if sys.stdin.buffer in ready:
            data = os.read(0, 65536)
            channel.write(data)
            if not data:
                inputs.remove(sys.stdin.buffer)
                channel.close()
        if channel.sock in ready:
            data = channel.next_data()
            if data is None:
                return
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


def main(argv):
    options = [a for a in argv if a.startswith("--")]
    argv = [a for a in argv if not a.startswith("--")]
    if "--self" in options:
        return check_self()
    if not argv:
        return check_vectors()
    if argv[0] not in ("client", "server") or len(argv) < 4:
        sys.exit(__doc__)
    with open(argv[3], "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    expected = bytes.fromhex(argv[4]) if len(argv) > 4 else None
    if argv[1] == "-":
        sock = socket.socket(fileno=int(argv[2]))
    elif argv[0] == "client":
        sock = socket.create_connection((argv[1], int(argv[2])))
    else:
        with socket.create_server((argv[1], int(argv[2]))) as listener:
            print("listening", listener.getsockname()[1], file=sys.stderr, flush=True)
            sock = listener.accept()[0]
    with sock:
        channel = Channel(sock, argv[0][0], key, expected)
        try:
            spki = channel.open()
            print("open", fingerprint(spki).hex(), file=sys.stderr, flush=True)
            converse(channel, options)
        except (Abort, Closed, OSError) as e:
            sys.exit("%s: %s" % (type(e).__name__, e))
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
