# SPDX-License-Identifier: MIT
tests_SCRIPTS := e2e/trust.py e2e/access.py e2e/commands.py interop/second.py mitm/meddle.py
