#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""processes.py -- the service's processes: what each is confined to, what survives the death of each at each step of a
connection, and what one that was broken into gains by lying to the others.

What was broken into is played from outside: root takes a copy of a session process's descriptors and speaks through
them.
"""
import fcntl
import json
import os
import pwd
import signal
import socket
import struct
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../support"))
import procs  # noqa: E402
import tight  # noqa: E402

CTL = os.path.join(farhand.BIN, "vncserverctl")
# protocol.h
LOG, HELLO, STARTED, REPORT, KEYSTROKE, POINTER, TEXT_IN, RESIZE, WANT, SIGN = 2, 30, 34, 35, 50, 51, 52, 53, 54, 14
ASK, RESULT, ATTEMPT, ANSWERS, LINKED, AWAY = 23, 24, 32, 33, 36, 39
CODING = 55
LINK, KEY_LINK = 3, 5  # descriptors of a session process
SEALS = 1034  # F_GET_SEALS


class Processes(farhand.Case):
    OPTIONS = []

    def setUp(self):
        super().setUp()
        self.shared = self.display()
        # Everybody comes from one address here: what that costs is policy.py's to test.
        self.serving = self.server(self.shared, options=["--blacklist-threshold", "1000", *self.OPTIONS])

    def of(self, kind):
        return procs.of(self.serving)[kind]

    def one(self, kind):
        return farhand.wait_until(lambda: self.of(kind), f"a {kind} process")[-1]

    def join(self, *encodings):
        client = self.raw_client(self.serving)
        self.assertEqual(client.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        client.start_rfb()
        return client

    def gone(self, pid):
        farhand.wait_until(lambda: procs.is_gone(pid), "the end of a process, waited for by its parent")

    def kill(self, pid, number=signal.SIGKILL):
        os.kill(pid, number)
        self.gone(pid)

    def events(self, connection):
        return [(e["event"], e.get("reason")) for e in self.serving.audit() if e.get("connection") == connection]

    def wait_event(self, connection, event, reason):
        farhand.wait_until(lambda: (event, reason) in self.events(connection), f"{event}: {reason}")

    def works(self):
        """A viewer gets in and sees the desktop."""
        self.ok(self.serving, "capture", self.path("works.png"))
        self.assertEqual(farhand.png_pixels(self.path("works.png"))[:2], (320, 240))

    def ctl(self, *args):
        return farhand.subprocess.run([CTL, "--socket", self.serving.control, *args], stdout=farhand.subprocess.PIPE,
                                      check=True, timeout=farhand.PATIENCE).stdout.decode()


def profile(kind):
    """The directives of the unit that describes a kind of process."""
    path = os.path.join(farhand.TOP, f"daemons/vncserverd/profiles/vncserverd-{kind}.service.in")
    with open(path, encoding="utf-8") as f:
        lines = [line.strip() for line in f if "=" in line and not line.startswith("#")]
    return [tuple(line.split("=", 1)) for line in lines]


def has_filter(pid):
    """The filter of system calls; that it allows none of these things is shown by test_sandbox for each kind."""
    return procs.status(pid)["Seccomp"] == "2"


def has_no(*fields):
    return lambda pid: all(int(procs.status(pid)[f], 16) == 0 for f in fields)


def has_limit(name, value):
    return lambda pid: int(procs.limits(pid)[name]) <= value


def has_other_network(pid):
    return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")


# How each directive of the profiles is seen in a process that runs.
SHAPES = {
    ("DynamicUser", "yes"): lambda pid: os.geteuid() != 0 or "0" not in procs.status(pid)["Uid"].split(),
    # The tests' displays are the tester's: is that who it is?
    ("User", "user"): lambda pid: set(procs.status(pid)["Uid"].split()) == {str(os.geteuid())},
    ("NoNewPrivileges", "yes"): lambda pid: procs.status(pid)["NoNewPrivs"] == "1",
    ("CapabilityBoundingSet", ""): has_no("CapPrm", "CapEff", "CapInh"),
    ("AmbientCapabilities", ""): has_no("CapAmb"),
    ("PrivateNetwork", "yes"): has_other_network,
    ("LimitCORE", "0"): has_limit("Max core file size", 0),
    ("LimitNOFILE", "16"): has_limit("Max open files", 16),
    ("LimitNOFILE", "2048"): has_limit("Max open files", 2048),
    ("LimitNOFILE", "1024"): has_limit("Max open files", 1024),
    ("LimitNPROC", "0"): has_limit("Max processes", 0),
    ("LimitFSIZE", "0"): has_limit("Max file size", 0),
    ("ExecStart", "@bindir@/vncserverd"): lambda pid: os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(
        farhand.SERVERD),
    **{row: has_filter for row in (
        ("RestrictAddressFamilies", "none"), ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_NETLINK AF_UNIX"),
        ("SystemCallFilter", "@basic-io @io-event @network-io"), ("RestrictNamespaces", "yes"), ("RestrictRealtime", "yes"),
        ("RestrictSUIDSGID", "yes"), ("MemoryDenyWriteExecute", "yes"), ("LockPersonality", "yes"),
        ("SystemCallArchitectures", "native"), ("SystemCallFilter", "@basic-io @io-event"), ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"), ("PrivateTmp", "yes"), ("PrivateDevices", "yes"), ("PrivateMounts", "yes"),
        ("DevicePolicy", "closed"), ("ProtectProc", "invisible"), ("ProcSubset", "pid"), ("ProtectKernelTunables", "yes"),
        ("ProtectKernelModules", "yes"), ("ProtectKernelLogs", "yes"), ("ProtectControlGroups", "yes"),
        ("ProtectClock", "yes"), ("ProtectHostname", "yes"), ("KeyringMode", "private"), ("UMask", "0077"))},
}


@farhand.unittest.skipIf(farhand.is_sanitized(), "in this build there is less of a sandbox")
class Confinement(Processes):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("what cannot be debugged can be looked at by root alone")

    def test_each_has_the_shape_that_its_profile_says(self):
        self.join()
        said = self.serving.program.text()
        for kind in ("key", "session", "desktop"):
            pid, = self.of(kind)
            for row in profile(kind):
                self.assertIn(row, SHAPES, "how is this seen in a process that runs?")
                if row[0] == "PrivateNetwork" and f"{kind} runs without: an empty network" in said:
                    continue
                self.assertTrue(SHAPES[row](pid), (kind, row))

    def user(self, kind):
        if os.geteuid() != 0:
            return os.geteuid()
        for name in ("vncserverd-key",) if kind == "key" else ():
            try:
                return pwd.getpwnam(name).pw_uid
            except KeyError:
                pass
        try:
            return pwd.getpwnam("vncserverd").pw_uid
        except KeyError:
            return pwd.getpwnam("nobody").pw_uid

    def test_each_is_confined_as_its_kind_is(self):
        self.join()
        ours = os.readlink("/proc/self/ns/net")
        said = self.serving.program.text()
        for kind in ("key", "session", "desktop"):
            pid, = self.of(kind)
            status, limits = procs.status(pid), procs.limits(pid)
            self.assertEqual(status["Seccomp"], "2", kind)
            self.assertEqual(status["NoNewPrivs"], "1", kind)
            for capabilities in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
                self.assertEqual(int(status[capabilities], 16), 0, (kind, capabilities))
            self.assertEqual(limits["Max core file size"], "0", kind)
            self.assertEqual(status["Threads"], "1", kind)
            if kind != "desktop":
                self.assertEqual({int(u) for u in status["Uid"].split()}, {self.user(kind)}, kind)
                self.assertEqual((limits["Max file size"], limits["Max processes"]), ("0", "0"), kind)
                if f"{kind} runs without: an empty network" not in said:
                    self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/net"), ours, kind)

    def test_a_session_has_its_connection_and_ways_to_the_others_and_nothing_else(self):
        self.join()
        pid, = self.of("session")
        kinds = sorted(what.split(":")[0] for what in procs.descriptors(pid).values())
        # Input and output are /dev/null, the log is where it is; the loop has some of its own.
        self.assertLessEqual(kinds.count("socket"), 3)  # viewer, monitor, desktop: the key's is gone
        self.assertLessEqual(set(kinds), {"socket", "pipe", "anon_inode", "/dev/null"})
        self.assertLessEqual(len(kinds), 13, kinds)

    def test_none_writes_to_the_log_by_itself(self):
        """Lines that nobody signed: some may be read as the record's."""
        self.join()
        for kind in ("key", "session", "desktop"):
            pid, = self.of(kind)
            self.assertEqual(os.readlink(f"/proc/{pid}/fd/2"), "/dev/null", kind)

    def test_the_monitor_never_had_the_key_nor_the_desktop(self):
        monitor, = self.of("monitor")
        files = " ".join(procs.descriptors(monitor).values())
        self.assertNotIn("identity", files)
        maps = " ".join(what for *_, what in procs.mappings(monitor))
        self.assertNotIn("memfd:vncserverd", maps)

    def test_the_picture_can_be_looked_at_and_nothing_else(self):
        self.join().picture()
        pid, = self.of("desktop")
        memory = [fd for fd, what in procs.descriptors(pid).items() if "memfd:vncserverd" in what]
        stolen = procs.steal(pid, memory[0])
        if stolen is None:
            self.skipTest("descriptors of others cannot be had here")
        self.addCleanup(os.close, stolen)
        self.assertEqual(fcntl.fcntl(stolen, SEALS) & 0x17, 0x17)  # seal, shrink, grow, future write
        with self.assertRaises(OSError):
            os.write(stolen, b"x")
        with self.assertRaises(OSError):
            os.ftruncate(stolen, 0)
        self.assertEqual(os.fstat(stolen).st_mode & 0o777, 0o600)
        for start, _, permissions, what in procs.mappings(self.of("session")[0]):
            if "memfd:vncserverd" in what:
                self.assertEqual(permissions[:2], "r-", hex(start))


