#define _GNU_SOURCE
#include "clx_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })

int clx_clone(uint64_t flags, int exit_signal, int *pidfd, int cgroup_fd) {
    int slot = -1;
    struct clone_args arguments = {.flags = flags, .exit_signal = (uint64_t)exit_signal};
    if (pidfd) {
        arguments.flags |= CLONE_PIDFD;
        arguments.pidfd = (uint64_t)(uintptr_t)&slot;
    }
    if (cgroup_fd >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)cgroup_fd;
    }
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0 && errno == ENOSYS && cgroup_fd < 0 && !(arguments.flags >> 32)) {
        /* A seccomp filter that cannot look into the arguments of clone3(2) says that there is none. */
        unsigned long old = (unsigned long)arguments.flags | (unsigned long)exit_signal;
        pid = syscall(SYS_clone, old, 0, &slot, 0, 0); /* the third argument is the same everywhere */
    }
    if (pid < 0) return -errno;
    if (pid > 0 && pidfd) *pidfd = slot;
    return (int)pid;
}

int clx_pidfd_open(int pid, unsigned flags) { return (int)RESULT(syscall(SYS_pidfd_open, pid, flags)); }

int clx_pidfd_send_signal(int pidfd, int signal) {
    return (int)RESULT(syscall(SYS_pidfd_send_signal, pidfd, signal, 0, 0));
}

int clx_wait_pidfd(int pidfd, int no_hang, int *code, int *status) {
    siginfo_t info = {0};
    /* __WALL: a child cloned with exit signal 0 is a "clone child", which plain waits pass over. */
    if (waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | __WALL | (no_hang ? WNOHANG : 0)) < 0) return -errno;
    if (info.si_pid == 0) return 0;
    *code = info.si_code;
    *status = info.si_status;
    return 1;
}

int clx_namespace_kind(int fd) { return RESULT(ioctl(fd, _IO(0xb7, 0x3) /* NS_GET_NSTYPE */)); }
int clx_setns(int fd, uint64_t kinds) { return RESULT(setns(fd, (int)kinds)); }
int clx_unshare(uint64_t kinds) { return RESULT(unshare((int)kinds)); }

long clx_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return RESULT(prctl(option, a, b, c, d));
}

int clx_execve(const char *path, const char *const *argv, const char *const *envp) {
    execve(path, (char *const *)argv, (char *const *)envp);
    return -errno;
}

int clx_execveat(int fd, const char *const *argv, const char *const *envp) {
    syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
    return -errno;
}

_Noreturn void clx_exit(int status) { _exit(status); }

static int argument_count;
static char **arguments;

/* The C library gives its constructors what it gives to main. */
__attribute__((constructor)) static void keep_arguments(int count, char **words) {
    argument_count = count;
    arguments = words;
}

char **clx_arguments(int *count) {
    *count = argument_count;
    return arguments;
}

const char *clx_argument(int number) { return number >= 0 && number < argument_count ? arguments[number] : 0; }
