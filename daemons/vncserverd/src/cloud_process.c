/* SPDX-License-Identifier: MIT */
#include "role.h"
enum fh__exit fh__cloud_main(struct fh__sandbox *sandbox, struct rd setup)
{
    (void)sandbox;
    (void)setup;
    return FH__EXIT_UNEXPECTED;
}
