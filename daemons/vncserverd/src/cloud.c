/* SPDX-License-Identifier: MIT */
/* cloud.c -- the cloud through which viewers come, as the monitor has it. */
#include "cloud.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <farhand/cloud_address.h>
#include <farhand/identity_uv.h>

#include "cloudfile.h"
#include "log.h"

/* ---- connections ---- */

static struct fh__cloud_connection *find(struct fh__cloud *c, uint32_t connection)
{
    for (size_t i = 0; i < FH__CLOUD_CONNECTIONS; i++)
        if (connection != 0 && c->connections[i].who.connection == connection)
            return &c->connections[i];
    return NULL;
}

static struct fh__cloud_connection *add(struct fh__cloud *c, const struct fh__arrival *who)
{
    for (size_t i = 0; i < FH__CLOUD_CONNECTIONS; i++) {
        if (c->connections[i].who.connection != 0)
            continue;
        c->connections[i] = (struct fh__cloud_connection){.who = *who};
        return &c->connections[i];
    }
    return NULL;
}

static void forget(struct fh__cloud_connection *n)
{
    fh_wipe(n, sizeof *n);
}

static void send_u32(struct fh__cloud *c, unsigned number, uint32_t connection, int answer)
{
    uint8_t body[5];
    struct wr w = wr_init(body, sizeof body);

    wr_u32(&w, connection);
    if (answer >= 0)
        wr_u8(&w, (uint8_t)answer);
    (void)fh__steady_send(&c->process, number, body, w.len, -1);
}

void fh__cloud_enter(struct fh__cloud *c, uint32_t connection)
{
    struct fh__cloud_connection *n = find(c, connection);

    if (n)
        n->viewers++;
}

void fh__cloud_leave(struct fh__cloud *c, uint32_t connection)
{
    struct fh__cloud_connection *n = find(c, connection);

    if (n && n->viewers > 0 && --n->viewers == 0)
        send_u32(c, FH__MSG_CLOUD_END, connection, -1);
}

void fh__cloud_keys(struct fh__cloud *c, uint32_t connection, const uint8_t *keys)
{
    const struct fh__msg_cloud_keys m = {connection, keys, keys + FH_SESSION_GUARD_KEY_LEN};
    uint8_t body[4 + 2 * FH_SESSION_GUARD_KEY_LEN];
    struct wr w = wr_init(body, sizeof body);

    if (!find(c, connection))
        return;
    fh__msg_cloud_keys_write(&w, &m);
    (void)fh__steady_send(&c->process, FH__MSG_CLOUD_KEYS, body, w.len, -1);
    fh_wipe(body, sizeof body);
}

/* ---- what the process says ---- */

/* Whoever runs the cloud, or has broken into the process, must not keep the monitor busy with lines
 * and files. */
static bool may_cost(struct fh__cloud *c)
{
    uint64_t now = uv_now(c->loop);

    if (c->costly == 0 || now - c->minute_ms >= 60000) {
        c->minute_ms = now;
        c->costly = 0;
    }
    if (c->costly == FH__CLOUD_MINUTE)
        return false;
    if (++c->costly == FH__CLOUD_MINUTE)
        fh__log(FH__LOG_WARNING, "the cloud process says too much; not all of it is heard");
    return true;
}

static void on_state(struct fh__cloud *c, struct rd body)
{
    struct fh__msg_cloud_state m;
    bool was_online = c->is_online;
    char why[sizeof c->why];

    if (!fh__msg_cloud_state_read(body, &m))
        return;
    fh__text_copy(m.why, why, sizeof why);
    if ((m.is_online != was_online || strcmp(why, c->why) != 0) && !may_cost(c))
        ; /* it is so without a line */
    else if (m.is_online && !was_online)
        fh__log(FH__LOG_NOTICE, "reachable through the cloud");
    else if (!m.is_online && (was_online || strcmp(why, c->why) != 0))
        fh__log(FH__LOG_WARNING, "not reachable through the cloud: %s", why);
    if (m.is_online != was_online)
        c->since_ms = uv_now(c->loop);
    c->is_online = m.is_online;
    c->retry_at_ms = m.is_online ? 0 : uv_now(c->loop) + m.retry_ms;
    snprintf(c->why, sizeof c->why, "%s", m.is_online ? "" : why);
}

