# SPDX-License-Identifier: MIT
"""Hosts behind NATs of every kind, in real network namespaces.

A script calls lab.enter() first: it runs again in user, network and mount namespaces of its own, as
root there, so that nothing of it is seen outside, nothing clashes with another run, and all of it is gone
when the script ends. Where that is not allowed it says why and exits with 77.

    root namespace: the Internet     198.51.100.10, .11 (servers), .20 (TURN); routes between the sides
    natA, natB                       198.51.100.1, .2 outside; 10.1.0.1, 10.2.0.1 inside
    hA, gA behind natA               10.1.0.2, .3;  hB, gB behind natB   10.2.0.2, .3

Kinds of NAT, by nftables (mapping / filtering, RFC 4787):

    plain        masquerade as one writes it: hole punching fails, see below
    cone         masquerade, and unsolicited packets are dropped: independent / address and port
    random       masquerade with random ports: both address- and port-dependent
    eim_eif      independent / independent        eim_adf   independent / address
    eim_apdf     independent / address and port   hairpin   as eim_eif, and hairpins
    no_udp       cone without UDP                 only_443  TCP to port 443 and nothing else
    walled       nothing; the NAT itself gets out, and so does a proxy there

With "plain", what comes early from the peer is delivered to the NAT itself; connection tracking then keeps
an entry that the host's own packets clash with, and they leave from another port. A real router drops them.
"""
import ctypes
import json
import os
import shutil
import subprocess
import sys
import threading

CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
libc = ctypes.CDLL(None, use_errno=True)
SERVERS = ["198.51.100.10", "198.51.100.11", "198.51.100.20"]


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def enter():
    """Returns inside the namespaces, or does not return."""
    if os.environ.get("FARHAND_LAB") == str(os.getppid()) or os.environ.get("FARHAND_LAB") == "inside":
        os.environ["FARHAND_LAB"] = "inside"
        run("mount -t tmpfs tmpfs /run")
        os.makedirs("/run/netns", exist_ok=True)
        return
    for tool in ("unshare", "ip", "nft"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    probe = subprocess.run(["unshare", "-Urnm", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        skip("namespaces are not allowed here: " + (probe.stderr.strip() or "unshare failed"))
    env = dict(os.environ, FARHAND_LAB="inside", FARHAND_LAB_USER=str(os.getuid()))
    # The child goes with its parent, whatever ends it.
    os.execvpe("unshare", ["unshare", "-Urnm", "--kill-child", "--fork", sys.executable] + sys.argv, env)


def own_displays():
    """X servers that start in here get numbers of our own, and sockets that nobody outside sees, or takes away."""
    os.makedirs("/tmp/.X11-unix", exist_ok=True)
    run("mount -t tmpfs -o mode=1777 tmpfs /tmp/.X11-unix")


def run(command, **how):
    done = subprocess.run(command.split() if isinstance(command, str) else command, capture_output=True,
                          text=True, **how)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def inside(name, work):
    """work() in a thread that is in that namespace; its result, or its exception."""
    box = {}

    def body():
        try:
            fd = os.open("/run/netns/" + name, os.O_RDONLY)
            if libc.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            os.close(fd)
            box["result"] = work()
        except BaseException as e:  # pylint: disable=broad-except
            box["error"] = e

    t = threading.Thread(target=body)
    t.start()
    t.join()
    if "error" in box:
        raise box["error"]
    return box.get("result")


def enters(namespace):
    """What a new process does to be in that namespace."""
    def body():
        fd = os.open("/run/netns/" + namespace, os.O_RDONLY)
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)
    return body


def enters_as_user(namespace=""):
    """The same, and as somebody who is not root, not even of the lab: services want more of root than it may do."""
    user = int(os.environ["FARHAND_LAB_USER"]) or 1000

    def body():
        if namespace:
            enters(namespace)()
        if libc.unshare(CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} 0 1"), ("gid_map", f"{user} 0 1")):
            with open("/proc/self/" + name, "w", encoding="ascii") as f:
                f.write(text)
    return body


def popen(name, command, **how):
    """A process in that namespace ("" is the Internet)."""
    return subprocess.Popen((["ip", "netns", "exec", name] if name else []) + command, **how)


STATEFUL = 'iif "wan" ct state established,related accept; iif "wan" drop;'
FORWARDS = {
    "eim_eif": 'iif "wan" accept;',
    "hairpin": 'iif "wan" accept;',
    "eim_adf": 'iif "wan" ct state established,related accept; '
               'iif "wan" ip saddr . udp dport @peers accept; iif "wan" drop;',
    "eim_apdf": STATEFUL,
}


def masquerade_rules(kind):
    how = "random" if kind == "random" else ""
    stop = {"no_udp": 'oif "wan" meta l4proto udp drop;',
            "only_443": 'oif "wan" tcp dport != 443 drop; oif "wan" meta l4proto != tcp drop;',
            "walled": 'oif "wan" drop;'}.get(kind, "")
    inp = "" if kind == "plain" else f"""
 chain inp {{
  type filter hook input priority 0; policy accept; {STATEFUL}
 }}"""
    return f"""
table ip nat {{
 chain pre {{ type nat hook prerouting priority dstnat; }}
 chain post {{ type nat hook postrouting priority srcnat; oif "wan" masquerade {how} ; }}
}}
table ip filter {{
 chain forw {{
  type filter hook forward priority 0; policy accept; {stop} {STATEFUL}
 }}{inp}
}}"""


def cone_rules(kind, outside):
    """One outside port for each inside address and port, kept in a map."""
    pin_in = pin_out = ""
    if kind == "hairpin":
        pin_in = f'iif "lan" ip daddr {outside} meta l4proto udp dnat to udp dport map @fc;'
        pin_out = f'ip saddr 10.0.0.0/8 oif "lan" snat to {outside};'
    return f"""
table ip nat {{
 map fc {{ type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 300s; size 65535; }}
 chain pre {{
  type nat hook prerouting priority dstnat; iif "wan" meta l4proto udp dnat to udp dport map @fc; {pin_in}
 }}
 chain post {{
  type nat hook postrouting priority srcnat;
  oif "wan" meta l4proto udp update @fc {{ udp sport timeout 300s : ip saddr . udp sport }};
  oif "wan" snat to {outside}; {pin_out}
 }}
}}
table ip filter {{
 set peers {{ type ipv4_addr . inet_service; flags dynamic,timeout; timeout 60s; size 65535; }}
 chain forw {{
  type filter hook forward priority 0; policy accept;
  oif "wan" meta l4proto udp update @peers {{ ip daddr . udp sport timeout 60s }}; {FORWARDS[kind]}
 }}
}}"""


class Lab:
    """Both sides, of these kinds. link: options of tunlink for each side's way to the Internet."""

    def __init__(self, kind_a, kind_b, link=None):
        self.links = []
        self.kinds = {"A": kind_a, "B": kind_b}
        run("ip link set lo up")
        for ip in SERVERS:
            run(f"ip addr add {ip}/32 dev lo")
        run("sysctl -qw net.ipv4.ip_forward=1")
        # What is for nobody vanishes, as on the Internet, instead of telling the sender.
        run("ip link add rest type veth peer name nowhere")
        run("ip link set rest arp off up")
        run("ip link set nowhere up")
        run("ip route add default dev rest")
        for n, side in enumerate("AB", 1):
            self.build_side(side, n, link)

    def build_side(self, side, n, link):
        nat, outside = "nat" + side, f"198.51.100.{n}"
        run(f"ip netns add {nat}")
        run(f"ip -n {nat} link set lo up")
        if link:
            self.start_link(f"{nat}:wan", f"-:wan{side}", link)
        else:
            run(f"ip link add wan{side} type veth peer name wan netns {nat}")
            run(f"sysctl -qw net.ipv4.conf.wan{side}.proxy_arp=1 net.ipv4.neigh.wan{side}.proxy_delay=0")
        run(f"ip link set wan{side} up")
        run(f"ip route add {outside}/32 dev wan{side}")
        run(f"ip -n {nat} addr add {outside}/32 dev wan")
        run(f"ip -n {nat} link set wan up")
        run(f"ip -n {nat} route add default dev wan")
        run(f"ip -n {nat} link add lan type bridge")
        run(f"ip -n {nat} addr add 10.{n}.0.1/24 dev lan")
        run(f"ip -n {nat} link set lan up")
        for k, host in enumerate("hg", 2):
            self.build_host(host + side, nat, host, n, k)
        run(f"ip netns exec {nat} sysctl -qw net.ipv4.ip_forward=1")
        kind = self.kinds[side]
        rules = cone_rules(kind, outside) if kind in FORWARDS else masquerade_rules(kind)
        run(f"ip netns exec {nat} nft -f -", input=rules)

    @staticmethod
    def build_host(name, nat, short, n, k):
        run(f"ip netns add {name}")
        run(f"ip -n {nat} link add l{short} type veth peer name eth0 netns {name}")
        run(f"ip -n {nat} link set l{short} master lan up")
        run(f"ip -n {name} link set lo up")
        run(f"ip -n {name} addr add 10.{n}.0.{k}/24 dev eth0")
        run(f"ip -n {name} link set eth0 up")
        run(f"ip -n {name} route add default via 10.{n}.0.1")

    def start_link(self, a, b, options):
        self.links.append(start_tunlink(a, b, options))


def has_tun():
    return os.access("/dev/net/tun", os.R_OK | os.W_OK)


def start_tunlink(a, b, options):
    """The stage that delays and loses; skips where there is no TUN device."""
    if not has_tun():
        skip("/dev/net/tun cannot be opened here")
    p = subprocess.Popen([tool("netlab/tunlink"), a, b] + [str(o) for o in options], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
    if p.stdout.readline() != "ready\n":
        raise RuntimeError("tunlink did not start")
    return p


def stop_tunlink(p):
    """What became of the packets: {"forth": {...}, "back": {...}}."""
    out, _ = p.communicate()
    words = [line.split() for line in out.splitlines()]
    return {w[0]: {w[i]: int(w[i + 1]) for i in range(1, len(w), 2)} for w in words}


def tool(name):
    """A program that was built for the tests."""
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    bins = os.environ.get("FARHAND_BIN", os.path.join(top, "build", "release", "bin"))
    return os.path.join(os.path.dirname(bins), "tests", name)


class Checks:
    """Claims, each said when it was looked at; the exit status at the end."""

    def __init__(self):
        self.failed = 0

    def check(self, holds, claim, seen=None):
        print(("ok    " if holds else "FAILED ") + claim + ("" if seen is None else f": {json.dumps(seen)}"))
        self.failed += not holds

    def finish(self):
        print("%d failed" % self.failed if self.failed else "all claims hold")
        sys.stdout.flush()
        os._exit(1 if self.failed else 0)
