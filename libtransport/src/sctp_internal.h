/* SPDX-License-Identifier: MIT */
/*
 * sctp_internal.h -- an association, and what the files of the engine share.
 *
 *     sctp_wire.c   chunks; what may arrive in which state
 *     sctp.c        the calls of sctp.h, datagrams in and out
 *     sctp_setup.c  handshake, end, abort, signs of life
 *     sctp_send.c   pieces under way, acknowledgements, losses
 *     sctp_recv.c   pieces that arrived, acknowledging them
 *     sctp_control.c  probes for the size of datagrams, pieces too large for it
 *     rate.c, mtu.c  how fast, how large
 */
#ifndef FH_TRANSPORT_SCTP_INTERNAL_H
#define FH_TRANSPORT_SCTP_INTERNAL_H

#include <farhand/sctp.h>

#include "mtu.h"
#include "rate.h"
#include "ring.h"

enum sctp_limits {
    SCTP_PORT = 5000,      /* both ends; the guard's index does what a port would */
    SCTP_HEADER = 12,      /* common header, RFC 9260 3.1 */
    SCTP_DATA_HEADER = 16, /* 3.3.1 */
    SCTP_SLOT = 1420,      /* longest piece: 1472 - 24 - 12 - 16 */
    SCTP_GAPS_MAX = 200,   /* blocks in one SACK; fits the smallest datagram */
    SCTP_COOKIE_LEN = 16,
    SCTP_REORDER_FIRST = 3, /* RFC 9002 6.1.1 */
    SCTP_BUFFER_DEFAULT = 4 << 20,
    SCTP_BUFFER_MAX = 32 << 20, /* gap blocks have 16 bits for the TSN */
    SCTP_ECHO_MAX = 1024,
    SCTP_HEARTBEAT_MAX = 128,
    SCTP_PACKET_MAX = FH_SCTP_DATAGRAM_MAX - FH_GUARD_OVERHEAD
};

enum sctp_times {
    SCTP_RTO_FIRST_US = 500000, /* before there is a round-trip time */
    SCTP_RTO_LEAST_US = 10000,
    SCTP_RTO_MOST_US = 2000000,
    SCTP_ACK_DELAY_US = 20000, /* RFC 9260 6.2: at most 500 ms */
    SCTP_FORGET_US = 10000000, /* docs/protocol.md, "Two phases" */
    SCTP_END_TRIES = 6
};

enum sctp_chunk_type {
    SCTP_DATA = 0,
    SCTP_INIT = 1,
    SCTP_INIT_ACK = 2,
    SCTP_SACK = 3,
    SCTP_HEARTBEAT = 4,
    SCTP_HEARTBEAT_ACK = 5,
    SCTP_ABORT = 6,
    SCTP_SHUTDOWN = 7,
    SCTP_SHUTDOWN_ACK = 8,
    SCTP_ERROR = 9,
    SCTP_COOKIE_ECHO = 10,
    SCTP_COOKIE_ACK = 11,
    SCTP_ECNE = 12,
    SCTP_CWR = 13,
    SCTP_SHUTDOWN_COMPLETE = 14,
    SCTP_AUTH = 15,
    SCTP_ASCONF_ACK = 0x80,
    SCTP_PKTDROP = 0x81,
    SCTP_RE_CONFIG = 0x82,
    SCTP_ASCONF = 0xc1
};

/* Payload protocol identifiers: bytes of the stream, and its end (one zero byte). */
enum { SCTP_PPID_BYTES = 0x46480001, SCTP_PPID_END = 0x46480002 };

/* RFC 9260 4, without what a half-open or restarted association would need. */
enum sctp_phase {
    SCTP_WAITING = 1,     /* listening */
    SCTP_COOKIE_WAIT = 2, /* INIT sent */
    SCTP_INIT_SEEN = 4,   /* INIT ACK sent */
    SCTP_COOKIE_ECHOED = 8,
    SCTP_ESTABLISHED = 16,
    SCTP_SHUTDOWN_SENT = 32,
    SCTP_SHUTDOWN_ACK_SENT = 64,
    SCTP_DONE = 128
};

/* A piece of the stream, from when it is first sent until all up to it is acknowledged. */
enum piece_state { PIECE_ACKED, PIECE_FLYING, PIECE_LOST };
struct piece {
    struct rate_mark mark;
    uint64_t order;      /* counts every sending: what was sent after it has a higher one */
    uint64_t at;         /* offset in the stream */
    uint32_t prev, next; /* in the order of sending, among those that fly */
    uint16_t len;
    uint8_t state;
    bool end, again; /* the end of the stream; was sent more than once */
};

