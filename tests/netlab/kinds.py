#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The NATs of the lab are of the kinds that they are named for, and two hosts behind them can, or cannot,
reach each other by sending at the same time. The stage that delays and loses packets does what it is asked to.

    kinds.py            all kinds, each in namespaces of its own
    kinds.py KIND       one of them
"""
import concurrent.futures
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402

# mapping, filtering, hole punching, hairpin
KINDS = {
    "plain": ("EIM", "APDF", False, False),
    "cone": ("EIM", "APDF", True, False),
    "random": ("APDM", "APDF", False, False),
    "eim_eif": ("EIM", "EIF", True, False),
    "eim_adf": ("EIM", "ADF", True, False),
    "eim_apdf": ("EIM", "APDF", True, False),
    "hairpin": ("EIM", "EIF", True, True),
    "no_udp": (None, None, False, False),
    "only_443": (None, None, False, False),
    "walled": (None, None, False, False),
}
WAIT = 0.4  # how long nothing must come for a claim that nothing does


def sock(ip, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((ip, port))
    s.settimeout(WAIT)
    return s


def receive(s):
    try:
        return s.recvfrom(99)
    except OSError:
        return None


def drain(s):
    s.settimeout(0)
    while receive(s):
        pass
    s.settimeout(WAIT)


def mapped(client, server):
    drain(server)
    client.sendto(b"where am I", server.getsockname())
    got = receive(server)
    return got and got[1]


def classify(c, s1, s1b, s2):
    m = [mapped(c, s) for s in (s1, s1b, s2)]
    mapping = None if None in m else "EIM" if m[0] == m[1] == m[2] else "ADM" if m[0] == m[1] else "APDM"
    return mapping, m[0]


def filtering(c, s1, s1b, s2):
    """A socket that has spoken to s1 only: who else gets in?"""
    at = mapped(c, s1)
    if at is None:
        return None
    s1b.sendto(b"other port", at)
    port = receive(c)
    s2.sendto(b"other address", at)
    return "EIF" if receive(c) else "ADF" if port else "APDF"


def punch(a, b, server):
    """Both send to where the server sees the other; a few packets on, both are heard or never will be."""
    ma, mb = mapped(a, server), mapped(b, server)
    if not ma or not mb:
        return False
    for s in (a, b):
        drain(s)
        s.settimeout(0.05)
    heard = [0, 0]
    for _ in range(8):
        a.sendto(b"a", mb)
        time.sleep(0.02)  # one after the other, so that the early one meets a closed door
        b.sendto(b"b", ma)
        heard[0] += receive(a) is not None
        heard[1] += receive(b) is not None
    return min(heard) >= 5


def hairpin(a, g, server):
    at = mapped(a, server)
    mapped(g, server)
    drain(a)
    if at:
        g.sendto(b"pin", at)
    return bool(at and receive(a))


def one(kind):
    claims = lab.Checks()
    want = KINDS[kind]
    lab.Lab(kind, kind)
    s1, s2 = sock(lab.SERVERS[0], 3478), sock(lab.SERVERS[1], 3478)
    s1b = sock(lab.SERVERS[0], 3479)
    a = lab.inside("hA", lambda: sock("10.1.0.2", 40000))
    c = lab.inside("hA", lambda: sock("10.1.0.2", 41000))
    g = lab.inside("gA", lambda: sock("10.1.0.3", 42000))
    b = lab.inside("hB", lambda: sock("10.2.0.2", 40000))
    mapping, at = classify(a, s1, s1b, s2)
    claims.check(mapping == want[0], f"{kind}: mapping is {want[0]}", [mapping, at])
    seen = filtering(c, s1, s1b, s2)
    claims.check(seen == want[1], f"{kind}: filtering is {want[1]}", seen)
    seen = punch(a, b, s1)
    claims.check(seen == want[2], f"{kind}: hole punching {'works' if want[2] else 'does not work'}", seen)
    seen = hairpin(a, g, s1)
    claims.check(seen == want[3], f"{kind}: {'hairpins' if want[3] else 'does not hairpin'}", seen)
    claims.finish()


def echo_through(options, count, size=100):
    """count datagrams, one after the other, to an echo behind the stage: how many came back, least time."""
    lab.run("ip link set lo up")
    lab.run("ip netns add far")
    p = lab.start_tunlink("-:near", "far:away", options)
    for ns, dev, ip, peer in (("", "near", "192.0.2.1", "192.0.2.2"), ("-n far ", "away", "192.0.2.2", "192.0.2.1")):
        lab.run(f"ip {ns}addr add {ip} peer {peer} dev {dev}")
        lab.run(f"ip {ns}link set {dev} up mtu 1500")
    far = lab.inside("far", lambda: sock("192.0.2.2", 7))
    near = sock("192.0.2.1", 7)
    back, least = 0, 1e9
    near.settimeout(0.3)
    far.settimeout(0.3)
    for i in range(count):
        start = time.monotonic()
        near.sendto(b"%04d" % i + bytes(size - 4), ("192.0.2.2", 7))
        got = receive(far)
        if got:
            far.sendto(got[0], got[1])
            if receive(near):
                back += 1
                least = min(least, time.monotonic() - start)
    return back, least * 1000, lab.stop_tunlink(p)


def stage(what):
    claims = lab.Checks()
    if what == "delay":
        back, least, fate = echo_through(["--delay", 30], 5)
        claims.check(back == 5 and least >= 60, "30 ms each way are 60 there and back", [back, least])
        claims.check(fate["forth"]["carried"] >= 5 and fate["forth"]["lost"] == 0, "nothing is lost", fate)
    elif what == "loss":
        back, _, fate = echo_through(["--loss", 30, "--seed", 7], 60)
        lost = fate["forth"]["lost"] + fate["back"]["lost"]
        claims.check(15 <= lost <= 45 and back + lost >= 60, "30 per cent is 30 per cent", [back, fate])
    elif what == "mtu":
        back, _, fate = echo_through(["--mtu", 1000], 2, 1200)
        claims.check(back == 0 and fate["forth"]["dropped"] >= 2, "what is too long is dropped", fate)
    elif what == "rate":
        # 128 bytes with their headers at 0.05 Mbit/s: 20 ms each way at least.
        back, least, fate = echo_through(["--rate", 0.05], 3)
        claims.check(back == 3 and least >= 40, "a rate takes its time", [back, least, fate])
    claims.finish()


def again(name):
    return subprocess.run([sys.executable, os.path.abspath(__file__), name], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def main():
    names = sys.argv[1:]
    if len(names) == 1:
        lab.enter()
        (one if names[0] in KINDS else stage)(names[0])
    failed = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in pool.map(again, list(KINDS) + ["delay", "loss", "mtu", "rate"]):
            print(done.stdout, end="")
            failed += done.returncode not in (0, 77)
            skipped += done.returncode == 77
    if skipped and not failed:
        print(done.stdout.splitlines()[-1])
        sys.exit(77)
    print(f"{failed} kinds failed" if failed else "all kinds are as named")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
