/* SPDX-License-Identifier: MIT */
/*
 * permissions.h -- what a session may do, as bits that a server grants and may change any time, and
 * which message needs which of them.
 *
 * The clipboard is one permission, or one direction of it: where CLIPBOARD is set, CLIPBOARD_IN and
 * CLIPBOARD_OUT are implied and not set (fh_permissions_normal). So sets are joined by | and then
 * made normal, and cut by fh_permissions_and(), not by &, which would lose a direction.
 */
#ifndef FH_PERMISSIONS_H
#define FH_PERMISSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/session_error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FH_PERMISSIONS(X)                                                                          \
    X(VIEW, 0x1, "view")                                                                           \
    X(KEYBOARD, 0x2, "keyboard")                                                                   \
    X(POINTER, 0x4, "pointer")                                                                     \
    X(CLIPBOARD, 0x8, "clipboard")                                                                 \
    X(ANNOTATION, 0x10, "annotation")                                                              \
    X(SELECT_DISPLAY, 0x20, "select-display")                                                      \
    X(AUDIO, 0x40, "audio")                                                                        \
    X(FILE_TRANSFER, 0x80, "file-transfer")                                                        \
    X(PRINTING, 0x100, "printing")                                                                 \
    X(RESIZE, 0x200, "resize")                                                                     \
    X(CHAT, 0x400, "chat")                                                                         \
    X(CLIPBOARD_IN, 0x800, "clipboard-in")    /* from the viewer to the desktop alone */           \
    X(CLIPBOARD_OUT, 0x1000, "clipboard-out") /* from the desktop to the viewer alone */

enum fh_permission {
#define X(name, bit, text) FH_PERM_##name = (bit),
    FH_PERMISSIONS(X)
#undef X
        FH_PERM_NONE = 0,
    FH_PERM_VIEW_ONLY = FH_PERM_VIEW,
    FH_PERM_ALL = 0x7ff
};

/*
 * What is done in a session, in messages of either side, and the permission that it needs: the one
 * table by which servers judge. X(NAME, permission, messages); what has no message yet has its
 * place all the same.
 */
#define FH_ACTS(X)                                                                                 \
    X(KEY, KEYBOARD, "KeyEvent, QEMU key event")                                                   \
    X(POINTER, POINTER, "PointerEvent")                                                            \
    X(TEXT_IN, CLIPBOARD_IN, "ClientCutText")                                                      \
    X(TEXT_OUT, CLIPBOARD_OUT, "ServerCutText")                                                    \
    X(RESIZE, RESIZE, "SetDesktopSize")                                                            \
    X(PICTURE, VIEW, "FramebufferUpdate: picture, size, layout, name, cursor")                     \
    X(BELL, VIEW, "Bell")                                                                          \
    X(ANNOTATE, ANNOTATION, "")                                                                    \
    X(SELECT_DISPLAY, SELECT_DISPLAY, "")                                                          \
    X(HEAR, AUDIO, "")                                                                             \
    X(TRANSFER, FILE_TRANSFER, "")                                                                 \
    X(PRINT, PRINTING, "")                                                                         \
    X(TALK, CHAT, "")

enum fh_act {
#define X(name, permission, messages) FH_ACT_##name,
    FH_ACTS(X)
#undef X
};

/* Whether a session with these permissions may. */
bool fh_permissions_allow(uint32_t permissions, enum fh_act act);
/* Without unknown bits, and as the top of this file says. */
uint32_t fh_permissions_normal(uint32_t permissions);
/* What is in both. */
uint32_t fh_permissions_and(uint32_t a, uint32_t b);

enum { FH_PERMISSIONS_TEXT = 200 /* bytes with NUL that any of them take as text */ };

/*
 * Reads "view,keyboard,pointer", "all", "view-only" or "none" (also with spaces). 0, or
 * FH_SESSION_E_FORMAT with *bad set to the first unknown word (inside text) and *bad_len.
 */
int fh_permissions_parse(const char *text, uint32_t *out, const char **bad, size_t *bad_len);
/* The other way, canonical: names joined with commas, "all", "none". room at least
 * FH_PERMISSIONS_TEXT bytes. */
void fh_permissions_format(uint32_t permissions, char *out, size_t room);

#ifdef __cplusplus
}
#endif

#endif
