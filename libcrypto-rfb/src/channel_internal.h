/* SPDX-License-Identifier: MIT */
/*
 * channel_internal.h -- the object of the secure channel, shared by channel.c (object, flows,
 * events, deadlines), handshake.c (messages), keyschedule.c, record.c and control.c.
 */
#ifndef FH_CHANNEL_INTERNAL_H
#define FH_CHANNEL_INTERNAL_H

#include <farhand/channel.h>

#include "internal.h"
#include "rd.h"
#include "wr.h"

/* Limits of the wire format. docs/protocol.md, "Handshake", "Records", "Control". */
enum {
    FH__RANDOM_LEN = 32,
    FH__SUITES_MAX = 32,
    FH__MESSAGE_HEADER = 4,
    FH__CLIENT_HELLO_MAX = 4096, /* bytes of body */
    FH__SERVER_HELLO_MAX = 2048,
    FH__PARAMETERS_MAX = 4096,
    FH__REFUSAL_MAX = 1 + 2 + FH_CHANNEL_REASON_MAX,
    FH__HELLO_MULTIPLE = 256,    /* a ClientHello is padded to it */
    FH__HANDSHAKE_INNER = 16384, /* the largest inner under handshake keys */
    FH__KEM_RECORD_MIN = 1280,   /* the least max record that a RekeyOffer with a KEM key fits */
    FH__RECORD_HEADER = 4,
    FH__RECORD_OVERHEAD = FH__RECORD_HEADER + FH__AEAD_TAG_LEN,
    FH__PING_LEN = 8,
    FH__FLOOD_MAX = 32 /* KeyUpdate, RekeyOffer and Ping between two application records */
};

/* Times, in ms. */
enum {
    FH__HELLO_MS = 5000,        /* server: from accepting to a complete ClientHello */
    FH__FLIGHT_MS = 15000,      /* for the peer's flight; client: for acceptance too */
    FH__CLOSE_MS = 5000,        /* from our Close to the peer's */
    FH__OFFER_MIN_MS = 60000,   /* server: two offers closer than this are a flood */
    FH__OFFER_SPACE_MS = 90000, /* client: keeps that distance whatever the network does to it */
    FH__REKEY_MS = 3600000,     /* client offers */
    FH__REQUEST_MS = 3720000    /* server asks, if no offer came by itself */
};

/* Room in the out buffer. Application data leaves the last three free, so that a Close, an answer
 * to a rekey and the small controls always fit behind it. */
enum {
    FH__OUT_SLACK = 4096, /* small records gather here before _out must be drained */
    FH__OUT_SMALL = 4 * (FH__RECORD_OVERHEAD + 64),
    FH__OUT_REKEY = FH__RECORD_OVERHEAD + FH__KEM_RECORD_MIN,
    FH__OUT_CLOSE = FH__RECORD_OVERHEAD + 320,
    FH__IN_SLACK = 4096
};

/* What a key may be used for; fields, so that tests can lower them. */
struct fh__limits {
    uint64_t update_records; /* then a KeyUpdate */
    uint64_t update_bytes;
    uint64_t hard_records; /* this record, counted from 1, may only be a Close */
};

enum fh__message {
    FH__CLIENT_HELLO = 1,
    FH__SERVER_HELLO = 2,
    FH__PARAMETERS = 4,
    FH__IDENTITY = 5,
    FH__SIGNATURE = 6,
    FH__FINISHED = 7,
    FH__REFUSAL = 255
};

enum fh__extension {
    FH__EXT_PADDING = 0,
    FH__EXT_MAX_RECORD = 1,
    FH__EXT_PADDING_POLICY = 2,
    FH__EXT_METHODS = 3,
    FH__EXT_PROGRAM = 5
};

enum fh__content { FH__CLOSE = 21, FH__HANDSHAKE = 22, FH__APPLICATION = 23, FH__CONTROL = 24 };

enum fh__control {
    FH__KEY_UPDATE = 1,
    FH__REKEY_OFFER = 2,
    FH__REKEY_ANSWER = 3,
    FH__REKEY_DONE = 4,
    FH__REKEY_REQUEST = 5,
    FH__PING = 6,
    FH__PONG = 7
};

