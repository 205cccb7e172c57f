# SPDX-License-Identifier: MIT
# mk/rules.mk -- turns the data of the module.mk files into rules. CONTRIBUTING.md lists the data's names.

# Last occurrence wins: whoever uses a library is linked before the library.
uniq = $(if $1,$(if $(filter $(firstword $1),$(wordlist 2,999,$1)),,$(firstword $1)) \
       $(call uniq,$(wordlist 2,999,$1)))
# The modules below $1, itself included: for a core, and where libuv adapters are linked in as well.
core = $(strip $(call uniq,$(foreach m,$1,$m $(call core,$($m_DEPS)))))
full = $(strip $(call uniq,$(foreach m,$1,$m $(call full,$($m_DEPS) $($m_UV_DEPS)))))
# pkg-config is asked when a recipe needs the answer, once, so a core builds without its neighbours' packages.
pc   = $(if $(strip $2),$(shell $(PKG_CONFIG) $1 $2)$(if $(filter-out 0,$(.SHELLSTATUS)),$(error \
       $(PKG_CONFIG) does not find $(strip $2): scripts/install-deps installs what is missing)))
once = $1 = $$(eval $1 := $$(call pc,$2,$3))$$($1)

core_a    = $(foreach m,$(call core,$1),$($m_A))
full_a    = $(foreach m,$(call full,$1),$($m_UV) $($m_A))
core_libs = $(foreach m,$(call core,$1),$($m_LIBS) $($m_SYSLIBS))
full_libs = $(foreach m,$(call full,$1),$($m_UV_LIBS) $($m_UV_SYSLIBS) $($m_LIBS) $($m_SYSLIBS))
link      = $(Q_LD)mkdir -p $(@D); $(CC) $(LDFLAGS_ALL) -o $@ $^

# A module sees its own headers and the public headers of the modules it declares. No more.
define MODULE
$1_PUB := $(foreach d,$1 $($1_DEPS),-I$d/include)
$1_ALL_PUB := $$($1_PUB) $(foreach d,$($1_UV_DEPS),-I$d/include)
$(call once,$1_CFLAGS,--cflags,$($1_PKGS))
$(call once,$1_UV_CFLAGS,--cflags,$($1_UV_PKGS))
$(call once,$1_TEST_CFLAGS,--cflags,$($1_TEST_PKGS) check)
$(call once,$1_LIBS,--libs,$($1_PKGS))
$(call once,$1_UV_LIBS,--libs,$($1_UV_PKGS))
$(call once,$1_TEST_LIBS,--libs,$($1_TEST_PKGS) check)
$1_INC      = $$($1_PUB) -I$1/src -Icommon $$($1_CFLAGS)
$1_FULL_INC = $$($1_ALL_PUB) -I$1/src -I$1/uv -Icommon $$($1_CFLAGS) $$($1_UV_CFLAGS)
$1_OBJS    := $(patsubst %.c,$(O)/$1/%.o,$(filter-out src/main.c,$($1_SRCS)))
$1_UV_OBJS := $(patsubst %.c,$(O)/$1/%.o,$($1_UV_SRCS))
$1_MAIN    := $(patsubst %.c,$(O)/$1/%.o,$(filter src/main.c,$($1_SRCS)))
$1_UNITS    := $(patsubst %.c,$(O)/$1/%,$($1_TESTS))
$1_UV_UNITS := $(patsubst %.c,$(O)/$1/%,$($1_UV_TESTS))
$1_FUZZ     := $(patsubst %.c,$(O)/$1/%,$($1_FUZZERS))
$1_UV_FUZZ  := $(patsubst %.c,$(O)/$1/%,$($1_UV_FUZZERS))
$1_BENCH    := $(patsubst %.c,$(O)/$1/%,$($1_BENCHES))
$1_TOOL     := $(patsubst %.c,$(O)/$1/%,$($1_TOOLS))
$1_PROGS    := $$($1_UNITS) $$($1_UV_UNITS) $$($1_FUZZ) $$($1_UV_FUZZ) $$($1_BENCH) $$($1_TOOL)
OBJS        += $$($1_OBJS) $$($1_UV_OBJS) $$($1_MAIN) $$($1_PROGS:=.o)

$(O)/$1/%.o: $1/%.c $(O)/flags
	$$(Q_CC)mkdir -p $$(@D); $$(CC) $$(INC) $$(FLAGS) -MMD -MP -c -o $$@ $$<
$$($1_OBJS): private INC = $$($1_INC)
$$($1_UV_OBJS) $$($1_MAIN): private INC = $$($1_FULL_INC)
$$($1_UNITS:=.o) $$($1_FUZZ:=.o): private INC = $$($1_INC) -Itests/support $$($1_TEST_CFLAGS)
$$($1_UV_UNITS:=.o) $$($1_UV_FUZZ:=.o) $$($1_BENCH:=.o) $$($1_TOOL:=.o): private INC = $$($1_FULL_INC) -Itests/support $$($1_TEST_CFLAGS)

