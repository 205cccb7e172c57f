/* SPDX-License-Identifier: MIT */
/* permissions.h -- what a session may do, as bits that a server grants and may change any time. */
#ifndef FH_PERMISSIONS_H
#define FH_PERMISSIONS_H

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
    X(CHAT, 0x400, "chat")

enum fh_permission {
#define X(name, bit, text) FH_PERM_##name = (bit),
    FH_PERMISSIONS(X)
#undef X
        FH_PERM_NONE = 0,
    FH_PERM_VIEW_ONLY = FH_PERM_VIEW,
    FH_PERM_ALL = 0x7ff
};

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
