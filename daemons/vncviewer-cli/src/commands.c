/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/channel.h>
#include <farhand/permissions.h>
#include <farhand/rfb_error.h>
#include <jansson.h>

#include "keynames.h"
#include "picture.h"
#include "run.h"
#include "script.h"
#include "terminal.h"
#include "utf8.h"

enum {
    TEXT_FILE_MAX = 262144, /* bytes that typefile and pastefile read */
    RETRY_MS = 5,           /* input is queued up: look again */
    DRAG_STEP = 5           /* pixels between two moves of a drag */
};

/* ---- arguments ------------------------------------------------------------------------------ */

static bool read_integer(const char *text, long min, long max, long *out)
{
    char *end;

    errno = 0;
    *out = strtol(text, &end, 10);
    return *text && *end == '\0' && errno == 0 && *out >= min && *out <= max;
}

static bool read_decimal(const char *text, double max, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return *text && *end == '\0' && *out >= 0 && *out <= max;
}

static long integer(const struct step *s, int arg)
{
    return strtol(s->args[arg], NULL, 10);
}

static int check_integers(const struct step *s, int from, int to, long min, long max, char *why,
                          size_t room)
{
    long v;

    for (int i = from; i < to; i++) {
        if (!read_integer(s->args[i], min, max, &v)) {
            snprintf(why, room, "%s: \"%s\" is not a whole number from %ld to %ld",
                     s->command->name, s->args[i], min, max);
            return -1;
        }
    }
    return 0;
}

static int check_keys(const struct step *s, char *why, size_t room)
{
    uint32_t keys[KEYS_MAX];
    const char *bad;
    size_t len;

    if (keynames_parse(s->args[0], keys, &bad, &len) != 0)
        return 0;
    snprintf(why, room, "%s: \"%.*s\" is no key; try a character, \"return\", \"f1\", \"ctrl-c\"",
             s->command->name, (int)len, bad);
    return -1;
}

static int check_text(const struct step *s, char *why, size_t room)
{
    size_t left = strlen(s->args[0]), n;
    uint32_t c;

    for (const char *p = s->args[0]; left != 0; p += n, left -= n) {
        n = utf8_next(p, left, &c);
        if (n == 0) {
            snprintf(why, room, "%s: the text is not valid UTF-8", s->command->name);
            return -1;
        }
    }
    return 0;
}

static int check_point(const struct step *s, char *why, size_t room)
{
    return check_integers(s, 0, 2, 0, 65535, why, room);
}

static int check_button(const struct step *s, char *why, size_t room)
{
    return check_integers(s, 0, 1, 1, 9, why, room);
}

static int check_part(const struct step *s, char *why, size_t room)
{
    return check_integers(s, 1, 5, 0, FH_FRAMEBUFFER_MAX_SIDE, why, room);
}

static int check_seconds(const struct step *s, char *why, size_t room)
{
    double v;

    if (read_decimal(s->args[0], 86400, &v))
        return 0;
    snprintf(why, room, "%s: \"%s\" is not a number of seconds", s->command->name, s->args[0]);
    return -1;
}

static int check_fuzz(const struct step *s, int arg, char *why, size_t room)
{
    double v;

    if (read_decimal(s->args[arg], 255, &v))
        return 0;
    snprintf(why, room, "%s: \"%s\" is not a difference from 0 to 255", s->command->name,
             s->args[arg]);
    return -1;
}

static int check_expect(const struct step *s, char *why, size_t room)
{
    return check_fuzz(s, 1, why, room);
}

static int check_rexpect(const struct step *s, char *why, size_t room)
{
    int ret = check_integers(s, 1, 3, 0, FH_FRAMEBUFFER_MAX_SIDE, why, room);

    return ret != 0 ? ret : check_fuzz(s, 3, why, room);
}

/* ---- input ---------------------------------------------------------------------------------- */

static struct fh_viewer_conn *conn(struct run *r)
{
    return fh_viewer_conn(r->viewer);
}

static enum step_result failed(struct run *r, const char *why)
{
    snprintf(r->why, sizeof r->why, "%s", why);
    return STEP_FAILED;
}

