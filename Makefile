# SPDX-License-Identifier: MIT
# One make, one graph. The module.mk files declare data only; mk/ holds every rule. `make help` lists the goals.
MODULES := $(sort $(patsubst %/module.mk,%,$(wildcard common/module.mk lib*/module.mk daemons/*/module.mk tests/module.mk)))
LIBS    := $(filter lib%,$(MODULES))
DAEMONS := $(filter daemons/%,$(MODULES))
# What the goals are about: all modules, or the one that `make -C MODULE` names.
ONLY    ?= $(MODULES)

all:

# check and demo are enough by themselves on a bare system: they install what is missing, then start over.
ifneq ($(if $(FARHAND_NO_DEPS),,$(filter check demo,$(MAKECMDGOALS))),)
.PHONY: $(MAKECMDGOALS) deps-first
$(MAKECMDGOALS): deps-first ; @:
deps-first:
	@scripts/install-deps build $(if $(filter-out $(LIBS),$(ONLY)),test) $(if $(filter demo,$(MAKECMDGOALS)),demo)
	+@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc)) FARHAND_NO_DEPS=1 $(MAKECMDGOALS)
else
include mk/config.mk $(MODULES:=/module.mk) mk/rules.mk mk/quality.mk mk/install.mk mk/portable.mk
endif
