/* SPDX-License-Identifier: MIT */
#include "resume.h"

enum { TRY_MS = 5000 /* of the minute that the server waits, for one attempt */ };

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct resume *r = user;

    (void)error;
    (void)text;
    r->connecting = NULL;
    if (r->viewer) {
        (void)fh_viewer_resume(r->viewer, s);
        return;
    }
    if (s)
        fh_stream_close(s, NULL, NULL);
    r->stopped(r->user);
}

int resume_connect(struct resume *r)
{
    const struct fh_tcp_connect_config cfg = {
        .timeout_ms = TRY_MS, .done = on_connected, .user = r};

    return fh_tcp_connect(r->loop, r->target, &cfg, &r->connecting);
}

void resume_stop(struct resume *r)
{
    r->viewer = NULL;
    if (r->connecting)
        fh_tcp_connect_cancel(r->connecting);
    else
        r->stopped(r->user);
}
