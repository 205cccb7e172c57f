/* SPDX-License-Identifier: MIT */
/*
 * address.h -- addresses of peers and of places to listen on: binary form, printing, parsing.
 *
 *     fh_address_parse_viewer()   what a person types to reach a server -> struct fh_target
 *     fh_address_parse_listen()   what a configuration says to listen on -> struct fh_target
 *     fh_address_print()          the printable form of a peer's address
 *     fh_address_equal_host()     the same host? (for limits per address)
 *
 * Pure functions over the caller's memory; any thread. Names are not resolved here.
 * IPv6 text is read as RFC 4291 section 2.2 has it and written as RFC 5952 asks.
 */
#ifndef FH_ADDRESS_H
#define FH_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fh_address_family {
    FH_ADDRESS_NONE, /* unknown, or a peer that has no address, such as the end of a pipe */
    FH_ADDRESS_IPV4,
    FH_ADDRESS_IPV6,
    FH_ADDRESS_UNIX
};

/* Fixed size and without pointers: copy it with =. A zeroed one is FH_ADDRESS_NONE. */
struct fh_address {
    enum fh_address_family family;
    uint8_t ip[16]; /* network order; IPv4 uses the first four, the others are zero */
    uint16_t port;  /* host order; 0 for FH_ADDRESS_UNIX */
    uint32_t scope; /* IPv6 zone of a link-local address (interface index); 0 = none */
    uint32_t uid;   /* FH_ADDRESS_UNIX: user that connected; FH_ADDRESS_NO_UID if unknown */
    uint32_t pid;   /* FH_ADDRESS_UNIX: process that connected; 0 if unknown */
};

#define FH_ADDRESS_NO_UID UINT32_MAX

enum {
    FH_ADDRESS_TEXT = 72,    /* room that fh_address_print() never exceeds, zero byte included */
    FH_TARGET_NAME = 256,    /* DNS: 253 characters; room for the zero byte */
    FH_VIEWER_PORT = 5900,   /* what display 0 means */
    FH_VIEWER_DISPLAYS = 100 /* HOST:N with a smaller N is a display, otherwise a port */
};

enum fh_target_kind {
    FH_TARGET_NONE,
    FH_TARGET_IP,     /* address */
    FH_TARGET_HOST,   /* name (a host name) and port */
    FH_TARGET_UNIX,   /* name (a path of at most 107 bytes) */
    FH_TARGET_ANY,    /* port on every IPv4 and IPv6 address; listening only */
    FH_TARGET_SYSTEMD /* sockets passed by systemd; name, if not empty, selects; listening only */
};

struct fh_target {
    enum fh_target_kind kind;
    struct fh_address address; /* FH_TARGET_IP: with its port */
    uint16_t port;             /* FH_TARGET_IP, _HOST, _ANY */
    char name[FH_TARGET_NAME]; /* zero-terminated; empty where the kind has none */
};

/*
 * Read the address of a server as a person writes it:
 *     HOST   HOST:N   HOST::PORT   [V6]   [V6]:N   [V6]::PORT   /SOME/PATH   unix:/SOME/PATH
 * HOST is a name (letters, digits, '-', '_', '.') or an IPv4 address. N < 100 is a display, that is
 * port 5900 + N, otherwise N is a port. Without either the port is 5900. V6 may carry a numeric
 * zone, "fe80::1%2". Anything with a '/' is the path of a unix socket.
 * text: zero-terminated, borrowed. expected: may be NULL; static.
 * Returns 0 and fills out; FH_TRANSPORT_E_ADDRESS, then out is untouched and *expected says in
 * plain words what should have stood there.
 */
int fh_address_parse_viewer(const char *text, struct fh_target *out, const char **expected);

/*
 * Read a place to listen on:
 *     V4:PORT   [V6]:PORT   *:PORT   unix:/SOME/PATH   systemd   systemd:NAME
 * PORT 0 lets the system choose. "*" is every address, IPv4 and IPv6. NAME selects the sockets that
 * the unit file gave this FileDescriptorName= (letters, digits, '-', '_', '.').
 * Arguments and return values as fh_address_parse_viewer().
 */
int fh_address_parse_listen(const char *text, struct fh_target *out, const char **expected);

/*
 * Read an IPv4 ("192.0.2.1") or IPv6 ("2001:db8::1", "fe80::1%2") address, len bytes, no port.
 * An IPv4-mapped IPv6 address becomes IPv4. The port of out is 0.
 * Returns 0, or FH_TRANSPORT_E_ADDRESS with out untouched.
 */
int fh_address_parse_ip(const char *text, size_t len, struct fh_address *out);

/*
 * Write "192.0.2.1:4711", "[2001:db8::1]:5900", "[fe80::1%2]:5900", "unix:uid=1000", "unix" or
 * "none". Only digits, these letters and these signs: never text that a peer chose.
 * out: at least one byte; always zero-terminated, cut if room is less than FH_ADDRESS_TEXT.
 */
void fh_address_print(const struct fh_address *a, char *out, size_t room);

/*
 * IPv4-mapped IPv6 becomes IPv4, so that one host counts as one. Changes nothing else.
 * To be called on each address that comes from the system, before it is compared or printed.
 */
void fh_address_normalize(struct fh_address *a);

/* Same family and same IP (or user); port, zone and process do not count. NONE equals NONE. */
bool fh_address_equal_host(const struct fh_address *a, const struct fh_address *b);

#ifdef __cplusplus
}
#endif

#endif
