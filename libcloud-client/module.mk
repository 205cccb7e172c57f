libcloud-client_NAME    := cloud-client
libcloud-client_DEPS    := libcrypto-rfb libtransport libice
libcloud-client_PKGS := libsodium
libcloud-client_HEADERS := include/farhand/cloud_client_version.h include/farhand/cloud_error.h \
  include/farhand/path.h include/farhand/tlog.h include/farhand/broker.h include/farhand/cloud_address.h \
  include/farhand/cloud_client.h include/farhand/cloud_proof.h include/farhand/cloud_service.h
libcloud-client_SRCS := src/client.c src/client_conn.c src/client_log.c src/client_retry.c src/client_sign_in.c src/new.c \
  src/broker.c src/broker_fields.c src/cloud_address.c src/cloud_proof.c src/cloud_service.c \
  src/error.c src/path_message.c src/version.c src/tlog_tree.c src/tlog_proof.c src/tlog_note.c src/tlog_entry.c \
  src/tlog_tile.c
libcloud-client_TESTS := tests/test_cloud_client.c tests/test_cloud_client_hostile.c tests/test_broker.c tests/test_cloud_address.c tests/test_cloud_proof.c \
  tests/test_cloud_service.c tests/test_path_message.c tests/test_tlog.c tests/test_tlog_note.c
libcloud-client_FUZZERS := fuzz/fuzz_broker.c fuzz/fuzz_cloud_address.c fuzz/fuzz_cloud_client.c fuzz/fuzz_cloud_service.c \
  fuzz/fuzz_cloud_statement.c fuzz/fuzz_path_message.c fuzz/fuzz_tlog.c
libcloud-client_SCRIPTS := tests/cloud-vectors
libcloud-client_DIST    := docs/vectors
# The adapter archive, libcloud-client-uv.a.
libcloud-client_UV_DEPS    :=
libcloud-client_UV_PKGS    := libuv
libcloud-client_UV_HEADERS := include/farhand/path_uv.h include/farhand/cloud_uv.h
libcloud-client_UV_SRCS    := uv/path_uv.c uv/cloud_uv.c uv/cloud_conn.c uv/dial.c uv/relay_stream.c uv/turn_uri.c
libcloud-client_UV_TESTS   := tests/test_path_uv.c tests/test_cloud_uv.c tests/test_turn_uri.c
libcloud-client_UV_FUZZERS := fuzz/fuzz_turn_uri.c
