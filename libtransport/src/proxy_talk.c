/* SPDX-License-Identifier: MIT */
#include <farhand/proxy.h>

#include <string.h>

#include <farhand/identity.h>

#include "base64.h"
#include "wr.h"

enum state {
    HTTP_HEAD,    /* "HTTP/1.1 200 ..." and its lines */
    SOCKS_METHOD, /* RFC 1928 section 3: u8 5, u8 method */
    SOCKS_LOGIN,  /* RFC 1929 section 2: u8 1, u8 status */
    SOCKS_REPLY,  /* RFC 1928 section 6: u8 5, u8 reply, u8 0, u8 type of address */
    SOCKS_NAME,   /* u8 length of a name */
    SOCKS_BOUND,  /* the address and u16 port */
    DONE
};

enum {
    SOCKS = 5,
    NO_LOGIN = 0,
    LOGIN = 2,
    NOTHING_FITS = 0xff,
    LOGIN_VERSION = 1,
    CONNECT = 1,
    TYPE_IPV4 = 1,
    TYPE_NAME = 3,
    TYPE_IPV6 = 4,
    SECRETS = 2 * FH_PROXY_SECRET
};

static void put(struct wr *w, const char *text)
{
    wr_bytes(w, text, strlen(text));
}

static void put_number(struct wr *w, unsigned v)
{
    char digits[8];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    wr_bytes(w, digits + n, sizeof digits - n);
}

static void put_host(struct wr *w, const struct fh_proxy_talk *t)
{
    bool is_ipv6 = strchr(t->host, ':') != NULL;

    if (is_ipv6)
        wr_u8(w, '[');
    put(w, t->host);
    if (is_ipv6)
        wr_u8(w, ']');
    wr_u8(w, ':');
    put_number(w, t->port);
}

/* RFC 7617 section 2: base64(user ":" password). A user with a ':' cannot be told apart. */
static int put_basic(struct wr *w, const struct fh_proxy *p)
{
    size_t user_len = strlen(p->user), password_len = strlen(p->password);
    uint8_t plain[SECRETS];
    char text[BASE64_LEN(SECRETS) + 1];

    if (strchr(p->user, ':') || user_len + 1 + password_len > sizeof plain)
        return FH_TRANSPORT_E_INVAL;
    memcpy(plain, p->user, user_len);
    plain[user_len] = ':';
    memcpy(plain + user_len + 1, p->password, password_len);
    base64_write(plain, user_len + 1 + password_len, text);
    put(w, "Proxy-Authorization: Basic ");
    put(w, text);
    put(w, "\r\n");
    fh_wipe(plain, sizeof plain);
    fh_wipe(text, sizeof text);
    return 0;
}

static int ask_http(struct fh_proxy_talk *t)
{
    struct wr w = wr_init(t->out, sizeof t->out);
    int ret = 0;

    put(&w, "CONNECT ");
    put_host(&w, t);
    put(&w, " HTTP/1.1\r\nHost: ");
    put_host(&w, t);
    put(&w, "\r\n");
    if (t->proxy.user[0])
        ret = put_basic(&w, &t->proxy);
    put(&w, "\r\n");
    t->out_len = w.len;
    t->state = HTTP_HEAD;
    return w.bad ? FH_TRANSPORT_E_INVAL : ret;
}

static void expect(struct fh_proxy_talk *t, enum state state, size_t want)
{
    t->state = (int)state;
    t->want = want;
    t->in_len = 0;
}

static void ask_socks(struct fh_proxy_talk *t)
{
    static const uint8_t without[] = {SOCKS, 1, NO_LOGIN}, with[] = {SOCKS, 2, NO_LOGIN, LOGIN};
    bool has_login = t->proxy.user[0] != '\0';

    t->out_len = has_login ? sizeof with : sizeof without;
    memcpy(t->out, has_login ? with : without, t->out_len);
    expect(t, SOCKS_METHOD, 2);
}

/* What was asked before has been answered, so it has been sent. */
static void say(struct fh_proxy_talk *t, struct wr *words)
{
    memcpy(t->out, words->mem, words->len);
    t->out_at = 0;
    t->out_len = words->len;
    fh_wipe(words->mem, words->len);
}

static int log_in(struct fh_proxy_talk *t)
{
    size_t user_len = strlen(t->proxy.user), password_len = strlen(t->proxy.password);
    uint8_t words[3 + SECRETS];
    struct wr w = wr_init(words, sizeof words);

    wr_u8(&w, LOGIN_VERSION);
    wr_u8(&w, (uint8_t)user_len);
    wr_bytes(&w, t->proxy.user, user_len);
    wr_u8(&w, (uint8_t)password_len);
    wr_bytes(&w, t->proxy.password, password_len);
    say(t, &w);
    expect(t, SOCKS_LOGIN, 2);
    return FH_PROXY_MORE;
}

