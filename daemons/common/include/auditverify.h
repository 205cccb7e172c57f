/* SPDX-License-Identifier: MIT */
/* auditverify.h -- the command "audit verify": is a log what its writer wrote? */
#ifndef FH__AUDITVERIFY_H
#define FH__AUDITVERIFY_H

#include <stdbool.h>

enum fh__audit_verdict {
    FH__AUDIT_WHOLE,
    FH__AUDIT_CHANGED,    /* it says where */
    FH__AUDIT_UNREADABLE, /* it says why */
    FH__AUDIT_USAGE
};

/* words: what stands behind "audit". Prints all that is to be said. */
enum fh__audit_verdict fh__audit_command(char *const *words, int n, bool is_json);

#endif
