/* SPDX-License-Identifier: MIT */
#include "messages.h"

bool fh__screens_are_valid(const struct fh_screen *screens, size_t n, int32_t width, int32_t height)
{
    for (size_t i = 0; i < n; i++) {
        const struct fh_screen *s = &screens[i];

        if (s->w == 0 || s->h == 0 || s->x + s->w > width || s->y + s->h > height)
            return false;
        for (size_t j = 0; j < i; j++)
            if (screens[j].id == s->id)
                return false;
    }
    return n != 0;
}