$$($1_A): $$($1_OBJS) $1/module.mk
$$(if $$($1_UV),$$(eval $$($1_UV): $$($1_UV_OBJS) $1/module.mk))
$$($1_A) $$($1_UV):
	$$(Q_AR)mkdir -p $$(@D); rm -f $$@; $$(AR) rcsD $$@ $$(filter %.o,$$^)
$$($1_UNITS): %: %.o $(call core_a,$1)
	$$(link) $$(call core_libs,$1) $$($1_TEST_LIBS)
$$($1_UV_UNITS) $$($1_BENCH) $$($1_TOOL): %: %.o $(call full_a,$1)
	$$(link) $$(call full_libs,$1) $$($1_TEST_LIBS)
$$($1_FUZZ): %: %.o $(FUZZ_MAIN) $(call core_a,$1)
	$$(link) $(FUZZ_LD) $$(call core_libs,$1)
$$($1_UV_FUZZ): %: %.o $(FUZZ_MAIN) $(call full_a,$1)
	$$(link) $(FUZZ_LD) $$(call full_libs,$1)

.PHONY: $1 check-$1 check-core-$1 bench-$1
endef

# A daemon is src/main.c on the rest of its sources; the rest is an archive that its tests link as well.
define DAEMON
$1_BIN := $(if $(filter src/main.c,$($1_SRCS)),$(O)/bin/$(notdir $1))
$1_MAN_PAGES := $(patsubst %.scd,$(O)/man/%,$(notdir $($1_MAN)))
$$($1_OBJS): private INC = $$($1_FULL_INC)
$(O)/bin/$(notdir $1): $$($1_MAIN) $(call full_a,$1)
	$$(link) $$(call full_libs,$1)
$$(foreach p,$($1_MAN),$$(eval $(O)/man/$$(basename $$(notdir $$p)): $1/$$p))
$$($1_MAN_PAGES):
	$$(Q_MAN)mkdir -p $$(@D); scdoc <$$< >$$@
endef

# libFuzzer's place is taken by a main() that replays files, except in the fuzz flavour.
FUZZ_TIME ?= 60
FUZZ_MAIN := $(if $(filter fuzz,$(FLAVOUR)),,$(O)/tests/support/fuzz_main.o)
FUZZ_LD   := $(if $(filter fuzz,$(FLAVOUR)),-fsanitize=fuzzer)
OBJS      := $(O)/tests/support/fuzz_main.o

# What stands above the libraries has no core: all of it is built and linked with their adapters. tests/ sees them all.
tests_DEPS += $(LIBS)
$(foreach m,$(DAEMONS) tests,$(eval $m_UV_TESTS += $($m_TESTS))$(eval $m_UV_FUZZERS += $($m_FUZZERS))$(eval \
  $m_TESTS :=)$(eval $m_FUZZERS :=))
$(foreach m,$(MODULES),$(foreach v,$(filter-out $(MODULES),$(call full,$m)),$(error $m needs $v, which is not here)))
$(foreach m,$(MODULES),$(eval $m_A := $(if $($m_SRCS),$(O)/lib/$(notdir $m).a))$(eval \
  $m_UV := $(if $($m_UV_SRCS),$(O)/lib/$(notdir $m)-uv.a)))
$(foreach m,$(MODULES),$(eval $(call MODULE,$m)))
$(foreach m,$(DAEMONS),$(eval $(call DAEMON,$m)))
$(O)/tests/support/%.o: tests/support/%.c $(O)/flags
	$(Q_CC)mkdir -p $(@D); $(CC) $(FLAGS) -MMD -MP -c -o $@ $<

# check = unit tests + scripts + every fuzz corpus replayed, so a fixed crash stays fixed. Each leaves its verdict
# in a file, and the last line counts them. Tests run in the top folder and never leave the loopback interface.
export FARHAND_TOP := $(CURDIR)
export FARHAND_BIN  = $(abspath $(O)/bin)
export CK_DEFAULT_TIMEOUT ?= 120
export UBSAN_OPTIONS ?= print_stacktrace=1
# ThreadSanitizer wants an address space without surprises.
run_tsan  = $(shell setarch -R true 2>/dev/null && echo setarch -R)
RUN      ?= $(run_$(FLAVOUR))
run-test  = @scripts/run-test $(O)/log/$(patsubst $(O)/%,%,$(basename $@))

define RUNS
$1: $$($1_A) $$($1_UV) $$($1_BIN)
$1_CORE_RUNS := $$($1_UNITS:=.run) $$($1_FUZZ:=.replay)
$1_RUNS      := $$($1_CORE_RUNS) $$($1_UV_UNITS:=.run) $$($1_UV_FUZZ:=.replay) $($1_SCRIPTS:%=$(O)/$1/%.script)
$$($1_UNITS:=.run) $$($1_UV_UNITS:=.run): %.run: %
	$$(run-test) $$(RUN) $$<
