# SPDX-License-Identifier: MIT
# mk/config.mk -- what a user or packager may set.  make V=1 shows every command.
# ?= does not override make's built-in CC=cc and AR=ar; that is what we want.
PKG_CONFIG ?= pkg-config
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCDIR     ?= $(PREFIX)/include
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/farhand
UNITDIR    ?= $(PREFIX)/lib/systemd/system
# PAM looks in one folder, whatever the prefix; elsewhere than in the usual ones nothing of /etc is touched.
PAMDIR     ?= $(if $(filter /usr /usr/local,$(PREFIX)),,$(PREFIX))/etc/pam.d
CFLAGS     ?= -O2 -g
BUILD      ?= build
FLAVOUR    ?= release
O          := $(BUILD)/$(FLAVOUR)
# HARDEN= (empty) leaves the hardening flags out; RUN= is put before each test program (qemu, setarch, valgrind).

# Ours. The user's CPPFLAGS, CFLAGS and LDFLAGS come last and are never changed; WERROR=1 is for CI.
STD  := -std=c11 -D_POSIX_C_SOURCE=200809L
WARN := -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wpointer-arith -Wimplicit-fallthrough -Wformat=2 $(if $(WERROR),-Werror)

# What a flavour adds. The sanitizers see more without FORTIFY, so they build without the hardening.
SAN_release :=
SAN_asan    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_tsan    := -fsanitize=thread
SAN_cov     := --coverage -O0 -DFH__UNCONFINED
SAN_fuzz    := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
ifneq ($(filter asan tsan cov fuzz,$(FLAVOUR)),)
HARDEN :=
endif

# The flags of the OpenSSF guide that this compiler and linker know, asked once and kept in build/probe.
HARDEN    ?= $(eval HARDEN := $(shell scripts/probe-flags compile $(BUILD)/probe $(CC) $(CPPFLAGS) $(CFLAGS)))$(HARDEN)
HARDEN_LD  = $(if $(strip $(HARDEN)),$(eval HARDEN_LD := $(shell scripts/probe-flags link $(BUILD)/probe $(CC) $(CFLAGS) $(LDFLAGS)))$(HARDEN_LD))

FLAGS   = $(STD) $(WARN) -fPIC -fvisibility=hidden $(HARDEN) $(CPPFLAGS) $(CFLAGS) $(SAN_$(FLAVOUR))
LDFLAGS_ALL = $(CFLAGS) $(SAN_$(FLAVOUR)) $(HARDEN_LD) $(LDFLAGS)

ifneq ($(V),1)
Q_CC = @printf '  CC    %s\n' $<;
Q_LD = @printf '  LD    %s\n' $@;
Q_AR = @printf '  AR    %s\n' $@;
Q_MAN = @printf '  MAN   %s\n' $@;
endif

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
FORCE:

# Flags changed? Then everything is stale. (git: GIT-CFLAGS; valkey: .make-settings)
$(O)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(FLAGS) $(LDFLAGS_ALL)' | cmp -s - $@ || echo '$(CC) $(FLAGS) $(LDFLAGS_ALL)' >$@