enum { PIECE_NONE = UINT32_MAX };

struct sender {
    struct ring ring;     /* written and not acknowledged */
    uint64_t base;        /* offset of the ring's first byte */
    uint64_t chunked;     /* offset up to which there are pieces */
    struct piece *pieces; /* by TSN modulo pieces_len */
    uint32_t pieces_len;
    uint32_t acked;           /* cumulative TSN ack point */
    uint32_t next;            /* next new TSN */
    uint32_t first, last;     /* list of those that fly, by TSN modulo */
    uint32_t lost, lost_from; /* how many wait to be sent again; no TSN before this one does */
    uint32_t flying;
    uint64_t in_flight; /* bytes */
    uint64_t order, acked_order;
    uint32_t peer_slots; /* pieces that the peer has room for */
    bool ending, end_made;
    uint32_t reorder_packets; /* so many later ones before a piece counts as lost */
    uint32_t reorder_eighths; /* of a round trip, or so much time */
    uint64_t late_round;      /* when one that had counted as lost came after all */
    uint8_t probes;           /* in a row, for nothing heard */
    uint8_t probe_due;
    uint64_t timer;   /* of the probe; UINT64_MAX: nothing is under way */
    uint64_t reorder; /* when a piece counts as lost by time; UINT64_MAX: none is suspected */
};

enum { SLOT_NONE = 0 }; /* others are 1 + index */
struct receiver {
    uint8_t *slots;
    uint16_t *lens; /* of each slot */
    uint32_t *free; /* stack of indexes */
    uint32_t *map;  /* by TSN modulo slots_len: 1 + index of slot, or SLOT_NONE */
    uint32_t slots_len, free_len;
    uint32_t fresh;      /* slots from here on were never used */
    uint32_t cum;        /* all up to this TSN arrived */
    uint32_t highest;    /* highest that arrived */
    uint32_t read;       /* next TSN to read */
    size_t read_at;      /* of which so much was read */
    uint32_t unacked;    /* packets with data since the last SACK */
    uint32_t told_slots; /* window in the last SACK */
    bool ack_now;
    uint64_t ack_at;
    bool end_seen;
    uint32_t end_tsn;
};

struct fragments {
    uint8_t *out; /* SCTP_PACKET_MAX: a packet too large for a datagram, going in two halves */
    size_t out_len, out_at;
    uint8_t out_id;
    uint8_t *in; /* SCTP_PACKET_MAX */
    size_t in_len[2];
    uint8_t in_id;
    bool in_any;
};

struct fh_sctp {
    struct fh_sctp_config cfg;
    struct fh_guard guard;
    enum sctp_phase phase;
    int error;
    uint32_t our_tag, peer_tag;
    uint32_t our_tsn;
    uint8_t cookie[SCTP_COOKIE_LEN]; /* ours, to be echoed */
    uint8_t echo[SCTP_ECHO_MAX];     /* the peer's */
    size_t echo_len;
    /* what output owes */
    bool owes_init, owes_init_ack, owes_echo, owes_cookie_ack, owes_shutdown, owes_shutdown_ack,
        owes_complete, owes_abort, owes_heartbeat;
    bool peer_shut;                        /* it sent SHUTDOWN */
    uint8_t heartbeat[SCTP_HEARTBEAT_MAX]; /* the peer's, to be returned */
    size_t heartbeat_len;
    uint64_t setup_timer; /* of handshake and end */
    uint64_t asked_us;    /* when the handshake's last question went; 0: it went twice */
    uint8_t setup_tries;
    uint64_t expects_since; /* since when an answer is due; UINT64_MAX: none is */
    uint64_t heartbeat_at;
    uint64_t forget_at; /* the guard's old secrets; UINT64_MAX: there are none */
    /* round-trip time, RFC 6298 */
    uint32_t srtt_us, rttvar_us, latest_rtt_us;
    struct sender tx;
    struct receiver rx;
    struct rate rate;
    struct mtu mtu;
    uint8_t answers_probe_id;
    uint16_t answers_probe; /* size of a probe to be acknowledged, 0: none */
    struct fragments frag;
    const uint8_t *raw;
    size_t raw_len;
    struct fh_sctp_info count;
};

/* ---- sctp_wire.c ---- */

struct sctp_chunk {
    uint8_t type, flags;
    const uint8_t *value; /* behind the 4 bytes of its header */
    size_t len;           /* of value */
};

