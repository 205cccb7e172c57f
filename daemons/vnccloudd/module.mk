# SPDX-License-Identifier: MIT
# One assignment for each name: that is how changes are merged.
daemons/vnccloudd_DEPS := daemons/common libsession libcloud-client libice libtransport libcrypto-rfb
daemons/vnccloudd_PKGS := libuv libsystemd sqlite3 jansson libsodium libseccomp
daemons/vnccloudd_SYSLIBS := -lmbedcrypto
daemons/vnccloudd_SRCS := src/admission.c src/api.c src/api_account.c src/api_address.c src/api_answer.c src/api_service.c src/apijson.c \
  src/apikey.c src/broker.c src/broker_config.c src/broker_uv.c src/changelog.c src/client.c src/cloud.c \
  src/cloud_hooks.c src/config.c src/doorstep.c src/endpoints.c src/front.c src/gcra.c src/http.c src/http_conn.c \
  src/http_reply.c src/http_target.c src/keys.c src/meeting.c src/metrics.c src/office.c src/options.c src/presence.c \
  src/recheck.c src/relay.c src/request.c src/sandbox.c src/service.c src/signin.c src/store.c src/store_sql.c \
  src/store_sql_account.c src/store_sql_endpoint.c src/store_sqlite.c src/stun.c src/table.c src/ticket.c src/tlog.c \
  src/tlog_edge.c src/tlog_files.c src/tlog_open.c src/tlog_openings.c src/turn.c src/watch.c src/wheel.c src/wheel_uv.c \
  src/main.c
daemons/vnccloudd_TESTS := tests/test_admission.c tests/test_broker.c tests/test_gcra.c tests/test_http.c tests/test_presence.c \
  tests/test_relay.c tests/test_store_sqlite.c tests/test_stun.c tests/test_ticket.c tests/test_tlog_writer.c \
  tests/test_turn.c tests/test_wheel.c
daemons/vnccloudd_FUZZERS := fuzz/fuzz_http.c fuzz/fuzz_relay.c fuzz/fuzz_tlog_files.c
