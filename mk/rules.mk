# mk/rules.mk -- turns the data of the module.mk files into rules.

# Last occurrence wins: whoever uses a library is linked before the library.
uniq    = $(if $1,$(if $(filter $(firstword $1),$(wordlist 2,999,$1)),,$(firstword $1)) \
          $(call uniq,$(wordlist 2,999,$1)))
closure = $(strip $(call uniq,$(foreach m,$1,$m $(call closure,$($m_DEPS) $($m_UV_DEPS)))))
pc      = $(if $(strip $2),$(shell $(PKG_CONFIG) $1 $2))

# A module sees its own headers and the public headers of the modules it declares. No more.
define MODULE
$1_VERSION := $(file <$(TOP)/$1/VERSION)
$1_CLOSURE := $(call closure,$($1_DEPS) $($1_UV_DEPS))
$1_PUB     := $(foreach d,$1 $($1_DEPS),-I$(TOP)/$d/include)
$1_INC     := -I$(TOP)/$1/src -I$(TOP)/common $$($1_PUB) $(call pc,--cflags,$($1_PKGS))
$1_UV_INC  := $(foreach d,$($1_UV_DEPS),-I$(TOP)/$d/include) $(call pc,--cflags,$($1_UV_PKGS))
$1_LIBS    := $(call pc,--libs,$($1_PKGS)) $($1_SYSLIBS)
$1_UV_LIBS := $(call pc,--libs,$($1_UV_PKGS))
$1_OBJS    := $(patsubst %.c,$(O)/$1/%.o,$($1_SRCS))
OBJS       += $$($1_OBJS)
$(O)/$1/%.o: $(TOP)/$1/%.c $(O)/flags
	$$(Q_CC)mkdir -p $$(@D); $$(CC) $$($1_INC) $$(EXTRA_INC) $$(FLAGS) -MMD -MP -c -o $$@ $$<
endef

define LIBRARY
$(call MODULE,$1)
$1_A        := $(O)/lib/$1.a
$1_UV       := $(if $($1_UV_SRCS),$(O)/lib/$1-uv.a)
$1_UNITS    := $(patsubst %.c,$(O)/$1/%,$($1_TESTS))
$1_UV_UNITS := $(patsubst %.c,$(O)/$1/%,$($1_UV_TESTS))
$1_FUZZ     := $(patsubst %.c,$(O)/$1/%,$($1_FUZZERS))
OBJS     += $$($1_UNITS:=.o) $$($1_UV_UNITS:=.o) $$($1_FUZZ:=.o) $(patsubst %.c,$(O)/$1/%.o,$($1_UV_SRCS))

$$($1_A): $$($1_OBJS)
$$(if $$($1_UV),$$(eval $$($1_UV): $(patsubst %.c,$(O)/$1/%.o,$($1_UV_SRCS))))
$(O)/$1/uv/%.o $$($1_UV_UNITS:=.o): private EXTRA_INC = $$($1_UV_INC)
$$($1_A) $$($1_UV):
	$$(Q_AR)mkdir -p $$(@D); rm -f $$@; $$(AR) rcsD $$@ $$^
$$($1_UNITS): %: %.o $(foreach m,$1 $(call closure,$($1_DEPS)),$(O)/lib/$m.a)
	$$(Q_LD)$$(CC) $$(FLAGS) $$(LDFLAGS) -o $$@ $$^ $(foreach m,$1 $(call closure,$($1_DEPS)),$$($m_LIBS)) $$(CHECK_LIBS)
$$($1_UV_UNITS): %: %.o $(foreach m,$1 $(call closure,$($1_DEPS) $($1_UV_DEPS)),$$($m_UV) $(O)/lib/$m.a)
	$$(Q_LD)$$(CC) $$(FLAGS) $$(LDFLAGS) -o $$@ $$^ $(foreach m,$1 $(call closure,$($1_DEPS) $($1_UV_DEPS)),$$($m_LIBS) $$($m_UV_LIBS)) $$(CHECK_LIBS)
$$($1_FUZZ): %: %.o $$(FUZZ_MAIN) $(foreach m,$1 $(call closure,$($1_DEPS)),$(O)/lib/$m.a)
	$$(Q_LD)$$(CC) $$(FLAGS) $$(FUZZ_LD) $$(LDFLAGS) -o $$@ $$^ $(foreach m,$1 $(call closure,$($1_DEPS)),$$($m_LIBS))

# check = unit tests + every fuzz corpus replayed, so a fixed crash stays fixed.
$$($1_UNITS:=.run) $$($1_UV_UNITS:=.run): %.run: %
	$$(Q_T)$$<
$$($1_FUZZ:=.replay): %.replay: %
	$$(Q_T)$$< $(TOP)/$1/fuzz/corpus/$$(notdir $$<)/*
$$($1_FUZZ:=.hunt): %.hunt: %
	$$(Q_T)$$< -max_total_time=$$(FUZZ_TIME) $(TOP)/$1/fuzz/corpus/$$(notdir $$<)

.PHONY: $1 check-$1 $$($1_UNITS:=.run) $$($1_UV_UNITS:=.run) $$($1_FUZZ:=.replay) $$($1_FUZZ:=.hunt)
$1: $$($1_A) $$($1_UV)
check-$1: $$($1_UNITS:=.run) $$($1_UV_UNITS:=.run) $$($1_FUZZ:=.replay)
all: $1
check: check-$1
hunt: $$($1_FUZZ:=.hunt)
endef

define DAEMON
$(call MODULE,$1)
$1_BIN := $(O)/bin/$(notdir $1)
$$($1_OBJS): private EXTRA_INC = $$($1_UV_INC)
$$($1_BIN): $$($1_OBJS) $(foreach m,$(call closure,$($1_DEPS)),$$($m_UV) $(O)/lib/$m.a)
	$$(Q_LD)mkdir -p $$(@D); $$(CC) $$(FLAGS) $$(LDFLAGS) -o $$@ $$^ $$($1_LIBS) $(foreach m,$(call closure,$($1_DEPS)),$$($m_LIBS) $$($m_UV_LIBS))
all: $$($1_BIN)
endef

CHECK_LIBS = $(eval CHECK_LIBS := $(call pc,--libs,check))$(CHECK_LIBS)
FUZZ_TIME ?= 60
FUZZ_MAIN := $(if $(filter fuzz,$(FLAVOUR)),,$(O)/tests/support/fuzz_main.o)
FUZZ_LD   := $(if $(filter fuzz,$(FLAVOUR)),-fsanitize=fuzzer)
$(O)/tests/support/%.o: $(TOP)/tests/support/%.c $(O)/flags
	$(Q_CC)mkdir -p $(@D); $(CC) $(FLAGS) -MMD -MP -c -o $@ $<

.PHONY: all check hunt clean asan tsan cov fuzz
$(foreach m,$(LIBS),$(eval $(call LIBRARY,$m)))
$(foreach m,$(DAEMONS),$(eval $(call DAEMON,$m)))
-include $(OBJS:.o=.d)

# The only recursion is over flavours, never over directories: each graph is whole.
asan tsan cov:
	+@$(MAKE) --no-print-directory FLAVOUR=$@ check
fuzz:
	+@$(MAKE) --no-print-directory FLAVOUR=fuzz CC=clang hunt
clean:
	rm -rf $(BUILD)
