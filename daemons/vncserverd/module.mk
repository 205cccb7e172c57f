# SPDX-License-Identifier: MIT
daemons/vncserverd_DEPS  := libsession librfb libtransport libcrypto-rfb
daemons/vncserverd_PKGS  := libuv xcb xcb-damage xcb-shm xcb-xfixes xcb-randr xcb-xtest xcb-xkb xkbcommon xkbcommon-x11 \
  libsystemd inih
daemons/vncserverd_SRCS  := src/log.c src/display.c src/capture.c src/cursor.c src/scancode.c src/keymap.c src/spare.c \
  src/keyboard.c src/pointer.c src/input.c src/clipboard.c src/resize.c src/desktop.c
daemons/vncserverd_TESTS := tests/test_desktop.c tests/test_keyboard.c
daemons/vncserverd_TEST_PKGS := xcb-render