/* What a call that queues input gave: go on, wait for room, or say why not. */
static enum step_result sent(struct run *r, int ret, const char *permission)
{
    if (ret == 0)
        return STEP_DONE;
    if (ret == FH_RFB_E_LIMIT || ret == FH_SESSION_E_LIMIT) {
        r->wake_ms = r->now_ms + RETRY_MS;
        return STEP_WAIT;
    }
    /* Before the server's first message of RFB nothing can be sent, and nothing is refused. */
    if (ret == FH_SESSION_E_STATE && !fh_viewer_conn_framebuffer(conn(r)))
        return STEP_WAIT;
    if (ret == FH_SESSION_E_STATE)
        snprintf(r->why, sizeof r->why, "not permitted: the session has no %s permission",
                 permission);
    else
        snprintf(r->why, sizeof r->why, "cannot be sent: %s",
                 ret <= -601 ? fh_rfb_strerror(ret) : fh_session_strerror(ret));
    return STEP_FAILED;
}

static enum step_result send_key(struct run *r, uint32_t keysym, bool down)
{
    return sent(r, fh_viewer_conn_key(conn(r), keysym, 0, down), "keyboard");
}

static enum step_result send_pointer(struct run *r)
{
    return sent(r, fh_viewer_conn_pointer(conn(r), r->x, r->y, r->buttons), "pointer");
}

/* Presses all keys of the combination in order and releases them backwards: 2n events in a row. */
static enum step_result send_combination(struct run *r, const struct step *s, bool down, bool up)
{
    uint32_t keys[KEYS_MAX];
    const char *bad;
    size_t len, n = keynames_parse(s->args[0], keys, &bad, &len);
    size_t n_down = down ? n : 0, total = n_down + (up ? n : 0);
    enum step_result ret = STEP_DONE;

    for (; r->at < total; r->at++) {
        bool is_down = r->at < n_down;
        size_t i = is_down ? r->at : n - 1 - (r->at - n_down);

        ret = send_key(r, keys[i], is_down);
        if (ret != STEP_DONE)
            break;
    }
    return ret;
}

static enum step_result run_key(struct run *r, const struct step *s, bool first)
{
    (void)first;
    return send_combination(r, s, true, true);
}

static enum step_result run_keydown(struct run *r, const struct step *s, bool first)
{
    (void)first;
    return send_combination(r, s, true, false);
}

static enum step_result run_keyup(struct run *r, const struct step *s, bool first)
{
    (void)first;
    return send_combination(r, s, false, true);
}

/* at counts bytes times two: the low bit says that the key is down and must still come up. */
static enum step_result type_text(struct run *r, const char *text)
{
    size_t len = strlen(text);
    enum step_result ret = STEP_DONE;

    while (r->at / 2 < len) {
        uint32_t c = 0;
        size_t n = utf8_next(text + r->at / 2, len - r->at / 2, &c);
        bool down = (r->at & 1) == 0;

        ret = send_key(r, keynames_from_unicode(c), down);
        if (ret != STEP_DONE)
            break;
        r->at += down ? 1 : 2 * n - 1;
    }
    return ret;
}

static enum step_result run_type(struct run *r, const struct step *s, bool first)
{
    (void)first;
    return type_text(r, s->args[0]);
}

static char *read_text(struct run *r, const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *text = f ? malloc(TEXT_FILE_MAX + 2) : NULL;
    size_t len = text ? fread(text, 1, TEXT_FILE_MAX + 1, f) : 0;
    struct step utf8 = {.args = {text}, .command = &(const struct command){.name = path}};

    if (!f) {
        snprintf(r->why, sizeof r->why, "%.400s: %s", path, strerror(errno));
    } else if (!text || len > TEXT_FILE_MAX) {
        snprintf(r->why, sizeof r->why, "%.400s: more than %d bytes", path, TEXT_FILE_MAX);
        free(text);
        text = NULL;
    }
    if (f && f != stdin)
        fclose(f);
    if (!text)
        return NULL;
    text[len] = '\0';
    if (strlen(text) == len && check_text(&utf8, r->why, sizeof r->why) == 0)
        return text;
    snprintf(r->why, sizeof r->why, "%.400s: not a text in UTF-8", path);
    free(text);
    return NULL;
}

static enum step_result run_typefile(struct run *r, const struct step *s, bool first)
{
    if (first)
        r->text = read_text(r, s->args[0]);
    return r->text ? type_text(r, r->text) : STEP_FAILED;
}

static enum step_result paste(struct run *r, const char *text)
{
    return sent(r, fh_viewer_conn_cut_text(conn(r), text, strlen(text)), "clipboard");
}

static enum step_result run_paste(struct run *r, const struct step *s, bool first)
{
    (void)first;
    return paste(r, s->args[0]);
}