/* RFC 1928 section 4. */
static int ask_for_host(struct fh_proxy_talk *t)
{
    uint8_t words[4 + 1 + sizeof t->host + 2];
    struct wr w = wr_init(words, sizeof words);
    size_t len = strlen(t->host);
    struct fh_address ip;

    wr_u8(&w, SOCKS);
    wr_u8(&w, CONNECT);
    wr_u8(&w, 0);
    if (fh_address_parse_ip(t->host, len, &ip) == 0) {
        wr_u8(&w, ip.family == FH_ADDRESS_IPV4 ? TYPE_IPV4 : TYPE_IPV6);
        wr_bytes(&w, ip.ip, ip.family == FH_ADDRESS_IPV4 ? 4 : 16);
    } else {
        wr_u8(&w, TYPE_NAME);
        wr_u8(&w, (uint8_t)len);
        wr_bytes(&w, t->host, len);
    }
    wr_u16(&w, t->port);
    say(t, &w);
    expect(t, SOCKS_REPLY, 4);
    return FH_PROXY_MORE;
}

/* ---- the answers of SOCKS ---------------------------------------------------------------------
 */

static int on_method(struct fh_proxy_talk *t)
{
    if (t->in[0] != SOCKS)
        return FH_TRANSPORT_E_PROTO;
    if (t->in[1] == NO_LOGIN)
        return ask_for_host(t);
    if (t->in[1] == LOGIN && t->proxy.user[0])
        return log_in(t);
    return t->in[1] == NOTHING_FITS ? FH_TRANSPORT_E_DENIED : FH_TRANSPORT_E_PROTO;
}

static int on_login(struct fh_proxy_talk *t)
{
    if (t->in[0] != LOGIN_VERSION)
        return FH_TRANSPORT_E_PROTO;
    return t->in[1] == 0 ? ask_for_host(t) : FH_TRANSPORT_E_DENIED;
}

static int reply_error(uint8_t reply)
{
    switch (reply) {
    case 1: /* general failure */
    case 3: /* network unreachable */
    case 4: /* host unreachable */
        return FH_TRANSPORT_E_UNREACHABLE;
    case 2: /* not allowed by ruleset */
        return FH_TRANSPORT_E_DENIED;
    case 5:
        return FH_TRANSPORT_E_REFUSED;
    case 6: /* TTL expired */
        return FH_TRANSPORT_E_TIMEOUT;
    default:
        return FH_TRANSPORT_E_PROTO;
    }
}

static int on_reply(struct fh_proxy_talk *t)
{
    if (t->in[0] != SOCKS)
        return FH_TRANSPORT_E_PROTO;
    t->status = t->in[1];
    if (t->in[1] != 0)
        return reply_error(t->in[1]);
    switch (t->in[3]) {
    case TYPE_IPV4:
        expect(t, SOCKS_BOUND, 4 + 2);
        return FH_PROXY_MORE;
    case TYPE_IPV6:
        expect(t, SOCKS_BOUND, 16 + 2);
        return FH_PROXY_MORE;
    case TYPE_NAME:
        expect(t, SOCKS_NAME, 1);
        return FH_PROXY_MORE;
    default:
        return FH_TRANSPORT_E_PROTO;
    }
}

static int finish(struct fh_proxy_talk *t)
{
    t->state = DONE;
    return FH_PROXY_OPEN;
}

static int on_socks(struct fh_proxy_talk *t)
{
    switch ((enum state)t->state) {
    case SOCKS_METHOD:
        return on_method(t);
    case SOCKS_LOGIN:
        return on_login(t);
    case SOCKS_REPLY:
        return on_reply(t);
    case SOCKS_NAME:
        expect(t, SOCKS_BOUND, (size_t)t->in[0] + 2);
        return FH_PROXY_MORE;
    case SOCKS_BOUND:
        return finish(t);
    case HTTP_HEAD:
    case DONE:
        break;
    }
    return FH_TRANSPORT_E_PROTO;
}

static int socks_byte(struct fh_proxy_talk *t, uint8_t byte)
{
    t->in[t->in_len++] = byte;
    return t->in_len < t->want ? FH_PROXY_MORE : on_socks(t);
}

/* ---- the answer of HTTP -----------------------------------------------------------------------
 */

