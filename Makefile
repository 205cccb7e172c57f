# One make, one graph. The module.mk files declare data only; mk/ holds every rule.
TOP     ?= .
LIBS    ?= libcrypto-rfb libtransport librfb libsession
DAEMONS ?= $(patsubst $(TOP)/%/module.mk,%,$(wildcard $(TOP)/daemons/*/module.mk))

all:
include $(TOP)/mk/config.mk
include $(patsubst %,$(TOP)/%/module.mk,$(LIBS) $(DAEMONS))
include $(TOP)/mk/rules.mk $(TOP)/mk/quality.mk $(TOP)/mk/install.mk
