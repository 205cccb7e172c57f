# SPDX-License-Identifier: MIT
daemons/vncserver-prompt_DEPS := libsession libcrypto-rfb
daemons/vncserver-prompt_PKGS := jansson xcb xcb-keysyms xcb-randr xcb-screensaver cairo-xcb pangocairo libsystemd
daemons/vncserver-prompt_SRCS := src/shown.c src/lines.c src/window.c src/paint.c src/guard.c src/ask.c src/people.c src/notice.c src/notify.c \
  src/presence.c src/main.c
daemons/vncserver-prompt_TESTS := tests/test_shown.c tests/test_guard.c
daemons/vncserver-prompt_MAN  := vncserver-prompt.1.scd
