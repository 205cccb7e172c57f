#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""first_byte.py -- how long two computers behind NATs wait for the first byte, beside libnice.

Both are started at once in the network lab, with 20 ms each way between the sides and coturn on the
Internet; candidates trickle through this script. Measured is the time from the start of the later one
until its first datagram arrived at the other, both ways; medians of alternating runs. libnice is run as it comes
(aggressive nomination) and waits for its own CONNECTED.

    first_byte.KINDS              a STUN server and a TURN server that live
    first_byte.KINDS.dead_stun    the first STUN server is dead; ours is given a second one, of which
                                  libnice knows only one
"""
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../netlab"))
sys.dont_write_bytecode = True
import coturn  # noqa: E402
import lab  # noqa: E402
import peers  # noqa: E402

RUNS = 5
KINDS = [("cone", "cone"), ("eim_eif", "cone"), ("random", "cone"), ("random", "random")]


def options(dead):
    user = coturn.rest_credentials()
    stun = ["--stun", "198.51.100.11:9"] if dead else []
    return stun + ["--stun", "198.51.100.20:3478", "--turn", f"udp,198.51.100.20,3478,{user[0]},{user[1]}"]


def measure(tool, dead):
    start = time.monotonic()
    a = peers.Peer("controlling", options(dead), "hA", tool=tool)
    b = peers.Peer("controlled", options(dead), "hB", tool=tool)
    peers.pair(a, b)
    sent = set()

    def arrived():
        for p in (a, b):
            if p not in sent and p.reached("connected"):
                sent.add(p)
                p.tell("send", "1")
        return a.last("received") and b.last("received")

    took = (time.monotonic() - start) * 1000 if peers.until([a, b], arrived, 30) else float("inf")
    a.close()
    b.close()
    return took


def one(kind_a, kind_b):
    lab.enter()
    coturn.need()
    lab.Lab(kind_a, kind_b, ["--delay", 20])
    with coturn.Server("198.51.100.20"):
        for dead in (False, True):
            took = {"ice_peer": [], "nice_peer": []}
            for _ in range(RUNS):
                for tool, times in took.items():
                    times.append(measure(tool, dead))
            ours, theirs = (statistics.median(took[t]) for t in ("ice_peer", "nice_peer"))
            goal = 0.7 if dead else 1.0
            print(f"bench: first_byte.{kind_a}_{kind_b}{'.dead_stun' if dead else ''} value={ours:.4g} unit=ms "
                  f"peer=libnice:{theirs:.4g} ratio={ours / theirs:.3f} goal={goal:.2f} "
                  f"{'ok' if ours / theirs <= goal else 'short'}", flush=True)
    os._exit(0)


def main():
    if len(sys.argv) == 3:
        one(sys.argv[1], sys.argv[2])
    for kinds in KINDS:
        done = subprocess.run([sys.executable, os.path.abspath(__file__)] + list(kinds), check=False)
        if done.returncode not in (0, 77):
            sys.exit(done.returncode)


if __name__ == "__main__":
    main()
