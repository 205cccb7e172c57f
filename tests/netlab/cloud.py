#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A cloud on the Internet, a desktop behind one NAT and a viewer behind another: vnccloudd, vncserverd and vncviewer-cli as
they are, with coturn, of which the cloud gives credentials. Which way a session goes is what `info --json` says of it.

    cloud.py                 what says something new, in a few seconds each
    cloud.py NAME...         some of it: KIND+KIND (viewer's side, server's), killed, clock, skewed
    FARHAND_CLOUD_PAIRS=all  every kind against every other
"""
import concurrent.futures
import datetime
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (HERE, os.path.join(HERE, "../e2e")):
    sys.path.insert(0, folder)
sys.dont_write_bytecode = True
import clouds  # noqa: E402
import coturn  # noqa: E402
import farhand  # noqa: E402
import lab  # noqa: E402

CLOUD, TURN = "198.51.100.10", "198.51.100.20"
HOSTS = f"127.0.0.1 localhost\n{CLOUD} cloud.test\n{TURN} turn.test\n"
REACHABLE = "notice: reachable through the cloud"
SERVERCTL = os.path.join(farhand.BIN, "vncserverctl")
KINDS = ("cone", "random", "eim_eif", "eim_adf", "eim_apdf", "hairpin", "no_udp", "only_443", "walled")
TELLING = ("clock", "killed", "skewed", "cone+eim_apdf", "random+random", "no_udp+cone", "only_443+random", "walled+walled")


def expected(*kinds):
    """direct, turn, or by the cloud's relay on 443."""
    if set(kinds) & {"only_443", "walled"}:
        return "relayed"
    if "no_udp" in kinds:
        return "turn"
    # A port for each peer meets its match in whoever lets in any port of an address that it has sent to.
    if "random" in kinds and not set(kinds) & {"eim_eif", "eim_adf", "hairpin"}:
        return "turn"
    return "direct"


# ---- certificates with other dates -----------------------------------------------------------------


