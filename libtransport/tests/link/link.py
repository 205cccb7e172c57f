#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""link.py -- a second implementation of the link, written from docs/protocol.md alone.

    link.py           checks docs/vectors/link.json
    link.Link(sock)   the client of a link on a socket; has sendall() and recv() of a socket
"""
import hashlib
import hmac
import json
import os
import socket
import struct
import sys

GREETING = b"FARHAND 101\n"
OPEN, ATTACH, ATTACHED, CONFIRM, REFUSED, DATA, ACK, WANT, SWITCH, END, BYE = range(1, 12)
LENGTHS = {OPEN: 2, ATTACH: 82, ATTACHED: 56, CONFIRM: 32, REFUSED: 0, ACK: 8, WANT: 8, SWITCH: 0, END: 8, BYE: 1}
PAYLOAD_MAX = 32768
ALONE = 1


class Refused(Exception):
    pass


class Lost(Exception):
    pass


def frame(kind, body=b""):
    return struct.pack(">B", kind) + len(body).to_bytes(3, "big") + body


def u64(n):
    return struct.pack(">Q", n)


def mac(key, label, *frames):
    return hmac.new(key, label + b"\0" + GREETING + b"".join(frames), hashlib.sha256).digest()


def attach(key, ref, counter, nonce, want, rank=0, flags=ALONE):
    text = frame(ATTACH, ref + u64(counter) + nonce + u64(want) + bytes([rank, flags]) + bytes(32))[:-32]
    return text + mac(key, b"farhand link attach", text)


def split(data):
    """The frames of a direction, the greeting aside; the last may be cut."""
    frames = []
    while len(data) >= 4:
        kind, length = data[0], int.from_bytes(data[1:4], "big")
        if kind == DATA:
            assert 9 <= length <= 8 + PAYLOAD_MAX, length
        else:
            assert length == LENGTHS[kind], (kind, length)
        if len(data) < 4 + length:
            break
        frames.append((kind, data[:4 + length]))
        data = data[4 + length:]
    return frames


class Link:
    """The client. key and ref: set them once the channel stands; resume(sock) after that."""

    def __init__(self, sock):
        self.key = self.ref = None
        self.counter = self.wanted = self.base = 0
        self.kept, self.came, self.ended = b"", b"", False
        self.silent, self.base_of_peer = False, 0  # acknowledges nothing; what it acknowledged last
        self.begin(sock)
        self.sock.sendall(GREETING + frame(OPEN, struct.pack(">H", 60)))
        kind, body = self.next_frame()
        assert kind == OPEN, kind
        self.keep_s, = struct.unpack(">H", body)

    def begin(self, sock):
        self.sock, self.buffer = sock, b""

    def fill(self, n):
        while len(self.buffer) < n:
            try:
                part = self.sock.recv(65536)
            except OSError as e:
                raise Lost(str(e)) from e
            if not part:
                raise Lost("end of stream")
            self.buffer += part

    def next_frame(self):
        """What is not there as a whole stays where it is."""
        self.fill(4)
        if self.buffer[:1] == b"F":
            raise Refused(self.buffer.decode())
        length = 4 + int.from_bytes(self.buffer[1:4], "big")
        self.fill(length)
        kind, body, self.buffer = self.buffer[0], self.buffer[4:length], self.buffer[length:]
        return kind, body

    # what the channel needs

    def sendall(self, data):
        for at in range(0, len(data), PAYLOAD_MAX):
            part = data[at:at + PAYLOAD_MAX]
            number = self.base + len(self.kept)
            self.kept += part
            try:
                self.sock.sendall(frame(DATA, u64(number) + part))
            except OSError as e:
                raise Lost(str(e)) from e

    def recv(self, n):
        while not self.came and not self.ended:
            self.take()
        data, self.came = self.came[:n], self.came[n:]
        return data

    def take(self):
        kind, body = self.next_frame()
        if kind == DATA:
            number, = struct.unpack(">Q", body[:8])
            assert number <= self.wanted, "a gap"
            new = body[8:][self.wanted - number:]
            self.came += new
            self.wanted += len(new)
            if not self.silent:
                self.acknowledge()
        elif kind in (ACK, WANT):
            number, = struct.unpack(">Q", body)
            if number > self.base:
                self.kept, self.base = self.kept[number - self.base:], number
            if kind == WANT:
                self.sock.sendall(frame(DATA, u64(self.base) + self.kept) if self.kept else b"")
        elif kind == END:
            assert struct.unpack(">Q", body) == (self.wanted,)
            self.ended = True
            self.wanted += 1
        elif kind == BYE:
            self.ended = True
        else:
            assert kind == SWITCH, kind

    def acknowledge(self):
        self.base_of_peer = self.wanted
        self.sock.sendall(frame(ACK, u64(self.wanted)))

    # coming back

    def opening(self, **changes):
        """GREETING and ATTACH; changes: arguments of attach() that shall be others."""
        self.counter += 1
        fields = {"key": self.key, "ref": self.ref, "counter": self.counter, "nonce": os.urandom(16),
                  "want": self.wanted}
        fields.update(changes)
        return attach(**fields)

    def resume(self, sock, claim=None):
        """Carries on over another socket. claim: an ATTACH to send instead of a right one."""
        self.begin(sock)
        claim = claim or self.opening()
        sock.sendall(GREETING + claim)
        kind, body = self.next_frame()
        if kind == REFUSED:
            raise Refused("refused")
        assert kind == ATTACHED, kind
        reply = frame(ATTACHED, body)
        assert hmac.compare_digest(reply[-32:], mac(self.key, b"farhand link attached", claim, reply[:-32]))
        want, = struct.unpack(">Q", body[16:24])
        text = frame(CONFIRM, bytes(32))[:-32]
        proof = mac(self.key, b"farhand link confirm", claim, reply)
        rest = self.kept[want - self.base:]
        self.kept, self.base = rest, want
        sock.sendall(text + proof + (frame(DATA, u64(want) + rest) if rest else b""))


# ---- the vectors

def check_path(v, key, path, greets):
    """The frames of a path, their MACs checked; by direction."""
    client, server = bytes.fromhex(path["client"]), bytes.fromhex(path["server"])
    assert client.startswith(GREETING)
    client, server = split(client[len(GREETING):]), split(server)
    if greets:
        assert client[0][0] == OPEN and server[0][0] == OPEN
        return client[1:], server[1:]
    assert client[0][0] == ATTACH and client[0][1][4:20] == bytes.fromhex(v["ref"])
    claim = client[0][1]
    assert claim[-32:] == mac(key, b"farhand link attach", claim[:-32])
    assert server[0][0] == ATTACHED and client[1][0] == CONFIRM
    reply = server[0][1]
    assert reply[-32:] == mac(key, b"farhand link attached", claim, reply[:-32])
    assert client[1][1] == frame(CONFIRM, mac(key, b"farhand link confirm", claim, reply))
    return client[2:], server[1:]


def check_direction(frames, text):
    """What a receiver that orders by number makes of all paths: the text, and then the end."""
    bytes_at, end = {}, None
    for kind, data in frames:
        if kind == DATA:
            number, = struct.unpack(">Q", data[4:12])
            for i, byte in enumerate(data[12:]):
                assert bytes_at.setdefault(number + i, byte) == byte
        elif kind == END:
            end, = struct.unpack(">Q", data[4:])
    assert bytes(bytes_at[i] for i in range(len(bytes_at))) == text
    assert end == len(text)


def check_vectors():
    top = os.environ.get("FARHAND_TOP", os.path.join(os.path.dirname(__file__), "..", "..", ".."))
    with open(os.path.join(top, "docs", "vectors", "link.json"), encoding="utf-8") as f:
        v = json.load(f)
    key = bytes.fromhex(v["key"])
    paths = [check_path(v, key, path, i == 0) for i, path in enumerate(v["paths"])]
    for side, name in ((0, "client"), (1, "server")):
        check_direction([f for path in paths for f in path[side]], bytes.fromhex(v["text"][name]))
    kinds = {kind for path in paths for side in path for kind, _ in side}
    assert kinds >= {DATA, ACK, SWITCH, END, BYE}, kinds
    assert struct.unpack(">Q", bytes.fromhex(v["paths"][1]["client"])[32:40]) == (1,), "the counter begins with 1"
    print("%d paths, %d frames: all as docs/protocol.md says"
          % (len(paths), sum(len(side) for path in paths for side in path)))


def check_self():
    a, b = socket.socketpair()
    with a, b:
        b.sendall(frame(OPEN, struct.pack(">H", 60)) + frame(DATA, u64(0) + b"hi"))
        link = Link(a)
        assert link.recv(10) == b"hi"


if __name__ == "__main__":
    check_self()
    sys.exit(check_vectors())
