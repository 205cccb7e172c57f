#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cloud.py -- a desktop that is reached through a cloud: by its relay, directly, and from one to the other; what the server
sees of who comes, what becomes of sessions when the cloud dies, and what neither end takes from it.
"""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
import clouds  # noqa: E402
import farhand  # noqa: E402
import processes  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../support"))
import procs  # noqa: E402

REACHABLE = "notice: reachable through the cloud"
SERVERCTL = os.path.join(farhand.BIN, "vncserverctl")


class Reachable(farhand.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)
        cls.shared.ask("xset", "r", "off")
        cls.cloud = clouds.Cloud(cls.folder)
        farhand.add_user(cls.users, "ben", farhand.PASSWORD, "all")

    def setUp(self):
        super().setUp()
        self.here = self.cloud.endpoint("listen", "--allow-all")
        self.there = self.cloud.endpoint("connect")
        self.target = "cloud:" + self.here.address

    def serve(self, *options, listen="none", online=True, endpoint=None, **more):
        server = self.server(self.shared, options=[*(endpoint or self.here).server_options, *options], listen=listen,
                             ready=False, **more)
        if online:
            server.program.wait_line(REACHABLE)
        return server

    def by_cloud(self, *commands, options=(), target=None, **more):
        return self.viewer(target or self.target, *commands, options=[*self.there.viewer_options, *options], **more)

    def works(self, *commands, **more):
        result = self.by_cloud(*commands, **more)
        self.assertEqual(result.code, 0, result)
        return result

    def refused(self, code, *commands, **more):
        result = self.by_cloud(*commands, **more)
        self.assertEqual(result.code, code, result)
        return result

    def start_by_cloud(self, *commands, options=(), **more):
        return self.start_viewer(self.target, *commands, options=[*self.there.viewer_options, "--verbose", *options], **more)

    def info(self, *options):
        out = self.works("info", options=["--json", *options]).out
        return json.loads(out.splitlines()[0])

    def events(self, server, *names):
        return [e for e in server.audit() if e["event"] in names]

    def wait_event(self, server, name, **fields):
        def found():
            return [e for e in self.events(server, name) if all(e.get(k) == v for k, v in fields.items())]
        return farhand.wait_until(found, f"{name} {fields}")[0]

    def ctl(self, server, *words):
        return json.loads(subprocess.run([SERVERCTL, "--socket", server.control, "--json", *words], check=True,
                                         stdout=subprocess.PIPE, timeout=farhand.PATIENCE).stdout)


class Ways(Reachable):
    def test_a_session_goes_by_the_relay_alone(self):
        server = self.serve()
        info = self.info("--path", "relay")
        self.assertEqual((info["path"], info["paths"]), ("relayed", 1))
        self.assertEqual(info["relay"], f"localhost:{self.cloud.port}")
        self.assertNotIn("direct_peer", info)
        started = self.wait_event(server, "started")
        self.assertEqual((started["path"], started["cloud"], started["peer"]),
                         ("relayed", self.there.address, f"cloud:{self.there.address}"))

    def test_a_session_goes_directly_alone(self):
        server = self.serve()
        info = self.info("--path", "direct")
        self.assertEqual((info["path"], info["candidates"]), ("direct", "host to host"))
        self.assertNotIn("relay", info)
        started = self.wait_event(server, "started")
        self.assertEqual((started["path"], started["cloud"]), ("direct", self.there.address))
        self.assertNotIn("cloud:", started["peer"])

    def test_a_session_is_direct_in_the_end_with_the_relay_beside_it(self):
        server = self.serve()
        out = self.path("a.png")
        viewer = self.start_by_cloud("pause", "3", "capture", out, "info", options=["--json"])
        self.assertEqual(viewer.wait(), 0, viewer.text())
        info = next(json.loads(line) for line in viewer.lines if line.startswith('{"command":"info"'))
        self.assertEqual((info["path"], info["paths"]), ("direct", 2))
        self.assertTrue(info["datagrams_renewed"])
        self.assertEqual(farhand.png_pixels(out), self.shared.picture())
        self.assertEqual(len(self.events(server, "started")), 1)

    def test_the_server_may_keep_its_addresses_to_itself(self):
        self.serve("--cloud-path", "relay")
        self.assertEqual(self.info()["path"], "relayed")

    def test_nothing_listens_and_both_may(self):
        server = self.serve()
        self.assertNotIn("listening on", server.program.text())
        both = self.serve(listen="127.0.0.1:0", endpoint=self.cloud.endpoint("listen", "--allow-all"))
        both.wait_ready()
        self.ok(both, "info")

    def test_what_is_typed_arrives_as_it_was(self):
        self.serve()
        out = self.path("typed")
        program = self.shared.xterm(f"cat >{out}; echo done >>{out}.done", name="typist")
        self.addCleanup(program.stop)
        text = "the quick brown fox jumps over the lazy dog 0123456789\n" * 20
        with open(self.path("text"), "w", encoding="ascii") as f:
            f.write(text)
        self.works("pause", "0.5", "click", "1", "typefile", self.path("text"), "wait-stable", "1", "key", "ctrl-d",
                   "wait-stable", "1")
        farhand.wait_until(lambda: os.path.exists(out + ".done"), "the end of what was typed")
        self.assertEqual(farhand.read_text(out), text)

    def test_control_tells_of_the_cloud(self):
        server = self.serve()
        viewer = self.start_by_cloud("pause", "20")
        viewer.wait_line("authenticated")
        shown = farhand.wait_until(lambda: (c := self.ctl(server, "cloud")["cloud"])["connections"] and c, "a connection")
        self.assertEqual((shown["address"], shown["online"]), (self.here.address, True))
        self.assertEqual(shown["connections"][0]["cloud"], self.there.address)
        self.assertRegex(shown["connections"][0]["path"], "direct|relay")
        session = farhand.wait_until(lambda: self.ctl(server, "list")["sessions"], "a session")[0]
        self.assertEqual(session["cloud"], self.there.address)
        self.assertIn(session["path"], ("direct", "relayed"))
        viewer.stop()
        farhand.wait_until(lambda: not self.ctl(server, "cloud")["cloud"]["connections"], "its end")

    def test_it_goes_through_a_proxy(self):
        proxy = Proxy()
        self.addCleanup(proxy.close)
        url = f"http://127.0.0.1:{proxy.port}"
        self.serve("--cloud-proxy", url)
        self.assertEqual(proxy.count, 1)
        self.assertEqual(self.info("--proxy", url, "--path", "relay")["path"], "relayed")
        self.assertGreaterEqual(proxy.count, 4)  # both brokers, both relays


class Proxy:
    """HTTP CONNECT, and nothing else."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.count = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        method, where, _ = head.split(b" ", 2)
        host, port = where.decode().rsplit(":", 1)
        if method != b"CONNECT":
            client.close()
            return
        self.count += 1
        try:
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                for s in select.select([client, server], [], [])[0]:
                    data = s.recv(65536)
                    if not data:
                        raise ConnectionError
                    (server if s is client else client).sendall(data)
        except (ConnectionError, OSError):
            client.close()


