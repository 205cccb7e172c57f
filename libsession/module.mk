libsession_NAME    := session
libsession_DEPS    := libcrypto-rfb librfb
libsession_PKGS    := 
libsession_HEADERS := include/farhand/session_version.h include/farhand/session_error.h include/farhand/auth.h \
  include/farhand/login.h include/farhand/permissions.h include/farhand/audit.h include/farhand/audit_chain.h \
  include/farhand/audit_limit.h include/farhand/audit_target.h include/farhand/known_peers.h include/farhand/users.h \
  include/farhand/codes.h include/farhand/ip_filter.h include/farhand/blacklist.h include/farhand/admission.h \
  include/farhand/server_conn.h include/farhand/viewer_conn.h include/farhand/older.h
libsession_SRCS := src/version.c src/error.c src/permissions.c src/audit.c src/audit_chain.c src/audit_limit.c \
  src/audit_target.c src/admission.c src/known_peers.c src/known_older.c src/unique.c src/users.c src/codes.c \
  src/factors.c src/login.c src/ip_filter.c src/blacklist.c src/text.c src/bye.c src/mux.c src/session_messages.c \
  src/method.c src/auth_server.c src/auth_viewer.c src/held.c src/server_rfb.c src/server_session.c \
  src/viewer_session.c src/viewer_audit.c src/server_conn.c src/older.c src/older_wire.c src/older_server.c \
  src/server_older.c src/older_viewer.c src/viewer_older.c src/viewer_conn.c src/new.c
libsession_TESTS := tests/test_permissions.c tests/test_audit.c tests/test_audit_chain.c tests/test_audit_limit.c \
  tests/test_admission.c tests/test_known_peers.c tests/test_users.c tests/test_codes.c tests/test_ip_filter.c \
  tests/test_blacklist.c tests/test_mux.c tests/test_session_messages.c tests/test_login.c tests/test_session.c \
  tests/test_session_rotation.c tests/test_session_cloud.c tests/test_session_hostile.c tests/test_older_server.c \
  tests/test_older_viewer.c
libsession_FUZZERS := fuzz/fuzz_audit_chain.c fuzz/fuzz_known_peers.c fuzz/fuzz_users.c fuzz/fuzz_codes.c \
  fuzz/fuzz_ip_filter.c fuzz/fuzz_blacklist.c fuzz/fuzz_session_messages.c fuzz/fuzz_session_server.c \
  fuzz/fuzz_session_viewer.c fuzz/fuzz_older_server.c fuzz/fuzz_older_viewer.c
# The adapter archive, libsession-uv.a.
libsession_UV_DEPS    := libtransport
libsession_UV_PKGS    := libuv
libsession_UV_HEADERS := include/farhand/known_peers_file.h include/farhand/users_file.h include/farhand/codes_file.h include/farhand/blacklist_file.h include/farhand/audit_log.h \
  include/farhand/server.h include/farhand/viewer.h
libsession_UV_SRCS := uv/private_file.c uv/known_peers_file.c uv/users_file.c uv/codes_file.c uv/blacklist_file.c \
  uv/audit_file.c uv/audit_socket.c uv/audit_program.c uv/audit_log.c uv/carrier.c uv/resume_uv.c uv/server_uv.c \
  uv/session_uv.c uv/older_uv.c uv/viewer_uv.c
libsession_UV_TESTS   := tests/test_resume_uv.c tests/test_store_files.c tests/test_audit_log.c tests/test_server_uv.c
# What is held in memory as a whole grows with its file, up to the limits of the headers.
libsession_ALLOC := src/new.c src/known_peers.c src/known_older.c src/users.c src/codes.c src/ip_filter.c src/blacklist.c \
  src/admission.c src/audit_limit.c
libsession_BENCHES := bench/bench_session.c
