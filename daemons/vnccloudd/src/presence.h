/* SPDX-License-Identifier: MIT */
/*
 * presence.h -- which client holds which cloud address now, and how to reach it.
 *
 * A table of functions, so that several nodes can share it later. What is here now is a table in
 * memory, fh__presence_local_new(): everything is answered at once.
 *
 *     fh__presence_find()        who holds an address
 *     fh__presence_announce()    it is held here from now on; the last holder hears of it
 *     fh__presence_withdraw()
 *     fh__presence_send()        a message to whoever holds an address
 *     fh__presence_each()        all of them, for an operator
 */
#ifndef FH__PRESENCE_H
#define FH__PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FH__PRESENCE_ADDRESS = 12 };

/* What the holder of an address embeds. Zeroed is not held. */
struct fh__holder {
    uint8_t address[FH__PRESENCE_ADDRESS];
    bool is_held;
    /* message: of the kind that both sides agreed on; borrowed. */
    void (*message)(struct fh__holder *h, const void *message);
    /* Somebody else holds the address now; h is withdrawn already. */
    void (*taken_over)(struct fh__holder *h);
};

struct fh__presence;

struct fh__presence_ops {
    struct fh__holder *(*find)(struct fh__presence *p, const uint8_t address[static 12]);
    /* h: lent until withdraw(). -1: no memory, and the last holder stays. */
    int (*announce)(struct fh__presence *p, struct fh__holder *h);
    void (*withdraw)(struct fh__presence *p, struct fh__holder *h);
    /* false: nobody holds it. */
    bool (*send)(struct fh__presence *p, const uint8_t address[static 12], const void *message);
    /* Until each() says false; nothing may be announced or withdrawn meanwhile. */
    void (*each)(struct fh__presence *p, bool (*each)(void *user, struct fh__holder *h),
                 void *user);
    size_t (*count)(const struct fh__presence *p);
    void (*free)(struct fh__presence *p);
};

/* First member of each kind's own structure. */
struct fh__presence {
    const struct fh__presence_ops *ops;
};

/* key: secret and random, so that nobody picks addresses that collide. NULL: no memory. */
struct fh__presence *fh__presence_local_new(const uint8_t key[static 16]);

static inline struct fh__holder *fh__presence_find(struct fh__presence *p,
                                                   const uint8_t address[static 12])
{
    return p->ops->find(p, address);
}

static inline int fh__presence_announce(struct fh__presence *p, struct fh__holder *h)
{
    return p->ops->announce(p, h);
}

static inline void fh__presence_withdraw(struct fh__presence *p, struct fh__holder *h)
{
    p->ops->withdraw(p, h);
}

static inline bool fh__presence_send(struct fh__presence *p, const uint8_t address[static 12],
                                     const void *message)
{
    return p->ops->send(p, address, message);
}

static inline void fh__presence_each(struct fh__presence *p,
                                     bool (*each)(void *user, struct fh__holder *h), void *user)
{
    p->ops->each(p, each, user);
}

static inline size_t fh__presence_count(const struct fh__presence *p)
{
    return p->ops->count(p);
}

static inline void fh__presence_free(struct fh__presence *p)
{
    if (p)
        p->ops->free(p);
}

#endif
