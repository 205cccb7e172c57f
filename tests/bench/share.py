#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""share.py [OTHER] -- what a changed picture of the whole screen costs all processes, by the number of viewers.

OTHER is another vncserverd, measured beside ours in alternating runs. The viewers are sent Tight without loss.

    share.plain-N     CPU for a frame to N viewers: a pattern of two colours
    share.grain-N     the same: noise of two colours in every second line, for which zlib works hard
"""
import os
import random
import struct
import sys
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../e2e"), os.path.join(HERE, "../support")]
sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402
import split  # noqa: E402
import tight  # noqa: E402

VIEWERS, ROUNDS, FRAMES = (1, 4, 16), 5, 24


class Skimmer:
    """A viewer that looks for the ends of rectangles only."""

    def __init__(self, client):
        self.client, self.received = client, 0
        client.rfb(tight.SET_FORMAT + session.encodings(7))
        client.rfb(session.update_request(0, 0, split.WIDTH, split.HEIGHT))
        self.see()

    def ask(self):
        self.client.rfb(session.update_request(0, 0, split.WIDTH, split.HEIGHT, True))

    def skip(self, w, h):
        control, size, read = self.client.read(1)[0] >> 4, 3 * w * h, self.client.read
        if control == 8:
            read(3)
            return
        if control & 4 and read(1)[0] == 1:
            colours = read(1)[0] + 1
            read(3 * colours)
            size = (w + 7) // 8 * h if colours == 2 else w * h
        if size >= 12:
            body = tight.Body(self.client)
            size = tight.decode.compact_length(body)
        self.received += size
        read(size)

    def see(self):
        """A whole picture."""
        missing = split.WIDTH * split.HEIGHT
        while missing > 0:
            for _ in range(struct.unpack(">xxH", self.client.read(4))[0]):
                _, _, w, h, _ = struct.unpack(">HHHHi", self.client.read(12))
                self.skip(w, h)
                missing -= w * h
            if missing > 0:
                self.ask()


def bitmap(path, seed):
    """Two colours at random in every second line."""
    noise = random.Random(seed)
    width = split.WIDTH // 8
    rows = [noise.randbytes(width) if y % 2 else bytes(width) for y in range(split.HEIGHT)]
    with open(path, "w", encoding="ascii") as f:
        f.write(f"#define p_width {split.WIDTH}\n#define p_height {split.HEIGHT}\nstatic char p_bits[] = {{\n")
        f.write(",".join(str(b) for b in b"".join(rows)) + "};\n")


def draw(end, kind, i):
    colours = ["-fg", f"#{i * 10:02x}8040", "-bg", f"#20{255 - i * 10:02x}60"]
    if kind == "plain":
        end.display.ask("xsetroot", "-mod", "16", "9", *colours)
    else:
        end.display.ask("xsetroot", "-bitmap", os.path.join(end.place, f"{i % 2}.xbm"), *colours)


def cpu_ms(end):
    """To the nanosecond: in ticks, what runs shorter than one hardly counts."""
    total = 0
    for pid in end.pids():
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e6


def frames(end, viewers, kind):
    before, bytes_before = cpu_ms(end), sum(v.received for v in viewers)
    for i in range(FRAMES):
        for viewer in viewers:
            viewer.ask()
        draw(end, kind, i)
        threads = [threading.Thread(target=viewer.see) for viewer in viewers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return (cpu_ms(end) - before) / FRAMES, (sum(v.received for v in viewers) - bytes_before) / FRAMES / len(viewers)


def main():
    farhand.need("Xvfb", "xsetroot")
    place = farhand.temporary()
    server_key = farhand.make_identity(os.path.join(place, "server.pem"), 3072)
    key = session.load_key(farhand.make_identity(os.path.join(place, "viewer.pem"), 2048))
    fingerprint = bytes.fromhex(farhand.identity(server_key)[1])
    users = os.path.join(place, "users")
    farhand.add_user(users, farhand.USER, split.PASSWORD, "all")
    programs = [farhand.SERVERD, *[os.path.realpath(p) for p in sys.argv[1:2]]]
    ends = [split.Ours(place, p, server_key, users) for p in programs]
    for end in ends:
        for i in range(2):
            bitmap(os.path.join(end.place, f"{i}.xbm"), i)
    for n in VIEWERS:
        viewers = {end: [Skimmer(end.client(key, fingerprint)) for _ in range(n)] for end in ends}
        for kind in ("plain", "grain"):
            runs = {end: [] for end in ends}
            for _ in range(ROUNDS):
                for end in ends:
                    runs[end].append(frames(end, viewers[end], kind))
            cpu = [min(r[0] for r in runs[end]) for end in ends]
            size = [min(r[1] for r in runs[end]) for end in ends]
            split.report(f"share.{kind}-{n}", cpu[0], "ms", *([cpu[1], 1.1] if len(ends) > 1 else []))
            split.report(f"share.{kind}-{n}-bytes", size[0], "B", *([size[1], 1.2] if len(ends) > 1 else []))
        for end in ends:
            for viewer in viewers[end]:
                end.leave(viewer.client)


if __name__ == "__main__":
    main()
