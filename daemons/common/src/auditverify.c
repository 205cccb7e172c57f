/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* program_invocation_short_name */
#include "auditverify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/audit_chain.h>
#include <jansson.h>

enum { EXPECTED_MAX = 16 };

struct expected {
    uint8_t link[FH_AUDIT_LINK_LEN];
    uint64_t seq; /* of the line that has it; 0: none seen */
};

struct file {
    const char *path;
    uint64_t first; /* number of its first line; 0: it has none */
};

struct verification {
    struct fh_audit_verifier v;
    struct expected expected[EXPECTED_MAX];
    size_t n_expected;
    struct file *files;
    size_t n_files;
    bool is_json;
    unsigned long lost; /* links that were expected and are not there */
};

static void complain(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
}

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* ---- lines ---- */

/*
 * One line into out, with its newline; of one that is longer than any of ours only the beginning,
 * without. 0: the end of the file.
 */
static size_t read_line(FILE *f, char out[FH_AUDIT_LINE_MAX])
{
    size_t n = 0;
    int c;

    while ((c = getc(f)) != EOF) {
        if (n < FH_AUDIT_LINE_MAX)
            out[n++] = (char)c;
        if (c == '\n')
            break;
    }
    return n;
}

/* A line that is too long is no line of ours, not one whose end is missing. */
static enum fh_audit_fault judge(struct verification *a, const char *line, size_t len)
{
    static const char none[] = "\n";
    bool is_long = len == FH_AUDIT_LINE_MAX && line[len - 1] != '\n';

    return fh_audit_verify_line(&a->v, is_long ? none : line, is_long ? 1 : len);
}

static void look_for_expected(struct verification *a)
{
    for (size_t i = 0; i < a->n_expected; i++)
        if (memcmp(a->expected[i].link, a->v.at.link, FH_AUDIT_LINK_LEN) == 0)
            a->expected[i].seq = a->v.at.seq;
}

static void tell_fault(const struct verification *a, const char *path, unsigned long line,
                       enum fh_audit_fault fault)
{
    unsigned long long from = a->v.missing, to = a->v.at.seq - 1;
    json_t *object;

    if (!a->is_json) {
        printf("%s:%lu: %s: %s", path, line, fh_audit_fault_word(fault),
               fh_audit_fault_text(fault));
        if (fault == FH_AUDIT_FAULT_REMOVED)
            printf(" (%llu to %llu)", from, to);
        putchar('\n');
        return;
    }
    object = json_pack("{s:s,s:I,s:s}", "file", path, "line", (json_int_t)line, "fault",
                       fh_audit_fault_word(fault));
    if (object && fault == FH_AUDIT_FAULT_REMOVED) {
        json_object_set_new(object, "missing_from", json_integer((json_int_t)from));
        json_object_set_new(object, "missing_to", json_integer((json_int_t)to));
    }
    print_json(object);
}

/* ---- files ---- */

static int verify_file(struct verification *a, const char *path)
{
    char line[FH_AUDIT_LINE_MAX];
    enum fh_audit_fault fault;
    FILE *f = fopen(path, "r");
    size_t len;
    int error;

    if (!f) {
        complain(path, strerror(errno));
        return -1;
    }
    fh_audit_verify_file(&a->v);
    for (unsigned long n = 1; (len = read_line(f, line)) != 0; n++) {
        if ((fault = judge(a, line, len)) != FH_AUDIT_FAULT_NONE)
            tell_fault(a, path, n, fault);
        if (fault == FH_AUDIT_FAULT_NONE)
            look_for_expected(a);
    }
    error = ferror(f) ? errno : 0;
    fclose(f);
    if (error)
        complain(path, strerror(error));
    return error ? -1 : 0;
}

/* Rotated files come in any order; what they hold says which is older. */
static void learn_first(struct file *file)
{
    char line[FH_AUDIT_LINE_MAX];
    FILE *f = fopen(file->path, "r");
    struct fh_audit_chain at;
    size_t len;

    while (f && file->first == 0 && (len = read_line(f, line)) != 0)
        if (fh_audit_chain_read(line, len, &at))
            file->first = at.seq;
    if (f)
        fclose(f);
}