class SessionDies(Processes):
    """Whatever the viewer's step, it costs that viewer alone."""

    def setUp(self):
        super().setUp()
        self.other = self.join()
        self.there = set(self.of("session"))

    def new_process(self):
        return next(iter(farhand.wait_until(lambda: set(self.of("session")) - self.there, "a session process")))

    def check(self, sock, *events):
        self.kill(self.new_process())
        try:
            while sock.recv(65536):
                pass
        except OSError:
            pass
        for event in events:
            self.wait_event(2, event, "crashed")
        self.serving.program.wait_line(r"vncserverd-session 2 was ended by signal 9")
        self.other.picture()
        self.works()
        self.assertEqual([e for e, _ in self.events(1)], ["connected", "identified", "started"])

    def test_before_a_byte(self):
        sock = self.serving.connect()
        self.addCleanup(sock.close)
        self.check(sock, "refused", "ended")

    def test_when_the_channel_stands(self):
        client = self.raw_client(self.serving)
        self.check(client.channel.sock, "ended")

    def test_while_it_asks(self):
        client = self.raw_client(self.serving)
        client.message(session.OFFER)
        client.send(session.SESSION, bytes([session.CHOOSE, session.CPACE_METHOD]) +
                    session.items((session.KIND_USER, b"ann")))
        client.ask(session.KIND_PAKE)
        self.check(client.channel.sock, "auth-failed", "ended")

    def test_in_its_work(self):
        self.check(self.join().channel.sock, "ended")

    def test_with_a_key_down(self):
        xev = self.shared.xev(events=("keyboard",))
        client = self.join()
        client.rfb(session.pointer_event(60, 60, 0) + session.key_event(0x61, True))
        xev.wait_line(r"keysym 0x61, a\)")
        self.check(client.channel.sock, "ended")
        farhand.wait_until(lambda: "KeyRelease" in xev.text(), "the release of what it held")

    def test_one_that_dies_again_and_again_makes_its_address_wait(self):
        server = self.server(self.shared)
        for _ in range(5):
            sock = server.connect()
            self.addCleanup(sock.close)
            os.kill(farhand.wait_until(lambda: procs.of(server)["session"], "its process")[0], signal.SIGKILL)
            farhand.wait_until(lambda: not procs.of(server)["session"], "its end")
        server.wait_audit(lambda e: e["event"] == "blacklisted", "the penalty")
        self.assertIn("busy", self.fails(10, server, "info").err)