class WhoComes(Reachable):
    """The cloud's address and the identity count, not where a stream comes from."""

    def test_a_password_is_needed_once(self):
        self.serve()
        self.works("info")
        os.remove(self.there.password_file)
        self.works("info")
        self.assertEqual(self.here.state()["fingerprint"], self.fingerprint)

    def test_a_wrong_password_does_not_enrol(self):
        self.there.write_password("0" * 26)
        self.serve()
        self.assertIn("cannot connect", self.refused(3, "info").err)
        self.assertIsNone(self.there.state()["fingerprint"])

    def test_the_filter_has_rules_for_the_cloud(self):
        for rules, code in ((["- cloud"], 3), (["+ 127.0.0.0/8"], 3), ([f"- cloud:{self.there.address}", "+ *"], 3),
                            ([f"+ cloud:{self.there.address}"], 0)):
            with self.subTest(rules=rules):
                endpoint = self.cloud.endpoint("listen", "--allow-all")
                server = self.serve(*[w for rule in rules for w in ("--filter", rule)], endpoint=endpoint)
                result = self.by_cloud("info", target="cloud:" + endpoint.address)
                self.assertEqual(result.code, code, result)
                if code:
                    refused = self.wait_event(server, "refused")
                    self.assertEqual((refused["reason"], refused["cloud"]), ("filtered", self.there.address))

    def test_a_rule_grants_less(self):
        self.serve("--filter", f"+ cloud:{self.there.address} view")
        self.assertEqual(self.info()["permissions"], "view")

    def test_a_mistyped_rule_or_address_is_refused(self):
        wrong = self.there.address[:-1] + ("0" if self.there.address[-1] != "0" else "1")
        ran = subprocess.run([farhand.SERVERD, "--filter", f"- cloud:{wrong}", "--check-config"], env=farhand.ENV,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=farhand.PATIENCE, check=False)
        self.assertEqual(ran.returncode, 2)
        self.assertIn("mistyped", ran.stdout.decode())
        self.assertIn("mistyped", self.refused(2, "info", target=f"cloud:{wrong}").err)

    def test_who_fails_too_often_must_wait_whatever_way_it_comes(self):
        server = self.serve("--blacklist-threshold", "2", "--blacklist-timeout", "600")
        for _ in range(2):
            self.refused(3, "info", password="wrong")
        self.wait_event(server, "blacklisted", cloud=self.there.address)
        self.refused(10, "info")
        self.assertEqual(self.wait_event(server, "refused", reason="blacklisted")["cloud"], self.there.address)
        self.there = self.cloud.endpoint("connect")
        self.viewer_key = farhand.make_identity(self.path("other.pem"))
        self.works("info", user="ben")  # the name of the first waits, too

    def test_the_person_at_the_desktop_is_told_who_it_is(self):
        server = self.serve("--approve", "always", "--approve-dialog", "no")
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(farhand.PATIENCE)
            control.connect(server.control)
            lines = control.makefile("rw", encoding="utf-8")
            lines.write('{"command":"approve"}\n')
            lines.flush()
            lines.readline()
            viewer = self.start_by_cloud("info", options=["--path", "relay"])
            ask = json.loads(lines.readline())["ask"]
            self.assertEqual((ask["path"], ask["cloud"], ask["peer"]),
                             ("relayed", self.there.address, f"cloud:{self.there.address}"))
            lines.write(json.dumps({"command": "answer", "id": ask["id"], "permissions": "view-only"}) + "\n")
            lines.flush()
            self.assertEqual(viewer.wait(), 0, viewer.text())

    def test_an_operator_ends_it(self):
        server = self.serve()
        viewer = self.start_by_cloud("pause", "20")
        viewer.wait_line("authenticated")
        self.ctl(server, "disconnect", "all")
        self.assertEqual(viewer.wait(), 11, viewer.text())

    def test_who_may_not_connect_does_not_learn_that_it_is_there(self):
        hidden = self.cloud.endpoint("listen", "--allow-groups", "others")
        self.serve(endpoint=hidden)
        self.assertIn("no such address", self.refused(10, "info", target="cloud:" + hidden.address).err)


