/* SPDX-License-Identifier: MIT */
/*
 * confine.h -- what a process gives up, in parts: users, capabilities, limits, system calls.
 * landlock.h has the files. What the kernel refuses is told; each daemon decides what it needs.
 */
#ifndef FH__CONFINE_H
#define FH__CONFINE_H

#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

/*
 * Sanitizers need more memory and start programs, and coverage is written to files at the end: in
 * builds for these there is less of a sandbox.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(FH__UNCONFINED)
#define FH__IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FH__IS_SANITIZED 1
#endif
#endif
#ifndef FH__IS_SANITIZED
#define FH__IS_SANITIZED 0
#endif

/* At most that; RLIM_INFINITY: it stays as it is. */
bool fh__confine_limit(int what, rlim_t most);
/* For good, also for programs that root starts here. It fails for others, who have none to give. */
void fh__confine_bounding(void);
bool fh__confine_capabilities(void);
/* Becomes who, without other groups. 0; -1 and errno. */
int fh__confine_user(const struct passwd *who);

/* A filter of system calls: whatever is not on its lists ends the process. */
struct fh__calls;

/* What any program on libuv and malloc does; descriptors are used, none is made; memory is never
 * made executable. NULL: there is no filter. */
struct fh__calls *fh__calls_new(void);
/* Numbers of seccomp(3); below 0: not on this machine. */
void fh__calls_allow(struct fh__calls *c, const int *list, size_t n);
/* With an argument (and another one) of this value only. */
void fh__calls_allow_if(struct fh__calls *c, int call, unsigned argument, long value);
void fh__calls_allow_if2(struct fh__calls *c, int call, unsigned argument, long value,
                         unsigned argument2, long value2);
/* Where these bits of an argument have that value. */
void fh__calls_allow_masked(struct fh__calls *c, int call, unsigned argument, long mask,
                            long value);
/* Instead of an end of the process, this error. */
void fh__calls_refuse(struct fh__calls *c, int call, int error);
void fh__calls_refuse_masked(struct fh__calls *c, int call, unsigned argument, long mask,
                             long value, int error);
/* In force from now on, and freed. -1: it does not hold, or one of the calls above failed. */
int fh__calls_load(struct fh__calls *c);

#endif
