/* SPDX-License-Identifier: MIT */
/*
 * An echo server and its client over libtransport.
 *
 *     echo serve ADDRESS...     e.g. 127.0.0.1:7007 [::1]:7007 unix:/tmp/echo systemd
 *     echo say ADDRESS TEXT     e.g. 127.0.0.1::7007 [::1]::7007 /tmp/echo
 *
 * The server gives back what it gets, and no faster than its client takes it. The client sends TEXT,
 * ends its side, prints what comes back and leaves when the server has ended too.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/tcp.h>

/* Server */

struct guest {
    struct fh_stream *stream;
};

static void guest_gone(void *user)
{
    free(user);
}

/* What does not fit now is not taken: the stream stops reading until writable(). */
static size_t guest_data(void *user, const uint8_t *data, size_t len)
{
    struct guest *g = user;
    int n = fh_stream_write(g->stream, data, len);

    return n < 0 ? len : (size_t)n;
}

static void guest_writable(void *user)
{
    fh_stream_resume(((struct guest *)user)->stream);
}

/*
 * A guest that ended its side still waits for the rest of its echo. Our end goes behind that; the
 * stream is closed once the guest is known to have it, which is when all was sent.
 */
static void guest_end(void *user, int error)
{
    struct guest *g = user;
    struct fh_stream_counters n;

    fh_stream_counters(g->stream, &n);
    if (error == 0 && n.queued > 0)
        fprintf(stderr, "guest left with %llu bytes unsent\n", (unsigned long long)n.queued);
    fh_stream_shutdown(g->stream);
    fh_stream_close(g->stream, guest_gone, g);
}

static const struct fh_stream_events guest_events = {
    .data = guest_data, .writable = guest_writable, .end = guest_end};

static void welcome(void *user, struct fh_stream *stream)
{
    struct guest *g = malloc(sizeof *g);
    char name[FH_ADDRESS_TEXT];

    (void)user;
    fh_stream_peer(stream, name, sizeof name);
    printf("%s\n", name);
    fflush(stdout);
    if (!g) {
        fh_stream_close(stream, NULL, NULL);
        return;
    }
    g->stream = stream;
    fh_stream_attach(stream, &guest_events, g);
}
