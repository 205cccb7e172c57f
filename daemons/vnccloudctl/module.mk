# SPDX-License-Identifier: MIT
daemons/vnccloudctl_DEPS := daemons/common libsession
daemons/vnccloudctl_PKGS := jansson
daemons/vnccloudctl_SRCS := src/answer.c src/client.c src/show.c src/words.c src/main.c
daemons/vnccloudctl_UV_FUZZERS := fuzz/fuzz_answer.c
daemons/vnccloudctl_MAN  := vnccloudctl.1.scd
