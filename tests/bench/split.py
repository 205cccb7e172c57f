#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""split.py [UNSPLIT] -- what the service's several processes cost.

UNSPLIT is a vncserverd from before it ran as several (or any other), measured beside ours in alternating runs; without
it our own figures are told alone. FARHAND_IDLE_VIEWERS: how many idle viewers, 200.

    split.connect     from TCP to the first picture, without the password's check (which is slow on purpose)
    split.session     memory that one more session costs all processes together: proportional, and unique to them
    split.frame       CPU of all processes for a changed picture of the whole screen to one viewer, Raw
    split.idle        wake-ups a second of all processes with one viewer and a still screen
    split.viewers     the same, and the memory, with many idle viewers
"""
import os
import statistics
import struct
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../e2e"), os.path.join(HERE, "../support")]
sys.dont_write_bytecode = True
import farhand  # noqa: E402
import procs  # noqa: E402
import session  # noqa: E402

RUNS, FRAMES, SESSIONS, WIDTH, HEIGHT = 15, 40, 8, 1280, 800
VIEWERS = int(os.environ.get("FARHAND_IDLE_VIEWERS", "200"))
PASSWORD = "secret12"
LIMITS = ["--max-sessions", "1024", "--max-half-open", "1024", "--max-half-open-source", "1024", "--blacklist-threshold",
          "1000"]


def report(name, value, unit, peer=None, goal=None):
    if peer is None:
        print(f"bench: {name} value={value:.4g} unit={unit}", flush=True)
        return
    ratio = value / peer if peer else value
    print(f"bench: {name} value={value:.4g} unit={unit} peer=unsplit:{peer:.4g} ratio={ratio:.3f} goal={goal:.2f} "
          f"{'ok' if ratio <= goal else 'short'}", flush=True)


class Ours:
    """A server, by whatever program, with its display."""

    def __init__(self, place, program, key, users):
        self.place = os.path.join(place, os.path.basename(os.path.dirname(program)) + str(abs(hash(program)) % 1000))
        os.makedirs(self.place, exist_ok=True)
        self.display = farhand.Display(self.place, f"{WIDTH}x{HEIGHT}")
        ours, farhand.SERVERD = farhand.SERVERD, program
        try:
            self.server = farhand.Server(self.place, ["--display", self.display.name], key, users=users, options=LIMITS)
        finally:
            farhand.SERVERD = ours
        self.sources = 0

    def pids(self):
        return [self.server.pid, *procs.below(self.server.pid)]

    def client(self, key, fingerprint, times=None):
        """Each from an address of its own, so that signatures are not rationed."""
        self.sources += 1
        times = times if times is not None else []
        times.append(time.perf_counter())
        sock = self.server.connect(f"127.1.{self.sources // 200}.{self.sources % 200 + 1}")
        client = session.Client(sock, key, fingerprint)
        times.append(time.perf_counter())
        client.log_in(farhand.USER, PASSWORD)
        times.append(time.perf_counter())
        client.start_rfb()
        client.picture()
        times.append(time.perf_counter())
        return client

    def leave(self, client):
        client.channel.close()
        client.drain()
        client.channel.sock.close()

    def memory(self):
        """(proportional, unique) in MiB."""
        kilobytes = [(procs.kilobytes(p, "Pss"), procs.kilobytes(p, "Private_Clean", "Private_Dirty"))
                     for p in self.pids()]
        return sum(k[0] for k in kilobytes) / 1024, sum(k[1] for k in kilobytes) / 1024

    def cpu_ms(self):
        return sum(procs.cpu_ms(p) for p in self.pids())

    def wakeups(self, seconds=10):
        before, began = sum(procs.switches(p) for p in self.pids()), time.monotonic()
        time.sleep(seconds)
        return (sum(procs.switches(p) for p in self.pids()) - before) / (time.monotonic() - began)


def connect(ends, key, fingerprint):
    times = {end: [] for end in ends}
    for _ in range(RUNS + 1):
        for end in ends:
            stamps = []
            end.leave(end.client(key, fingerprint, stamps))
            times[end].append((stamps[1] - stamps[0]) + (stamps[3] - stamps[2]))
    return [1000 * statistics.median(times[end][1:]) for end in ends]


def session_memory(end, key, fingerprint):
    """By difference, with one already there."""
    first = end.client(key, fingerprint)
    before = end.memory()
    more = [end.client(key, fingerprint) for _ in range(SESSIONS)]
    after = end.memory()
    for client in [first, *more]:
        end.leave(client)
    return [(b - a) / SESSIONS for a, b in zip(before, after)]


def frames(end, key, fingerprint):
    client = end.client(key, fingerprint)
    before = end.cpu_ms()
    for i in range(FRAMES):
        client.rfb(session.update_request(0, 0, WIDTH, HEIGHT, True))
        end.display.ask("xsetroot", "-solid", f"#{i * 6:02x}80{255 - i * 6:02x}")
        missing = WIDTH * HEIGHT
        while missing > 0:
            kind = client.read(1)[0]
            if kind == 0:
                for _ in range(struct.unpack(">xH", client.read(3))[0]):
                    _, _, w, h, _ = struct.unpack(">HHHHi", client.read(12))
                    client.read(4 * w * h)
                    missing -= w * h
                if missing > 0:
                    client.rfb(session.update_request(0, 0, WIDTH, HEIGHT, True))
    spent = (end.cpu_ms() - before) / FRAMES
    end.leave(client)
    return spent


def crowd(end, key, fingerprint):
    """Many who wait for a picture that does not change."""
    before, clients = end.memory(), []
    began = time.monotonic()
    for _ in range(VIEWERS):
        client = end.client(key, fingerprint)
        client.rfb(session.update_request(0, 0, WIDTH, HEIGHT, True))
        clients.append(client)
    report("split.viewers-come", (time.monotonic() - began) / VIEWERS, "s")
    time.sleep(2)
    after = end.memory()
    report("split.viewers", VIEWERS, "viewers")
    report("split.viewers-wakeups", end.wakeups(), "Hz")
    report("split.viewers-memory", after[0] - before[0], "MiB")
    report("split.viewers-each", (after[0] - before[0]) / VIEWERS, "MiB")
    for client in clients:
        client.channel.sock.close()
    farhand.wait_until(lambda: not procs.of(end.server)["session"], "the end of all", 60)


def main():
    farhand.need("Xvfb", "xsetroot")
    place = farhand.temporary()
    server_key = farhand.make_identity(os.path.join(place, "server.pem"), 3072)
    key = session.load_key(farhand.make_identity(os.path.join(place, "viewer.pem"), 2048))
    fingerprint = bytes.fromhex(farhand.identity(server_key)[1])
    users = os.path.join(place, "users")
    farhand.add_user(users, farhand.USER, PASSWORD, "all")
    programs = [farhand.SERVERD, *[os.path.realpath(p) for p in sys.argv[1:2]]]
    ends = [Ours(place, p, server_key, users) for p in programs]
    report("split.connect", *connect(ends, key, fingerprint)[:1], "ms") if len(ends) == 1 else \
        (lambda c: report("split.connect", c[0], "ms", c[1], 1.5))(connect(ends, key, fingerprint))
    memory = [session_memory(end, key, fingerprint) for end in ends]
    spent = [frames(end, key, fingerprint) for end in ends]
    for i, what in enumerate(("proportional", "unique")):
        report(f"split.session-{what}", memory[0][i], "MiB", *([memory[1][i], 2.0] if len(ends) > 1 else []))
    report("split.frame", spent[0], "ms", *([spent[1], 1.5] if len(ends) > 1 else []))
    for end in ends[:1]:
        client = end.client(key, fingerprint)
        client.rfb(session.update_request(0, 0, WIDTH, HEIGHT, True))
        time.sleep(1)
        report("split.idle", end.wakeups(), "Hz")
        end.leave(client)
    for end in ends[1:]:
        end.server.stop()
    crowd(ends[0], key, fingerprint)


if __name__ == "__main__":
    main()
