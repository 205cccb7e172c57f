/* SPDX-License-Identifier: MIT */
/* notify.c -- the same by the desktop's own notifications (org.freedesktop.Notifications). */
#include <stdio.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "modes.h"
#include "people.h"

enum { CALL_US = 5000000, SHORT_MS = 5000 };

static const char nobody[] = "Nobody is connected to this desktop any more";

/* Replaces what it said before. Names were cleaned, but some desktops read markup in the body. */
static void escape(const char *text, char *out, size_t room)
{
    size_t at = 0;

    for (; *text && at + 6 < room; text++) {
        const char *as = *text == '<'   ? "&lt;"
                         : *text == '>' ? "&gt;"
                         : *text == '&' ? "&amp;"
                                        : NULL;

        if (as)
            at += (size_t)snprintf(out + at, room - at, "%s", as);
        else
            out[at++] = *text;
    }
    out[at] = '\0';
}

static int notify(sd_bus *bus, uint32_t *id, const char *text, int32_t expire_ms)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    char body[2 * FH__SENTENCE];
    int ret;

    escape(text, body, sizeof body);
    ret = sd_bus_call_method(bus, "org.freedesktop.Notifications", "/org/freedesktop/Notifications",
                             "org.freedesktop.Notifications", "Notify", &error, &reply,
                             "susssasa{sv}i", "Farhand", *id, "preferences-desktop-remote-desktop",
                             "Remote session", body, 0, 1, "urgency", "y", (uint8_t)1, expire_ms);
    if (ret >= 0)
        ret = sd_bus_message_read(reply, "u", id);
    else
        fprintf(stderr, "vncserver-prompt: no notification: %s\n",
                error.message ? error.message : strerror(-ret));
    sd_bus_error_free(&error);
    sd_bus_message_unref(reply);
    return ret < 0 ? -1 : 0;
}

enum fh__exit fh__notify(struct fh__lines *lines)
{
    char text[FH__SENTENCE];
    sd_bus *bus = NULL;
    uint32_t id = 0;
    json_t *line;
    int ret = sd_bus_open_user(&bus);
    bool is_told = false;

    if (ret < 0) {
        fprintf(stderr, "vncserver-prompt: no session bus: %s\n", strerror(-ret));
        return FH__EXIT_NO_DISPLAY;
    }
    sd_bus_set_method_call_timeout(bus, CALL_US);
    while ((line = fh__lines_wait(lines)) != NULL) {
        bool is_nobody = fh__people(line, text) == 0;

        json_decref(line);
        if (!is_nobody || is_told)
            notify(bus, &id, is_nobody ? nobody : text, is_nobody ? SHORT_MS : 0);
        is_told = !is_nobody;
    }
    if (is_told)
        notify(bus, &id, nobody, SHORT_MS);
    sd_bus_flush_close_unref(bus);
    return FH__EXIT_OK;
}
