# SPDX-License-Identifier: MIT
# mk/install.mk -- make install DESTDIR=/stage PREFIX=/usr ; one library: make install-libtransport ; packing
.PHONY: install dist check-install check-dist check-plain
install: $(ONLY:%=install-%)
dist: $(patsubst %,dist-%,$(filter $(LIBS),$(ONLY)))

# Headers to INCDIR/farhand, archives to LIBDIR/farhand, and farhand-NAME.pc, made from LIB/farhand-NAME.pc.in.
define INSTALL_LIB
.PHONY: install-$1 dist-$1
$1_PCS := $(notdir $(basename $(if $($1_UV_SRCS),$(wildcard $1/*.pc.in),$(filter-out %-uv.pc.in,$(wildcard $1/*.pc.in)))))
install-$1: $$($1_A) $$($1_UV)
	install -d $(DESTDIR)$(LIBDIR)/farhand $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR)/farhand
	install -m644 $$^ $(DESTDIR)$(LIBDIR)/farhand
	install -m644 $(addprefix $1/,$($1_HEADERS) $($1_UV_HEADERS)) $(DESTDIR)$(INCDIR)/farhand
	for pc in $$($1_PCS); do sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(LIBDIR)|' -e 's|@includedir@|$(INCDIR)|' \
	  -e "s|@version@|$$$$(cat $1/VERSION)|" $1/$$$$pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/$$$$pc || exit 1; done
# What the library needs to be built, tested and packed again, alone.
dist-$1:
	@scripts/dist $(BUILD)/dist $1-$$$$(cat $1/VERSION) Makefile LICENSE mk scripts common tests/support \
	  .clang-format .clang-tidy CONTRIBUTING.md $(call full,$1) $(foreach m,$(call full,$1),$($m_DIST))
endef

define INSTALL_DAEMON
.PHONY: install-$1
install-$1: $$($1_BIN) $$($1_MAN_PAGES)
	$$(if $$($1_BIN),install -d $(DESTDIR)$(BINDIR) && install -m755 -t $(DESTDIR)$(BINDIR) $$($1_BIN))
	for page in $$($1_MAN_PAGES); do install -Dm644 -t $(DESTDIR)$(MANDIR)/man$$$${page##*.} $$$$page || exit 1; done
	$(if $($1_UNIT),install -d $(DESTDIR)$(UNITDIR) && sed 's|@bindir@|$(BINDIR)|g' $1/$($1_UNIT) \
	  >$(DESTDIR)$(UNITDIR)/$(notdir $($1_UNIT:.in=)))
	$(foreach f,$($1_PAM),test -e $(DESTDIR)$(PAMDIR)/$(basename $f) || install -Dm644 $1/$f $(DESTDIR)$(PAMDIR)/$(basename $f);)
	$(if $($1_CONF),install -Dm644 -t $(DESTDIR)$(DOCDIR)/examples $($1_CONF:%=$1/%))
all: $$($1_MAN_PAGES)
endef
$(foreach m,$(LIBS),$(eval $(call INSTALL_LIB,$m)))
$(foreach m,$(DAEMONS),$(eval $(call INSTALL_DAEMON,$m)))
install-tests install-common: ;

# Each library's examples build with pkg-config from an installed copy and nothing else, and run.
check-install: $(foreach m,$(ONLY),$($m_A) $($m_UV) $($m_BIN) $($m_MAN_PAGES))
	@rm -rf $(O)/stage
	@$(MAKE) --no-print-directory -s install ONLY='$(MODULES)' PREFIX=$(abspath $(O)/stage/usr) DESTDIR=
	@scripts/check-examples $(O)/stage/usr '$(CC)' $(filter $(LIBS),$(ONLY))

# Each library's tarball is the same twice, and builds and passes its tests where it is unpacked.
check-dist: $(patsubst %,check-dist-%,$(filter $(LIBS),$(ONLY)))
$(LIBS:%=check-dist-%): check-dist-%:
	+@scripts/check-dist $(BUILD)/dist $* $(MAKE)
.PHONY: $(LIBS:%=check-dist-%)

# The line in each library's README that builds it without make.
check-plain:
	@scripts/check-plain $(O)/plain '$(CC)' $(filter $(LIBS),$(ONLY))
