/* SPDX-License-Identifier: MIT */
/* resolve.c -- a name's addresses, both families at once, by libuv's pool. */
#include <string.h>

#include "uv_internal.h"

static void give(struct fh__resolve *r, const struct addrinfo *list)
{
    int n = 0;

    for (; list && n < FH__RESOLVED; list = list->ai_next) {
        struct fh_ice_address a;

        fh__ice_from_sockaddr(list->ai_addr, &a);
        a.port = r->port;
        if (a.family == FH_ICE_FAMILY_NONE)
            continue;
        r->found(r, &a);
        n++;
    }
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *res)
{
    struct fh__resolve *r = req->data;

    if (status == 0)
        give(r, res);
    uv_freeaddrinfo(res);
    if (--r->pending == 0)
        r->found(r, NULL);
}

int fh__resolve_start(uv_loop_t *loop, struct fh__resolve *r, const char *host, uint16_t port)
{
    static const int families[2] = {AF_INET6, AF_INET};

    r->port = port;
    r->pending = 0;
    for (int i = 0; i < 2; i++) {
        struct addrinfo hints;

        memset(&hints, 0, sizeof hints);
        hints.ai_family = families[i];
        hints.ai_socktype = SOCK_DGRAM;
        r->requests[i].data = r;
        if (uv_getaddrinfo(loop, &r->requests[i], on_resolved, host, NULL, &hints) == 0)
            r->pending++;
    }
    return r->pending > 0 ? 0 : FH_ICE_E_RESOURCES;
}

void fh__resolve_cancel(struct fh__resolve *r)
{
    for (int i = 0; i < 2 && r->pending > 0; i++)
        (void)uv_cancel((uv_req_t *)&r->requests[i]);
}