def own_certificate(folder, days):
    """A root, and a certificate of it that is good from `days` from now on; returns the root's pin."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def make(subject, key, signer, begins, is_ca):
        made = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("a root")).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(begins)
                .not_valid_after(begins + datetime.timedelta(days=30))
                .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), True))
        if not is_ca:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), False)
        return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    now = datetime.datetime.utcnow()
    kept = os.path.join(folder, "own-root.key")
    if os.path.exists(kept):
        with open(kept, "rb") as f:
            root = serialization.load_pem_private_key(f.read(), None)
    else:
        root = ec.generate_private_key(ec.SECP256R1())
        write_secret(kept, private(root))
    leaf = ec.generate_private_key(ec.SECP256R1())
    chain = (make("cloud.test", leaf, root, now + datetime.timedelta(days=days), False) +
             make("a root", root, root, now - datetime.timedelta(days=1), True))
    write_secret(os.path.join(folder, "own.pem"), chain)
    write_secret(os.path.join(folder, "own.key"), private(leaf))
    spki = root.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def private(key):
    from cryptography.hazmat.primitives import serialization
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def write_secret(path, data):
    with open(path + ".new", "wb") as f:
        os.fchmod(f.fileno(), 0o600)
        f.write(data)
    os.rename(path + ".new", path)


# ---- the world -------------------------------------------------------------------------------------


class Cloud(clouds.Cloud):
    """At an address of the Internet, on the ports that everybody knows."""

    def __init__(self, folder, options=(), env=None):
        self.env = env
        self.folder = tempfile.mkdtemp(prefix="cloud-", dir=folder)
        self.control = os.path.join(self.folder, "control")
        secret = os.path.join(self.folder, "turn-secret")
        write_secret(secret, coturn.SECRET.encode() + b"\n")
        self.args = [clouds.CLOUDD, "--config", os.devnull, "--state", os.path.join(self.folder, "state"), "--name", "cloud.test",
                     "--listen", f"{CLOUD}:443", "--stun-listen", f"{CLOUD}:3478", "--control", self.control, "--turn",
                     "turn:turn.test:3478", "--turn", "turn:turn.test:3478?transport=tcp", "--turn-secret-file", secret,
                     "--audit", os.path.join(self.folder, "audit"), *options]
        self.program, self.line = None, None
        self.start()
        self.ctl("account", "add", "test")

    def start(self):
        self.program = farhand.Program(self.args, env=self.env, preexec_fn=lab.enters_as_user())
        self.program.wait_line(rf"listening on {re.escape(CLOUD)}:443")
        farhand.wait_until(lambda: os.path.exists(self.control), "the control socket")
        client = os.path.join(self.folder, "state", "client")
        self.line = farhand.wait_until(lambda: re.match(r"cloud = (\S+)\n", farhand.read_text(client)), "what clients need").group(1)


class Endpoint(clouds.Endpoint):
    """Whose ways are the real ones, not those within this machine."""

    @property
    def server_options(self):
        return self.options

    @property
    def viewer_options(self):
        return self.options


class World:
    """The server is in hB, with the display; the viewer comes from hA."""

    def __init__(self, kind_a, kind_b, cloud_options=(), cloud_env=None):
        self.folder = farhand.temporary()
        self.name_hosts()
        self.kinds = {"A": kind_a, "B": kind_b}
        lab.Lab(kind_a, kind_b)
        lab.run("sysctl -qw net.ipv4.ip_unprivileged_port_start=0")
        lab.own_displays()
        self.display = farhand.Display(self.folder)
        self.display.ask("xsetroot", "-solid", "navy")
        self.key = farhand.make_identity(os.path.join(self.folder, "server.pem"))
        self.viewer_key = farhand.make_identity(os.path.join(self.folder, "viewer.pem"))
        self.users = os.path.join(self.folder, "users")
        farhand.add_user(self.users, farhand.USER, farhand.PASSWORD, "all")
        self.cloud = Cloud(self.folder, cloud_options, cloud_env)
        self.here = Endpoint(self.cloud, self.folder, "listen", ("--allow-all",))
        self.there = Endpoint(self.cloud, self.folder, "connect", ())
        for side in self.kinds:
            if self.kinds[side] == "walled":
                self.start_proxy(side)
        self.server = None

    def name_hosts(self):
        """With a file alone: there is no name server in the lab, and waiting for one takes its time."""
        for name, text in (("hosts", HOSTS), ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")):
            path = os.path.join(self.folder, name)
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
            lab.run(f"mount --bind {path} /etc/{name}")

    def start_proxy(self, side):
        """What a firm with such a NAT has."""
        ip = {"A": "10.1.0.1", "B": "10.2.0.1"}[side]
        path = os.path.join(self.folder, f"proxy{side}.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(f"Port 3128\nListen {ip}\nTimeout 600\nLogLevel Critical\nConnectPort 443\n")
        proxy = farhand.Program(["tinyproxy", "-d", "-c", path], preexec_fn=lab.enters_as_user("nat" + side))

        def listens():
            lab.inside("h" + side, lambda: coturn.socket.create_connection((ip, 3128), 1).close())
            return True
        farhand.wait_until(lambda: proxy.is_running() and quietly(listens), "a proxy that listens")

    def proxy(self, side):
        return f"http://10.{1 if side == 'A' else 2}.0.1:3128" if self.kinds[side] == "walled" else None

    def serve(self):
        proxy = self.proxy("B")
        options = [*self.here.server_options, *(["--cloud-proxy", proxy] if proxy else [])]
        self.server = farhand.Server(self.folder, ["--display", self.display.name], self.key, options, users=self.users,
                                     listen="none", ready=False, preexec_fn=lab.enters_as_user("hB"))
        return self.server

    def view(self, *commands, options=()):
        proxy = self.proxy("A")
        args = [farhand.VIEWER, "--known-servers", os.path.join(self.folder, "known"), "--identity", self.viewer_key, "--user",
                farhand.USER, "--trust", farhand.identity(self.key)[1], "--verbose", "--command-timeout", "60",
                *self.there.viewer_options, *(["--proxy", proxy] if proxy else []), *options, "cloud:" + self.here.address,
                *commands]
        env = {**farhand.ENV, "HOME": self.folder, "FH_PASSWORD": farhand.PASSWORD}
        return farhand.Program(args, env=env, preexec_fn=lab.enters_as_user("hA"))

    def gate(self, color, rgb):
        """For the viewer: wait until the desktop has this colour."""
        path = os.path.join(self.folder, color + ".png")
        farhand.png_write(path, 8, 8, bytes(rgb) * 64)
        return ["rexpect", path, "0", "0", "0"]

    def color(self, name):
        self.display.ask("xsetroot", "-solid", name)

    def sessions(self):
        out = subprocess.run([SERVERCTL, "--socket", self.server.control, "--json", "list"], check=True, stdout=subprocess.PIPE,
                             timeout=farhand.PATIENCE).stdout
        return json.loads(out)["sessions"]

    def wait_path(self, path):
        farhand.wait_until(lambda: [s for s in self.sessions() if s["path"] == path], f"a session that goes {path}")

    def has_picture(self, path):
        return farhand.png_pixels(path) == self.display.picture()


def quietly(work):
    try:
        return work()
    except OSError:
        return False


def way_of(info):
    """In the words of expected()."""
    if info["path"] != "direct":
        return info["path"]
    return "turn" if info["turn"] else "direct"


def info_of(viewer):
    return [json.loads(line) for line in viewer.lines if line.startswith('{"command":"info"')]


# ---- what is shown ---------------------------------------------------------------------------------


def visit(claims, world, want, turn):
    """A viewer comes, waits until its session goes as it should, and looks."""
    picture = os.path.join(world.folder, "a.png")
    began = time.monotonic()
    viewer = world.view(*world.gate("lime", (0, 255, 0)), "capture", picture, "info", options=["--json"])
    viewer.wait_line("authenticated")
    took = round(1000 * (time.monotonic() - began))
    world.wait_path("relayed" if want == "relayed" else "direct")
    moved = round(1000 * (time.monotonic() - began))
    world.color("lime")
    claims.check(viewer.wait(60) == 0, "the viewer succeeds, authenticated and on its way after ms", [took, moved])
    info = info_of(viewer)[0]
    claims.check(way_of(info) == want, f"the session goes {want}",
                 {k: info.get(k) for k in ("path", "turn", "candidates", "direct_peer", "relay", "paths", "rtt_us")})
    claims.check(world.has_picture(picture), "the captured picture is the remote display's")
    if want == "turn":
        claims.check(re.search(r"user <\d{10}:[0-9a-f]{32}>", turn.said()) is not None,
                     "coturn took credentials that the cloud gave")


def pair(claims, kinds, turn):
    world = World(*kinds)
    world.serve().program.wait_line(REACHABLE)
    visit(claims, world, expected(*kinds), turn)


def killed(claims, turn):
    """The cloud dies without a word and comes back, while a session goes directly."""
    world = World("cone", "cone")
    server = world.serve()
    server.program.wait_line(REACHABLE)
    first, picture = (os.path.join(world.folder, name) for name in ("first.png", "b.png"))
    viewer = world.view(*world.gate("red", (255, 0, 0)), "info", "capture", first, *world.gate("blue", (0, 0, 255)), "capture", picture, "info",
                        options=["--json"])
    viewer.wait_line("authenticated")
    world.wait_path("direct")
    world.cloud.kill()
    server.program.wait_line("not reachable through the cloud")
    world.color("red")
    farhand.wait_until(lambda: os.path.exists(first), "a picture without the cloud")
    said = len(server.program.lines)
    world.cloud.start()
    server.program.wait_line(REACHABLE, start=said)
    world.color("blue")
    claims.check(viewer.wait(60) == 0, "the session goes on without the cloud, and when it is back",
                 viewer.text() if viewer.wait() else None)
    claims.check([way_of(i) for i in info_of(viewer)] == ["direct"] * 2, "directly, before and after")
    claims.check(world.has_picture(picture), "the captured picture is the remote display's")
    events = [e["event"] for e in server.audit()]
    claims.check(events.count("started") == 1 and "detached" not in events, "it was one session, never interrupted", events)
    visit(claims, world, "direct", turn)


def clock(claims, turn):
    """A certificate that is not valid yet, or no more, is what a wrong clock looks like: said, and overcome when it is put right."""
    folder = tempfile.mkdtemp(prefix="farhand-")
    farhand.folders.append(folder)
    own_certificate(folder, -60)
    world = World("cone", "cone", ["--certificate", folder + "/own.pem", "--key", folder + "/own.key"])
    server = world.serve()
    server.program.wait_line("has expired, or the clock here is wrong")
    claims.check(True, "a certificate that has expired is refused, and why is said")
    reload(world, folder, 1)
    viewer = world.view("info")
    server.program.wait_line("is not valid yet, or the clock here is wrong")
    claims.check(viewer.wait(60) == 10 and "is not valid yet, or the clock here is wrong" in viewer.text(),
                 "so is one that is not valid yet, at both ends", viewer.lines[-1])
    reload(world, folder, -1)
    began = time.monotonic()
    server.program.wait_line(REACHABLE, patience=120)
    claims.check(True, "with one that is valid the server comes by itself, seconds", round(time.monotonic() - began, 1))
    visit(claims, world, "direct", turn)


def skewed(claims, turn):
    """The cloud's own clock is a quarter of an hour fast: everybody says so, and everything works."""
    if farhand.is_sanitized() or not shutil.which("cc"):
        print("not looked at: a clock that is wrong, which takes cc and a build without sanitizers")
        return
    folder = tempfile.mkdtemp(prefix="farhand-")
    farhand.folders.append(folder)
    lab.run(["cc", "-shared", "-fPIC", "-o", folder + "/skew.so", os.path.join(HERE, "skew.c")])
    world = World("cone", "random", cloud_env={**farhand.ENV, "LD_PRELOAD": folder + "/skew.so", "FARHAND_SKEW": "900"})
    server = world.serve()
    server.program.wait_line(REACHABLE)
    said = server.program.wait_line(r"the cloud's clock and ours differ by (\d+) s")
    claims.check(890 <= int(said.group(1)) <= 900, "the server says by how much the cloud's clock differs", said.group(0))
    visit(claims, world, "turn", turn)