static enum fh__cloud_answer judge(struct fh__cloud *c, const struct fh__arrival *who)
{
    unsigned retry_s;

    if (fh__sharing_knock(c->sharing, who, &retry_s))
        return retry_s > 0 ? FH__CLOUD_BUSY : FH__CLOUD_POLICY;
    return add(c, who) ? FH__CLOUD_ACCEPT : FH__CLOUD_BUSY;
}

static bool on_incoming(struct fh__cloud *c, struct rd body)
{
    struct fh__msg_cloud_incoming m;
    struct fh__arrival who = {0};

    if (!fh__msg_cloud_incoming_read(body, &m) || m.connection == 0 || find(c, m.connection) ||
        !fh_cloud_address_is_valid(m.address))
        return false;
    if (!may_cost(c)) {
        send_u32(c, FH__MSG_CLOUD_ANSWER, m.connection, FH__CLOUD_BUSY);
        return true;
    }
    who.connection = m.connection;
    who.way = FH__WAY_RELAY; /* until a stream says otherwise */
    fh_cloud_address_print(m.address, who.cloud);
    fh__text_copy(m.groups, who.groups, sizeof who.groups);
    memcpy(who.told, m.fingerprint, sizeof who.told);
    memcpy(who.ref, m.ref, sizeof who.ref);
    fh__log(FH__LOG_INFO, "cloud:%s%s%s asks to connect", who.cloud, who.groups[0] ? " of " : "",
            who.groups);
    send_u32(c, FH__MSG_CLOUD_ANSWER, m.connection, (int)judge(c, &who));
    return true;
}

/* One that has ended meanwhile brings nothing any more. */
static bool on_stream(struct fh__cloud *c, struct rd body, int fd)
{
    struct fh__msg_cloud_stream m;
    struct fh__cloud_connection *n;
    struct fh__arrival who;

    if (!fh__msg_cloud_stream_read(body, &m)) {
        close(fd);
        return false;
    }
    if (!(n = find(c, m.connection))) {
        close(fd);
        return true;
    }
    who = n->who;
    who.way = m.way;
    who.has_secret = m.secret != NULL;
    if (m.secret)
        memcpy(who.secret, m.secret, sizeof who.secret);
    fh__sharing_accept(c->sharing, fd, &m.peer, &who);
    fh_wipe(who.secret, sizeof who.secret);
    return true;
}

static bool on_path(struct fh__cloud *c, struct rd body)
{
    struct fh__msg_cloud_path m;
    struct fh__cloud_connection *n;

    if (!fh__msg_cloud_path_read(body, &m))
        return false;
    if ((n = find(c, m.connection)) != NULL) {
        n->rtt_us = m.rtt_us;
        fh__text_copy(m.text, n->path, sizeof n->path);
    }
    return true;
}

static bool on_gone(struct fh__cloud *c, struct rd body)
{
    uint32_t connection;
    struct fh__cloud_connection *n;

    if (!fh__msg_u32_read(body, &connection))
        return false;
    if ((n = find(c, connection)) != NULL)
        forget(n);
    return true;
}

static enum fh__cloudfile file_of(enum fh__cloud_kept which)
{
    return which == FH__CLOUD_STATEMENT ? FH__CLOUDFILE_STATEMENT : FH__CLOUDFILE_CHECKPOINT;
}

static bool on_keep(struct fh__cloud *c, struct rd body)
{
    struct fh__msg_cloud_keep m;
    char why[FH__CLOUDFILE_WHY];

    if (!fh__msg_cloud_keep_read(body, &m))
        return false;
    memcpy(c->kept[m.which], m.data, m.len);
    c->kept_len[m.which] = m.len;
    /* The next one is written. */
    if (may_cost(c) &&
        fh__cloudfile_keep(c->cfg->cloud_key, file_of(m.which), m.data, m.len, why) != 0)
        fh__log(FH__LOG_ERROR, "%s", why);
    return true;
}

