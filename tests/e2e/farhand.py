# SPDX-License-Identifier: MIT
"""farhand.py -- servers, viewers and displays for tests of whole programs.

    import farhand
    class Case(farhand.Case):
        def test_a_sentence(self):
            display = self.display()
            server = self.server(display)
            self.assertEqual(self.viewer(server, "capture", "a.png").code, 0)
    farhand.main()

Everything lives in one temporary folder, listens on ports that the system chose, is waited for by
what it says and never by the clock, and is ended by its process id, whatever happens.
"""
import atexit
import collections
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

TOP = os.environ.get("FARHAND_TOP") or os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("FARHAND_BIN") or os.path.join(TOP, "build/release/bin")
SERVERD = os.path.join(BIN, "vncserverd")
VIEWER = os.path.join(BIN, "vncviewer-cli")
PATIENCE = 30  # seconds that anything may take before a test gives up: an end, never a verdict
# What the programs see of our surroundings: nothing of the caller's desktop, home or language.
ENV = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC",
       **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k.startswith("LLVM_")}}


def is_sanitized():
    """Built for a sanitizer or for coverage."""
    return os.path.basename(os.path.dirname(BIN)) in ("asan", "tsan", "cov", "fuzz")


def need(*programs):
    """Ends the whole script with 77, skipped, where a program is not installed."""
    for name in programs:
        if not shutil.which(name):
            print(f"skipped: {name} is not installed (scripts/install-deps test)")
            sys.exit(77)


class Program:
    """A running process. Its two outputs are kept as lines and can be waited for."""

    running = []

    def __init__(self, args, env=None, stdin=None, name=None, pass_fds=(), preexec_fn=None):
        self.name = name or os.path.basename(args[0])
        self.lines = []
        self.changed = threading.Condition()
        self.readers = 2
        self.process = subprocess.Popen(
            args, env=env or ENV, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=pass_fds, start_new_session=True, preexec_fn=preexec_fn)
        self.pid = self.process.pid
        Program.running.append(self)
        for pipe in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe):
        for raw in pipe:
            with self.changed:
                self.lines.append(raw.decode("utf-8", "backslashreplace").rstrip("\n"))
                self.changed.notify_all()
        pipe.close()
        with self.changed:
            self.readers -= 1
            self.changed.notify_all()

    def text(self):
        with self.changed:
            return "\n".join(self.lines)

    def wait_line(self, pattern, start=0, patience=PATIENCE):
        """The match of the first line from `start` on in which pattern is found."""
        end = time.monotonic() + patience
        with self.changed:
            while True:
                for line in self.lines[start:]:
                    found = re.search(pattern, line)
                    if found:
                        return found
                start = len(self.lines)
                if self.readers == 0:
                    break
                if not self.changed.wait(end - time.monotonic()):
                    break
        raise AssertionError(f"{self.name} did not say /{pattern}/ but:\n{self.text()}")

    def wait(self, patience=PATIENCE):
        """The exit code, when all output was read."""
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end; it said:\n{self.text()}") from None
        with self.changed:
            self.changed.wait_for(lambda: self.readers == 0, 5)
        return code

    def is_running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Ends it if it runs, and says its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                accused.append(f"{self.name} did not end when it was asked to:\n{self.text()}")
                self.process.kill()
        if self in Program.running:
            Program.running.remove(self)
        code = self.wait()
        accuse(self.name, self.text())
        return code


folders = []
accused = []


