/* SPDX-License-Identifier: MIT */
/* What a request says of its key, from where a key may be used, and the JSON of a body. */
#include <stdlib.h>
#include <string.h>

#include "apijson.h"
#include "apikey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_names(const json_t *o)
{
    char why[FH__WHY], text[64];
    struct fh__names names = {0};
    int64_t number;

    (void)fh__json_read_text(json_object_get(o, "label"), "label", 0, text, sizeof text, why);
    (void)fh__json_read_number(json_object_get(o, "ttl"), "ttl", 1, 100, &number, why);
    if (fh__json_read_names(json_object_get(o, "groups"), "groups", 16, &names, why) == 0 &&
        names.n > 16)
        abort();
    fh__names_clear(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char id[FH__KEY_ID_TEXT] = "", why[FH__WHY], *text = malloc(len + 1);
    const char *expected = NULL;
    struct fh_address a = {.family = FH_ADDRESS_IPV4};
    json_t *o;

    if (!text)
        return 0;
    memcpy(text, data, len);
    text[len] = '\0';
    if (fh__key_parse_name(text, len, id) && strlen(id) != FH__KEY_ID_TEXT - 1)
        abort();
    (void)fh__key_check_secret(text, len, "0123456789abcdef");
    if (fh__networks_check(text, &expected) != 0 && !expected)
        abort();
    (void)fh__networks_have(text, &a);
    if ((o = fh__json_parse(text, len, why)) != NULL)
        try_names(o);
    json_decref(o);
    free(text);
    return 0;
}
