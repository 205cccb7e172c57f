# mk/install.mk -- make install DESTDIR=/stage PREFIX=/usr ; one library: make install-libice
.PHONY: install install-daemons
install: $(LIBS:%=install-%) install-daemons

define INSTALL
.PHONY: install-$1 dist-$1
install-$1: $$($1_A) $$($1_UV)
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR)/$($1_PREFIX)
	install -m644 $$^ $(DESTDIR)$(LIBDIR)
	install -m644 $(addprefix $(TOP)/$1/,$($1_HEADERS)) $(DESTDIR)$(INCDIR)/$($1_PREFIX)
	for pc in $(patsubst %.in,%,$(notdir $(wildcard $(TOP)/$1/*.pc.in))); do \
	  sed -e 's|@prefix@|$(PREFIX)|' -e 's|@libdir@|$(LIBDIR)|' -e 's|@includedir@|$(INCDIR)|' \
	    -e 's|@version@|$($1_VERSION)|' $(TOP)/$1/$$$$pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/$$$$pc; done
dist-$1:
	mkdir -p $(BUILD)
	git -C $(TOP) archive --prefix=$1-$($1_VERSION)/ -o $(abspath $(BUILD))/$1-$($1_VERSION).tar.gz \
	  HEAD Makefile mk common tests/support LICENSE $1 $($1_CLOSURE)
endef
$(foreach m,$(LIBS),$(eval $(call INSTALL,$m)))
install-daemons: $(foreach m,$(DAEMONS),$($m_BIN))
	$(if $^,install -d $(DESTDIR)$(BINDIR) && install -m755 $^ $(DESTDIR)$(BINDIR))
