/* SPDX-License-Identifier: MIT */
#include "openings.h"

#include <string.h>

#include <jansson.h>
#include <sodium.h>

static bool read_hex(const json_t *value, uint8_t *out, size_t room, size_t *len)
{
    const char *text = json_string_value(value);
    const char *end;

    return text && sodium_hex2bin(out, room, text, strlen(text), NULL, len, &end) == 0 && !*end;
}

static bool read_opening(const json_t *o, struct fh__opened *out)
{
    const json_t *index = json_object_get(o, "index");
    size_t salt_len;

    if (!json_is_integer(index) || json_integer_value(index) < 0)
        return false;
    out->index = (uint64_t)json_integer_value(index);
    return read_hex(json_object_get(o, "salt"), out->salt, sizeof out->salt, &salt_len) &&
           salt_len == sizeof out->salt &&
           read_hex(json_object_get(o, "entry"), out->entry, sizeof out->entry, &out->entry_len);
}

int fh__openings_parse(const char *text, size_t len, size_t address,
                       void (*each)(void *user, const struct fh__opened *o), void *user)
{
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *array = json_is_object(root) ? json_object_get(root, "openings") : root, *value;
    struct fh__opened o = {.address = address};
    int ret = json_is_array(array) ? 0 : -1;
    size_t i;

    json_array_foreach(array, i, value)
    {
        if (!read_opening(value, &o)) {
            ret = -1;
            break;
        }
        each(user, &o);
    }
    json_decref(root);
    return ret;
}

void fh__verdicts_begin(struct fh__watched *w)
{
    for (size_t i = 0; i < w->leaves_len; i++)
        w->leaves[i].verdict = FH__WITHHELD;
}

static bool is_known(const struct fh__watched_address *a, const uint8_t fingerprint[32])
{
    for (size_t i = 0; i < a->keys_len; i++)
        if (memcmp(a->keys[i], fingerprint, 32) == 0)
            return true;
    return false;
}

static enum fh__verdict judge(const struct fh__watched_address *a, struct fh__leaf *leaf,
                              const struct fh__opened *o)
{
    uint8_t commitment[FH_TLOG_HASH_LEN];

    fh_tlog_commit(o->salt, o->entry, o->entry_len, commitment);
    if (memcmp(commitment, leaf->leaf.commitment, sizeof commitment) != 0)
        return FH__FALSE;
    if (leaf->leaf.kind != FH_TLOG_BINDING)
        return FH__NOTED;
    if (fh_tlog_binding_parse(o->entry, o->entry_len, &leaf->binding) != 0 ||
        memcmp(leaf->binding.address, a->address, sizeof a->address) != 0)
        return FH__FALSE;
    return is_known(a, leaf->binding.fingerprint) ? FH__KNOWN : FH__UNKNOWN;
}

void fh__verdicts_open(void *user, const struct fh__opened *o)
{
    struct fh__watched *w = user;

    for (size_t i = 0; i < w->leaves_len; i++) {
        struct fh__leaf *l = &w->leaves[i];

        if (l->index == o->index && l->address == o->address)
            l->verdict = judge(&w->addresses[o->address], l, o);
    }
}

bool fh__verdict_is_alarm(enum fh__verdict v)
{
    return v == FH__UNKNOWN || v == FH__WITHHELD || v == FH__FALSE;
}

const char *fh__verdict_name(enum fh__verdict v)
{
    switch (v) {
    case FH__NOTED:
        return "noted";
    case FH__KNOWN:
        return "known";
    case FH__UNKNOWN:
        return "unknown";
    case FH__WITHHELD:
        return "withheld";
    case FH__FALSE:
        return "false";
    }
    return "";
}

const char *fh__kind_name(uint8_t kind)
{
    switch (kind) {
    case FH_TLOG_BINDING:
        return "binding";
    case FH_TLOG_RESET:
        return "reset";
    case FH_TLOG_REMOVAL:
        return "removal";
    case FH_TLOG_POLICY:
        return "policy";
    case FH_TLOG_OPERATOR:
        return "operator";
    default:
        return "other";
    }
}
