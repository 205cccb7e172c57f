/* SPDX-License-Identifier: MIT */
/* What is taken from a TURN server's URI is a host that ends, a port or none, and a way. */
#include <assert.h>

#include "../uv/cloud_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_broker_turn t = {
        .uri = {(const char *)data, len}, .user = {"u", 1}, .password = {"p", 1}};
    struct fh__turn out;

    if (len > FH_BROKER_TURN_TEXT_MAX || !fh__turn_parse(&t, &out))
        return 0;
    assert(strlen(out.host) > 0 && strlen(out.host) < sizeof out.host);
    assert(strcmp(out.user, "u") == 0 && strcmp(out.password, "p") == 0);
    assert(out.carrier == FH_ICE_UV_UDP || out.carrier == FH_ICE_UV_TCP ||
           out.carrier == FH_ICE_UV_TLS);
    return 0;
}
