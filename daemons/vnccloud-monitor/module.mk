# SPDX-License-Identifier: MIT
daemons/vnccloud-monitor_DEPS := libcloud-client libtransport libcrypto-rfb
daemons/vnccloud-monitor_PKGS := libuv jansson libsodium
daemons/vnccloud-monitor_SRCS := src/watched.c src/follow.c src/openings.c src/state.c src/reply.c src/source.c src/report.c src/main.c
daemons/vnccloud-monitor_MAN := vnccloud-monitor.1.scd
daemons/vnccloud-monitor_TESTS := tests/test_follow.c
daemons/vnccloud-monitor_FUZZERS := fuzz/fuzz_reply.c fuzz/fuzz_watched.c
daemons/vnccloud-monitor_SCRIPTS := tests/monitor.py
