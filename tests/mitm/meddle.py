#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""meddle.py -- a man in the middle alters every part of real sessions, and is detected each time.

A viewer types a word into a program and captures the picture, through proxy.py, which alters one
thing. Then: the viewer ends with a documented code other than 0 and says what was wrong, the program
received nothing but a beginning of the word, a picture that was written is the real one, and the
server's audit shows no session that ended well.

FARHAND_MITM=all flips a bit in every byte of the handshake; otherwise a seed chooses, which is printed
with a failure and can be given back as FARHAND_SEED.
"""
import os
import random
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../e2e"))
sys.dont_write_bytecode = True
import farhand  # noqa: E402
from proxy import DOWN, UP, Meddling, Proxy  # noqa: E402

WORD = "farhand"
SIZE = (64, 48)
WORKERS = 2
EVERYTHING = os.environ.get("FARHAND_MITM") == "all"
SEED = int(os.environ.get("FARHAND_SEED") or random.SystemRandom().randrange(1 << 32))
HANDSHAKE_BYTES = 40  # positions that are drawn from each unit of the handshake, beside its ends
RECORDS = 5  # of these many application records each way, positions are drawn one by one
# What the viewer may end with, and a word that its message must have.
CODES = {11: r"ended without|lost|cut|clos", 20: r"protocol|tampered|record|version|signature|order|decrypt",
         10: r"busy|cannot connect", 3: r"ident|refused|authenti", 40: r"time"}


class Worker:
    """One display, server and proxy, for one viewer after the other."""

    def __init__(self, place, number, key, viewer_key, users, fingerprint):
        self.place = os.path.join(place, f"worker{number}")
        os.mkdir(self.place)
        self.viewer_key, self.fingerprint, self.number = viewer_key, fingerprint, number
        self.display = farhand.Display(self.place, "x".join(map(str, SIZE)))
        self.xev = self.display.xev(geometry=f"{SIZE[0]}x{SIZE[1]}+0+0")
        self.server = farhand.Server(self.place, ["--display", self.display.name,
                                                  "--blacklist-threshold", "1000"], key, users=users)
        self.count = 0
        self.known = os.path.join(self.place, "known")
        self.xev_seen = 0
        self.audit_seen = 0

    def typed(self):
        """Characters that the program received in the last session: those before a key of our own."""
        self.display.ask("xdotool", "mousemove", "9", "9", "key", "Escape")
        farhand.wait_until(lambda: self.xev.text().count("0xff1b, Escape") == 2 * self.count, "our own key")
        lines, keys, pressed = self.xev.lines[self.xev_seen:], [], False
        self.xev_seen += len(lines)
        for line in lines:
            if line.startswith(("KeyPress", "KeyRelease")):
                pressed = line.startswith("KeyPress")
            found = re.search(r"\(keysym 0x[0-9a-f]+, (\w+)\)", line)
            if found and pressed and found.group(1) != "Escape":
                keys.append(found.group(1))
        return keys

    def audit(self):
        """The audit lines of the last connection, when it has ended."""
        def ended():
            lines = self.server.audit()[self.audit_seen:]
            return lines if lines and lines[-1]["event"] in ("ended", "refused") else None
        lines = farhand.wait_until(ended, "the server's audit of an end")
        self.audit_seen += len(lines)
        return lines

    def run(self, meddling):
        """One session. Returns (viewer's result, capture's path, proxy, audit lines)."""
        self.count += 1
        picture = os.path.join(self.place, f"{self.count}.png")
        source = f"127.{10 + self.number}.{self.count >> 8}.{(self.count & 255) or 254}"
        proxy = Proxy(self.server.port, source)
        proxy.start(meddling)
        known = os.path.join(self.place, f"{self.count}.known")
        args = [farhand.VIEWER, "--known-servers", known, "--identity", self.viewer_key, "--user", farhand.USER,
                "--trust", self.fingerprint, "--encodings", "zrle,raw", proxy.address,
                "move", "9", "9", "type", WORD, "capture", picture]
        ran = subprocess.run(args, env={**farhand.ENV, "FH_PASSWORD": farhand.PASSWORD, "HOME": self.place},
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             timeout=2 * farhand.PATIENCE, start_new_session=True)
        proxy.finish()
        proxy.close()
        farhand.accuse("vncviewer-cli", ran.stderr.decode())
        return farhand.Result(ran.returncode, ran.stdout.decode(), ran.stderr.decode()), picture, proxy, self.audit()


def handshake_positions(rng, length):
    """Byte positions of one unit of the handshake: its ends always, the rest as the seed says."""
    ends = [i for i in range(length) if i < 8 or i >= length - 4]
    rest = [i for i in range(length) if i not in set(ends)]
    if EVERYTHING:
        return ends + rest
    return ends + rng.sample(rest, min(len(rest), HANDSHAKE_BYTES))


def plan(units, rng):
    """All meddlings with a session whose units were these."""
    todo = []
    for way in (UP, DOWN):
        first_record = next(i for i, (name, _) in enumerate(units[way]) if name == "record")
        last_of_handshake = first_record  # each side's flight is exactly one record
        for i, (name, length) in enumerate(units[way]):
            if i <= last_of_handshake:
                for at in handshake_positions(rng, length):
                    todo.append(Meddling(way, i, "flip", at, rng.randrange(8)))
                for at in rng.sample(range(length), min(length, 4)):
                    todo += [Meddling(way, i, kind, at) for kind in ("repeat", "swap", "cut")]
                todo += [Meddling(way, i, "drop", at) for at in rng.sample(range(length), min(length, 3))]
            elif i <= last_of_handshake + RECORDS or i >= len(units[way]) - 2:
                for at in {0, 1, 2, 3, 4, length - 1, rng.randrange(length)}:
                    todo.append(Meddling(way, i, "flip", at, rng.randrange(8)))
                at = rng.randrange(length)
                todo += [Meddling(way, i, kind, at) for kind in ("drop", "repeat", "swap", "cut")]
            todo += [Meddling(way, i, kind) for kind in Meddling.WHOLE]
    rng.shuffle(todo)
    return todo


class Judge:
    def __init__(self, real_picture):
        self.real = real_picture
        self.faults, self.codes, self.idle = [], {}, 0
        self.lock = threading.Lock()

    def judge(self, meddling, worker, result, picture, proxy, audit):
        faults, typed = [], worker.typed()
        if not proxy.is_done:
            with self.lock:
                self.idle += 1
            return
        harmless = comes_after_the_end(meddling, proxy)
        if typed != list(WORD)[:len(typed)]:
            faults.append(f"the program received {typed}")
        if os.path.exists(picture):
            if farhand.png_pixels(picture) != self.real:
                faults.append("the viewer wrote another picture")
            os.remove(picture)
        if result.code == 0:
            if not harmless:
                faults.append("the viewer noticed nothing")
            if typed != list(WORD):
                faults.append(f"the viewer says all was done, the program received {typed}")
        elif result.code not in CODES:
            faults.append(f"exit code {result.code}")
        elif not re.search(CODES[result.code], result.err):
            faults.append(f"exit code {result.code} with a message that does not say why")
        if meddling.kind.startswith("cut") and result.code not in (11, 0):
            faults.append(f"a cut is exit code {result.code}, not 11")
        if meddling.direction == UP and not harmless and any(
                e["event"] == "ended" and e.get("reason") == "normal" for e in audit):
            faults.append("the server's audit says that the session ended normally")
        with self.lock:
            self.codes[result.code] = self.codes.get(result.code, 0) + 1
            if faults:
                self.faults.append(f"{meddling}: {'; '.join(faults)}\n    viewer: {result.code} {result.err.strip()}\n"
                                   f"    units: {proxy.units}\n    audit: {audit}")


def comes_after_the_end(meddling, proxy):
    """
    Whether all that is altered lies behind the last word of its direction: the viewer's Bye, after
    which its server has all and says so with its own Close, or the server's Close.
    """
    last = len(proxy.units[meddling.direction]) - 1
    after = last if meddling.direction == UP else last + 1
    copied = {"repeat-unit": 1, "replay-unit": 2, "cut-unit": 1, "swap-unit": 0}.get(meddling.kind, 0)
    return meddling.unit + copied >= after or (meddling.kind == "swap-unit" and meddling.unit == last)


def work(worker, todo, judge, lock):
    while True:
        with lock:
            if not todo:
                return
            meddling = todo.pop()
        try:
            judge.judge(meddling, worker, *worker.run(meddling))
        except Exception as error:  # whatever it is, the other meddlings go on and this one is told
            with judge.lock:
                judge.faults.append(f"{meddling}: {type(error).__name__}: {error}")


def main():
    farhand.need("Xvfb", "xev", "xwd", "xdotool", "stdbuf")
    place = farhand.temporary()
    key = farhand.make_identity(os.path.join(place, "server.pem"))
    viewer_key = farhand.make_identity(os.path.join(place, "viewer.pem"))
    users = os.path.join(place, "users")
    farhand.add_user(users, farhand.USER, farhand.PASSWORD, "all")
    fingerprint = farhand.identity(key)[1]
    workers = [Worker(place, i, key, viewer_key, users, fingerprint) for i in range(WORKERS)]

    real = workers[0].display.picture()
    for worker in workers:
        result, picture, proxy, audit = worker.run(None)
        typed = worker.typed()
        if result.code != 0 or typed != list(WORD) or farhand.png_pixels(picture) != real:
            sys.exit(f"a session that nobody meddles with fails: {result}, typed {typed}, audit {audit}")
        if audit[-1].get("reason") != "normal":
            sys.exit(f"a session that nobody meddles with is not a normal end: {audit[-1]}")
    print(f"units up {proxy.units[UP]}, down {proxy.units[DOWN]}")
    todo = plan(proxy.units, random.Random(SEED))
    total, judge, lock = len(todo), Judge(real), threading.Lock()
    threads = [threading.Thread(target=work, args=(w, todo, judge, lock), daemon=True) for w in workers]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for fault in judge.faults:
        print(fault)
    accused = farhand.clean_up()
    codes = ", ".join(f"{n} times {code}" for code, n in sorted(judge.codes.items()))
    print(f"exit codes: {codes}; {judge.idle} did not come to pass")
    print(f"{total} meddlings, {len(judge.faults)} not detected; seed {SEED}")
    sys.exit(1 if judge.faults or accused or judge.idle > total // 4 else 0)


main()
