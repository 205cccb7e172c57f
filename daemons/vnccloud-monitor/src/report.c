/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

#include <farhand/identity.h>

#include "openings.h"

static const char *result_text(enum fh__follow_result result)
{
    switch (result) {
    case FH__FOLLOW_OK:
        return "the log has only grown";
    case FH__FOLLOW_UNREACHABLE:
        return "the log cannot be read";
    case FH__FOLLOW_UNSIGNED:
        return "the checkpoint is not signed by this log's key";
    case FH__FOLLOW_DAMAGED:
        return "the entries are not those of the checkpoint";
    case FH__FOLLOW_FORK:
        return "THE LOG SHOWS TWO HISTORIES: what was seen before is not the beginning of it";
    case FH__FOLLOW_TOO_MUCH:
        return "out of memory, or more was logged than is kept track of";
    }
    return "";
}

static const char *verdict_text(enum fh__verdict v)
{
    switch (v) {
    case FH__UNKNOWN:
        return "BOUND TO A KEY THAT YOU DO NOT KNOW";
    case FH__WITHHELD:
        return "THE CLOUD DOES NOT SAY WHAT WAS LOGGED";
    case FH__FALSE:
        return "WHAT THE CLOUD SAYS IS NOT WHAT WAS LOGGED";
    case FH__NOTED:
    case FH__KNOWN:
        break;
    }
    return fh__verdict_name(v);
}

static bool has_binding(const struct fh__leaf *l)
{
    return l->verdict == FH__KNOWN || l->verdict == FH__UNKNOWN;
}

static void time_text(uint64_t ms, char out[32])
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;

    if (ms / 1000 > 253402300799u || !gmtime_r(&s, &tm) ||
        strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, 32, "?");
}

enum fh__exit fh__report_exit(enum fh__follow_result result, const struct fh__watched *w)
{
    if (result == FH__FOLLOW_FORK)
        return FH__EXIT_FORK;
    if (result != FH__FOLLOW_OK)
        return FH__EXIT_UNCHECKED;
    for (size_t i = 0; i < w->leaves_len; i++)
        if (fh__verdict_is_alarm(w->leaves[i].verdict))
            return FH__EXIT_ALARM;
    return FH__EXIT_OK;
}

static void print_leaf(FILE *f, const struct fh__watched *w, const struct fh__leaf *l)
{
    char address[FH_CLOUD_ADDRESS_TEXT], when[32], key[FH_FINGERPRINT_HEX] = "";

    fh_cloud_address_print(w->addresses[l->address].address, address);
    time_text(l->leaf.time_ms, when);
    if (has_binding(l))
        fh_fingerprint_to_hex(l->binding.fingerprint, key);
    fprintf(f, "%s  %s  leaf %llu  %-8s  %s%s%s\n", address, when, (unsigned long long)l->index,
            fh__kind_name(l->leaf.kind), verdict_text(l->verdict), *key ? "  " : "", key);
}

static json_t *json_leaf(const struct fh__watched *w, const struct fh__leaf *l)
{
    char address[FH_CLOUD_ADDRESS_TEXT], key[FH_FINGERPRINT_HEX];
    json_t *o;

    fh_cloud_address_print(w->addresses[l->address].address, address);
    o = json_pack("{s:s, s:I, s:I, s:s, s:s, s:b}", "address", address, "index",
                  (json_int_t)l->index, "time", (json_int_t)l->leaf.time_ms, "kind",
                  fh__kind_name(l->leaf.kind), "verdict", fh__verdict_name(l->verdict), "alarm",
                  fh__verdict_is_alarm(l->verdict));
    if (has_binding(l)) {
        fh_fingerprint_to_hex(l->binding.fingerprint, key);
        json_object_set_new(o, "fingerprint", json_string(key));
    }
    return o;
}

static void report_json(enum fh__follow_result result, const struct fh__followed *now,
                        const struct fh__watched *w)
{
    static const char *const names[] = {[FH__FOLLOW_OK] = "ok",
                                        [FH__FOLLOW_UNREACHABLE] = "unreachable",
                                        [FH__FOLLOW_UNSIGNED] = "unsigned",
                                        [FH__FOLLOW_DAMAGED] = "damaged",
                                        [FH__FOLLOW_FORK] = "fork",
                                        [FH__FOLLOW_TOO_MUCH] = "too-much"};
    json_t *leaves = json_array(), *root;

    for (size_t i = 0; i < w->leaves_len; i++)
        json_array_append_new(leaves, json_leaf(w, &w->leaves[i]));
    root =
        json_pack("{s:s, s:I, s:b, s:o}", "log", names[result], "size", (json_int_t)now->tree.size,
                  "alarm", fh__report_exit(result, w) >= FH__EXIT_ALARM, "leaves", leaves);
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

void fh__report(enum fh__follow_result result, const struct fh__followed *now,
                const struct fh__watched *w, bool json)
{
    if (json)
        report_json(result, now, w);
    else if (result == FH__FOLLOW_OK)
        printf("%s: %llu leaves\n", result_text(result), (unsigned long long)now->tree.size);
    if (result != FH__FOLLOW_OK)
        fprintf(stderr, "vnccloud-monitor: %s\n", result_text(result));
    for (size_t i = 0; i < w->leaves_len; i++) {
        const struct fh__leaf *l = &w->leaves[i];

        if (result != FH__FOLLOW_OK)
            break;
        if (!json)
            print_leaf(stdout, w, l);
        if (fh__verdict_is_alarm(l->verdict))
            print_leaf(stderr, w, l);
    }
}
