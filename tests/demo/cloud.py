#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The desktop through a cloud, behind two NATs, for tests/demo/demo.sh, which runs this in namespaces of its own: all of it
ends with them. Prints what is shown.

    cloud.py BIN STATE LOG SIZE CATCHPHRASE BEFORE.png GREEN.png LINE
"""
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../netlab"))
sys.dont_write_bytecode = True
import lab  # noqa: E402

# A sanitizer cannot look for leaks where /proc is another namespace's.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
BIN, STATE, LOG, SIZE, PHRASE, BEFORE, GREEN, LINE = sys.argv[1:]
CLOUD = "198.51.100.10"
PATIENCE = 20  # seconds


def fact(name, text):
    print(f"     {name:18} {text}", flush=True)


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def start(name, where, *args):
    with open(os.path.join(LOG, "cloud-" + name), "wb") as log:
        return subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=lab.enters_as_user(where))


def wait_for(name, program, pattern):
    """The match, as soon as the program's log has it."""
    end = time.monotonic() + PATIENCE
    while True:
        with open(os.path.join(LOG, "cloud-" + name), encoding="utf-8", errors="replace") as log:
            found = re.search(pattern, log.read(), re.M)
        if found:
            return found
        if time.monotonic() > end or program.poll() is not None:
            fail(f"{name} did not say /{pattern}/")
        time.sleep(0.02)


def ctl(*words):
    return json.loads(subprocess.run([f"{BIN}/vnccloudctl", "--socket", f"{STATE}/control", "--json", *words], check=True,
                                     stdout=subprocess.PIPE, timeout=PATIENCE).stdout or "null")


def endpoint(kind, line, *more):
    """Its address, and options for its program."""
    made = ctl("address", "add", "demo", "--" + kind, *more)
    path = f"{STATE}/{kind}.password"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write(made["password"] + "\n")
    return made["address"], ["--cloud", line, "--cloud-address", made["address"], "--cloud-password-file", path, "--cloud-key",
                             f"{STATE}/{kind}.key"]


def main():
    with open(f"{STATE}/lab.new", "w", encoding="ascii") as f:
        f.write(os.readlink("/proc/self"))  # our number outside
    os.rename(f"{STATE}/lab.new", f"{STATE}/lab")
    lab.enter()
    lab.own_displays()
    lab.Lab("cone", "cone")
    lab.run("sysctl -qw net.ipv4.ip_unprivileged_port_start=0")
    cloud = start("service", "", f"{BIN}/vnccloudd", "--config", "/dev/null", "--state", f"{STATE}/cloud", "--name", "cloud.test",
                  "--node", f"{CLOUD}:443", "--stun", f"{CLOUD}:3478", "--listen", f"{CLOUD}:443", "--stun-listen",
                  f"{CLOUD}:3478", "--control", f"{STATE}/control", "--audit", f"{LOG}/cloud-audit")
    line = wait_for("service", cloud, r"^cloud = (\S+)").group(1)
    ctl("account", "add", "demo")
    address, here = endpoint("listen", line, "--allow-all")
    _, there = endpoint("connect", line)
    fact("the cloud", f"vnccloudd at {CLOUD}, which can read nothing of it")
    server = start("server", "hB", f"{BIN}/vncserverd", "--identity", f"{STATE}/server.pem", "--users", f"{STATE}/users",
                   "--audit", f"{LOG}/audit", "--name", "a desktop far away", "--blacklist", f"{STATE}/blacklist2", "--control",
                   "none", "--listen", "none", *here, "--virtual", SIZE, "--", f"{HERE}/desktop.sh")
    wait_for("server", server, "reachable through the cloud")
    fact("the desktop", f"10.2.0.2 behind 198.51.100.2, no port open: cloud:{address}")
    viewer = start("viewer", "hA", f"{BIN}/vncviewer-cli", "--known-servers", f"{STATE}/known2", "--identity", f"{STATE}/viewer.pem",
                   "--user", "demo", "--timeout", str(PATIENCE), "--trust", PHRASE, "--json", *there, f"cloud:{address}",
                   "rexpect", BEFORE, "70", "450", "3", "move", "400", "430", "type", LINE, "key", "return", "rexpect", GREEN,
                   "70", "450", "3", "wait-stable", "0.3", "info")
    fact("the viewer", "10.1.0.2 behind 198.51.100.1")
    if viewer.wait() != 0:
        fail(f"the viewer ended with {viewer.returncode}")
    info = json.loads(wait_for("viewer", viewer, r'^\{"command":"info".*$').group(0))
    how = "over a TURN server" if info.get("turn") else "from one to the other"
    fact("the path it took", f"direct, {how} ({info['candidates']}), a relay beside it" if info["path"] == "direct"
         else f"by the cloud's relay {info['relay']}")
    if info["path"] == "direct":
        fact("to", f"{info['direct_peer']}, round trip {info['rtt_us'] / 1000:.1f} ms")


if __name__ == "__main__":
    main()
