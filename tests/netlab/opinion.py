#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A second opinion on the lab's NATs: stun-client asks coturn, as RFC 5780 has it. Neither is ours.

    opinion.py [KIND]
"""
import concurrent.futures
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import coturn  # noqa: E402
import lab  # noqa: E402

SAYS = {
    "cone": "Independent Mapping, Port Dependent Filter",
    "random": "Dependent Mapping",
    "eim_eif": "Independent Mapping, Independent Filter",
    "eim_adf": "Independent Mapping, Address Dependent Filter",
    "eim_apdf": "Independent Mapping, Port Dependent Filter",
    "no_udp": "Blocked",
}


def one(kind):
    claims = lab.Checks()
    lab.Lab(kind, kind)
    two = ["-L", lab.SERVERS[1], "--alt-listening-port", "3479"]
    with coturn.Server(lab.SERVERS[0], extra=two):
        done = subprocess.run(["ip", "netns", "exec", "hA", "stun", lab.SERVERS[0]], capture_output=True, text=True,
                              timeout=120, check=False)
    primary = next((line for line in done.stdout.splitlines() if line.startswith("Primary:")), done.stdout)
    claims.check(primary.startswith("Primary: " + SAYS[kind]), f"{kind} is \"{SAYS[kind]}\"", primary.strip())
    claims.finish()


def again(kind):
    return subprocess.run([sys.executable, os.path.abspath(__file__), kind], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def main():
    if len(sys.argv) == 2:
        lab.enter()
        coturn.need()
        if not shutil.which("stun"):
            lab.skip("stun-client is not installed (scripts/install-deps test)")
        one(sys.argv[1])
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for done in pool.map(again, SAYS):
            print(done.stdout, end="")
            if done.returncode == 77:
                sys.exit(77)
            failed += done.returncode != 0
    print(f"{failed} failed" if failed else "both are of the same opinion")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
