# SPDX-License-Identifier: MIT
tests_SCRIPTS := e2e/trust.py e2e/access.py e2e/audit.py e2e/policy.py e2e/control.py e2e/commands.py e2e/service.py \
  e2e/hostile.py e2e/demo.py interop/second.py mitm/meddle.py
tests_BENCH_SCRIPTS := bench/connect.py
