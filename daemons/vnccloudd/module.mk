# SPDX-License-Identifier: MIT
daemons/vnccloudd_DEPS := daemons/common libsession libtransport libcloud-client libcrypto-rfb
daemons/vnccloudd_PKGS := libuv libsystemd sqlite3 jansson libsodium
daemons/vnccloudd_SYSLIBS := -lmbedcrypto
# The program.
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c \
  src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c
# What is kept, and the API.
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c \
  src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c \
  src/api_address.c src/api_account.c src/api_service.c src/api.c src/office.c
# The front door, and what keeps it from being run down.
daemons/vnccloudd_TESTS := tests/test_ticket.c tests/test_relay.c
# The store.
# The broker.
daemons/vnccloudd_FUZZERS := fuzz/fuzz_relay.c
daemons/vnccloudd_UV_TESTS += tests/test_http.c
# HTTP.
daemons/vnccloudd_UV_FUZZERS += fuzz/fuzz_http.c
# The relay.
