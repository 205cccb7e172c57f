# SPDX-License-Identifier: MIT
"""tight.py -- an independent viewer of the Tight encoding, lossless, on a client of session.py. By the decoder that
librfb/tests/decode.py has from the specification."""
import os
import struct
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../e2e"), os.path.join(HERE, "../../librfb/tests")]
import decode  # noqa: E402
import session  # noqa: E402

FORMAT = decode.Format(32, 24, False, True, 255, 255, 255, 16, 8, 0)
SET_FORMAT = struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)


class Body:
    """What decode.Bytes is, of bytes that are still to come."""

    def __init__(self, client):
        self.take = client.read

    def u8(self):
        return self.take(1)[0]


class Viewer:
    def __init__(self, client, *more):
        self.client, self.state, self.is_asked = client, {"seen": set()}, False
        self.width, self.height = client.width, client.height
        self.pixels = [0] * (self.width * self.height)
        client.rfb(SET_FORMAT + session.encodings(7, *more))
        client.rfb(session.update_request(0, 0, self.width, self.height))
        missing = self.width * self.height
        while missing > 0:
            missing -= self.update()

    def ask(self):
        """One request is always open."""
        if not self.is_asked:
            self.client.rfb(session.update_request(0, 0, self.width, self.height, True))
        self.is_asked = True

    def update(self):
        """How many pixels there were in it."""
        kind, n = struct.unpack(">BxH", self.client.read(4))
        if kind != 0:
            raise AssertionError(f"message {kind}")
        drawn, self.is_asked = 0, False
        for _ in range(n):
            x, y, w, h, encoding = struct.unpack(">HHHHi", self.client.read(12))
            if encoding != 7:
                raise AssertionError(f"encoding {encoding} was not asked for")
            pixels = decode.tight(self.state, FORMAT, w, h, Body(self.client))
            for row in range(h):
                at = (y + row) * self.width + x
                self.pixels[at:at + w] = pixels[w * row:w * (row + 1)]
            drawn += w * h
        return drawn

    def see(self, rgb):
        """Waits until this is its picture."""
        expected = [int.from_bytes(rgb[i:i + 3], "big") for i in range(0, len(rgb), 3)]
        while self.pixels != expected:
            self.ask()
            self.update()
        self.ask()
