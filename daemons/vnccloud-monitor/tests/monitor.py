#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""vnccloud-monitor against a cloud that is written here anew: log, signatures, HTTPS and API, honest and not."""
import base64
import datetime
import hashlib
import hmac
import http.server
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from nacl.signing import SigningKey
except ImportError as e:
    print("not here:", e)
    sys.exit(77)

MONITOR = os.path.join(os.environ["FARHAND_BIN"], "vnccloud-monitor")


def sha(data):
    return hashlib.sha256(data).digest()


def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha(b"")
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha(b"\1" + root(leaves[:k]) + root(leaves[k:]))


class Log:
    def __init__(self, key):
        self.key, self.entries, self.openings = key, [], {}

    def append(self, address, kind, entry):
        salt = os.urandom(32)
        when = 1700000000000 + len(self.entries)
        tag = sha(b"farhand log address 1\0" + address)[:16]
        self.openings.setdefault(address, []).append(
            {"index": len(self.entries), "kind": "x", "time": when, "salt": salt.hex(), "entry": entry.hex()})
        self.entries.append(bytes([kind]) + when.to_bytes(8, "big") + tag + hmac.digest(salt, entry, "sha256"))

    def bind(self, address, fingerprint):
        self.append(address, 1, b"farhand log binding 1\0" + address + fingerprint + bytes(32))

    def fill(self, n):
        for i in range(n):
            self.bind(bytes(8) + (1000 + i).to_bytes(4, "big"), bytes(32))

    def checkpoint(self):
        text = f"test.cloud\n{len(self.entries)}\n".encode() + \
            base64.b64encode(root([sha(b"\0" + e) for e in self.entries])) + b"\n"
        blob = KEY_ID + self.key.sign(text).signature
        return text + "\n— test.cloud ".encode() + base64.b64encode(blob) + b"\n"

    def bundle(self, path):
        number, _, width = path.partition(".p/")
        begin = 256 * int("".join(part.lstrip("x") for part in number.split("/")))
        part = self.entries[begin:begin + int(width or 256)]
        if len(part) != int(width or 256):
            return None
        return b"".join(len(e).to_bytes(2, "big") + e for e in part)


KEY = SigningKey(bytes(range(32)))
PUBLIC = b"\1" + KEY.verify_key.encode()
KEY_ID = sha(b"test.cloud\n" + PUBLIC)[:4]
VKEY = f"test.cloud+{KEY_ID.hex()}+{base64.b64encode(PUBLIC).decode()}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        cloud, body = self.server.cloud, None
        cloud.requests.append(self.path)
        if self.path == "/log/checkpoint":
            body = cloud.log.checkpoint()
        elif self.path.startswith("/log/tile/entries/"):
            body = cloud.log.bundle(self.path[len("/log/tile/entries/"):])
        elif self.path.startswith("/cloud/2/log/openings?address=") and \
                self.headers["Authorization"] == "Basic " + base64.b64encode(b"vck_1:secret").decode():
            address = cloud.names.get(self.path.split("=")[1])
            body = json.dumps({"openings": [o for o in cloud.log.openings.get(address, [])
                                            if o["index"] not in cloud.hidden]}).encode()
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        if len(cloud.requests) % 3 == 0:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body or b"")


def certificates(folder):
    """A root, and a certificate for 127.0.0.1 that it signed; the root's pin."""
    now = datetime.datetime.utcnow()
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in ("root", "cloud")]
    certs = []
    for i in range(2):
        builder = x509.CertificateBuilder().subject_name(names[i]).issuer_name(names[0]) \
            .public_key(keys[i].public_key()).serial_number(i + 1) \
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1)) \
            .add_extension(x509.BasicConstraints(i == 0, None), True)
        if i == 1:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        certs.append(builder.sign(keys[0], hashes.SHA256()))
    with open(folder + "/cert.pem", "wb") as f:
        for cert in reversed(certs):
            f.write(cert.public_bytes(serialization.Encoding.PEM))
    with open(folder + "/key.pem", "wb") as f:
        f.write(keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()))
    return sha(keys[0].public_key().public_bytes(serialization.Encoding.DER,
                                                 serialization.PublicFormat.SubjectPublicKeyInfo)).hex()


