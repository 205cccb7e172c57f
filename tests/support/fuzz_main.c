/* SPDX-License-Identifier: MIT */
/* Stands in for libFuzzer in `make check`: runs the target once over each file named. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    long len = -1;
    int ret = 1;

    if (f && fseek(f, 0, SEEK_END) == 0 && (len = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0)
        data = malloc((size_t)len + 1);
    if (data && fread(data, 1, (size_t)len, f) == (size_t)len) {
        LLVMFuzzerTestOneInput(data, (size_t)len);
        ret = 0;
    } else {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    free(data);
    if (f)
        fclose(f);
    return ret;
}

int main(int argc, char **argv)
{
    int ret = argc < 2;

    for (int i = 1; i < argc; i++)
        ret |= replay(argv[i]);
    printf("%d inputs\n", argc - 1);
    return ret;
}
