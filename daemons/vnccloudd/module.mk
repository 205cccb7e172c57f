# SPDX-License-Identifier: MIT
daemons/vnccloudd_DEPS := daemons/common libsession libcloud-client libtransport libcrypto-rfb
daemons/vnccloudd_PKGS := libuv libsystemd jansson libsodium
daemons/vnccloudd_SRCS := src/options.c src/config.c src/service.c src/main.c
