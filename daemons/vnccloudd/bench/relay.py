#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/relay.py -- what relaying costs, beside socat and nginx stream with TLS on both sides, and STUN beside coturn.

CPU time is that of the relaying process, from /proc, while one connection carries MIB; all speak TLS 1.2 with AES-256-GCM.

    bench: NAME value=V unit=U peer=NAME:V ratio=R goal=G ok|short
"""
import os
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
TOOL = os.path.join(os.path.dirname(os.environ.get("FARHAND_BIN", TOP + "/build/release/bin")), "daemons/vnccloudd/bench/relay_bench")
MIB = int(os.environ.get("BENCH_MIB", "512"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "400"))
SUITE = "ECDHE-ECDSA-AES256-GCM-SHA384"
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def tree(pid):
    """The process and those it made."""
    pids = [pid]
    for p in pids:
        for task in os.listdir(f"/proc/{p}/task"):
            with open(f"/proc/{p}/task/{task}/children") as f:
                pids += [int(c) for c in f.read().split()]
    return pids


def client(port, alpn=None):
    context = ssl.create_default_context(cafile=FOLDER + "/root.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITE)
    if alpn:
        context.set_alpn_protocols([alpn])
    s = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1")
    return s


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > end:
                sys.exit("bench/relay.py: nobody listens")
            time.sleep(0.05)


def pump(sender, receiver):
    """MIB through a proxy; seconds."""
    block, room = bytes(65536), bytearray(1 << 18)

    def receive():
        left = MIB << 20
        while left > 0:
            n = receiver.recv_into(room)
            if n == 0:
                sys.exit("bench/relay.py: it was cut")
            left -= n
    thread = threading.Thread(target=receive)
    begin = time.monotonic()
    thread.start()
    for _ in range(MIB * 16):
        sender.sendall(block)
    thread.join()
    return time.monotonic() - begin


def through_sink(start):
    """A proxy between us and a server of our own: CPU seconds for MIB."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER + "/cert.pem", FOLDER + "/key.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = free_port()
        proxy = start(port, listener.getsockname()[1])
        try:
            time.sleep(0.5)
            got = []

            def accept():
                while True:
                    raw, _ = listener.accept()
                    try:
                        got.append(context.wrap_socket(raw, server_side=True))
                        return
                    except (ssl.SSLError, OSError):
                        pass # it only looked whether we are there
            thread = threading.Thread(target=accept)
            thread.start()
            end = time.monotonic() + 10
            while True:
                try:
                    sender = client(port)
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.1)
            sender.sendall(b"x")
            thread.join()
            got[0].recv(1)
            pids = tree(proxy.pid)
            before = sum(cpu(p) for p in pids)
            seconds = pump(sender, got[0])
            return sum(cpu(p) for p in pids) - before, seconds
        finally:
            proxy.terminate()
            proxy.wait()


def socat(port, to):
    return subprocess.Popen(["socat", "-b65536",
                             f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,cert={FOLDER}/cert.pem,key={FOLDER}/key.pem,verify=0,"
                             f"cipher={SUITE},openssl-max-proto-version=TLS1.2",
                             f"OPENSSL:127.0.0.1:{to},verify=0,cipher={SUITE},openssl-max-proto-version=TLS1.2"],
                            stderr=subprocess.DEVNULL)


