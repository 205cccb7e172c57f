/* SPDX-License-Identifier: MIT */
#include "attendant.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper.h"
#include "log.h"

enum { WORDS_MAX = 60, WORD_ROOM = FH__SEAT_PATH + 32 };

struct fh__attendant {
    struct fh__helper *helper;
    const struct fh__attendant_ops *ops;
    void *user;
    bool is_long, has_stopped, is_in_call;
    char line[FH__ATTENDANT_LINE_MAX];
    size_t len;
};

/* ---- its lines ---- */

/* What is longer than a line may be is no line, to its end. */
static void take(struct fh__attendant *a, char c)
{
    if (c != '\n' && a->len < sizeof a->line - 1) {
        a->line[a->len++] = c;
        a->is_long |= c == '\0';
        return;
    }
    if (c != '\n') {
        a->is_long = true;
        return;
    }
    a->line[a->len] = '\0';
    if (!a->is_long && a->ops->line)
        a->ops->line(a->user, a->line);
    a->is_long = false;
    a->len = 0;
}

static void on_said(void *user, const uint8_t *data, size_t len)
{
    struct fh__attendant *a = user;

    a->is_in_call = true;
    for (size_t i = 0; i < len && !a->has_stopped; i++)
        take(a, (char)data[i]);
    a->is_in_call = false;
    if (a->has_stopped)
        free(a);
}

static void on_ended(void *user, int status)
{
    struct fh__attendant *a = user;
    const struct fh__attendant_ops *ops = a->ops;
    void *owner = a->user;

    free(a);
    if (ops->ended)
        ops->ended(owner, status);
}

static const struct fh__helper_events events = {on_said, on_ended};

void fh__attendant_tell(struct fh__attendant *a, const char *text, size_t len)
{
    if (a)
        fh__helper_write(a->helper, text, len);
}

void fh__attendant_close_input(struct fh__attendant *a, unsigned grace_ms)
{
    if (!a)
        return;
    fh__helper_end_input(a->helper);
    fh__helper_deadline(a->helper, grace_ms);
}

void fh__attendant_stop(struct fh__attendant *a, unsigned grace_ms)
{
    if (!a || a->has_stopped)
        return;
    fh__helper_forget(a->helper, grace_ms);
    a->has_stopped = true;
    if (!a->is_in_call)
        free(a);
}

/* ---- the beginning ---- */

/* The words for fh__helper_main(). */
struct words {
    char *list[WORDS_MAX + 1];
    char text[WORDS_MAX][WORD_ROOM];
    size_t n;
};

/* false: too many words, or too long. */
static bool __attribute__((format(printf, 2, 3))) add(struct words *w, const char *format, ...)
{
    va_list args;
    int len;

    if (w->n == WORDS_MAX)
        return false;
    va_start(args, format);
    len = vsnprintf(w->text[w->n], WORD_ROOM, format, args);
    va_end(args);
    w->list[w->n] = w->text[w->n];
    w->list[++w->n] = NULL;
    return len < WORD_ROOM;
}

static void put(struct words *w, const char *name, const char *value)
{
    if (value && *value)
        (void)add(w, "%s=%s", name, value);
}

static void put_ours(struct words *w, const char *name)
{
    put(w, name, getenv(name));
}

/* What a user's own program finds where logind has made him a place. */
static void put_user(struct words *w, uid_t uid)
{
    const struct passwd *pw = getpwuid(uid);
    char runtime[64], bus[96];
    struct stat st;

    if (pw) {
        put(w, "HOME", pw->pw_dir);
        put(w, "USER", pw->pw_name);
        put(w, "LOGNAME", pw->pw_name);
    }
    snprintf(runtime, sizeof runtime, "/run/user/%lu", (unsigned long)uid);
    if (stat(runtime, &st) != 0)
        return;
    put(w, "XDG_RUNTIME_DIR", runtime);
    snprintf(bus, sizeof bus, "unix:path=%s/bus", runtime);
    put(w, "DBUS_SESSION_BUS_ADDRESS", bus);
}

static void put_surroundings(struct words *w, const struct fh__seat *seat, bool is_other)
{
    static const char *const ours[] = {"HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR",
                                       "DBUS_SESSION_BUS_ADDRESS"};
    static const char *const all[] = {
        "LANG",         "LC_ALL",        "TZ",          "DBUS_SYSTEM_BUS_ADDRESS",
        "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    size_t i;

    put(w, "PATH", "/usr/local/bin:/usr/bin:/bin");
    if (is_other)
        put_user(w, seat->uid);
    for (i = 0; !is_other && i < sizeof ours / sizeof *ours; i++)
        put_ours(w, ours[i]);
    for (i = 0; i < sizeof all / sizeof *all; i++)
        put_ours(w, all[i]);
    put(w, "DISPLAY", seat->display);
    if (seat->xauthority[0])
        put(w, "XAUTHORITY", seat->xauthority);
    else if (!is_other)
        put_ours(w, "XAUTHORITY");
}

static bool add_command(struct words *w, const char *command)
{
    char *copy = strdup(command), *state = NULL, *word = copy ? strtok_r(copy, " ", &state) : NULL;
    bool is_good = word != NULL;

    for (; is_good && word; word = strtok_r(NULL, " ", &state))
        is_good = add(w, "%s", word);
    free(copy);
    return is_good;
}

static bool make_words(struct words *w, const char *command, const struct fh__seat *seat,
                       bool is_other)
{
    bool is_good;

    w->n = 0;
    is_good = add(w, "desktop") && add(w, "%ld", is_other ? (long)seat->uid : -1) &&
              add(w, "%ld", is_other ? (long)seat->gid : -1);
    put_surroundings(w, seat, is_other);
    return is_good && add(w, "--") && add_command(w, command);
}

struct fh__attendant *fh__attendant_start(uv_loop_t *loop, const char *command,
                                          const struct fh__seat *seat, bool as_user,
                                          const struct fh__attendant_ops *ops, void *user)
{
    struct fh__attendant *a = calloc(1, sizeof *a);
    struct words *w = calloc(1, sizeof *w);
    bool is_other = as_user && seat->has_user && geteuid() == 0 && seat->uid != 0;

    if (a && w && make_words(w, command, seat, is_other)) {
        a->ops = ops;
        a->user = user;
        a->helper = fh__helper_start(loop, w->list, &events, a);
    }
    if (a && !a->helper) {
        fh__log(FH__LOG_ERROR, "cannot run: %s", command);
        free(a);
        a = NULL;
    }
    free(w);
    return a;
}

void fh__attendant_prompt(const char *mode, char *out)
{
    char self[FH__SEAT_PATH - 32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    snprintf(out, FH__SEAT_PATH, "%s/vncserver-prompt %s", slash ? self : "/usr/bin", mode);
}
