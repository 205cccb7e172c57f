/* SPDX-License-Identifier: MIT */
/* A file of the audit with any content: read line by line; what is believed can be gone on behind.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <farhand/audit_chain.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void go_on(const struct fh_audit_chain *from)
{
    const struct fh_audit_event ev = {.type = FH_AUDIT_ENDED};
    struct fh_audit_verifier v = {.at = *from, .first = 1};
    struct fh_audit_chain c = *from;
    char line[FH_AUDIT_LINE_MAX];
    int n = fh_audit_format(&ev, line, sizeof line);

    n = fh_audit_chain_seal(&c, true, line, (size_t)n, sizeof line);
    if (n < 0)
        return;
    fh_audit_verify_file(&v);
    assert(fh_audit_verify_line(&v, line, (size_t)n) == FH_AUDIT_FAULT_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_audit_verifier v = {0};
    const char *p = (const char *)data;

    fh_audit_verify_file(&v);
    while (len != 0) {
        const char *end = memchr(p, '\n', len);
        size_t n = end ? (size_t)(end - p) + 1 : len;
        enum fh_audit_fault fault = fh_audit_verify_line(&v, p, n);
        struct fh_audit_chain c;

        assert(*fh_audit_fault_word(fault) && *fh_audit_fault_text(fault));
        if (fault == FH_AUDIT_FAULT_NONE)
            assert(fh_audit_chain_read(p, n, &c) && c.seq == v.at.seq);
        p += n;
        len -= n;
    }
    if (v.first != 0)
        go_on(&v.at);
    return 0;
}
