/* SPDX-License-Identifier: MIT */
/* internal.h -- what the files of the adapter share. Plain sockets first, then streams of them. */
#ifndef FH_TRANSPORT_UV_INTERNAL_H
#define FH_TRANSPORT_UV_INTERNAL_H

#include <sys/socket.h>

#include <farhand/tcp.h>

enum {
    FH_TCP_READ_LEN = 64 << 10, /* what a stream reads at once, and keeps for a slow owner */
    FH_TCP_WRITE_LEN = 64 << 10 /* what is with libuv at once: room comes back in such steps */
};

/* FH_TRANSPORT_E_* for an errno value (positive). */
int fh__tcp_error(int err);

/* "WHAT: the system's text for err", cut to room; why may be NULL. */
void fh__tcp_explain(char *why, size_t room, const char *what, int err);

/* From and to the system's form. Other families than ours give FH_ADDRESS_NONE, or length 0. */
void fh__tcp_from_sockaddr(const struct sockaddr *sa, struct fh_address *out);
socklen_t fh__tcp_to_sockaddr(const struct fh_address *a, struct sockaddr_storage *out);
socklen_t fh__tcp_to_sockaddr_un(const char *path, struct sockaddr_storage *out);

/* The two below give a descriptor that does not block and is not inherited, or a negative errno. */
int fh__tcp_socket(int family);
int fh__tcp_accept(int fd);

/* For a socket that was not made here; 0 or a negative errno. */
int fh__tcp_adopt(int fd);

/*
 * A stream of a connected socket. fd is taken, also on error. kind: TCP or UNIX; peer: copied.
 * Returns 0 or FH_TRANSPORT_E_*.
 */
int fh__tcp_stream_new(uv_loop_t *loop, int fd, enum fh_stream_kind kind,
                       const struct fh_address *peer, const struct fh_tcp_options *options,
                       struct fh_stream **out);

/* Are the options inside their ranges? */
bool fh__tcp_options_are_valid(const struct fh_tcp_options *options);

/* The user and process at the other end of a connected unix socket. */
void fh__tcp_unix_peer(int fd, struct fh_address *out);

#endif
