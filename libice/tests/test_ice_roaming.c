/* SPDX-License-Identifier: MIT */
/*
 * Addresses that come and go under a connection's feet, in a network namespace of its own. Where
 * that is not allowed it says so and exits with 77.
 */
#define _GNU_SOURCE /* NOLINT: unshare */

#include <arpa/inet.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uv_side.h"

static bool write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    bool is_written = f && fputs(text, f) >= 0;

    return f && fclose(f) == 0 && is_written;
}

/* User and network namespaces; root inside. */
static bool enter(void)
{
    char map[32];
    uid_t uid = getuid();
    gid_t gid = getgid();

    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
    if (!write_file("/proc/self/uid_map", map))
        return false;
    (void)write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", (unsigned)gid);
    return write_file("/proc/self/gid_map", map);
}

static bool run(const char *command)
{
    return system(command) == 0; /* NOLINT: a constant */
}

static bool set_up(void)
{
    return enter() && run("ip link set lo up") && run("ip link add v0 type veth peer name v1") &&
           run("ip link set v0 up && ip link set v1 up") && run("ip addr add 10.9.0.1/24 dev v0");
}

static void begin(uv_loop_t *loop, struct side s[2])
{
    s[0].peer = &s[1];
    s[1].peer = &s[0];
    for (int i = 0; i < 2; i++) {
        struct fh_ice_uv_config cfg = config(&s[i], i ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING);

        cfg.only_loopback = false;
        make(loop, &s[i], &cfg);
    }
}

static bool has_seen(const struct side *s, const char *ip)
{
    struct fh_ice_address a;

    ck_assert_int_eq(fh_ice_address_parse(ip, strlen(ip), &a), 0);
    for (size_t i = 0; i < s->candidates; i++)
        if (fh_ice_address_equal_host(&s->seen[i].address, &a))
            return true;
    return false;
}

/* Whether its data leaves from this address. */
static bool is_at(const struct side *s, const char *ip)
{
    struct fh_ice_path path;
    struct fh_ice_address a;

    ck_assert_int_eq(fh_ice_address_parse(ip, strlen(ip), &a), 0);
    return s->u && fh_ice_uv_path(s->u, &path) && fh_ice_address_equal_host(&path.local, &a);
}

static void talk(uv_loop_t *loop, struct side s[2])
{
    size_t before[2] = {s[0].received, s[1].received};

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fh_ice_uv_send(s[i].u, "\x08", 1), 0);
    RUN_UNTIL(loop, s[0].received > before[0] && s[1].received > before[1]);
}

START_TEST(the_path_moves_when_its_address_goes)
{
    struct side s[2] = {{.u = NULL}};
    uv_loop_t loop;

    ck_assert(set_up());
    uv_loop_init(&loop);
    begin(&loop, s);
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    ck_assert(is_at(&s[0], "10.9.0.1") && !has_seen(&s[0], "127.0.0.1"));
    ck_assert(run("ip addr add 10.9.1.1/24 dev v0"));
    RUN_UNTIL(&loop, has_seen(&s[0], "10.9.1.1") && has_seen(&s[1], "10.9.1.1"));
    talk(&loop, s);
    ck_assert(run("ip addr del 10.9.0.1/24 dev v0"));
    RUN_UNTIL(&loop, is_at(&s[0], "10.9.1.1") && is_at(&s[1], "10.9.1.1"));
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    talk(&loop, s);
    close_pair(&loop, s);
    end_loop(&loop);
}
END_TEST

START_TEST(without_any_address_there_is_none_and_the_first_one_is_used)
{
    struct side s[2] = {{.u = NULL}};
    uv_loop_t loop;

    ck_assert(set_up());
    ck_assert(run("ip addr del 10.9.0.1/24 dev v0"));
    uv_loop_init(&loop);
    begin(&loop, s);
    RUN_UNTIL(&loop, s[0].ends == 1 && s[1].ends == 1);
    ck_assert_uint_eq(s[0].candidates, 0);
    ck_assert(run("ip addr add 10.9.0.7/24 dev v0"));
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    talk(&loop, s);
    /* The interface goes down, and comes back with the same address. */
    ck_assert(run("ip link set v0 down"));
    RUN_UNTIL(&loop, s[0].state == FH_ICE_DISCONNECTED && s[1].state == FH_ICE_DISCONNECTED);
    ck_assert_int_eq(fh_ice_uv_send(s[0].u, "\x08", 1), FH_ICE_E_STATE);
    ck_assert(run("ip link set v0 up"));
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    talk(&loop, s);
    close_pair(&loop, s);
    end_loop(&loop);
}
END_TEST

