/* SPDX-License-Identifier: MIT */
/* watch.c -- who wants to know whether an address is signed in. */
#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"

void fh__watch_clear(struct fh__client *c)
{
    struct fh__watch *w;

    while ((w = c->watches) != NULL) {
        c->watches = w->next;
        fh__table_remove(&c->broker->watches, &w->entry);
        free(w);
    }
    c->n_watches = 0;
}

static void tell(struct fh__client *c, const uint8_t *address, bool is_online)
{
    struct fh_broker_frame f = {.type = FH_BROKER_PEER_STATE};

    memcpy(f.peer_state.address, address, sizeof f.peer_state.address);
    f.peer_state.is_online = is_online;
    if (!fh__client_try(c, &f))
        fh__client_close_later(c);
}

static uint64_t hash_of(const struct fh__broker *b, const uint8_t *address)
{
    return fh__table_hash(&b->watches, address, FH__ADDRESS_LEN);
}

int fh__watch_add(struct fh__client *c, const uint8_t address[static 12])
{
    struct fh__broker *b = c->broker;
    struct fh__holder *h = fh__presence_find(b->presence, address);
    struct fh__watch *w = calloc(1, sizeof *w);

    if (!w || fh__table_put(&b->watches, &w->entry, hash_of(b, address)) != 0) {
        free(w);
        return -1;
    }
    memcpy(w->address, address, sizeof w->address);
    w->client = c;
    w->next = c->watches;
    c->watches = w;
    c->n_watches++;
    tell(c, address, h && (fh__client_of(h)->roles & FH_BROKER_LISTEN));
    return 0;
}

static struct fh__watch *first(const struct fh__broker *b, const uint8_t *address)
{
    struct fh__entry *e = fh__table_first(&b->watches, hash_of(b, address));

    while (e && memcmp(FH__OF(e, struct fh__watch, entry)->address, address, FH__ADDRESS_LEN) != 0)
        e = fh__table_next(e);
    return e ? FH__OF(e, struct fh__watch, entry) : NULL;
}

static struct fh__watch *after(const struct fh__watch *w)
{
    struct fh__entry *e = fh__table_next(&w->entry);

    while (e &&
           memcmp(FH__OF(e, struct fh__watch, entry)->address, w->address, FH__ADDRESS_LEN) != 0)
        e = fh__table_next(e);
    return e ? FH__OF(e, struct fh__watch, entry) : NULL;
}

void fh__watch_tell(struct fh__broker *b, const uint8_t address[static 12], bool is_online)
{
    for (struct fh__watch *w = first(b, address); w; w = after(w))
        tell(w->client, address, is_online);
}

bool fh__watch_each(struct fh__broker *b, const uint8_t address[static 12],
                    bool (*each)(void *user, const struct fh__watch *w), void *user)
{
    for (struct fh__watch *w = first(b, address); w; w = after(w))
        if (!each(user, w))
            return false;
    return true;
}

void fh__watch_remove(struct fh__client *c, const uint8_t address[static 12])
{
    for (struct fh__watch **at = &c->watches, *w; (w = *at) != NULL;) {
        if (memcmp(w->address, address, FH__ADDRESS_LEN) != 0) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        fh__table_remove(&c->broker->watches, &w->entry);
        free(w);
        c->n_watches--;
        tell(c, address, false);
    }
}
