/* The shim's `start` leaves a process behind. It is cloned here, before the C library begins: what begins then is written once, by the process
 * that stays, and not copied page by page from one that is about to end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "bare.h"
#include "clx_shim.h"

static int word_to_caller = -1;

int clx_word_to_caller(void) { return word_to_caller; }

/* Whoever started this process waits for its end: until there is a shim to talk to, or the other has ended, which says why itself. */
_Noreturn BARE static void wait_for_word(long pipe, long pid) {
    static const char killed[] = "containerd-shim-swiftlet-v2: start: the shim was killed before it served\n";
    char word;
    int status = 0;
    if (call(SYS_read, pipe, (long)&word, 1, 0, 0) == 1) call(SYS_exit_group, 0, 0, 0, 0, 0);
    while (call(SYS_wait4, pid, (long)&status, __WALL, 0, 0) == -EINTR) continue;
    if (WIFSIGNALED(status)) call(SYS_write, 2, (long)killed, sizeof killed - 1, 0, 0);
    for (;;) call(SYS_exit_group, WIFEXITED(status) ? WEXITSTATUS(status) : 1, 0, 0, 0, 0);
}

BARE void clx_bare_stay(void) {
    int ends[2];
    if (call(SYS_pipe2, (long)ends, O_CLOEXEC, 0, 0, 0) < 0) return;
    long pid = call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        word_to_caller = ends[1];
        call(SYS_close, ends[0], 0, 0, 0, 0);
        return;
    }
    call(SYS_close, ends[1], 0, 0, 0, 0);
    if (pid > 0) wait_for_word(ends[0], pid);
    call(SYS_close, ends[0], 0, 0, 0, 0);
}