def accuse(name, text):
    """A sanitizer's complaint is a failure, whatever the program's exit code was taken for."""
    if re.search(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:", text):
        accused.append(f"{name}:\n{text}")


def temporary():
    """A folder that is gone when the script ends."""
    folders.append(tempfile.mkdtemp(prefix="farhand-"))
    return folders[-1]


# Whoever ends us with a signal gets the cleaning up as well.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


@atexit.register
def clean_up():
    """Ends everything. Returns how many programs were accused by a sanitizer, and prints what it said."""
    for program in reversed(Program.running[:]):
        program.stop()
    while folders:
        shutil.rmtree(folders.pop(), True)
    for text in accused:
        print(text)
    return len(accused)


def wait_until(condition, what, patience=PATIENCE):
    """For states that nothing announces, such as a file that another program writes."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.01)


def read_text(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


class Display:
    """A headless X server of our own, with what runs on it."""

    def __init__(self, folder, size="320x240", extra=()):
        reader, writer = os.pipe()
        self.folder = folder
        self.xvfb = Program(["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size}x24", "-nolisten", "tcp",
                             "-noreset", *extra], pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise AssertionError(f"Xvfb does not start:\n{self.xvfb.text()}")
        self.name = f":{number}"
        self.env = {**ENV, "DISPLAY": self.name, "HOME": folder}

    def run(self, *args, **more):
        """Starts a program on the display."""
        return Program(list(args), env=self.env, **more)

    def ask(self, *args, data=None):
        """What a program prints, that ends by itself."""
        return subprocess.run(args, env=self.env, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, check=True).stdout

    def window(self, name):
        """Waits until a window with this name is seen, and says its number."""
        return self.ask("xdotool", "search", "--sync", "--onlyvisible", "--name", f"^{name}$").split()[0].decode()

    def xterm(self, script, geometry="40x10+0+0", name="program", options=()):
        """An xterm in which a shell script runs, when its window is there."""
        program = self.run("xterm", "-u8", "-T", name, "-geometry", geometry, "-b", "0", "-bw", "0", *options,
                           "-e", "sh", "-c", script)
        self.window(name)
        return program

    def xev(self, geometry="320x240+0+0", events=("keyboard",)):
        """xev: a program that prints what arrives; ready for it when this returns."""
        flags = [word for event in events for word in ("-event", event)]
        program = self.run("stdbuf", "-oL", "xev", "-name", "xev", "-geometry", geometry, *flags, name="xev")
        self.window("xev")
        return program

    def picture(self):
        """The screen as xwd sees it: (width, height, RGB bytes)."""
        return xwd_pixels(self.ask("xwd", "-silent", "-root"))


def xwd_pixels(data):
    head = struct.unpack(">25I", data[:100])
    size, fmt, width, height = head[0], head[2], head[4], head[5]
    msb, bits, line, colors = head[7], head[11], head[12], head[19]
    if fmt != 2 or bits != 32:
        raise AssertionError(f"xwd: format {fmt}, {bits} bits a pixel")
    start, out = size + 12 * colors, bytearray()
    for y in range(height):
        row = data[start + y * line:start + y * line + 4 * width]
        r, g, b = (row[1::4], row[2::4], row[3::4]) if msb else (row[2::4], row[1::4], row[0::4])
        rgb = bytearray(3 * width)
        rgb[0::3], rgb[1::3], rgb[2::3] = r, g, b
        out += rgb
    return width, height, bytes(out)


def png_pixels(path):
    """(width, height, RGB bytes) of a PNG of 8-bit RGB or RGBA, not interlaced."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise AssertionError(f"{path} is no PNG")
    at, packed, head = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    width, height, depth, color, _, _, interlace = head
    if depth != 8 or color not in (2, 6) or interlace:
        raise AssertionError(f"{path}: unexpected kind of PNG {head}")
    n = 3 if color == 2 else 4
    raw, prior, out = zlib.decompress(packed), bytearray(width * n), bytearray()
    for y in range(height):
        kind, *_ = raw[y * (width * n + 1):][:1]
        row = bytearray(raw[y * (width * n + 1) + 1:(y + 1) * (width * n + 1)])
        png_unfilter(kind, row, prior, n)
        prior = row
        rgb = row if n == 3 else bytearray(b for i, b in enumerate(row) if i % 4 != 3)
        out += rgb
    return width, height, bytes(out)


def png_unfilter(kind, row, prior, n):
    if kind == 0:
        return
    for i, value in enumerate(row):
        a, b, c = (row[i - n] if i >= n else 0), prior[i], (prior[i - n] if i >= n else 0)
        if kind == 4:
            p = a + b - c
            guess = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        else:
            guess = (0, a, b, (a + b) // 2)[kind]
        row[i] = (value + guess) & 0xff


def png_write(path, width, height, rgb):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = b"".join(b"\0" + rgb[3 * width * y:3 * width * (y + 1)] for y in range(height))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


Result = collections.namedtuple("Result", "code out err")


def make_identity(path, bits=2048):
    subprocess.run([SERVERD, "--identity", path, "identity", "new", "--bits", str(bits)], env=ENV, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    return path


def identity(path):
    """(catchphrase, fingerprint) of an identity."""
    text = subprocess.run([SERVERD, "--identity", path, "identity", "show"], env=ENV, check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=PATIENCE).stdout.decode()
    phrase = re.search(r"([A-Z][a-z]+(?: [a-z]+){3}\. [A-Z][a-z]+(?: [a-z]+){3}\.)", text)
    fingerprint = re.search(r"\b([0-9a-f]{64})\b", text)
    return phrase.group(1), fingerprint.group(1)


def add_user(path, name, password, permissions=None):
    more = ["--permissions", permissions] if permissions else []
    subprocess.run([SERVERD, "--users", path, "user", "add", name, *more], env=ENV, check=True,
                   input=password.encode() + b"\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)


def ask_serverd(*args):
    """What a sub-command prints."""
    return subprocess.run([SERVERD, *args], env=ENV, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=PATIENCE).stdout.decode()


def remove_user(path, name):
    ask_serverd("--users", path, "user", "remove", name)


USER, PASSWORD = "ann", "correct horse"


class Server:
    """A vncserverd on a free port of the loopback interface, ready for viewers."""

    def __init__(self, folder, where, key, options=(), users=None, program=(), listen="127.0.0.1:0", env=None,
                 ready=True, preexec_fn=None, notice="none"):
        self.folder = tempfile.mkdtemp(prefix="server-", dir=folder)
        self.key = key
        self.users = users or os.path.join(self.folder, "users")
        self.audit_path = os.path.join(self.folder, "audit")
        self.control = os.path.join(self.folder, "control")
        args = [SERVERD, "--identity", key, "--users", self.users, "--audit", self.audit_path,
                "--audit-limit", "0", "--blacklist", self.audit_path + ".blacklist", "--control", self.control]
        if notice:
            args += ["--notice", notice]
        if listen:
            args += ["--listen", listen]
        args += where
        args += options
        if program:
            args += ["--", *program]
        self.program = Program(args, env=env or {**ENV, "HOME": self.folder}, preexec_fn=preexec_fn)
        self.pid = self.program.pid
        self.port = None
        self.address = None
        if ready:
            self.wait_ready()

    def wait_ready(self):
        found = self.program.wait_line(r"listening on (?:(127\.0\.0\.1):(\d+)|unix:(/\S+))")
        if found.group(2):
            self.port = int(found.group(2))
            self.address = f"127.0.0.1::{self.port}"
        else:
            self.address = found.group(3)

    def audit(self, service=False):
        """The audit lines so far, as dictionaries; service: also those about the service itself."""
        text = read_text(self.audit_path)
        lines = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]  # the last may be half written
        return [e for e in lines if service or not e["event"].startswith("service-")]

    def wait_audit(self, condition, what):
        return wait_until(lambda: next((e for e in self.audit() if condition(e)), None), what)

    def connect(self, source=None):
        """A bare connection; source: our own address, where several matter."""
        if self.port is None:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(PATIENCE)
            s.connect(self.address)
            return s
        s = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE,
                                     source_address=(source, 0) if source else None)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def stop(self):
        return self.program.stop()


class Case(unittest.TestCase):
    """A test case with its own folder, in which the parts above are made and ended."""

    SIZE = "320x240"

    @classmethod
    def setUpClass(cls):
        cls.folder = temporary()
        cls.key = make_identity(os.path.join(cls.folder, "server.pem"))
        cls.viewer_key = make_identity(os.path.join(cls.folder, "viewer.pem"))
        cls.phrase, cls.fingerprint = identity(cls.key)
        cls.users = os.path.join(cls.folder, "users")
        add_user(cls.users, USER, PASSWORD, "all")

    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="case-", dir=self.folder)
        self.known = os.path.join(self.place, "known")

    def path(self, name):
        return os.path.join(self.place, name)

    def display(self, size=None, extra=()):
        display = Display(self.place, size or self.SIZE, extra)
        self.addCleanup(display.xvfb.stop)
        return display

    def server(self, display=None, **more):
        where = more.pop("where", None) or ["--display", display.name]
        server = Server(self.place, where, more.pop("key", self.key), users=more.pop("users", self.users), **more)
        self.addCleanup(server.stop)
        return server

    def viewer_args(self, address, commands, options=(), trust=True, user=USER):
        address = address.address if isinstance(address, Server) else address
        args = [VIEWER, "--known-servers", self.known, "--identity", self.viewer_key, "--user", user]
        if trust:
            args += ["--trust", self.fingerprint]
        return [*args, *options, address, *commands]

    def start_viewer(self, address, *commands, options=(), trust=True, user=USER, password=PASSWORD, **more):
        env = {**ENV, "HOME": self.place}
        if password is not None:
            env["FH_PASSWORD"] = password
        program = Program(self.viewer_args(address, commands, options, trust, user), env=env, **more)
        self.addCleanup(program.stop)
        return program

    def viewer(self, address, *commands, options=(), trust=True, user=USER, password=PASSWORD, data=None):
        """Runs a viewer to its end."""
        env = {**ENV, "HOME": self.place}
        if password is not None:
            env["FH_PASSWORD"] = password
        # A session of its own, so that no terminal of the caller is asked anything.
        ran = subprocess.run(self.viewer_args(address, commands, options, trust, user), env=env, input=data or b"",
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE * 2,
                             start_new_session=True)
        accuse("vncviewer-cli", ran.stderr.decode())
        return Result(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    def raw_client(self, server):
        """The independent client of session.py, its channel open."""
        import session
        sock = server.connect()
        self.addCleanup(sock.close)
        return session.Client(sock, session.load_key(self.viewer_key), bytes.fromhex(self.fingerprint))

    def ok(self, *args, **more):
        """Runs a viewer that must succeed."""
        result = self.viewer(*args, **more)
        self.assertEqual(result.code, 0, result)
        return result

    def fails(self, code, *args, **more):
        """Runs a viewer that must end with this exit code."""
        result = self.viewer(*args, **more)
        self.assertEqual(result.code, code, result)
        return result


class Terminal:
    """A viewer on a terminal: what it shows can be read, and answered."""

    def __init__(self, args, env):
        self.shown = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(args[0], args, env)
        self.code = None

    def wait_text(self, text, patience=PATIENCE):
        end = time.monotonic() + patience
        while text not in self.shown:
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"the terminal never showed {text!r} but {self.shown!r}")

    def _read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], max(0, seconds))
        try:
            data = os.read(self.fd, 4096) if ready else b""
        except OSError:
            data = b""
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self):
        """The exit code."""
        while self.code is None and self._read(PATIENCE):
            pass
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self.fd)
        return self.code

    def stop(self):
        if self.code is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.wait()


def main():
    """Runs the cases of the script; the last line sums up."""
    need("Xvfb", "xterm", "xdotool", "xwd", "xev")
    began = time.monotonic()
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    bad = len(result.failures) + len(result.errors) + clean_up()
    sys.stderr.flush()
    print(f"{result.testsRun} cases, {bad} failed, {len(result.skipped)} skipped, "
          f"{time.monotonic() - began:.1f} s")
    sys.exit(1 if bad else 0)
