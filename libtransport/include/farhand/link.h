/* SPDX-License-Identifier: MIT */
/*
 * link.h -- one stream on top of any number of streams below, which come and go (docs/protocol.md,
 * "Link").
 *
 *     fh_link_new()            one at each end
 *     fh_link_stream()         the stream on top: attach, write, close it as any other
 *     fh_link_begin()          the first stream below
 *     fh_link_secure()         a key that only the two ends know: from now on it can be resumed
 *     fh_link_attach()         client: one more stream below, a better one or one that replaces a
 *                              lost one
 *     fh_link_accept()         server: the same
 *     fh_link_event()          what happened below; repeat until 0
 *     fh_link_tick(), fh_link_deadline()
 *
 * Not a byte is lost, repeated or reordered above, whatever happens below: bytes are numbered and
 * acknowledged, what is not acknowledged is kept (keep_len), and whoever comes back says which
 * number it wants next. A path is a stream below. One that says nothing for dead_ms is lost, even
 * if the system still believes in it. Without a path the link waits for keep_ms, writes and reads
 * nothing, and then ends with FH_TRANSPORT_E_TIMEOUT. Before fh_link_secure() the loss of the path
 * is the end (FH_TRANSPORT_E_RESET).
 *
 * Beside another path none is waited for: when what was sent is not acknowledged for late_ms (or
 * longer, where the round trip is longer), it is sent again on the best of the others, and the
 * session stays there until the path that was late is heard again.
 *
 * Nothing is encrypted here, and frames are not authenticated: a link carries a secure channel,
 * which finds out about every byte that was meddled with. What is authenticated is who may attach a
 * path: both ends prove the key, freshly.
 *
 * A server looks at the first bytes of each stream with fh_link_look(), which tells a link from
 * another protocol and a new link from one that is resumed:
 *
 *     FH_LINK_PLAIN    give bytes[0 .. len) and the stream to whoever serves other viewers
 *     FH_LINK_NEW      fh_link_begin() with a new link
 *     FH_LINK_RESUME   find the link whose ref it is; fh_link_accept(), or fh_link_refuse()
 *
 * The core has no clock: config.now says what time it is, and config.wake that fh_link_deadline()
 * or fh_link_event() may have something new. <farhand/link_uv.h> joins both to a libuv loop.
 * Streams below are given to their link, which closes them. One thread at a time.
 */
#ifndef FH_LINK_H
#define FH_LINK_H

#include <stdbool.h>

#include <farhand/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_LINK_REF_LEN = 16, /* bytes: names a link towards its server */
    FH_LINK_KEY_LEN = 32,
    FH_LINK_PATHS_MAX = 4,       /* streams below at a time */
    FH_LINK_OPENING_MAX = 98,    /* bytes that fh_link_look() may take */
    FH_LINK_KEEP_MIN = 256 << 10 /* bytes, least keep_len */
};

enum fh_link_side { FH_LINK_CLIENT, FH_LINK_SERVER };

/* Milliseconds; a zeroed one means the defaults. */
struct fh_link_times {
    uint32_t keep_ms;   /* without a path, then it ends; 0: 60000. The shorter one of both ends */
    uint32_t beat_ms;   /* something is said on each path at least that often; 0: 3000 */
    uint32_t dead_ms;   /* a path that was silent for so long is lost; 0: 10000 */
    uint32_t prove_ms;  /* to open or to attach a path; 0: 10000 */
    uint32_t late_ms;   /* without an acknowledgement, then another path is taken; 0: 150 */
    uint32_t linger_ms; /* longest close after a shutdown; 0: 5000 */
};

struct fh_link_config {
    enum fh_link_side side;
    size_t keep_len; /* bytes, FH_LINK_KEEP_MIN to 1 GiB; 0: 4 MiB */
    uint8_t rank;    /* of the first path, as in fh_link_attach(); the same at both ends */
    struct fh_link_times times;
    void (*random)(void *user, void *out, size_t len); /* required; its first argument: */
    void *random_user;
    /* Monotonic milliseconds, never decreasing. Required. */
    uint64_t (*now)(void *user);
    /*
     * fh_link_deadline() is earlier than it was, there is an event, or the link is gone. Called
     * from inside any call and any event of a stream below: must only take note of it. Required.
     */
    void (*wake)(void *user);
    void *user; /* given to now and wake */
};

struct fh_link;

/* cfg: borrowed. NULL if memory is short or cfg out of range. */
struct fh_link *fh_link_new(const struct fh_link_config *cfg);
/* After fh_link_is_gone(), or when nothing below runs any more. NULL is fine. Wipes the key. */
void fh_link_free(struct fh_link *l);
/* In the caller's memory, aligned as malloc aligns; size 0 and NULL if cfg is out of range. */
size_t fh_link_size(const struct fh_link_config *cfg);
struct fh_link *fh_link_init(void *mem, size_t len, const struct fh_link_config *cfg);
void fh_link_finish(struct fh_link *l);

/*
 * The stream on top; lent until it was closed. Its address and peer are those of the path that we
 * send on. Closing it says goodbye, so that the other end does not wait for a resumption;
 * closed() comes when all below is closed.
 */
