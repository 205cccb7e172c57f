/* SPDX-License-Identifier: MIT */
/* A known-servers file of any content: read, written, read again, the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/known_peers.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_known_peers *k, *again;
    const char *text, *second;
    uint8_t no_key[294] = {0};
    struct fh_known_entry entry;
    struct fh_known_older older;
    char name[FH_KNOWN_PEERS_NAME_MAX + 1];
    unsigned line;
    size_t n, m;

    if (fh_known_peers_parse((const char *)data, len, &k, &line) != 0)
        return 0;
    (void)fh_known_peers_check(k, "host:5900", no_key, sizeof no_key, NULL);
    for (size_t i = 0; fh_known_peers_entry(k, i, &entry); i++)
        (void)fh_known_peers_entry_is(k, i, "host:5900");
    (void)fh_known_peers_retire(k, "host:5900", no_key, sizeof no_key);
    (void)fh_known_peers_withdraw(k, no_key, sizeof no_key);
    (void)fh_known_peers_check_older(k, "host:5900", 129, no_key, NULL);
    (void)fh_known_peers_older_minimum(k, "host:5900");
    for (size_t i = 0; fh_known_peers_older_entry(k, i, name, &older); i++)
        assert(older.type != 0 && strlen(name) <= FH_KNOWN_PEERS_NAME_MAX);
    (void)fh_known_peers_remove(k, "gone:1");
    text = fh_known_peers_text(k, &n);
    assert(text && n <= len + 1);
    assert(fh_known_peers_parse(text, n, &again, &line) == 0);
    second = fh_known_peers_text(again, &m);
    assert(second && m == n && memcmp(text, second, n) == 0);
    fh_known_peers_free(again);
    fh_known_peers_free(k);
    return 0;
}
