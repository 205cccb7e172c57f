#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""servers.py [KIND...] -- the same desktop in motion, served by each server in turn to the same neutral client.

The desktop is an Xvfb of 1920 x 1080; `player` draws 30 frames a second on it (desktop/scene.h: text, web, video, drag,
typing, slides), `eye` reads them through libvncclient: Tight, quality 8. The peers are TigerVNC's X0tigervnc, with which
the ratios are, and x11vnc. The medians of three runs, in which the servers take turns:

    servers.KIND.frames     of those played, how many reached the client as pictures of their own
    servers.KIND.cpu        CPU of all processes of the server for a frame that arrived
    servers.KIND.bytes      for a frame that arrived
    servers.KIND.p99        from the request to the display to the decoded pixels
    servers.KIND.psnr       how true the pictures are, in a run of its own (goal: at least the peer's)
    servers.KIND-lossless.frames
    servers.web-16.frames   to the slowest of sixteen viewers; and what each further one costs of the first one's CPU
    servers.idle.cpu        in a second of a still desktop with a viewer; servers.idle.memory of all processes

FARHAND_SERVERS: those that take part, of farhand, tigervnc, x11vnc. FARHAND_FRAMES: frames of a run, 150.
FARHAND_RUNS: runs, 3.
"""
import os
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../e2e"), os.path.join(HERE, "../support")]
sys.dont_write_bytecode = True
import farhand  # noqa: E402
import procs  # noqa: E402

TOOLS = os.path.join(os.path.dirname(farhand.BIN), "tests/bench/desktop")
FRAMES, RUNS = int(os.environ.get("FARHAND_FRAMES", "150")), int(os.environ.get("FARHAND_RUNS", "3"))
RATE, QUALITY, CROWD, IDLE_S = 30, 8, 16, 10
KINDS = ("text", "web", "drag", "typing", "video", "slides")
MOVING = ("text", "web", "drag")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Served:
    """A server on a display, from its own program."""

    def __init__(self, place, display):
        self.display, self.port = display, free_port()
        self.log = open(os.path.join(place, self.NAME + ".log"), "ab")
        self.process = subprocess.Popen(self.command(place), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=dict(os.environ, HOME=place))
        farhand.wait_until(self.answers, f"{self.NAME} listens")

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.NAME} ended with {self.process.returncode}, see {self.log.name}")
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def pids(self):
        return [self.process.pid, *procs.below(self.process.pid)]

    def cpu_ms(self):
        return sum(procs.cpu_ms(p) for p in self.pids())

    def memory(self):
        return sum(procs.kilobytes(p, "Pss") for p in self.pids()) / 1024

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # x11vnc does not always hear it
            self.process.kill()
            self.process.wait()
        self.log.close()


class TigerVNC(Served):
    NAME = "tigervnc"

    def command(self, place):
        return ["X0tigervnc", "-display", self.display.name, "-rfbport", str(self.port), "-SecurityTypes", "None",
                "-localhost=1", "-AlwaysShared=1"]


class X11vnc(Served):
    NAME = "x11vnc"

    def command(self, place):
        return ["x11vnc", "-display", self.display.name, "-rfbport", str(self.port), "-nopw", "-localhost", "-forever",
                "-shared", "-quiet", "-noipv6"]


class Farhand(Served):
    NAME = "farhand"

    def command(self, place):
        if not os.path.exists(place + "/users"):
            farhand.add_user(place + "/users", "vnc", "not asked for", "all")
        return [farhand.SERVERD, "--config", "/dev/null", "--display", self.display.name, "--listen",
                f"127.0.0.1:{self.port}", "--users", place + "/users", "--identity", place + "/identity.pem", "--audit",
                place + "/audit", "--blacklist", place + "/blacklist", "--control", "none", *NO_SECURITY]


# Older viewers without any security, on loopback; nothing of ours on the desktop.
NO_SECURITY = ["--security-types", "native,None", "--notice", "none", "--max-half-open-source", "64", "--max-sessions", "64"]
SERVERS = {c.NAME: c for c in (Farhand, TigerVNC, X11vnc)}


class Watched:
    """An eye on a server: what it saw, when, and in how many bytes."""

    def __init__(self, served, kind, quality, psnr=0):
        args = [os.path.join(TOOLS, "eye"), "127.0.0.1", str(served.port), kind, str(FRAMES + 1), str(quality)]
        self.process = subprocess.Popen(args + ([str(psnr)] if psnr else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seen, self.psnr = {}, []
        self.read("ready")

    def read(self, until):
        for line in self.process.stdout:
            words = line.split()
            if words[0] == until:
                return
            if words[0] == "psnr":
                self.psnr.append(float(words[2]))
            else:
                self.seen[int(words[0])] = (int(words[1]), int(words[2]))
        raise RuntimeError("the eye went blind")

    def leave(self):
        self.process.stdin.write("\n")
        self.process.stdin.close()
        self.process.wait(farhand.PATIENCE)
        self.process.stdout.close()


class Played:
    def __init__(self, display, kind):
        self.process = subprocess.Popen([os.path.join(TOOLS, "player"), kind, str(FRAMES), str(RATE)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, DISPLAY=display.name))
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the player does not play")

    def play(self):
        self.say()

    def say(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def asked(self):
        return {int(n): int(t) for n, t in (self.process.stdout.readline().split() for _ in range(FRAMES))}

    def stop(self):
        self.say()
        self.process.wait(farhand.PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()


def run(place, display, which, kind, quality=QUALITY, eyes=1, psnr=0):
    """One server, one scene."""
    player = Played(display, kind)
    served = SERVERS[which](place, display)
    watching = [Watched(served, kind, quality, psnr) for _ in range(eyes)]
    before = served.cpu_ms()
    player.play()
    asked = player.asked()
    for eye in watching:
        eye.read("end")
    spent = served.cpu_ms() - before
    for eye in watching:
        eye.leave()
    player.stop()
    served.stop()
    return figures(watching, asked, spent)


def figures(watching, asked, spent):
    seen = min((w.seen for w in watching), key=len)
    frames = [n for n in seen if n > 1]
    delays = sorted((seen[n][0] - asked[n]) / 1e6 for n in frames)
    size = (max(b for _, b in seen.values()) - seen[1][1]) / max(1, len(frames))
    return {"frames": len(frames), "cpu": spent / max(1, len(frames)), "bytes": size / 1000,
            "p99": delays[int(len(delays) * 0.99)] if delays else float("inf"),
            "psnr": statistics.median(watching[0].psnr) if watching[0].psnr else 0}


def medians(place, display, which, *args, **more):
    runs = {name: [] for name in which}
    for _ in range(RUNS):
        for name in which:
            runs[name].append(run(place, display, name, *args, **more))
    return {name: {k: statistics.median(r[k] for r in runs[name]) for k in runs[name][0]} for name in which}


def tell(name, unit, values, goal=None, at_least=False):
    """values: by server. goal: of ours to tigervnc's, or a number where there is no such peer."""
    ours, peer = values.get("farhand"), values.get("tigervnc")
    line = f"bench: {name} value={ours if ours is not None else float('nan'):.4g} unit={unit}"
    if peer is not None:
        line += f" peer=tigervnc:{peer:.4g}"
    if "x11vnc" in values:
        line += f" peer2=x11vnc:{values['x11vnc']:.4g}"
    if ours is not None and peer and goal is not None:
        ratio = ours / peer
        line += f" ratio={ratio:.3f} goal={goal:.2f} {'ok' if (ratio >= goal if at_least else ratio <= goal) else 'short'}"
    print(line, flush=True)


def column(result, key):
    return {name: values[key] for name, values in result.items()}


def scene(place, display, which, kind):
    found = medians(place, display, which, kind)
    frames = column(found, "frames")
    print(f"bench: servers.{kind}.frames value={frames.get('farhand', 0):.4g} unit=frames played={FRAMES} "
          + " ".join(f"{n}={v:.4g}" for n, v in frames.items() if n != "farhand")
          + f" goal={FRAMES} {'ok' if frames.get('farhand', 0) >= FRAMES else 'short'}", flush=True)
    tell(f"servers.{kind}.cpu", "ms", column(found, "cpu"), 1 / 3 if kind in MOVING else 0.9)
    tell(f"servers.{kind}.bytes", "kB", column(found, "bytes"), 0.1 if kind in MOVING else 1)
    tell(f"servers.{kind}.p99", "ms", column(found, "p99"), 0.5 if kind in MOVING else 1)
    true = {name: run(place, display, name, kind, psnr=15) for name in which}
    tell(f"servers.{kind}.psnr", "dB", column(true, "psnr"), 1, at_least=True)
    exact = {name: run(place, display, name, kind, quality=-1) for name in which}
    tell(f"servers.{kind}-lossless.frames", "frames", column(exact, "frames"))


def crowd(place, display, which):
    alone = medians(place, display, which, "web")
    many = {name: run(place, display, name, "web", eyes=CROWD) for name in which}
    tell("servers.web-16.frames", "frames", column(many, "frames"))
    more = {n: (many[n]["cpu"] * many[n]["frames"] / max(1e-9, alone[n]["cpu"] * alone[n]["frames"]) - 1) / (CROWD - 1)
            for n in which}
    tell("servers.web-16.further", "of-the-first", more)


def idle(place, display, which):
    cpu, memory = {}, {}
    for name in which:
        player = Played(display, "text")
        served = SERVERS[name](place, display)
        eye = Watched(served, "text", QUALITY)
        time.sleep(2)
        before, began = served.cpu_ms(), time.monotonic()
        time.sleep(IDLE_S)
        cpu[name] = (served.cpu_ms() - before) / (time.monotonic() - began)
        memory[name] = served.memory()
        eye.process.kill()
        eye.process.wait()
        player.process.kill()
        player.process.wait()
        served.stop()
    tell("servers.idle.cpu", "ms/s", cpu, 0.2)
    tell("servers.idle.memory", "MiB", memory)


def main():
    which = os.environ.get("FARHAND_SERVERS", "farhand tigervnc x11vnc").split()
    asked = sys.argv[1:] or [*KINDS, "crowd", "idle"]
    place = farhand.temporary()
    display = farhand.Display(place, "1920x1080")
    for kind in asked:
        if kind == "crowd":
            crowd(place, display, which)
        elif kind == "idle":
            idle(place, display, which)
        else:
            scene(place, display, which, kind)


if __name__ == "__main__":
    farhand.need("X0tigervnc", "x11vnc", "Xvfb")
    main()
