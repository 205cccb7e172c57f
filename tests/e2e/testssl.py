#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""testssl.py -- vnccloudd's port in the eyes of testssl.sh, which is not ours: no finding above LOW.

    FARHAND_TESTSSL=all     every check that it knows, which takes minutes; without it those that say most
"""
import json
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import clouds  # noqa: E402
import farhand  # noqa: E402

# Protocols, ciphers by strength, the certificate and what else the server shows.
CHECKS = ["--protocols", "--standard", "--server-defaults"]
# What it would have otherwise, and why that is as it should be.
EXCEPTIONS = {
    "cert_chain_of_trust": "the root is the cloud's own, which clients pin; no trust store has it, and none is asked",
}
FINE = ("OK", "INFO", "LOW")
# That it saw the port at all, and what for.
MUST = {"SSLv3": "OK", "TLS1_2": "OK", "cipherlist_NULL": "OK", "cipherlist_STRONG": "OK", "cert_trust": "OK"}


class Testssl(farhand.unittest.TestCase):
    def test_there_is_no_finding_above_low(self):
        folder = farhand.temporary()
        cloud = clouds.Cloud(folder)
        self.addCleanup(cloud.stop)
        found, is_all = os.path.join(folder, "found.json"), os.environ.get("FARHAND_TESTSSL") == "all"
        began = time.monotonic()
        ran = subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1",
                              "--jsonfile", found, *([] if is_all else CHECKS), f"https://localhost:{cloud.port}"],
                             env={**farhand.ENV, "HOME": folder}, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=1500 if is_all else 600, check=False)
        said = ran.stdout.decode("utf-8", "replace")
        try:
            with open(found, encoding="utf-8") as f:
                findings = json.load(f)
        except (OSError, ValueError) as e:
            self.fail(f"{e}; it said:\n{said}")
        print(f"{len(findings)} findings in {time.monotonic() - began:.0f} s")
        seen = {f["id"]: f for f in findings}
        for name, severity in MUST.items():
            self.assertEqual(seen.get(name, {}).get("severity"), severity, said)
        self.assertIn("scanTime", seen, "it did not come to its end:\n" + said)
        high = [f for f in findings if f["severity"] not in FINE]
        self.assertEqual([f for f in high if f["id"] not in EXCEPTIONS], [])
        self.assertEqual({f["id"] for f in high}, set(EXCEPTIONS), "what is no finding any more needs no exception")
        self.assertTrue(cloud.program.is_running())


if __name__ == "__main__":
    farhand.need("testssl")
    farhand.main()
