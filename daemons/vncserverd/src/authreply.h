/* SPDX-License-Identifier: MIT */
/*
 * authreply.h -- one line of a program that decides about passwords, as vncserverd.conf(5) has it:
 *
 *     {"ask": [{"prompt": "Code: ", "echo": true}, {"notice": "Welcome"}]}
 *     {"result": "allow", "permissions": "view,pointer"}
 *     {"result": "deny", "reason": "locked"}
 */
#ifndef FH__AUTHREPLY_H
#define FH__AUTHREPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/auth.h>

enum { FH__AUTHREPLY_REASON = 33, FH__AUTHREPLY_DATA = 1 + FH_AUTH_TEXT_MAX };

enum fh__authreply_what { FH__AUTHREPLY_ASK, FH__AUTHREPLY_ALLOW, FH__AUTHREPLY_DENY };

struct fh__authreply {
    enum fh__authreply_what what;
    struct fh_item items[FH_AUTH_ITEMS_MAX]; /* point into data */
    size_t n_items, n_prompts;
    uint8_t data[FH_AUTH_ITEMS_MAX][FH__AUTHREPLY_DATA];
    bool has_permissions;
    uint32_t permissions;
    char reason[FH__AUTHREPLY_REASON]; /* of a deny: letters, digits and hyphens; "wrong" where none
                                          is said */
};

/* NULL, or what was expected instead (static). */
const char *fh__authreply_read(const char *line, size_t len, struct fh__authreply *out);

#endif
