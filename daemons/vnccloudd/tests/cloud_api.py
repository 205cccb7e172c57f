# SPDX-License-Identifier: MIT
"""A vnccloudd as a process, and requests to it, each of which is held against docs/openapi.yaml."""
import base64
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import jsonschema
import yaml

TOP = os.environ.get("FARHAND_TOP") or os.path.abspath(".")
BIN = os.environ.get("FARHAND_BIN") or os.path.abspath("build/release/bin")
SERVER = os.environ.get("FH_API_SERVER") or os.path.join(BIN, "vnccloudd")
CTL = os.path.join(BIN, "vnccloudctl")
LIMIT = 60  # seconds that anything may take before the test gives up

with open(os.path.join(TOP, "docs/openapi.yaml")) as f:
    SPEC = yaml.safe_load(f)
seen = set()  # (path, verb, status) that were answered


def look_up(reference):
    node = SPEC
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def resolve(node):
    while isinstance(node, dict) and "$ref" in node and set(node) == {"$ref"}:
        node = look_up(node["$ref"])
    return node


def template_of(path):
    path = path.split("?")[0]
    best = None
    for template in SPEC["paths"]:
        pattern = "^" + re.sub(r"\\\{[a-z]+\\\}", "[^/]+" if "{path}" not in template else ".+", re.escape(template)) + "$"
        if re.match(pattern, path) and (best is None or "{" in best):
            best = template
    return best


def check_schema(schema, value, where):
    validator = jsonschema.Draft202012Validator({**schema, "components": SPEC["components"]})
    errors = sorted(validator.iter_errors(value), key=str)
    assert not errors, "%s: %s in %s" % (where, errors[0].message, json.dumps(value)[:400])


def check_answer(method, path, answer):
    """Is it what the document says?"""
    template = template_of(path)
    verb = method.lower()
    if template is None or verb not in SPEC["paths"][template]:
        return
    where = "%s %s %d" % (method, template, answer.status)
    responses = SPEC["paths"][template][verb]["responses"]
    documented = resolve(responses.get(str(answer.status)) or responses.get("default") or {})
    assert documented, where + ": not documented"
    seen.add((template, verb, str(answer.status)))
    content = documented.get("content")
    if not content:
        assert answer.body == b"", where + ": has a body"
        return
    kind = answer.headers.get("content-type", "").split(";")[0]
    assert kind in content, "%s: %r is not documented" % (where, kind)
    if kind.endswith("json"):
        check_schema(content[kind]["schema"], answer.json, where)
    for name in documented.get("headers", {}):
        if name != "Link" and not (name == "ETag" and "idempotency-replayed" in answer.headers):  # Link: if there is another page
            assert name.lower() in answer.headers, where + ": no " + name


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.pairs = [(n.lower(), v) for n, v in response.getheaders()]
        self.headers = dict(self.pairs)
        self.body = response.read()
        self.json = json.loads(self.body) if "json" in self.headers.get("content-type", "") and self.body else None

    def next(self):
        m = re.match(r'<(/[^>]*)>; rel="next"$', self.headers.get("link", ""))
        return m.group(1) if m else None


class Connection(http.client.HTTPConnection):
    def __init__(self, make):
        super().__init__("cloud", timeout=LIMIT)
        self.make = make

    def connect(self):
        self.sock = self.make()


