/* The built-in init of a container: the first process, when the image's program is none. It reaps orphans, hands every signal on to
 * the program, and ends as the program does: with its status, or 128 and the signal.
 *
 * It is the runtime's own file, executed by descriptor, and stays in these pages: no C library, no heap, no descriptor of its own, so that
 * the end of a stream is the program's to decide. argv: "swiftlet-init", the program's pid.
 *
 * With the pid 0 it is the process that keeps a pod's processes together: it reaps, minds no signal, and ends when it is killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/wait.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "bare.h"

BARE static long number(const char *word) {
    long value = 0;
    while (*word >= '0' && *word <= '9') value = value * 10 + (*word++ - '0');
    return value;
}

BARE static int status_of(int status) {
    int signal = status & 0x7f;
    return signal ? 128 + signal : status >> 8 & 0xff;
}

_Noreturn BARE void clx_bare_init(char **words) {
    long program = number(words[1]);
    unsigned long every = ~0ul;
    int status = 0;
    call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&every, 0, sizeof every, 0);
    call(SYS_close_range, 0, ~0u, 0, 0, 0);
    call(SYS_prctl, PR_SET_NAME, (long)(program ? "swiftlet-init" : "swiftlet-pod"), 0, 0, 0);
    /* Where it is not the first process of a namespace. */
    call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (;;) {
        /* A child that ends from here on leaves a signal, which waits. */
        for (;;) {
            long pid = call(SYS_wait4, -1, (long)&status, WNOHANG, 0, 0);
            if (program && pid == program) call(SYS_exit_group, status_of(status), 0, 0, 0, 0);
            if (program && pid == -ECHILD) call(SYS_exit_group, 1, 0, 0, 0, 0); /* somebody else was told of the program's end */
            if (pid <= 0) break;
        }
        long signal = call(SYS_rt_sigtimedwait, (long)&every, 0, 0, sizeof every, 0);
        if (program && signal > 0 && signal != SIGCHLD) call(SYS_kill, program, signal, 0, 0, 0);
    }
}
