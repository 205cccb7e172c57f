# SPDX-License-Identifier: MIT
daemons/vnccloudd_DEPS := daemons/common libsession libcloud-client libice libtransport libcrypto-rfb
daemons/vnccloudd_PKGS := libuv libsystemd sqlite3 jansson libsodium libseccomp
daemons/vnccloudd_SYSLIBS := -lmbedcrypto
# The program.
daemons/vnccloudd_SRCS += src/options.c src/config.c src/keys.c src/sandbox.c src/cloud.c src/cloud_hooks.c src/service.c src/main.c
daemons/vnccloudd_TESTS += tests/test_keys.c
daemons/vnccloudd_SCRIPTS += tests/test_vnccloudd.py
daemons/vnccloudd_MAN := vnccloudd.8.scd vnccloudd.conf.5.scd
daemons/vnccloudd_UNIT := vnccloudd.service.in
daemons/vnccloudd_EXPOSURE := 2.0
daemons/vnccloudd_CONF := vnccloudd.conf
# The front door, and what keeps it from being run down.
daemons/vnccloudd_SRCS += src/wheel.c src/wheel_uv.c src/gcra.c src/admission.c src/doorstep.c src/front.c
daemons/vnccloudd_TESTS += tests/test_wheel.c tests/test_gcra.c tests/test_admission.c tests/test_front.c
# The broker.
daemons/vnccloudd_SRCS += src/presence.c src/turn.c src/table.c src/endpoints.c src/broker_config.c src/broker.c src/broker_uv.c src/client.c src/signin.c \
  src/request.c src/meeting.c src/watch.c src/recheck.c
daemons/vnccloudd_TESTS += tests/test_presence.c tests/test_turn.c tests/test_endpoints.c tests/test_broker.c tests/test_cloud.c
daemons/vnccloudd_FUZZERS += fuzz/fuzz_broker_service.c
daemons/vnccloudd_BENCHES := bench/bench_broker.c
# The store.
daemons/vnccloudd_SRCS += src/store.c src/store_sql.c src/store_sql_endpoint.c src/store_sql_account.c src/store_sqlite.c
daemons/vnccloudd_UV_TESTS += tests/test_store_sqlite.c
# HTTP.
daemons/vnccloudd_SRCS += src/http.c src/http_target.c src/http_reply.c src/http_conn.c
daemons/vnccloudd_UV_TESTS += tests/test_http.c
daemons/vnccloudd_UV_FUZZERS += fuzz/fuzz_http.c
# The relay, and STUN.
daemons/vnccloudd_SRCS += src/ticket.c src/relay.c src/stun.c
daemons/vnccloudd_TESTS += tests/test_ticket.c tests/test_relay.c tests/test_relay_tls.c tests/test_stun.c
daemons/vnccloudd_FUZZERS += fuzz/fuzz_relay.c
# The log.
daemons/vnccloudd_SRCS += src/tlog.c src/tlog_edge.c src/tlog_files.c src/tlog_open.c src/tlog_openings.c
daemons/vnccloudd_TESTS += tests/test_tlog_writer.c
daemons/vnccloudd_FUZZERS += fuzz/fuzz_tlog_files.c
# The API.
daemons/vnccloudd_SRCS += src/apikey.c src/apijson.c src/changelog.c src/metrics.c src/api_answer.c src/api_address.c \
  src/api_account.c src/api_service.c src/api.c src/office.c
daemons/vnccloudd_UV_TESTS += tests/test_http_conn.c tests/test_apikey.c tests/test_api_hooks.c
daemons/vnccloudd_UV_FUZZERS += fuzz/fuzz_apikey.c
daemons/vnccloudd_SCRIPTS += tests/test_api.py
# Relaying, and STUN, beside their peers.
daemons/vnccloudd_TOOLS += bench/relay_bench.c
daemons/vnccloudd_BENCH_SCRIPTS += bench/relay.py
# A crowd of clients.
daemons/vnccloudd_TOOLS += bench/crowd.c
daemons/vnccloudd_BENCH_SCRIPTS += bench/crowd.py
# Credentials for TURN, at coturn itself.
daemons/vnccloudd_TOOLS += tests/turn_rest.c
daemons/vnccloudd_SCRIPTS += tests/turn_rest.py
