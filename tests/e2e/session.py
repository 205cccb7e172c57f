# SPDX-License-Identifier: MIT
"""session.py -- the session layer and a little RFB, a second time, from docs/protocol.md.

    client = session.Client(socket, key)     opens the channel of fsc1.py as a viewer
    client.log_in(user, password)            Offer, Choose, Result
    client.prove(user, password)             the same by cpace
    client.start_rfb()                       ClientInit, ServerInit
    client.picture()                         all of it, Raw
    session.serve(socket, key, ...)          a small server of one still picture

Whatever the server sends is kept in client.frames as (channel, payload), in order.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../libcrypto-rfb/tests/fsc1"))
import cpace  # noqa: E402
import fsc1  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402

SESSION, RFB = 0, 1
OFFER, CHOOSE, ASK, ANSWER, RESULT, PERMISSIONS, BYE, EARLY = 1, 2, 3, 4, 5, 6, 7, 8
ROTATION = 130
PASSWORD_METHOD, CPACE_METHOD, CONVERSATION_METHOD, IDENTITY_METHOD = 1, 2, 3, 4
KIND_USER, KIND_PASSWORD, KIND_PAKE, KIND_CODE, KIND_PROMPT, KIND_NOTICE = 1, 2, 3, 4, 5, 6
GRANTED, TRY_AGAIN, REFUSED = 0, 1, 2
BYE_SERVER, BYE_SHUTDOWN, BYE_IDLE = 1, 2, 3


def load_key(path):
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)


def key_event(keysym, down):
    return struct.pack(">BBxxI", 4, down, keysym)


def pointer_event(x, y, buttons):
    return struct.pack(">BBHH", 5, buttons, x, y)


def cut_text(text):
    return struct.pack(">BxxxI", 6, len(text)) + text


def update_request(x, y, w, h, incremental=False):
    return struct.pack(">BBHHHH", 3, incremental, x, y, w, h)


def encodings(*numbers):
    return struct.pack(f">BxH{len(numbers)}i", 2, len(numbers), *numbers)


def items(*answers):
    return bytes([len(answers)]) + b"".join(struct.pack(">BH", kind, len(data)) + data for kind, data in answers)


def read_items(data):
    out, at = [], 1
    for _ in range(data[0]):
        kind, length = struct.unpack(">BH", data[at:at + 3])
        out.append((kind, data[at + 3:at + 3 + length]))
        at += 3 + length
    if at != len(data):
        raise AssertionError(f"items {data!r}")
    return out


def own_fingerprint(key):
    return fsc1.fingerprint(fsc1.spki_of(key))


def write_rotation(spki, old_signature, new_signature):
    return bytes([ROTATION]) + b"".join(struct.pack(">H", len(part)) + part
                                        for part in (spki, old_signature, new_signature))


def read_rotation(body):
    """(SPKI of the new key, signature by the old one, by the new one)"""
    parts, at = [], 0
    for _ in range(3):
        length = struct.unpack(">H", body[at:at + 2])[0]
        parts.append(body[at + 2:at + 2 + length])
        at += 2 + length
    if at != len(body):
        raise AssertionError(f"Rotation {body!r}")
    return parts


class Ended(Exception):
    """The peer said goodbye, or closed the channel cleanly."""


class End:
    """Frames on an open channel."""

    def __init__(self, sock, role, key, expected=None):
        self.channel = fsc1.Channel(sock, role, key, expected)
        self.peer = self.channel.open()
        self.data = b""
        self.frames = []  # all that came
        self.waiting = []  # what nobody took yet
        self.stream = b""  # of RFB, what nobody took yet

    def send(self, number, payload):
        for i in range(0, len(payload), 16384):
            part = payload[i:i + 16384]
            self.channel.write(bytes([number]) + len(part).to_bytes(3, "big") + part)

    def rfb(self, data):
        self.send(RFB, data)

    def _fill(self):
        data = self.channel.next_data()
        if data is None:
            raise Ended()
        self.data += data
        while len(self.data) >= 4:
            length = int.from_bytes(self.data[1:4], "big")
            if len(self.data) < 4 + length:
                break
            frame = (self.data[0], self.data[4:4 + length])
            self.data = self.data[4 + length:]
            self.frames.append(frame)
            if frame[0] == RFB:
                self.stream += frame[1]
            elif frame[0] == SESSION and frame[1][0] == EARLY:
                self.stream += frame[1][1:]
            else:
                self.waiting.append(frame)

    def message(self, *kinds):
        """The next message of the session channel, which is one of these."""
        while not self.waiting:
            self._fill()
        number, payload = self.waiting.pop(0)
        if (number, payload[0]) == (SESSION, BYE) and BYE not in kinds:
            raise Ended()
        if number != SESSION or payload[0] not in kinds:
            raise AssertionError(f"channel {number}, {payload!r}")
        return payload[0], payload[1:]

    def read(self, n):
        while len(self.stream) < n:
            self._fill()
        out, self.stream = self.stream[:n], self.stream[n:]
        return out

    def drain(self):
        """Everything until the channel is closed."""
        try:
            while True:
                self._fill()
        except Ended:
            return


class Client(End):
    def __init__(self, sock, key, expected=None):
        super().__init__(sock, "c", key, expected)
        self.texts = []  # of the desktop's clipboard

    def log_in(self, user, password):
        """The Result's body."""
        _, offer = self.message(OFFER)
        methods, at = {}, 1
        for _ in range(offer[0]):
            methods[offer[at]] = offer[at + 2:at + 2 + offer[at + 1]]
            at += 2 + offer[at + 1]
        if at != len(offer) or set(methods[PASSWORD_METHOD]) != {KIND_USER, KIND_PASSWORD}:
            raise AssertionError(f"Offer {offer!r}")
        return self.choose(user, password)

    def ask(self, *kinds):
        """The items of an Ask, which are of these kinds; or the Result's body, if it is one."""
        what, body = self.message(ASK, RESULT)
        if what == RESULT:
            self.permissions = int.from_bytes(body[4:8], "big")
            return body
        self.step = body[0]
        out = read_items(body[1:])
        if tuple(kind for kind, _ in out) != kinds:
            raise AssertionError(f"{out!r}, not {kinds}")
        return [data for _, data in out]

    def answer(self, *answers):
        self.send(SESSION, bytes([ANSWER, self.step]) + items(*answers))

    def prove(self, user, password):
        """By cpace: the Result's body, or of an Ask that comes instead its items."""
        if OFFER not in [payload[0] for number, payload in self.frames if number == SESSION]:
            self.message(OFFER)
        self.send(SESSION, bytes([CHOOSE, CPACE_METHOD]) + items((KIND_USER, user.encode())))
        version, passes, memory, salt = struct.unpack(">BII16s", self.ask(KIND_PAKE)[0])
        if version != 1:
            raise AssertionError(f"cpace {version}")
        run = cpace.Run("viewer", cpace.password_key(password.encode(), passes, memory, salt),
                        fsc1.fingerprint(self.peer), own_fingerprint(self.channel.key),
                        self.channel.schedule.channel_binding)
        self.answer((KIND_PAKE, run.point))
        proof = self.ask(KIND_PAKE)[0]
        ours, theirs = run.tags(proof[:32])
        self.answer((KIND_PAKE, ours if proof[32:] == theirs else bytes(64)))
        return self.ask(KIND_CODE)

    def choose(self, user, password):
        self.send(SESSION, bytes([CHOOSE, PASSWORD_METHOD]) +
                  items((KIND_USER, user.encode()), (KIND_PASSWORD, password.encode())))
        _, result = self.message(RESULT)
        self.permissions = int.from_bytes(result[4:8], "big")
        return result

    def start_rfb(self):
        self.rfb(b"\x01")
        self.width, self.height, pixels, length = struct.unpack(">HH16sI", self.read(24))
        (bits, _, self.is_big, is_true, *rest) = struct.unpack(">BBBBHHHBBBxxx", pixels)
        self.shifts = rest[3:]
        self.name = self.read(length).decode()
        if (bits, is_true, rest[:3]) != (32, 1, [255, 255, 255]):
            raise AssertionError(f"pixel format {pixels!r}")
        self.rfb(encodings(0))

    def picture(self):
        """(width, height, RGB bytes), asked for in one piece."""
        self.rfb(update_request(0, 0, self.width, self.height))
        rgb, missing = bytearray(3 * self.width * self.height), self.width * self.height
        while missing > 0:
            missing -= self._message(rgb)
        return self.width, self.height, bytes(rgb)

    def text(self):
        """The text that the desktop's clipboard had next."""
        while not self.texts:
            self._message(bytearray(3 * self.width * self.height))
        return self.texts.pop(0)

    def _message(self, rgb):
        kind = self.read(1)[0]
        if kind == 2:
            return 0
        if kind == 3:
            self.texts.append(self.read(struct.unpack(">xxxI", self.read(7))[0]))
            return 0
        if kind != 0:
            raise AssertionError(f"message {kind}")
        drawn = 0
        for _ in range(struct.unpack(">xH", self.read(3))[0]):
            x, y, w, h, encoding = struct.unpack(">HHHHi", self.read(12))
            if encoding != 0:
                raise AssertionError(f"encoding {encoding} was not asked for")
            self._draw(rgb, x, y, w, h)
            drawn += w * h
        return drawn

    def _draw(self, rgb, x, y, w, h):
        raw = self.read(4 * w * h)
        for row in range(h):
            line = raw[4 * w * row:4 * w * (row + 1)]
            at = 3 * ((y + row) * self.width + x)
            for i, shift in enumerate(self.shifts):
                byte = 3 - shift // 8 if self.is_big else shift // 8
                rgb[at + i:at + 3 * w:3] = line[byte::4]