/* What is expected next. */
enum fh__state {
    FH__EXPECT_GREETING,      /* server: the 12 bytes */
    FH__EXPECT_CLIENT_HELLO,  /* server */
    FH__WAIT_PROCEED,         /* server: the application's answer to EV_HELLO */
    FH__EXPECT_CLIENT_FLIGHT, /* server */
    FH__EXPECT_FIRST_BYTE,    /* client: a greeting or the ServerHello */
    FH__EXPECT_SERVER_HELLO,  /* client */
    FH__EXPECT_SERVER_FLIGHT, /* client */
    FH__WAIT_SIGNED,          /* both: the application's answer to EV_SIGN */
    FH__WAIT_ACCEPT,          /* both: the application's answer to EV_PEER */
    FH__EXPECT_ACCEPTANCE,    /* client: the first record under an application key */
    FH__OPEN,
    FH__CLOSING, /* our Close was sealed; the peer's is awaited */
    FH__CLOSED
};

/* One direction under one key. */
struct fh__keys {
    struct fh__aead aead;
    uint8_t iv[FH__AEAD_IV_LEN];
    uint8_t secret[FH__HASH_LEN]; /* gives the next by KeyUpdate; empty in epoch 0 */
    uint64_t seq;                 /* of the next record */
    uint64_t bytes;               /* on the wire, under this key */
    uint8_t epoch;
    bool is_set;
};

/* What lies in guarded memory. Each field is wiped as soon as nothing needs it. */
struct fh__secrets {
    struct fh__keys in, out;
    struct fh__keys early; /* client: handshake keys of the server, until acceptance */
    uint8_t x25519[FH__X25519_LEN];
    uint8_t dk[FH__MLKEM_DK];
    uint8_t shared[FH__MLKEM_SS + FH__X25519_LEN]; /* [mlkem_ss ||] x25519_ss */
    uint8_t es[FH__HASH_LEN];
    uint8_t hs[FH__HASH_LEN];
    uint8_t ms[FH__HASH_LEN];
    uint8_t finished[2][FH__HASH_LEN]; /* by role */
    uint8_t next[2][FH__HASH_LEN];     /* traffic secrets that wait for their switch, by role */
    uint8_t next_guard[2][FH__HASH_LEN];
    uint8_t exporter[FH__HASH_LEN];
    uint8_t rekey[FH__HASH_LEN];
    uint8_t guard[2][FH__HASH_LEN]; /* by role of the sender */
};

/* What Parameters say. */
struct fh__parameters {
    uint32_t max_record;
    char program[FH_CHANNEL_PROGRAM_MAX + 1];
    uint8_t methods[FH_CHANNEL_METHODS_MAX];
    uint8_t n_methods;
    uint8_t padding;
};

/* A ClientHello, parsed; pointers into the message. */
struct fh__client_hello {
    const uint8_t *session_ref, *cloud_ref;
    const uint8_t *x25519, *ek;
    bool offers_x25519, offers_mlkem;
};

struct fh__server_hello {
    uint16_t suite;
    const uint8_t *x25519, *ct;
};

enum fh__rekey_state { FH__REKEY_IDLE, FH__REKEY_OFFERED, FH__REKEY_ANSWERED };

struct fh_channel {
    enum fh__state state;
    enum fh_role role;
    struct fh__secrets *s;
    size_t mem_len;
    fh_random_fn random;
    void *random_user;
    struct fh__limits limits;

    /* Buffers behind the object: [start, end) is in use. */
    uint8_t *in, *out;
    size_t in_cap, in_start, in_end;
    size_t out_cap, out_start, out_end;
    bool is_writing;  /* between _write and _write_done */
    bool has_ended;   /* nothing more comes from the network */
    bool can_close;   /* our keys stand and the peer may see a Close */
    bool is_out_done; /* our Close was sealed */

    /* Who we are and who the peer is. */
    uint8_t spki[FH_SPKI_MAX], peer_spki[FH_SPKI_MAX];
    size_t spki_len, peer_spki_len, signature_len;
    struct fh__parameters own, peer;
    uint32_t max_out; /* the largest inner that we send */

    /* Handshake. */
    struct fh__hash th;
    uint8_t sign_th[FH__HASH_LEN];
    uint8_t session_ref[FH_CHANNEL_REF_LEN], cloud_ref[FH_CHANNEL_REF_LEN];
    uint8_t client_x25519[FH__X25519_LEN];
    uint8_t client_ek[FH__MLKEM_EK];
    uint16_t suite;
    enum fh__aead_engine engine;

