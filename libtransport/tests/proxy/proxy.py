#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""proxy.py -- through proxies of others: tinyproxy (HTTP CONNECT), microsocks (SOCKS5)."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ.get("FARHAND_BIN", "build/release/bin")
THROUGH = os.path.join(os.path.dirname(BIN), "libtransport/tests/proxy/through")
DENIED, REFUSED, UNREACHABLE, PROTO = "-211", "-205", "-206", "-220"


def through(url, host, port):
    return subprocess.run([THROUGH, url, host, str(port)], capture_output=True, text=True, timeout=30).stdout.strip()


def check(ok, *what):
    if not ok:
        print("FAIL", *what)
        sys.exit(1)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def echo_server():
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                s, _ = server.accept()
            except OSError:
                return
            with s:
                s.sendall(s.recv(100).replace(b"ping", b"pong"))

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


class Proxy:
    """A program that listens on a port that was free a moment ago."""

    def __init__(self, make):
        for _ in range(10):
            self.port = free_port()
            self.p = subprocess.Popen(make(self.port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while self.p.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", self.port)).close()
                    return
                except OSError:
                    time.sleep(0.01)
        sys.exit("no proxy")

    def __enter__(self):
        return self.port

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()


def tinyproxy(tmp, *more):
    def make(port):
        path = os.path.join(tmp, f"{port}.conf")
        with open(path, "w") as f:
            f.write("\n".join([f"Port {port}", "Listen 127.0.0.1", "Timeout 10", "LogLevel Critical", *more, ""]))
        return ["tinyproxy", "-d", "-c", path]

    return Proxy(make)


def main():
    if not shutil.which("tinyproxy") or not shutil.which("microsocks"):
        print("no tinyproxy or no microsocks here")
        sys.exit(77)
    echo, closed = echo_server(), free_port()
    with tempfile.TemporaryDirectory() as tmp:
        with tinyproxy(tmp) as port:
            check(through(f"http://127.0.0.1:{port}", "127.0.0.1", echo) == "heard pong", "http")
            check(through(f"http://127.0.0.1:{port}", "localhost", echo) == "heard pong", "http, a name")
            said = through(f"http://127.0.0.1:{port}", "127.0.0.1", closed)
            check(said.split()[1] in (UNREACHABLE, REFUSED), "http, nobody there", said)
            said = through(f"socks5://127.0.0.1:{port}", "127.0.0.1", echo)
            check(said.startswith("failed"), "SOCKS to an HTTP proxy", said)
        with tinyproxy(tmp, "BasicAuth ann s3cret") as port:
            check(through(f"http://ann:s3cret@127.0.0.1:{port}", "127.0.0.1", echo) == "heard pong", "http, password")
            for secret in ("", "ann:wrong@"):
                said = through(f"http://{secret}127.0.0.1:{port}", "127.0.0.1", echo)
                check(said.split()[1] == DENIED, "http, no password", said)
        with tinyproxy(tmp, "ConnectPort 1") as port:
            said = through(f"http://127.0.0.1:{port}", "127.0.0.1", echo)
            check(said.split()[1] == DENIED, "http, not this port", said)
    with Proxy(lambda port: ["microsocks", "-i", "127.0.0.1", "-p", str(port)]) as port:
        check(through(f"socks5://127.0.0.1:{port}", "127.0.0.1", echo) == "heard pong", "socks")
        check(through(f"socks5h://127.0.0.1:{port}", "localhost", echo) == "heard pong", "socks, a name")
        said = through(f"socks5://127.0.0.1:{port}", "127.0.0.1", closed)
        check(said.split()[1] == REFUSED, "socks, nobody there", said)
        said = through(f"http://127.0.0.1:{port}", "127.0.0.1", echo)
        check(said.startswith("failed"), "HTTP to a SOCKS proxy", said)
    with Proxy(lambda port: ["microsocks", "-i", "127.0.0.1", "-p", str(port), "-u", "ann", "-P", "s3cret"]) as port:
        check(through(f"socks5://ann:s3cret@127.0.0.1:{port}", "127.0.0.1", echo) == "heard pong", "socks, password")
        for secret in ("", "ann:wrong@"):
            said = through(f"socks5://{secret}127.0.0.1:{port}", "127.0.0.1", echo)
            check(said.split()[1] == DENIED, "socks, no password", said)
    print("through tinyproxy and microsocks")


main()
