# SPDX-License-Identifier: MIT
# The simulated network, an archive for the tests that need one.
tests_SRCS  := simnet/dns.c simnet/gateway.c simnet/link.c simnet/nat.c simnet/node.c simnet/oracle.c simnet/peer.c simnet/stream.c simnet/transcript.c simnet/turn_server.c simnet/world.c simnet/world_of_two.c
# Desktops in motion, for benchmarks.
tests_SRCS  += bench/desktop/scene.c
tests_TESTS := simnet/test_simnet.c simnet/test_simnat.c interop/test_sctp_usrsctp.c simnet/test_paths.c simnet/test_scenarios.c interop/nice.c stack/test_session_path.c
# Who gets in.
tests_SCRIPTS := e2e/trust.py e2e/access.py e2e/auth.py e2e/auth_program.py e2e/auth_pam.py e2e/policy.py e2e/addresses.py netlab/kinds.py netlab/opinion.py \
  netlab/paths.py netlab/relays.py netlab/stack.py netlab/cloud.py
# What happens in a session, and to the service.
tests_SCRIPTS += e2e/control.py e2e/config.py e2e/desk.py e2e/motion.py e2e/seat.py e2e/commands.py e2e/service.py e2e/hostile.py e2e/processes.py e2e/residue.py e2e/audit.py
tests_SCRIPTS += e2e/demo.py e2e/resume.py e2e/cloud.py e2e/testssl.py
# Beside code that is not ours, and in its hands.
tests_SCRIPTS += interop/second.py interop/older_viewers.py interop/older_servers.py mitm/meddle.py e2e/cpace.py
tests_SCRIPTS += mitm/cloud.py

tests_BENCH_SCRIPTS := bench/first_byte.py bench/connect.py bench/split.py bench/share.py bench/servers.py bench/cloud.py
tests_BENCHES := bench/loopback.c bench/grid.c
# Peers that only tests and benchmarks measure themselves with.
tests_TEST_PKGS := usrsctp nice libvncclient xcb xcb-shm
TRANSPORT_SCRIPTS := tests/bench/first_byte.py
TRANSPORT_BENCHES := libcrypto-rfb/bench/bench_guard tests/bench/loopback tests/bench/grid
tests_TOOLS   := netlab/ice_peer.c netlab/nice_peer.c netlab/tunlink.c stack/carry.c interop/vncclient.c bench/desktop/player.c bench/desktop/eye.c
