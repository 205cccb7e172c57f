/* SPDX-License-Identifier: MIT */
/* turn_rest.c -- SECRET SECONDS: prints user and password of a credential that is good so long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "turn.h"

int main(int argc, char **argv)
{
    static const uint8_t name[16] = {1, 2, 3};
    struct fh__turn_credentials c;

    if (argc != 3 ||
        fh__turn_credentials((const uint8_t *)argv[1], strlen(argv[1]),
                             (uint64_t)((long)time(NULL) + atol(argv[2])), name, &c) != 0)
        return 1;
    printf("%s %s\n", c.user, c.password);
    return 0;
}
