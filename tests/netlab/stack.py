#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A whole session between two private networks behind NATs: vncviewer-cli, the secure channel, a link, SCTP,
signed datagrams and ICE, to vncserverd; on links that take 10 ms and lose 0.5 % each way, on both sides (so 40 ms
there and back, 1 % of what crosses). What passes on the Internet in between is captured and looked at.

    stack.py              every session
    stack.py NAME         one of them: direct, relayed, moved
"""
import concurrent.futures
import json
import os
import queue
import random
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (HERE, os.path.join(HERE, "../e2e")):
    sys.path.insert(0, folder)
import coturn  # noqa: E402
import farhand  # noqa: E402
import lab  # noqa: E402

LINK = ["--delay", 10, "--loss", 0.5]
TURN = "198.51.100.20"
MAGIC = b"\x21\x12\xa4\x42"
PATIENCE = 60  # seconds, for whatever must come; nothing is concluded from less
NAMES = ("direct", "relayed", "moved")


# ---- what passes on the Internet -------------------------------------------------------------------


class Capture:
    """Every packet that the Internet's namespace sees, as (payload, from TURN or to it)."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.packets = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            self.packets.append(self.sock.recv(65536))

    def holds(self, marker):
        return sum(marker in p for p in self.packets)

    def lost(self):
        """Packets that the kernel could not keep for us."""
        return struct.unpack("II", self.sock.getsockopt(263, 6, 8))[1]  # SOL_PACKET, PACKET_STATISTICS

    def datagrams(self):
        """(payload, between a client and the TURN server) of whole UDP datagrams that are not fragments."""
        for p in self.packets[:]:
            head = (p[0] & 15) * 4
            if p[9] != socket.IPPROTO_UDP or struct.unpack(">H", p[6:8])[0] & 0x3fff:
                continue
            ports = struct.unpack(">HH", p[head:head + 4])
            length = struct.unpack(">H", p[head + 4:head + 6])[0]
            turn = socket.inet_aton(TURN)
            yield p[head + 8:head + length], ((p[12:16], ports[0]) == (turn, 3478) or
                                              (p[16:20], ports[1]) == (turn, 3478))


def stun_data(payload):
    """What a Send or Data indication carries; None if it is another message."""
    kind, length = struct.unpack(">HH", payload[:4])
    at = 20
    while kind in (0x0016, 0x0017) and at + 4 <= 20 + length:
        attribute, n = struct.unpack(">HH", payload[at:at + 4])
        if attribute == 0x0013:
            return payload[at + 4:at + 4 + n]
        at += 4 + (n + 3) // 4 * 4
    return None


def kind_of(payload, is_turn):
    """guard, stun, or what it is not allowed to be."""
    first = payload[0] if payload else 255
    if first <= 3 and payload[4:8] == MAGIC:
        inner = stun_data(payload) if is_turn else None
        return "stun" if inner is None else kind_of(inner, False)
    if is_turn and 64 <= first <= 79:
        return kind_of(payload[4:4 + struct.unpack(">H", payload[2:4])[0]], False)
    if 8 <= first <= 15 and first & 3 != 3 and len(payload) >= 24:
        return "guard"
    return f"something else: {payload[:8].hex()}"


# ---- the two ends ----------------------------------------------------------------------------------


class Carry:
    def __init__(self, side, path, secret, options, namespace):
        self.side = side
        self.p = subprocess.Popen([lab.tool("stack/carry"), side, path, secret] + options, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, bufsize=1, preexec_fn=lab.enters(namespace))
        self.said, self.lines, self.other = [], queue.Queue(), None
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.p.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def tell(self, text):
        try:
            self.p.stdin.write(text + "\n")
            self.p.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: whoever waits for it hears that

    def step(self, timeout):
        try:
            m = self.lines.get(timeout=timeout)
        except queue.Empty:
            return
        if m is None:
            raise AssertionError(f"carry {self.side} ended: {self.p.wait()}")
        self.said.append(m)
        if "line" in m:
            self.other.tell(f"line {m['line']} {m['text']}")

    def find(self, since=0, **what):
        return next((m for m in self.said[since:] if all(m.get(k) == v for k, v in what.items())), None)

    def close(self):
        self.p.stdin.close()
        try:
            return self.p.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.p.kill()
            return "does not end"


