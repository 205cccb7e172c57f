/* SPDX-License-Identifier: MIT */
/* test_api_hooks.c -- the API and what is behind it: who is online, what changes, the log. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/cloud_address.h>
#include <farhand/pipe.h>

#include "api.h"
#include "base64.h"
#include "store_sqlite.h"

enum { GOT_MAX = 1 << 16, ONLINE = 5 };

static uv_loop_t loop;
static struct fh__store *store;
static struct fh__changelog *changelog;
static struct fh__metrics metrics;
static struct fh__api *api;
static struct fh_pipe *wire;
static char folder[64], got[GOT_MAX], account_id[64], authorization[640];
static size_t n_got;
static bool has_ended;

/* What the hooks were told. */
static struct fh__api_online online[ONLINE];
static size_t n_online;
static uint8_t told[FH__ADDRESS_LEN];
static char events_told[256];

static uint64_t utc_ms(void)
{
    return 1700000000000;
}

/* ---- hooks ---- */

static bool on_online(void *user, const uint8_t address[FH__ADDRESS_LEN],
                      struct fh__api_online *out)
{
    (void)user;
    for (size_t i = 0; i < n_online; i++)
        if (memcmp(online[i].address, address, FH__ADDRESS_LEN) == 0) {
            *out = online[i];
            return true;
        }
    return false;
}

static void on_each(void *user, bool (*each)(void *arg, const struct fh__api_online *o), void *arg)
{
    (void)user;
    for (size_t i = n_online; i-- > 0;) /* in no order */
        if (!each(arg, &online[i]))
            return;
}

static void tell(const char *what, const uint8_t *address)
{
    size_t n = strlen(events_told);

    snprintf(events_told + n, sizeof events_told - n, "%s ", what);
    if (address)
        memcpy(told, address, sizeof told);
}

static bool on_disconnect(void *user, const uint8_t address[FH__ADDRESS_LEN])
{
    struct fh__api_online o;

    tell("disconnect", address);
    return on_online(user, address, &o);
}

static void on_changed(void *user, const uint8_t address[FH__ADDRESS_LEN], enum fh__api_change c)
{
    static const char *const names[] = {"updated", "reset", "deleted"};

    (void)user;
    tell(names[c], address);
}

static void on_account_changed(void *user, const uint8_t account[FH__ACCOUNT_LEN], bool is_gone)
{
    (void)user;
    (void)account;
    tell(is_gone ? "account-gone" : "account", NULL);
}

static bool on_log_file(void *user, const char *path, struct fh__http_reply *out)
{
    (void)user;
    if (strcmp(path, "tile/0/x001/067") != 0)
        return false;
    out->status = 200;
    out->type = "application/octet-stream";
    out->body = strdup("hashes");
    out->len = 6;
    return fh__http_add(out, "Cache-Control", "public, max-age=31536000, immutable");
}

static void on_leaf(void *user, enum fh__leaf kind, const uint8_t *address, const char *line,
                    size_t len)
{
    static const char *const names[] = {"?",           "binding-leaf", "reset-leaf", "removal-leaf",
                                        "policy-leaf", "operator-leaf"};

    (void)user;
    ck_assert_int_eq(line[0], '{');
    ck_assert_int_eq(line[len - 1], '}');
    tell(names[kind], address);
}

/* ---- requests ---- */

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    ck_assert_uint_lt(n_got + len, GOT_MAX);
    memcpy(got + n_got, data, len);
    n_got += len;
    got[n_got] = '\0';
    return len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    (void)user;
    (void)error;
    has_ended = true;
}

static const struct fh_stream_events events = {on_data, on_writable, on_end};

