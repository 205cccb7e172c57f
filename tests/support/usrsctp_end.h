/* SPDX-License-Identifier: MIT */
/*
 * usrsctp_end.h -- one end of an association of usrsctp, as a peer for tests and benchmarks: over
 * AF_CONN, without threads of its own doing the work, packets going out through a function.
 *
 * usrsctp is one per process: usr_begin() once, usr_tick() now and then, all from one thread.
 */
#ifndef FH_TESTS_USRSCTP_END_H
#define FH_TESTS_USRSCTP_END_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <usrsctp.h>

enum { USR_ENDS = 8, USR_PORT = 5000 };

struct usr_end {
    struct socket *listening, *so;
    void (*send)(void *user, const void *packet, size_t len);
    void *user;
};

static struct usr_end usr_ends[USR_ENDS + 1]; /* by address; 0 is none */

static int usr_output(void *addr, void *packet, size_t len, uint8_t tos, uint8_t df)
{
    struct usr_end *e = &usr_ends[(uintptr_t)addr];

    (void)tos;
    (void)df;
    if (e->send)
        e->send(e->user, packet, len);
    return 0;
}

/* crc: with SCTP's own checksum, as it comes; without it where a guard does more. */
static inline void usr_begin(bool crc)
{
    usrsctp_init_nothreads(0, usr_output, NULL);
    if (!crc)
        usrsctp_enable_crc32c_offload();
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auto_asconf(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    for (uintptr_t id = 1; id <= USR_ENDS; id++)
        usrsctp_register_address((void *)id);
}

static inline struct sockaddr_conn usr_address(uintptr_t id)
{
    struct sockaddr_conn a = {.sconn_family = AF_CONN, .sconn_port = htons(USR_PORT)};

    a.sconn_addr = (void *)id;
    return a;
}

static inline struct socket *usr_socket(uintptr_t id, unsigned path_mtu)
{
    struct socket *so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    struct sockaddr_conn a = usr_address(id);
    struct linger abortive = {.l_onoff = 1, .l_linger = 0};
    struct sctp_initmsg init = {.sinit_num_ostreams = 2, .sinit_max_instreams = 2};
    struct sctp_paddrparams path = {.spp_flags = SPP_PMTUD_DISABLE, .spp_pathmtu = path_mtu};
    int on = 1;

    if (!so)
        return NULL;
    usrsctp_set_non_blocking(so, 1);
    usrsctp_setsockopt(so, SOL_SOCKET, SO_LINGER, &abortive, sizeof abortive);
    usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on);
    usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_EXPLICIT_EOR, &on, sizeof on);
    usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on);
    usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init);
    usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
    if (usrsctp_bind(so, (struct sockaddr *)&a, sizeof a) != 0)
        return NULL;
    return so;
}

/* The peer's packets come with address id, ours go to e->send. path_mtu: without the UDP's parts.
 */
static inline struct usr_end *usr_open(uintptr_t id, bool connect, unsigned path_mtu,
                                       void (*send)(void *, const void *, size_t), void *user)
{
    struct usr_end *e = &usr_ends[id];
    struct sockaddr_conn a = usr_address(id);
    struct socket *so = usr_socket(id, path_mtu);

    *e = (struct usr_end){.send = send, .user = user};
    if (!so)
        return NULL;
    if (!connect) {
        e->listening = so;
        return usrsctp_listen(so, 1) == 0 ? e : NULL;
    }
    e->so = so;
    if (usrsctp_connect(so, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)
        return NULL;
    return e;
}

static inline void usr_input(struct usr_end *e, const void *packet, size_t len)
{
    usrsctp_conninput((void *)(uintptr_t)(e - usr_ends), packet, len, 0);
    if (e->listening && !e->so) {
        e->so = usrsctp_accept(e->listening, NULL, NULL);
        if (e->so)
            usrsctp_set_non_blocking(e->so, 1);
    }
}

/* last: the message, which all writes are part of, ends; without that it cannot be shut down. */
static inline ssize_t usr_write(struct usr_end *e, const void *data, size_t len, uint32_t ppid,
                                bool last)
{
    struct sctp_sndinfo info = {.snd_ppid = htonl(ppid), .snd_flags = last ? SCTP_EOR : 0};

    return usrsctp_sendv(e->so, data, len, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0);
}

static inline ssize_t usr_read(struct usr_end *e, void *out, size_t room, uint32_t *ppid)
{
    struct sctp_rcvinfo info;
    socklen_t info_len = sizeof info, from_len = 0;
    unsigned type = 0;
    int flags = 0;
    ssize_t got = usrsctp_recvv(e->so, out, room, NULL, &from_len, &info, &info_len, &type, &flags);

    if (ppid && type == SCTP_RECVV_RCVINFO)
        *ppid = ntohl(info.rcv_ppid);
    return got;
}

static inline void usr_close(struct usr_end *e)
{
    if (e->so)
        usrsctp_close(e->so);
    if (e->listening)
        usrsctp_close(e->listening);
    memset(e, 0, sizeof *e);
}

#endif