class Desktop(farhand.Display):
    """One that runs outside of the namespaces: terminals and the service want more than root of one may do."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.env = {**farhand.ENV, "DISPLAY": name, "HOME": folder}


class World:
    """Two networks; behind one a viewer, behind the other what leads to the service, by a unix socket each."""

    def __init__(self, kind_a, kind_b, server):
        lab.Lab(kind_a, kind_b, LINK)
        self.capture = Capture()
        self.folder, name = os.environ["FARHAND_STACK"].rsplit(" ", 1)
        self.display = Desktop(self.folder, name)
        self.typed, self.key = os.path.join(self.folder, "typed"), os.path.join(self.folder, "server.pem")
        user = coturn.rest_credentials()
        secret = secrets.token_hex(32)
        options = ["--stun", f"{TURN}:3478", "--turn", f"udp,{TURN},3478,{user[0]},{user[1]}", "--ca", server.ca]
        self.near = Carry("near", os.path.join(self.folder, "near.socket"), secret, options, "hA")
        self.far = Carry("far", os.path.join(self.folder, "server.socket"), secret, options, "hB")
        self.near.other, self.far.other = self.far, self.near
        self.until(lambda: self.near.find(ready=True) and self.far.find(ready=True), "carry is ready")

    def until(self, holds, what, patience=PATIENCE):
        """Lines go back and forth until holds()."""
        end = time.monotonic() + patience
        while True:
            value = holds()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"never happened: {what}; near said {self.near.said[-12:]}, "
                                     f"far said {self.far.said[-12:]}")
            for c in (self.near, self.far):
                c.step(0.01)

    def color(self, name):
        self.display.ask("xsetroot", "-solid", name)

    def view(self, *commands):
        args = [farhand.VIEWER, "--known-servers", os.path.join(self.folder, "known"), "--identity",
                os.path.join(self.folder, "viewer.pem"),
                "--user", farhand.USER, "--trust", farhand.identity(self.key)[1], "--verbose",
                "--command-timeout", str(PATIENCE), os.path.join(self.folder, "near.socket"), *commands]
        env = {**farhand.ENV, "HOME": self.folder, "FH_PASSWORD": farhand.PASSWORD}
        program = farhand.Program(args, env=env, preexec_fn=lab.enters("hA"))
        self.until(lambda: self.near.find(accepted=True), "the viewer connects")
        return program

    def open(self, number, how, rank):
        """A path; the milliseconds that it took, what each end says about it, and the claim that it stands."""
        began = time.monotonic()
        for c in (self.near, self.far):
            c.tell(f"open {number} {how} {rank}")
        seen = [self.until(lambda c=c: c.find(opened=number), f"path {number} stands") for c in (self.near, self.far)]
        took = round(1000 * (time.monotonic() - began))
        return [m["why"] for m in seen] == ["success"] * 2, took, [self.ask(c, number) for c in (self.near, self.far)]

    def ask(self, c, number):
        since = len(c.said)
        c.tell(f"info {number}")
        return self.until(lambda: c.find(since, info=number), f"what is known of path {number}")

    def sent(self, *paths):
        """How many pieces of the stream each end has sent over these paths."""
        return [[self.ask(c, n)["sent"] for c in (self.near, self.far)] for n in paths]

    def ask_link(self):
        since = len(self.near.said)
        self.near.tell("link")
        return self.until(lambda: next((m for m in self.near.said[since:] if "paths" in m), None), "the link answers")

    def ends(self, viewer):
        self.until(lambda: not viewer.is_running(), "the viewer ends")
        return viewer.wait()

    def udp_ports(self):
        def count():
            with open("/proc/thread-self/net/udp") as four, open("/proc/thread-self/net/udp6") as six:
                return len(four.readlines()) - 1 + len(six.readlines()) - 1
        return [lab.inside(h, count) for h in ("hA", "hB")]

    def text(self, name, lines):
        letters = random.Random(name)
        text = "".join("".join(letters.choice("abcdefghijklmnopqrstuvwxyz 0123456789") for _ in range(38)) + "\n"
                       for _ in range(lines))
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path, text

    def gate(self, color, rgb):
        """For the viewer: wait until a corner of the desktop has this colour."""
        path = os.path.join(self.folder, color + ".png")
        farhand.png_write(path, 8, 8, bytes(rgb) * 64)
        return ["rexpect", path, "300", "220", "0"]

    def has_typed(self, text):
        self.until(lambda: farhand.read_text(self.typed).endswith(text), "what was typed arrives")


END = ["key", "ctrl-d", "wait-stable", "1", "capture"]


def look_at_packets(claims, world, texts):
    """Nothing of a session is readable on the Internet, and each datagram is signed."""
    marker = secrets.token_hex(16).encode()

    def say():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(marker, ("198.51.100.10", 9))
    lab.inside("hA", lambda: [say() for _ in range(20)])
    farhand.wait_until(lambda: world.capture.holds(marker), "the capture sees what is said in the clear")
    # Of what was typed every ten characters are looked for, and what the greeting of either protocol begins with.
    words = [t[at:at + 10].encode() for t in texts for at in range(0, len(t) - 10, 97)]
    words += [farhand.PASSWORD.encode(), b"RFB 00", b"FSC1", b"vncserverd", b"vncviewer"]
    claims.check(not any(world.capture.holds(w) for w in words), "no packet holds anything readable of the session",
                 len(world.capture.packets))
    kinds = {}
    for payload, is_turn in world.capture.datagrams():
        if payload != marker:
            kind = kind_of(payload, is_turn)
            kinds[kind] = kinds.get(kind, 0) + 1
    claims.check(set(kinds) == {"stun", "guard"}, "every datagram that is no STUN is signed", kinds)
    claims.check(world.capture.lost() == 0, "the capture is complete")


def finish(claims, world, viewer, texts):
    code = world.ends(viewer)
    claims.check(code == 0, "the viewer succeeds", code if code == 0 else viewer.text())
    claims.check(farhand.read_text(world.typed) == "".join(texts), "what was typed arrived, once and in order")
    if code == 0:
        claims.check(farhand.png_pixels(os.path.join(world.folder, "a.png")) == world.display.picture(),
                     "the captured picture is the remote display's")
    for c in (world.near, world.far):
        world.until(lambda c=c: c.find(ended=True), "the session ends")
    farhand.wait_until(lambda: world.udp_ports() == [0, 0], "the UDP ports are closed after the session", PATIENCE)
    claims.check(True, "the UDP ports are closed after the session")
    claims.check(world.capture.holds(MAGIC) > 0, "STUN was captured")
    look_at_packets(claims, world, texts)
    claims.check([world.near.close(), world.far.close()] == [0, 0], "both ends close, with nothing left")


def simple(claims, world, how, types):
    path, text = world.text("text", 12)
    claims.check(world.udp_ports() == [0, 0], "no UDP port is open before")
    viewer = world.view("click", "1", "typefile", path, *END, os.path.join(world.folder, "a.png"))
    stands, took, info = world.open(0, how, 0)
    claims.check(stands, "the path stands, ms", took)
    claims.check(all(set(i["types"]) & types for i in info) and
                 all(i["relayed"] == (how == "relay") for i in info), "and is of the right kind", info)
    claims.check(min(world.udp_ports()) > 0, "a UDP port is open meanwhile")
    viewer.wait_line("authenticated")
    finish(claims, world, viewer, [text])


def cut(is_cut):
    """The direct way between the two networks; the TURN server stays reachable from both."""
    if is_cut:
        lab.run("nft -f -", input="""
