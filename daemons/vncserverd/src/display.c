/* SPDX-License-Identifier: MIT */
/* display.c -- connecting to the X server. */
#include "display.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcbext.h>
#include <xcb/xfixes.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>

#include "log.h"

uint64_t fh__now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int fail(char *error, size_t room, const char *what)
{
    snprintf(error, room, "%s", what);
    return -1;
}

static xcb_screen_t *find_screen(const xcb_setup_t *setup, int number)
{
    xcb_screen_iterator_t it = xcb_setup_roots_iterator(setup);

    while (it.rem > 0 && number-- > 0)
        xcb_screen_next(&it);
    return it.rem > 0 ? it.data : NULL;
}

static xcb_visualtype_t *find_visual(const xcb_screen_t *screen)
{
    xcb_depth_iterator_t d = xcb_screen_allowed_depths_iterator(screen);
    xcb_visualtype_iterator_t v;

    for (; d.rem > 0; xcb_depth_next(&d))
        for (v = xcb_depth_visuals_iterator(d.data); v.rem > 0; xcb_visualtype_next(&v))
            if (v.data->visual_id == screen->root_visual)
                return v.data;
    return NULL;
}

static int find_format(struct fh__display *d, char *error, size_t room)
{
    xcb_format_iterator_t f = xcb_setup_pixmap_formats_iterator(xcb_get_setup(d->c));

    for (; f.rem > 0; xcb_format_next(&f))
        if (f.data->depth == d->screen->root_depth) {
            d->bits_per_pixel = f.data->bits_per_pixel;
            d->scanline_pad = f.data->scanline_pad;
        }
    d->visual = find_visual(d->screen);
    if (!d->visual || d->visual->_class != XCB_VISUAL_CLASS_TRUE_COLOR ||
        (d->bits_per_pixel != 16 && d->bits_per_pixel != 32))
        return fail(error, room, "its screen is not true colour with 16 or 32 bits a pixel");
    return 0;
}

/* The number of the extension's first event; 0 and *missing if the server does not have it. */
static uint8_t first_event(struct fh__display *d, xcb_extension_t *ext, const char *name,
                           const char **missing)
{
    const xcb_query_extension_reply_t *r = xcb_get_extension_data(d->c, ext);

    if (r && r->present)
        return r->first_event;
    *missing = name;
    return 0;
}

/* Each extension wants to be told first which version we speak. */
static int find_extensions(struct fh__display *d, char *error, size_t room)
{
    const char *missing = NULL;
    const xcb_query_extension_reply_t *shm;
    xcb_shm_query_version_reply_t *shm_version;
    bool ok;
    void *r;

    d->first_damage = first_event(d, &xcb_damage_id, "DAMAGE", &missing);
    d->first_xfixes = first_event(d, &xcb_xfixes_id, "XFIXES", &missing);
    d->first_randr = first_event(d, &xcb_randr_id, "RANDR", &missing);
    d->first_xkb = first_event(d, &xcb_xkb_id, "XKEYBOARD", &missing);
    first_event(d, &xcb_test_id, "XTEST", &missing);
    if (missing) {
        snprintf(error, room, "it lacks the extension %s", missing);
        return -1;
    }
    ok = (r = xcb_damage_query_version_reply(d->c, xcb_damage_query_version(d->c, 1, 1), NULL));
    free(r);
    ok &= (r = xcb_xfixes_query_version_reply(d->c, xcb_xfixes_query_version(d->c, 4, 0), NULL)) !=
          NULL;
    free(r);
    ok &= (r = xcb_randr_query_version_reply(d->c, xcb_randr_query_version(d->c, 1, 3), NULL)) !=
          NULL;
    free(r);
    ok &= (r = xcb_test_get_version_reply(d->c, xcb_test_get_version(d->c, 2, 2), NULL)) != NULL;
    free(r);
    ok &= (r = xcb_xkb_use_extension_reply(d->c, xcb_xkb_use_extension(d->c, 1, 0), NULL)) != NULL;
    free(r);
    if (!ok)
        return fail(error, room, "it does not answer about its extensions");

    shm = xcb_get_extension_data(d->c, &xcb_shm_id);
    if (d->is_local && shm && shm->present) {
        shm_version = xcb_shm_query_version_reply(d->c, xcb_shm_query_version(d->c), NULL);
        d->has_shm =
            shm_version && (shm_version->major_version > 1 || shm_version->minor_version >= 2);
        free(shm_version);
    }
    return 0;
}

static const char *reason(int xcb_error)
{
    switch (xcb_error) {
    case XCB_CONN_CLOSED_PARSE_ERR:
        return "that is not the name of a display";
    case XCB_CONN_CLOSED_INVALID_SCREEN:
        return "it has no such screen";
    default:
        return "no X server answers there, or it does not let us in (see XAUTHORITY)";
    }
}

int fh__display_open(struct fh__display *d, const char *name, const uint8_t cookie[FH__COOKIE_LEN],
                     char *error, size_t room)
{
    static char auth_name[] = "MIT-MAGIC-COOKIE-1";
    char data[FH__COOKIE_LEN];
    xcb_auth_info_t auth = {sizeof auth_name - 1, auth_name, sizeof data, data};
    struct sockaddr_storage addr;
    socklen_t len = sizeof addr;
    int number = 0, ret = -1;

    memset(d, 0, sizeof *d);
    if (cookie)
        memcpy(data, cookie, sizeof data);
    d->c = cookie ? xcb_connect_to_display_with_auth_info(name, &auth, &number)
                  : xcb_connect(name, &number);
    if (xcb_connection_has_error(d->c)) {
        fail(error, room, reason(xcb_connection_has_error(d->c)));
        goto out;
    }
    d->screen = find_screen(xcb_get_setup(d->c), number);
    if (!d->screen) {
        fail(error, room, reason(XCB_CONN_CLOSED_INVALID_SCREEN));
        goto out;
    }
    d->is_local = getsockname(xcb_get_file_descriptor(d->c), (struct sockaddr *)&addr, &len) == 0 &&
                  addr.ss_family == AF_UNIX;
    if ((ret = find_format(d, error, room)) != 0)
        goto out;
    ret = find_extensions(d, error, room);
out:
    if (ret != 0)
        fh__display_close(d);
    return ret;
}

void fh__display_close(struct fh__display *d)
{
    if (d->c)
        xcb_disconnect(d->c);
    memset(d, 0, sizeof *d);
}

xcb_atom_t fh__display_atom(const struct fh__display *d, const char *name)
{
    xcb_intern_atom_cookie_t cookie = xcb_intern_atom(d->c, 0, (uint16_t)strlen(name), name);
    xcb_intern_atom_reply_t *r = xcb_intern_atom_reply(d->c, cookie, NULL);
    xcb_atom_t atom = r ? r->atom : XCB_ATOM_NONE;

    free(r);
    return atom;
}
