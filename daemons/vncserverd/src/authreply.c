/* SPDX-License-Identifier: MIT */
#include "authreply.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <farhand/permissions.h>

/* Nothing that we do not know: a misspelt "permissions" must not mean all of them. */
static bool has_only(const json_t *object, const char *const *names)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;

        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (!names[i])
            return false;
    }
    return true;
}

static const char *read_item(const json_t *item, struct fh__authreply *out)
{
    static const char *const names[] = {"prompt", "echo", "notice", NULL};
    const json_t *prompt = json_object_get(item, "prompt"), *echo = json_object_get(item, "echo");
    const json_t *notice = json_object_get(item, "notice"), *text = prompt ? prompt : notice;
    uint8_t *data = out->data[out->n_items];
    size_t len = json_string_length(text), skip = prompt != NULL;

    if (!json_is_string(text) || (prompt && notice) || (echo && !prompt) ||
        (echo && !json_is_boolean(echo)) || !has_only(item, names))
        return "in ask: {\"prompt\": TEXT, \"echo\": true|false} or {\"notice\": TEXT}";
    if (len > FH_AUTH_TEXT_MAX || (notice && len == 0))
        return "in ask: texts of at most 512 bytes";
    data[0] = json_is_true(echo) ? FH_PROMPT_ECHO : 0;
    memcpy(data + skip, json_string_value(text), len);
    out->items[out->n_items] = (struct fh_item){
        .kind = prompt ? FH_KIND_PROMPT : FH_KIND_NOTICE, .data = data, .len = skip + len};
    out->n_items++;
    out->n_prompts += skip;
    return NULL;
}

static const char *read_ask(const json_t *ask, struct fh__authreply *out)
{
    size_t n = json_array_size(ask);
    const char *expected = NULL;

    out->what = FH__AUTHREPLY_ASK;
    if (n == 0 || n > FH_AUTH_ITEMS_MAX)
        return "\"ask\": a list of one to eight";
    for (size_t i = 0; i < n && !expected; i++)
        expected = read_item(json_array_get(ask, i), out);
    return expected;
}

static const char *read_permissions(const json_t *text, struct fh__authreply *out)
{
    const char *bad;
    size_t bad_len;

    if (!text)
        return NULL;
    out->has_permissions = true;
    if (!json_is_string(text) ||
        fh_permissions_parse(json_string_value(text), &out->permissions, &bad, &bad_len) != 0)
        return "\"permissions\": as in vncserverd user add --permissions";
    return NULL;
}

static const char *read_reason(const json_t *text, struct fh__authreply *out)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const char *word = text ? json_string_value(text) : "wrong";

    if (!word || !*word || strlen(word) >= sizeof out->reason ||
        strspn(word, allowed) != strlen(word))
        return "\"reason\": at most 32 small letters, digits and hyphens";
    strcpy(out->reason, word);
    return NULL;
}

static const char *read_object(const json_t *object, struct fh__authreply *out)
{
    static const char *const asks[] = {"ask", NULL},
                             *const allows[] = {"result", "permissions", NULL},
                             *const denies[] = {"result", "reason", NULL};
    const char *result = json_string_value(json_object_get(object, "result"));

    if (json_object_get(object, "ask") && has_only(object, asks))
        return read_ask(json_object_get(object, "ask"), out);
    if (result && strcmp(result, "allow") == 0 && has_only(object, allows)) {
        out->what = FH__AUTHREPLY_ALLOW;
        return read_permissions(json_object_get(object, "permissions"), out);
    }
    if (result && strcmp(result, "deny") == 0 && has_only(object, denies)) {
        out->what = FH__AUTHREPLY_DENY;
        return read_reason(json_object_get(object, "reason"), out);
    }
    return "{\"ask\": LIST}, {\"result\": \"allow\", \"permissions\": LIST} or {\"result\": "
           "\"deny\", \"reason\": WORD}";
}

const char *fh__authreply_read(const char *line, size_t len, struct fh__authreply *out)
{
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    const char *expected;

    memset(out, 0, sizeof *out);
    expected = json_is_object(object) ? read_object(object, out) : "an object of JSON in a line";
    json_decref(object);
    return expected;
}
