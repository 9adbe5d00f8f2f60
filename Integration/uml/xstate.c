/* For user-mode Linux (guest in tests/lib.sh). It moves the extended registers of its processes by ptrace(2) in a buffer of its own, which
 * ends with PKRU. A processor that has more (AMX) has a larger area, and the kernel takes none but a whole one (EFAULT), so that
 * no process of the guest ever runs. Here the guest gets what it has room for, and the rest stays as after a reset: no bit of XSTATE_BV
 * stands for it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST = 1 << 16 };

static long whole(int request, pid_t pid, void *area, size_t *size) {
    struct iovec io = {area, *size};
    long result = syscall(SYS_ptrace, request, pid, NT_X86_XSTATE, &io);
    *size = io.iov_len;
    return result;
}

static long get(pid_t pid, struct iovec *io, size_t *size) {
    static __thread char area[MOST];
    size_t found = MOST;
    long result = whole(PTRACE_GETREGSET, pid, area, &found);
    if (result != 0) return result;
    *size = found;
    if (io->iov_len > found) io->iov_len = found;
    memcpy(io->iov_base, area, io->iov_len);
    return 0;
}

static long set(pid_t pid, const struct iovec *io, size_t size) {
    static __thread char area[MOST];
    if (io->iov_len >= size) return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, io);
    memcpy(area, io->iov_base, io->iov_len);
    memset(area + io->iov_len, 0, size - io->iov_len);
    return whole(PTRACE_SETREGSET, pid, area, &size);
}

long ptrace(enum __ptrace_request request, ...) {
    static size_t size; /* of the processor's area, once one was read */
    static long (*next)(enum __ptrace_request, ...);
    va_list rest;
    va_start(rest, request);
    pid_t pid = va_arg(rest, pid_t);
    void *address = va_arg(rest, void *);
    void *data = va_arg(rest, void *);
    va_end(rest);
    if (address == (void *)NT_X86_XSTATE && request == PTRACE_GETREGSET) return get(pid, data, &size);
    if (address == (void *)NT_X86_XSTATE && request == PTRACE_SETREGSET) return set(pid, data, size);
    if (!next) next = (long (*)(enum __ptrace_request, ...))dlsym(RTLD_NEXT, "ptrace");
    return next(request, pid, address, data);
}
