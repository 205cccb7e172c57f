#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/tls.py -- what TLS costs a server, beside OpenSSL's s_server with the same certificate.

CPU time of the server's process, from /proc, while `openssl s_time` and `s_client` keep it busy.

    bench: NAME value=V unit=U peer=NAME:V ratio=R goal=G ok|short
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BIN = os.environ.get("FARHAND_BIN", "build/release/bin")
PEER = os.path.join(os.path.dirname(os.path.abspath(BIN)), "libtransport/tests/tls/tls_peer")
SECONDS = "3"
FLOOD = 512 << 20
SUITE = "ECDHE-ECDSA-AES256-GCM-SHA384"
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, *command):
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        while not (found := re.match(r"(?:port |ACCEPT .*:)(\d+)", line := self.p.stdout.readline())):
            if not line:
                sys.exit("bench/tls.py: a server ended")
        self.port = int(found[1])
        # What it says is not needed, but must not fill the pipe.
        self.drain = subprocess.Popen(["cat"], stdin=self.p.stdout, stdout=subprocess.DEVNULL)

    def cpu(self):
        with open(f"/proc/{self.p.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()
        self.drain.wait()


def handshakes(server, how):
    """CPU ms of the server for each."""
    before = server.cpu()
    out = subprocess.run(["openssl", "s_time", "-connect", f"127.0.0.1:{server.port}", how, "-time", SECONDS, "-tls1_2",
                          "-cipher", SUITE], capture_output=True, text=True).stdout
    count = int(re.findall(r"(\d+) connections in \d+ real seconds", out)[-1])
    return (server.cpu() - before) * 1000 / count


def flood(server):
    """CPU seconds of the server for a GiB that it sends."""
    before = server.cpu()
    p = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-quiet", "-cipher", SUITE],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    p.stdin.write(b"GET /big HTTP/1.0\r\n\r\n")
    p.stdin.flush()
    got = 0
    while data := p.stdout.read(1 << 20):
        got += len(data)
        if got >= FLOOD:
            break
    cost = server.cpu() - before
    p.kill()
    p.wait()
    return cost * (1 << 30) / got


def report(name, value, unit, peer, goal):
    ratio = value / peer
    print(f"bench: {name} value={value:.4g} unit={unit} peer=openssl:{peer:.4g} ratio={ratio:.2f} goal={goal} "
          f"{'ok' if ratio <= goal else 'short'}", flush=True)


def main():
    if not shutil.which("openssl"):
        sys.exit("bench/tls.py: no openssl here")
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([PEER, "pki", tmp, "-1", "30", "cloud.example"], check=True, stdout=subprocess.DEVNULL)
        openssl = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", f"{tmp}/server.pem", "-key", f"{tmp}/server.key",
                   "-cert_chain", f"{tmp}/root.pem", "-tls1_2"]
        with open(f"{tmp}/big", "wb") as f:
            f.truncate(FLOOD)
        with Server(PEER, "serve", tmp) as ours, Server(*openssl, "-www") as theirs:
            report("tls-handshake-full", handshakes(ours, "-new"), "ms", handshakes(theirs, "-new"), 8)
            report("tls-handshake-resumed", handshakes(ours, "-reuse"), "ms", handshakes(theirs, "-reuse"), 1.25)
        with Server(PEER, "flood", tmp, str(FLOOD)) as ours:
            value = flood(ours)
        os.chdir(tmp)
        with Server(*openssl, "-WWW") as theirs:
            report("tls-send", value, "s/GiB", flood(theirs), 1.5)


main()
