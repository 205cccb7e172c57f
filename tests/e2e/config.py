#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""config.py -- where an option's value comes from, who has the last word, and what a reload takes."""
import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402

CTL = os.path.join(farhand.BIN, "vncserverctl")


class Config(farhand.Case):
    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def run_serverd(self, *args, code=0, before=()):
        ran = subprocess.run([*before, farhand.SERVERD, *args], env={**farhand.ENV, "HOME": self.place}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=farhand.PATIENCE, check=False)
        farhand.accuse("vncserverd", ran.stderr.decode())
        self.assertEqual(ran.returncode, code, ran)
        return ran.stdout.decode(), ran.stderr.decode()

    def options(self, *args, **more):
        out, _ = self.run_serverd(*args, "--print-config", "--json", **more)
        return {o["name"]: o for o in json.loads(out)}


class Sources(Config):
    def test_each_value_says_where_it_comes_from(self):
        conf = self.write("conf", "# mine\nname = file\n\nfilter = + 10.0.0.0/8\nfilter = - *\nframe-rate = 30\nidle-timeout = 0\n")
        policy = self.write("policy", "[locked]\nclipboard = no\n[at-most]\nidle-timeout = 900\n[at-least]\napprove = present\n")
        got = self.options("--config", conf, "--policy", policy, "--name", "line", "--log-level", "debug")
        self.assertEqual([(n, got[n]["value"], got[n]["source"], got[n].get("line"), got[n]["locked"]) for n in
                          ("name", "frame-rate", "clipboard", "idle-timeout", "approve", "resize", "log-level")],
                         [("name", "line", "command line", None, False), ("frame-rate", "30", "file", 6, False),
                          ("clipboard", "no", "policy", 2, True), ("idle-timeout", "900", "policy", 4, False),
                          ("approve", "present", "policy", 6, False), ("resize", "yes", "default", None, False),
                          ("log-level", "debug", "command line", None, False)])
        self.assertEqual(got["filter"]["value"], ["+ 10.0.0.0/8", "- *"])
        self.assertEqual(got["filter"]["file"], conf)
        self.assertEqual(got["clipboard"]["file"], policy)
        self.assertEqual((got["idle-timeout"]["at-most"], got["approve"]["at-least"]), (900, "present"))
        self.assertEqual((got["name"]["change"], got["listen"]["change"]), ("reload", "restart"))
        self.assertEqual((got["display"]["source"], self.options("--virtual", "64x64")["display"]["value"]), ("default", None))

    def test_what_is_printed_is_a_configuration_file(self):
        out, _ = self.run_serverd("--name", "Front desk", "--listen", "*:5901", "--listen", "[::1]:5902", "--print-config")
        again = self.write("again", out)
        got = self.options("--config", again)
        self.assertEqual((got["name"]["value"], got["listen"]["value"]), ("Front desk", ["*:5901", "[::1]:5902"]))
        self.assertRegex(out, r"(?m)^# command line\nname = Front desk$")

    def test_what_is_hostile_in_a_value_is_escaped(self):
        out, _ = self.run_serverd("--name", "a\nclipboard = no\x1b[31m", "--print-config")
        self.assertIn("name = a\\x0aclipboard = no\\x1b[31m\n", out)
        self.assertEqual(self.options("--name", "a\n\x1b")["name"]["value"], "a\n\x1b")