static enum step_result run_pastefile(struct run *r, const struct step *s, bool first)
{
    if (first)
        r->text = read_text(r, s->args[0]);
    return r->text ? paste(r, r->text) : STEP_FAILED;
}

static enum step_result run_move(struct run *r, const struct step *s, bool first)
{
    (void)first;
    r->x = (uint16_t)integer(s, 0);
    r->y = (uint16_t)integer(s, 1);
    return send_pointer(r);
}

static enum step_result run_mousedown(struct run *r, const struct step *s, bool first)
{
    (void)first;
    r->buttons |= (uint16_t)(1 << (integer(s, 0) - 1));
    return send_pointer(r);
}

static enum step_result run_mouseup(struct run *r, const struct step *s, bool first)
{
    (void)first;
    r->buttons &= (uint16_t) ~(1 << (integer(s, 0) - 1));
    return send_pointer(r);
}

static enum step_result run_click(struct run *r, const struct step *s, bool first)
{
    enum step_result ret = STEP_DONE;

    (void)first;
    for (; r->at < 2 && ret == STEP_DONE; r->at += ret == STEP_DONE)
        ret = r->at == 0 ? run_mousedown(r, s, false) : run_mouseup(r, s, false);
    return ret;
}

/* One move of at most DRAG_STEP pixels towards the goal in each direction. */
static uint16_t nearer(uint16_t from, long to)
{
    long distance = to - from;

    if (distance > DRAG_STEP)
        distance = DRAG_STEP;
    if (distance < -DRAG_STEP)
        distance = -DRAG_STEP;
    return (uint16_t)(from + distance);
}

static enum step_result run_drag(struct run *r, const struct step *s, bool first)
{
    long x = integer(s, 0), y = integer(s, 1);

    (void)first;
    while (r->x != x || r->y != y) {
        uint16_t old_x = r->x, old_y = r->y;
        enum step_result ret;

        r->x = nearer(r->x, x);
        r->y = nearer(r->y, y);
        ret = send_pointer(r);
        if (ret != STEP_DONE) {
            r->x = old_x;
            r->y = old_y;
            return ret;
        }
    }
    return STEP_DONE;
}

/* ---- the picture ---------------------------------------------------------------------------- */

static bool may_view(struct run *r)
{
    return fh_viewer_conn_permissions(conn(r)) & FH_PERM_VIEW;
}

static enum step_result no_view(struct run *r)
{
    return failed(r, "not permitted: the session has no view permission");
}

/* Asks for the whole picture anew and waits until all of it came. */
static enum step_result refresh(struct run *r, bool first)
{
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(conn(r));
    enum step_result ret;

    if (!may_view(r))
        return no_view(r);
    if (first)
        r->at = 0;
    if (!fb || !r->has_picture)
        return STEP_WAIT;
    if (r->at == 0) {
        ret = sent(r, fh_viewer_conn_refresh(conn(r)), "view");
        if (ret != STEP_DONE)
            return ret;
        r->at = 1;
        pixman_region32_fini(&r->stale);
        pixman_region32_init_rect(&r->stale, 0, 0, (unsigned)fb->width, (unsigned)fb->height);
        r->has_picture = false;
        return STEP_WAIT;
    }
    return STEP_DONE;
}

static enum step_result capture(struct run *r, const struct step *s, const struct fh_rect *part)
{
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(conn(r));

    if (!fh_rect_is_inside(part, fb->width, fb->height) || part->w == 0 || part->h == 0) {
        snprintf(r->why, sizeof r->why, "%dx%d at %d,%d does not lie in the picture of %dx%d",
                 (int)part->w, (int)part->h, (int)part->x, (int)part->y, (int)fb->width,
                 (int)fb->height);
        return STEP_FAILED;
    }
    if (picture_save(fb, part, s->args[0], r->why, sizeof r->why) != 0)
        return STEP_FAILED;
    if (r->is_json)
        printf("{\"command\":\"%s\",\"width\":%d,\"height\":%d}\n", s->command->name, (int)part->w,
               (int)part->h);
    return STEP_DONE;
}

static enum step_result run_capture(struct run *r, const struct step *s, bool first)
{
    enum step_result ret = refresh(r, first);
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(conn(r));
    struct fh_rect all = {.w = fb ? fb->width : 0, .h = fb ? fb->height : 0};

    return ret == STEP_DONE ? capture(r, s, &all) : ret;
}

