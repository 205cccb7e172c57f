/* SPDX-License-Identifier: MIT */
/*
 * vectors.h -- reads the "Name = hex" files of NIST's CAVP; and hex.
 *
 * A record ends at an empty line. A value stays until it is given again, as "n" of a group of
 * signatures does; vectors_fresh() tells which were given in this record.
 */
#ifndef FH_TEST_VECTORS_H
#define FH_TEST_VECTORS_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Where Debian's python3-cryptography-vectors puts them. */
#define VECTORS_PACKAGE "/usr/lib/python3/dist-packages/cryptography_vectors/"

enum { VECTORS_NAMES = 16, VECTORS_VALUE = 2400 };

struct vectors {
    FILE *f;
    unsigned record;
    struct {
        char name[16];
        char value[VECTORS_VALUE];
        unsigned record; /* in which it was last given */
    } field[VECTORS_NAMES];
    size_t n;
};

/* Opens a file of tests/vectors; run in the top folder, as make does. */
static inline void vectors_open(struct vectors *v, const char *path)
{
    memset(v, 0, sizeof *v);
    v->f = fopen(path, "r");
    ck_assert_msg(v->f != NULL, "%s: cannot be opened; tests run in the top folder", path);
}

static inline bool vectors_open_package(struct vectors *v, const char *path)
{
    char full[256];

    memset(v, 0, sizeof *v);
    snprintf(full, sizeof full, VECTORS_PACKAGE "%s", path);
    v->f = fopen(full, "r");
    if (!v->f)
        printf("skipped: python3-cryptography-vectors is not installed (%s)\n", path);
    return v->f != NULL;
}

static inline const char *vectors_get(const struct vectors *v, const char *name)
{
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->field[i].name, name) == 0)
            return v->field[i].value;
    return NULL;
}

static inline bool vectors_fresh(const struct vectors *v, const char *name)
{
    for (size_t i = 0; i < v->n; i++)
        if (strcmp(v->field[i].name, name) == 0)
            return v->field[i].record == v->record;
    return false;
}

static inline void vectors_set(struct vectors *v, const char *name, const char *value)
{
    size_t i = 0;

    while (i < v->n && strcmp(v->field[i].name, name) != 0)
        i++;
    ck_assert_uint_lt(i, VECTORS_NAMES);
    ck_assert_uint_lt(strlen(name), sizeof v->field[i].name);
    ck_assert_uint_lt(strlen(value), sizeof v->field[i].value);
    strcpy(v->field[i].name, name);
    strcpy(v->field[i].value, value);
    v->field[i].record = v->record;
    v->n += i == v->n;
}

/* "[IVlen = 96]", "Key = 00", "FAIL"; false if it is none of them. */
static inline bool vectors_line(struct vectors *v, char *line)
{
    char *name = line + strspn(line, "[ "), *value = strchr(name, '=');

    line[strcspn(line, "\r\n")] = 0;
    if (*name == 0 || *name == '#')
        return false;
    if (!value)
        value = name + strlen(name);
    else
        *value++ = 0;
    name[strcspn(name, " ]")] = 0;
    value += strspn(value, " ");
    value[strcspn(value, "]")] = 0;
    value[strcspn(value, " ")] = 0;
    vectors_set(v, name, value);
    return true;
}

/* The next record; false at the end of the file, which is then closed. */
static inline bool vectors_next(struct vectors *v)
{
    char line[VECTORS_VALUE + 64];
    bool any = false;

    v->record++;
    while (fgets(line, sizeof line, v->f)) {
        if (vectors_line(v, line))
            any = true;
        else if (any && line[0] == 0)
            return true;
    }
    if (!any) {
        fclose(v->f);
        v->f = NULL;
    }
    return any;
}

static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The bytes of a hex text, into room; their number. */
static inline size_t hex_bytes(const char *hex, uint8_t *out, size_t room)
{
    size_t n = strlen(hex) / 2;

    ck_assert_uint_eq(strlen(hex) % 2, 0);
    ck_assert_uint_le(n, room);
    for (size_t i = 0; i < 2 * n; i++) {
        int d = hex_digit(hex[i]);

        ck_assert_int_ge(d, 0);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? d << 4 : out[i / 2] | d);
    }
    return n;
}

/* A whole small file; its length. */
static inline size_t file_bytes(const char *path, void *out, size_t room)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    ck_assert_msg(f != NULL, "%s: cannot be opened; tests run in the top folder", path);
    n = fread(out, 1, room, f);
    ck_assert(feof(f) || fgetc(f) == EOF);
    fclose(f);
    return n;
}

#endif
