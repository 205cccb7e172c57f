#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""demo.py -- tests/demo/demo.sh shows what it promises, and leaves nothing behind, also when interrupted."""
import os
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402


def alive(folder):
    """Command lines of all processes that name the folder or belong to one that does."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f, open(f"/proc/{pid}/environ", "rb") as g:
                line, environment = f.read(), g.read()
        except OSError:
            continue
        if line and (folder.encode() in line or folder.encode() in environment):
            found.append(line.replace(b"\0", b" ").decode())
    return found


class Demo(farhand.unittest.TestCase):
    def setUp(self):
        self.place = farhand.temporary()
        self.folder = os.path.join(self.place, "demo")

    def start(self):
        env = {**farhand.ENV, "FARHAND_BIN": farhand.BIN, "FARHAND_TOP": farhand.TOP, "HOME": self.place}
        program = farhand.Program([os.path.join(farhand.TOP, "tests/demo/demo.sh"), self.folder], env=env)
        self.addCleanup(program.stop)
        return program

    def left(self):
        farhand.wait_until(lambda: not alive(self.folder), "the end of all that was started")
        return sorted(os.listdir(self.folder)), os.listdir(self.place)

    def test_it_shows_a_desktop_and_all_that_it_says(self):
        program = self.start()
        self.assertEqual(program.wait(2 * farhand.PATIENCE), 0, program.text())
        text = program.text()
        for pattern in (r"catchphrase +\w+", r"fingerprint +[0-9a-f]{64}", "4, server unknown", "turned green",
                        "given in advance", "5, the server's key has changed", "known catchphrase", r"cipher +AES-256-GCM",
                        r"first picture +\d+ ms", r"bytes received +\d+"):
            self.assertRegex(text, pattern)
        if "not shown" in text:
            self.assertRegex(text, "not shown +(namespaces are not allowed here|(unshare|ip|nft) is not installed)")
        else:
            self.assertRegex(text, r"the path it took +direct, from one to the other \(\w+ to \w+\), a relay beside it")
            self.assertRegex(text, r"to +198\.51\.100\.2:\d+, round trip")
        self.assertEqual(self.left(), (["desktop.png", "log"], ["demo"]))
        width, height, rgb = farhand.png_pixels(os.path.join(self.folder, "desktop.png"))
        self.assertEqual((width, height), (1280, 800))
        self.assertGreater(sum(rgb[i:i + 3] == b"\x14\x53\x2d" for i in range(0, len(rgb), 3)), 100000)

    def test_interrupted_at_any_step_it_leaves_nothing(self):
        steps = ["Farhand", "^ *1 ", "catchphrase", "^ *3 ", "vncviewer-cli --trust", "^ *5 ", "^ *6 ", "the desktop|not shown"]
        for number, step in enumerate(steps):
            program = self.start()
            program.wait_line(step)
            # As a terminal does it, to all in the foreground, and as a supervisor does it, to the one.
            if number % 2:
                program.signal(signal.SIGTERM)
            else:
                os.killpg(program.pid, signal.SIGINT)
            self.assertEqual(program.wait(), 130, program.text())
            files, place = self.left()
            self.assertLessEqual(set(files), {"desktop.png", "log"}, step)
            self.assertEqual(place, ["demo"])

    def test_what_fails_is_named_with_the_place_of_the_logs(self):
        broken = os.path.join(self.place, "bin")
        os.mkdir(broken)
        os.symlink(farhand.SERVERD, os.path.join(broken, "vncserverd"))
        with open(os.path.join(broken, "vncviewer-cli"), "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\necho no such thing >&2\nexit 7\n")
        os.chmod(f.name, 0o755)
        ran = subprocess.run([os.path.join(farhand.TOP, "tests/demo/demo.sh"), self.folder], stdin=subprocess.DEVNULL,
                             env={**farhand.ENV, "FARHAND_BIN": broken, "FARHAND_TOP": farhand.TOP, "HOME": self.place},
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2 * farhand.PATIENCE)
        text = ran.stdout.decode()
        self.assertEqual(ran.returncode, 1, text)
        self.assertTrue(re.search("ended with 7", text) and self.folder + "/log" in text and "no such thing" in text, text)
        farhand.wait_until(lambda: not alive(self.folder), "the end of all that was started")


if __name__ == "__main__":
    farhand.main()
