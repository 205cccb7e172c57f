#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""residue.py -- secrets in memory: the memory of every process of the service is read through /proc/PID/mem and searched
for known secrets. The private key is found in the key process alone; a password and a connection's keys are found in
no process once the connection has ended, and before that only where they have to be.

That the search can find is shown each time: the key in the key process, the connection's keys in its session process
while it runs, the password in this process.
"""
import base64
import os
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../support"))
import procs  # noqa: E402

PART = 16  # bytes in a row that count as found: what is shorter may be chance


def parts_of_key(path):
    """What a private key looks like in memory: numbers in both orders of bytes, and the file's own lines."""
    key = session.load_key(path)
    numbers = key.private_numbers()
    out = {}
    for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp"):
        value = getattr(numbers, name)
        size = (value.bit_length() + 7) // 8
        # The middle: the ends are often trimmed or padded.
        out[name + ", as in the file"] = value.to_bytes(size, "big")[size // 2:size // 2 + PART]
        out[name + ", as in calculations"] = value.to_bytes(size, "little")[size // 2:size // 2 + PART]
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
                            serialization.NoEncryption())
    text = base64.b64encode(der)
    for line in (8, 20):
        out[f"line {line} of the file"] = text[64 * line:64 * line + 32]
    return out


def secrets_of(client):
    """What only the two ends of a channel know."""
    s = client.channel.schedule
    return {"traffic secret of the viewer": s.ap_c, "traffic secret of the server": s.ap_s,
            "key of the viewer": client.channel.out.key, "key of the server": client.channel.into.key,
            "master secret": s.ms, "exporter": s.exporter, "rekey secret": s.rekey, "binding": s.channel_binding}


def search(pid, secrets):
    """The names of those that are there. What ends meanwhile has nothing any more."""
    found = set()
    try:
        for _, data in procs.memory(pid):
            found |= {name for name, value in secrets.items() if value in data}
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return found


@farhand.unittest.skipIf(farhand.is_sanitized(), "a sanitizer keeps memory that was given back")
class Residue(farhand.Case):
    def setUp(self):
        super().setUp()
        self.password = base64.b32encode(os.urandom(25)).decode()
        self.known_users = os.path.join(self.place, "users")
        farhand.add_user(self.known_users, farhand.USER, self.password, "all")
        self.serving = self.server(self.display(), users=self.known_users)
        try:
            next(procs.memory(procs.of(self.serving)["key"][0]))
        except PermissionError:
            self.skipTest("the memory of others cannot be read here")

    def search_all(self, secrets):
        """{kind of process: what was found there}"""
        return {kind: set().union(*(search(pid, secrets) for pid in pids))
                for kind, pids in procs.of(self.serving).items()}

    def nobody_has(self, secrets, but=()):
        for kind, found in self.search_all(secrets).items():
            if kind not in but:
                self.assertEqual(found, set(), kind)

    def leave(self, client):
        pids = procs.of(self.serving)["session"]
        client.channel.close()
        client.drain()
        client.channel.sock.close()
        farhand.wait_until(lambda: all(procs.is_gone(pid) for pid in pids), "the end of its process")
        # The monitor has waited for it, and forgets it in its loop's next turns: another viewer's are behind them.
        self.ok(self.serving, "info", password=self.password)

    def test_the_private_key_is_in_the_key_process_alone(self):
        secrets = parts_of_key(self.key)
        for _ in range(3):
            client = self.raw_client(self.serving)
            client.log_in(farhand.USER, self.password)
        found = self.search_all(secrets)
        self.assertGreaterEqual({"p, as in calculations", "q, as in calculations"} & found["key"],
                                {"p, as in calculations"})
        self.nobody_has(secrets, but=("key",))

    def test_a_password_that_was_right_is_nowhere(self):
        secrets = {"the password": self.password.encode()}
        client = self.raw_client(self.serving)
        self.assertEqual(client.log_in(farhand.USER, self.password)[0], session.GRANTED)
        self.assertEqual(search(os.getpid(), secrets), {"the password"})
        client.start_rfb()
        client.picture()
        self.nobody_has(secrets)  # while the session goes on, too
        self.leave(client)
        self.nobody_has(secrets)

    def test_a_password_that_was_wrong_is_nowhere(self):
        wrong = base64.b32encode(os.urandom(25)).decode()
        client = self.raw_client(self.serving)
        self.assertEqual(client.log_in(farhand.USER, wrong)[0], session.TRY_AGAIN)
        self.nobody_has({"the password": wrong.encode()})
        client.channel.sock.close()
        farhand.wait_until(lambda: not procs.of(self.serving)["session"], "the end of its process")
        self.nobody_has({"the password": wrong.encode()})

    def test_a_password_that_a_program_decided_about_is_nowhere(self):
        program = self.path("check")
        with open(program, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nread -r line\necho '{\"result\": \"allow\", \"permissions\": \"all\"}'\n")
        os.chmod(program, 0o755)
        self.serving = self.server(self.display(), users=self.known_users,
                                   options=["--auth", "program", "--auth-command", program])
        secrets = {"the password": self.password.encode()}
        client = self.raw_client(self.serving)
        self.assertEqual(client.log_in(farhand.USER, self.password)[0], session.GRANTED)
        self.nobody_has(secrets)
        self.leave(client)
        self.nobody_has(secrets)

    def test_a_proof_of_a_password_leaves_none_of_it(self):
        client = self.raw_client(self.serving)
        client.prove(farhand.USER, self.password)
        self.nobody_has({"the password": self.password.encode()})
        self.leave(client)
        self.nobody_has({"the password": self.password.encode()})

    def test_a_connections_keys_are_in_its_own_process_and_die_with_it(self):
        client = self.raw_client(self.serving)
        client.log_in(farhand.USER, self.password)
        client.start_rfb()
        client.picture()
        secrets = secrets_of(client)
        found = self.search_all(secrets)
        self.assertIn("key of the server", found["session"])
        binding = {"binding"}  # which the monitor is told, and which opens nothing
        for kind in ("monitor", "key", "desktop"):
            self.assertLessEqual(found[kind], binding if kind == "monitor" else set(), kind)
        self.leave(client)
        self.nobody_has(secrets)

    def test_what_was_typed_is_gone_with_the_session(self):
        typed = base64.b32encode(os.urandom(25))
        client = self.raw_client(self.serving)
        client.log_in(farhand.USER, self.password)
        client.start_rfb()
        client.rfb(session.cut_text(typed))
        client.picture()
        self.leave(client)
        for kind in ("monitor", "key"):
            self.assertEqual(self.search_all({"the clipboard": typed})[kind], set())


if __name__ == "__main__":
    farhand.main()
