# SPDX-License-Identifier: MIT
# The simulated network, an archive for the tests that need one.
tests_SRCS  := simnet/dns.c simnet/link.c simnet/nat.c simnet/node.c simnet/oracle.c simnet/stream.c simnet/world.c
tests_TESTS := simnet/test_simnet.c simnet/test_simnat.c
# Who gets in.
tests_SCRIPTS := e2e/trust.py e2e/access.py e2e/policy.py e2e/addresses.py
# What happens in a session, and to the service.
tests_SCRIPTS += e2e/control.py e2e/commands.py e2e/service.py e2e/hostile.py
tests_SCRIPTS += e2e/demo.py e2e/resume.py
# Beside code that is not ours, and in its hands.
tests_SCRIPTS += interop/second.py mitm/meddle.py

tests_BENCH_SCRIPTS := bench/connect.py
tests_BENCHES := bench/loopback.c
# Peers that only tests and benchmarks measure themselves with.
tests_TEST_PKGS := usrsctp