table ip cut {
 chain forw {
  type filter hook forward priority 0; policy accept;
  ip saddr { 198.51.100.1, 198.51.100.2 } ip daddr { 198.51.100.1, 198.51.100.2 } drop
 }
}
""")
    else:
        lab.run("nft delete table ip cut")


def moved(claims, world):
    """It begins at the relay, goes to the direct path, back to a relay when that is cut, and to a direct one."""
    files = [world.text(f"text{i}", 12) for i in range(4)]
    texts = [t for _, t in files]
    gates = [world.gate("red", (255, 0, 0)), world.gate("lime", (0, 255, 0)), world.gate("blue", (0, 0, 255))]
    commands = ["click", "1", "typefile", files[0][0]]
    for g, (path, _) in zip(gates, files[1:]):
        commands += [*g, "typefile", path]
    viewer = world.view(*commands, *END, os.path.join(world.folder, "a.png"))
    stands, took, info = world.open(0, "relay", 0)
    claims.check(stands and info[0]["relayed"] == 1, "it begins over a relay, ms", took)
    viewer.wait_line("authenticated")
    # The better path comes while it is being typed.
    stands, took, info = world.open(1, "direct", 0)
    claims.check(stands and info[0]["relayed"] == 0, "a direct path stands, ms", took)
    world.until(lambda: world.near.find(link="attached") and world.near.find(closed=0), "the session leaves the relay")
    claims.check(world.open(2, "relay", 1)[0], "a relay is kept beside it")
    world.until(lambda: world.ask_link()["paths"] == 2, "both are attached")
    world.color("red")
    world.until(lambda: len(farhand.read_text(world.typed)) > len(texts[0]), "it is being typed over the direct path")
    before, = world.sent(2)
    cut(True)
    began = time.monotonic()
    world.until(lambda: world.ask_link()["paths"] == 1, "the link notices that the direct path is dead")
    world.color("lime")
    world.has_typed(texts[2])
    after, = world.sent(2)
    claims.check(all(n > m + 2 for m, n in zip(before, after)) and viewer.is_running(),
                 "the session goes on over the relay", [before, after, round(time.monotonic() - began, 1)])
    cut(False)
    since = len(world.near.said)
    claims.check(world.open(3, "direct", 0)[0], "a direct path stands again")
    world.until(lambda: world.near.find(since, link="attached"), "the session is attached there")
    before = world.sent(2, 3)
    world.color("blue")
    world.has_typed(texts[3])
    after = world.sent(2, 3)
    claims.check(all(after[1][i] - before[1][i] > after[0][i] - before[0][i] for i in range(2)),
                 "and goes on there", [before, after])
    claims.check(True, "link", world.ask_link())
    finish(claims, world, viewer, texts)


def one(name):
    claims = lab.Checks()
    kinds = ("random", "random") if name == "relayed" else ("cone", "cone")
    # Its address is there only once the lab is, and the lab's own once only.
    lab.run("ip link set lo up")
    lab.run(f"ip addr add {TURN}/32 dev lo")
    lab.SERVERS.remove(TURN)
    with coturn.Server(TURN) as server:
        try:
            world = World(*kinds, server)
            if name == "direct":
                simple(claims, world, "direct", {"srflx", "prflx"})
            elif name == "relayed":
                simple(claims, world, "relay", {"relay"})
            else:
                moved(claims, world)
        except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as e:
            claims.check(False, f"{type(e).__name__}: {e}")
        finally:
            claims.failed += farhand.clean_up()
    claims.finish()


def again(name):
    """In namespaces of its own, with a desktop outside: a program that writes down what is typed, and the service."""
    folder = farhand.temporary()
    display = farhand.Display(folder)
    display.ask("xsetroot", "-solid", "black")
    programs = [display.xterm(f"cat >{folder}/typed; cat", "20x5+0+0", "typist"), display.xvfb]
    key, users = farhand.make_identity(os.path.join(folder, "server.pem")), os.path.join(folder, "users")
    farhand.add_user(users, farhand.USER, farhand.PASSWORD, "all")
    server = farhand.Server(folder, ["--display", display.name], key, users=users,
                            listen=f"unix:{folder}/server.socket")
    done = subprocess.run([sys.executable, os.path.abspath(__file__), name], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          env=dict(os.environ, FARHAND_STACK=f"{folder} {display.name}"))
    for program in [server, *programs]:
        program.stop()
    return done


def main():
    coturn.need()
    farhand.need("Xvfb", "xterm", "xdotool", "xwd", "xsetroot")
    if "FARHAND_STACK" in os.environ:
        lab.enter()
        one(sys.argv[1])
    names, failed = sys.argv[1:] or NAMES, 0
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        for name, done in zip(names, pool.map(again, names)):
            print(f"{name}:\n{done.stdout}", end="")
            if done.returncode == 77:
                sys.exit(77)
            failed += done.returncode != 0
    print(f"{failed} sessions failed" if failed else "every session is whole")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
