# SPDX-License-Identifier: MIT
daemons/vnccloudd_DEPS := daemons/common libsession libcloud-client libice libtransport libcrypto-rfb
daemons/vnccloudd_PKGS := libuv libsystemd sqlite3 jansson libsodium
daemons/vnccloudd_SYSLIBS := -lmbedcrypto
# The program.
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c \
  src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c src/options.c src/config.c src/stun.c \
  src/tlog.c src/tlog_edge.c src/tlog_files.c src/tlog_open.c src/tlog_openings.c src/service.c src/main.c
# The front door, and what keeps it from being run down.
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c \
  src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c src/options.c src/config.c src/stun.c \
  src/tlog.c src/tlog_edge.c src/tlog_files.c src/tlog_open.c src/tlog_openings.c src/service.c src/main.c
daemons/vnccloudd_TESTS += tests/test_ticket.c tests/test_relay.c tests/test_stun.c tests/test_tlog_writer.c
# The broker.
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c \
  src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c src/options.c src/config.c src/stun.c \
  src/tlog.c src/tlog_edge.c src/tlog_files.c src/tlog_open.c src/tlog_openings.c src/service.c src/main.c
daemons/vnccloudd_TESTS += tests/test_ticket.c tests/test_relay.c tests/test_stun.c tests/test_tlog_writer.c
# The store.
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c \
  src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c src/options.c src/config.c src/stun.c \
  src/tlog.c src/tlog_edge.c src/tlog_files.c src/tlog_open.c src/tlog_openings.c src/service.c src/main.c
daemons/vnccloudd_UV_TESTS += tests/test_store_sqlite.c
# HTTP.
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c \
  src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c src/options.c src/config.c src/stun.c \
  src/tlog.c src/tlog_edge.c src/tlog_files.c src/tlog_open.c src/tlog_openings.c src/service.c src/main.c
daemons/vnccloudd_UV_TESTS += tests/test_http.c
daemons/vnccloudd_UV_FUZZERS += fuzz/fuzz_http.c
# The relay.
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c \
  src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c src/options.c src/config.c src/stun.c \
  src/tlog.c src/tlog_edge.c src/tlog_files.c src/tlog_open.c src/tlog_openings.c src/service.c src/main.c
# What is kept, and the API.
daemons/vnccloudd_TESTS += tests/test_ticket.c tests/test_relay.c tests/test_stun.c tests/test_tlog_writer.c
daemons/vnccloudd_FUZZERS := fuzz/fuzz_relay.c fuzz/fuzz_tlog_files.c