class Server(End):
    """A server of one still picture that lets everyone in who knows the password."""

    def __init__(self, sock, key, user, password, width, height, rgb, proves=True):
        super().__init__(sock, "s", key)
        self.width, self.height, self.rgb = width, height, rgb
        self.heard = []  # input
        if proves:
            self.prove(key, user, password)
            return
        self.send(SESSION, bytes([OFFER, 1, PASSWORD_METHOD, 2, KIND_USER, KIND_PASSWORD]))
        while True:
            _, body = self.message(CHOOSE)
            if body == bytes([PASSWORD_METHOD]) + items((KIND_USER, user.encode()), (KIND_PASSWORD, password.encode())):
                self.result(GRANTED, permissions=0x7ff)
                return
            self.result(TRY_AGAIN, left=2)

    def prove(self, key, user, password):
        salt, asks = os.urandom(16), lambda step, data: self.send(SESSION, bytes([ASK, step]) + items((KIND_PAKE, data)))
        key_of_password = cpace.password_key(password.encode(), 1, 64, salt)
        self.send(SESSION, bytes([OFFER, 1, CPACE_METHOD, 2, KIND_USER, KIND_PAKE]))
        while True:
            _, body = self.message(CHOOSE)
            asks(1, struct.pack(">BII16s", 1, 1, 64, salt))
            _, first = self.message(ANSWER)
            run = cpace.Run("server", key_of_password, own_fingerprint(key), fsc1.fingerprint(self.peer),
                            self.channel.schedule.channel_binding)
            ours, theirs = run.tags(read_items(first[1:])[0][1])
            asks(2, run.point + ours)
            _, second = self.message(ANSWER)
            if (body, second) == (bytes([CPACE_METHOD]) + items((KIND_USER, user.encode())),
                                  bytes([2]) + items((KIND_PAKE, theirs))):
                self.result(GRANTED, permissions=0x7ff)
                return
            self.result(TRY_AGAIN, left=2)

    def result(self, status, left=0, permissions=0):
        self.send(SESSION, struct.pack(">BBBHII", RESULT, status, left, 0, permissions, 0) + os.urandom(16))

    def serve(self):
        """Answers until the viewer leaves."""
        try:
            self.read(1)
            self.rfb(struct.pack(">HHBBBBHHHBBBxxxI", self.width, self.height, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0, 4) +
                     b"self")
            while True:
                self._answer()
        except Ended:
            return

    def _answer(self):
        kind = self.read(1)[0]
        if kind == 0:
            self.format = self.read(19)[3:]
        elif kind == 2:
            self.read(4 * struct.unpack(">xH", self.read(3))[0])
        elif kind == 3:
            incremental, x, y, w, h = struct.unpack(">BHHHH", self.read(9))
            # A viewer that does not know the size yet asks for more than there is.
            if not incremental and x < self.width and y < self.height:
                self._send_part(x, y, min(w, self.width - x), min(h, self.height - y))
        elif kind in (4, 5):
            self.heard.append(bytes([kind]) + self.read(7 if kind == 4 else 5))
        elif kind == 6:
            head = self.read(7)
            self.heard.append(b"\x06" + self.read(abs(struct.unpack(">xxxi", head)[0])))
        else:
            raise AssertionError(f"message {kind}")

    def _send_part(self, x, y, w, h):
        big, shifts = self.format[2], self.format[10:13]
        pixels = bytearray(4 * w * h)
        for row in range(h):
            line = self.rgb[3 * ((y + row) * self.width + x):][:3 * w]
            for i, shift in enumerate(shifts):
                byte = 3 - shift // 8 if big else shift // 8
                pixels[4 * w * row + byte:4 * w * (row + 1):4] = line[i::3]
        self.rfb(struct.pack(">BxHHHHHi", 0, 1, x, y, w, h, 0) + bytes(pixels))
