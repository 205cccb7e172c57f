#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""service.py -- the server as a service: how it starts, listens, ends, and what its viewers hear of it."""
import os
import re
import signal
import socket
import struct
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402
import session  # noqa: E402


class Service(farhand.Case):
    def running_viewer(self, server, *commands, name="running.png"):
        """A viewer in the middle of its session."""
        viewer = self.start_viewer(server, "capture", self.path(name), *(commands or ("wait-change",)),
                                   options=["--command-timeout", "0"])
        farhand.wait_until(lambda: os.path.exists(self.path(name)), "a session")
        return viewer


class Ending(Service):
    def test_sigterm_says_goodbye_to_every_viewer(self):
        server = self.server(self.display())
        viewers = [self.running_viewer(server, name=f"{i}.png") for i in range(2)]
        server.program.signal(signal.SIGTERM)
        for viewer in viewers:
            self.assertEqual(viewer.wait(), 11)
            self.assertIn("shutting down", viewer.text())
        self.assertEqual(server.program.wait(), 0)
        ended = [e for e in server.audit() if e["event"] == "ended"]
        self.assertEqual([e["reason"] for e in ended], ["shutdown"] * 2)

    def test_the_second_viewer_hears_it_from_the_channel_itself(self):
        server = self.server(self.display())
        client = self.raw_client(server)
        client.log_in(farhand.USER, farhand.PASSWORD)
        server.program.signal(signal.SIGTERM)
        kind, body = client.message(session.BYE)
        self.assertEqual((kind, body[0]), (session.BYE, session.BYE_SHUTDOWN))
        client.drain()

    def test_a_killed_server_is_another_end_than_a_goodbye(self):
        server = self.server(self.display())
        viewer = self.running_viewer(server)
        server.program.signal(signal.SIGKILL)
        self.assertEqual(viewer.wait(), 11)
        self.assertIn("lost", viewer.text())

    def test_an_x_server_that_dies_ends_it_clearly(self):
        display = self.display()
        server = self.server(display)
        viewer = self.running_viewer(server)
        display.xvfb.signal(signal.SIGKILL)
        self.assertEqual(viewer.wait(), 11)
        self.assertEqual(server.program.wait(), 12)
        server.program.wait_line("(?i)X server|display")

    def test_an_idle_session_is_ended(self):
        server = self.server(self.display(), options=["--idle-timeout", "1"])
        viewer = self.running_viewer(server)
        self.assertEqual(viewer.wait(), 11)
        self.assertIn("nothing was done for too long", viewer.text())
        self.assertEqual(server.wait_audit(lambda e: e["event"] == "ended", "the end")["reason"], "idle")

    def test_keys_and_buttons_are_released_when_their_viewer_is_killed(self):
        display = self.display()
        xev = display.xev(events=("keyboard", "mouse"))
        server = self.server(display)
        viewer = self.running_viewer(server, "move", "60", "60", "keydown", "ctrl-a", "mousedown", "1", "wait-change")
        xev.wait_line("button 1")
        xev.wait_line("keysym 0x61, a")
        self.assertEqual(re.findall("KeyRelease|ButtonRelease", xev.text()), [])
        viewer.signal(signal.SIGKILL)
        farhand.wait_until(lambda: sorted(re.findall("KeyRelease|ButtonRelease", xev.text())) ==
                           ["ButtonRelease", "KeyRelease", "KeyRelease"], "their release")

    def test_one_viewers_end_leaves_the_others_keys_down(self):
        display = self.display()
        xev = display.xev(events=("keyboard",))
        server = self.server(display)
        held = self.running_viewer(server, "move", "60", "60", "keydown", "a", "wait-change", name="1.png")
        xev.wait_line("keysym 0x61, a")
        self.ok(server, "keydown", "b")
        farhand.wait_until(lambda: "KeyRelease" in xev.text(), "the release of b")
        releases = re.findall(r"KeyRelease event.*\n.*\n.*\(keysym 0x[0-9a-f]+, (\w+)\)", xev.text())
        self.assertEqual(releases, ["b"])
        held.signal(signal.SIGTERM)
        self.assertEqual(held.wait(), 1)


