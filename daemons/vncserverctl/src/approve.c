/* SPDX-License-Identifier: MIT */
#include "approve.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/identity.h>

#include "socket.h"

void fh__print_clean(const char *text, int width)
{
    int shown = 0;

    for (; *text; text++, shown++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
    while (shown++ < width)
        putchar(' ');
}

static void print_fact(const json_t *ask, const char *name, const char *label)
{
    const char *text = json_string_value(json_object_get(ask, name));

    printf("  %-12s ", label);
    fh__print_clean(text ? text : "", 0);
    putchar('\n');
}

static bool read_fingerprint(const char *hex, uint8_t out[FH_FINGERPRINT_LEN])
{
    static const char digits[] = "0123456789abcdef";
    const char *high, *low;

    if (!hex || strlen(hex) != 2 * (size_t)FH_FINGERPRINT_LEN)
        return false;
    for (size_t i = 0; i < FH_FINGERPRINT_LEN; i++) {
        high = strchr(digits, hex[2 * i]);
        low = strchr(digits, hex[2 * i + 1]);
        if (!high || !low)
            return false;
        out[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

/* What the viewer's identity is called by people. */
static void print_phrase(const json_t *ask)
{
    uint8_t fingerprint[FH_FINGERPRINT_LEN];
    char phrase[FH_CATCHPHRASE_MAX];

    if (read_fingerprint(json_string_value(json_object_get(ask, "fingerprint")), fingerprint) &&
        fh_catchphrase(fingerprint, phrase) == 0)
        printf("  %-12s %s\n", "identity", phrase);
}

static void print_question(const json_t *ask)
{
    printf("A viewer wants to come in (question %lld, %lld seconds):\n",
           (long long)json_integer_value(json_object_get(ask, "id")),
           (long long)json_integer_value(json_object_get(ask, "seconds")));
    print_fact(ask, "user", "user");
    print_fact(ask, "peer", "from");
    print_fact(ask, "path", "path");
    if (*json_string_value(json_object_get(ask, "cloud")))
        print_fact(ask, "cloud", "in the cloud");
    print_phrase(ask);
    print_fact(ask, "permissions", "would get");
    printf("y: yes, v: view only, n: no > ");
    fflush(stdout);
}

/* Takes one line of the service. The question that stands is the last that was not withdrawn. */
static bool on_service(FILE *socket, bool is_json, json_int_t *standing)
{
    json_t *line = fh__socket_read(socket);
    const json_t *ask = json_object_get(line, "ask");
    const json_t *withdrawn = json_object_get(line, "withdrawn");
    bool is_alive = line != NULL;

    if (is_json && line) {
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
    } else if (ask) {
        *standing = json_integer_value(json_object_get(ask, "id"));
        print_question(ask);
    } else if (withdrawn && json_integer_value(withdrawn) == *standing) {
        *standing = 0;
        printf("\nThe question is settled.\n");
        fflush(stdout);
    }
    json_decref(line);
    return is_alive;
}

/* Takes one line of the person. false: there are no more. */
static bool on_person(FILE *socket, json_int_t standing)
{
    char line[64];
    const char *permissions;
    json_t *request;

    if (!fgets(line, sizeof line, stdin))
        return false;
    permissions = line[0] == 'y' ? "all" : line[0] == 'v' ? "view-only" : "none";
    if (standing == 0 || !strchr("yvn", line[0])) {
        printf(standing ? "y, v or n > " : "There is nothing to answer.\n");
        fflush(stdout);
        return true;
    }
    request =
        json_pack("{s:s,s:I,s:s}", "command", "answer", "id", standing, "permissions", permissions);
    if (request)
        (void)fh__socket_send(socket, request);
    json_decref(request);
    return true;
}

/* A program answers by number; what is wrong the service says. false: there are no more lines. */
static bool on_program(FILE *socket)
{
    char line[256], *end;
    json_t *request;
    long long id;

    if (!fgets(line, sizeof line, stdin))
        return false;
    line[strcspn(line, "\n")] = '\0';
    id = strtoll(line, &end, 10);
    request = json_pack("{s:s,s:I,s:s}", "command", "answer", "id", (json_int_t)id, "permissions",
                        end + strspn(end, " "));
    if (request)
        (void)fh__socket_send(socket, request);
    json_decref(request);
    return true;
}

int fh__approve(FILE *socket, bool is_json)
{
    struct pollfd p[2] = {{.fd = fileno(socket), .events = POLLIN},
                          {.fd = STDIN_FILENO, .events = POLLIN}};
    json_int_t standing = 0;

    setvbuf(stdin, NULL, _IONBF, 0);
    if (!is_json)
        printf("Waiting for viewers; who is not approved is rejected.\n");
    fflush(stdout);
    for (;;) {
        if (poll(p, 2, -1) < 0)
            return -1;
        if (p[0].revents && !on_service(socket, is_json, &standing))
            return -1;
        if (p[1].revents && !(is_json ? on_program(socket) : on_person(socket, standing)))
            return 0;
    }
}
