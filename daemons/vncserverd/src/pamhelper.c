/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "pamhelper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <security/pam_appl.h>

#include <farhand/identity.h>

#include "pammsg.h"
#include "utf8.h"

enum { DATA_MAX = 1 + FH_AUTH_TEXT_MAX };

/* What is to be said with the next question, or at the end. */
struct batch {
    uint8_t data[FH_AUTH_ITEMS_MAX][DATA_MAX];
    struct fh_item items[FH_AUTH_ITEMS_MAX];
    int place[FH_AUTH_ITEMS_MAX]; /* of the prompt among PAM's messages */
    size_t n, n_prompts;
};

static int in = -1, out = -1;
static struct batch batch;
static uint8_t payload[FH__PAM_PAYLOAD_MAX];

/* ---- messages ---- */

static bool read_all(void *to, size_t len)
{
    uint8_t *p = to;

    while (len > 0) {
        ssize_t n = read(in, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* False: the service is gone, or does not keep the rules. */
static bool hear(uint8_t type, struct fh__pam_message *m)
{
    uint8_t header[FH__PAM_HEADER];
    int len;

    if (!read_all(header, sizeof header) || header[0] != type)
        return false;
    len = fh__pam_read_header(header);
    return len >= 0 && read_all(payload, (size_t)len) &&
           fh__pam_read(type, payload, (size_t)len, m);
}

static bool say(const struct fh__pam_message *m)
{
    static uint8_t bytes[FH__PAM_HEADER + FH__PAM_PAYLOAD_MAX];
    size_t len = fh__pam_write(m, bytes), sent = 0;

    while (sent < len) {
        ssize_t n = send(out, bytes + sent, len - sent, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            return false;
        sent += n > 0 ? (size_t)n : 0;
    }
    return len > 0;
}

static bool say_outcome(uint8_t type, enum fh__pam_outcome outcome, const char *words)
{
    struct fh__pam_message m = {.type = type, .outcome = outcome};

    snprintf(m.words, sizeof m.words, "%s", words);
    return say(&m);
}

/* ---- PAM's side ---- */

/* What modules say is theirs: not always UTF-8, nor short. Returns the length. */
static size_t clean(const char *text, uint8_t *to, size_t room)
{
    size_t left = strlen(text), at = 0, n;
    uint32_t c;

    for (; left > 0; text += n ? n : 1, left -= n ? n : 1) {
        n = utf8_next(text, left, &c);
        if (at + (n ? n : 1) > room)
            break;
        if (n)
            memcpy(to + at, text, n);
        else
            to[at] = '?';
        at += n ? n : 1;
    }
    return at;
}

static void add(enum fh_kind kind, uint8_t flags, const char *text, int place)
{
    size_t i = batch.n, skip = kind == FH_KIND_PROMPT;

    batch.data[i][0] = flags;
    batch.items[i].kind = kind;
    batch.items[i].data = batch.data[i];
    batch.items[i].len = skip + clean(text, batch.data[i] + skip, FH_AUTH_TEXT_MAX);
    if (batch.items[i].len == 0)
        return; /* a notice of nothing */
    batch.place[i] = place;
    batch.n++;
    batch.n_prompts += skip;
}

/* The answers go to their prompts' places. */
static bool take_answers(const struct fh__pam_message *m, struct pam_response *responses)
{
    size_t next = 0;

    if (m->n_items != batch.n_prompts)
        return false;
    for (size_t i = 0; i < batch.n; i++) {
        const struct fh_item *answer = &m->items[next];

        if (batch.items[i].kind != FH_KIND_PROMPT)
            continue;
        next++;
        if (answer->len >= PAM_MAX_RESP_SIZE || memchr(answer->data, 0, answer->len))
            return false;
        responses[batch.place[i]].resp = strndup(answer->data, answer->len);
        if (!responses[batch.place[i]].resp)
            return false;
    }
    return true;
}

/* Says what is there; waits for answers where there are prompts, which responses is for. */
static bool flush(struct pam_response *responses)
{
    struct fh__pam_message m = {.type = FH__PAM_ASK, .n_items = batch.n}, answers;
    bool asks = batch.n_prompts > 0, ok;

    if (batch.n == 0)
        return true;
    if (asks && !responses)
        return false;
    memcpy(m.items, batch.items, sizeof m.items);
    ok = say(&m);
    if (ok && asks)
        ok = hear(FH__PAM_ANSWERS, &answers) && take_answers(&answers, responses);
    batch.n = batch.n_prompts = 0;
    fh_wipe(payload, sizeof payload);
    return ok;
}

static bool converse_about(int place, const struct pam_message *m, struct pam_response *responses)
{
    if (batch.n == FH_AUTH_ITEMS_MAX && !flush(responses))
        return false;
    switch (m->msg_style) {
    case PAM_PROMPT_ECHO_OFF:
    case PAM_PROMPT_ECHO_ON:
        add(FH_KIND_PROMPT, m->msg_style == PAM_PROMPT_ECHO_ON ? FH_PROMPT_ECHO : 0, m->msg, place);
        return true;
    case PAM_TEXT_INFO:
    case PAM_ERROR_MSG:
        add(FH_KIND_NOTICE, 0, m->msg, place);
        return true;
    }
    return false;
}

static void free_responses(struct pam_response *responses, int n)
{
    for (int i = 0; i < n; i++) {
        if (responses[i].resp)
            fh_wipe(responses[i].resp, strlen(responses[i].resp));
        free(responses[i].resp);
    }
    free(responses);
}

static int converse(int n, const struct pam_message **messages, struct pam_response **responses,
                    void *user)
{
    struct pam_response *r;
    bool ok = true;

    (void)user;
    if (n <= 0 || n > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    r = calloc((size_t)n, sizeof *r);
    if (!r)
        return PAM_BUF_ERR;
    for (int i = 0; ok && i < n; i++)
        ok = converse_about(i, messages[i], r);
    /* Notices wait for a question, so that the viewer shows them together. */
    if (ok && batch.n_prompts > 0)
        ok = flush(r);
    if (!ok) {
        batch.n = batch.n_prompts = 0;
        free_responses(r, n);
        return PAM_CONV_ERR;
    }
    *responses = r;
    return PAM_SUCCESS;
}

/* ---- the attempt ---- */

static enum fh__pam_outcome of_authentication(int ret)
{
    switch (ret) {
    case PAM_SUCCESS:
        return FH__PAM_IS_RIGHT;
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
    case PAM_MAXTRIES:
    case PAM_CRED_INSUFFICIENT:
    case PAM_PERM_DENIED:
        return FH__PAM_IS_WRONG;
    case PAM_ACCT_EXPIRED:
        return FH__PAM_IS_ACCOUNT;
    default:
        return FH__PAM_IS_FAILED;
    }
}

static enum fh__pam_outcome of_account(int ret)
{
    switch (ret) {
    case PAM_SUCCESS:
        return FH__PAM_IS_RIGHT;
    case PAM_NEW_AUTHTOK_REQD:
        return FH__PAM_IS_EXPIRED;
    case PAM_ACCT_EXPIRED:
    case PAM_AUTH_ERR:
    case PAM_PERM_DENIED:
    case PAM_USER_UNKNOWN:
        return FH__PAM_IS_ACCOUNT;
    default:
        return FH__PAM_IS_FAILED;
    }
}

/* A module may canonicalise a name; then what is known of the asked one is about somebody else. */
static bool is_still(pam_handle_t *pam, const char *user)
{
    const void *now = NULL;

    return pam_get_item(pam, PAM_USER, &now) == PAM_SUCCESS && now && strcmp(now, user) == 0;
}

static enum fh__pam_outcome authenticate(pam_handle_t *pam, const char *user, int *ret)
{
    enum fh__pam_outcome outcome;

    *ret = pam_authenticate(pam, PAM_DISALLOW_NULL_AUTHTOK);
    outcome = of_authentication(*ret);
    if (outcome != FH__PAM_IS_RIGHT)
        return outcome;
    if (!is_still(pam, user))
        return FH__PAM_IS_MAPPED;
    *ret = pam_acct_mgmt(pam, PAM_DISALLOW_NULL_AUTHTOK);
    outcome = of_account(*ret);
    if (outcome == FH__PAM_IS_EXPIRED) {
        if (batch.n == FH_AUTH_ITEMS_MAX)
            (void)flush(NULL);
        add(FH_KIND_NOTICE, 0,
            "Your password has expired. It cannot be changed from here: log in at the computer "
            "itself, or ask its administrator.",
            0);
    }
    return outcome;
}

/* Where there is no such file PAM takes "other", which nobody wrote with us in mind. */
static bool is_service(const char *name)
{
    static const char *const folders[] = {"/etc/pam.d", "/usr/lib/pam.d"};
    char path[32 + FH__PAM_TEXT_MAX];

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], name);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static pam_handle_t *begin(const struct fh__pam_start *start, int *ret)
{
    static const struct pam_conv conversation = {converse, NULL};
    pam_handle_t *pam = NULL;

    *ret = pam_start(start->service, start->user, &conversation, &pam);
    if (*ret == PAM_SUCCESS && start->host[0])
        *ret = pam_set_item(pam, PAM_RHOST, start->host);
    if (*ret == PAM_SUCCESS)
        *ret = pam_set_item(pam, PAM_TTY, start->terminal);
    return pam;
}

/* The session lasts until the service closes its end. */
static int run_session(pam_handle_t *pam)
{
    int ret = pam_setcred(pam, PAM_ESTABLISH_CRED | PAM_SILENT);
    bool has_credentials = ret == PAM_SUCCESS;
    bool is_open = false;
    uint8_t byte;

    if (ret == PAM_SUCCESS) {
        ret = pam_open_session(pam, PAM_SILENT);
        is_open = ret == PAM_SUCCESS;
    }
    (void)flush(NULL);
    if (say_outcome(FH__PAM_OPENED, is_open ? FH__PAM_IS_RIGHT : FH__PAM_IS_SESSION,
                    pam_strerror(pam, ret)) &&
        is_open)
        while (read_all(&byte, 1))
            ;
    if (is_open)
        ret = pam_close_session(pam, PAM_SILENT);
    if (has_credentials)
        (void)pam_setcred(pam, PAM_DELETE_CRED | PAM_SILENT);
    return ret;
}

static int attempt(const struct fh__pam_start *start)
{
    struct fh__pam_message m;
    enum fh__pam_outcome outcome = FH__PAM_IS_FAILED;
    pam_handle_t *pam;
    int ret;

    if (!is_service(start->service)) {
        (void)say_outcome(FH__PAM_RESULT, outcome, "there is no such service in /etc/pam.d");
        return 1;
    }
    pam = begin(start, &ret);
    if (ret == PAM_SUCCESS)
        outcome = authenticate(pam, start->user, &ret);
    (void)flush(NULL);
    if (say_outcome(FH__PAM_RESULT, outcome, pam_strerror(pam, ret)) &&
        outcome == FH__PAM_IS_RIGHT && hear(FH__PAM_OPEN, &m))
        ret = run_session(pam);
    if (pam)
        pam_end(pam, ret);
    return 0;
}

/* Modules and what they start have no business with the service's messages. */
static bool take_descriptors(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    in = fcntl(0, F_DUPFD_CLOEXEC, 3);
    out = fcntl(1, F_DUPFD_CLOEXEC, 3);
    return null >= 0 && in >= 0 && out >= 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1;
}

int fh__pamhelper_run(void)
{
    const struct rlimit none = {0, 0};
    struct fh__pam_message m;
    struct fh__pam_start start;

    prctl(PR_SET_DUMPABLE, 0); /* passwords pass through here */
    setrlimit(RLIMIT_CORE, &none);
    if (!take_descriptors() || !hear(FH__PAM_START, &m))
        return 1;
    start = m.start;
    return attempt(&start);
}
