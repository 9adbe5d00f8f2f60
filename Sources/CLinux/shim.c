#define _GNU_SOURCE
#include "clx_shim.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bare.h"

int clx_bytes_waiting(int fd) {
    int count = 0;
    return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count;
}

int clx_ignore_signal(int signal) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    return sigaction(signal, &ignore, 0) < 0 ? -errno : 0;
}

void clx_trim_heap(void) { malloc_trim(0); }

void clx_keep_heap(void) {
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_TOP_PAD, 1 << 18);
}

void clx_keep_blocks(void) {
    /* Either of the two alone would stop glibc from moving the other by itself. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 28);
}

extern char __executable_start, etext;
int clx_release_code(void) {
    /* Only read-only pages lie between these two, so nothing that was written can be lost. */
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)&__executable_start & ~(page - 1), end = (uintptr_t)&etext & ~(page - 1);
    return madvise((void *)start, end - start, MADV_DONTNEED) < 0 ? -errno : 0;
}

void clx_release_stack(void) {
    /* Nothing else lies this near below a main thread's stack (mmap keeps a gap of 128 MiB). The system call is made here and not in the C
     * library: a kilobyte holds this frame, that of `call` where it is not inlined, and what a function uses without saying so. */
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), length = 64 * page;
    uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - 1024) & ~(page - 1);
    call(SYS_madvise, (long)(end - length), (long)length, MADV_DONTNEED, 0, 0);
}

int clx_usable_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) < 0 ? 1 : CPU_COUNT(&set);
}
