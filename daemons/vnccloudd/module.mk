# SPDX-License-Identifier: MIT
daemons/vnccloudd_DEPS := daemons/common libsession libtransport libcloud-client libcrypto-rfb
daemons/vnccloudd_PKGS := libuv libsystemd sqlite3 jansson libsodium
daemons/vnccloudd_SYSLIBS := -lmbedcrypto
daemons/vnccloudd_SRCS := src/options.c src/config.c src/service.c src/main.c src/wheel.c src/gcra.c src/presence.c \
  src/admission.c src/turn.c src/ticket.c src/relay.c
# What is kept, and the API.
daemons/vnccloudd_SRCS += src/store.c src/store_sql.c src/store_sql_endpoint.c src/store_sql_account.c src/store_sqlite.c
daemons/vnccloudd_SRCS += src/http.c src/http_target.c src/http_reply.c src/http_conn.c src/apikey.c src/apijson.c \
  src/changelog.c src/metrics.c src/api_answer.c src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c
daemons/vnccloudd_TESTS := tests/test_wheel.c tests/test_gcra.c tests/test_presence.c tests/test_admission.c \
  tests/test_turn.c tests/test_ticket.c tests/test_relay.c
daemons/vnccloudd_FUZZERS := fuzz/fuzz_relay.c
daemons/vnccloudd_UV_TESTS := tests/test_store_sqlite.c tests/test_http.c
daemons/vnccloudd_UV_FUZZERS := fuzz/fuzz_http.c
