# Private headers only: nothing is built from them alone but their tests.
common_TESTS := tests/test_rd.c tests/test_wr.c