class Monitor(unittest.TestCase):
    ours, name = bytes(11) + b"\1", "00000-00000-00000-0001P"

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="test-monitor-")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.folder])
        pin = certificates(self.folder)
        self.log, self.hidden, self.requests = Log(KEY), set(), []
        self.names = {self.name: self.ours}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.cloud = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder + "/cert.pem", self.folder + "/key.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.service = f"127.0.0.1:{self.server.server_port},root={pin},log={VKEY}"
        self.write("addresses", f"{self.name} {'aa' * 32}\n")
        self.write("key", "vck_1:secret\n")

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as f:
            f.write(text)

    def run_monitor(self, *more, code=0, service=None):
        ret = subprocess.run([MONITOR, "--service", service or self.service, "--addresses", self.folder + "/addresses",
                              "--state", self.folder + "/state", "--api-key-file", self.folder + "/key", "--json",
                              *more], capture_output=True, text=True, timeout=60)
        self.assertEqual(ret.returncode, code, ret.stdout + ret.stderr)
        return json.loads(ret.stdout) if ret.stdout else ret.stderr

    def verdicts(self, report):
        return [leaf["verdict"] for leaf in report["leaves"]]

    def test_an_honest_cloud(self):
        self.log.bind(self.ours, b"\xaa" * 32)
        self.log.fill(600)
        report = self.run_monitor()
        self.assertEqual((report["log"], report["size"], report["alarm"]), ("ok", 601, False))
        self.assertEqual(self.verdicts(report), ["known"])
        self.assertEqual(report["leaves"][0]["address"], self.name)
        self.requests.clear()
        self.log.fill(10)
        self.log.append(self.ours, 2, b"farhand log reset 1\0" + self.ours)
        self.assertEqual(self.verdicts(self.run_monitor()), ["known", "noted"])
        self.assertEqual(len(self.requests), 3, self.requests)

    def test_a_swapped_key(self):
        self.log.bind(self.ours, b"\xaa" * 32)
        self.run_monitor()
        self.log.bind(self.ours, b"\x66" * 32)
        self.log.fill(5)
        report = self.run_monitor(code=20)
        self.assertEqual(self.verdicts(report), ["known", "unknown"])
        self.assertEqual(report["leaves"][1]["fingerprint"], "66" * 32)
        self.hidden.add(1)
        self.assertEqual(self.verdicts(self.run_monitor(code=20)), ["known", "withheld"])
        self.write("addresses", f"{self.name} {'aa' * 32} {'66' * 32}\n")
        self.hidden.clear()
        self.assertEqual(self.verdicts(self.run_monitor()), ["known", "known"])

    def test_a_forked_log(self):
        self.log.bind(self.ours, b"\xaa" * 32)
        self.log.fill(300)
        self.run_monitor()
        other = Log(KEY)
        other.bind(self.ours, b"\x66" * 32)
        other.fill(310)
        self.log = other
        report = self.run_monitor(code=21)
        self.assertEqual(report["log"], "fork")
        with open(self.folder + "/state.fork", encoding="utf8") as f:
            evidence = f.read()
        self.assertIn("test.cloud\n301\n", evidence)
        self.assertIn("test.cloud\n311\n", evidence)

    def test_what_cannot_be_checked(self):
        self.log.bind(self.ours, b"\xaa" * 32)
        pin = self.service.split("root=")[1][:64]
        self.run_monitor(code=1, service=self.service.replace(pin, "00" * 32))
        self.run_monitor(code=1, service=self.service.replace("127.0.0.1", "127.0.0.2"))
        self.log.key = SigningKey(bytes(32))
        self.assertEqual(self.run_monitor(code=1)["log"], "unsigned")
        self.log.key = KEY
        self.write("state", "{}")
        self.run_monitor(code=2)

    def test_a_folder(self):
        self.log.bind(self.ours, b"\xaa" * 32)
        os.makedirs(self.folder + "/log/tile/entries/000.p")
        with open(self.folder + "/log/checkpoint", "wb") as f:
            f.write(self.log.checkpoint())
        with open(self.folder + "/log/tile/entries/000.p/1", "wb") as f:
            f.write(self.log.bundle("000.p/1"))
        self.write("openings", json.dumps(self.log.openings[self.ours]))
        ret = subprocess.run([MONITOR, "--folder", self.folder + "/log", "--log", VKEY, "--openings",
                              self.folder + "/openings", "--addresses", self.folder + "/addresses"],
                             capture_output=True, text=True, timeout=60)
        self.assertEqual(ret.returncode, 0, ret.stderr)
        self.assertIn("known  " + "aa" * 32, ret.stdout)


if __name__ == "__main__":
    unittest.main()