/* Whoever runs the cloud shows different people different things. */
static bool on_fork(struct fh__cloud *c, struct rd body)
{
    struct fh__msg_cloud_fork m;
    char why[FH__CLOUDFILE_WHY];

    if (!fh__msg_cloud_fork_read(body, &m))
        return false;
    if (!may_cost(c))
        return true;
    fh__log(FH__LOG_ERROR,
            "THE LOG OF THE CLOUD HAS TWO HISTORIES: somebody lies about which keys "
            "belong to whom. What proves it is kept in %s.fork",
            c->cfg->cloud_key);
    if (fh__cloudfile_evidence(c->cfg->cloud_key, m.kept, m.kept_len, m.seen, m.seen_len, why) != 0)
        fh__log(FH__LOG_WARNING, "%s", why);
    return true;
}

static bool take(struct fh__cloud *c, unsigned number, struct rd body, int fd)
{
    switch (number) {
    case FH__MSG_CLOUD_READY:
        fh__steady_ready(&c->process);
        return true;
    case FH__MSG_CLOUD_STATE:
        on_state(c, body);
        return true;
    case FH__MSG_CLOUD_KEEP:
        return on_keep(c, body);
    case FH__MSG_CLOUD_INCOMING:
        return on_incoming(c, body);
    case FH__MSG_CLOUD_STREAM:
        return on_stream(c, body, fd);
    case FH__MSG_CLOUD_PATH:
        return on_path(c, body);
    case FH__MSG_CLOUD_GONE:
        return on_gone(c, body);
    default:
        return on_fork(c, body);
    }
}

static void on_message(void *user, unsigned number, struct rd body, int fd)
{
    struct fh__cloud *c = user;

    if (take(c, number, body, fd))
        return;
    fh__log(FH__LOG_ERROR, "the cloud process sent a message that cannot be; it is ended");
    fh__child_kill(&c->process.child);
}

/* ---- the process ---- */

void fh__cloud_key(struct fh__cloud *c)
{
    int ends[2];

    if (!c->is_open || !c->process.is_alive || !fh__steady_is_ready(c->key))
        return;
    if (fh__link_pair(ends) != 0) {
        fh__log(FH__LOG_ERROR, "no socket pair for the cloud process: %m");
        return;
    }
    (void)fh__steady_send(c->key, FH__MSG_CLOUD_KEY, NULL, 0, ends[0]);
    (void)fh__steady_send(&c->process, FH__MSG_CLOUD_KEY, NULL, 0, ends[1]);
    close(ends[0]);
    close(ends[1]);
}

static void on_setup(void *user)
{
    struct fh__cloud *c = user;
    uint8_t body[FH__CLOUD_SETUP_MAX];
    const struct fh__msg_cloud_setup m = {.level = (uint8_t)fh__log_get_level(),
                                          .policy = (uint8_t)c->cfg->cloud_path,
                                          .is_loopback = c->cfg->cloud_loopback,
                                          .user = fh__text_of(c->sharing->user),
                                          .service = fh__text_of(c->cfg->cloud),
                                          .proxy = fh__text_of(c->cfg->cloud_proxy),
                                          .address = c->address,
                                          .password = c->has_password ? c->password : NULL,
                                          .seal_key = c->seal_key,
                                          .spki = c->sharing->spki,
                                          .spki_len = c->sharing->spki_len,
                                          .kept = {c->kept[0], c->kept[1]},
                                          .kept_len = {c->kept_len[0], c->kept_len[1]}};
    struct wr w = wr_init(body, sizeof body);

    fh__msg_cloud_setup_write(&w, &m);
    if (w.bad)
        fh__log(FH__LOG_ERROR, "the line that says where the cloud is is too long");
    else
        (void)fh__steady_send(&c->process, FH__MSG_CLOUD_SETUP, body, w.len, -1);
    fh_wipe(body, sizeof body);
    fh__cloud_key(c);
}

