#define _GNU_SOURCE
#include "clx_termination.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int write_end = -1;

static void note(int number) {
    int kept = errno;
    unsigned char byte = (unsigned char)number;
    /* A full pipe has told enough. */
    ssize_t ignored = write(write_end, &byte, 1);
    (void)ignored;
    errno = kept;
}

int clx_signal_pipe(const int *signals, int count) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    if (fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0) return -errno;
    write_end = ends[1];
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    for (int i = 0; i < count; i++)
        if (sigaction(signals[i], &action, 0) < 0) return -errno;
    return ends[0];
}
