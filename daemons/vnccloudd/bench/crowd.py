#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/crowd.py -- a vnccloudd with a crowd of idle clients on loopback: what each costs, and what happens when all come back at once.

BENCH_CROWD clients (3000; as many as descriptors allow, if they are fewer) in BENCH_CROWD_PROCESSES processes (3) sign in with the real core on
real TLS. Then, or what of it is named in the arguments,

    memory   of the service for each of them, and of the kernel for its socket
    rest     CPU time of the service while nobody says anything but that he is there
    conns    CONNECT to GRANT as fast as they are answered
    storm    the service is killed and started again

    bench: NAME value=V unit=U peer=NAME:V ratio=R goal=G ok|short
"""
import concurrent.futures
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
BIN = os.environ.get("FARHAND_BIN", TOP + "/build/release/bin")
TOOL = os.path.join(os.path.dirname(BIN), "daemons/vnccloudd/bench/crowd")
SERVER = os.path.join(BIN, "vnccloudd")
PROCESSES = int(os.environ.get("BENCH_CROWD_PROCESSES", "3"))
INTERVAL = 10       # seconds, of the keepalive
INTERVALS = 3       # that the rest is looked at
USUAL_INTERVAL = 55 # the default of the service
WINDOW = 64         # of each process, that sign in at a time when nothing hurries
SPREAD = 10         # seconds, over which clients come back
SPARE = 300         # descriptors that are not clients'
GIVE_UP = 900       # seconds without anything that changes
CACHES = ("TCP", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "ep_head", "lsm_file_cache", "skbuff_head_cache", "skbuff_small_head")


def crowd_size():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = int(os.environ.get("BENCH_CROWD", "3000"))
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first, last = map(int, f.read().split())
    most = min(hard - SPARE, (last - first) * 9 // 10)
    if wanted > most:
        print(f"# {most} clients instead of {wanted}: {hard} descriptors, {last - first} ports")
    return min(wanted, most)


def line(name, value, unit, peer=None, peer_value=0.0, goal=None, more_is_better=True):
    text = f"bench: {name} value={value:.4g} unit={unit}"
    if peer:
        ratio = value / peer_value if peer_value else 0
        text += f" peer={peer}:{peer_value:.4g} ratio={ratio:.3g}"
        if goal is not None:
            ok = ratio >= goal if more_is_better else ratio <= goal
            text += f" goal={goal} {'ok' if ok else 'short'}"
    print(text, flush=True)


class Service:
    def __init__(self, home):
        self.home = home
        os.mkdir(home + "/state", 0o700)
        if os.geteuid() == 0: # it becomes another user
            for path in (home, home + "/state"):
                shutil.chown(path, "nobody")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = None

    def start(self):
        limits = [x for name in ("handshake", "handshake-network", "failure", "failure-network", "connect", "connect-source", "connect-target",
                                 "connect-account", "api", "api-source") for x in ("--limit-" + name, "0")]
        command = [SERVER, "--state", self.home + "/state", "--control", self.home + "/control", "--audit", "none", "--name", "localhost",
                   "--node", f"localhost:{self.port}", "--listen", f"127.0.0.1:{self.port}", "--stun-listen", "none", "--interval", str(INTERVAL),
                   "--address-limit", "0", "--max-half-open-source", "2000", *limits]
        if os.geteuid() == 0:
            command += ["--user", "nobody"]
        with open(self.home + "/log", "w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_for(r"listening on 127\.0\.0\.1:\d+")
        # It answers: the loop runs.
        end = time.monotonic() + 60
        while True:
            try:
                self.ask("GET", "/health/live")
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def wait_for(self, pattern):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with open(self.home + "/log") as f:
                m = re.search(pattern, f.read(), re.M)
            if m:
                return m
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        with open(self.home + "/log") as f:
            sys.exit(f"bench/crowd.py: no {pattern!r} in:\n{f.read()}")

    def client_line(self):
        return self.wait_for(r"^cloud = (\S+)$").group(1)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def connection(self):
        home = self.home

        class Control(http.client.HTTPConnection):
            def connect(self):
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.settimeout(120)
                self.sock.connect(home + "/control")
        return Control("cloud")

    def ask(self, method, path, body=None, connection=None):
        c = connection or self.connection()
        try:
            c.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"} if body is not None else {})
            answer = c.getresponse()
            data = answer.read()
        finally:
            if not connection:
                c.close()
        if answer.status >= 300:
            sys.exit(f"bench/crowd.py: {method} {path}: {answer.status} {data[:300]!r}")
        return data

    def metric(self, name):
        m = re.search(rf"^{re.escape(name)} (\d+)$", self.ask("GET", "/metrics").decode(), re.M)
        return int(m.group(1))

    # ---- what it takes ----

    def cpu(self):
        """Seconds of all its threads."""
        total, tasks = 0, f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def memory(self):
        """Bytes that are its alone, or its share; what may be read depends on who we are."""
        try:
            with open(f"/proc/{self.process.pid}/smaps_rollup") as f:
                return int(re.search(r"^Pss: +(\d+) kB$", f.read(), re.M).group(1)) * 1024, "Pss"
        except OSError:
            with open(f"/proc/{self.process.pid}/status") as f:
                return int(re.search(r"^RssAnon:\s+(\d+) kB$", f.read(), re.M).group(1)) * 1024, "RssAnon"


def kernel_memory():
    """Of sockets and what belongs to them, on the whole machine; None where it is secret."""
    total = 0
    try:
        with open("/proc/slabinfo") as f:
            for row in f:
                words = row.split()
                if words[0] in CACHES:
                    total += int(words[1]) * int(words[3])
    except OSError:
        return None
    return total


class Clients:
    """One process of them."""

    def __init__(self, port, text):
        self.p = subprocess.Popen([TOOL, str(port), text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, text):
        self.p.stdin.write(text)
        self.p.stdin.flush()

    def hear(self, word):
        words = self.p.stdout.readline().split()
        if not words or words[0] != word:
            sys.exit(f"bench/crowd.py: clients say {words} instead of {word}")
        return [int(w) for w in words[1:]]

    def ask(self, text, word):
        self.say(text + "\n")
        return self.hear(word)

    def end(self):
        self.p.stdin.close()
        self.p.wait()


class Crowd:
    def __init__(self, service, n):
        self.service, self.n = service, n
        text = service.client_line()
        self.parts = [Clients(service.port, text) for _ in range(PROCESSES)]

    def make_addresses(self):
        account = json.loads(self.service.ask("POST", "/cloud/2/accounts", {"name": "crowd"}))["id"]
        local = threading.local()

        def one(_):
            if not hasattr(local, "connection"):
                local.connection = self.service.connection()
            made = json.loads(self.service.ask("POST", "/cloud/2/addresses?account=" + account, {"actions": ["listen", "connect"]}, local.connection))
            return f"add {made['address']} {made['password']}\n"
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            lines = list(pool.map(one, range(self.n)))
        for i, part in enumerate(self.parts):
            part.say("".join(lines[i::PROCESSES]))
            part.ask("state", "state")

    def all(self, text, word):
        for part in self.parts:
            part.say(text + "\n")
        return [part.hear(word) for part in self.parts]

    def state(self):
        """Who is online; how often one was lost; who has given up; connections that were tried."""
        return [sum(column) for column in zip(*self.all("state", "state"))]

    def since(self, ms):
        rows = self.all(f"since {ms}", "since")
        return [sum(r[i] for r in rows if i < len(r)) for i in range(max(map(len, rows)))]

    def sign_in(self):
        begin = time.monotonic()
        self.all(f"go {WINDOW}", "all")
        return time.monotonic() - begin

    def wait_for_all(self):
        """Until all are online again, or nothing changes any more."""
        last, changed = None, time.monotonic()
        while True:
            state = self.state()
            if state[0] == self.n:
                return state
            if state != last:
                last, changed = state, time.monotonic()
            if time.monotonic() - changed > GIVE_UP:
                sys.exit(f"bench/crowd.py: {state[0]} of {self.n} are online, and it stays so")
            time.sleep(0.5)

    def end(self):
        for part in self.parts:
            part.end()


def measure_memory(crowd, memory, kernel):
    """memory, kernel: what it was without clients."""
    now, kind = crowd.service.memory()
    line("crowd-memory-each", (now - memory) / crowd.n, f"bytes-of-{kind}", "goal", 8192, 1, False)
    if kernel is not None and crowd.n >= 1000: # fewer are lost in what else the machine does
        line("crowd-kernel-memory-each", (kernel_memory() - kernel) / crowd.n / 2, "bytes-of-slabs")


def measure_rest(crowd):
    service, n = crowd.service, crowd.n
    before, lost = service.cpu(), crowd.state()[1]
    time.sleep(INTERVAL * INTERVALS)
    spent = (service.cpu() - before) / INTERVALS
    state = crowd.state()
    if state[0] != n or state[1] != lost:
        sys.exit(f"bench/crowd.py: not at rest: {state}")
    line("crowd-keepalive", spent / n * 1e6, "us", "goal", 100, 1, False)
    line("crowd-rest", spent / USUAL_INTERVAL * 100, f"%-of-a-core-at-{USUAL_INTERVAL}s")


def measure_conns(crowd, seconds=10):
    before, begin = crowd.service.cpu(), time.monotonic()
    met = crowd.all(f"meet {seconds} {max(1, min(50, crowd.n // PROCESSES // 4))}", "met")
    took, spent = time.monotonic() - begin, crowd.service.cpu() - before
    grants, failed = (sum(column) for column in zip(*met))
    line("crowd-conns", grants / took, "1/s")
    line("crowd-conns-per-cpu-second", grants / spent, "1/s", "goal", 2000, 1)
    print(f"# {grants} conns from CONNECT to GRANT in {took:.1f} s, {spent:.2f} s of CPU at the service, {failed} failed")


def measure_storm(crowd, orderly):
    """orderly: clients in a second when they came one after the other."""
    service, n = crowd.service, crowd.n
    lost, dials = crowd.state()[1], crowd.state()[3]
    service.kill()
    service.start()
    begin = time.monotonic()
    state = crowd.wait_for_all()
    came = crowd.since(int(begin * 1000))
    handshakes, dropped = (service.metric("vnccloudd_handshakes_total"), service.metric("vnccloudd_handshakes_dropped_total"))
    total, at = 0, []
    for i, k in enumerate(came):
        total += k
        at.append(total)
    ninety = next(i for i, k in enumerate(at) if k >= 0.9 * n)
    first = next(i for i, k in enumerate(came) if k)
    least = min(came[first:ninety + 1])
    print("# online in each second: " + " ".join(map(str, came)))
    line("crowd-storm-all-online", len(came), "s")
    # Of the ten seconds over which clients come back nine would have passed in any case.
    line("crowd-storm-nine-tenths", ninety + 1, "s", "one-after-the-other", 0.9 * n / orderly + 0.9 * SPREAD, 1.5, False)
    line("crowd-storm-least-in-a-second", least, "clients", "goal", 1, 1)
    line("crowd-storm-handshakes", handshakes / n, "each", "goal", 1, 1.25, False)
    online = service.metric("vnccloudd_clients")
    line("crowd-storm-online", online, "clients", "before", n, 1)
    print(f"# {state[3] - dials} connections were tried, {dropped} sent away by admission, {state[1] - lost} lost, {state[2]} gave up;"
          f" collapse: {'none' if least > 0 else 'a second with nobody'}")


def main():
    n = crowd_size()
    home = tempfile.mkdtemp(prefix="bench-crowd-")
    service = Service(home)
    crowd = None
    print("# load before: %.1f %.1f %.1f, %d cores" % (*os.getloadavg(), os.cpu_count()), flush=True)
    try:
        service.start()
        crowd = Crowd(service, n)
        begin = time.monotonic()
        crowd.make_addresses()
        line("crowd-addresses-made", n / (time.monotonic() - begin), "1/s")
        memory, _ = service.memory()
        kernel, spent = kernel_memory(), service.cpu()
        orderly = n / crowd.sign_in()
        line("crowd-enrolments", orderly, "1/s")
        line("crowd-enrolment-cpu", (service.cpu() - spent) / n * 1e3, "ms")
        time.sleep(INTERVAL) # what sign-in left behind is done
        what = sys.argv[1:] or ["memory", "rest", "conns", "storm"]
        if "memory" in what:
            measure_memory(crowd, memory, kernel)
        if "rest" in what:
            measure_rest(crowd)
        if "conns" in what:
            measure_conns(crowd)
        if "storm" in what:
            measure_storm(crowd, orderly)
    finally:
        print("# load after: %.1f %.1f %.1f" % os.getloadavg(), flush=True)
        if crowd:
            crowd.end()
        if service.process:
            service.process.send_signal(signal.SIGTERM)
            try:
                service.process.wait(60)
            except subprocess.TimeoutExpired:
                service.process.kill()
        shutil.rmtree(home)


if __name__ == "__main__":
    for path in (TOOL, SERVER):
        if not os.path.exists(path):
            sys.exit("bench/crowd.py: make first: " + path)
    main()