/* ---- a gateway that maps ports -------------------------------------------------------------- */

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* NAT-PMP, RFC 6886 section 3. Returns the length of the answer; 0: no answer. */
static size_t answer(const uint8_t *in, ssize_t len, uint8_t *out, bool *is_given_back)
{
    memset(out, 0, 16);
    if (len < 2 || in[0] != 0 || in[1] > 1)
        return 0; /* PCP: it knows nothing of it */
    out[1] = (uint8_t)(128 + in[1]);
    out[7] = 1; /* seconds since it began */
    if (in[1] == 0) {
        memcpy(out + 8, (const uint8_t[]){198, 51, 100, 77}, 4);
        return 12;
    }
    if (len < 12)
        return 0;
    memcpy(out + 8, in + 4, 2);
    put16(out + 10, 4711);
    memcpy(out + 12, in + 8, 4);
    *is_given_back |= memcmp(in + 8, "\0\0\0\0", 4) == 0;
    return 16;
}

/* Ends with 0 when the mapping was given back. */
static void be_gateway(int ready, int go)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(5351)}, from;
    bool is_given_back = false;
    uint8_t data[1100], out[16];
    char byte = 0;
    int fd;

    if (unshare(CLONE_NEWNET) != 0 || write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1 ||
        !run("ip link set v1 up && ip addr add 10.9.0.2/24 dev v1"))
        _exit(1);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(fd, (struct sockaddr *)&in, sizeof in) != 0 || write(ready, &byte, 1) != 1)
        _exit(1);
    while (!is_given_back) {
        socklen_t from_len = sizeof from;
        ssize_t len = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &from_len);
        size_t n = answer(data, len, out, &is_given_back);

        if (n > 0 && sendto(fd, out, n, 0, (struct sockaddr *)&from, from_len) < 0)
            _exit(1);
    }
    _exit(0);
}

static pid_t start_gateway(void)
{
    int ready[2], go[2];
    char byte = 0, command[64];
    pid_t child;

    ck_assert(pipe(ready) == 0 && pipe(go) == 0);
    child = fork();
    if (child == 0)
        be_gateway(ready[1], go[0]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    snprintf(command, sizeof command, "ip link set v1 netns %d", (int)child);
    ck_assert(run(command));
    ck_assert_int_eq(write(go[1], &byte, 1), 1);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert(run("ip route add default via 10.9.0.2"));
    return child;
}

START_TEST(a_gateway_maps_the_port_and_gets_it_back)
{
    struct side s = {.u = NULL};
    struct fh_ice_uv_config cfg = config(&s, FH_ICE_CONTROLLING);
    struct fh_ice_address mapped;
    pid_t gateway;
    int status = 1;
    uv_loop_t loop;

    ck_assert(set_up());
    gateway = start_gateway();
    uv_loop_init(&loop);
    cfg.only_loopback = false;
    cfg.map_port = true;
    make(&loop, &s, &cfg);
    RUN_UNTIL(&loop, s.ends == 1 && has_seen(&s, "198.51.100.77"));
    /* Our candidates were complete before that: nothing waits. */
    ck_assert_uint_lt(s.at_end, s.candidates);
    mapped = s.seen[s.candidates - 1].address;
    ck_assert_uint_eq(mapped.port, 4711);
    ck_assert_int_eq((int)s.seen[s.candidates - 1].type, FH_ICE_SRFLX);
    close_side(&s);
    end_loop(&loop);
    ck_assert_int_eq(waitpid(gateway, &status, 0), gateway);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* In a child, so that this process stays where it is. */
static bool is_allowed(void)
{
    pid_t child = fork();
    int status = 1;

    if (child == 0)
        _exit(set_up() ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(void)
{
    Suite *suite = suite_create("ice-roaming");
    TCase *tc = tcase_create("ice-roaming");
    SRunner *sr;
    int failed;

    if (!is_allowed()) {
        printf("skipped: network namespaces are not allowed here, or there is no ip(8)\n");
        return 77;
    }
    sr = srunner_create(suite);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, the_path_moves_when_its_address_goes);
    tcase_add_test(tc, a_gateway_maps_the_port_and_gets_it_back);
    tcase_add_test(tc, without_any_address_there_is_none_and_the_first_one_is_used);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