def nginx(port, to):
    with open(FOLDER + "/nginx.conf", "w", encoding="utf8") as f:
        f.write(f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; pid {FOLDER}/nginx.pid; error_log /dev/null;
events {{ worker_connections 64; }}
stream {{
  access_log off; proxy_buffer_size 64k;
  server {{
    listen 127.0.0.1:{port} ssl; proxy_pass 127.0.0.1:{to}; proxy_ssl on;
    ssl_certificate {FOLDER}/cert.pem; ssl_certificate_key {FOLDER}/key.pem;
    ssl_protocols TLSv1.2; ssl_ciphers {SUITE}; proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers {SUITE};
  }}
}}""")
    return subprocess.Popen(["/usr/sbin/nginx", "-c", FOLDER + "/nginx.conf", "-e", "/dev/null"], stderr=subprocess.DEVNULL)


class Relay:
    def __init__(self, pairs):
        self.p = subprocess.Popen([TOOL, FOLDER, str(pairs)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tls = int(self.p.stdout.readline().split()[1])
        self.udp = int(self.p.stdout.readline().split()[1])
        self.pairs = [[bytes.fromhex(t) for t in self.p.stdout.readline().split()] for _ in range(pairs)]

    def pair(self):
        """The two ends of a pair, joined."""
        ends = [client(self.tls, "farhand-relay/1") for _ in range(2)]
        for end, hello in zip(ends, self.pairs.pop()):
            end.sendall(hello)
        for end in ends:
            if end.recv(1) != b"\0":
                sys.exit("bench/relay.py: not paired")
        return ends

    def heap(self):
        self.p.stdin.write("\n")
        self.p.stdin.flush()
        _, heap, pairs = self.p.stdout.readline().split()
        return int(heap), int(pairs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()


def ours():
    with Relay(1) as r:
        a, b = r.pair()
        before = cpu(r.p.pid)
        seconds = pump(a, b)
        return cpu(r.p.pid) - before, seconds


def line(name, value, unit, peer, peer_value, goal, more_is_better=True):
    ratio = value / peer_value if peer_value else 0
    ok = ratio >= goal if more_is_better else ratio <= goal
    print(f"bench: {name} value={value:.0f} unit={unit} peer={peer}:{peer_value:.0f} ratio={ratio:.2f} goal={goal} {'ok' if ok else 'short'}",
          flush=True)


def throughput():
    """In turns, so that what else the machine does falls on all."""
    runs = {"ours": [], "socat": [], "nginx": []}
    for _ in range(3):
        runs["ours"].append(ours()[0])
        if shutil.which("socat"):
            runs["socat"].append(through_sink(socat)[0])
        if os.path.exists("/usr/lib/nginx/modules/ngx_stream_module.so"):
            runs["nginx"].append(through_sink(nginx)[0])
    speed = {name: MIB / statistics.median(r) for name, r in runs.items() if r}
    for peer in ("socat", "nginx"):
        if peer in speed:
            line("relay-mib-per-cpu-second", speed["ours"], "MiB/s", peer, speed[peer], 1.0)


def memory():
    with Relay(PAIRS) as r:
        held = [r.pair()]
        before, first = r.heap()
        held += [r.pair() for _ in range(PAIRS - 1)]
        heap, n = r.heap()
        at_rest = (heap - before) / (n - first)
        for a, b in held:
            a.sendall(bytes(1000))
            b.recv(1000)
        heap, n = r.heap()
        line("relay-memory-per-session", at_rest, "bytes", "goal", 16384, 1, False)
        line("relay-memory-after-traffic", (heap - before) / (n - first), "bytes", "before", at_rest, 1.1, False)


def flood_stun(port, seconds=3):
    """Requests from four sockets as fast as they are answered; how many were."""
    request = bytes.fromhex("000100002112a442") + b"twelve bytes"
    stop, counts = time.monotonic() + seconds, []
    code = ("import socket,sys,time\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.connect(('127.0.0.1',%d));s.settimeout(0.2)\n"
            "end=time.monotonic()+%d;n=0;r=bytes.fromhex('%s')\n"
            "while time.monotonic()<end:\n"
            "  for _ in range(64): s.send(r)\n"
            "  try:\n"
            "    for _ in range(64): s.recv(200);n+=1\n"
            "  except OSError: pass\n"
            "print(n)" % (port, seconds, request.hex()))
    clients = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for c in clients:
        counts.append(int(c.communicate()[0]))
    return sum(counts), stop


def stun():
    with Relay(0) as r:
        before = cpu(r.p.pid)
        answers, _ = flood_stun(r.udp)
        own = answers / max(cpu(r.p.pid) - before, 0.01)
    if not shutil.which("turnserver"):
        return
    port = free_port()
    p = subprocess.Popen(["turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp", "-L", "127.0.0.1", "-p", str(port),
                          "--relay-threads", "1", "--log-file", "/dev/null", "--pidfile", FOLDER + "/turn.pid"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)
        before = cpu(p.pid)
        answers, _ = flood_stun(port)
        line("stun-answers-per-cpu-second", own, "1/s", "coturn", answers / max(cpu(p.pid) - before, 0.01), 1.0)
    finally:
        p.terminate()
        p.wait()


if __name__ == "__main__":
    if not os.path.exists(TOOL):
        sys.exit("bench/relay.py: make first: " + TOOL)
    FOLDER = tempfile.mkdtemp(prefix="bench-relay-")
    try:
        for what in sys.argv[1:] or ["throughput", "memory", "stun"]:
            {"throughput": throughput, "memory": memory, "stun": stun}[what]()
    finally:
        shutil.rmtree(FOLDER)