class WhomItMeets(Reachable):
    """The server is known by its key, under its address."""

    def test_an_unknown_server_is_asked_about(self):
        self.serve()
        result = self.refused(4, "info", trust=False)
        self.assertIn(f"cloud:{self.here.address} is not known", result.err)
        self.assertIn(self.phrase, result.err)
        self.works("info")
        self.works("info", trust=False)
        shown = subprocess.run([farhand.VIEWER, "--known-servers", self.known, "--json", "known-servers", "show",
                                self.target.lower().replace("-", "")], env=farhand.ENV, check=True, stdout=subprocess.PIPE,
                               timeout=farhand.PATIENCE).stdout
        self.assertEqual(json.loads(shown)["fingerprint"], self.fingerprint)

    def test_always_is_always(self):
        self.serve()
        self.works("info")
        self.refused(4, "info", trust=False, options=["--verify", "always"])
        self.works("info", options=["--verify", "always"])

    def test_another_server_at_the_address_is_refused(self):
        server = self.serve()
        self.works("info")
        server.stop()
        self.here.write_password(self.cloud.ctl("address", "reset", self.here.address)["password"])
        other = farhand.make_identity(self.path("other.pem"))
        self.here.key = self.path("other-cloud.key")
        second = self.serve(key=other)
        result = self.refused(5, "info", trust=False)
        self.assertIn("has another key", result.err)
        self.assertEqual(self.events(second, "started"), [])
        self.assertNotIn("user", str(self.events(second, "auth-failed", "identified")))

    def test_another_key_cannot_take_the_address(self):
        server = self.serve()
        server.stop()
        other = farhand.make_identity(self.path("other.pem"))
        second = self.serve(key=other, online=False)
        second.program.wait_line("not reachable through the cloud")
        self.assertIn("not signed in", self.refused(10, "info").err)


