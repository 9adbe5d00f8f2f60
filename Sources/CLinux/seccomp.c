#define _GNU_SOURCE
#include "clx_seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })

int clx_anonymous_file(const char *name) { return RESULT(memfd_create(name, MFD_CLOEXEC)); }

int clx_seccomp_load(const void *program, size_t size, unsigned flags) {
    if (size == 0 || size % sizeof(struct sock_filter) || size / sizeof(struct sock_filter) > 0xffff) return -EINVAL;
    struct sock_fprog filter = {.len = (unsigned short)(size / sizeof(struct sock_filter)), .filter = (struct sock_filter *)program};
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    /* With TSYNC a positive result is the thread that could not follow. */
    return result < 0 ? -errno : result > 0 ? -EBUSY : 0;
}