class Service:
    """tight: on a file system of so many bytes of its own, where that is allowed."""

    def __init__(self, *arguments, home=None, tight=None):
        self.home = home or tempfile.mkdtemp(prefix="vnccloudd-test-")
        self.arguments = arguments
        self.tight = tight
        self.start()

    def start(self):
        command = [SERVER, "--state", self.home + "/state", "--control", self.home + "/control", "--audit", self.home + "/audit",
                   "--listen", "127.0.0.1:0", "--stun-listen", "none", "--name", "localhost", "--metrics-listen", "127.0.0.1:0",
                   "--limit-handshake", "0", "--limit-handshake-network", "0", *(["--user", "nobody"] if os.geteuid() == 0 else []), *self.arguments]
        if self.tight and os.geteuid() != 0:
            command += ["--user", "root"]  # of the namespace
        if self.tight:
            command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
                       'mount -t tmpfs -o size=%d,mode=700,uid=%d tmpfs "$0" && exec "$@"' % (self.tight, 65534 if os.geteuid() == 0 else 0),
                       self.home + "/state"] + command
        os.makedirs(self.home + "/state", 0o700, exist_ok=True)
        if os.geteuid() == 0:  # the service becomes another user
            for path in (self.home, self.home + "/state"):
                shutil.chown(path, "nobody")
        self.forget()
        self.lines, self.rest, self.local = [], b"", threading.local()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.metrics_port = int(self.wait_for(r"metrics at http://127.0.0.1:(\d+)/").group(1))
        self.port = int(self.wait_for(r"listening on 127.0.0.1:(\d+)").group(1))

    def wait_for(self, pattern):
        end = time.monotonic() + LIMIT
        while True:
            for line in self.lines:
                m = re.search(pattern, line)
                if m:
                    return m
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, end - time.monotonic()))
            data = os.read(self.process.stderr.fileno(), 4096) if ready else b""
            assert data, "no %r in:\n%s" % (pattern, "\n".join(self.lines))
            self.rest += data
            *whole, self.rest = self.rest.split(b"\n")
            self.lines += [line.decode() for line in whole]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        try:
            self.process.stderr.read()
            code = self.process.wait(LIMIT)
        finally:
            self.process.stderr.close()
        return code

    def forget(self):
        connection = getattr(getattr(self, "local", None), "connection", None)
        if connection:
            connection.close()
            self.local.connection = None

    def restart(self, number=signal.SIGTERM):
        self.end(number)
        self.start()

    def close(self):
        self.forget()
        try:
            if self.process.poll() is None:
                code = self.end()
                assert code == 0, "ended with %d" % code
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    # ---- connections ----

    def control(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(LIMIT)
        s.connect(self.home + "/control")
        return s

    def public(self):
        s = socket.create_connection(("127.0.0.1", self.port), LIMIT)
        if os.path.basename(SERVER) != "vnccloudd":
            return s
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # who it is, is for the tests of TLS
        context.set_alpn_protocols(["http/1.1"])
        return context.wrap_socket(s, server_hostname="localhost")

    def metrics(self):
        return socket.create_connection(("127.0.0.1", self.metrics_port), LIMIT)

    def kept(self):
        if getattr(self.local, "connection", None) is None:
            self.local.connection = Connection(self.public)
        return self.local.connection

    def ask(self, method, path, body=None, key=None, headers=None, make=None):
        """key: (name, secret); without one it is the operator at the control socket."""
        keeps = key and not make  # a handshake for each request would be most of the time
        connection = self.kept() if keeps else Connection(make or self.control)
        fields = dict(headers or {})
        if key and "Authorization" not in fields:
            fields["Authorization"] = "Basic " + base64.b64encode(":".join(key).encode()).decode()
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None and "Content-Type" not in fields:
            fields["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, fields)
            answer = Answer(connection.getresponse())
        except BaseException:
            keeps = None
            self.local.connection = None
            raise
        finally:
            if not keeps:
                connection.close()
        check_answer(method, path, answer)
        return answer

    def ctl(self, *words, json_lines=False):
        command = [CTL, "--socket", self.home + "/control", *(["--json"] if json_lines else []), *words]
        r = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL)
        if json_lines and r.returncode == 0:
            r.json = [json.loads(line) for line in r.stdout.splitlines()]
        return r

    # ---- what most tests begin with ----

    def account(self, name):
        return self.ask("POST", "/cloud/2/accounts", {"name": name}).json["id"]

    def key(self, account, *scopes, **more):
        a = self.ask("POST", "/cloud/2/keys?account=" + account, {"scopes": list(scopes or SCOPES), **more})
        assert a.status == 201, a.json
        return a.json["key"], a.json["secret"]


SCOPES = SPEC["components"]["schemas"]["Scope"]["enum"]
