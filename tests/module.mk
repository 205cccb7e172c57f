# SPDX-License-Identifier: MIT
# The simulated network, an archive for the tests that need one. tests_SRCS simnet/test_paths.c simnet/dns.c simnet/gateway.c simnet/link.c simnet/nat.c simnet/node.c simnet/oracle.c simnet/peer.c simnet/stream.c simnet/transcript.c simnet/turn_server.c simnet/world.c simnet/world_of_two.c tests_TESTS simnet/test_simnet.c simnet/test_simnat.c # Who gets in. tests_SCRIPTS := e2e/trust.py e2e/access.py e2e/auth.py e2e/auth_program.py e2e/auth_pam.py e2e/audit.py e2e/policy.py e2e/addresses.py What happens in a session, and to service. += e2e/control.py e2e/desk.py e2e/commands.py e2e/service.py \
  e2e/hostile.py e2e/demo.py Beside code is not ours, its hands. interop/second.py mitm/meddle.py
tests_BENCH_SCRIPTS := bench/connect.py bench/split.py
tests_BENCHES := bench/loopback.c bench/grid.c
# Peers that only tests and benchmarks measure themselves with.
tests_TEST_PKGS := usrsctp