/* Walks the chunks of a packet that fh__sctp_admit() let in. */
struct sctp_walk {
    const uint8_t *p;
    size_t left;
};
struct sctp_walk fh__sctp_walk(const uint8_t *packet, size_t len);
bool fh__sctp_next(struct sctp_walk *w, struct sctp_chunk *out);

/*
 * The pre-filter: is this a whole packet that may arrive in this phase, with our tag (or the one
 * that its kind has instead)? Otherwise all of it is dropped. Pure.
 */
bool fh__sctp_admit(enum sctp_phase phase, uint32_t our_tag, uint32_t peer_tag,
                    const uint8_t *packet, size_t len);

/* Serial arithmetic, RFC 9260 1.6. */
static inline bool tsn_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* A packet under construction; chunks are padded to 4. */
struct sctp_out {
    uint8_t *mem;
    size_t len, room;
};
void fh__sctp_begin(struct sctp_out *o, uint8_t *mem, size_t room, uint32_t tag);
/* Room for a chunk's value, its header written; NULL if it does not fit. */
uint8_t *fh__sctp_add(struct sctp_out *o, uint8_t type, uint8_t flags, size_t value_len);
static inline size_t fh__sctp_left(const struct sctp_out *o)
{
    return o->room - o->len;
}

/* ---- sctp_setup.c ---- */

void fh__sctp_setup_start(struct fh_sctp *s, uint64_t now);
/* Handles what is not DATA and SACK. */
void fh__sctp_setup_input(struct fh_sctp *s, uint64_t now, const struct sctp_chunk *c);
/* Adds what is owed; true if the packet must carry nothing else. */
bool fh__sctp_setup_output(struct fh_sctp *s, uint64_t now, struct sctp_out *o);
void fh__sctp_setup_tick(struct fh_sctp *s, uint64_t now);
uint64_t fh__sctp_setup_deadline(const struct fh_sctp *s);
/* Both sides have ended: goes on to close. Called after every change. */
void fh__sctp_check_end(struct fh_sctp *s, uint64_t now);
void fh__sctp_break(struct fh_sctp *s, int error);

/* ---- sctp_send.c ---- */

void fh__sctp_on_sack(struct fh_sctp *s, uint64_t now, const uint8_t *value, size_t len);
/* SHUTDOWN carries a cumulative TSN ack. */
void fh__sctp_on_cum_ack(struct fh_sctp *s, uint64_t now, uint32_t cum);
/* May a piece go now, new or again? */
bool fh__sctp_may_send(const struct fh_sctp *s, uint64_t now);
/* Adds DATA to the packet while pieces may go and fit. */
void fh__sctp_add_data(struct fh_sctp *s, uint64_t now, struct sctp_out *o);
void fh__sctp_send_tick(struct fh_sctp *s, uint64_t now);
uint64_t fh__sctp_send_deadline(const struct fh_sctp *s);
bool fh__sctp_all_acked(const struct fh_sctp *s);
uint64_t fh__sctp_rto(const struct fh_sctp *s);
void fh__sctp_on_rtt(struct fh_sctp *s, uint32_t rtt_us);
/* All that is under way is taken for lost. */
void fh__sctp_lose_all(struct fh_sctp *s);

/* ---- sctp_recv.c ---- */

/* value: of a DATA chunk, at least SCTP_DATA_HEADER - 4 + 1 bytes. */
void fh__sctp_on_data(struct fh_sctp *s, uint8_t flags, const uint8_t *value, size_t len);
/* A packet with data ended. */
void fh__sctp_data_over(struct fh_sctp *s, uint64_t now);
bool fh__sctp_sack_due(const struct fh_sctp *s, uint64_t now);
bool fh__sctp_add_sack(struct fh_sctp *s, struct sctp_out *o);

/* ---- sctp_control.c ---- */

void fh__sctp_on_control(struct fh_sctp *s, uint64_t now, const uint8_t *p, size_t len);
/* A control datagram that is due: its payload's length, written at out; 0: none. */
size_t fh__sctp_control_output(struct fh_sctp *s, uint64_t now, uint8_t *out);
void fh__sctp_fragment(struct fh_sctp *s, const uint8_t *packet, size_t len);

/* ---- sctp.c ---- */

/* A packet, whole, from behind the guard. */
void fh__sctp_packet(struct fh_sctp *s, uint64_t now, const uint8_t *packet, size_t len);

#endif
