# SPDX-License-Identifier: MIT
# mk/alone.mk -- make -C LIB GOAL: the goal for this module and what it needs, by the graph of the whole tree.
# A folder without a module.mk has nothing to build yet; saying so is its success.
MODULE := $(notdir $(CURDIR))
GOALS  := all check asan tsan cov lint fuzz bench install dist check-dist check-install clean

.PHONY: $(GOALS)
$(GOALS):
ifeq ($(wildcard module.mk),)
	@echo '$(MODULE): nothing to build yet; README.md says what is coming'
else
	+@$(MAKE) --no-print-directory -C .. ONLY=$(MODULE) $@
endif
