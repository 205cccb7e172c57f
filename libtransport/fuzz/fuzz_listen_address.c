/* SPDX-License-Identifier: MIT */
/* What is accepted has a kind, a name that ends, and an address that reads back as itself. */
#include <assert.h>
#include <string.h>

#include <farhand/address.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char text[512], printed[FH_ADDRESS_TEXT], *colon;
    struct fh_target t;
    struct fh_address again;
    const char *expected = NULL;
    size_t skip;

    if (len >= sizeof text)
        return 0;
    memcpy(text, data, len);
    text[len] = '\0';
    if (fh_address_parse_listen(text, &t, &expected) != 0) {
        assert(expected);
        return 0;
    }
    assert(t.kind != FH_TARGET_NONE && memchr(t.name, '\0', sizeof t.name));
    if (t.kind != FH_TARGET_IP)
        return 0;
    fh_address_print(&t.address, printed, sizeof printed);
    colon = strrchr(printed, ':');
    skip = *printed == '[';
    assert(fh_address_parse_ip(printed + skip, (size_t)(colon - printed) - 2 * skip, &again) == 0);
    assert(fh_address_equal_host(&t.address, &again) && again.scope == t.address.scope);
    return 0;
}