/* One request on a connection of its own; what is answered is in got. */
static unsigned ask(bool is_operator, const char *method, const char *path, const char *body)
{
    struct fh_address peer = {.family = is_operator ? FH_ADDRESS_UNIX : FH_ADDRESS_IPV4};
    char request[2048];
    int n;

    peer.uid = 0;
    n = snprintf(request, sizeof request,
                 "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s%s%s", method, path,
                 is_operator ? "" : authorization, body ? "Content-Type: application/json\r\n" : "",
                 "");
    if (body)
        n += snprintf(request + n, sizeof request - (size_t)n, "Content-Length: %zu\r\n",
                      strlen(body));
    n += snprintf(request + n, sizeof request - (size_t)n, "\r\n%s", body ? body : "");
    n_got = 0;
    has_ended = false;
    events_told[0] = '\0';
    wire = fh_pipe_new(NULL);
    fh_stream_attach(fh_pipe_end(wire, 0), &events, NULL);
    fh__api_serve(api, fh_pipe_end(wire, 1), &peer,
                  is_operator ? FH__DOOR_CONTROL : FH__DOOR_PUBLIC);
    fh_stream_write(fh_pipe_end(wire, 0), (const uint8_t *)request, (size_t)n);
    fh_pipe_run(wire);
    while (!has_ended) {
        uv_run(&loop, UV_RUN_ONCE);
        fh_pipe_run(wire);
    }
    fh_stream_close(fh_pipe_end(wire, 0), NULL, NULL);
    fh_pipe_run(wire);
    uv_run(&loop, UV_RUN_NOWAIT);
    fh_pipe_free(wire);
    return n_got > 12 ? (unsigned)atoi(got + 9) : 0;
}

/* The text of a member in what was answered. */
static void member(const char *name, char *out, size_t room)
{
    char pattern[64];
    const char *at;

    snprintf(pattern, sizeof pattern, "\"%s\":\"", name);
    at = strstr(got, pattern);
    ck_assert_msg(at != NULL, "%s", got);
    at += strlen(pattern);
    snprintf(out, room, "%.*s", (int)strcspn(at, "\""), at);
}

static void make_tenant(void)
{
    char path[128], name[64], secret[128], both[256], encoded[512];

    ck_assert_uint_eq(ask(true, "POST", "/cloud/2/accounts", "{\"name\":\"acme\"}"), 201);
    member("id", account_id, sizeof account_id);
    snprintf(path, sizeof path, "/cloud/2/keys?account=%s", account_id);
    ck_assert_uint_eq(ask(true, "POST", path,
                          "{\"scopes\":[\"address:create\",\"address:read\",\"address:update\","
                          "\"address:reset\",\"address:delete\",\"presence:read\","
                          "\"presence:disconnect\"]}"),
                      201);
    member("key", name, sizeof name);
    member("secret", secret, sizeof secret);
    snprintf(both, sizeof both, "%s:%s", name, secret);
    base64_write((const uint8_t *)both, strlen(both), encoded);
    snprintf(authorization, sizeof authorization, "Authorization: Basic %s\r\n", encoded);
}

static void set_up(void)
{
    char path[128], why[256];
    const struct fh__store_sqlite_config store_cfg = {.loop = &loop, .path = path};
    const struct fh__changelog_config log_cfg = {.loop = &loop, .utc_ms = utc_ms, .leaf = on_leaf};
    struct fh__api_config cfg = {.loop = &loop,
                                 .metrics = &metrics,
                                 .state = folder,
                                 .uid = 0,
                                 .utc_ms = utc_ms,
                                 .hooks = {.online = on_online,
                                           .each_online = on_each,
                                           .disconnect = on_disconnect,
                                           .changed = on_changed,
                                           .account_changed = on_account_changed,
                                           .log_file = on_log_file}};

    strcpy(folder, "/tmp/test-api-hooks-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cloud.db", folder);
    uv_loop_init(&loop);
    ck_assert_int_eq(fh__store_sqlite_open(&store_cfg, why, sizeof why, &store), 0);
    ck_assert_int_eq(fh__changelog_open(&log_cfg, why, sizeof why, &changelog), 0);
    cfg.store = store;
    cfg.changelog = changelog;
    ck_assert_ptr_nonnull(api = fh__api_new(&cfg));
    n_online = 0;
    make_tenant();
}

