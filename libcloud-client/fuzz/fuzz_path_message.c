/* SPDX-License-Identifier: MIT */
/* A line that reads is written so that it reads the same, in the room that was promised. */
#include <assert.h>
#include <string.h>

#include <farhand/path.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct fh_path_message m, again;
    static char line[FH_PATH_LINE_MAX], second[FH_PATH_LINE_MAX];
    int n;

    if (fh_path_message_parse((const char *)data, len, &m) != 0 || m.type == FH_PATH_SKIP)
        return 0;
    n = fh_path_message_print(&m, line);
    assert(n > 0 && n < FH_PATH_LINE_MAX && strlen(line) == (size_t)n);
    assert(!memchr(line, '\n', (size_t)n));
    assert(fh_path_message_parse(line, (size_t)n, &again) == 0 && again.type == m.type);
    assert(fh_path_message_print(&again, second) == n && strcmp(line, second) == 0);
    return 0;
}