$$($1_FUZZ:=.replay) $$($1_UV_FUZZ:=.replay): %.replay: %
	$$(run-test) $$(RUN) $$< $1/fuzz/corpus/$$(notdir $$<)/*
$($1_SCRIPTS:%=$(O)/$1/%.script): $(O)/$1/%.script: $1/% $$($1_UNITS) $$($1_TOOL) $(if $(filter $(LIBS),$1),,$(foreach m,$(DAEMONS),$($m_BIN)))
	$$(run-test) $$<
$$($1_FUZZ:=.hunt) $$($1_UV_FUZZ:=.hunt): %.hunt: %
	@echo '  FUZZ  $$<'; mkdir -p $$<.found $(O)/crash
	@$$< -max_total_time=$(FUZZ_TIME) -print_final_stats=0 -verbosity=0 -artifact_prefix=$(O)/crash/$$(notdir $$<)- \
	  $$<.found $1/fuzz/corpus/$$(notdir $$<)
.PHONY: $$($1_RUNS) $$($1_FUZZ:=.hunt) $$($1_UV_FUZZ:=.hunt)
check-$1: $$($1_RUNS)
	@scripts/run-test --sum $$(call verdicts,$$^)
check-core-$1: $$($1_CORE_RUNS)
	@scripts/run-test --sum $$(call verdicts,$$^)
bench-$1: $$($1_BENCH) $$($1_TOOL) $(if $($1_BENCH_SCRIPTS),$(foreach m,$(DAEMONS),$($m_BIN)))
	@set -e; for b in $$($1_BENCH) $($1_BENCH_SCRIPTS:%=$1/%); do $$$$b; done
endef
verdicts = $(foreach r,$1,$(O)/log/$(patsubst $(O)/%,%,$(basename $r)).verdict)
$(foreach m,$(MODULES),$(eval $(call RUNS,$m)))

.PHONY: all check check-core hunt bench demo clean help asan tsan cov fuzz
all: $(ONLY) $(foreach m,$(ONLY),$($m_PROGS))
check: $(foreach m,$(ONLY),$($m_RUNS))
	@scripts/run-test --sum $(call verdicts,$^)
check-core: $(foreach m,$(filter-out $(DAEMONS) tests,$(ONLY)),$($m_CORE_RUNS))
	@scripts/run-test --sum $(call verdicts,$^)
hunt: $(foreach m,$(ONLY),$($m_FUZZ:=.hunt) $($m_UV_FUZZ:=.hunt))
# Guard, streams over datagrams and paths, each beside its peers.
.PHONY: bench-transport
bench-transport: $(TRANSPORT_BENCHES:%=$(O)/%) $(tests_TOOL)
	@set -e; for b in $(TRANSPORT_BENCHES:%=$(O)/%) $(TRANSPORT_SCRIPTS); do $$b; done
# What a cloud costs, beside its peers.
CLOUD_BENCHES += tests/bench/cloud.py daemons/vnccloudd/bench/relay.py
.PHONY: bench-cloud
bench-cloud: $(daemons/vnccloudd_TOOL) $(tests_TOOL) $(foreach m,$(DAEMONS),$($m_BIN))
	@set -e; for b in $(CLOUD_BENCHES); do $$b; done
# The same desktop in motion, served by each server in turn.
.PHONY: bench-servers
bench-servers: $(tests_TOOL) $(foreach m,$(DAEMONS),$($m_BIN))
	@tests/bench/servers.py
# The published conversations, written anew after a change that is meant to change them.
.PHONY: vectors
vectors: $(O)/libcrypto-rfb/tests/test_channel_vectors $(O)/libcrypto-rfb/tests/test_rotation \
  $(O)/libtransport/tests/test_link_vectors $(O)/libcloud-client/tests/test_cloud_proof
	@for v in $^; do $$v --write docs/vectors || exit 1; done
# Measured one after the other, when everything is built.
bench: $(foreach m,$(ONLY),$($m_BENCH) $($m_TOOL)) $(foreach m,$(DAEMONS),$($m_BIN))
	@set -e; $(foreach m,$(ONLY),$(foreach b,$($m_BENCH) $($m_BENCH_SCRIPTS:%=$m/%),$b;)) :
demo: $(foreach m,$(DAEMONS),$($m_BIN))
	@tests/demo/demo.sh
-include $(OBJS:.o=.d)

# The only recursion is over flavours, never over directories: each graph is whole.
asan tsan:
	+@$(MAKE) --no-print-directory FLAVOUR=$@ check
cov:
	+@find $(BUILD)/cov -name '*.gcda' -delete 2>/dev/null; $(MAKE) --no-print-directory FLAVOUR=cov check
	@scripts/coverage $(BUILD)/cov $(filter-out tests,$(ONLY))
fuzz:
	+@$(MAKE) --no-print-directory FLAVOUR=fuzz CC=clang hunt
clean:
	rm -rf $(filter-out $(BUILD)/sysroot,$(wildcard $(BUILD)/*))
help:
	@cat mk/help.txt
