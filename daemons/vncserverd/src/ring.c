/* SPDX-License-Identifier: MIT */
/* ring.c -- bytes that one process leaves for others. */
#define _GNU_SOURCE /* memfd_create */
#include "ring.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 4096, MAP = HEAD + FH__RING_BYTES };

static _Atomic uint64_t *end_of(const uint8_t *map)
{
    return (_Atomic uint64_t *)(uintptr_t)map;
}

/* ---- writing ---- */

int fh__ring_open(struct fh__ring *r)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
    int fd = memfd_create("farhand-encoded", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *map = MAP_FAILED;

    if (fd < 0)
        return -1;
    /* Memory is reserved now, so that its lack is an error here and not a signal later. */
    if (fchmod(fd, 0600) == 0 && posix_fallocate(fd, 0, MAP) == 0)
        map = mmap(NULL, MAP, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED || fcntl(fd, F_ADD_SEALS, seals) != 0) {
        if (map != MAP_FAILED)
            munmap(map, MAP);
        close(fd);
        return -1;
    }
    *r = (struct fh__ring){.map = map, .fd = fd};
    return 0;
}

void fh__ring_close(struct fh__ring *r)
{
    if (!r->map)
        return;
    munmap(r->map, MAP);
    close(r->fd);
    *r = (struct fh__ring){.fd = -1};
}

uint64_t fh__ring_put(struct fh__ring *r, const uint8_t *data, size_t len)
{
    const size_t left = FH__RING_BYTES - r->end % FH__RING_BYTES;
    const uint64_t at = len <= left ? r->end : r->end + left; /* in one piece */

    r->end = at + len;
    atomic_store_explicit(end_of(r->map), r->end, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst); /* before a byte is seen */
    memcpy(r->map + HEAD + at % FH__RING_BYTES, data, len);
    return at;
}

/* ---- reading ---- */

int fh__ring_map(struct fh__ring_view *v, int fd)
{
    const int seals = fcntl(fd, F_GET_SEALS);
    const off_t len = lseek(fd, 0, SEEK_END);
    void *map;

    fh__ring_unmap(v);
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || len < MAP)
        return -1;
    map = mmap(NULL, MAP, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return -1;
    v->map = map;
    return 0;
}

void fh__ring_unmap(struct fh__ring_view *v)
{
    if (v->map)
        munmap((void *)(uintptr_t)v->map, MAP);
    v->map = NULL;
}

bool fh__ring_has(const struct fh__ring_view *v, uint64_t at, size_t len)
{
    uint64_t end;

    if (!v->map || len == 0 || len > FH__RING_BYTES - at % FH__RING_BYTES)
        return false;
    end = atomic_load_explicit(end_of(v->map), memory_order_seq_cst);
    return at < end && len <= end - at && end - at <= FH__RING_BYTES;
}

bool fh__ring_copy(const struct fh__ring_view *v, uint64_t at, size_t len, uint8_t *out)
{
    if (!fh__ring_has(v, at, len))
        return false;
    memcpy(out, v->map + HEAD + at % FH__RING_BYTES, len);
    atomic_thread_fence(memory_order_seq_cst); /* what was read was read before this look */
    return fh__ring_has(v, at, len);
}
