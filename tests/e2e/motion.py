#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What only moved is sent as a copy, and in the end every viewer's picture is the desktop's.

Claims: after a text, a page and a window have moved for two seconds each, the pictures of one viewer and of several are
those of the display, to the pixel, whatever was copied on the way; and the traffic shows that it was copied.
"""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import farhand  # noqa: E402

PLAYER = os.path.join(os.path.dirname(farhand.BIN), "tests/bench/desktop/player")
FRAMES = 60


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Motion(farhand.Case):
    def setUp(self):
        super().setUp()
        self.screen = self.display("1920x1080")
        self.serving = self.server(self.screen)

    def play(self, kind):
        player = subprocess.Popen([PLAYER, kind, str(FRAMES), "30"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True, env=self.screen.env)
        self.addCleanup(player.stdout.close)
        self.addCleanup(player.wait)
        self.addCleanup(player.stdin.close)
        self.assertEqual(player.stdout.readline(), "ready\n")
        return player

    def start(self, player):
        player.stdin.write("\n")
        player.stdin.flush()

    def last(self, player):
        """All was drawn."""
        for _ in range(FRAMES):
            player.stdout.readline()

    def check(self, kind, viewers, *options):
        player = self.play(kind)
        pictures = [self.path(f"{kind}-{i}.png") for i in range(viewers)]
        started = [self.start_viewer(self.serving.address, "wait-stable", "1", "capture", picture, options=options)
                   for picture in pictures]
        for viewer in started:
            self.serving.wait_audit(lambda e: e["event"] == "started", "a session has started")
        self.start(player)
        self.last(player)
        for viewer in started:
            self.assertEqual(viewer.wait(), 0, viewer.text())
        self.assertTrue(farhand.png_pixels(pictures[0]) == self.screen.picture(), f"{kind}: the picture is another one")
        for other in pictures[1:]:  # written by the same program, so the same bytes
            self.assertTrue(read(other) == read(pictures[0]), f"{kind}: {other} is another one")

    def test_a_text_is_scrolled(self):
        self.check("text", 1)
        ended = self.serving.wait_audit(lambda e: e["event"] == "ended", "the session has ended")
        self.assertLess(ended["bytes_out"], 1 << 20, "as pixels it would be several MiB")

    def test_a_page_is_scrolled_before_several(self):
        self.check("web", 3)

    def test_a_window_is_dragged(self):
        self.check("drag", 2)


if __name__ == "__main__":
    farhand.main()
