libsession_NAME    := session
libsession_DEPS    := libcrypto-rfb librfb
libsession_PKGS    := 
libsession_HEADERS := include/farhand/session_version.h include/farhand/session_error.h \
  include/farhand/permissions.h include/farhand/audit.h include/farhand/known_peers.h \
  include/farhand/users.h include/farhand/admission.h include/farhand/server_conn.h \
  include/farhand/viewer_conn.h
libsession_SRCS    := src/version.c src/error.c src/permissions.c src/audit.c src/admission.c \
  src/known_peers.c
libsession_TESTS   := tests/test_permissions.c tests/test_audit.c tests/test_admission.c \
  tests/test_known_peers.c
libsession_FUZZERS := fuzz/fuzz_known_peers.c
# The adapter archive, libsession-uv.a.
libsession_UV_DEPS    := libtransport
libsession_UV_PKGS    := libuv
libsession_UV_HEADERS := include/farhand/known_peers_file.h include/farhand/users_file.h \
  include/farhand/server.h include/farhand/viewer.h
libsession_UV_SRCS    := uv/private_file.c uv/known_peers_file.c
libsession_UV_TESTS   :=
# src/new.c is the one file that allocates.
libsession_IMPURE_OK := malloc|calloc|free
