/* SPDX-License-Identifier: MIT */
/* password.h -- where the password comes from: a file, the environment, the person. */
#ifndef VNCVIEWER_PASSWORD_H
#define VNCVIEWER_PASSWORD_H

#include <stddef.h>

enum { PASSWORD_MAX = 1024 };

/*
 * Reads --password-file (its first line; "-" is standard input) or $FH_PASSWORD, which is taken out
 * of the environment. 1: there is one; 0: none was given; -1 and why. The caller wipes it.
 */
int password_given(const char *file, char out[PASSWORD_MAX + 2], char *why, size_t room);

#endif