class Policy(Config):
    def test_it_has_the_last_word_and_says_so(self):
        conf = self.write("conf", "clipboard = yes\nidle-timeout = 5000\n")
        policy = self.write("policy", "[locked]\nclipboard = no\n[at-most]\nidle-timeout = 900\n")
        for args, value in ((["--idle-timeout", "60"], "60"), (["--idle-timeout", "901"], "900"), ([], "900"), (["--idle-timeout", "0"], "900")):
            self.assertEqual(self.options("--config", conf, "--policy", policy, *args)["idle-timeout"]["value"], value)
        _, err = self.run_serverd("--config", conf, "--policy", policy, "--check-config")
        self.assertIn("clipboard = yes: the policy, line 2, makes that no", err)
        self.assertIn("idle-timeout = 5000: the policy, line 4, makes that 900", err)

    def test_a_wrong_one_is_pointed_at_and_nothing_starts(self):
        policy = self.write("policy", "clipboard = no\n[locked]\nnosuch = 1\nframe-rate = 0\n")
        _, err = self.run_serverd("--policy", policy, "--check-config", code=2)
        for line in ("policy:1: clipboard: expected to stand in", "policy:3: nosuch: expected the name", "policy:4: frame-rate = 0: expected a number",
                     "policy: wrong in 3 places"):
            self.assertIn(line, err)

    def test_one_that_others_may_write_is_none(self):
        policy = self.write("policy", "[locked]\nclipboard = no\n", 0o666)
        self.assertIn("expected a file that nobody but root may write", self.run_serverd("--policy", policy, "--check-config", code=2)[1])
        if os.geteuid() == 0:
            os.chmod(policy, 0o644)
            os.chown(policy, 65534, 65534)
            self.assertIn("nobody but root", self.run_serverd("--policy", policy, "--check-config", code=2)[1])
        os.mkfifo(self.path("fifo"))
        self.assertIn("nobody but root", self.run_serverd("--policy", self.path("fifo"), "--check-config", code=2)[1])
        self.assertIn("No such file", self.run_serverd("--policy", self.path("none"), "--check-config", code=2)[1])

    def test_the_administrators_own_cannot_be_replaced(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("an /etc of one's own takes root and mount namespaces")
        ours = self.write("policy", "[locked]\nname = ours\n")
        mine = self.write("mine", "[locked]\nname = mine\n")
        before = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                  'mkdir -p /etc/vncserverd && mount -t tmpfs none /etc/vncserverd && cp "$0" /etc/vncserverd/policy.conf && exec "$@"', ours]
        got = self.options("--policy", mine, before=before)
        self.assertEqual((got["name"]["value"], got["name"]["file"]), ("ours", "/etc/vncserverd/policy.conf"))


class Reload(Config):
    def setUp(self):
        super().setUp()
        self.shown = self.display()
        self.write("conf", "name = one\n")
        self.write("policy", "[at-most]\nidle-timeout = 5000\n")
        self.serving = self.server(self.shown, options=["--config", self.path("conf"), "--policy", self.path("policy")])

    def reload(self):
        said = len(self.serving.program.lines)
        self.serving.program.signal(signal.SIGHUP)
        self.serving.program.wait_line("was read again|stays as it is", start=said)
        return "\n".join(self.serving.program.lines[said:])

    def test_it_names_what_was_taken_and_what_waits_and_sessions_stay(self):
        client = self.raw_client(self.serving)
        self.assertEqual(client.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        client.start_rfb()
        client.picture()
        self.write("conf", "name = two\nmax-half-open = 3\napprove = always\nclipboard = no\n")
        said = self.reload()
        for name in ("name", "approve", "clipboard"):
            self.assertIn(f"{name} has changed\n", said)
        self.assertIn("max-half-open has changed; that takes effect at the next start", said)
        client.rfb(session.update_request(0, 0, 10, 10))
        client.picture()
        self.fails(3, self.serving, "info")  # approve = always, and there is nobody
        self.assertNotIn("has changed", self.reload().replace("max-half-open has changed", ""))

    def test_the_policy_is_read_again_as_well(self):
        self.write("policy", "[locked]\napprove = always\napprove-dialog = no\n")
        self.assertIn("approve has changed", self.reload())
        self.fails(3, self.serving, "info")
        self.write("policy", "[locked]\napprove = nonsense\n")
        self.assertIn("everything stays as it is", self.reload())
        self.fails(3, self.serving, "info")
        self.write("policy", "")
        self.reload()
        self.ok(self.serving, "info")

    def ctl(self, *words, code=0):
        ran = subprocess.run([CTL, "--socket", self.serving.control, *words], env=farhand.ENV, check=False, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=farhand.PATIENCE)
        self.assertEqual(ran.returncode, code, ran)
        return ran.stdout.decode() + ran.stderr.decode()

    def test_an_operator_has_it_read_again(self):
        self.assertEqual(self.ctl("reload"), "nothing changed\n")
        self.write("conf", "name = two\nmax-half-open = 3\n")
        self.assertEqual(self.ctl("reload"), "name: changed\nmax-half-open: changes at the next start\n")
        self.write("conf", "nonsense\n")
        self.assertIn("the log says where", self.ctl("reload", code=6))
        self.serving.program.wait_line("conf:1: expected name = value")


if __name__ == "__main__":
    farhand.main()