/* Streams that it carried have ended with it; sessions wait for others. */
static void on_lost(void *user)
{
    struct fh__cloud *c = user;

    for (size_t i = 0; i < FH__CLOUD_CONNECTIONS; i++)
        forget(&c->connections[i]);
    c->is_online = false;
    snprintf(c->why, sizeof c->why, "the cloud process begins anew");
}

static void on_ended(void *user)
{
    struct fh__cloud *c = user;

    c->ended(c->user);
}

static const struct fh__steady_ops process_ops = {on_setup, on_message, on_lost, on_ended};

static int read_all(struct fh__cloud *c, char why[FH__CLOUDFILE_WHY])
{
    const struct fh__config *cfg = c->cfg;
    int ret = 1;

    if (fh__cloudfile_key(cfg->cloud_key, c->seal_key, why) != 0)
        return -1;
    for (unsigned i = 0; i < FH__CLOUD_KEPT; i++)
        if (fh__cloudfile_read(cfg->cloud_key, file_of(i), c->kept[i], &c->kept_len[i], why) != 0)
            return -1;
    if (cfg->cloud_password_file)
        ret = fh__cloudfile_password(cfg->cloud_password_file, c->password, why);
    c->has_password = ret == 0;
    return ret < 0 ? -1 : 0;
}

static int read_files(struct fh__cloud *c)
{
    char why[FH__CLOUDFILE_WHY] = "cloud-address";

    if (fh_cloud_address_parse(c->cfg->cloud_address, strlen(c->cfg->cloud_address), c->address) ==
            0 &&
        read_all(c, why) == 0)
        return 0;
    fh__log(FH__LOG_ERROR, "%s", why);
    return -1;
}

int fh__cloud_open(struct fh__cloud *c)
{
    if (read_files(c) != 0)
        return -1;
    c->is_open = true;
    c->since_ms = uv_now(c->loop);
    fh__steady_open(&c->process, c->loop, FH__CLOUD, NULL, &process_ops, c);
    return 0;
}

void fh__cloud_set_level(struct fh__cloud *c, uint8_t level)
{
    if (c->is_open)
        (void)fh__steady_send(&c->process, FH__MSG_LEVEL, &level, 1, -1);
}

static json_t *describe(const struct fh__cloud_connection *n)
{
    return json_pack("{s:s,s:s,s:s,s:i,s:i}", "cloud", n->who.cloud, "groups", n->who.groups,
                     "path", n->path, "rtt_us", (int)n->rtt_us, "streams", (int)n->viewers);
}

json_t *fh__cloud_describe(const struct fh__cloud *c)
{
    json_t *connections = json_array();
    uint64_t now = uv_now(c->loop);
    char address[FH_CLOUD_ADDRESS_TEXT];

    for (size_t i = 0; i < FH__CLOUD_CONNECTIONS; i++)
        if (c->connections[i].who.connection != 0)
            json_array_append_new(connections, describe(&c->connections[i]));
    fh_cloud_address_print(c->address, address);
    return json_pack("{s:s,s:b,s:s,s:I,s:I,s:o}", "address", address, "online", c->is_online, "why",
                     c->why, "seconds", (json_int_t)((now - c->since_ms) / 1000), "retry_s",
                     (json_int_t)(c->retry_at_ms > now ? (c->retry_at_ms - now + 999) / 1000 : 0),
                     "connections", connections);
}

void fh__cloud_stop(struct fh__cloud *c)
{
    if (c->is_open)
        fh__steady_stop(&c->process);
}

void fh__cloud_close(struct fh__cloud *c)
{
    if (!c->is_open)
        return;
    c->is_open = false;
    fh__steady_close(&c->process);
    fh_wipe(c->seal_key, sizeof c->seal_key);
    fh_wipe(c->password, sizeof c->password);
    for (size_t i = 0; i < FH__CLOUD_CONNECTIONS; i++)
        forget(&c->connections[i]);
}
