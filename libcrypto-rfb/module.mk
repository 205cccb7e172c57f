libcrypto-rfb_NAME := crypto-rfb
libcrypto-rfb_DEPS :=
libcrypto-rfb_PKGS := libsodium
libcrypto-rfb_SYSLIBS := -lmbedcrypto
libcrypto-rfb_HEADERS := include/farhand/crypto_rfb_version.h include/farhand/crypto_error.h \
  include/farhand/digest.h include/farhand/identity.h include/farhand/rotation.h include/farhand/password.h \
  include/farhand/cpace.h include/farhand/totp.h include/farhand/channel.h include/farhand/guard.h \
  include/farhand/rsaaes.h include/farhand/vncauth.h include/farhand/seal.h
libcrypto-rfb_SRCS := src/version.c src/error.c src/digest.c src/wipe.c src/memory.c src/kdf.c src/aead.c src/kex.c \
  src/identity.c src/rotation.c src/fingerprint.c src/catchphrase.c src/wordlist.c src/password.c src/cpace.c \
  src/totp.c src/recovery.c src/channel.c src/handshake.c src/keyschedule.c src/record.c src/control.c src/guard.c \
  src/eax.c src/rsaaes_key.c src/rsaaes.c src/vncauth.c src/seal.c src/new.c
libcrypto-rfb_TESTS := tests/test_kdf.c tests/test_aead.c tests/test_kex.c tests/test_identity.c \
  tests/test_rotation.c tests/test_fingerprint.c tests/test_catchphrase.c tests/test_password.c tests/test_cpace.c \
  tests/test_totp.c tests/test_channel.c tests/test_channel_hostile.c tests/test_channel_rekey.c \
  tests/test_channel_kem.c tests/test_channel_mitm.c tests/test_channel_vectors.c tests/test_guard.c \
  tests/test_eax.c tests/test_rsaaes.c tests/test_rsaaes_hostile.c tests/test_vncauth.c tests/test_seal.c
libcrypto-rfb_SCRIPTS := tests/identity-vectors tests/datagram-vectors tests/fsc1/fsc1.py
libcrypto-rfb_DIST := NOTICE docs/vectors
libcrypto-rfb_FUZZERS := fuzz/fuzz_identity_pem.c fuzz/fuzz_spki.c fuzz/fuzz_password_string.c \
  fuzz/fuzz_channel_server.c fuzz/fuzz_channel_client.c fuzz/fuzz_channel_messages.c fuzz/fuzz_guard.c \
  fuzz/fuzz_rsaaes_pem.c fuzz/fuzz_rsaaes_server.c fuzz/fuzz_rsaaes_client.c fuzz/fuzz_rsaaes_pub.c
# The adapter archive, libcrypto-rfb-uv.a.
libcrypto-rfb_UV_DEPS :=
libcrypto-rfb_UV_PKGS := libuv
libcrypto-rfb_UV_HEADERS := include/farhand/identity_uv.h include/farhand/rsaaes_uv.h
libcrypto-rfb_UV_SRCS := uv/identity_uv.c
libcrypto-rfb_UV_TESTS := tests/test_identity_uv.c tests/test_channel_interop.c
libcrypto-rfb_ALLOC := src/new.c src/memory.c
libcrypto-rfb_BENCHES := bench/bench_primitives.c bench/bench_channel.c bench/bench_guard.c
