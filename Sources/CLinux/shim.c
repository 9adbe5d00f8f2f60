#define _GNU_SOURCE
#include "clx_shim.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/ioctl.h>

int clx_bytes_waiting(int fd) {
    int count = 0;
    return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count;
}

int clx_ignore_signal(int signal) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    return sigaction(signal, &ignore, 0) < 0 ? -errno : 0;
}

void clx_trim_heap(void) { malloc_trim(0); }
