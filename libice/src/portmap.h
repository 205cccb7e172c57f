/* SPDX-License-Identifier: MIT */
/* portmap.h -- the messages of PCP and NAT-PMP. Never installed. */
#ifndef FH_ICE_PORTMAP_INTERNAL_H
#define FH_ICE_PORTMAP_INTERNAL_H

#include <farhand/portmap.h>

enum { FH__PCP_NONCE = 12 };

enum fh__portmap_protocol { FH__PCP, FH__NATPMP_ADDRESS, FH__NATPMP_MAP, FH__PORTMAP_PROTOCOLS };

/* What both sides say about a mapping. */
struct fh__portmap_fields {
    struct fh_ice_address client; /* our address, and the internal port */
    struct fh_ice_address external;
    uint32_t lifetime_s;
    uint8_t nonce[FH__PCP_NONCE];
};

/* Results as the two protocols number them; those that are acted upon. */
enum fh__portmap_result {
    FH__PORTMAP_OK = 0,
    FH__PORTMAP_VERSION = 1 /* the gateway speaks the other protocol, or another version */
};

struct fh__portmap_answer {
    enum fh__portmap_protocol protocol;
    unsigned result;
    /* Of a success: the members that the protocol has. */
    uint16_t internal_port;
    struct fh__portmap_fields fields;
};

enum { FH__PORTMAP_MAX_QUESTION = 60 };

/* Writes a question into out, cap bytes (FH__PORTMAP_MAX_QUESTION are enough). Returns its length.
 */
size_t fh__portmap_write(enum fh__portmap_protocol protocol, const struct fh__portmap_fields *f,
                         uint8_t *out, size_t cap);
/* Reads an answer. Returns false, with out untouched, if it is none. */
bool fh__portmap_read(const void *data, size_t len, struct fh__portmap_answer *out);

#endif
