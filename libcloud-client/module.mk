libcloud-client_NAME    := cloud-client
libcloud-client_DEPS    := libcrypto-rfb libtransport libice
libcloud-client_PKGS    :=
libcloud-client_HEADERS := include/farhand/cloud_client_version.h include/farhand/cloud_error.h include/farhand/path.h
libcloud-client_SRCS    := src/error.c src/path_message.c src/version.c
libcloud-client_TESTS   := tests/test_path_message.c
libcloud-client_FUZZERS := fuzz/fuzz_path_message.c
# The adapter archive, libcloud-client-uv.a.
libcloud-client_UV_DEPS    :=
libcloud-client_UV_PKGS    := libuv
libcloud-client_UV_HEADERS := include/farhand/path_uv.h
libcloud-client_UV_SRCS    := uv/path_uv.c
libcloud-client_UV_TESTS   := tests/test_path_uv.c
