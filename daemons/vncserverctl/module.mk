# SPDX-License-Identifier: MIT
daemons/vncserverctl_DEPS := daemons/common libsession libcrypto-rfb
daemons/vncserverctl_PKGS := jansson
daemons/vncserverctl_SRCS := src/socket.c src/approve.c src/main.c
daemons/vncserverctl_MAN  := vncserverctl.1.scd
