libtransport_NAME    := transport
libtransport_DEPS    := libcrypto-rfb
libtransport_PKGS    := 
libtransport_HEADERS := include/farhand/transport_version.h
libtransport_SRCS    := src/version.c
libtransport_TESTS   :=
libtransport_FUZZERS :=
# The adapter archive, libtransport-uv.a.
libtransport_UV_DEPS    := 
libtransport_UV_PKGS    := libuv
libtransport_UV_HEADERS :=
libtransport_UV_SRCS    :=
libtransport_UV_TESTS   :=
# src/new.c is the one file that allocates.
libtransport_IMPURE_OK := malloc|calloc|free
