# SPDX-License-Identifier: MIT
"""Two agents (ice_peer) that signal to each other through this script."""
import json
import queue
import threading
import time

import lab

DEADLINE = 60  # seconds, for whatever must come; nothing is concluded from less


class Peer:
    def __init__(self, role, options, namespace="", env=None, tool="ice_peer"):
        self.p = lab.popen(namespace, [lab.tool("netlab/" + tool), role] + [str(o) for o in options],
                           stdin=lab.subprocess.PIPE, stdout=lab.subprocess.PIPE, text=True, bufsize=1, env=env)
        self.said = []          # all lines
        self.lines = queue.Queue()
        self.other = None
        self.filter = None      # of candidates: which are told
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.p.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def tell(self, *words):
        try:
            self.p.stdin.write(" ".join(words) + "\n")
            self.p.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: whoever waits for it hears that

    def forward(self, m):
        if not self.other:
            return
        if "description" in m:
            self.other.tell("description", m["description"])
        elif "candidate" in m:
            if not self.filter or self.filter(m["candidate"]):
                self.other.tell("candidate", m["ufrag"], m["candidate"])
        elif "end" in m:
            self.other.tell("end")

    def step(self, timeout):
        """One line is taken; False if none came, None at the end."""
        try:
            m = self.lines.get(timeout=timeout)
        except queue.Empty:
            return False
        if m is None:
            return None
        self.said.append(m)
        self.forward(m)
        return m

    def last(self, key):
        for m in reversed(self.said):
            if key in m:
                return m
        return None

    def state(self):
        m = self.last("state")
        return m and m["state"]

    def reached(self, state):
        return self.ms(state) is not None

    def ms(self, state):
        """When it first had that state; completed is more than connected."""
        wanted = (state, "completed") if state == "connected" else (state,)
        return next((m["ms"] for m in self.said if m.get("state") in wanted), None)

    def close(self):
        try:
            self.p.stdin.close()
        except OSError:
            pass
        self.p.wait(timeout=DEADLINE)
        while self.step(1):
            pass
        return self.p.returncode


def pair(a, b):
    a.other, b.other = b, a


def until(peers, holds, seconds=DEADLINE):
    """Lines go back and forth until holds(); whether it does."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        alive = False
        for p in peers:
            alive |= p.step(0.02) is not None
        if not alive:
            return holds()
    return True


def data_crosses(a, b, n=5, seconds=DEADLINE):
    """Both send; all of it comes (the paths of these tests lose nothing)."""
    def got(p):
        return sum("received" in m for m in p.said)
    before = got(a), got(b)
    a.tell("send", str(n))
    b.tell("send", str(n))
    return until([a, b], lambda: got(a) >= before[0] + n and got(b) >= before[1] + n, seconds)
