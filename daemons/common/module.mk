# SPDX-License-Identifier: MIT
# What more than one daemon needs: no program of its own.
daemons/common_DEPS := libsession
daemons/common_PKGS := libsystemd inih jansson libseccomp
daemons/common_SRCS := src/log.c src/landlock.c src/confine.c src/calls.c src/option.c src/commandline.c \
  src/inifile.c src/settings.c src/auditverify.c