class TheCloudDies(Reachable):
    def setUp(self):
        super().setUp()
        # One of its own: the others' lives on.
        self.cloud = clouds.Cloud(self.place)
        self.addCleanup(self.cloud.stop)
        self.here = self.cloud.endpoint("listen", "--allow-all")
        self.there = self.cloud.endpoint("connect")
        self.target = "cloud:" + self.here.address

    def test_a_direct_session_lives_on(self):
        server = self.serve()
        viewer = self.start_by_cloud("pause", "6", "move", "5", "5", "capture", self.path("a.png"))
        viewer.wait_line("authenticated")
        farhand.wait_until(lambda: [1 for s in self.ctl(server, "list")["sessions"] if s["path"] == "direct"],
                           "a session that goes directly")
        self.cloud.kill()
        server.program.wait_line("not reachable through the cloud")
        self.assertEqual(viewer.wait(), 0, viewer.text())
        self.assertEqual(farhand.png_pixels(self.path("a.png")), self.shared.picture())
        self.assertEqual(self.events(server, "detached"), [])
        said = len(server.program.lines)
        self.cloud.start()
        server.program.wait_line(REACHABLE, start=said)
        self.works("info")

    def test_a_relayed_session_waits_for_it(self):
        server = self.serve()
        viewer = self.start_by_cloud("pause", "4", "move", "5", "5", "wait-stable", "1", "capture", self.path("a.png"),
                                     options=["--path", "relay"])
        viewer.wait_line("authenticated")
        self.cloud.kill()
        self.wait_event(server, "detached")
        self.cloud.start()
        self.wait_event(server, "resumed")
        self.assertEqual(viewer.wait(90), 0, viewer.text())
        self.assertEqual(farhand.png_pixels(self.path("a.png")), self.shared.picture())
        self.assertEqual(len(self.events(server, "started")), 1)

    def test_without_it_nobody_comes_and_it_is_said(self):
        self.serve()
        self.cloud.kill()
        result = self.refused(10, "info")
        self.assertIn("the cloud", result.err)


class TheProcess(Reachable):
    """vncserverd-cloud: what it is confined to, and what its death costs."""

    def cloud_pid(self, server):
        return farhand.wait_until(lambda: procs.of(server)["cloud"], "the cloud process")[0]

    @farhand.unittest.skipIf(farhand.is_sanitized(), "in this build there is less of a sandbox")
    def test_it_is_confined(self):
        if os.geteuid() != 0:
            self.skipTest("what cannot be debugged can be looked at by root alone")
        server = self.serve()
        pid = self.cloud_pid(server)
        for row in processes.profile("cloud"):
            self.assertIn(row, processes.SHAPES, "how is this seen in a process that runs?")
            self.assertTrue(processes.SHAPES[row](pid), row)
        self.assertEqual(os.readlink(f"/proc/{pid}/fd/2"), "/dev/null")
        for what in procs.descriptors(pid).values():
            self.assertNotRegex(what, "identity|users|cloud.key")

    def test_it_is_started_again_and_sessions_find_back(self):
        server = self.serve()
        viewer = self.start_by_cloud("pause", "3", "move", "5", "5", "wait-stable", "1", "info")
        viewer.wait_line("authenticated")
        said = len(server.program.lines)
        os.kill(first := self.cloud_pid(server), signal.SIGKILL)
        server.program.wait_line(REACHABLE, start=said)
        self.assertNotEqual(self.cloud_pid(server), first)
        self.assertEqual(viewer.wait(90), 0, viewer.text())
        self.assertEqual(len(self.events(server, "started")), 1)

    def test_the_key_process_is_started_again_and_signs_for_it(self):
        server = self.serve()
        os.kill(procs.of(server)["key"][0], signal.SIGKILL)
        said = len(server.program.lines)
        os.kill(self.cloud_pid(server), signal.SIGKILL)
        server.program.wait_line(REACHABLE, start=said)
        self.works("info")


if __name__ == "__main__":
    farhand.main()