static void close_changelog(void *user)
{
    (void)user;
    fh__changelog_close(changelog, NULL, NULL);
}

static void close_store(void *user)
{
    (void)user;
    fh__store_close(store, close_changelog, NULL);
}

static void tear_down(void)
{
    char command[128];

    fh__api_close(api, close_store, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Makes an address of the tenant, which is online. */
static void make_online(char text[FH_CLOUD_ADDRESS_TEXT])
{
    struct fh__api_online *o = &online[n_online++];

    ck_assert_uint_eq(ask(false, "POST", "/cloud/2/addresses", "{\"actions\":\"listen\"}"), 201);
    member("address", text, FH_CLOUD_ADDRESS_TEXT);
    *o = (struct fh__api_online){.since_ms = 1699999999000,
                                 .roles = FH__ROLE_LISTEN | FH__ROLE_WATCH,
                                 .peer = "192.0.2.1:5",
                                 .program = "an app"};
    ck_assert_int_eq(fh_cloud_address_parse(text, strlen(text), o->address), 0);
    for (size_t i = 0; i < sizeof o->account; i++) {
        unsigned v;

        sscanf(account_id + 2 * i, "%2x", &v);
        o->account[i] = (uint8_t)v;
    }
}

/* ---- claims ---- */

START_TEST(who_is_online_is_shown_to_its_owner_and_the_operator)
{
    char text[FH_CLOUD_ADDRESS_TEXT], path[128];

    make_online(text);
    snprintf(path, sizeof path, "/cloud/2/presence/%s", text);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(ask(i == 0, "GET", "/cloud/2/presence", NULL), 200);
        ck_assert_ptr_nonnull(strstr(got, text));
        ck_assert_ptr_nonnull(strstr(got, "\"actions\":[\"listen\",\"watch\"]"));
        ck_assert_ptr_nonnull(strstr(got, "\"since\":\"2023-11-14T22:13:19.000Z\""));
        ck_assert_uint_eq(ask(i == 0, "GET", path, NULL), 200);
        ck_assert_ptr_nonnull(strstr(got, "\"online\":true"));
        ck_assert_ptr_nonnull(strstr(got, "\"program\":\"an app\""));
    }
    online[0].account[3] ^= 1; /* the list is of what the broker says */
    ck_assert_uint_eq(ask(false, "GET", "/cloud/2/presence", NULL), 200);
    ck_assert_ptr_null(strstr(got, text));
    ck_assert_uint_eq(ask(true, "GET", "/cloud/2/stats", NULL), 200);
    ck_assert_ptr_nonnull(strstr(got, "\"online\":1"));
}
END_TEST

START_TEST(pages_of_who_is_online_are_in_order_and_whole)
{
    char text[ONLINE][FH_CLOUD_ADDRESS_TEXT], path[256] = "/cloud/2/presence?limit=2",
                                              last[32] = "";
    unsigned seen = 0;

    for (int i = 0; i < ONLINE; i++)
        make_online(text[i]);
    while (path[0]) {
        const char *link;

        ck_assert_uint_eq(ask(false, "GET", path, NULL), 200);
        for (const char *p = got; (p = strstr(p, "\"address\":\"")) != NULL; seen++) {
            char address[FH_CLOUD_ADDRESS_TEXT];

            p += strlen("\"address\":\"");
            snprintf(address, sizeof address, "%.23s", p);
            ck_assert_str_gt(address, last);
            strcpy(last, address);
        }
        link = strstr(got, "Link: <");
        path[0] = '\0';
        if (link)
            snprintf(path, sizeof path, "%.*s", (int)strcspn(link + 7, ">"), link + 7);
    }
    ck_assert_uint_eq(seen, ONLINE);
}
END_TEST

START_TEST(who_is_disconnected_was_and_it_is_recorded)
{
    char text[FH_CLOUD_ADDRESS_TEXT], path[128];

    make_online(text);
    snprintf(path, sizeof path, "/cloud/2/presence/%s", text);
    ck_assert_uint_eq(ask(false, "DELETE", path, NULL), 204);
    ck_assert_str_eq(events_told, "disconnect operator-leaf ");
    ck_assert_mem_eq(told, online[0].address, sizeof told);
    n_online = 0;
    ck_assert_uint_eq(ask(false, "DELETE", path, NULL), 404);
    ck_assert_str_eq(events_told, "disconnect ");
    ck_assert_uint_eq(ask(true, "GET", "/cloud/2/audit", NULL), 200);
    ck_assert_ptr_nonnull(strstr(got, "\"event\":\"address.disconnected\""));
}
END_TEST

START_TEST(each_change_is_told_and_becomes_a_leaf)
{
    char text[FH_CLOUD_ADDRESS_TEXT], path[128], body[64];

    make_online(text);
    ck_assert_str_eq(events_told, "policy-leaf ");
    snprintf(path, sizeof path, "/cloud/2/addresses/%s", text);
    ck_assert_uint_eq(ask(false, "PUT", path, "{\"groups\":[\"a\"]}"), 200);
    ck_assert_str_eq(events_told, "policy-leaf updated ");
    ck_assert_uint_eq(ask(false, "PUT", path, "{\"nonsense\":1}"), 400);
    ck_assert_str_eq(events_told, "");
    snprintf(path, sizeof path, "/cloud/1.1/static-address/%s", text);
    ck_assert_uint_eq(ask(false, "POST", path, NULL), 200);
    ck_assert_str_eq(events_told, "reset-leaf reset ");
    ck_assert_mem_eq(told, online[0].address, sizeof told);
    ck_assert_uint_eq(ask(false, "DELETE", path, NULL), 204);
    ck_assert_str_eq(events_told, "removal-leaf deleted ");
    ck_assert_uint_eq(ask(false, "DELETE", path, NULL), 404);
    ck_assert_str_eq(events_told, "");
    make_online(text);
    snprintf(path, sizeof path, "/cloud/2/accounts/%s", account_id);
    snprintf(body, sizeof body, "{\"disabled\":true}");
    ck_assert_uint_eq(ask(true, "PUT", path, body), 200);
    ck_assert_str_eq(events_told, "operator-leaf account-gone ");
    ck_assert_uint_eq(ask(true, "DELETE", path, NULL), 204);
    ck_assert_str_eq(events_told, "operator-leaf deleted account-gone ");
    ck_assert_mem_eq(told, online[1].address, sizeof told);
}
END_TEST

START_TEST(files_of_the_log_may_be_kept_by_whoever_passes_them_on)
{
    ck_assert_uint_eq(ask(false, "GET", "/log/tile/0/x001/067", NULL), 200);
    ck_assert_ptr_nonnull(strstr(got, "Cache-Control: public, max-age=31536000, immutable\r\n"));
    ck_assert_ptr_null(strstr(got, "no-store"));
    ck_assert_ptr_nonnull(strstr(got, "\r\n\r\nhashes"));
    ck_assert_uint_eq(ask(false, "GET", "/log/tile/1", NULL), 404);
    ck_assert_ptr_nonnull(strstr(got, "no-store"));
    ck_assert_uint_eq(ask(false, "GET", "/log", NULL), 404);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_hooks");
    TCase *tc = tcase_create("api_hooks");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, who_is_online_is_shown_to_its_owner_and_the_operator);
    tcase_add_test(tc, pages_of_who_is_online_are_in_order_and_whole);
    tcase_add_test(tc, who_is_disconnected_was_and_it_is_recorded);
    tcase_add_test(tc, each_change_is_told_and_becomes_a_leaf);
    tcase_add_test(tc, files_of_the_log_may_be_kept_by_whoever_passes_them_on);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
