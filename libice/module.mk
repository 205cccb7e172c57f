libice_NAME    := ice
libice_DEPS    :=
libice_PKGS    :=
libice_SYSLIBS := -lmbedcrypto
libice_HEADERS := include/farhand/ice.h include/farhand/ice_address.h include/farhand/ice_candidate.h \
                  include/farhand/ice_error.h include/farhand/ice_mux.h include/farhand/ice_version.h include/farhand/portmap.h \
                  include/farhand/stun.h include/farhand/turn.h include/farhand/turn_base.h
libice_SRCS    := src/address.c src/agent.c src/binding.c src/candidate.c src/credential.c src/error.c \
                  src/event.c src/hash.c src/local.c src/mux.c src/new.c src/pair.c src/path.c src/portmap.c \
                  src/portmap_message.c src/stun.c src/stun_build.c src/turn.c src/turn_base.c \
                  src/turn_frames.c src/turn_request.c src/turn_response.c src/version.c
libice_TESTS   := tests/test_address.c tests/test_agent.c tests/test_agent_hostile.c tests/test_agent_life.c \
                  tests/test_candidate.c tests/test_mux.c tests/test_portmap.c tests/test_stun.c tests/test_turn.c \
                  tests/test_turn_base.c tests/test_turn_peers.c
libice_FUZZERS := fuzz/fuzz_agent.c fuzz/fuzz_candidate.c fuzz/fuzz_description.c fuzz/fuzz_portmap.c \
                  fuzz/fuzz_stun.c fuzz/fuzz_turn.c fuzz/fuzz_turn_frames.c
# The adapter archive, libice-uv.a.
libice_UV_DEPS    :=
libice_UV_PKGS    := libuv
libice_UV_SYSLIBS := -lmbedtls -lmbedx509
libice_UV_HEADERS := include/farhand/ice_uv.h
libice_UV_SRCS    := uv/ice_uv.c uv/interfaces.c uv/mapping.c uv/port.c uv/relay.c uv/resolve.c uv/tls.c
libice_UV_TESTS   := tests/test_ice_tls.c tests/test_ice_roaming.c tests/test_ice_uv.c tests/test_ice_uv_alloc.c
