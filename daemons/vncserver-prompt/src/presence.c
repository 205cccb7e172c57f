/* SPDX-License-Identifier: MIT */
/* presence.c -- whether somebody sits at the desktop. */
#include <stdio.h>
#include <stdlib.h>

#include <systemd/sd-bus.h>
#include <xcb/screensaver.h>

#include "modes.h"

enum { CALL_US = 1000000 };

/* How long nothing was typed or moved. -1: it cannot be known. */
static int64_t idle_ms(void)
{
    int number = 0;
    xcb_connection_t *c = xcb_connect(NULL, &number);
    xcb_screensaver_query_info_reply_t *r = NULL;
    const xcb_query_extension_reply_t *ext;
    int64_t ms = -1;

    if (!xcb_connection_has_error(c)) {
        ext = xcb_get_extension_data(c, &xcb_screensaver_id);
        if (ext && ext->present)
            r = xcb_screensaver_query_info_reply(
                c,
                xcb_screensaver_query_info(c,
                                           xcb_setup_roots_iterator(xcb_get_setup(c)).data->root),
                NULL);
    }
    if (r)
        ms = r->state == XCB_SCREENSAVER_STATE_ON ? INT64_MAX : (int64_t)r->ms_since_user_input;
    free(r);
    xcb_disconnect(c);
    return ms;
}

static bool get_flag(sd_bus *bus, const char *path, const char *name, bool *out)
{
    int value = 0;

    if (sd_bus_get_property_trivial(bus, "org.freedesktop.login1", path,
                                    "org.freedesktop.login1.Session", name, NULL, 'b', &value) < 0)
        return false;
    *out = value != 0;
    return true;
}

/* By logind: another session is in front, or the screen is locked. */
static bool is_away(const char *session)
{
    sd_bus *bus = NULL;
    char *path = NULL;
    bool is_active = true, is_locked = false;

    if (*session && sd_bus_open_system(&bus) >= 0 &&
        sd_bus_path_encode("/org/freedesktop/login1/session", session, &path) >= 0) {
        sd_bus_set_method_call_timeout(bus, CALL_US);
        if (get_flag(bus, path, "Active", &is_active))
            (void)get_flag(bus, path, "LockedHint", &is_locked);
    }
    free(path);
    sd_bus_flush_close_unref(bus);
    return !is_active || is_locked;
}

enum fh__exit fh__presence(struct fh__lines *lines)
{
    json_t *line = fh__lines_wait(lines);
    json_int_t idle_s = json_integer_value(json_object_get(line, "idle"));
    int64_t idle;
    enum fh__exit how = FH__EXIT_USAGE;

    if (idle_s > 0) {
        idle = idle_ms();
        how = idle < 0 ? FH__EXIT_NO_DISPLAY : FH__EXIT_OK;
        if (idle >= 0)
            fh__say(idle / 1000 >= idle_s || is_away(fh__text_of(line, "session")) ? "absent"
                                                                                   : "present");
    }
    json_decref(line);
    return how;
}
