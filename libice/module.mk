libice_NAME    := ice
libice_DEPS    :=
libice_PKGS    :=
libice_SYSLIBS := -lmbedcrypto
libice_HEADERS := include/farhand/ice.h include/farhand/ice_address.h include/farhand/ice_candidate.h include/farhand/ice_error.h include/farhand/ice_version.h \
                  include/farhand/stun.h
libice_SRCS    := src/address.c src/agent.c src/binding.c src/candidate.c src/credential.c src/error.c \
                  src/event.c src/hash.c src/local.c src/new.c src/pair.c src/path.c src/stun.c \
                  src/stun_build.c src/version.c
libice_TESTS   := tests/test_address.c tests/test_agent.c tests/test_stun.c
libice_FUZZERS := fuzz/fuzz_stun.c
# The TURN client and port mapping.
libice_HEADERS += include/farhand/portmap.h include/farhand/turn.h
libice_SRCS    += src/portmap.c src/portmap_message.c src/turn.c src/turn_frames.c src/turn_request.c \
                  src/turn_response.c
libice_TESTS   += tests/test_portmap.c tests/test_turn.c
libice_FUZZERS += fuzz/fuzz_portmap.c fuzz/fuzz_turn.c fuzz/fuzz_turn_frames.c
