#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""commands.py -- every command of the viewer against real X programs, and its exit codes."""
import json
import os
import re
import socket
import sys

sys.dont_write_bytecode = True
import farhand  # noqa: E402


class Commands(farhand.Case):
    """One display and server for all cases; each begins with an empty screen."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = farhand.Display(cls.folder, cls.SIZE)
        cls.serving = farhand.Server(cls.folder, ["--display", cls.shared.name], cls.key, users=cls.users,
                                     listen=f"unix:{cls.folder}/socket")

    def xev(self, *events):
        xev = self.shared.xev(events=events)
        self.addCleanup(xev.stop)
        return xev

    def xterm(self, script, **more):
        xterm = self.shared.xterm(script, **more)
        self.addCleanup(xterm.stop)
        return xterm

    def run_ok(self, *commands, **more):
        return self.ok(self.serving, *commands, **more)

    def keys(self, xev, last):
        """(down, keysym, state) of all keys until the release of `last`."""
        xev.wait_line("ConfigureNotify|MapNotify|Event|event")
        number = re.escape(last)

        def released():
            text = xev.text()
            events = re.findall(r"(KeyPress|KeyRelease) event.*\n.*\n\s+state 0x([0-9a-f]+), keycode \d+ "
                                r"\(keysym 0x[0-9a-f]+, (\w+)\)", text)
            return events if any(kind == "KeyRelease" and re.fullmatch(number, name)
                                 for kind, _, name in events) else None
        events = farhand.wait_until(released, f"the release of {last}")
        return [(kind == "KeyPress", name, int(state, 16)) for kind, state, name in events]


class Input(Commands):
    def test_a_key_is_pressed_and_released(self):
        xev = self.xev("keyboard")
        self.run_ok("move", "100", "100", "key", "a")
        self.assertEqual([k[:2] for k in self.keys(xev, "a")], [(True, "a"), (False, "a")])

    def test_named_keys_arrive_as_themselves(self):
        names = {"return": "Return", "esc": "Escape", "tab": "Tab", "bsp": "BackSpace", "del": "Delete",
                 "home": "Home", "pgdn": "Next", "left": "Left", "f5": "F5", "kp_add": "KP_Add", "space": "space",
                 "ins": "Insert", "menu": "Menu", "0xffc9": "F12"}
        xev = self.xev("keyboard")
        commands = [word for name in names for word in ("key", name)]
        self.run_ok("move", "100", "100", *commands, "key", "z")
        arrived = [name for down, name, _ in self.keys(xev, "z") if down]
        self.assertEqual(arrived, [*names.values(), "z"])

    def test_a_combination_holds_its_modifiers_and_lets_go_of_all(self):
        xev = self.xev("keyboard")
        self.run_ok("move", "100", "100", "key", "ctrl-alt-del", "key", "z")
        events = self.keys(xev, "z")
        deleted = next(state for down, name, state in events if down and name == "Delete")
        self.assertEqual(deleted & 0xc, 0xc)
        self.assertEqual(events[-1][2] & 0xff, 0)

    def test_keydown_and_keyup_are_halves(self):
        xev = self.xev("keyboard")
        self.run_ok("move", "100", "100", "keydown", "shift", "key", "f5", "keyup", "shift", "key", "z")
        self.assertEqual([(down, name, state & 1) for down, name, state in self.keys(xev, "z")],
                         [(True, "Shift_L", 0), (True, "F5", 1), (False, "F5", 1), (False, "Shift_L", 1),
                          (True, "z", 0), (False, "z", 0)])

    def test_text_arrives_character_by_character(self):
        for number, text in enumerate(("Plain text 0123, with \"quotes\" & $signs; [{}]~", "Grüße, señor: ßåæø ¿qué?",
                                       "Ελληνικά · Русский · עברית", "日本語 ★ € 😀")):
            out = self.path(f"typed{number}")
            xterm = self.xterm(f'IFS= read -r line; printf %s "$line" >{out}.tmp; mv {out}.tmp {out}', name=f"t{number}")
            self.run_ok("move", "100", "60", "type", text, "key", "return")
            farhand.wait_until(lambda out=out: os.path.exists(out), "the line in a file")
            self.assertEqual(farhand.read_text(out), text)
            xterm.wait()

    def test_a_file_is_typed_and_so_is_standard_input(self):
        text = "".join(f"line {i}: äöü €\n" for i in range(20))
        with open(self.path("text"), "w", encoding="utf-8") as f:
            f.write(text)
        for source, data in ((self.path("text"), None), ("-", text.encode())):
            out = self.path("out" + str(len(source)))
            self.xterm(f'head -n 20 >{out}.tmp; mv {out}.tmp {out}', name=f"f{len(source)}")
            self.run_ok("move", "100", "60", "typefile", source, data=data)
            farhand.wait_until(lambda out=out: os.path.exists(out), "20 lines in a file")
            self.assertEqual(farhand.read_text(out), text)

    def test_back_and_forward_are_pressed(self):
        xev = self.xev("button")
        self.run_ok("move", "100", "100", "wait-stable", "0.5", "click", "8", "click", "9")
        xev.wait_line(r"state 0x[0-9a-f]+, button 8")
        xev.wait_line(r"state 0x[0-9a-f]+, button 9")

    def test_the_pointer_moves_clicks_and_drags(self):
        xev = self.xev("mouse")
        self.run_ok("move", "50", "60", "click", "1", "mousedown", "3", "drag", "71", "60", "mouseup", "3", "click", "4")
        xev.wait_line(r"state 0x[0-9a-f]+, button 4")
        farhand.wait_until(lambda: len(re.findall("ButtonRelease", xev.text())) == 3, "three releases")
        text = xev.text()
        buttons = re.findall(r"(ButtonPress|ButtonRelease) event.*\n.*root:\((\d+),(\d+)\),\n\s+state 0x([0-9a-f]+), "
                             r"button (\d)", text)
        self.assertEqual([(kind, int(x), int(y), int(b)) for kind, x, y, _, b in buttons],
                         [("ButtonPress", 50, 60, 1), ("ButtonRelease", 50, 60, 1), ("ButtonPress", 50, 60, 3),
                          ("ButtonRelease", 71, 60, 3), ("ButtonPress", 71, 60, 4), ("ButtonRelease", 71, 60, 4)])
        moves = re.findall(r"MotionNotify event.*\n.*root:\((\d+),60\),\n\s+state 0x400", text)
        self.assertEqual([int(x) for x in moves][-1], 71)
        self.assertGreater(len(moves), 3)


class Clipboard(Commands):
    TEXTS = ("plain", "two\nlines", "Grüße, señor")  # RFB's own clipboard is Latin-1

    def selection(self):
        return self.shared.ask("xclip", "-o", "-selection", "clipboard", "-t", "UTF8_STRING").decode()

    def own(self, text):
        """A program that owns the selection, until the case ends."""
        with open(self.path("owned"), "wb") as f:
            f.write(text.encode())
        owner = self.shared.run("xclip", "-quiet", "-i", "-selection", "clipboard", self.path("owned"))
        self.addCleanup(owner.stop)

    def test_what_is_pasted_is_the_selection_of_other_programs(self):
        for text in self.TEXTS:
            self.run_ok("paste", text)
            farhand.wait_until(lambda text=text: self.selection() == text, f"{text!r} in the selection")

    def test_a_file_is_pasted(self):
        text = "x" * 100000 + "é"
        with open(self.path("text"), "w", encoding="utf-8") as f:
            f.write(text)
        self.run_ok("pastefile", self.path("text"))
        farhand.wait_until(lambda: self.selection() == text, "the file in the selection")

    def test_what_another_program_copies_is_printed(self):
        for text in self.TEXTS:
            viewer = self.start_viewer(self.serving, "capture", self.path("a.png"), "copy")
            farhand.wait_until(lambda: os.path.exists(self.path("a.png")), "a session")
            self.own(text)
            self.assertEqual(viewer.wait(), 0, viewer.text())
            self.assertEqual(viewer.text(), text)
            os.remove(self.path("a.png"))


class Pictures(Commands):
    def setUp(self):
        super().setUp()
        self.lines = self.path("lines")
        os.mkfifo(self.lines)
        self.terminal = self.xterm(f"cat {self.lines}; exec sleep 1000", name="shown", options=("-uc", "-cr", "black", "-ms", "black"))
        self.writer = open(self.lines, "w", encoding="utf-8")
        self.addCleanup(self.writer.close)

    def write(self, text):
        self.writer.write(text)
        self.writer.flush()

    def colourful(self):
        self.write("".join(f"\033[48;5;{i}m{i:4d}\033[0m" for i in range(16, 120)) + "\n")

    def settled(self):
        """The screen when a viewer has seen nothing change."""
        self.run_ok("wait-stable", "0.3")
        return self.shared.picture()

    def test_a_capture_equals_the_screen_pixel_by_pixel_in_every_encoding(self):
        self.colourful()
        real = self.settled()
        self.assertGreater(len(set(real[2][i:i + 3] for i in range(0, len(real[2]), 3))), 20)
        for encodings in ("raw", "zrle", "tight", "copyrect,zrle", "tight,zrle,copyrect,raw"):
            path = self.path(encodings + ".png")
            self.run_ok("capture", path, options=["--encodings", encodings])
            self.assertEqual(farhand.png_pixels(path), real, encodings)

    def test_jpeg_is_near_and_smaller(self):
        # A photograph's kind of picture: noise that JPEG keeps roughly.
        self.colourful()
        real = self.settled()
        self.run_ok("capture", self.path("j.png"), options=["--encodings", "tight", "--quality", "5"])
        width, height, rgb = farhand.png_pixels(self.path("j.png"))
        self.assertEqual((width, height), real[:2])
        difference = (sum((a - b) ** 2 for a, b in zip(rgb, real[2])) / len(rgb)) ** 0.5
        self.assertLess(difference, 20)
        self.run_ok("expect", self.path("j.png"), str(difference + 1))

    def test_a_part_is_that_part(self):
        self.colourful()
        width, _, rgb = self.settled()
        self.run_ok("rcapture", self.path("part.png"), "13", "7", "50", "21")
        part = b"".join(rgb[3 * (width * y + 13):][:150] for y in range(7, 28))
        self.assertEqual(farhand.png_pixels(self.path("part.png")), (50, 21, part))
        self.fails(30, self.serving, "rcapture", self.path("no.png"), "300", "0", "50", "10")

    def test_expect_waits_for_the_picture_that_comes(self):
        self.write("\033[44m\033[2J")
        farhand.wait_until(lambda: self.shared.picture()[2][:3] != b"\xff\xff\xff", "blue")
        self.settled()
        self.run_ok("capture", self.path("blue.png"), "rcapture", self.path("patch.png"), "30", "30", "10", "10")
        self.write("\033[41m\033[2J")
        self.settled()
        waiting = [self.start_viewer(self.serving, "capture", self.path("now1.png"), "expect", self.path("blue.png"), "0"),
                   self.start_viewer(self.serving, "capture", self.path("now2.png"), "rexpect", self.path("patch.png"),
                                     "30", "30", "2")]
        for name in ("now1.png", "now2.png"):
            farhand.wait_until(lambda name=name: os.path.exists(self.path(name)), "a session")
        self.assertTrue(all(w.is_running() for w in waiting))
        self.write("\033[44m\033[2J")
        self.assertEqual([w.wait() for w in waiting], [0, 0])

    def test_expect_of_what_never_comes_is_a_time_out(self):
        farhand.png_write(self.path("never.png"), 4, 4, bytes(range(48)))
        result = self.fails(40, self.serving, "rexpect", self.path("never.png"), "0", "0", "0",
                            options=["--command-timeout", "0.3"])
        self.assertIn("rexpect", result.err)

    def test_wait_change_ends_with_a_pixel_and_not_before(self):
        self.settled()
        waiting = self.start_viewer(self.serving, "capture", self.path("now.png"), "wait-change")
        farhand.wait_until(lambda: os.path.exists(self.path("now.png")), "a session")
        self.assertTrue(waiting.is_running())
        self.write("x\n")
        self.assertEqual(waiting.wait(), 0, waiting.text())

    def test_a_still_screen_keeps_nobody_waiting(self):
        self.settled()
        self.run_ok("capture", self.path("1.png"), "capture", self.path("2.png"), "wait-stable", "0.1", "capture", self.path("3.png"))

    def test_several_viewers_see_the_same(self):
        self.colourful()
        real = self.settled()
        viewers = [self.start_viewer(self.serving, "capture", self.path(f"{i}.png")) for i in range(4)]
        self.assertEqual([v.wait() for v in viewers], [0] * 4)
        for i in range(4):
            self.assertEqual(farhand.png_pixels(self.path(f"{i}.png")), real)


class Running(Commands):
    def test_info_as_json_has_every_fact(self):
        result = self.run_ok("info", "capture", self.path("a.png"), options=["--json"])
        lines = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual([line.get("command") for line in lines], ["info", "capture", None])
        info = lines[0]
        self.assertEqual((info["width"], info["height"]), (320, 240))
        self.assertEqual((info["fingerprint"], info["catchphrase"]), (self.fingerprint, self.phrase))
        self.assertIn("AES-256-GCM", info["cipher"])
        self.assertGreater(info["bytes_in"], 0)
        self.assertEqual(lines[2], {"result": "ok", "exit": 0})

    def test_a_script_is_run_and_may_run_another(self):
        with open(self.path("inner"), "w", encoding="utf-8") as f:
            f.write(f"capture {self.path('b.png')}\n")
        with open(self.path("outer"), "w", encoding="utf-8") as f:
            f.write(f"# a comment\nmove 5 5\ncapture '{self.path('a.png')}'\nrun \"{self.path('inner')}\"\n")
        self.run_ok("run", self.path("outer"))
        self.run_ok("run", "-", data=f"capture {self.path('c.png')}\n".encode())
        for name in "abc":
            self.assertTrue(os.path.exists(self.path(name + ".png")))

    def test_a_wrong_script_connects_nowhere_and_names_the_line(self):
        with open(self.path("bad"), "w", encoding="utf-8") as f:
            f.write("move 5 5\n\nmove 5 x\n")
        result = self.fails(2, "127.0.0.1::1", "run", self.path("bad"))
        self.assertIn(f"{self.path('bad')}:3", result.err)

    def test_wrong_usage_connects_nowhere(self):
        for commands in (("dance",), ("key",), ("key", "no-such-key"), ("move", "1"), ("click", "10"), ("pause", "x"), ()):
            self.fails(2, "127.0.0.1::1", *commands)
        self.fails(2, "127.0.0.1::1", "info", options=["--no-such-option"])
        self.fails(2, "not an address", "info")

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.fails(10, f"127.0.0.1::{port}", "info")
        self.fails(10, self.path("no-socket"), "info")

    def test_a_server_that_says_nothing_is_a_time_out(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self.fails(40, f"127.0.0.1::{port}", "info", options=["--timeout", "0.5"])

    def test_a_server_of_another_kind_is_a_protocol_error(self):
        self.against(b"SSH-2.0-OpenSSH_9.2\r\n", 20)
        self.against(b"RFB 003.008\n\x01\x02", 20)
        self.against(b"FARHAND 002\n", 20)

    def test_a_server_that_hangs_up_is_an_early_end(self):
        self.against(b"", 11)
        self.against(b"\x02\x00\x00\x80half", 11)

    def test_a_refusal_is_shown_as_unconfirmed(self):
        result = self.against(b"\xff\x00\x00\x05\x06\x00\x0230", 10)
        self.assertIn("busy", result.err)
        result = self.against(b"\xff\x00\x00\x0d\x09\x00\x0ago \x1b[1maway", None)
        self.assertNotIn("\x1b", result.err)

    def against(self, answer, code):
        """The viewer against something that reads a hello, says `answer` and closes."""
        import threading
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            sock, _ = listener.accept()
            with sock:
                sock.recv(12 + 4 + 4096)
                sock.sendall(answer)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4096):
                    pass
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        result = self.viewer(f"127.0.0.1::{listener.getsockname()[1]}", "info")
        if code is not None:
            self.assertEqual(result.code, code, (answer, result))
        thread.join(farhand.PATIENCE)
        return result

    def test_the_whole_run_has_an_end(self):
        result = self.fails(40, self.serving, "wait-change", options=["--timeout", "0.7", "--command-timeout", "0"])
        self.assertIn("--timeout", result.err)

    def test_an_interrupted_run_says_goodbye(self):
        viewer = self.start_viewer(self.serving, "capture", self.path("a.png"), "wait-change")
        farhand.wait_until(lambda: os.path.exists(self.path("a.png")), "a session")
        before = len(self.serving.audit())
        viewer.signal(farhand.signal.SIGINT)
        self.assertEqual(viewer.wait(), 1)
        self.assertEqual(self.serving.wait_audit(lambda e: e["event"] == "ended" and
                                                 self.serving.audit().index(e) >= before, "the end")["reason"], "normal")

    def test_a_file_that_cannot_be_written_is_a_failed_command(self):
        self.fails(30, self.serving, "capture", self.path("no/such/folder.png"))


if __name__ == "__main__":
    farhand.need("xclip")
    farhand.main()
