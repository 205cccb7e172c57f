# mk/config.mk -- what a user or packager may set.  make V=1 shows every command.
# ?= does not override make's built-in CC=cc and AR=ar; that is what we want.
PKG_CONFIG ?= pkg-config
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCDIR     ?= $(PREFIX)/include
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
CFLAGS     ?= -O2 -g
BUILD      ?= build
FLAVOUR    ?= release
O          := $(BUILD)/$(FLAVOUR)

# Ours. The user's CFLAGS come last and are never changed.
STD  := -std=c11 -D_POSIX_C_SOURCE=200809L
WARN := -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes \
        -Wwrite-strings -Wpointer-arith -Wimplicit-fallthrough $(if $(WERROR),-Werror)
SAN_release :=
SAN_asan    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_tsan    := -fsanitize=thread
SAN_cov     := --coverage
SAN_fuzz    := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FLAGS = $(STD) $(WARN) -fPIC -fvisibility=hidden $(SAN_$(FLAVOUR)) $(EXTRA) $(CPPFLAGS) $(CFLAGS)

ifneq ($(V),1)
Q_CC = @printf '  CC    %s\n' $<;
Q_LD = @printf '  LD    %s\n' $@;
Q_AR = @printf '  AR    %s\n' $@;
Q_T  = @printf '  TEST  %s\n' $<;
endif

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
FORCE:

# Flags changed? Then everything is stale. (git: GIT-CFLAGS; valkey: .make-settings)
$(O)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(FLAGS)' | cmp -s - $@ || echo '$(CC) $(FLAGS)' >$@
