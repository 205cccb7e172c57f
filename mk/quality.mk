# SPDX-License-Identifier: MIT
# mk/quality.mk -- the style guide, executed. `make lint` runs all of it.
LINTS := format-check check-headers check-symbols check-pure check-version check-docs check-words check-size check-run \
         check-man check-hardening check-scripts tidy
.PHONY: lint format $(LINTS)
lint: $(LINTS)

FILES = $(wildcard $(foreach m,$(ONLY),$(patsubst %,$m/%,*.h \
        src/*.[ch] include/*.h uv/*.[ch] include/*/*.h tests/*.[ch] fuzz/*.[ch] bench/*.[ch] examples/*/*.[ch] support/*.[ch] stack/*.[ch] simnet/*.[ch] netlab/*.[ch])))
LINT_LIBS := $(filter $(LIBS),$(ONLY))
LINT_BINS := $(foreach m,$(filter $(DAEMONS),$(ONLY)),$($m_BIN))
format:       ; clang-format -i $(FILES)
format-check: ; @clang-format --dry-run --Werror $(FILES)

# Every public header compiles alone, as C and as C++ (FFmpeg checkheaders, git hdr-check).
header-alone = for x in c c++; do echo '\#include <$(2:include/%=%)>' | \
  $(CC) $1 -Wall -Wextra -Werror -fsyntax-only -x$$x - || { echo '$m/$2: not alone as '$$x >&2; exit 1; }; done;
check-headers:
	@set -e; $(foreach m,$(LINT_LIBS),$(foreach h,$($m_HEADERS),$(call header-alone,-std=$$(test $$x = c && echo c11 || echo c++11) $($m_PUB),$h)) \
	  $(foreach h,$($m_UV_HEADERS),$(call header-alone,$($m_ALL_PUB) $($m_UV_CFLAGS),$h))) :

# Archives have no visibility: every global symbol must carry the prefix.
check-symbols: $(foreach m,$(LINT_LIBS),$($m_A) $($m_UV))
	@scripts/lint-symbols prefix $^

# Cores do no I/O, read no clock, start no thread, and allocate only where LIB_ALLOC says (src/new.c).
# The linker is the judge, not the reviewer.
check-pure: $(foreach m,$(LINT_LIBS),$($m_OBJS))
	@set -e; $(foreach m,$(LINT_LIBS),scripts/lint-symbols pure '$($m_IMPURE_OK)' \
	  '$(patsubst %.c,$(O)/$m/%.o,$(or $($m_ALLOC),src/new.c))' $($m_OBJS);) :

check-version:
	@scripts/lint-text version $(LINT_LIBS)
check-docs:
	@scripts/lint-text docs
check-words:
	@scripts/lint-text words
check-size:
	@scripts/lint-text size
check-run:
	@scripts/lint-text run
check-man: $(LINT_BINS)
	@set -e; $(foreach m,$(filter $(DAEMONS),$(ONLY)),$(if $($m_MAN),scripts/lint-text man $(O)/bin/$(notdir $m) $($m_MAN:%=$m/%);)) :
check-hardening: $(LINT_BINS) $(foreach m,$(LINT_LIBS),$($m_UNITS))
	@$(if $(strip $(HARDEN)),$(if $^,scripts/check-hardening $^),echo 'check-hardening: built without hardening, not checked')
# How much the units leave open, by systemd's score: what a module allows itself is in its module.mk.
.PHONY: check-units check-proof
check-units:
	@scripts/check-units $(foreach m,$(filter $(DAEMONS),$(ONLY)),$(if $($m_UNIT),$m/$($m_UNIT)=$($m_EXPOSURE)) $(addprefix $m/,$($m_PROFILES))) || [ $$? = 77 ]
# The handshake's secrecy, proved again: docs/models/README.md.
check-proof:
	@scripts/check-proof || [ $$? = 77 ]
check-scripts:
	@shellcheck -S warning -x $$(grep -lE '^#!/bin/(ba)?sh' $$(git ls-files -- scripts .ci tests daemons 2>/dev/null) /dev/null)

# clang-tidy reads our sources, not the tests (they include .c files, and Check's macros are not ours).
tidy_files = $(foreach m,$(ONLY),$(patsubst %,$m/%,$($m_SRCS) $($m_UV_SRCS) $($m_FUZZERS) $($m_UV_FUZZERS)))
tidy: $(BUILD)/compile_commands.json
	@printf '%s\n' $(tidy_files) | xargs -r -P $$(nproc) -n 1 scripts/tidy $(BUILD)

compdb = {"directory":"$(CURDIR)","file":"$1/$2","command":"$(CC) $3 $(STD) $(WARN) $(CPPFLAGS) $(CFLAGS) -c $1/$2"}
compdb_core = $(if $(filter $1,$(LIBS)),$($1_SRCS)) $($1_TESTS) $($1_FUZZERS)
compdb_full = $(if $(filter $1,$(LIBS)),,$($1_SRCS)) $($1_UV_SRCS) $($1_UV_TESTS) $($1_UV_FUZZERS) $($1_BENCHES) $($1_TOOLS)
comma := ,
compdb_files = $(foreach f,$(compdb_core),$(file >>$2,$(call compdb,$1,$f,$($1_INC) -Itests/support)$(comma)))\
  $(foreach f,$(compdb_full),$(file >>$2,$(call compdb,$1,$f,$($1_FULL_INC) -Itests/support)$(comma)))
# Written by make itself: a command line has no room for all of it.
$(BUILD)/compile_commands.json: $(O)/flags $(MODULES:=/module.mk)
	$(file >$@,[)$(foreach m,$(MODULES),$(call compdb_files,$m,$@))@sed -i '$$s/,$$/\n]/' $@
