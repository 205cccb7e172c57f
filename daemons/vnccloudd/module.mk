# SPDX-License-Identifier: MIT
daemons/vnccloudd_DEPS := daemons/common libsession libtransport libcloud-client libcrypto-rfb
daemons/vnccloudd_PKGS := libuv libsystemd sqlite3 jansson libsodium
daemons/vnccloudd_SYSLIBS := -lmbedcrypto
daemons/vnccloudd_SRCS += src/store.c src/store_sql.c src/store_sql_endpoint.c src/store_sql_account.c \
  src/store_sqlite.c src/http.c src/http_target.c src/http_reply.c src/http_conn.c src/wheel.c src/gcra.c \
  src/presence.c src/admission.c src/turn.c src/ticket.c src/relay.c
daemons/vnccloudd_SRCS += src/store.c src/store_sql.c src/store_sql_endpoint.c src/store_sql_account.c \
  src/store_sqlite.c src/http.c src/http_target.c src/http_reply.c src/http_conn.c src/wheel.c src/gcra.c \
  src/presence.c src/admission.c src/turn.c src/ticket.c src/relay.c
daemons/vnccloudd_UV_TESTS := tests/test_store_sqlite.c tests/test_http.c
daemons/vnccloudd_UV_FUZZERS := fuzz/fuzz_http.c
daemons/vnccloudd_TESTS += tests/test_wheel.c tests/test_gcra.c tests/test_presence.c tests/test_admission.c \
  tests/test_turn.c tests/test_ticket.c tests/test_relay.c
daemons/vnccloudd_FUZZERS += fuzz/fuzz_relay.c
