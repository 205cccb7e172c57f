# SPDX-License-Identifier: MIT
"""coturn, a TURN server that we did not write, with a certificate made for the run."""
import base64
import datetime
import hashlib
import hmac
import ipaddress
import os
import shutil
import socket
import subprocess
import tempfile
import time

import lab

SECRET = "north wind, north wind"
REALM = "turn.test"


def need():
    if not shutil.which("turnserver"):
        lab.skip("coturn is not installed (scripts/install-deps test)")


def rest_credentials(valid=3600, user="ann", secret=SECRET):
    """As "REST API for access to TURN services" has it."""
    name = f"{int(time.time()) + valid}:{user}"
    mac = hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()
    return name, base64.b64encode(mac).decode()


def certificate(folder, name):
    """A certificate of its own authority; returns (key, certificate) files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=7))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256()))
    files = [os.path.join(folder, n) for n in ("key.pem", "cert.pem")]
    with open(files[0], "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                  serialization.NoEncryption()))
    with open(files[1], "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.PEM))
    return files


class Server:
    """With REST credentials of SECRET, on UDP and TCP `port` and TLS `tls_port`; in this namespace."""

    def __init__(self, ip, port=3478, tls_port=5349, extra=(), user=None):
        self.ip, self.port, self.tls_port = ip, port, tls_port
        self.folder = tempfile.mkdtemp(prefix="coturn.")
        key, self.ca = certificate(self.folder, "turn.test")
        auth = ["--lt-cred-mech", f"--user={user}"] if user else ["--use-auth-secret",
                                                                  f"--static-auth-secret={SECRET}"]
        loopback = ["--allow-loopback-peers", "--cli-password=unused"] if ipaddress.ip_address(ip).is_loopback else []
        self.log = os.path.join(self.folder, "log")
        self.p = subprocess.Popen(
            ["turnserver", "-n", "-r", REALM, "-L", ip, "-p", str(port), "--tls-listening-port", str(tls_port),
             "--cert", self.ca, "--pkey", key, "--no-cli", "--no-dtls", "--log-file", self.log, "--simple-log",
             "--pidfile", os.path.join(self.folder, "pid"), "--userdb", os.path.join(self.folder, "db"),
             "--mobility", "-v"] + auth + loopback + list(extra),
            stdout=open(os.path.join(self.folder, "out"), "w"), stderr=subprocess.STDOUT)

    def __enter__(self):
        end = time.monotonic() + 30
        while True:
            try:
                for p in (self.port, self.tls_port):
                    socket.create_connection((self.ip, p), 1).close()
                return self
            except OSError:
                if self.p.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("coturn did not start: " + self.said()[-2000:]) from None
                time.sleep(0.05)

    def said(self):
        text = ""
        for name in os.listdir(self.folder):
            if name.startswith(("log", "out")):
                with open(os.path.join(self.folder, name), errors="replace") as f:
                    text += f.read()
        return text

    def __exit__(self, *what):
        self.p.kill()
        self.p.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
