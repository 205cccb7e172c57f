/* SPDX-License-Identifier: MIT */
/* known_lines.h -- the lines of a known-servers file, for known_peers.c and known_older.c. */
#ifndef FH_SESSION_KNOWN_LINES_H
#define FH_SESSION_KNOWN_LINES_H

#include <farhand/identity.h>
#include <farhand/known_peers.h>

enum { FH__KNOWN_SALT_LEN = 16, NUMBER_MAX = 20, NEW_LINE_MAX = 2048 };

struct fh__known_field {
    const char *p;
    size_t len;
};

/* A line as text, and what was read from it if it holds a key. */
struct fh__known_line {
    char *text; /* NUL-terminated, without newline */
    bool is_key;
    bool is_older; /* of a server without the channel: name and older are set */
    enum fh_known_status status;
    struct fh__known_field name;
    struct fh__known_field
        rest; /* behind PHRASE, with the space before it; empty if there is none */
    uint8_t spki[FH_SPKI_MAX];
    size_t spki_len;
    char phrase[FH_CATCHPHRASE_MAX];
    struct fh_known_peer peer;
    struct fh_known_older older;
};

struct fh_known_peers {
    struct fh__known_line *lines;
    size_t n, cap;
    char *text;
};

bool fh__known_field_is(struct fh__known_field f, const char *word);
/* The next field of *p, up to one space or the end; empty ones are an error. */
bool fh__known_next_field(const char **p, struct fh__known_field *out);
bool fh__known_read_number(struct fh__known_field f, int64_t *out);
bool fh__known_read_how(struct fh__known_field f, struct fh_known_peer *out);
bool fh__known_is_valid_name(struct fh__known_field f);
bool fh__known_name_is(struct fh__known_field stored, const char *name);
struct fh__known_line *fh__known_new_line(struct fh_known_peers *k, const char *text, size_t len);
void fh__known_write_name(char *out, const char *name, const uint8_t *salt);
char *fh__known_append_field(char *p, const char *text, size_t len);
char *fh__known_append_number(char *p, int64_t v);
/* What follows the number 2; false: it is wrong. */
bool fh__known_older_read(struct fh__known_line *l, const char *p);

#endif