static enum step_result run_rcapture(struct run *r, const struct step *s, bool first)
{
    enum step_result ret = refresh(r, first);
    struct fh_rect part = {.x = (int32_t)integer(s, 1),
                           .y = (int32_t)integer(s, 2),
                           .w = (int32_t)integer(s, 3),
                           .h = (int32_t)integer(s, 4)};

    return ret == STEP_DONE ? capture(r, s, &part) : ret;
}

static enum step_result expect(struct run *r, const struct step *s, bool first, long x, long y,
                               const char *fuzz)
{
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(conn(r));
    double difference, allowed = 0;

    if (!may_view(r))
        return no_view(r);
    if (first && picture_load(s->args[0], &r->reference, r->why, sizeof r->why) != 0)
        return STEP_FAILED;
    if (!fb || !r->has_picture)
        return STEP_WAIT;
    (void)read_decimal(fuzz, 255, &allowed);
    difference = picture_difference(fb, (int32_t)x, (int32_t)y, &r->reference);
    if (difference >= 0 && difference <= allowed)
        return STEP_DONE;
    return STEP_WAIT;
}

static enum step_result run_expect(struct run *r, const struct step *s, bool first)
{
    return expect(r, s, first, 0, 0, s->args[1]);
}

static enum step_result run_rexpect(struct run *r, const struct step *s, bool first)
{
    return expect(r, s, first, integer(s, 1), integer(s, 2), s->args[3]);
}

static bool keep_reference(struct run *r, const struct fh_framebuffer *fb)
{
    size_t n = (size_t)fb->width * (size_t)fb->height;
    uint32_t *px = malloc(n * sizeof *px);

    if (!px)
        return false;
    for (int32_t y = 0; y < fb->height; y++)
        memcpy(px + (ptrdiff_t)y * fb->width, fb->px + (ptrdiff_t)y * fb->stride_px,
               (size_t)fb->width * sizeof *px);
    free(r->reference.px);
    r->reference = (struct fh_framebuffer){
        .px = px, .width = fb->width, .height = fb->height, .stride_px = fb->width};
    return true;
}

static bool differs_from_reference(struct run *r, const struct fh_framebuffer *fb)
{
    return r->reference.width != fb->width || r->reference.height != fb->height ||
           picture_difference(fb, 0, 0, &r->reference) > 0;
}

static enum step_result run_wait_change(struct run *r, const struct step *s, bool first)
{
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(conn(r));

    (void)s;
    (void)first;
    if (!may_view(r))
        return no_view(r);
    if (!fb || !r->has_picture)
        return STEP_WAIT;
    if (!r->reference.px)
        return keep_reference(r, fb) ? STEP_WAIT : failed(r, "out of memory");
    return differs_from_reference(r, fb) ? STEP_DONE : STEP_WAIT;
}

static enum step_result run_wait_stable(struct run *r, const struct step *s, bool first)
{
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(conn(r));
    double seconds = 0;

    (void)first;
    if (!may_view(r))
        return no_view(r);
    if (!fb || !r->has_picture)
        return STEP_WAIT;
    if (!r->reference.px || differs_from_reference(r, fb)) {
        if (!keep_reference(r, fb))
            return failed(r, "out of memory");
        r->mark_ms = r->now_ms;
    }
    (void)read_decimal(s->args[0], 86400, &seconds);
    r->wake_ms = r->mark_ms + (uint64_t)(seconds * 1000);
    return r->now_ms >= r->wake_ms ? STEP_DONE : STEP_WAIT;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static enum step_result run_pause(struct run *r, const struct step *s, bool first)
{
    double seconds = 0;

    (void)first;
    (void)read_decimal(s->args[0], 86400, &seconds);
    r->wake_ms = r->started_ms + (uint64_t)(seconds * 1000);
    return r->now_ms >= r->wake_ms ? STEP_DONE : STEP_WAIT;
}

/* The text that came last, or, if each was shown already, the one that comes next. */
static enum step_result run_copy(struct run *r, const struct step *s, bool first)
{
    (void)s;
    (void)first;
    if (!fh_permissions_allow(fh_viewer_conn_permissions(conn(r)), FH_ACT_TEXT_OUT))
        return failed(r, "not permitted: the session has no clipboard permission");
    if (!r->clipboard_is_new)
        return STEP_WAIT;
    r->clipboard_is_new = false;
    if (r->is_json) {
        json_t *line =
            json_pack("{s:s, s:s%}", "command", "copy", "text", r->clipboard, r->clipboard_len);

        json_dumpf(line, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        json_decref(line);
    } else {
        terminal_print(stdout, r->clipboard, r->clipboard_len);
    }
    putchar('\n');
    return STEP_DONE;
}

static json_t *info(struct run *r)
{
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(conn(r));
    struct fh_channel_info channel;
    char permissions[192];
    uint64_t waited =
        r->facts.first_picture_ms ? r->facts.first_picture_ms - r->facts.connect_started_ms : 0;

    fh_viewer_conn_channel_info(conn(r), &channel);
    fh_permissions_format(fh_viewer_conn_permissions(conn(r)), permissions, sizeof permissions);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}",
                     "command", "info", "name", fh_viewer_conn_name(conn(r)), "address",
                     r->facts.address, "path", r->facts.path, "width", fb ? (int)fb->width : 0,
                     "height", fb ? (int)fb->height : 0, "permissions", permissions, "cipher",
                     channel.cipher ? channel.cipher : "", "fingerprint", r->facts.fingerprint,
                     "catchphrase", r->facts.phrase, "trusted", r->facts.trusted,
                     "first_picture_ms", (json_int_t)waited, "bytes_in",
                     (json_int_t)channel.bytes_in, "bytes_out", (json_int_t)channel.bytes_out);
}