def reload(world, folder, days):
    own_certificate(folder, days)
    said = len(world.cloud.program.lines)
    world.cloud.program.signal(farhand.signal.SIGHUP)
    world.cloud.program.wait_line("read again", start=said)


APART = {"killed": killed, "clock": clock, "skewed": skewed}


def one(name):
    claims = lab.Checks()
    # Its address is there only once the lab is, and the lab's own once only.
    lab.run("ip link set lo up")
    lab.run(f"ip addr add {TURN}/32 dev lo")
    lab.SERVERS.remove(TURN)
    with coturn.Server(TURN) as turn:
        try:
            if name in APART:
                APART[name](claims, turn)
            else:
                pair(claims, name.split("+"), turn)
        except (AssertionError, KeyError, OSError, RuntimeError, subprocess.SubprocessError) as e:
            claims.check(False, f"{type(e).__name__}: {e}")
            for program in farhand.Program.running:
                print(f"{program.name} said:\n{program.text()[-3000:]}")
        finally:
            claims.failed += farhand.clean_up()
    claims.finish()


def again(name):
    began = time.monotonic()
    done = subprocess.run([sys.executable, os.path.abspath(__file__), name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, env=dict(os.environ, FARHAND_CLOUD_ONE="1"))
    return done, time.monotonic() - began


def main():
    coturn.need()
    farhand.need("Xvfb", "xwd", "xsetroot", "tinyproxy")
    if "FARHAND_CLOUD_ONE" in os.environ:
        lab.enter()
        one(sys.argv[1])
    names = sys.argv[1:] or TELLING
    if not sys.argv[1:] and os.environ.get("FARHAND_CLOUD_PAIRS") == "all":
        names = [f"{a}+{b}" for a, b in itertools.product(KINDS, KINDS)] + list(APART)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(min(3, 1 + (os.cpu_count() or 1))) as pool:
        for name, (done, seconds) in zip(names, pool.map(again, names)):
            print(f"{name} ({seconds:.1f} s):\n{done.stdout}", end="", flush=True)
            if done.returncode == 77:
                sys.exit(77)
            failed += done.returncode != 0
    print(f"{failed} of {len(names)} failed" if failed else f"all {len(names)} meet as they must")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
