#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cloud.py -- round trips from asking a cloud for a desktop to its first picture.

vnccloudd, vncserverd and vncviewer-cli, each in a network namespace of its own, with 10 ms each way to the middle: so
any two of them are 40 ms apart, there and back. The same is measured without delay, and the difference, in round trips
of 40 ms, is what does not depend on this machine; the sign-in of the viewer is not counted. Medians of FARHAND_RUNS runs.
The server knows the viewer by its key, and asks for nothing else.

    cloud.any        the relay and the direct path are tried at once; the session begins on what stands first
    cloud.password   the same with a password, whose proof (CPace) takes one more
    cloud.direct     --path direct
    cloud.relay      --path relay: what the two say crosses two links of 40 ms, so that each of their round trips is two
    cloud.sign-in    of a viewer that was there before, with the TLS handshake
"""
import json
import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../e2e"), os.path.join(HERE, "../netlab")]
sys.dont_write_bytecode = True
import clouds  # noqa: E402
import farhand  # noqa: E402
import lab  # noqa: E402

RUNS = int(os.environ.get("FARHAND_RUNS", "5"))
DELAY_MS, GOAL = 10, 6
WAYS = {"any": ("key", "any"), "password": ("password", "any"), "direct": ("key", "direct"), "relay": ("key", "relay")}
PLACES = {"cloud": 1, "server": 2, "viewer": 3}


def address(place):
    return f"198.51.100.{PLACES[place]}"


def build(delay):
    """A star, whose middle is the namespace that we are in."""
    lab.run("ip link set lo up")
    lab.run("sysctl -qw net.ipv4.ip_forward=1")
    for place in PLACES:
        lab.run(f"ip netns add {place}")
        lab.run(f"ip -n {place} link set lo up")
        lab.start_tunlink(f"{place}:wan", f"-:to-{place}", ["--delay", delay])
        lab.run(f"ip link set to-{place} up")
        lab.run(f"ip route add {address(place)}/32 dev to-{place}")
        lab.run(f"ip -n {place} addr add {address(place)}/32 dev wan")
        lab.run(f"ip -n {place} link set wan up")
        lab.run(f"ip -n {place} route add default dev wan")


class Cloud(clouds.Cloud):
    """In its own place, at the port that clients expect."""

    def start(self):
        at = address("cloud")
        self.program = farhand.Program(
            [clouds.CLOUDD, "--config", "/dev/null", "--state", os.path.join(self.folder, "state"), "--name", "cloud.test",
             "--node", f"{at}:443", "--stun", f"{at}:3478", "--listen", f"{at}:443", "--stun-listen", f"{at}:3478", "--user", "root",
             "--audit", os.path.join(self.folder, "audit"), "--control", self.control], preexec_fn=lab.enters("cloud"))
        line = self.program.wait_line(r"^cloud = (\S+)").group(1)
        self.line = re.sub(r"^[^,]*", at, line) + ("" if ",name=" in line else ",name=cloud.test")
        farhand.wait_until(lambda: os.path.exists(self.control), "the control socket")


class End:
    """A desktop in the cloud, and a viewer."""

    def __init__(self):
        self.folder = farhand.temporary()
        key = os.path.join(self.folder, "identity.pem")
        users = os.path.join(self.folder, "users")
        farhand.make_identity(key, 3072)
        self.viewer_key = os.path.join(self.folder, "viewer.pem")
        farhand.make_identity(self.viewer_key, 3072)
        farhand.add_user(users, "password", farhand.PASSWORD)
        farhand.ask_serverd("--users", users, "user", "add", "key", "--no-password", "--require", "identity")
        farhand.ask_serverd("--users", users, "user", "identity", "add", "key", farhand.identity(self.viewer_key)[1])
        self.cloud = Cloud(self.folder)
        self.here, self.there = self.cloud.endpoint("listen", "--allow-all"), self.cloud.endpoint("connect")
        self.server = farhand.Server(self.folder, ["--virtual", "1280x800"], key, users=users, listen="none",
                                     options=self.here.options, ready=False, preexec_fn=lab.enters_as_user("server"))
        self.server.program.wait_line("notice: reachable through the cloud")

    def look(self, way):
        """(milliseconds to the first picture, of these to be signed in)"""
        user, path = WAYS[way]
        args = [farhand.VIEWER, "--user", user, "--accept-new", "--known-servers", self.folder + "/known",
                "--identity", self.viewer_key, *self.there.options, "--path", path, "--json",
                *(["--method", "identity"] if user == "key" else []), "cloud:" + self.here.address, "info"]
        ran = subprocess.run(args, env=dict(farhand.ENV, HOME=self.folder, FH_PASSWORD=farhand.PASSWORD), check=False,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             timeout=farhand.PATIENCE, preexec_fn=lab.enters("viewer"))
        if ran.returncode != 0:
            raise AssertionError(f"{way}: {ran.returncode} {ran.stdout} {ran.stderr}")
        time.sleep(0.6)  # a server serves one viewer's handshakes at two a second
        info = next(json.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"command":"info"'))
        return info["first_picture_ms"], info["sign_in_ms"]


def measure(delay):
    """In namespaces of its own; prints what it found as JSON."""
    lab.enter()
    build(delay)
    end = End()
    found = {way: [end.look(way) for _ in range(RUNS + 1)][1:] for way in WAYS}
    print(json.dumps({way: [statistics.median(p - s for p, s in runs), statistics.median(s for _, s in runs)]
                      for way, runs in found.items()}))


def ask(delay):
    """Each delay in a process, since namespaces end with it."""
    ran = subprocess.run([sys.executable, __file__, "at", str(delay)], stdout=subprocess.PIPE, text=True, check=False)
    if ran.returncode == 77:
        print(ran.stdout, end="")
        sys.exit(77)
    if ran.returncode != 0:
        sys.exit(ran.returncode)
    return json.loads(ran.stdout.splitlines()[-1])


def main():
    near, far = ask(0), ask(DELAY_MS)
    round_trip = 4 * DELAY_MS
    for way in WAYS:
        trips = (far[way][0] - near[way][0]) / round_trip
        verdict = f" goal={GOAL} {'ok' if trips <= GOAL + 0.5 else 'short'}" if way == "any" else ""
        print(f"bench: cloud.{way} value={trips:.2f} unit=round-trips ms={far[way][0]:.0f} without-delay={near[way][0]:.0f}"
              + verdict, flush=True)
    trips = (far["any"][1] - near["any"][1]) / round_trip
    print(f"bench: cloud.sign-in value={trips:.2f} unit=round-trips ms={far['any'][1]:.0f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["at"]:
        measure(int(sys.argv[2]))
        sys.stdout.flush()
        farhand.clean_up()
        os._exit(0)
    main()
