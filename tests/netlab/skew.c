/* SPDX-License-Identifier: MIT */
/*
 * A wall clock that is wrong by $FARHAND_SKEW seconds, for a program that this is preloaded into;
 * what counts intervals stays right. Built by tests/netlab/cloud.py.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t skew(void)
{
    static long seconds;
    static int is_read;

    if (!is_read) {
        const char *text = getenv("FARHAND_SKEW");

        seconds = text ? strtol(text, NULL, 10) : 0;
        is_read = 1;
    }
    return (time_t)seconds;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int ret = (int)syscall(SYS_clock_gettime, id, ts);

    if (ret == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        ts->tv_sec += skew();
    return ret;
}

time_t time(time_t *out)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    if (out)
        *out = ts.tv_sec;
    return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;
    int ret = clock_gettime(CLOCK_REALTIME, &ts);

    (void)zone;
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return ret;
}
