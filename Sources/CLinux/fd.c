#define _GNU_SOURCE
#include "clx_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })
#define MOST_FDS 32

const char *clx_errno_name(int code) { return strerrorname_np(code); }

int clx_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
    return (int)RESULT(syscall(SYS_openat2, dir, path, &how, sizeof how));
}

int clx_close_range(unsigned first, unsigned last, int cloexec) {
    return (int)RESULT(syscall(SYS_close_range, first, last, cloexec ? 4u /* CLOSE_RANGE_CLOEXEC */ : 0u));
}

long clx_send_fds(int socket, const void *bytes, size_t count, const int *fds, int fd_count, int flags) {
    if (fd_count < 0 || fd_count > MOST_FDS) return -EINVAL;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    union { char room[CMSG_SPACE(sizeof(int) * MOST_FDS)]; struct cmsghdr align; } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fd_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fd_count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)fd_count);
    }
    return RESULT(sendmsg(socket, &message, MSG_NOSIGNAL | flags));
}

long clx_receive_fds(int socket, void *bytes, size_t count, int *fds, int *fd_count, int flags) {
    struct iovec part = {.iov_base = bytes, .iov_len = count};
    union { char room[CMSG_SPACE(sizeof(int) * MOST_FDS)]; struct cmsghdr align; } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    int room = *fd_count, found = 0, cut = 0;
    *fd_count = 0;
    ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
    if (got < 0) return -errno;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t sent = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < sent; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            if (found < room) fds[found++] = fd;
            else { close(fd); cut = 1; }
        }
    }
    *fd_count = found;
    if (cut || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        while (found > 0) close(fds[--found]);
        *fd_count = 0;
        return -EMSGSIZE;
    }
    return got;
}

int clx_peer_credentials(int socket, int *pid, unsigned *uid, unsigned *gid) {
    struct ucred found;
    socklen_t size = sizeof found;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &found, &size) < 0) return -errno;
    *pid = found.pid; *uid = found.uid; *gid = found.gid;
    return 0;
}

int clx_pipe(int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    *read_end = ends[0]; *write_end = ends[1];
    return 0;
}

int clx_accept(int socket) { return RESULT(accept4(socket, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK)); }

int clx_epoll_create(void) { return RESULT(epoll_create1(EPOLL_CLOEXEC)); }

int clx_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return RESULT(epoll_ctl(epoll, operation, fd, &event));
}

int clx_epoll_wait(int epoll, uint32_t *events, uint64_t *data, int room, int timeout_ms) {
    struct epoll_event found[64];
    int count = epoll_wait(epoll, found, room > 64 ? 64 : room, timeout_ms);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        events[i] = found[i].events;
        data[i] = found[i].data.u64;
    }
    return count;
}

int clx_signalfd(uint64_t signals) {
    sigset_t set;
    sigemptyset(&set);
    for (int number = 1; number <= 64; number++)
        if (signals >> (number - 1) & 1) sigaddset(&set, number);
    if (sigprocmask(SIG_BLOCK, &set, 0) < 0) return -errno;
    return RESULT(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int clx_signalfd_read(int fd, int *signal, int *pid) {
    struct signalfd_siginfo info;
    ssize_t got = read(fd, &info, sizeof info);
    if (got < 0) return errno == EAGAIN ? 0 : -errno;
    if (got != (ssize_t)sizeof info) return -EIO;
    *signal = (int)info.ssi_signo;
    *pid = (int)info.ssi_pid;
    return 1;
}

int clx_reset_signals(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        sigaction(number, &standard, 0); /* EINVAL for the two that glibc keeps for itself */
    }
    sigset_t none;
    sigemptyset(&none);
    return RESULT(sigprocmask(SIG_SETMASK, &none, 0));
}

int clx_unblock_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    return RESULT(sigprocmask(SIG_SETMASK, &none, 0));
}

int clx_block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    return RESULT(sigprocmask(SIG_SETMASK, &all, 0));
}

int clx_eventfd(unsigned initial, int semaphore) {
    return RESULT(eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK | (semaphore ? EFD_SEMAPHORE : 0)));
}

int clx_timerfd(int clock) { return RESULT(timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK)); }

int clx_timerfd_arm(int fd, uint64_t nanoseconds) {
    struct itimerspec when = {0};
    when.it_value.tv_sec = (time_t)(nanoseconds / 1000000000u);
    when.it_value.tv_nsec = (long)(nanoseconds % 1000000000u);
    return RESULT(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, 0));
}

static uint64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
uint64_t clx_monotonic_ns(void) { return now(CLOCK_MONOTONIC); }
uint64_t clx_realtime_ns(void) { return now(CLOCK_REALTIME); }

int clx_inotify(void) { return RESULT(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)); }

int clx_splice(int from, int to, size_t count, unsigned flags) {
    return (int)RESULT(splice(from, 0, to, 0, count, flags));
}
