/* SPDX-License-Identifier: MIT */
/* A configuration file of any content: read, with complaints that can be printed. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_complaint(void *user, unsigned line, const char *message)
{
    unsigned *n = user;
    char out[FH__LOG_LINE_MAX];

    (void)line;
    fh__log_escape(message, strlen(message), out, sizeof out);
    ++*n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh__config c;
    unsigned told = 0, n;

    fh__config_init(&c);
    n = fh__config_read(&c, (const char *)data, len, on_complaint, &told);
    assert((n == 0) == (told == 0) && told <= n);
    /* And what the same says as a policy. */
    (void)fh__policy_read(&c, (const char *)data, len, on_complaint, &told);
    assert(c.n_listen <= FH__CONFIG_LISTEN_MAX && c.frame_rate > 0);
    fh__config_free(&c);
    return 0;
}
