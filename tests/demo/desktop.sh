#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/demo/desktop.sh   the desktop that tests/demo/demo.sh shares, when it is started with a display:
# a window manager, a clock, eyes that follow the pointer, and a terminal. Ends with the terminal.
set -u

here=$(dirname "$0")
# twm draws the titles, and only them: the bare windows do as well where it is missing.
! command -v twm >/dev/null || twm -q -f "$here/twmrc" 2>/dev/null &
! command -v xsetroot >/dev/null || xsetroot -solid '#1d4a66' -cursor_name left_ptr
if command -v xclock >/dev/null; then
    xclock -name clock -geometry 180x180-40+40 -bg '#1d4a66' -fg '#cfe3ee' -update 60 \
        -xrm '*hourColor: #f2b84b' -xrm '*minuteColor: #f2b84b' -bw 0 -xrm '*majorColor: #cfe3ee' &
    xeyes -name eyes -geometry 180x110-40+250 -bg '#1d4a66' -fg '#0c2333' -center '#cfe3ee' -outline '#0c2333' &
fi
xterm -T 'a terminal on the remote desktop' -geometry 80x20+60+60 -fa 'DejaVu Sans Mono' -fs 13 -b 14 -bw 0 +sb \
    -bg '#0b1b26' -fg '#dbe9f1' -cr '#f2b84b' -u8 -e "$here/program.sh"
