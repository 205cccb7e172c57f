# SPDX-License-Identifier: MIT
"""liar.py -- a cloud that is not to be trusted: broker, relay and log, written from docs/protocol.md, sections 19 to 23.

    cloud = liar.Cloud(folder)              honest, except that it checks nobody's sign-in
    here = cloud.endpoint("listen")         as clouds.Cloud has them
    cloud.lie(...)                          from now on, to everybody; cloud.lie(endpoint, ...): to one viewer
        tell = lambda call: ...             changes what the ends of a connection are told
        pass_on = lambda call, way, sealed: [sealed]    what becomes of a signal
        join = lambda side, call: name      whose streams the relay joins: those of one name
        carry = lambda call, side, data: data           what becomes of relayed bytes
        answer = 1                          of the relay, to every ticket
        withheld = {"TARGET"}               frames that are never sent to that client
    cloud.seen                              all that it was shown, its relay's share apart

    Between(folder, port)                   a man in the middle of a relay that is not ours
    Log(name)                               a log of which it can make several
"""
import asyncio
import base64
import collections
import datetime
import hashlib
import hmac
import os
import secrets
import ssl
import struct
import tempfile
import threading
import time
import types

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import clouds

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TYPES = ("", "HELLO", "CHALLENGE", "AUTH", "WELCOME", "PING", "PONG", "CONNECT", "TARGET", "INCOMING", "ACCEPT", "GRANT",
         "SIGNAL", "END", "WATCH", "PEER_STATE", "ERROR", "RESTARTING", "RENEW", "RENEWED", "LOG_CONSISTENCY",
         "LOG_CONSISTENT")
SIDES = ("viewer", "server")
HELD = "held"  # what tell() returns of a call of which nothing is told yet


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def base32(number, digits):
    return "".join(ALPHABET[number >> 5 * i & 31] for i in reversed(range(digits)))


def address_text(raw):
    value = int.from_bytes(raw, "big")
    rest = (value ^ 0x1F << 90) << 5
    for bit in reversed(range(5, 100)):
        if rest >> bit & 1:
            rest ^= 0b100101 << bit - 5
    text = base32(value << 5 | rest, 20)
    return "-".join(text[i:i + 5] for i in range(0, 20, 5))


def text(words):
    return bytes([len(words)]) + words.encode()


def counted(data):
    return struct.pack(">H", len(data)) + data


def now_ms():
    return int(time.time() * 1000)


def spki_of(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def raw(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def load_key(path):
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)


def fingerprint(spki):
    return sha(b"fsc1 identity\0", spki)


def make_statement(key, address, seal_key=None):
    """That an address belongs to a key: whoever has the key can say it of any address."""
    seal_key = seal_key or raw(X25519PrivateKey.generate())
    body = address + struct.pack(">Q", now_ms()) + seal_key + counted(spki_of(key))
    said = b" " * 64 + b"fsc1 cloud binding\0" + sha(b"farhand cloud binding 1\0", body)
    return body + counted(key.sign(said, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()))


def split_statement(data):
    """(the statement, what is behind it)"""
    at = 52
    for _ in range(2):
        at += 2 + int.from_bytes(data[at:at + 2], "big")
    return data[:at], data[at:]


def binding_of(statement):
    """(address, fingerprint, seal key)"""
    n = int.from_bytes(statement[52:54], "big")
    return statement[:12], fingerprint(statement[54:54 + n]), statement[20:52]


# ---- what the programs pin

def make_certificates(folder):
    """A root, and a certificate for localhost by it, as cert.pem and key.pem. Returns the root's pin."""
    now = datetime.datetime.utcnow()
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in ("root", "localhost")]
    with open(os.path.join(folder, "cert.pem"), "wb") as f:
        for i in (1, 0):
            builder = x509.CertificateBuilder().subject_name(names[i]).issuer_name(names[0]) \
                .public_key(keys[i].public_key()).serial_number(i + 1) \
                .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1)) \
                .add_extension(x509.BasicConstraints(i == 0, None), True)
            if i == 1:
                builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            f.write(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    with open(os.path.join(folder, "key.pem"), "wb") as f:
        f.write(keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()))
    return sha(spki_of(keys[0])).hex()


