#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two agents of ours through coturn, in namespaces of their own: UDP, TCP and TLS; credentials that expire; nonces
that grow old; a server with another name; wrong passwords; a server that goes away. And coturn's own
client, stun-client (another project's), against our server's rules.

    relays.py            all claims
    relays.py CLAIM      one of them
"""
import concurrent.futures
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import coturn  # noqa: E402
import lab  # noqa: E402
import peers  # noqa: E402

IP = "198.51.100.20"


def two(server, carriers, extra=("--relay",), user=None, name="turn.test"):
    """A pair of agents that use these carriers, relayed only."""
    user = user or coturn.rest_credentials()
    ports = {"udp": server.port, "tcp": server.port, "tls": server.tls_port}
    out = ["--ca", server.ca, "--name", name] + list(extra)
    for how in carriers:
        out += ["--turn", f"{how},{server.ip},{ports[how]},{user[0]},{user[1]}"]
    a = peers.Peer("controlling", out)
    b = peers.Peer("controlled", out)
    peers.pair(a, b)
    return a, b


def connected(a, b):
    return peers.until([a, b], lambda: a.reached("connected") and b.reached("connected"))


def relay_over(claims, carrier):
    with coturn.Server(IP) as server:
        a, b = two(server, [carrier])
        claims.check(connected(a, b), f"{carrier}: connected", [a.ms("connected"), b.ms("connected")])
        claims.check(a.last("path")["path"] == ["relay", "relay"], f"{carrier}: relayed at both ends", a.last("path"))
        claims.check(peers.data_crosses(a, b, 20), f"{carrier}: data crosses")
        claims.check(a.close() == 0 and b.close() == 0, f"{carrier}: both close")
        claims.check(server.said().count("lifetime=0") == 2, f"{carrier}: allocations were given back",
                     server.said().count("lifetime=0"))


def stale(claims):
    """Nonces live for a second; so do allocations for 15 s: 20 s of data see both renewed."""
    with coturn.Server(IP, extra=["--stale-nonce=1", "--max-allocate-lifetime=15"]) as server:
        a, b = two(server, ["udp"])
        claims.check(connected(a, b), "stale: connected")
        whole, end = True, time.monotonic() + 20
        while time.monotonic() < end and whole:
            whole = peers.data_crosses(a, b, 2)
            time.sleep(1)
        claims.check(whole, "stale: data crosses for longer than an allocation lives")
        claims.check(a.state() == "completed" and not a.reached("disconnected"), "stale: never disconnected", a.state())
        claims.check("438" in server.said(), "stale: the server did find nonces stale")
        a.close(), b.close()


def expired(claims):
    with coturn.Server(IP) as server:
        a, b = two(server, ["udp"], user=coturn.rest_credentials(valid=-10))
        claims.check(peers.until([a, b], lambda: a.last("end") and b.last("end")), "expired: gathering ends",
                     [a.last("end"), b.last("end")])
        claims.check(not any("candidate" in m for m in a.said), "expired: there is no candidate")
        a.close(), b.close()


def wrong(claims):
    with coturn.Server(IP) as server:
        a, b = two(server, ["udp", "tcp", "tls"], user=coturn.rest_credentials(secret="south wind"))
        claims.check(peers.until([a, b], lambda: a.last("end") and b.last("end")), "wrong: gathering ends")
        claims.check(not any("candidate" in m for m in a.said + b.said), "wrong: there is no candidate")
        a.close(), b.close()


def impostor(claims):
    """A server whose certificate is for another name gets nothing, not even a user name."""
    with coturn.Server(IP) as server:
        a, b = two(server, ["tls"], name="other.test")
        claims.check(peers.until([a, b], lambda: a.last("end") and b.last("end")), "impostor: gathering ends")
        claims.check(not any("candidate" in m for m in a.said + b.said), "impostor: there is no candidate")
        claims.check(":ann" not in server.said(), "impostor: it was told no user")
        a.close(), b.close()


def dead(claims):
    """The server goes away in the middle: the path is lost, and said to be."""
    with coturn.Server(IP) as server:
        a, b = two(server, ["tcp"])
        claims.check(connected(a, b), "dead: connected")
        server.p.kill()
        claims.check(peers.until([a, b], lambda: not {a.state(), b.state()} & {"connected", "completed"}),
                     "dead: both notice", [a.state(), b.state()])
        a.close(), b.close()


def password(claims):
    """Long-term credentials of a user in the server's own list."""
    with coturn.Server(IP, user="ben:sesame") as server:
        a, b = two(server, ["udp"], user=("ben", "sesame"))
        claims.check(connected(a, b), "password: connected")
        claims.check(peers.data_crosses(a, b), "password: data crosses")
        a.close(), b.close()


def moves(claims, carrier):
    """The address of one side changes: the allocation goes along (RFC 8016), and so does the path."""
    lab.Lab("random", "random")
    user = coturn.rest_credentials()
    with coturn.Server(IP) as server:
        port = {"udp": server.port, "tls": server.tls_port}[carrier]
        options = ["--ca", server.ca, "--name", "turn.test", "--turn", f"{carrier},{IP},{port},{user[0]},{user[1]}"]
        a = peers.Peer("controlling", options, "hA")
        b = peers.Peer("controlled", options, "hB")
        peers.pair(a, b)
        peers.until([a, b], lambda: a.state() == b.state() == "completed")
        claims.check(peers.data_crosses(a, b), f"moves, {carrier}: data crosses", a.last("path"))
        made = server.said().count("ALLOCATE processed, success")
        lab.run("ip -n hA addr flush dev eth0")
        lab.run("ip -n hA addr add 10.1.0.77/24 dev eth0")
        lab.run("ip -n hA route add default via 10.1.0.1")
        before = len(a.said)
        peers.until([a, b], lambda: any("candidate" in m and "10.1.0.77" in m["candidate"] for m in a.said[before:]))
        goes_on = any(peers.data_crosses(a, b, 1, 1) for _ in range(10 if carrier == "tls" else 30))
        if carrier == "tls" and not goes_on:
            # coturn 4.6 ends a stream that an allocation was moved to; 4.15 and later do not.
            a.tell("restart")
            goes_on = any(peers.data_crosses(a, b, 1, 1) for _ in range(30))
        else:
            claims.check(server.said().count("ALLOCATE processed, success") == made,
                         f"moves, {carrier}: on the same allocations", made)
        claims.check(goes_on, f"moves, {carrier}: it goes on", [a.last("state"), a.last("path")])
        if claims.failed:
            for p in (a, b):
                print([m for m in p.said if "description" not in m and "received" not in m])
            print(server.said()[-5000:])
        a.close(), b.close()


CLAIMS = {"udp": lambda c: relay_over(c, "udp"), "tcp": lambda c: relay_over(c, "tcp"),
          "tls": lambda c: relay_over(c, "tls"), "stale": stale, "expired": expired, "wrong": wrong,
          "impostor": impostor, "dead": dead, "password": password,
          "moves_udp": lambda c: moves(c, "udp"), "moves_tls": lambda c: moves(c, "tls")}


def one(name):
    claims = lab.Checks()
    if name.startswith("moves"):
        CLAIMS[name](claims)
        claims.finish()
    lab.run("ip link set lo up")
    lab.run(f"ip addr add {IP}/32 dev lo")
    lab.run("ip link add eth0 type veth peer name cable")
    lab.run("ip link set cable up")
    lab.run("ip addr add 192.0.2.1/24 dev eth0")
    lab.run("ip link set eth0 up")
    CLAIMS[name](claims)
    claims.finish()


def again(name):
    return subprocess.run([sys.executable, os.path.abspath(__file__), name], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def main():
    if len(sys.argv) == 2:
        lab.enter()
        coturn.need()
        one(sys.argv[1])
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for done in pool.map(again, CLAIMS):
            print(done.stdout, end="")
            if done.returncode == 77:
                sys.exit(77)
            failed += done.returncode != 0
    print(f"{failed} failed" if failed else "coturn and our agents understand each other")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