struct fh_stream *fh_link_stream(struct fh_link *l);

/* closed() was called: fh_link_free() may follow, but not from inside any callback of a stream. */
bool fh_link_is_gone(const struct fh_link *l);

/* What the first bytes of a stream are. */
enum fh_link_kind {
    FH_LINK_MORE,  /* not known yet */
    FH_LINK_PLAIN, /* no link */
    FH_LINK_NEW,
    FH_LINK_RESUME,
    FH_LINK_BAD /* a link, but broken: close it */
};

/* Begins zeroed. bytes[0 .. len) were taken. */
struct fh_link_opening {
    uint8_t bytes[FH_LINK_OPENING_MAX];
    size_t len;
};

/*
 * The next bytes of a stream; borrowed. *taken: how many of them o took; the rest is what follows.
 * Nothing is taken after anything but FH_LINK_MORE was returned.
 */
enum fh_link_kind fh_link_look(struct fh_link_opening *o, const uint8_t *data, size_t len,
                               size_t *taken);
/* After FH_LINK_RESUME: which link is meant; FH_LINK_REF_LEN bytes inside o. */
const uint8_t *fh_link_opening_ref(const struct fh_link_opening *o);

/*
 * The first path. o: server: what fh_link_look() took, FH_LINK_NEW; client: NULL. The stream is
 * taken, also on error. 0; FH_TRANSPORT_E_INVAL: begun before, or o is something else.
 */
int fh_link_begin(struct fh_link *l, struct fh_stream *stream, const struct fh_link_opening *o);

/*
 * key and ref come from the channel that the link carries ("link" and "link ref" of its exporter),
 * once both ends trust each other; copied. Call it once, at about the same time at both ends.
 */
void fh_link_secure(struct fh_link *l, const uint8_t key[FH_LINK_KEY_LEN],
                    const uint8_t ref[FH_LINK_REF_LEN]);
/* The ref; NULL before fh_link_secure(). Lent. */
const uint8_t *fh_link_ref(const struct fh_link *l);

/*
 * Client: prove on this stream who we are, and go on there. rank: how good it is, 0 is best. The
 * session moves to a path that is as good as the one it is on, or better; a path that is as good
 * replaces the other, and one of another rank stays beside it, to fall back upon. Without a path
 * the first that is attached is taken, whatever its rank.
 * The stream is taken, also on error. 0: FH_LINK_EV_ATTACHED or _FAILED follows.
 * FH_TRANSPORT_E_CLOSED: the link has ended; _INVAL: it is not secured; _RESOURCES: too many paths.
 */
int fh_link_attach(struct fh_link *l, struct fh_stream *stream, uint8_t rank);

/*
 * Server: a stream whose opening names this link. The stream is taken, also on error. 0: its peer
 * showed the key, and has to prove that it is there now; FH_LINK_EV_ATTACHED follows.
 * FH_TRANSPORT_E_PROOF: it did not, or repeats what was shown before, or wants what is not there;
 * the others as above. After an error it was refused and is being closed; the link is as it was.
 */
int fh_link_accept(struct fh_link *l, struct fh_stream *stream, const struct fh_link_opening *o);

/* Answers an opening that names no link of ours, and closes the stream, which is taken. */
void fh_link_refuse(struct fh_stream *stream);

enum fh_link_event_type {
    FH_LINK_EV_DETACHED, /* no path is left; a new one must come within keep_ms */
    FH_LINK_EV_ATTACHED, /* a path was attached; ev.address: to whom; ev.is_back */
    FH_LINK_EV_FAILED,   /* a path could not be attached; ev.error: FH_TRANSPORT_E_* */
    FH_LINK_EV_MOVED     /* we send on a path of another rank now: ev.rank, ev.address */
};

struct fh_link_event {
    enum fh_link_event_type type;
    struct fh_address address;
    int error;
    uint8_t rank;
    bool is_back; /* none was left before it */
};

/*
 * 1 and *ev, 0 if there is none. Of a loss and a return that nobody asked about in between both are
 * told, of several only the last. How the link ends is told by the stream on top.
 */
int fh_link_event(struct fh_link *l, struct fh_link_event *ev);

/* Monotonic ms at which to call tick; UINT64_MAX: no need. */
uint64_t fh_link_deadline(const struct fh_link *l);
/* From the loop, never from inside another call: events of the stream on top are told in it. */
void fh_link_tick(struct fh_link *l);

bool fh_link_is_attached(const struct fh_link *l);

struct fh_link_info {
    size_t paths;          /* attached now */
    uint64_t kept;         /* bytes written above and not acknowledged */
    uint64_t sent, resent; /* payload given to paths; of it, what had been given to one before */
    uint64_t attached;     /* how often a path was, the first one not counted */
    uint64_t late;         /* how often another was taken because one was late */
    uint8_t rank;          /* of the path that we send on */
    uint32_t rtt_ms;       /* its, with what the peer takes its time for; 0: not known */
};

void fh_link_info(const struct fh_link *l, struct fh_link_info *out);

#ifdef __cplusplus
}
#endif

#endif