class OthersDie(Processes):
    def test_the_desktop_process_at_work(self):
        client = self.join()
        first = self.one("desktop")
        self.kill(first)
        _, bye = client.message(session.BYE)
        self.assertEqual(bye[0], session.BYE_SERVER)
        self.wait_event(1, "ended", "server")
        self.works()
        self.assertNotEqual(self.one("desktop"), first)

    def test_a_desktop_process_that_hears_nothing_keeps_no_permission(self):
        """What it was to be told would be lost, and with it that something is not permitted any more."""
        self.join()
        pid = self.one("desktop")
        os.kill(pid, signal.SIGSTOP)
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(farhand.PATIENCE)
            control.connect(self.serving.control)
            lines = control.makefile("rw", encoding="utf-8")

            def change():
                for which in ("view", "all") * 100:
                    lines.write(json.dumps({"command": "permissions", "session": "all", "permissions": which}) + "\n")
                lines.flush()
                for _ in range(200):
                    lines.readline()
                return procs.is_gone(pid)

            farhand.wait_until(change, "its end", 4 * farhand.PATIENCE)
        self.works()

    def test_the_desktop_process_while_somebody_comes_in(self):
        client = self.raw_client(self.serving)
        self.kill(self.one("desktop"))
        self.assertEqual(client.log_in(farhand.USER, farhand.PASSWORD)[0], session.GRANTED)
        client.start_rfb()
        client.picture()

    def test_the_key_process_leaves_sessions_alone_and_comes_again(self):
        client = self.join()
        first = self.one("key")
        self.kill(first)
        client.picture()
        farhand.wait_until(lambda: self.viewer(self.serving, "info").code == 0, "another key process")
        self.assertNotEqual(self.one("key"), first)
        client.picture()

    def test_the_key_process_while_it_should_sign(self):
        key = self.one("key")
        os.kill(key, signal.SIGSTOP)
        sock = self.serving.connect()
        self.addCleanup(sock.close)
        farhand.wait_until(lambda: self.of("session"), "its process")
        viewer = self.start_viewer(self.serving, "info")
        farhand.wait_until(lambda: len(self.of("session")) == 2, "its process")
        self.kill(key)
        self.assertIn(viewer.wait(), (0, 10, 11))  # an answer, whatever it had come to
        farhand.wait_until(lambda: self.viewer(self.serving, "info").code == 0, "another key process")

    def test_the_monitor_takes_all_with_it(self):
        client = self.join()
        all_of_them = [p for kind in ("key", "session", "desktop") for p in self.of(kind)]
        self.serving.program.signal(signal.SIGKILL)
        for pid in all_of_them:
            farhand.wait_until(lambda p=pid: procs.is_gone(p) or procs.status(p)["State"].startswith("Z"),
                               "the end of all")
        with self.assertRaises((session.Ended, OSError, AssertionError, EOFError, session.fsc1.Abort)):
            client.picture()

    def test_a_display_of_its_own_is_made_anew(self):
        server = self.server(where=["--virtual", "320x240"])
        desktop, = procs.of(server)["desktop"]
        below = procs.below(desktop)
        self.assertTrue(below)
        os.kill(desktop, signal.SIGKILL)
        for pid in below:
            farhand.wait_until(lambda p=pid: procs.is_gone(p) or procs.status(p)["State"].startswith("Z"),
                               "the X server's end")
        server.program.wait_line("is shared again")
        self.ok(server, "info")

    def test_reading_again_ends_nobody(self):
        client = self.join()
        before = procs.of(self.serving)
        self.serving.program.signal(signal.SIGHUP)
        self.serving.program.wait_line("read again")
        client.picture()
        self.assertEqual(procs.of(self.serving), before)

    def test_nothing_is_left_of_an_orderly_end(self):
        clients = [self.join() for _ in range(3)]
        pids = procs.below(self.serving.pid)
        self.assertEqual(len(pids), 5)
        self.serving.program.signal(signal.SIGTERM)
        for client in clients:
            self.assertEqual(client.message(session.BYE)[1][0], session.BYE_SHUTDOWN)
            client.drain()
            client.channel.sock.close()
        self.assertEqual(self.serving.program.wait(), 0)
        for pid in pids:
            self.assertTrue(procs.is_gone(pid))
        self.assertNotIn("still open", self.serving.program.text())


