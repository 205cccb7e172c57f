/* SPDX-License-Identifier: MIT */
/* A line that is accepted is written so that it reads as the same. */
#include <assert.h>
#include <string.h>

#include <farhand/cloud_service.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct fh_cloud_service s, again;
    static char text[8192], line[FH_CLOUD_SERVICE_TEXT], second[FH_CLOUD_SERVICE_TEXT];
    const char *expected = NULL;
    int n;

    if (len >= sizeof text)
        return 0;
    memcpy(text, data, len);
    text[len] = '\0';
    if (fh_cloud_service_parse(text, &s, &expected) != 0) {
        assert(expected);
        return 0;
    }
    n = fh_cloud_service_print(&s, line);
    assert(n > 0 && n < FH_CLOUD_SERVICE_TEXT && strlen(line) == (size_t)n);
    assert(fh_cloud_service_parse(line, &again, &expected) == 0);
    assert(fh_cloud_service_print(&again, second) == n && strcmp(second, line) == 0);
    return 0;
}
