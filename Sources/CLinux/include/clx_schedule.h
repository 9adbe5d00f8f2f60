#pragma once
#include <stddef.h>
#include <stdint.h>

/* sched_setattr(2) on a process; times in nanoseconds. */
int clx_set_scheduler(int pid, uint32_t policy, uint64_t flags, int32_t nice, uint32_t priority, uint64_t runtime, uint64_t deadline,
                      uint64_t period);
/* ioprio_set(2) on a process: class << 13 | level. */
int clx_set_io_priority(int pid, int priority);
/* sched_setaffinity(2) of a process (0: this thread); a mask of 64-bit words. */
int clx_set_affinity(int pid, const uint64_t *words, size_t count);
/* personality(2); the domain before. */
int clx_personality(unsigned long domain);
/* set_mempolicy(2) of this thread; `mode` with its flags, a mask of 64-bit words. */
int clx_set_memory_policy(int mode, const uint64_t *words, size_t count);
