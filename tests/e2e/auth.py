#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""auth.py -- what a viewer has to prove beside a password: one-time codes, and its own identity.

oathtool is the authenticator, and hostile viewers are those of session.py. auth_program.py and auth_pam.py, who have
others decide about the password, start from here.
"""
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import textwrap
import time

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402

fsc1 = session.fsc1


def oathtool(secret, *more):
    return subprocess.run(["oathtool", "-b", *more, secret], check=True, stdout=subprocess.PIPE).stdout.decode().strip()


def lines_of(path):
    return farhand.read_text(path).splitlines()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Auth(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)
        cls.other_viewer = farhand.make_identity(os.path.join(cls.folder, "other.pem"))

    def setUp(self):
        super().setUp()
        self.users_path, self.codes = self.path("users"), self.path("codes")

    def serve(self, *options, **more):
        return self.server(self.shared, users=self.users_path, options=["--codes", self.codes, "--max-half-open-source", "100", *options], **more)

    def command(self, *args, data=b"", code=0):
        ran = subprocess.run([farhand.SERVERD, "--config", "/dev/null", "--users", self.users_path, "--codes", self.codes,
                              "--name", "desk", *args], env=farhand.ENV, input=data, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=farhand.PATIENCE)
        self.assertEqual(ran.returncode, code, ran)
        farhand.accuse("vncserverd", ran.stderr.decode())
        return ran.stdout.decode() if code == 0 else ran.stderr.decode()

    def user(self, name, *options, password="pw"):
        self.command("user", "add", name, *options, data=password.encode() + b"\n")

    def enrol(self, name, *options):
        """Secret and recovery codes, as a script gets them; the first code is that of the step before now."""
        with subprocess.Popen([farhand.SERVERD, "--config", "/dev/null", "--users", self.users_path, "--codes",
                               self.codes, "user", "totp", name, "--json", *options], env=farhand.ENV,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            shown = json.loads(process.stdout.readline())
            kind = re.search(r"algorithm=(\w+)&digits=(\d)", shown["uri"])
            self.kind = (f"--totp={kind.group(1)}", "-d", kind.group(2))
            process.stdin.write(self.code(shown["secret"], -30).encode() + b"\n")
            process.stdin.flush()
            recovery = json.loads(process.stdout.readline())["recovery_codes"]
        self.assertEqual(process.returncode, 0)
        return shown["secret"], recovery

    def code(self, secret, after_s=0):
        return oathtool(secret, *self.kind, "-N", f"@{int(time.time()) + after_s}")

    def log_in(self, server, *more, code=None, user="ann", password="pw", **options):
        if code is None:
            return self.viewer(server, "info", *more, user=user, password=password, **options)
        os.environ.pop("FH_CODE", None)
        farhand.ENV["FH_CODE"] = code
        try:
            return self.viewer(server, "info", *more, user=user, password=password, **options)
        finally:
            del farhand.ENV["FH_CODE"]

    def enters(self, *args, **more):
        result = self.log_in(*args, **more)
        self.assertEqual(result.code, 0, result)
        return result

    def stays_out(self, *args, **more):
        result = self.log_in(*args, **more)
        self.assertEqual(result.code, 3, result)
        return result

    def script(self, name, body):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!{sys.executable}\n" + textwrap.dedent(body))
        os.chmod(path, 0o755)
        return path

    def denied(self, server, reason):
        return server.wait_audit(lambda e: e["event"] == "denied" and e["reason"] == reason, f"denied: {reason}")

    def raw_client(self, server, source=None):
        sock = server.connect(source)
        self.addCleanup(sock.close)
        return session.Client(sock, session.load_key(self.viewer_key), bytes.fromhex(self.fingerprint))

    def converse(self, server, user):
        client = self.raw_client(server)
        client.message(session.OFFER)
        client.send(session.SESSION, bytes([session.CHOOSE, session.CONVERSATION_METHOD]) +
                    session.items((session.KIND_USER, user.encode())))
        return client


class Codes(Auth):
    def setUp(self):
        super().setUp()
        self.user("ann", "--require", "password + totp")

    def test_an_authenticator_of_each_kind_opens_and_each_code_once(self):
        server = self.serve("--blacklist-threshold", "100")
        for options in ((), ("--hash", "sha256", "--digits", "8"), ("--hash", "sha512", "--digits", "7")):
            secret, _ = self.enrol("ann", *options)
            now = self.code(secret)
            self.stays_out(server, code=self.code(secret, -120))
            self.enters(server, code=now)
            self.stays_out(server, code=now)
            self.stays_out(server, code=self.code(secret, -30))  # an older one is no good after a newer one
            self.command("user", "totp", "ann", "--remove")
        self.denied(server, "wrong-code")

    def test_a_code_that_was_used_stays_so_when_the_service_is_killed(self):
        secret, recovery = self.enrol("ann")
        server = self.serve()
        code = self.code(secret)
        self.enters(server, code=code)
        self.enters(server, code=recovery[3])
        server.program.process.kill()
        server.program.wait()
        again = self.serve()
        self.stays_out(again, code=code)
        self.stays_out(again, code=recovery[3])
        self.enters(again, code=recovery[4].replace("-", " ").upper())

    def test_of_many_at_once_one_gets_in_by_a_code(self):
        secret, _ = self.enrol("ann")
        server = self.serve("--blacklist-threshold", "100")
        code = self.code(secret)
        clients = [self.raw_client(server) for _ in range(6)]
        for client in clients:
            self.assertEqual(client.prove("ann", "pw"), [b""])
        for client in clients:
            client.answer((session.KIND_CODE, code.encode()))
        results = [client.ask()[0] for client in clients]
        self.assertEqual(sorted(results), [session.GRANTED] + 5 * [session.TRY_AGAIN])

    def test_recovery_codes_are_made_anew_and_the_old_ones_are_void(self):
        secret, old = self.enrol("ann")
        new = json.loads(self.command("user", "totp", "ann", "--recovery", "--json"))["recovery_codes"]
        self.assertEqual(len(set(new) | set(old)), 20)
        server = self.serve()
        self.stays_out(server, code=old[0])
        self.enters(server, code=new[0])
        self.enters(server, code=self.code(secret))
        self.assertEqual(json.loads(self.command("user", "list", "--json"))[0]["recovery_codes"], 9)

    def test_nothing_but_hashes_of_recovery_codes_is_kept(self):
        _, recovery = self.enrol("ann")
        text = farhand.read_text(self.codes)
        for code in recovery:
            self.assertNotIn(code, text)
            self.assertNotIn(code.replace("-", ""), text)
        self.assertEqual(os.stat(self.codes).st_mode & 0o777, 0o600)

    def test_who_has_no_authenticator_is_not_let_in(self):
        server = self.serve()
        self.stays_out(server)
        self.denied(server, "not-enrolled")

    def test_a_wrong_password_is_not_asked_for_a_code(self):
        self.enrol("ann")
        server = self.serve()
        self.assertNotEqual(type(self.raw_client(server).prove("ann", "wrong")), list)

    def test_a_code_that_cannot_be_written_down_opens_nothing(self):
        secret, _ = self.enrol("ann")
        server = self.serve()
        os.mkdir(self.path(".codes.new"))
        self.stays_out(server, code=self.code(secret))
        server.program.wait_line("nobody gets in by a one-time code")
        os.rmdir(self.path(".codes.new"))
        self.enters(server, code=self.code(secret))

    def test_wrong_codes_count_like_wrong_passwords(self):
        secret, _ = self.enrol("ann")
        server = self.serve("--blacklist-threshold", "3")
        client = self.raw_client(server)
        for i in range(3):
            self.assertEqual(client.prove("ann", "pw"), [b""])
            client.answer((session.KIND_CODE, b"000000"))
            self.assertEqual(client.ask()[0], session.REFUSED if i == 2 else session.TRY_AGAIN)
        self.assertIn(self.log_in(server, code=self.code(secret)).code, (10, 11))  # not even listened to

    def test_what_answers_no_question_ends_the_attempt(self):
        self.enrol("ann")
        server = self.serve("--blacklist-threshold", "100")
        kind = session.KIND_CODE
        hosts = (f"127.0.0.{i}" for i in range(2, 250))  # one alone may not try as often as this
        for answers in ([], [(session.KIND_PROMPT, b"123456")], [(kind, b"1" * 65)], [(kind, b"1"), (kind, b"2")],
                        [(session.KIND_USER, b"root")], [(99, b"")]):
            client = self.raw_client(server, next(hosts))
            self.assertEqual(client.prove("ann", "pw"), [b""])
            client.answer(*answers)
            with self.assertRaises((session.Ended, fsc1.Closed), msg=answers):
                client.ask()
        for step in (0, 2, 255):
            client = self.raw_client(server, next(hosts))
            client.prove("ann", "pw")
            client.step = step
            client.answer((kind, b"123456"))
            with self.assertRaises((session.Ended, fsc1.Closed), msg=step):
                client.ask()
        for answer in (b"", b"\0" * 6, b"\xff" * 64, b"1234567"):
            client = self.raw_client(server, next(hosts))
            client.prove("ann", "pw")
            client.answer((kind, answer))
            self.assertEqual(client.ask()[0], session.TRY_AGAIN)
        # Before anything was asked, and a second choice while a code is awaited.
        client = self.raw_client(server, next(hosts))
        client.message(session.OFFER)
        client.step = 1
        client.answer((kind, b"123456"))
        with self.assertRaises((session.Ended, fsc1.Closed)):
            client.ask()
        client = self.raw_client(server, next(hosts))
        client.prove("ann", "pw")
        with self.assertRaises((session.Ended, fsc1.Closed)):
            client.prove("ann", "pw")
        self.assertTrue(server.program.is_running())


class Enrolment(Auth):
    def setUp(self):
        super().setUp()
        self.user("ann")

    def terminal(self, *options):
        """The command on a terminal: all that it shows until it asks, and a way to answer."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(farhand.SERVERD, [farhand.SERVERD, "--config", "/dev/null", "--users", self.users_path, "--codes",
                                        self.codes, "--name", "desk", "user", "totp", "ann", *options],
                      {**farhand.ENV, "TERM": "xterm"})
        shown = b""
        while not shown.endswith(b"code now: "):
            shown += os.read(fd, 65536)
        return pid, fd, shown.decode()

    def answer(self, pid, fd, text):
        os.write(fd, text.encode() + b"\n")
        shown = b""
        try:
            while True:
                data = os.read(fd, 65536)
                if not data:
                    break
                shown += data
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def test_the_qr_code_on_the_terminal_is_the_uri(self):
        pid, fd, shown = self.terminal()
        uri = re.search(r"otpauth://\S+", shown).group()
        secret = re.search(r"secret=(\w+)", uri).group(1)
        self.assertTrue(uri.startswith("otpauth://totp/desk:ann?"))
        rows = re.findall("\x1b\\[40;37;1m([ \u2580\u2584\u2588]+)\x1b\\[0m", shown)
        width, scale = len(rows[0]), 4
        pixels = bytearray()
        for row in rows:
            for glyphs in ("\u2580\u2588", "\u2584\u2588"):
                line = b"".join((b"\xff" if c in glyphs else b"\0") * 3 * scale for c in row)
                pixels += line * scale
        picture = self.path("qr.png")
        farhand.png_write(picture, width * scale, 2 * len(rows) * scale, bytes(pixels))
        self.kind = ("--totp=SHA1", "-d", "6")
        code, after = self.answer(pid, fd, self.code(secret))
        self.assertEqual(code, 0, after)
        self.assertEqual(len(re.findall(r"(?m)^ {4}\w{4}-\w{4}-\w{4}-\w{4}\r?$", after)), 10)
        if not shutil.which("zbarimg"):
            self.skipTest("zbarimg is not installed (scripts/install-deps test)")
        read = subprocess.run(["zbarimg", "-q", "--raw", picture], stdout=subprocess.PIPE, check=True)
        self.assertEqual(read.stdout.decode().strip(), uri)

    def test_without_its_code_nothing_is_changed(self):
        pid, fd, _ = self.terminal()
        os.write(fd, b"1\n2\n")
        code, _ = self.answer(pid, fd, "3")
        self.assertEqual(code, 14)
        self.assertFalse(os.path.exists(self.codes))
        self.command("user", "totp", "ann", data=b"", code=14)
        self.command("user", "totp", "nobody", code=14)
        self.command("user", "totp", "ann", "--recovery", code=14)
        self.command("user", "totp", "ann", "--remove", code=14)
        self.command("user", "totp", "ann", "--digits", "9", code=2)
        self.command("user", "totp", "ann", "--hash", "md5", code=2)
        self.assertFalse(os.path.exists(self.codes))

    def test_the_code_that_confirmed_is_spent(self):
        self.command("user", "set", "ann", "--require", "password + totp")
        secret, _ = self.enrol("ann")
        server = self.serve()
        self.stays_out(server, code=self.code(secret, -30))
        self.assertIn("already", self.command("user", "totp", "ann", code=14))

    def test_a_user_who_is_added_again_has_no_authenticator(self):
        self.enrol("ann")
        self.assertTrue(json.loads(self.command("user", "list", "--json"))[0]["totp"])
        self.command("user", "remove", "ann")
        self.user("ann")
        self.assertFalse(json.loads(self.command("user", "list", "--json"))[0]["totp"])

    def test_users_and_groups_are_changed_by_commands(self):
        self.command("group", "add", "staff", "--permissions", "view,pointer")
        self.command("group", "add", "staff", code=14)
        self.command("group", "set", "staff", "--require", "password + totp")
        self.command("user", "set", "ann", "--groups", "staff", "--permissions", "inherit")
        ann = json.loads(self.command("user", "list", "--json"))[0]
        self.assertEqual((ann["permissions"], ann["require"], ann["groups"]), ("view,pointer", "password + totp", ["staff"]))
        self.assertEqual(json.loads(self.command("group", "list", "--json"))[0]["members"], ["ann"])
        self.assertIn("members", self.command("group", "remove", "staff", code=14))
        self.assertIn("group add", self.command("user", "set", "ann", "--groups", "none-such", code=14))
        self.command("user", "set", "ann", "--groups", "")
        self.command("group", "remove", "staff")
        before = farhand.read_text(self.users_path)
        self.command("user", "password", "ann", data=b"another\n")
        after = farhand.read_text(self.users_path)
        self.assertNotEqual(before, after)
        self.assertEqual(before.split(":")[2:], after.split(":")[2:])
        for wrong in (["user", "set", "ann"], ["user", "set", "ann", "--require", "totp"], ["user", "add", "@x"],
                      ["user", "set", "ann", "--permissions", "fly"], ["group", "add", "a,b"], ["user", "list", "ann"],
                      ["user", "identity", "add", "ann", "00"], ["user", "fly"], ["group"]):
            self.command(*wrong, data=b"pw\n", code=2)
        self.assertEqual(farhand.read_text(self.users_path), after)


