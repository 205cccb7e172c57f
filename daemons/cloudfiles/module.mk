# SPDX-License-Identifier: MIT
# What programs keep of a cloud in files: no program of its own.
daemons/cloudfiles_DEPS  := libcloud-client libcrypto-rfb
daemons/cloudfiles_PKGS  := libuv
daemons/cloudfiles_SRCS  := src/cloudfile.c
daemons/cloudfiles_TESTS := tests/test_cloudfile.c
