#pragma once
#include <stddef.h>
#include <stdint.h>

/* clone3(2) used as fork: returns 0 in the child. Only for a process with one thread. `pidfd` may be null.
 * `cgroup_fd` >= 0 clones into that v2 cgroup. With CLONE_PARENT the exit signal must be 0. */
int clx_clone(uint64_t flags, int exit_signal, int *pidfd, int cgroup_fd);
int clx_pidfd_open(int pid, unsigned flags);
int clx_pidfd_send_signal(int pidfd, int signal);
/* waitid(P_PIDFD): 1 when the process was reaped (code is CLD_*, status its value), 0 when WNOHANG found nothing. */
int clx_wait_pidfd(int pidfd, int no_hang, int *code, int *status);
/* ioctl_nsfs(2), NS_GET_NSTYPE: the CLONE_NEW* of a namespace file; -ENOTTY for any other file. */
int clx_namespace_kind(int fd);
/* setns(2), unshare(2), prctl(2) */
int clx_setns(int fd, uint64_t kinds);
int clx_unshare(uint64_t kinds);
long clx_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
/* execve with close-on-exec as set by the caller; returns only a negative errno. */
int clx_execve(const char *path, const char *const *argv, const char *const *envp);
/* fexecve without /proc: execveat(fd, "", AT_EMPTY_PATH). */
int clx_execveat(int fd, const char *const *argv, const char *const *envp);
/* _exit(2): never returns, runs no handler. */
_Noreturn void clx_exit(int status);

/* A word of the command line, nil behind the last one. */
const char *clx_argument(int number);
/* All of them, and how many. */
char **clx_arguments(int *count);