class Identities(Auth):
    def test_an_identity_that_is_listed_opens_and_another_does_not(self):
        fingerprint = farhand.identity(self.viewer_key)[1]
        self.user("ann", "--no-password", "--require", "identity")
        server = self.serve("--blacklist-threshold", "100")
        method = ["--method", "identity"]
        self.stays_out(server, options=method)
        self.denied(server, "identity")
        self.command("user", "identity", "add", "ann", fingerprint)
        self.enters(server, options=method)
        self.stays_out(server, options=method, user="ben")
        self.stays_out(server, options=[*method, "--identity", self.other_viewer])
        self.stays_out(server)  # a password is no substitute
        self.command("user", "identity", "remove", "ann", fingerprint)
        self.stays_out(server, options=method)

    def test_identity_password_and_code_together(self):
        self.user("ann", "--require", "password + totp + identity")
        self.command("user", "identity", "add", "ann", farhand.identity(self.viewer_key)[1])
        secret, _ = self.enrol("ann")
        server = self.serve("--blacklist-threshold", "100")
        self.stays_out(server, code=self.code(secret), options=["--identity", self.other_viewer])
        self.stays_out(server, code=self.code(secret), password="wrong")
        self.stays_out(server, code=self.code(secret), options=["--method", "identity"])
        self.stays_out(server, code="000000")
        self.enters(server, code=self.code(secret))

    def test_what_a_group_requires_its_members_prove(self):
        self.command("group", "add", "staff", "--permissions", "view")
        self.command("group", "add", "admins", "--permissions", "pointer", "--require", "password + totp")
        self.user("ann", "--groups", "staff")
        self.user("ben", "--groups", "staff,admins")
        server = self.serve("--require", "password")
        self.assertIn('"permissions":"view"', self.enters(server, options=["--json"]).out.replace(" ", ""))
        self.stays_out(server, user="ben")
        secret, _ = self.enrol("ben")
        out = self.enters(server, options=["--json"], user="ben", code=self.code(secret)).out
        self.assertEqual(json.loads(out.splitlines()[0])["permissions"], "view,pointer")

    def test_the_option_says_what_nobody_else_says(self):
        self.user("ann")
        server = self.serve("--require", "password + identity")
        self.stays_out(server)
        self.command("user", "identity", "add", "ann", farhand.identity(self.viewer_key)[1])
        self.enters(server)


if __name__ == "__main__":
    farhand.need("oathtool")
    farhand.main()