class Service:
    """TLS at a port of the loopback interface, on a loop in a thread of its own."""

    def __init__(self, folder, alpn):
        self.folder = tempfile.mkdtemp(prefix="liar-", dir=folder)
        self.pin = make_certificates(self.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.folder, "cert.pem"), os.path.join(self.folder, "key.pem"))
        context.set_alpn_protocols(alpn)
        self.faults = []  # of this program, which a test looks at
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.server = self.run(self._listen(context))
        self.port = self.server.sockets[0].getsockname()[1]

    async def _listen(self, context):
        return await asyncio.start_server(self._accepted, "127.0.0.1", 0, ssl=context)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def call(self, function, *args):
        """Calls it on the loop, and says what it returned."""
        async def wrapped():
            return function(*args)
        return self.run(wrapped())

    def close(self):
        self.call(self.server.close)

    async def _accepted(self, reader, writer):
        try:
            await self.serve(reader, writer, writer.get_extra_info("ssl_object").selected_alpn_protocol())
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.faults.append(repr(error))
        finally:
            writer.close()


def give(writer, data):
    """To somebody who may be gone."""
    if not writer.is_closing():
        writer.write(data)


# ---- the log

def tree(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha(b"")
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", tree(leaves[:k]), tree(leaves[k:]))


def inclusion(m, leaves):
    if len(leaves) < 2:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m < k:
        return inclusion(m, leaves[:k]) + [tree(leaves[k:])]
    return inclusion(m - k, leaves[k:]) + [tree(leaves[:k])]


def consistency(m, leaves, whole=True):
    if m == len(leaves):
        return [] if whole else [tree(leaves)]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m <= k:
        return consistency(m, leaves[:k], whole) + [tree(leaves[k:])]
    return consistency(m - k, leaves[k:], False) + [tree(leaves[:k])]


class Log:
    def __init__(self, key=None):
        self.key = key or ed25519.Ed25519PrivateKey.generate()
        public = b"\1" + raw(self.key)
        self.key_id = sha(b"liar.cloud\n", public)[:4]
        self.vkey = f"liar.cloud+{self.key_id.hex()}+{base64.b64encode(public).decode()}"
        self.leaves, self.places = [], {}

    def add(self, statement):
        """Once: where it is, and what opens it."""
        binding = binding_of(statement)
        if binding not in self.places:
            salt, head = secrets.token_bytes(32), b"\1" + struct.pack(">Q", now_ms())
            self.places[binding] = (len(self.leaves), salt, head)
            entry = b"farhand log binding 1\0" + b"".join(binding)
            tag = sha(b"farhand log address 1\0", binding[0])[:16]
            self.leaves.append(sha(b"\0", head, tag, hmac.digest(salt, entry, "sha256")))
        return self.places[binding]

    def fill(self, n):
        self.leaves += [sha(b"\0", secrets.token_bytes(57)) for _ in range(n)]

    def checkpoint(self):
        said = f"liar.cloud\n{len(self.leaves)}\n".encode() + base64.b64encode(tree(self.leaves)) + b"\n"
        return said + "\n— liar.cloud ".encode() + base64.b64encode(self.key_id + self.key.sign(said)) + b"\n"

    def proof(self, statement):
        index, salt, head = self.add(statement)
        path = inclusion(index, self.leaves)
        return salt + head + struct.pack(">QB", index, len(path)) + b"".join(path) + counted(self.checkpoint())

    def consistent(self, old, new):
        return consistency(old, self.leaves[:new]) if 0 < old < new <= len(self.leaves) else []


# ---- the cloud

class Client:
    """A connection to the broker."""

    def __init__(self, cloud, reader, writer):
        self.cloud, self.reader, self.writer = cloud, reader, writer
        self.address, self.frames = None, collections.Counter()

    async def frame(self):
        head = await self.reader.readexactly(4)
        body = await self.reader.readexactly(int.from_bytes(head[2:], "big"))
        self.cloud.seen["broker"] += head + body
        self.frames[TYPES[head[0]]] += 1
        return TYPES[head[0]], body

    def send(self, name, body):
        if name not in self.cloud.manner(self.address).withheld:
            give(self.writer, bytes([TYPES.index(name), 0]) + counted(body))


class Call:
    """Two that are put in touch, and what each of them is told: a dictionary, which may differ from the other's."""

    def __init__(self, cloud, viewer, server, request):
        self.cloud, self.request = cloud, request
        self.ends = {"viewer": viewer, "server": server}
        self.conn = secrets.token_bytes(16)
        self.manner = cloud.manner(viewer.address)
        same = {"conn": self.conn, "k_cloud": secrets.token_bytes(32), "packet_secret": secrets.token_bytes(32),
                "expires": now_ms() + 60000, "log": cloud.log}
        self.told = {side: dict(same, statement=cloud.statements[self.ends[SIDES[1 - i]].address])
                     for i, side in enumerate(SIDES)}
        self.told["server"]["groups"] = []

    def ticket(self, side):
        ticket = secrets.token_bytes(40)
        self.cloud.tickets[ticket] = (side, self)
        return ticket

    def grant(self, side, renewed=False):
        told, ticket = self.told[side], self.ticket(side)
        secret = bytes(64) if renewed else told["k_cloud"] + told["packet_secret"]
        return secret + struct.pack(">QB", told["expires"], 1) + text("localhost") + \
            struct.pack(">HB", self.cloud.port, len(ticket)) + ticket + b"\0"

    def proof(self, side):
        told = self.told[side]
        return counted(told["log"].proof(told["statement"]) if told["log"] else b"")

    def target(self):
        told = self.told["viewer"]
        self.ends["viewer"].send("TARGET", self.request + told["conn"] + told["statement"] + self.proof("viewer"))

    def incoming(self):
        told = self.told["server"]
        groups = bytes([len(told["groups"])]) + b"".join(text(g) for g in told["groups"])
        self.ends["server"].send("INCOMING", told["conn"] + told["statement"] + self.proof("server") + groups +
                                 self.grant("server"))

    def send(self, side, name, more=b""):
        self.ends[side].send(name, self.told[side]["conn"] + more)


class Cloud(Service):
    def __init__(self, folder, log=None):
        self.seen = {"broker": bytearray(), "relay": bytearray()}
        self.log, self.addresses, self.statements = log, {}, {}
        self.clients, self.calls, self.tickets, self.waiting = {}, [], {}, {}
        self.lies = {}
        self.lie()
        super().__init__(folder, ["farhand-broker/1", "farhand-relay/1"])
        self.line = f"localhost:{self.port},root={self.pin}" + (f",log={log.vkey}" if log else "")
        self.root_folder = folder

    def lie(self, endpoint=None, **how):
        honest = {"tell": lambda call: None, "pass_on": lambda call, way, sealed: [sealed], "answer": 0,
                  "join": lambda side, call: call.conn, "carry": lambda call, side, data: data, "withheld": set()}
        self.lies[endpoint.raw if endpoint else None] = types.SimpleNamespace(**{**honest, **how})

    def manner(self, address):
        return self.lies.get(address) or self.lies[None]

    def ctl(self, *words):
        """As clouds.Cloud has it, as far as endpoints are made with it."""
        assert words[:2] == ("address", "add")
        address, password = secrets.randbits(95).to_bytes(12, "big"), base32(secrets.randbits(128), 26)
        self.addresses[address_text(address)] = address
        return {"address": address_text(address), "password": password}

    def endpoint(self, kind, *more):
        endpoint = clouds.Endpoint(self, self.root_folder, kind, more)
        endpoint.raw = self.addresses[endpoint.address]
        return endpoint

    async def serve(self, reader, writer, alpn):
        if alpn == "farhand-broker/1":
            client = Client(self, reader, writer)
            try:
                await self._serve_client(client)
            finally:
                self._lost(client)
        elif alpn == "farhand-relay/1":
            await self._serve_relay(reader, writer)

    # the broker

    def _lost(self, client):
        if self.clients.get(client.address) is client:
            del self.clients[client.address]
        for call in [c for c in self.calls if client in c.ends.values()]:
            call.send(SIDES[call.ends["viewer"] is client], "END", b"\1")
            self.calls.remove(call)

    async def _serve_client(self, client):
        _, hello = await client.frame()
        client.address, roles = hello[32:44], hello[44]
        client.send("CHALLENGE", secrets.token_bytes(32) + struct.pack(">Q", now_ms()) +
                    counted(self.log.checkpoint() if self.log else b""))
        _, auth = await client.frame()
        if auth[0] != 2:
            self.statements[client.address] = split_statement(auth[33 if auth[0] == 1 else 1:])[0]
        proof = self.log.proof(self.statements[client.address]) if self.log else b""
        self.clients[client.address] = client
        client.send("WELCOME", struct.pack(">IBQHBI", 20000, roles, now_ms(), 0, 0, 1 << 16) + counted(proof))
        while True:
            name, body = await client.frame()
            self._hear(client, name, body)

    def _hear(self, client, name, body):
        if name == "PING":
            client.send("PONG", body)
        elif name == "CONNECT":
            self._connect(client, body[:4], body[4:])
        elif name == "LOG_CONSISTENCY":
            hashes_ = self.log.consistent(*struct.unpack(">QQ", body))
            client.send("LOG_CONSISTENT", body + bytes([len(hashes_)]) + b"".join(hashes_))
        else:
            self._hear_of_call(client, name, body)

    def _connect(self, client, request, target):
        server = self.clients.get(target)
        if not server:
            client.send("ERROR", struct.pack(">HI", 10, 0) + request + b"\0")
            return
        call = Call(self, client, server, request)
        self.calls.append(call)
        if call.manner.tell(call) != HELD:
            call.target()
            call.incoming()

    def _hear_of_call(self, client, name, body):
        for call in self.calls:
            side = next((s for s in SIDES if call.ends[s] is client and call.told[s]["conn"] == body[:16]), None)
            if side:
                self._hear_in_call(call, side, name, body[16:])

    def _hear_in_call(self, call, side, name, more):
        other = SIDES[side == "viewer"]
        if name == "ACCEPT":
            call.send("viewer", "GRANT", call.grant("viewer"))
        elif name == "SIGNAL":
            for sealed in call.manner.pass_on(call, side, more):
                call.send(other, "SIGNAL", sealed)
        elif name == "RENEW":
            for s in SIDES:
                call.send(s, "RENEWED", call.grant(s, True))
        elif name == "END":
            call.send(other, "END", more)
            self.calls.remove(call)

    # the relay

    async def _serve_relay(self, reader, writer):
        head = await reader.readexactly(2)
        ticket = await reader.readexactly(head[1])
        side, call = self.tickets.pop(ticket, (None, None))
        if side is None or call.manner.answer:
            give(writer, bytes([call.manner.answer if call else 3]))
            return
        mine = (reader, writer)
        name = (call.manner.join(side, call), SIDES[side == "viewer"])
        if name not in self.waiting:
            self.waiting[name[0], side] = mine, (met := self.loop.create_future())
            other = await met
        else:
            other, met = self.waiting.pop(name)
            met.set_result(mine)
        give(writer, b"\0")
        try:
            while data := await reader.read(65536):
                self.seen["relay"] += data
                if data := call.manner.carry(call, side, data):
                    give(other[1], data)
                    await other[1].drain()
        finally:
            other[1].close()


class Between(Service):
    """Ends TLS of the relay's clients, and begins it anew to the relay: what it carries, and what it was shown."""

    def __init__(self, folder, port):
        self.relay_port, self.seen, self.tickets = port, bytearray(), []
        self.before = None  # called with a ticket before it is passed on; may be a coroutine's function
        super().__init__(folder, ["farhand-relay/1"])

    async def relay(self, ticket):
        """A connection to the real one, with a ticket: its answer, then what to read from and write to."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["farhand-relay/1"])
        reader, writer = await asyncio.open_connection("127.0.0.1", self.relay_port, ssl=context)
        writer.write(bytes([1, len(ticket)]) + ticket)
        return reader, writer

    async def serve(self, reader, writer, alpn):
        head = await reader.readexactly(2)
        ticket = await reader.readexactly(head[1])
        self.tickets.append(ticket)
        if self.before:
            await self.before(ticket)
        far_reader, far_writer = await self.relay(ticket)
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))

    async def _carry(self, reader, writer):
        try:
            while data := await reader.read(65536):
                self.seen += data
                give(writer, data)
                await writer.drain()
        finally:
            writer.close()

    def answer_to(self, ticket):
        """What the real relay says to it."""
        async def ask():
            reader, writer = await self.relay(ticket)
            try:
                return (await asyncio.wait_for(reader.readexactly(1), 20))[0]
            finally:
                writer.close()
        return self.run(ask())
