/* SPDX-License-Identifier: MIT */
#include "target.h"

#include <stdio.h>
#include <string.h>

static int parse_cloud(struct target *t, const char *address, char *why, size_t room)
{
    char text[FH_CLOUD_ADDRESS_TEXT];
    int error = fh_cloud_address_parse(address, strlen(address), t->cloud);

    if (error) {
        snprintf(why, room, "ADDRESS \"cloud:%.200s\": %s", address,
                 error == FH_CLOUD_E_CHECKSUM ? "it is mistyped"
                                              : "expected XXXXX-XXXXX-XXXXX-XXXXX");
        return -1;
    }
    t->is_cloud = true;
    fh_cloud_address_print(t->cloud, text);
    snprintf(t->name, sizeof t->name, "cloud:%s", text);
    return 0;
}

int target_parse(struct target *t, const char *address, char *why, size_t room)
{
    const char *expected = NULL;
    int n = 0;

    t->is_cloud = false;
    if (strncmp(address, "cloud:", 6) == 0)
        return parse_cloud(t, address + 6, why, room);
    if (fh_address_parse_viewer(address, &t->where, &expected) != 0) {
        snprintf(why, room, "ADDRESS \"%.200s\": %s", address, expected);
        return -1;
    }
    if (t->where.kind == FH_TARGET_IP) {
        fh_address_print(&t->where.address, t->name, sizeof t->name);
        return 0;
    }
    n = t->where.kind == FH_TARGET_UNIX
            ? snprintf(t->name, sizeof t->name, "%s", t->where.name)
            : snprintf(t->name, sizeof t->name, "%s:%u", t->where.name, t->where.port);
    for (char *p = t->name; t->where.kind == FH_TARGET_HOST && *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    if (n < (int)sizeof t->name)
        return 0;
    snprintf(why, room, "ADDRESS \"%.200s\": expected a shorter name", address);
    return -1;
}
