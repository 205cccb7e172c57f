/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* struct ucred */
#include "seat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-login.h>

enum { CMDLINE_MAX = 8192, CANDIDATES_MAX = 16, DISPLAYS_MAX = 10000 };

const struct fh__seat_login fh__seat_logind = {
    sd_seat_get_active,     sd_get_sessions,    sd_session_get_type,
    sd_session_get_display, sd_session_get_uid,
};

/* ---- files of an X server ---- */

/* The number of ":7", ":7.0"; -1: it is not of this machine. */
static int number_of(const char *display)
{
    char *end;
    long n;

    if (*display != ':' || display[1] < '0' || display[1] > '9')
        return -1;
    n = strtol(display + 1, &end, 10);
    return (*end == '\0' || *end == '.') && n < DISPLAYS_MAX ? (int)n : -1;
}

static size_t read_file(const char *path, char *out, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    ssize_t n = fd >= 0 ? read(fd, out, room - 1) : -1;

    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/* The process that listens there, whoever it is. false: nobody does. */
static bool find_server(const char *root, int number, struct ucred *out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof *out;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_there;

    snprintf(address.sun_path, sizeof address.sun_path, "%s/tmp/.X11-unix/X%d", root, number);
    is_there = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
               getsockopt(fd, SOL_SOCKET, SO_PEERCRED, out, &len) == 0;
    if (fd >= 0)
        close(fd);
    return is_there;
}

/* What the X server itself was started with: -auth FILE. */
static void find_auth_argument(const char *root, pid_t pid, char out[FH__SEAT_PATH])
{
    char path[FH__SEAT_PATH], args[CMDLINE_MAX];
    size_t len, at;

    out[0] = '\0';
    snprintf(path, sizeof path, "%s/proc/%ld/cmdline", root, (long)pid);
    len = read_file(path, args, sizeof args);
    for (at = 0; at < len; at += strlen(args + at) + 1)
        if (strcmp(args + at, "-auth") == 0 && at + 6 < len) {
            snprintf(out, FH__SEAT_PATH, "%s", args + at + 6);
            return;
        }
}

/* ---- where cookies are ---- */

struct candidates {
    char path[CANDIDATES_MAX][FH__SEAT_PATH];
    size_t n;
};

static void __attribute__((format(printf, 2, 3))) add(struct candidates *c, const char *format, ...)
{
    va_list args;

    if (c->n == CANDIDATES_MAX)
        return;
    va_start(args, format);
    vsnprintf(c->path[c->n++], FH__SEAT_PATH, format, args);
    va_end(args);
}

static void add_pattern(struct candidates *c, const char *root, uid_t uid, const char *pattern)
{
    char full[FH__SEAT_PATH];
    glob_t found;

    snprintf(full, sizeof full, "%s/run/user/%lu/%s", root, (unsigned long)uid, pattern);
    if (glob(full, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        add(c, "%s", found.gl_pathv[i]);
    globfree(&found);
}

static void list(struct candidates *c, const char *root, const struct fh__seat *s)
{
    const struct passwd *pw = s->has_user ? getpwuid(s->uid) : NULL;
    int number = number_of(s->display);
    char auth[FH__SEAT_PATH];
    struct ucred server;

    c->n = 0;
    if (s->has_user) {
        add(c, "%s/run/user/%lu/gdm/Xauthority", root, (unsigned long)s->uid);
        add_pattern(c, root, s->uid, "xauth_*"); /* sddm */
        add(c, "%s/run/user/%lu/Xauthority", root, (unsigned long)s->uid);
    }
    if (pw) {
        add(c, "%s/run/lightdm/%s/xauthority", root, pw->pw_name);
        add(c, "%s%s/.Xauthority", root, pw->pw_dir);
    }
    if (number >= 0 && find_server(root, number, &server)) {
        find_auth_argument(root, server.pid, auth);
        if (auth[0] == '/')
            add(c, "%s%s", root, auth);
    }
}

/* The first that is the user's own, else the first that is ours to read. */
static void find_cookie(const char *root, struct fh__seat *s)
{
    struct candidates *c = calloc(1, sizeof *c);
    struct stat st;
    size_t i;

    if (!c)
        return;
    list(c, root, s);
    for (i = 0; s->has_user && i < c->n; i++)
        if (stat(c->path[i], &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == s->uid)
            break;
    if (!s->has_user || i == c->n)
        for (i = 0; i < c->n; i++)
            if (access(c->path[i], R_OK) == 0)
                break;
    if (i < c->n)
        snprintf(s->xauthority, sizeof s->xauthority, "%s", c->path[i]);
    free(c);
}

static void set_user(struct fh__seat *s, uid_t uid)
{
    const struct passwd *pw = getpwuid(uid);

    s->uid = uid;
    s->gid = pw ? pw->pw_gid : (gid_t)uid;
    s->has_user = true;
}

/* ---- logind ---- */

static void set_session(struct fh__seat *s, const char *session)
{
    snprintf(s->session, sizeof s->session, "%s", session);
}

/* Some display managers do not tell logind the display: then it is the lowest that lives. */
static bool find_lowest(const char *root, uid_t trusted, char out[FH__SEAT_TEXT], uid_t *owner);

/* A sentence, or NULL: out is filled. */
static const char *from_logind(const struct fh__seat_login *login, const char *root,
                               const char *session, uid_t uid, struct fh__seat *out)
{
    char *type = NULL, *display = NULL;
    const char *why = NULL;
    uid_t owner;

    if (login->session_get_type(session, &type) < 0 || !type)
        why = "logind does not say what the session in front is";
    else if (strcmp(type, "wayland") == 0)
        why = "the session in front is Wayland's; choose one of X (Xorg) where you log in";
    else if (strcmp(type, "x11") != 0)
        why = "the session in front is not graphical";
    else if (login->session_get_display(session, &display) >= 0 && display &&
             number_of(display) >= 0)
        snprintf(out->display, sizeof out->display, "%s", display);
    else if (!find_lowest(root, uid, out->display, &owner))
        why = "the session in front has no X server yet";
    if (!why) {
        set_session(out, session);
        set_user(out, uid);
    }
    free(type);
    free(display);
    return why;
}

/* ---- without it ---- */

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static size_t list_displays(const char *root, int *out, size_t room)
{
    char path[FH__SEAT_PATH], name[32];
    struct dirent *entry;
    size_t n = 0;
    DIR *dir;

    snprintf(path, sizeof path, "%s/tmp/.X11-unix", root);
    dir = opendir(path);
    while (dir && n < room && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != 'X')
            continue;
        snprintf(name, sizeof name, ":%.30s", entry->d_name + 1);
        if ((out[n] = number_of(name)) >= 0 && !strchr(name, '.'))
            n++;
    }
    if (dir)
        closedir(dir);
    qsort(out, n, sizeof *out, compare);
    return n;
}

/* Anybody can start an X server: it is root's, or of whom we expect it. */
static bool find_lowest(const char *root, uid_t trusted, char out[FH__SEAT_TEXT], uid_t *owner)
{
    int numbers[64];
    size_t n = list_displays(root, numbers, sizeof numbers / sizeof *numbers);
    struct ucred server;

    for (size_t i = 0; i < n; i++) {
        if (!find_server(root, numbers[i], &server) || (server.uid != 0 && server.uid != trusted))
            continue;
        snprintf(out, FH__SEAT_TEXT, ":%d", numbers[i]);
        *owner = server.uid;
        return true;
    }
    return false;
}

/* ---- */

int fh__seat_find(const struct fh__seat_login *login, const char *root, struct fh__seat *out,
                  char *why, size_t room)
{
    struct fh__seat found = {0};
    char *session = NULL;
    const char *wrong = NULL;
    uid_t uid = 0;
    int ret = login->seat_get_active("seat0", &session, &uid);

    *out = (struct fh__seat){0};
    if (ret >= 0 && session)
        wrong = from_logind(login, root, session, uid, &found);
    else if (ret == -ENODATA)
        wrong = "nobody's session is in front";
    else if (!find_lowest(root, geteuid(), found.display, &uid))
        wrong = "no X server of root or of this user runs here, and logind does not say whose turn "
                "it is";
    else
        set_user(&found, uid == 0 ? geteuid() : uid);
    free(session);
    if (wrong) {
        snprintf(why, room, "%s", wrong);
        return -1;
    }
    find_cookie(root, &found);
    *out = found;
    return 0;
}

static bool is_display_of(const struct fh__seat_login *login, const char *session, int number)
{
    char *display = NULL;
    bool is_it = login->session_get_display(session, &display) >= 0 && display &&
                 number_of(display) == number;

    free(display);
    return is_it;
}

static void find_session(const struct fh__seat_login *login, int number, struct fh__seat *out)
{
    char **sessions = NULL;
    int n = login->get_sessions(&sessions);
    uid_t uid;

    for (int i = 0; i < n && sessions; i++) {
        if (!out->has_user && is_display_of(login, sessions[i], number) &&
            login->session_get_uid(sessions[i], &uid) >= 0) {
            set_session(out, sessions[i]);
            set_user(out, uid);
        }
        free(sessions[i]);
    }
    free(sessions);
}

void fh__seat_of_display(const struct fh__seat_login *login, const char *root, const char *display,
                         const char *xauthority, struct fh__seat *out)
{
    int number = number_of(display);
    struct ucred server;
    struct stat st;

    *out = (struct fh__seat){0};
    snprintf(out->display, sizeof out->display, "%s", display);
    if (number >= 0)
        find_session(login, number, out);
    if (!out->has_user && xauthority && stat(xauthority, &st) == 0)
        set_user(out, st.st_uid);
    if (!out->has_user && number >= 0 && find_server(root, number, &server))
        set_user(out, server.uid);
    if (xauthority)
        snprintf(out->xauthority, sizeof out->xauthority, "%s", xauthority);
}

bool fh__seat_is_same(const struct fh__seat *a, const struct fh__seat *b)
{
    return strcmp(a->display, b->display) == 0 && strcmp(a->xauthority, b->xauthority) == 0 &&
           strcmp(a->session, b->session) == 0 && a->has_user == b->has_user &&
           (!a->has_user || a->uid == b->uid);
}
