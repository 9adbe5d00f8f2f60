#pragma once
#include <stddef.h>
#include <stdint.h>

/* `ENOENT` for 2; null for a number without a name. */
const char *clx_errno_name(int code);

/* openat2(2); `resolve` takes RESOLVE_* bits. O_CLOEXEC is always added. */
int clx_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
/* close_range(2); `cloexec` marks the descriptors instead of closing them. */
int clx_close_range(unsigned first, unsigned last, int cloexec);
/* One datagram over a Unix socket with up to 8 descriptors. MSG_NOSIGNAL is always set. Returns bytes sent. */
long clx_send_fds(int socket, const void *bytes, size_t count, const int *fds, int fd_count, int flags);
/* One datagram with the descriptors that came along (close-on-exec). Returns bytes read, 0 at end of stream;
 * `fd_count` goes in as the room in `fds` and comes out as the number received. -EMSGSIZE when something was cut. */
long clx_receive_fds(int socket, void *bytes, size_t count, int *fds, int *fd_count, int flags);
/* Credentials of the process that connected (SO_PEERCRED). */
int clx_peer_credentials(int socket, int *pid, unsigned *uid, unsigned *gid);

/* pipe2 and accept4 with close-on-exec; the accepted socket is non-blocking. */
int clx_pipe(int *read_end, int *write_end);
int clx_accept(int socket);

int clx_epoll_create(void);
int clx_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data);
/* Fills parallel arrays; returns how many. A timeout of -1 waits without end. EINTR is returned as it is. */
int clx_epoll_wait(int epoll, uint32_t *events, uint64_t *data, int room, int timeout_ms);
/* A signalfd for the signals whose bits are set in `signals` (that of signal 1 is the lowest); they are blocked for this thread from now on. */
int clx_signalfd(uint64_t signals);
/* Reads one record: fills signal number and sender's pid. 0 when nothing is there. */
int clx_signalfd_read(int fd, int *signal, int *pid);
/* Unblocks every signal and sets every disposition back to the default (for a process about to exec). */
int clx_reset_signals(void);
/* Whether this program's first instructions found its file on a read-only mount, or sealed (entry.c). */
int clx_began_sealed(void);
int clx_unblock_signals(void);
int clx_block_signals(void);
int clx_eventfd(unsigned initial, int semaphore);
int clx_timerfd(int clock);
/* Arms for the absolute time on the timer's clock in nanoseconds; 0 disarms. */
int clx_timerfd_arm(int fd, uint64_t nanoseconds);
uint64_t clx_monotonic_ns(void);
uint64_t clx_realtime_ns(void);
int clx_inotify(void);
int clx_splice(int from, int to, size_t count, unsigned flags);