    /* Time. UINT64_MAX: none. */
    uint64_t now, deadline;
    uint64_t rekey_at;   /* client: offer; server: request */
    uint64_t offered_at; /* the last offer sent or received */

    /* Control. */
    unsigned pending; /* controls to be sealed when there is room: bits 1 << enum fh__control */
    enum fh__rekey_state rekey;
    struct fh__hash rekey_hash; /* H(offer || answer) so far */
    unsigned flood_in, flood_out;
    uint8_t ping[FH__PING_LEN], pong_due[FH__PING_LEN], pong[FH__PING_LEN];
    bool awaits_pong;

    /* Counts. */
    uint64_t bytes_in, bytes_out, records_in, records_out;
    uint32_t rekeys;

    /* Events: bits 1 << enum fh_channel_event_type, and what they carry. */
    unsigned events;
    size_t data_at, data_len; /* in the in buffer */
    bool was_open;
    int error;
    bool by_peer, confirmed;
    enum fh_channel_code code;
    char reason[FH_CHANNEL_REASON_MAX + 1];
};

/* ---- channel.c */
void fh__channel_raise(struct fh_channel *c, enum fh_channel_event_type type);
/* Fails: a Close with code where keys stand, else silence. Returns error. */
int fh__channel_fail(struct fh_channel *c, int error, enum fh_channel_code code);
/* Closed with a code of the peer: error, by_peer. reason: checked here, dropped if not text. */
void fh__channel_closed_by_peer(struct fh_channel *c, int error, uint8_t code,
                                const uint8_t *reason, size_t len);
void fh__channel_silence(struct fh_channel *c, int error, enum fh_channel_code code);
/* Copies a reason, cut at a character to FH_CHANNEL_REASON_MAX. NULL: empty. */
void fh__channel_set_reason(struct fh_channel *c, const char *reason);
/* Valid UTF-8 without what common/utf8.h calls control and deceptive characters. */
bool fh__text_is_clean(const uint8_t *text, size_t len);

/* ---- handshake.c */
void fh__client_hello_send(struct fh_channel *c);
bool fh__handshake_step(struct fh_channel *c); /* one clear message; false: more bytes needed */
int fh__flight_receive(struct fh_channel *c, const uint8_t *content, size_t len);
void fh__refusal_send(struct fh_channel *c, int error, enum fh_channel_code code,
                      const char *reason);
int fh__read_client_hello(struct rd r, struct fh__client_hello *out);
int fh__read_server_hello(struct rd r, struct fh__server_hello *out);
int fh__read_parameters(struct rd r, uint16_t suite, struct fh__parameters *out);

/* ---- keyschedule.c */
void fh__keys_early(struct fh_channel *c, const uint8_t *cloud_secret);
void fh__keys_cloud_ref(const struct fh_channel *c, uint8_t out[FH_CHANNEL_REF_LEN]);
int fh__keys_handshake(struct fh_channel *c, size_t shared_len);
int fh__keys_application(struct fh_channel *c);
int fh__keys_switch(struct fh_channel *c, struct fh__keys *k, enum fh_role sender);
int fh__keys_update(struct fh__keys *k);
void fh__keys_rekey(struct fh_channel *c, size_t shared_len);
void fh__keys_clear(struct fh__keys *k);
void fh__finished_mac(const struct fh_channel *c, enum fh_role signer, const struct fh__hash *th,
                      uint8_t out[FH__HASH_LEN]);

/* ---- record.c */
size_t fh__padded(size_t len, enum fh_channel_padding padding, size_t max);
/* Room for len more bytes of content, with at least `keep` bytes of the out buffer left behind. */
uint8_t *fh__record_room(struct fh_channel *c, size_t len, size_t keep);
/* Seals len bytes that lie where fh__record_room said. */
int fh__record_seal(struct fh_channel *c, enum fh__content type, size_t len,
                    enum fh_channel_padding padding, size_t max);
bool fh__record_step(struct fh_channel *c);

/* ---- control.c */
int fh__control_receive(struct fh_channel *c, const uint8_t *content, size_t len);
int fh__close_receive(struct fh_channel *c, const uint8_t *content, size_t len);
int fh__close_send(struct fh_channel *c, enum fh_channel_code code, const char *reason);
/* Seals the controls that are due and fit. */
int fh__control_flush(struct fh_channel *c);
void fh__control_opened(struct fh_channel *c);
void fh__control_tick(struct fh_channel *c);

#endif