class Listening(Service):
    def test_a_unix_socket(self):
        server = self.server(self.display(), listen=f"unix:{self.path('socket')}")
        self.ok(server, "info")
        self.assertTrue(os.path.exists(self.path("socket")))
        server.stop()
        self.assertFalse(os.path.exists(self.path("socket")))

    def test_several_addresses_at_once(self):
        server = self.server(self.display(), listen=f"unix:{self.path('socket')}",
                             options=["--listen", "127.0.0.1:0", "--listen", "[::1]:0"])
        v4 = server.program.wait_line(r"listening on 127\.0\.0\.1:(\d+)").group(1)
        v6 = server.program.wait_line(r"listening on \[::1\]:(\d+)").group(1)
        for address in (server.address, f"127.0.0.1::{v4}", f"[::1]::{v6}"):
            self.ok(address, "info")
        try:
            socket.getaddrinfo("localhost", v4)
        except OSError:
            return  # a system without /etc/hosts has no name to try
        self.ok(f"localhost::{v4}", "info")

    def test_a_socket_that_systemd_opened(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.activated(listener)
        self.ok(f"127.0.0.1::{listener.getsockname()[1]}", "info")

    def activated(self, listener):
        """Starts the server as systemd does: descriptor 3, LISTEN_FDS, LISTEN_PID, NOTIFY_SOCKET."""
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notify.close)
        notify.bind(self.path("notify"))
        notify.settimeout(farhand.PATIENCE)
        display = self.display()
        launcher = ("import os,sys; os.dup2(int(sys.argv[1]),3); os.set_inheritable(3, True); "
                    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET=sys.argv[2]); "
                    "os.execv(sys.argv[3], sys.argv[3:])")
        args = [sys.executable, "-c", launcher, str(listener.fileno()), self.path("notify"), farhand.SERVERD,
                "--identity", self.key, "--users", self.users, "--audit", "none", "--blacklist", self.path("blacklist"), "--control", "none",
                "--display", display.name, "--listen", "systemd"]
        program = farhand.Program(args, pass_fds=(listener.fileno(),))
        self.addCleanup(program.stop)
        said = ""
        while "READY=1" not in said:
            said = notify.recv(4096).decode()
        program.signal(signal.SIGHUP)
        while "RELOADING=1" not in said:
            said = notify.recv(4096).decode()

    def test_an_address_that_is_taken_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            server = self.server(self.display(), listen=f"127.0.0.1:{taken.getsockname()[1]}", ready=False)
            self.assertEqual(server.program.wait(), 10)
            self.assertIn(str(taken.getsockname()[1]), server.program.text())


class Virtual(Service):
    def virtual(self, *program, **more):
        return self.server(where=["--virtual", "320x240"], program=program, **more)

    def test_it_starts_its_own_display_and_program_and_ends_them(self):
        pids = self.path("pids")
        server = self.virtual("sh", "-c", f"echo $$ $DISPLAY >{pids}; exec xterm -geometry 20x5+0+0 -bg red -e cat")
        words = farhand.wait_until(lambda: farhand.read_text(pids).split(), "the program")
        self.ok(server, "capture", self.path("before.png"))
        self.assertEqual(farhand.png_pixels(self.path("before.png"))[:2], (320, 240))
        server.program.signal(signal.SIGTERM)
        self.assertEqual(server.program.wait(), 0)
        farhand.wait_until(lambda: not os.path.exists(f"/proc/{words[0]}"), "the program's end")
        self.assertFalse(os.path.exists(f"/tmp/.X11-unix/X{words[1].lstrip(':').split('.')[0]}"))

    def test_two_signals_end_it_as_cleanly_as_one(self):
        folder = self.path("runtime")
        for number in range(5):
            os.makedirs(folder, exist_ok=True)
            server = self.virtual(env={**farhand.ENV, "HOME": self.place, "XDG_RUNTIME_DIR": folder})
            self.assertEqual(len(os.listdir(folder)), 1)
            server.program.signal(signal.SIGINT)
            if number:
                server.program.wait_line("signal 2")
            server.program.signal(signal.SIGTERM)
            self.assertEqual(server.program.wait(), 0)
            self.assertEqual(os.listdir(folder), [])

    def test_it_ends_with_its_program(self):
        gate = self.path("gate")
        os.mkfifo(gate)
        server = self.virtual("sh", "-c", f"read line <{gate}; exit $line")
        viewer = self.running_viewer(server)
        with open(gate, "w", encoding="utf-8") as f:
            f.write("0\n")
        self.assertEqual(viewer.wait(), 11)
        self.assertIn("the server ended the session", viewer.text())
        self.assertEqual(server.program.wait(), 0)

    def test_a_program_that_fails_is_told(self):
        server = self.virtual("sh", "-c", "exit 3", ready=False)
        self.assertEqual(server.program.wait(), 15)

    def test_a_new_size_reaches_the_viewer(self):
        display = self.path("display")
        server = self.virtual("sh", "-c", f"echo $DISPLAY $XAUTHORITY >{display}; exec sleep 1000")
        name, cookie = farhand.wait_until(lambda: farhand.read_text(display).split(), "the program")
        env = {**farhand.ENV, "DISPLAY": name, "XAUTHORITY": cookie}
        viewer = self.running_viewer(server, "wait-change", "capture", self.path("after.png"))
        client = self.raw_client(server)
        client.log_in(farhand.USER, farhand.PASSWORD)
        client.start_rfb()
        client.rfb(session.encodings(0, -308))
        client.rfb(session.update_request(0, 0, 320, 240))
        size, screens = (640, 480), struct.pack(">BxIHHHHI", 1, 0, 0, 0, 640, 480, 0)
        client.rfb(struct.pack(">BxHH", 251, *size) + screens)
        self.assertEqual(viewer.wait(), 0, viewer.text())
        self.assertEqual(farhand.png_pixels(self.path("after.png"))[:2], size)
        seen = farhand.subprocess.run(["xdpyinfo"], env=env, stdout=farhand.subprocess.PIPE, check=True).stdout
        self.assertIn(b"640x480 pixels", seen)


if __name__ == "__main__":
    farhand.need("xdpyinfo")
    farhand.main()
