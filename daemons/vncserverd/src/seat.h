/* SPDX-License-Identifier: MIT */
/*
 * seat.h -- whose turn it is at this computer: which display, which user, which cookie, which
 * session of logind. Pure questions; seatwatch.h tells when they are to be asked again.
 *
 *     fh__seat_find()        the display of the seat's session that is in front
 *     fh__seat_of_display()  what is known about a display that somebody named
 *
 * With logind its word counts. Without, it is the lowest display whose X server lives and is root's
 * or our own user's.
 */
#ifndef FH__SEAT_H
#define FH__SEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FH__SEAT_TEXT = 128, FH__SEAT_PATH = 1024 };

struct fh__seat {
    char display[FH__SEAT_TEXT];    /* ":0"; "": there is none now */
    char xauthority[FH__SEAT_PATH]; /* "": where the user's programs look by themselves */
    char session[FH__SEAT_TEXT];    /* logind's; "": not known */
    bool has_user;
    uid_t uid;
    gid_t gid;
};

/* Of sd-login: the same arguments and results. Tests have others. */
struct fh__seat_login {
    int (*seat_get_active)(const char *seat, char **session, uid_t *uid);
    int (*get_sessions)(char ***sessions);
    int (*session_get_type)(const char *session, char **type);
    int (*session_get_display)(const char *session, char **display);
    int (*session_get_uid)(const char *session, uid_t *uid);
};

extern const struct fh__seat_login fh__seat_logind;

/*
 * root: before /tmp, /run and /proc, "" but for tests. 0; -1 and a sentence in why: there is no
 * display now; then out is zero.
 */
int fh__seat_find(const struct fh__seat_login *login, const char *root, struct fh__seat *out,
                  char *why, size_t room);
/* xauthority: what somebody said, or NULL. What is not known stays empty. */
void fh__seat_of_display(const struct fh__seat_login *login, const char *root, const char *display,
                         const char *xauthority, struct fh__seat *out);
bool fh__seat_is_same(const struct fh__seat *a, const struct fh__seat *b);

#endif
