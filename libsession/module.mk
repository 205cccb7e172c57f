libsession_NAME    := session
libsession_DEPS    := libcrypto-rfb librfb
libsession_PKGS    := 
libsession_HEADERS := include/farhand/session_version.h
libsession_SRCS    := src/version.c
libsession_TESTS   :=
libsession_FUZZERS :=
# The adapter archive, libsession-uv.a.
libsession_UV_DEPS    := libtransport
libsession_UV_PKGS    := libuv
libsession_UV_HEADERS :=
libsession_UV_SRCS    :=
libsession_UV_TESTS   :=
# src/new.c is the one file that allocates.
libsession_IMPURE_OK := malloc|calloc|free