class Shared(Processes):
    """What is encoded once for several viewers."""
    OPTIONS = ["--log-level", "debug"]

    def watcher(self, *more):
        return tight.Viewer(self.join(), *more)

    def leave(self, viewer):
        viewer.client.channel.close()
        viewer.client.drain()
        viewer.client.channel.sock.close()

    def draw(self, viewers, i):
        """Something, until all viewers have it; another one says what it is."""
        for viewer in viewers:
            viewer.ask()
        colours = f"#{i * 40:02x}8040", f"#20{255 - i * 40:02x}60"
        self.shared.ask("xsetroot", *(["-solid", colours[0]] if i % 3 == 2 else
                                      ["-mod", str(3 + i), str(5 + i), "-fg", colours[0], "-bg", colours[1]]))
        reference = self.join()
        rgb = reference.picture()[2]
        self.assertIn(bytes.fromhex(colours[0][1:]), rgb)
        for viewer in viewers:
            viewer.see(rgb)
        reference.channel.sock.close()

    def encoded(self, pid):
        return [permissions for *_, permissions, what in procs.mappings(pid) if "memfd:farhand-encoded" in what]

    def rectangles(self, number):
        line = rf"vncserverd-session {number}: (\d+) rectangles were encoded for several viewers"
        return int(self.serving.program.wait_line(line).group(1))

    def test_viewers_of_one_coding_see_the_picture_and_share_its_encoding(self):
        viewers = [self.watcher() for _ in range(4)]
        pids = self.of("session")
        for i in range(6):
            self.draw(viewers, i)
        for pid in pids:
            if os.geteuid() == 0:
                self.assertEqual([p[:3] for p in self.encoded(pid)], ["r--"])
        for number, viewer in enumerate(viewers, 1):
            self.leave(viewer)
            self.assertGreater(self.rectangles(number), 0)

    def test_a_viewer_alone_and_others_of_other_codings_encode_for_themselves(self):
        viewers = [self.watcher(), self.watcher(-256 + 5)]
        for i in range(4):
            self.draw(viewers, i)
        for pid in self.of("desktop") if os.geteuid() == 0 else ():
            self.assertEqual(self.encoded(pid), [])
        for viewer in viewers:
            self.leave(viewer)
        farhand.wait_until(lambda: len([e for e in self.serving.audit() if e["event"] == "ended"]) >= 2, "their ends")
        self.assertNotIn("encoded for several", self.serving.program.text())

    def test_who_may_not_view_has_nothing_of_it(self):
        if os.geteuid() != 0:
            self.skipTest("what cannot be debugged can be looked at by root alone")
        blind = self.watcher()
        pid, = self.of("session")
        self.ctl("permissions", "1", "keyboard")
        blind.client.message(session.PERMISSIONS)
        viewers = [self.watcher() for _ in range(3)]
        for i in range(3):
            self.draw(viewers, i)
        self.assertEqual(self.encoded(pid), [])
        self.leave(viewers[2])
        self.assertGreater(self.rectangles(4), 0)


