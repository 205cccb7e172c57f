/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <farhand/stun.h>

#include "transcript.h"

static const char *method(uint16_t m)
{
    switch (m) {
    case FH_STUN_BINDING:
        return "Binding";
    case FH_STUN_ALLOCATE:
        return "Allocate";
    case FH_STUN_REFRESH:
        return "Refresh";
    case FH_STUN_SEND:
        return "Send";
    case FH_STUN_DATA:
        return "Data";
    case FH_STUN_CREATE_PERMISSION:
        return "CreatePermission";
    case FH_STUN_CHANNEL_BIND:
        return "ChannelBind";
    default:
        return "unknown";
    }
}

static void describe(const uint8_t *data, size_t len, char *out, size_t cap);

/* A request of ICE says who controls, and whether it nominates. */
static void describe_stun(const struct fh_stun_message *m, char *out, size_t cap)
{
    static const char *const cls[] = {"request", "indication", "success", "error"};
    unsigned code = 0;
    size_t n, len;
    const uint8_t *inner = fh_stun_find(m, FH_STUN_DATA_ATTRIBUTE, &len);

    fh_stun_read_error(m, &code, NULL, NULL);
    n = (size_t)snprintf(out, cap, "%s %s", method(m->method), cls[m->cls]);
    if (code)
        snprintf(out + n, cap - n, " %u", code);
    else if (inner) {
        n += (size_t)snprintf(out + n, cap - n, " of ");
        describe(inner, len, out + n, cap - n);
    } else if (m->cls == FH_STUN_REQUEST && m->method == FH_STUN_BINDING)
        snprintf(out + n, cap - n, "%s%s",
                 fh_stun_has(m, FH_STUN_ICE_CONTROLLING)  ? " controlling"
                 : fh_stun_has(m, FH_STUN_ICE_CONTROLLED) ? " controlled"
                                                          : "",
                 fh_stun_has(m, FH_STUN_USE_CANDIDATE) ? " nominates" : "");
}

static void describe(const uint8_t *data, size_t len, char *out, size_t cap)
{
    struct fh_stun_message m;

    if (cap < 64)
        return;
    if (fh_stun_parse(data, len, &m) == 0) {
        describe_stun(&m, out, cap);
    } else if (len >= 4 && (data[0] & 0xf0) == 0x40) {
        size_t n = (size_t)snprintf(out, cap, "channel of ");

        describe(data + 4,
                 (size_t)(data[2] << 8 | data[3]) < len - 4 ? (size_t)(data[2] << 8 | data[3])
                                                            : len - 4,
                 out + n, cap - n);
    } else {
        snprintf(out, cap, "%zu bytes", len);
    }
}

const char *sim_transcript_line(uint64_t now_us, const struct sim_packet_info *p,
                                char out[static SIM_LINE])
{
    char from[SIM_ADDR_TEXT], to[SIM_ADDR_TEXT], what[100] = "";

    if (p->proto == SIM_UDP && p->len > 0)
        describe(p->data, p->len, what, sizeof what);
    else
        snprintf(what, sizeof what, "TCP, %zu bytes", p->len);
    snprintf(out, SIM_LINE, "%7.1f %-5.5s %s > %s %s%s%s", (double)now_us / 1000,
             p->node ? sim_node_name(p->node) : "-", sim_addr_text(&p->from, from),
             sim_addr_text(&p->to, to), what,
             p->fate == SIM_SENT || p->fate == SIM_DELIVERED ? "" : ": ",
             p->fate == SIM_SENT        ? ""
             : p->fate == SIM_DELIVERED ? " arrives"
                                        : sim_fate_text(p->fate));
    return out;
}
