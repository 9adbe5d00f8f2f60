#define _GNU_SOURCE
#include "clx_schedule.h"

#include <errno.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })
#define WHO_PROCESS 1 /* IOPRIO_WHO_PROCESS */

/* struct sched_attr, which some versions of glibc define and others do not. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t clamp_minimum, clamp_maximum;
};
enum { WITHOUT_CLAMPS = 48, CLAMP_FLAGS = 0x60, NO_CLAMP = -1 };

int clx_set_scheduler(int pid, uint32_t policy, uint64_t flags, int32_t nice, uint32_t priority, uint64_t runtime, uint64_t deadline,
                      uint64_t period) {
    uint32_t size = flags & CLAMP_FLAGS ? sizeof(struct scheduling) : WITHOUT_CLAMPS;
    struct scheduling wanted = {size, policy, flags, nice, priority, runtime, deadline, period, (uint32_t)NO_CLAMP, (uint32_t)NO_CLAMP};
    return (int)RESULT(syscall(SYS_sched_setattr, pid, &wanted, 0));
}

int clx_set_io_priority(int pid, int priority) { return (int)RESULT(syscall(SYS_ioprio_set, WHO_PROCESS, pid, priority)); }

/* The masks of the kernel are of longs, which are these words wherever Swift runs on Linux. */
int clx_set_affinity(int pid, const uint64_t *words, size_t count) {
    return (int)RESULT(syscall(SYS_sched_setaffinity, pid, count * sizeof *words, words));
}

int clx_personality(unsigned long domain) { return RESULT(personality(domain)); }

int clx_set_memory_policy(int mode, const uint64_t *words, size_t count) {
    /* The kernel takes one bit less than it is told (set_mempolicy(2), NOTES). */
    return (int)RESULT(syscall(SYS_set_mempolicy, mode, count ? words : 0, count ? count * 64 + 1 : 0));
}
