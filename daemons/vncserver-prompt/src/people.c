/* SPDX-License-Identifier: MIT */
#include "people.h"

#include <stdio.h>
#include <string.h>

#include <farhand/permissions.h>

#include "lines.h"
#include "shown.h"

enum { NAMES_MAX = 3, NAME_ROOM = 200 };

/* In quotes, so that no name reads as a part of the sentence. */
static void quote(const json_t *session, char out[NAME_ROOM])
{
    char shown[NAME_ROOM - 8];

    fh__shown(fh__text_of(session, "user"), shown, sizeof shown);
    snprintf(out, NAME_ROOM, "\xe2\x80\x9c%s\xe2\x80\x9d", shown);
}

static bool controls(const json_t *session)
{
    uint32_t permissions = 0;
    const char *bad;
    size_t len;

    return fh_permissions_parse(fh__text_of(session, "permissions"), &permissions, &bad, &len) ==
               0 &&
           (permissions & (FH_PERM_KEYBOARD | FH_PERM_POINTER)) != 0;
}

static void name_all(const json_t *sessions, size_t n, char *out)
{
    char name[NAME_ROOM];
    bool control = false;
    int len = snprintf(out, FH__SENTENCE, "%zu people are connected: ", n);

    for (size_t i = 0; i < n; i++)
        control |= controls(json_array_get(sessions, i));
    for (size_t i = 0; i < n && i < NAMES_MAX && len < FH__SENTENCE; i++) {
        quote(json_array_get(sessions, i), name);
        len += snprintf(out + len, (size_t)(FH__SENTENCE - len), "%s%s", i ? ", " : "", name);
    }
    if (len < FH__SENTENCE)
        snprintf(out + len, (size_t)(FH__SENTENCE - len), "%s%s",
                 n > NAMES_MAX ? ", \xe2\x80\xa6" : "", control ? "" : " (view only)");
}

size_t fh__people(const json_t *line, char *out)
{
    const json_t *sessions = json_object_get(line, "sessions");
    size_t n = json_array_size(sessions);
    char name[NAME_ROOM];

    out[0] = '\0';
    if (n == 1) {
        const json_t *one = json_array_get(sessions, 0);

        quote(one, name);
        snprintf(out, FH__SENTENCE, "%s %s this desktop", name,
                 json_is_true(json_object_get(line, "paused")) ? "is connected (paused) to"
                 : controls(one)                               ? "is controlling"
                                                               : "is viewing");
    } else if (n > 1) {
        name_all(sessions, n, out);
    }
    return n;
}
