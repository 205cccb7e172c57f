libtransport_NAME    := transport
libtransport_DEPS    := libcrypto-rfb
libtransport_PKGS    :=
libtransport_HEADERS := include/farhand/link.h include/farhand/address.h include/farhand/pipe.h \
  include/farhand/stream.h include/farhand/sctp.h include/farhand/stream_impl.h include/farhand/transport_error.h \
  include/farhand/transport_version.h include/farhand/proxy.h
libtransport_SRCS := src/link.c src/link_frame.c src/link_opening.c src/link_path.c src/link_receive.c \
  src/link_send.c src/address.c src/error.c src/happy.c src/new.c src/pipe.c src/stream.c src/target.c src/version.c \
  src/mtu.c src/rate.c src/sctp.c src/sctp_control.c src/sctp_recv.c src/sctp_send.c src/sctp_setup.c \
  src/sctp_wire.c src/tls_hello.c src/proxy.c src/proxy_talk.c
libtransport_TESTS := tests/test_link.c tests/test_link_paths.c tests/test_link_random.c tests/test_link_vectors.c \
  tests/test_sctp.c tests/test_sctp_hostile.c tests/test_address.c tests/test_happy.c tests/test_pipe.c \
  tests/test_proxy.c
libtransport_FUZZERS := fuzz/fuzz_sctp.c fuzz/fuzz_listen_address.c fuzz/fuzz_viewer_address.c fuzz/fuzz_link.c \
  fuzz/fuzz_tls_hello.c fuzz/fuzz_proxy.c
# The adapter archive, libtransport-uv.a.
libtransport_UV_DEPS    :=
libtransport_UV_PKGS    := libuv libgcrypt
libtransport_UV_SYSLIBS := -lmbedtls -lmbedx509 -lmbedcrypto
libtransport_UV_HEADERS := include/farhand/tcp.h include/farhand/sctp_uv.h include/farhand/link_uv.h \
  include/farhand/tls_uv.h include/farhand/pki.h include/farhand/proxy_uv.h
libtransport_UV_SRCS := uv/connect.c uv/listen.c uv/sctp_uv.c uv/socket.c uv/stream_uv.c uv/udp.c uv/link_uv.c \
  uv/pki.c uv/pki_crl.c uv/pki_signer.c uv/tls_buffers.c uv/tls_context.c uv/tls_error.c uv/tls_exporter.c uv/tls_record.c uv/tls_start.c \
  uv/tls_stream.c uv/tls_ticket.c uv/tls_verify.c uv/proxy_uv.c
libtransport_UV_FUZZERS := fuzz/fuzz_tls_client.c fuzz/fuzz_tls_record.c fuzz/fuzz_tls_server.c
libtransport_UV_TESTS := tests/test_sctp_uv.c tests/test_sctp_alloc.c tests/test_tcp.c tests/test_tcp_alloc.c \
  tests/test_tcp_listen.c tests/test_tls.c tests/test_tls_hostile.c tests/test_tls_alloc.c tests/test_proxy_uv.c \
  tests/test_pki.c
# src/new.c is the one file that allocates.
libtransport_IMPURE_OK := malloc|calloc|free
libtransport_SCRIPTS := tests/link/link.py tests/tls/tls.py tests/proxy/proxy.py
libtransport_TOOLS := tests/tls/tls_peer.c tests/proxy/through.c
libtransport_DIST    := docs/vectors
libtransport_BENCHES := bench/bench_link.c bench/bench_tls.c
libtransport_BENCH_SCRIPTS := bench/tls.py
