/* SPDX-License-Identifier: MIT */
/*
 * The published conversation of two links: with the same randomness it passes today byte by byte as
 * it is written down.
 *
 *     test_link_vectors                compares with docs/vectors/link.json
 *     test_link_vectors --write DIR    writes it (make vectors)
 */
#include <stdarg.h>
#include <stdio.h>

#include "link_pair.h"

enum { PATHS = 3, TAPE = 1 << 16, TEXT = 1 << 19 };

static struct pair t;
static struct tape {
    uint8_t bytes[2][TAPE];
    size_t len[2];
} tapes[PATHS];
static char text[TEXT];
static size_t text_len;

static size_t record(void *user, int from, const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
    struct tape *tape = user;

    (void)room;
    ck_assert_uint_le(tape->len[from] + len, TAPE);
    memcpy(tape->bytes[from] + tape->len[from], in, len);
    tape->len[from] += len;
    memcpy(out, in, len);
    return len;
}

static void use_tape(int i)
{
    t.pipes.user = &tapes[i];
}

/* Written and cut on its way, come back, moved to a better path, ended. */
static void converse(void)
{
    pair_init(&t, 2026, 0);
    t.pipes.meddle = record;
    use_tape(0);
    pair_begin(&t);
    pair_write(&t, CLIENT, 40);
    pair_write(&t, SERVER, 60);
    pair_pass(&t, 1200);
    pair_secure(&t);
    pair_write(&t, CLIENT, 20);
    pair_write(&t, SERVER, 10);
    fh_pipe_cut(t.wire[0].pipe);
    pair_pass(&t, 1000);
    use_tape(1);
    pair_attach(&t, 1);
    pair_run(&t);
    pair_write(&t, CLIENT, 5);
    pair_write(&t, SERVER, 7);
    pair_pass(&t, 1200);
    use_tape(2);
    pair_attach(&t, 0);
    pair_run(&t);
    pair_write(&t, SERVER, 33);
    pair_write(&t, CLIENT, 3);
    pair_pass(&t, 1200);
    for (int i = 1; i >= 0; i--) {
        fh_stream_shutdown(t.side[i].s);
        pair_pass(&t, 100);
    }
    for (int i = 0; i < 2; i++)
        pair_close(&t, i);
    pair_run(&t);
}

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void put(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_len += (size_t)vsnprintf(text + text_len, sizeof text - text_len, format, args);
    va_end(args);
}

static void put_hex(const char *name, const uint8_t *bytes, size_t len, const char *end)
{
    put("\"%s\": \"", name);
    for (size_t i = 0; i < len; i++)
        put("%02x", bytes[i]);
    put("\"%s", end);
}

static void put_text(const char *name, int from, const char *end)
{
    uint8_t all[256];

    ck_assert_uint_le(t.side[from].wrote, sizeof all);
    for (size_t i = 0; i < t.side[from].wrote; i++)
        all[i] = text_at(from, i);
    put_hex(name, all, (size_t)t.side[from].wrote, end);
}

static void describe(void)
{
    put("{\n \"what\": \"a link that is cut, resumed, moved to a better path and ended; all bytes "
        "as "
        "hex; of the first path the last frames were lost\",\n ");
    put_hex("key", t.key, sizeof t.key, ",\n ");
    put_hex("ref", t.ref, sizeof t.ref, ",\n \"text\": {");
    put_text("client", CLIENT, ", ");
    put_text("server", SERVER, "},\n \"paths\": [\n");
    for (int i = 0; i < PATHS; i++) {
        put("  {");
        put_hex("client", tapes[i].bytes[CLIENT], tapes[i].len[CLIENT], ",\n   ");
        put_hex("server", tapes[i].bytes[SERVER], tapes[i].len[SERVER],
                i < PATHS - 1 ? "},\n" : "}\n");
    }
    put(" ]\n}\n");
}

static void path_of(const char *folder, char *out, size_t room)
{
    snprintf(out, room, "%s/link.json", folder);
}

static const char *written_to; /* instead of being compared */

static void write_vectors(const char *folder)
{
    char path[1024];
    FILE *f;

    path_of(folder, path, sizeof path);
    f = fopen(path, "w");
    ck_assert_msg(f && fwrite(text, 1, text_len, f) == text_len && fclose(f) == 0,
                  "%s cannot be written", path);
}

START_TEST(the_published_conversation_is_today_s)
{
    static char published[TEXT];
    const char *top = getenv("FARHAND_TOP");
    char folder[900], path[1024];
    size_t len;
    FILE *f;

    converse();
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(t.side[i].read, t.side[!i].wrote);
    describe();
    if (written_to) {
        write_vectors(written_to);
        return;
    }
    snprintf(folder, sizeof folder, "%s/docs/vectors", top ? top : ".");
    path_of(folder, path, sizeof path);
    f = fopen(path, "r");
    ck_assert_msg(f, "%s cannot be read", path);
    len = fread(published, 1, sizeof published, f);
    fclose(f);
    ck_assert_uint_eq(len, text_len);
    ck_assert_mem_eq(published, text, text_len);
    pair_free(&t);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("link, vectors");
    TCase *tc = tcase_create("vectors");
    SRunner *sr;
    int failed;

    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        written_to = argv[2];
    tcase_add_test(tc, the_published_conversation_is_today_s);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