class BrokenInto(Processes):
    """A session process that lies."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or procs.steal(os.getpid(), 0) is None:
            self.skipTest("descriptors of others cannot be had here")

    def stolen(self, pid, fd):
        copy = procs.steal(pid, fd)
        self.assertIsNotNone(copy)
        sock = socket.socket(fileno=copy)
        self.addCleanup(sock.close)
        return sock

    def desktop_link(self, pid):
        """Of its sockets, the last that was opened."""
        return self.stolen(pid, max(fd for fd, what in procs.descriptors(pid).items() if what.startswith("socket")))

    def test_it_lets_itself_in(self):
        for number, (message, body) in enumerate(((STARTED, bytes(16)), (33, b"\0"), (32, bytes(100)), (31, bytes(40)),
                                                  (WANT, b""), (43, bytes(12)), (255, b"")), 1):
            sock = self.serving.connect()
            self.addCleanup(sock.close)
            pid = self.one("session")
            self.stolen(pid, LINK).send(bytes([message]) + body)
            self.gone(pid)
            self.wait_event(number, "ended", "violation")
            self.assertNotIn("started", [e for e, _ in self.events(number)])
        self.works()

    def test_it_says_what_it_said_before(self):
        self.raw_client(self.serving)
        pid = self.one("session")
        self.stolen(pid, LINK).send(bytes([HELLO]))
        self.gone(pid)
        self.wait_event(1, "ended", "violation")

    def test_it_says_too_much(self):
        self.join()
        pid = self.one("session")
        link = self.stolen(pid, LINK)
        for _ in range(200):
            link.send(bytes([LOG, 3]) + b"forged \x1b[31m line")
        self.works()
        said = self.serving.program.text()
        self.assertLessEqual(said.count("forged"), 50)
        self.assertIn(r"vncserverd-session 1: forged \x1b[31m line", said)
        link.send(bytes([REPORT]) + bytes(30))
        self.gone(pid)
        self.wait_event(1, "ended", "violation")

    def test_the_desktop_process_says_too_much(self):
        link = self.stolen(self.one("desktop"), LINK)
        link.setblocking(True)
        link.settimeout(farhand.PATIENCE)
        for _ in range(500):
            link.send(bytes([LOG, 3]) + b"forged line")
        self.works()
        said = self.serving.program.text()
        self.assertLessEqual(said.count("forged"), 100)
        self.assertEqual(said.count("vncserverd-desktop: forged line"), said.count("forged"))
        self.assertIn("vncserverd-desktop says too much", said)

    def test_it_has_something_signed_before_the_monitor_lets_it(self):
        sock = self.serving.connect()
        self.addCleanup(sock.close)
        link = self.stolen(self.one("session"), KEY_LINK)
        link.settimeout(1)
        link.send(bytes([SIGN]) + bytes(32))
        with self.assertRaises((TimeoutError, BlockingIOError)):
            link.setblocking(False)
            link.recv(1000)
        self.works()  # the key process answers others meanwhile
        with self.assertRaises(BlockingIOError):
            link.recv(1000)

    def test_it_asks_for_a_second_signature(self):
        self.raw_client(self.serving)
        pid = self.one("session")
        self.assertNotIn(KEY_LINK, procs.descriptors(pid))

    def test_it_types_without_permission(self):
        xev = self.shared.xev(events=("keyboard", "mouse"))
        client = self.join()
        link = self.desktop_link(self.one("session"))
        self.ctl("permissions", "all", "view")
        client.message(session.PERMISSIONS)
        link.send(bytes([KEYSTROKE]) + struct.pack(">IIB", 0x62, 0, 1))
        link.send(bytes([POINTER]) + struct.pack(">HHH", 60, 60, 1))
        link.send(bytes([TEXT_IN]) + struct.pack(">IB", 6, 0) + b"stolen")
        link.send(bytes([RESIZE]) + struct.pack(">HH", 640, 480))
        self.ctl("permissions", "all", "view,keyboard,pointer")
        client.message(session.PERMISSIONS)
        client.rfb(session.pointer_event(50, 50, 0) + session.key_event(0x7a, True) + session.key_event(0x7a, False))
        xev.wait_line(r"keysym 0x7a, z\)")
        self.assertNotRegex(xev.text(), r"ButtonPress|keysym 0x62, b\)")

    def test_a_text_that_was_begun_without_permission_is_nobodys_fault(self):
        xev = self.shared.xev(events=("keyboard",))
        client = self.join()
        link = self.desktop_link(self.one("session"))
        link.send(bytes([TEXT_IN]) + struct.pack(">IB", 9, 0) + b"one")
        self.ctl("permissions", "all", "view,keyboard")
        client.message(session.PERMISSIONS)
        link.send(bytes([TEXT_IN]) + struct.pack(">IB", 9, 1) + b"two")
        client.rfb(session.key_event(0x7a, True) + session.key_event(0x7a, False))
        xev.wait_line(r"keysym 0x7a, z\)")  # by then the desktop has heard of all that
        self.ctl("permissions", "all", "all")
        client.message(session.PERMISSIONS)
        link.send(bytes([TEXT_IN]) + struct.pack(">IB", 9, 1) + b"three")
        client.picture()
        self.assertNotIn(("ended", "violation"), self.events(1))
        self.assertFalse(procs.is_gone(self.one("session")))

    def test_it_says_to_the_desktop_what_cannot_be(self):
        other = self.join()
        there = set(self.of("session"))
        self.join()
        pid = (set(self.of("session")) - there).pop()
        self.desktop_link(pid).send(bytes([KEYSTROKE]) + b"short")
        self.gone(pid)
        self.wait_event(2, "ended", "violation")
        other.picture()

    def test_it_lies_about_what_its_viewer_is_sent(self):
        other = tight.Viewer(self.join())
        there = set(self.of("session"))
        self.join()
        pid = (set(self.of("session")) - there).pop()
        link = self.desktop_link(pid)
        coding = struct.pack(">BBBBHHHBBBB", 7, 32, 24, 2, 255, 255, 255, 16, 8, 0, 0)
        link.setblocking(True)
        for i in range(2000):
            link.send(bytes([CODING]) + coding + bytes([i % 7, 0]))
        link.send(bytes([CODING]) + coding + bytes([2, 0]))
        other.ask()
        self.shared.ask("xsetroot", "-solid", "#102030")
        other.see(self.join().picture()[2])
        self.assertFalse(procs.is_gone(pid))
        link.send(bytes([CODING]) + coding + bytes([10, 0]))  # there is no such level
        self.gone(pid)
        self.wait_event(2, "ended", "violation")
        other.ask()
        self.shared.ask("xsetroot", "-solid", "#405060")
        other.see(self.join().picture()[2])

    def stopped(self, pid):
        """It hears nothing of what it is told, and the test speaks in its name."""
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(lambda: procs.is_gone(pid) or os.kill(pid, signal.SIGCONT))
        return pid

    def test_it_does_not_go_when_it_is_told_to(self):
        xev = self.shared.xev(events=("keyboard",))
        self.join()
        pid = self.stopped(self.one("session"))
        link = self.desktop_link(pid)
        self.ctl("disconnect", "1")
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):  # at once, not when it is killed for it
            farhand.wait_until(lambda: link.send(bytes([WANT])) < 0, "the end of its way to the desktop", 5)
        self.assertFalse(procs.is_gone(pid))
        late = self.join()
        late.rfb(session.key_event(0x7a, True) + session.key_event(0x7a, False))
        xev.wait_line(r"keysym 0x7a, z\)")

    def test_it_says_again_and_again_where_its_viewer_is(self):
        for number, said in enumerate(((b"\0", b"\0"), (b"\1127.0.0.1:1",), (b"\2127.0.0.1:1",), (b"\1",), (b"\3x",)), 1):
            self.join()
            pid = self.one("session")
            link = self.stolen(pid, LINK)
            link.send(bytes([LINKED]) + os.urandom(16))
            for where in said:
                link.send(bytes([AWAY]) + where)
            self.gone(pid)
            self.wait_event(number, "ended", "violation")
            self.assertLessEqual([e for e, _ in self.events(number)].count("detached"), 1)

    def test_it_takes_the_name_of_another_session(self):
        """Whose viewer comes back would be sent to it."""
        first = self.join()
        name = os.urandom(16)
        pid = self.one("session")
        self.stolen(pid, LINK).send(bytes([LINKED]) + name)
        there = {pid}
        self.join()
        pid, = set(self.of("session")) - there
        self.stolen(pid, LINK).send(bytes([LINKED]) + name)
        self.gone(pid)
        self.wait_event(2, "ended", "violation")
        first.picture()

    def test_it_answers_what_nobody_asked(self):
        program, told = self.path("check"), self.path("told")
        with open(program, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nread -r line\n"
                    "echo '{\"ask\": [{\"prompt\": \"One: \"}, {\"prompt\": \"Two: \"}]}'\n"
                    f"read -r line && echo \"$line\" >>{told}\n")
        os.chmod(program, 0o755)
        self.serving = self.server(self.shared, options=["--auth", "program", "--auth-command", program,
                                                         "--blacklist-threshold", "1000"])
        prompt = bytes([session.KIND_PROMPT]) + b"\0\1x"
        for answers in (b"\1" + prompt, b"\3" + 3 * prompt, b"\0",
                        b"\2" + prompt + bytes([session.KIND_PASSWORD]) + b"\0\1x"):
            self.raw_client(self.serving).message(session.OFFER)
            pid = self.stopped(self.one("session"))
            link = self.stolen(pid, LINK)
            link.setblocking(True)
            link.settimeout(farhand.PATIENCE)
            name = farhand.USER.encode()
            link.send(bytes([ATTEMPT, session.CONVERSATION_METHOD, 1]) + bytes(32) + struct.pack(">H", len(name)) + name +
                      b"\0")
            while link.recv(40000)[0] != ASK:
                pass
            link.send(bytes([ANSWERS]) + answers)
            self.gone(pid)
        self.assertFalse(os.path.exists(told))

    def test_it_takes_the_number_of_another_session(self):
        """The record's lines would be the other's as well."""
        first = self.join()
        there = set(self.of("session"))
        self.raw_client(self.serving).message(session.OFFER)
        pid = self.stopped((set(self.of("session")) - there).pop())
        link = self.stolen(pid, LINK)
        link.setblocking(True)
        link.settimeout(farhand.PATIENCE)
        name, password = farhand.USER.encode(), farhand.PASSWORD.encode()
        link.send(bytes([ATTEMPT, session.PASSWORD_METHOD, 1]) + bytes(32) + struct.pack(">H", len(name)) + name +
                  b"\x01" + password)
        while link.recv(4096)[0] != RESULT:
            pass
        started = farhand.wait_until(lambda: [e for e in self.serving.audit() if e["event"] == "started"], "started")
        link.send(bytes([STARTED]) + bytes.fromhex(started[0]["session"]))
        self.gone(pid)
        self.wait_event(2, "ended", "violation")
        self.assertNotIn("started", [e for e, _ in self.events(2)])
        first.picture()

    def test_it_goes_on_looking_when_it_may_not_any_more(self):
        hostile = self.join()
        hostile.picture()
        pid, = self.of("session")

        def seen():
            with open(f"/proc/{pid}/mem", "rb", 0) as f:
                for start, end, _, what in procs.mappings(pid):
                    if "memfd:vncserverd" in what:
                        f.seek(start)
                        return f.read(end - start)
            return b""

        def paint(colour):
            """Until another viewer has seen it."""
            self.shared.ask("xsetroot", "-solid", colour)
            self.works()
            self.assertEqual(farhand.png_pixels(self.path("works.png"))[2][:3], bytes.fromhex(colour[1:]))

        paint("#123456")
        farhand.wait_until(lambda: seen()[:3] == bytes.fromhex("563412"), "what it may see")
        self.ctl("permissions", "1", "keyboard")
        hostile.message(session.PERMISSIONS)
        before = seen()
        paint("#abcdef")
        self.assertEqual(seen(), before)
        self.assertNotIn(bytes.fromhex("efcdab00"), seen())
        # Given back, it sees what is there now.
        self.ctl("permissions", "1", "all")
        farhand.wait_until(lambda: hostile.picture()[2][:3] == bytes.fromhex("abcdef"), "the picture of now")

    def test_input_that_is_sent_ahead_of_permission_is_never_felt(self):
        xev = self.shared.xev(events=("keyboard", "mouse"))
        client = self.raw_client(self.serving)
        client.message(session.OFFER)
        early = b"\x01" + session.pointer_event(60, 60, 1) + session.key_event(0x62, True) + session.cut_text(b"x")
        client.send(session.SESSION, bytes([session.CHOOSE, session.PASSWORD_METHOD]) + session.items(
            (session.KIND_USER, b"ann"), (session.KIND_PASSWORD, b"wrong")))
        client.rfb(early)
        with self.assertRaises((session.Ended, AssertionError, session.fsc1.Abort, session.fsc1.Closed, OSError)):
            client.drain()
            raise session.Ended
        farhand.wait_until(lambda: ("ended", "protocol") in self.events(1), "the end")
        late = self.join()
        late.rfb(session.pointer_event(50, 50, 0) + session.key_event(0x7a, True) + session.key_event(0x7a, False))
        xev.wait_line(r"keysym 0x7a, z\)")
        self.assertNotRegex(xev.text(), r"ButtonPress|keysym 0x62, b\)")


if __name__ == "__main__":
    farhand.need("xsetroot")
    farhand.main()
