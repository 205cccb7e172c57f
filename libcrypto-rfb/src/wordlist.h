/* SPDX-License-Identifier: MIT */
/* wordlist.h -- the words of the catchphrase. Never installed. */
#ifndef FH_WORDLIST_H
#define FH_WORDLIST_H

enum { FH__WORDS = 2048, FH__WORD_MAX = 8 };

/* Sorted; 4 to 8 letters a-z; none is a prefix of another; any two differ in three places. */
extern const char fh__wordlist[FH__WORDS][FH__WORD_MAX + 1];

#endif
