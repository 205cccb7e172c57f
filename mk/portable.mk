# SPDX-License-Identifier: MIT
# mk/portable.mk -- the cores' tests on other ground: musl, 64-bit Arm, 32-bit big-endian, mbedTLS 3.
#
# scripts/sysroot builds, once, the libraries that they stand on; qemu-user runs the programs.
.PHONY: check-portable check-musl check-aarch64 check-powerpc check-mbedtls3
check-portable: check-musl check-aarch64 check-powerpc

CC_musl    := musl-gcc
CC_aarch64 := aarch64-linux-gnu-gcc
CC_powerpc := powerpc-linux-gnu-gcc
AR_musl    := ar
AR_aarch64 := aarch64-linux-gnu-ar
AR_powerpc := powerpc-linux-gnu-ar
RUN_musl    :=
RUN_aarch64 := qemu-aarch64-static
RUN_powerpc := qemu-ppc-static
sysroot = $(abspath $(BUILD)/sysroot/$1)

# Static programs, so that no loader of the other system is needed; slow machines get more time.
check-musl check-aarch64 check-powerpc: check-%:
	@scripts/install-deps portable
	@scripts/sysroot $* $(BUILD)/sysroot/$*
	+@CK_TIMEOUT_MULTIPLIER=10 FARHAND_SLOW=1 PKG_CONFIG_LIBDIR=$(call sysroot,$*)/lib/pkgconfig PKG_CONFIG_PATH= \
	  $(MAKE) --no-print-directory check-core FLAVOUR=$* CC=$(CC_$*) AR=$(AR_$*) RUN='$(RUN_$*)' \
	  PKG_CONFIG='pkg-config --static' CPPFLAGS='-isystem $(call sysroot,$*)/include $(CPPFLAGS)' \
	  LDFLAGS='-static -no-pie -L$(call sysroot,$*)/lib $(LDFLAGS)'

# The libraries that use mbedTLS, against version 3 instead of this system's.
check-mbedtls3:
	@scripts/install-deps portable
	@scripts/sysroot mbedtls3 $(BUILD)/sysroot/mbedtls3
	+@$(MAKE) --no-print-directory check FLAVOUR=mbedtls3 \
	  ONLY='$(filter $(LIBS),$(foreach m,$(ONLY),$(if $(findstring -lmbed,$($m_SYSLIBS) $($m_UV_SYSLIBS)),$m)))' \
	  CPPFLAGS='-isystem $(call sysroot,mbedtls3)/include $(CPPFLAGS)' LDFLAGS='-L$(call sysroot,mbedtls3)/lib $(LDFLAGS)'
