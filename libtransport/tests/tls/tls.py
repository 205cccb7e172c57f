#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tls.py -- TLS of libtransport against OpenSSL: its programs, and Python's module on top of it.

Both directions: what is agreed, resumed, exported; roots, names and dates that are refused; old
versions and weak suites; renegotiation; a stream that is cut.
"""
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import warnings

BIN = os.environ.get("FARHAND_BIN", "build/release/bin")
PEER = os.path.join(os.path.dirname(BIN), "libtransport/tests/tls/tls_peer")
OPENSSL = shutil.which("openssl")
LABEL = "EXPORTER-Channel-Binding"
IDENTITY, PROTO, RESET = "-223", "-220", "-208"
warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what is asked for


def check(ok, *what):
    if not ok:
        print("FAIL", *what)
        sys.exit(1)


def pki(folder, first=-1, last=30, names=("cloud.example", "127.0.0.1")):
    os.makedirs(folder)
    out = subprocess.run([PEER, "pki", folder, str(first), str(last), *names], check=True, capture_output=True, text=True)
    return out.stdout.strip()


class Server:
    """Ours."""

    def __init__(self, folder, *alpn):
        self.p = subprocess.Popen([PEER, "serve", folder, *alpn], stdout=subprocess.PIPE, text=True)
        self.port = int(self.p.stdout.readline().split()[1])

    def says(self):
        return self.p.stdout.readline().strip().split(maxsplit=2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()
        self.p.stdout.close()


def s_client(port, *options, text="ping"):
    """OpenSSL's; what it printed, after it heard the echo or gave up."""
    p = subprocess.Popen([OPENSSL, "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", *options],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    p.stdin.write(text + "\n")
    p.stdin.flush()
    out = ""
    while line := p.stdout.readline():
        out += line
        if line == text + "\n":
            break
    p.stdin.close()
    out += p.stdout.read()
    p.stdout.close()
    p.wait()
    return out


def connect(port, pin, name="cloud.example", times=1, mfl=0, alpn=()):
    """Ours; its lines, split."""
    out = subprocess.run([PEER, "connect", str(port), name, pin, str(times), str(mfl), *alpn],
                         check=True, capture_output=True, text=True, timeout=60)
    return [line.split(maxsplit=2) for line in out.stdout.splitlines()]


class SServer:
    """OpenSSL's; it prints what it hears and says what it is told."""

    def __init__(self, folder, *options):
        self.p = subprocess.Popen(
            [OPENSSL, "s_server", "-accept", "127.0.0.1:0", "-cert", f"{folder}/server.pem", "-key", f"{folder}/server.key",
             "-cert_chain", f"{folder}/root.pem", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.seen = ""
        while not (found := re.match(r"ACCEPT .*:(\d+)", line := self.p.stdout.readline())):
            self.seen += line
            check(line, "s_server ended:", self.seen)
        self.port = int(found[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.communicate()


class PyServer:
    """Python's: one connection for each function given, with the stream."""

    def __init__(self, context, *serve):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.run, args=(context, serve))
        self.thread.start()

    def run(self, context, serve):
        for f in serve:
            s, _ = self.sock.accept()
            with s:
                try:
                    f(context.wrap_socket(s, server_side=True, suppress_ragged_eofs=False))
                except (ssl.SSLError, OSError) as e:
                    self.error = e

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join()
        self.sock.close()


def py_server(folder, serve=(), **more):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(f"{folder}/chain.pem", f"{folder}/server.key")
    for key, value in more.items():
        if key == "ciphers":
            context.set_ciphers(value)
        elif key == "alpn":
            context.set_alpn_protocols(value)
        else:
            setattr(context, key, value)
    return PyServer(context, *serve)


def py_client(folder, port, **more):
    context = ssl.create_default_context(cafile=f"{folder}/root.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for key, value in more.items():
        if key == "ciphers":
            context.set_ciphers(value)
        elif key == "alpn":
            context.set_alpn_protocols(value)
        else:
            setattr(context, key, value)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="cloud.example",
                               suppress_ragged_eofs=False)


def echo(s):
    while data := s.recv(65536):
        s.sendall(data)
    s.unwrap()


def our_certificates(folder):
    def verify(*options):
        return subprocess.run([OPENSSL, "verify", "-x509_strict", "-CAfile", f"{folder}/root.pem", *options,
                               f"{folder}/server.pem"], capture_output=True, text=True)

    good = verify("-purpose", "sslserver", "-verify_hostname", "cloud.example")
    check(good.returncode == 0, good.stderr)
    check(verify("-verify_ip", "127.0.0.1").returncode == 0, "an address")
    check(verify("-verify_hostname", "elsewhere.example").returncode != 0, "another name")
    subprocess.run([OPENSSL, "crl", "-inform", "DER", "-in", f"{folder}/root.crl", "-out", f"{folder}/crl.pem"], check=True)
    out = subprocess.run([OPENSSL, "crl", "-in", f"{folder}/crl.pem", "-noout", "-text", "-CAfile", f"{folder}/root.pem"],
                         capture_output=True, text=True)
    check("verify OK" in out.stderr and "X509v3 CRL Number" in out.stdout, out.stdout, out.stderr)
    # The test's own certificate is on the list.
    out = verify("-crl_check", "-CRLfile", f"{folder}/crl.pem")
    check("certificate revoked" in out.stderr, out.stderr)
    out = subprocess.run([OPENSSL, "x509", "-in", f"{folder}/server.pem", "-noout", "-text"], capture_output=True, text=True).stdout
    check("URI:http://cloud.example/root.crl" in out and "TLS Web Server Authentication" in out, out)


# ---- our server ------------------------------------------------------------------------------------

def our_server_with_s_client(folder, tmp):
    with Server(folder, "vncb/1", "http/1.1") as server:
        trust = ("-CAfile", f"{folder}/root.pem", "-verify_return_error", "-verify_hostname", "cloud.example")
        out = s_client(server.port, *trust, "-alpn", "http/1.1,vncb/1", "-keymatexport", LABEL, "-keymatexportlen", "32",
                       "-sess_out", f"{tmp}/session")
        said = server.says()
        check("Verify return code: 0 (ok)" in out and "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in out, out)
        check("ALPN protocol: vncb/1" in out and "Extended master secret: yes" in out, out)
        check("Secure Renegotiation IS supported" in out and "Compression: NONE" in out, out)
        check("ticket lifetime hint: 86400" in out, out)
        key = re.search(r"Keying material: (\w+)", out)[1].lower()[:16]
        check(said[2].split()[1:] == ["vncb/1", "0", "1", "0", key], said, key)
        check((end := server.says()) == ["end", "0", "5"], end)
        out = s_client(server.port, *trust, "-sess_in", f"{tmp}/session", "-sess_out", f"{tmp}/session2")
        said = server.says()
        check("Reused, TLSv1.2" in out and said[2].split()[2] == "1", out, said)
        server.says()
        # Another server does not know the key of the ticket: a full handshake.
        with Server(folder) as other:
            out = s_client(other.port, *trust, "-sess_in", f"{tmp}/session")
            check("New, TLSv1.2" in out and other.says()[2].split()[2] == "0", out)
        out = s_client(server.port, *trust, "-maxfraglen", "1024")
        check(server.says()[2].split()[4] == "1024", out)
        server.says()
        for suite in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"):
            check(f"Cipher is {suite}" in s_client(server.port, *trust, "-cipher", suite), suite)
            server.says(), server.says()
        out = s_client(server.port, "-verify_return_error", "-no-CAfile", "-no-CApath", "-no-CAstore")
        said = server.says()
        check("verify error" in out and said == ["failed", PROTO, "the peer does not trust the root of our certificate"], said)


def our_server_refuses(folder):
    with Server(folder, "vncb/1") as server:
        loose = "ALL:@SECLEVEL=0"
        for options in (("-cipher", "ECDHE-ECDSA-AES256-SHA384"), ("-cipher", "AES256-GCM-SHA384:AES128-SHA"),
                        ("-cipher", "DHE-RSA-AES256-GCM-SHA384"), ("-cipher", "aNULL:eNULL:@SECLEVEL=0"),
                        ("-curves", "P-521"), ("-alpn", "h2")):
            out = s_client(server.port, *options)
            check("Cipher is (NONE)" in out, options, out)
            said = server.says()
            check(said[0] == "failed" and said[1] in (PROTO, RESET), options, said)
        for version in ("-tls1", "-tls1_1"):
            out = subprocess.run([OPENSSL, "s_client", "-connect", f"127.0.0.1:{server.port}", version, "-cipher", loose],
                                 input="", capture_output=True, text=True)
            check("Cipher is (NONE)" in out.stdout and "protocol version" in out.stderr, version, out.stdout, out.stderr)
            check(server.says()[1] == PROTO, version)


def our_server_does_not_renegotiate(folder):
    with Server(folder) as server:
        p = subprocess.Popen([OPENSSL, "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check(server.says()[0] == "open", "open")
        p.stdin.write("R\n")
        p.stdin.flush()
        out, _ = p.communicate(timeout=20)
        check("no renegotiation" in out, out)
        check(server.says()[0] == "end", "the connection ended")


def our_server_with_python(folder):
    with Server(folder) as server:
        s = py_client(folder, server.port)
        big = os.urandom(1 << 20)
        sender = threading.Thread(target=s.sendall, args=(big,))
        sender.start()
        got = b""
        while len(got) < len(big):
            got += s.recv(65536)
        sender.join()
        check(got == big, "a mebibyte there and back")
        s.unwrap().close()
        check(server.says()[0] == "open" and server.says() == ["end", "0", str(len(big))], "polite end")
        s = py_client(folder, server.port)
        s.sendall(b"half a sen")
        check(s.recv(10) == b"half a sen", "echo")
        socket.socket(fileno=s.detach()).close()
        check(server.says()[0] == "open" and server.says()[:2] == ["end", RESET], "cut off")
        # SSL_OP_NO_EXTENDED_MASTER_SECRET: served, but there is nothing to bind to.
        s = py_client(folder, server.port, options=ssl.OP_ALL | 1)
        said = server.says()
        check(said[2].split()[2:] == ["0", "0", "0", "0" * 16], said)
        s.unwrap().close()


# ---- our client ------------------------------------------------------------------------------------

def our_client_with_s_server(folder, pin):
    with SServer(folder, "-tls1_2", "-alpn", "vncb/1", "-keymatexport", LABEL, "-keymatexportlen", "32") as server:
        p = subprocess.Popen([PEER, "connect", str(server.port), "cloud.example", pin, "1", "1024", "vncb/1"],
                             stdout=subprocess.PIPE, text=True)
        said = p.stdout.readline().split()
        check(said[:4] == ["open", "TLSv1.2", "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384", "vncb/1"], said)
        check(said[4:7] == ["0", "1", "1024"], said)
        while not (found := re.search(r"Keying material: (\w+)", line := server.p.stdout.readline())):
            check(line, "s_server ended")
        check(found[1].lower()[:16] == said[7], said, line)
        p.kill()
        p.communicate()


def our_client_with_python(folder, pin):
    with py_server(folder, [echo] * 3, alpn=["vncb/1"]) as server:
        said = connect(server.port, pin, times=3, alpn=["http/1.1", "vncb/1"])
        check([line[0] for line in said] == ["open", "end"] * 3, said)
        check([line[2].split()[2] for line in said[::2]] == ["0", "1", "1"], said)
        check(all(line == ["end", "0", "4"] for line in said[1::2]), said)
    with py_server(folder, [echo]) as server:
        check(connect(server.port, pin, name="127.0.0.1")[0][0] == "open", "an address as name")
    with py_server(folder, [echo]) as server:
        check(connect(server.port, "any")[0][0] == "open", "whoever")

    def cut(s):
        s.sendall(s.recv(4)[:2])
        socket.socket(fileno=s.detach()).close()

    with py_server(folder, [cut]) as server:
        said = connect(server.port, pin)
        check(said[1] == ["end", RESET, "2"], said)


def our_client_refuses(folder, pin, tmp):
    def refused(server, code, text, **more):
        with server:
            said = connect(server.port, more.pop("pin", pin), **more)
            check(said[0][0] == "failed" and said[0][1] == code and text in said[0][2], text, said)

    other = pki(f"{tmp}/other")
    pki_old, pki_new = pki(f"{tmp}/old", -30, -1), pki(f"{tmp}/new", 2, 30)
    refused(py_server(folder, [echo]), IDENTITY, "no root that is trusted", pin=other)
    refused(py_server(folder, [echo]), IDENTITY, "for another name", name="elsewhere.example")
    refused(py_server(f"{tmp}/old", [echo]), IDENTITY, "has expired", pin=pki_old)
    refused(py_server(f"{tmp}/new", [echo]), IDENTITY, "not valid yet", pin=pki_new)
    refused(py_server(folder, [echo], ciphers="ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"), PROTO, "no algorithm in common")
    refused(py_server(folder, [echo], options=ssl.OP_ALL | 1), PROTO, "no extended master secret")
    refused(py_server(folder, [echo], ciphers="ALL:@SECLEVEL=0", minimum_version=ssl.TLSVersion.TLSv1,
                      maximum_version=ssl.TLSVersion.TLSv1_1), PROTO, "in common with us")


def our_client_does_not_renegotiate(folder, pin):
    with SServer(folder, "-tls1_2") as server:
        p = subprocess.Popen([PEER, "connect", str(server.port), "cloud.example", pin, "1", "0"],
                             stdout=subprocess.PIPE, text=True)
        check(p.stdout.readline().split()[0] == "open", "open")
        seen = ""
        while "ping" not in seen:  # it has our first words
            seen += (c := server.p.stdout.read(1))
            check(c, seen)
        server.p.stdin.write("r\n")
        server.p.stdin.flush()
        server.p.stdin.write("pong\n")
        server.p.stdin.flush()
        said = p.stdout.readline().split()
        # OpenSSL 3 takes the refusal as the end of it; what counts is that nothing was negotiated.
        check(said[0] == "end" and "RENEGOTIATE" not in seen.replace("SSL_do_handshake", ""), said, seen)
        p.kill()
        p.communicate()


def main():
    if not OPENSSL:
        print("no openssl here")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as tmp:
        pin = pki(f"{tmp}/pki")
        our_certificates(f"{tmp}/pki")
        our_server_with_s_client(f"{tmp}/pki", tmp)
        our_server_refuses(f"{tmp}/pki")
        our_server_does_not_renegotiate(f"{tmp}/pki")
        our_server_with_python(f"{tmp}/pki")
        our_client_with_s_server(f"{tmp}/pki", pin)
        our_client_with_python(f"{tmp}/pki", pin)
        our_client_refuses(f"{tmp}/pki", pin, tmp)
        our_client_does_not_renegotiate(f"{tmp}/pki", pin)
    print("TLS against OpenSSL, both directions")


main()