static int status_error(int status)
{
    switch (status) {
    case 401:
    case 403:
    case 407:
        return FH_TRANSPORT_E_DENIED;
    case 408:
    case 504:
        return FH_TRANSPORT_E_TIMEOUT;
    case 404:
    case 500:
    case 502:
        return FH_TRANSPORT_E_UNREACHABLE;
    case 429:
    case 503:
        return FH_TRANSPORT_E_REFUSED;
    default:
        return FH_TRANSPORT_E_PROTO;
    }
}

/* RFC 9112 section 4: "HTTP/1." digit " " three digits, then a space or the line's end. */
static int read_status(const uint8_t *line, size_t len)
{
    int status = 0;

    if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[7] < '0' || line[7] > '9' ||
        line[8] != ' ' || (len > 12 && line[12] != ' '))
        return -1;
    for (int i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return -1;
        status = status * 10 + (line[i] - '0');
    }
    return status;
}

/* Only the first line counts; of the others, that they are text and where they end. */
static int on_line(struct fh_proxy_talk *t)
{
    bool is_empty = t->line_len == 0;

    t->line_len = 0;
    if (t->status == 0) {
        t->status = read_status(t->in, t->in_len);
        return t->status < 100 ? FH_TRANSPORT_E_PROTO : FH_PROXY_MORE;
    }
    if (!is_empty)
        return FH_PROXY_MORE;
    if (t->status >= 200 && t->status < 300)
        return finish(t);
    /* RFC 9110 15.2: an interim answer; the real one follows. */
    if (t->status >= 200 || t->status == 101)
        return status_error(t->status);
    t->status = 0;
    t->in_len = 0;
    return FH_PROXY_MORE;
}

static int http_byte(struct fh_proxy_talk *t, uint8_t byte)
{
    static const uint8_t greeting[] = {'H', 'T', 'T', 'P', '/', '1', '.'};

    if (++t->head_len > FH_PROXY_HEAD)
        return FH_TRANSPORT_E_PROTO;
    if (byte == '\n')
        return on_line(t);
    if (byte == '\r')
        return FH_PROXY_MORE;
    if (byte < ' ' && byte != '\t')
        return FH_TRANSPORT_E_PROTO;
    /* Another protocol is told from its first byte on. */
    if (t->status == 0 && t->line_len < sizeof greeting && byte != greeting[t->line_len])
        return FH_TRANSPORT_E_PROTO;
    if (t->status == 0 && t->in_len < sizeof t->in)
        t->in[t->in_len++] = byte;
    t->line_len++;
    return FH_PROXY_MORE;
}

/* ---- the machine ------------------------------------------------------------------------------
 */

int fh_proxy_talk_init(struct fh_proxy_talk *t, const struct fh_proxy *p, const char *host,
                       uint16_t port)
{
    size_t len = strlen(host);

    memset(t, 0, sizeof *t);
    if (len == 0 || len >= sizeof t->host || port == 0 || p->kind == FH_PROXY_NONE)
        return FH_TRANSPORT_E_INVAL;
    /* What would end the line in which it stands is no name. */
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)host[i] <= ' ' || host[i] == 0x7f)
            return FH_TRANSPORT_E_INVAL;
    t->proxy = *p;
    memcpy(t->host, host, len + 1);
    t->port = port;
    if (p->kind == FH_PROXY_HTTP)
        return ask_http(t);
    ask_socks(t);
    return 0;
}

const uint8_t *fh_proxy_talk_out(const struct fh_proxy_talk *t, size_t *len)
{
    *len = t->out_len - t->out_at;
    return *len > 0 && t->error == 0 ? t->out + t->out_at : NULL;
}

void fh_proxy_talk_out_done(struct fh_proxy_talk *t, size_t sent)
{
    t->out_at += sent;
}

int fh_proxy_talk_in(struct fh_proxy_talk *t, const uint8_t *data, size_t len, size_t *used)
{
    int ret = t->error ? t->error : t->state == DONE ? FH_PROXY_OPEN : FH_PROXY_MORE;
    size_t i = 0;

    while (ret == FH_PROXY_MORE && i < len) {
        /* An answer to what was not asked yet. */
        if (t->out_at < t->out_len)
            ret = FH_TRANSPORT_E_PROTO;
        else if (t->state == HTTP_HEAD)
            ret = http_byte(t, data[i++]);
        else
            ret = socks_byte(t, data[i++]);
    }
    *used = i;
    t->error = ret < 0 ? ret : 0;
    return ret;
}

int fh_proxy_talk_status(const struct fh_proxy_talk *t)
{
    return t->status > 0 ? t->status : 0;
}
