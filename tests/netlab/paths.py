#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real agents behind real NATs: who connects, and how. The lab's kinds against each other, with a TURN server
that we did not write (coturn) on the Internet, and a link that takes 20 ms each way where there is a TUN device.

    paths.py                 every pair that says something new
    paths.py KIND KIND       one pair
"""
import concurrent.futures
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import coturn  # noqa: E402
import lab  # noqa: E402
import peers  # noqa: E402

# What must come of it: a path without a server between ("direct"), or through one ("relay").
PAIRS = [
    ("cone", "cone", "direct"),
    ("cone", "random", "relay"),
    ("random", "random", "relay"),
    ("random", "eim_adf", "direct"),
    ("random", "eim_eif", "direct"),
    ("eim_eif", "eim_apdf", "direct"),
    ("eim_adf", "eim_apdf", "direct"),
    ("hairpin", "cone", "direct"),
    ("no_udp", "cone", "relay"),
    ("no_udp", "no_udp", "relay"),
    ("only_443", "random", "relay"),
    ("only_443", "no_udp", "relay"),
]
LINK = ["--delay", 20]


def options(server):
    user = coturn.rest_credentials()
    turn = [f"{how},198.51.100.20,{port},{user[0]},{user[1]}" for how, port in
            (("udp", 3478), ("tcp", 3478), ("tls", 443))]
    out = ["--stun", "198.51.100.20:3478", "--ca", server.ca, "--name", "turn.test"]
    for t in turn:
        out += ["--turn", t]
    return out


def relayed(peer):
    path = peer.last("path")
    return "relay" in path["path"] or path["peer"].startswith("198.51.100.20:")


def one(kind_a, kind_b, want):
    claims = lab.Checks()
    name = f"{kind_a} and {kind_b}"
    lab.Lab(kind_a, kind_b, LINK if lab.has_tun() else None)
    with coturn.Server("198.51.100.20", tls_port=443) as server:
        a = peers.Peer("controlling", options(server), "hA")
        b = peers.Peer("controlled", options(server), "hB")
        peers.pair(a, b)
        connected = peers.until([a, b], lambda: a.reached("connected") and b.reached("connected"))
        claims.check(connected, f"{name}: connected", [a.ms("connected"), b.ms("connected")])
        if connected:
            claims.check(peers.until([a, b], lambda: a.state() == b.state() == "completed"), f"{name}: completed",
                         [a.ms("completed"), b.ms("completed")])
            seen = ["relay" if relayed(p) else "direct" for p in (a, b)]
            claims.check(seen == [want, want], f"{name}: both paths are {want}", [a.last("path"), b.last("path")])
            claims.check(peers.data_crosses(a, b), f"{name}: data crosses")
        claims.check(a.close() == 0 and b.close() == 0, f"{name}: both close")
    claims.finish()


def again(row):
    return subprocess.run([sys.executable, os.path.abspath(__file__)] + list(row[:2]), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def main():
    names = sys.argv[1:]
    if len(names) == 2:
        lab.enter()
        coturn.need()
        one(names[0], names[1], next(w for a, b, w in PAIRS if [a, b] == names))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for done in pool.map(again, PAIRS):
            print(done.stdout, end="")
            if done.returncode == 77:
                sys.exit(77)
            failed += done.returncode != 0
    print(f"{failed} pairs failed" if failed else "every pair connects as it must")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
