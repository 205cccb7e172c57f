# SPDX-License-Identifier: MIT
"""proxy.py -- a man in the middle between a viewer and a server, who knows the shape of what passes.

He cuts both directions into units: the first 12 bytes, the greeting, the two hellos, and records
(docs/protocol.md: handshake messages are u8 type | u24 length | body, records u8 epoch | u24 length |
sealed). One Meddling says what he does to one unit. He holds a unit until all of it is there.
"""
import select
import socket
import threading
import time

UP, DOWN = "up", "down"  # from the viewer to the server, and back
STALL = 0.4  # seconds without a byte after a meddling, when each end waits for the other: then he hangs up


class Meddling:
    """What is done to unit `unit` of a direction.

    flip (at, bit)   one bit of byte `at`       swap (at)    byte `at` changes places with its follower
    drop (at)        byte `at` is left out      cut (at)     both connections end before byte `at`
    repeat (at)      byte `at` comes twice
    drop-unit        all of it is left out      swap-unit    it comes after its follower
    repeat-unit      it comes twice             cut-unit     both connections end after it
    replay-unit      it comes again after its follower
    """

    WHOLE = ("drop-unit", "repeat-unit", "swap-unit", "cut-unit", "replay-unit")
    BYTES = ("flip", "drop", "repeat", "swap", "cut")

    def __init__(self, direction, unit, kind, at=0, bit=0):
        self.direction, self.unit, self.kind, self.at, self.bit = direction, unit, kind, at, bit

    def __str__(self):
        where = "" if self.kind in self.WHOLE else f" byte {self.at}"
        where += f" bit {self.bit}" if self.kind == "flip" else ""
        return f"{self.kind}{where} of unit {self.unit} {self.direction}"


class Cutter:
    """Cuts one direction into units."""

    def __init__(self, direction):
        self.direction = direction
        self.data = b""
        self.n = 0
        self.had_hello = False

    def _length(self):
        """Bytes of the unit that begins the data; None: not known yet."""
        if self.direction == UP and self.n == 0:
            return 12, "opening"
        if len(self.data) < 4:
            return None, None
        if self.direction == DOWN and self.n == 0 and self.data[:4] == b"RFB ":
            return 12, "greeting"
        return 4 + int.from_bytes(self.data[1:4], "big"), "record" if self.had_hello else "hello"

    def feed(self, data):
        self.data += data
        while True:
            length, name = self._length()
            if length is None or len(self.data) < length:
                return
            unit, self.data = self.data[:length], self.data[length:]
            self.had_hello |= name == "hello"
            self.n += 1
            yield name, unit


class Direction:
    """One direction of one connection, with what is done to it."""

    def __init__(self, name, source, sink, meddling):
        self.name, self.source, self.sink = name, source, sink
        self.meddling = meddling if meddling and meddling.direction == name else None
        self.cutter = Cutter(name)
        self.units = []  # (name, length) of what the sender sent
        self.held = None  # to come after the next unit
        self.is_open = True
        self.hang_up = False

    def forward(self, data):
        try:
            self.sink.sendall(data)
        except OSError:
            self.hang_up = True

    def end(self):
        self.is_open = False
        rest = self.cutter.data
        if self.held is not None:
            rest = self.held + rest
        if rest:
            self.forward(rest)
        try:
            self.sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def take(self, data):
        """True if the meddling was done just now."""
        done = False
        for name, unit in self.cutter.feed(data):
            index = len(self.units)
            self.units.append((name, len(unit)))
            if self.meddling and index == self.meddling.unit:
                done = self.meddle(unit) or done
            elif self.held is not None:
                self.forward(unit + self.held)
                self.held = None
            else:
                self.forward(unit)
            if self.hang_up:
                break
        return done

    def meddle(self, unit):
        """False: there is nothing of the kind to be done to this unit."""
        m, n = self.meddling, len(unit)
        if m.kind == "cut-unit":
            self.forward(unit)
            self.hang_up = True
            return True
        if m.kind == "drop-unit":
            return True
        if m.kind == "repeat-unit":
            self.forward(unit + unit)
            return True
        if m.kind == "swap-unit":
            self.held = unit
            return True
        if m.kind == "replay-unit":
            self.held = unit
            self.forward(unit)
            return True
        if m.at >= n or (m.kind == "swap" and (m.at + 1 >= n or unit[m.at] == unit[m.at + 1])):
            self.forward(unit)
            return False
        head, byte, tail = unit[:m.at], unit[m.at:m.at + 1], unit[m.at + 1:]
        if m.kind == "cut":
            self.forward(head)
            self.hang_up = True
        elif m.kind == "flip":
            self.forward(head + bytes([byte[0] ^ 1 << m.bit]) + tail)
        elif m.kind == "drop":
            self.forward(head + tail)
        elif m.kind == "repeat":
            self.forward(head + byte + byte + tail)
        else:
            self.forward(head + tail[:1] + byte + tail[1:])
        return True


class Proxy:
    """Carries one connection at a time; run() in a thread, then what happened is in the fields."""

    def __init__(self, port, source):
        self.port = port  # the server's
        self.source = source  # our address towards the server: limits count by it
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1::{self.listener.getsockname()[1]}"

    def close(self):
        self.listener.close()

    def start(self, meddling=None):
        self.thread = threading.Thread(target=self.run, args=(meddling,), daemon=True)
        self.is_done = False  # whether the meddling took place
        self.units = {UP: [], DOWN: []}
        self.stop = False
        self.thread.start()

    def finish(self):
        """The viewer ended: so does the connection."""
        self.stop = True
        self.thread.join()

    def run(self, meddling):
        while not select.select([self.listener], [], [], 0.02)[0]:
            if self.stop:
                return
        viewer, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.port), source_address=(self.source, 0))
        for s in (viewer, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.settimeout(10)
        try:
            self.carry(viewer, server, meddling)
        finally:
            viewer.close()
            server.close()

    def carry(self, viewer, server, meddling):
        ways = {viewer: Direction(UP, viewer, server, meddling), server: Direction(DOWN, server, viewer, meddling)}
        self.units = {way.name: way.units for way in ways.values()}
        last = time.monotonic()
        while any(way.is_open for way in ways.values()) and not any(way.hang_up for way in ways.values()):
            ready, _, _ = select.select([s for s in ways if ways[s].is_open], [], [], 0.05)
            for s in ready:
                try:
                    data = s.recv(65536)
                except OSError:
                    data = b""
                if data:
                    self.is_done |= ways[s].take(data)
                else:
                    ways[s].end()
            if ready:
                last = time.monotonic()
            elif self.is_done and time.monotonic() - last > STALL:
                return