static int compare(const void *a, const void *b)
{
    const struct file *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

/* ---- what is said in the end ---- */

static void tell_expected(struct verification *a)
{
    char hex[FH_AUDIT_LINK_HEX];

    for (size_t i = 0; i < a->n_expected; i++) {
        const struct expected *e = &a->expected[i];

        if (e->seq != 0)
            continue;
        a->lost++;
        fh_audit_link_to_hex(e->link, hex);
        if (a->is_json)
            print_json(json_pack("{s:s,s:s}", "fault", "link-missing", "link", hex));
        else
            printf("link-missing: %s: no line has this link: the end was cut off, or the log made "
                   "anew\n",
                   hex);
    }
}

static void tell_sum(const struct verification *a)
{
    bool is_whole = a->v.faults == 0 && a->lost == 0;
    char hex[FH_AUDIT_LINK_HEX];

    fh_audit_link_to_hex(a->v.at.link, hex);
    if (a->is_json) {
        print_json(json_pack("{s:b,s:I,s:I,s:I,s:I,s:s}", "whole", is_whole, "lines",
                             (json_int_t)a->v.lines, "faults",
                             (json_int_t)a->v.faults + (json_int_t)a->lost, "first",
                             (json_int_t)a->v.first, "last", (json_int_t)a->v.at.seq, "link", hex));
        return;
    }
    printf("%s: %llu lines, numbers %llu to %llu\n", is_whole ? "whole" : "CHANGED",
           (unsigned long long)a->v.lines, (unsigned long long)a->v.first,
           (unsigned long long)a->v.at.seq);
    if (a->v.lines != 0)
        printf("last link: %s\n", hex);
}

static enum fh__audit_verdict verify(struct verification *a)
{
    for (size_t i = 0; i < a->n_files; i++)
        learn_first(&a->files[i]);
    qsort(a->files, a->n_files, sizeof *a->files, compare);
    for (size_t i = 0; i < a->n_files; i++)
        if (verify_file(a, a->files[i].path) != 0)
            return FH__AUDIT_UNREADABLE;
    tell_expected(a);
    tell_sum(a);
    return a->v.faults == 0 && a->lost == 0 ? FH__AUDIT_WHOLE : FH__AUDIT_CHANGED;
}

static bool take_expected(struct verification *a, const char *text)
{
    if (a->n_expected == EXPECTED_MAX ||
        !fh_audit_link_from_hex(text, a->expected[a->n_expected].link))
        return false;
    a->n_expected++;
    return true;
}

/* What follows "verify". */
static bool read_words(struct verification *a, char *const *words, int n)
{
    for (int i = 0; i < n; i++) {
        if (strncmp(words[i], "--expect=", 9) == 0) {
            if (!take_expected(a, words[i] + 9))
                return false;
        } else if (strcmp(words[i], "--expect") == 0) {
            if (++i == n || !take_expected(a, words[i]))
                return false;
        } else if (strcmp(words[i], "--json") == 0) {
            a->is_json = true;
        } else if (words[i][0] == '-') {
            return false;
        } else {
            a->files[a->n_files++].path = words[i];
        }
    }
    return a->n_files > 0;
}

enum fh__audit_verdict fh__audit_command(char *const *words, int n, bool is_json)
{
    struct verification a = {.is_json = is_json};
    enum fh__audit_verdict verdict = FH__AUDIT_USAGE;

    if (!(a.files = calloc((size_t)n + 1, sizeof *a.files)))
        return FH__AUDIT_UNREADABLE;
    if (n > 0 && strcmp(words[0], "verify") == 0 && read_words(&a, words + 1, n - 1))
        verdict = verify(&a);
    else
        complain("audit",
                 "expected verify [--expect LINK]... FILE..., a LINK having 64 hex digits");
    free(a.files);
    return verdict;
}