static void print_info(const json_t *line)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)line, key, value)
    {
        if (strcmp(key, "command") == 0)
            continue;
        printf("%-17s ", key);
        if (json_is_string(value))
            terminal_print(stdout, json_string_value(value), json_string_length(value));
        else if (json_is_boolean(value))
            fputs(json_is_true(value) ? "yes" : "no", stdout);
        else
            printf("%lld", (long long)json_integer_value(value));
        putchar('\n');
    }
}

static enum step_result run_info(struct run *r, const struct step *s, bool first)
{
    json_t *line;

    (void)s;
    (void)first;
    if (may_view(r) && !r->has_picture)
        return STEP_WAIT;
    line = info(r);
    if (line && r->facts.add)
        r->facts.add(r->facts.add_user, line);
    if (!line)
        return failed(r, "out of memory");
    if (r->is_json) {
        json_dumpf(line, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    } else {
        print_info(line);
    }
    json_decref(line);
    return STEP_DONE;
}

/* clang-format off */
const struct command commands[] = {
    {"key", 1, "KEY", "press and release a key or combination: a, return, ctrl-alt-del", check_keys, run_key},
    {"keydown", 1, "KEY", "press it", check_keys, run_keydown},
    {"keyup", 1, "KEY", "release it", check_keys, run_keyup},
    {"type", 1, "TEXT", "type characters", check_text, run_type},
    {"typefile", 1, "FILE", "type what a file holds (- is standard input)", NULL, run_typefile},
    {"paste", 1, "TEXT", "put text into the server's clipboard", check_text, run_paste},
    {"pastefile", 1, "FILE", "put what a file holds into the server's clipboard", NULL, run_pastefile},
    {"copy", 0, "", "print the server's clipboard: the newest text not printed yet", NULL, run_copy},
    {"move", 2, "X Y", "move the pointer", check_point, run_move},
    {"click", 1, "BUTTON", "press and release a button: 1 left, 2 middle, 3 right, 4-7 wheel, 8 back, 9 forward", check_button, run_click},
    {"drag", 2, "X Y", "move the pointer there in small steps", check_point, run_drag},
    {"mousedown", 1, "BUTTON", "press a button", check_button, run_mousedown},
    {"mouseup", 1, "BUTTON", "release it", check_button, run_mouseup},
    {"capture", 1, "FILE.png", "save the picture as it is now", NULL, run_capture},
    {"rcapture", 5, "FILE.png X Y W H", "save a part of it", check_part, run_rcapture},
    {"expect", 2, "FILE.png FUZZ", "wait until the picture differs by at most FUZZ (0 equal, 255 opposite)", check_expect, run_expect},
    {"rexpect", 4, "FILE.png X Y FUZZ", "the same for the part at X, Y", check_rexpect, run_rexpect},
    {"pause", 1, "SECONDS", "do nothing", check_seconds, run_pause},
    {"info", 0, "", "print what is known of server, session and channel", NULL, run_info},
    {"wait-change", 0, "", "wait until a pixel changes", NULL, run_wait_change},
    {"wait-stable", 1, "SECONDS", "wait until no pixel changed for so long", check_seconds, run_wait_stable},
    {0},
};
/* clang-format on */
