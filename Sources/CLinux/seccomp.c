#define _GNU_SOURCE
#include "clx_seccomp.h"

#include "clx_fd.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })

int clx_anonymous_file(const char *name) { return RESULT(memfd_create(name, MFD_CLOEXEC)); }

static long set_filter(const void *program, size_t size, unsigned flags) {
    if (size == 0 || size % sizeof(struct sock_filter) || size / sizeof(struct sock_filter) > 0xffff) return -EINVAL;
    struct sock_fprog filter = {.len = (unsigned short)(size / sizeof(struct sock_filter)), .filter = (struct sock_filter *)program};
    return RESULT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
}

int clx_seccomp_load(const void *program, size_t size, unsigned flags) {
    long result = set_filter(program, size, flags);
    /* With TSYNC a positive result is the thread that could not follow. */
    return result < 0 ? (int)result : result > 0 ? -EBUSY : 0;
}

/* The filter may hold up or refuse any call of the thread that loads it, those that would give its listener away too. So a second
 * thread, which the filter does not reach, waits for the descriptor and sends it; the first one makes no call until that is done. */
struct delivery {
    int socket;
    const char *text;
    size_t count;
    _Atomic int listener; /* AWAITED, ABANDONED or the descriptor */
    _Atomic int result;   /* UNSETTLED, 0 or a negative errno */
};
enum { AWAITED = -1, ABANDONED = -2, UNSETTLED = 1 };

static int deliver_to(const struct delivery *delivery, int listener) {
    size_t done = 0;
    while (done < delivery->count) {
        long sent = clx_send_fds(delivery->socket, delivery->text + done, delivery->count - done, &listener, done ? 0 : 1, 0);
        if (sent == -EINTR) continue;
        if (sent < 0) return (int)sent;
        done += (size_t)sent;
    }
    return 0;
}

static void *deliver(void *argument) {
    struct delivery *delivery = argument;
    int listener;
    while ((listener = atomic_load(&delivery->listener)) == AWAITED) sched_yield();
    int result = 0;
    if (listener >= 0) {
        result = deliver_to(delivery, listener);
        /* The end of the stream, whoever else still holds the socket. */
        shutdown(delivery->socket, SHUT_RDWR);
        /* Closed before the other thread goes on: without any listener its calls are refused instead of waiting for ever. */
        close(listener);
    }
    atomic_store(&delivery->result, result);
    return 0;
}

int clx_seccomp_load_notifying(const void *program, size_t size, unsigned flags, int socket, const void *text, size_t count, int *sent) {
    struct delivery delivery = {.socket = socket, .text = text, .count = count, .listener = AWAITED, .result = UNSETTLED};
    pthread_t thread;
    *sent = 0;
    int failed = pthread_create(&thread, 0, deliver, &delivery);
    if (failed) return -failed;
    pthread_detach(thread);
    long listener = set_filter(program, size, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER);
    *sent = listener >= 0;
    atomic_store(&delivery.listener, listener < 0 ? ABANDONED : (int)listener);
    int result;
    while ((result = atomic_load(&delivery.result)) == UNSETTLED) {}
    return listener < 0 ? (int)listener : result;
}

int clx_seccomp_answer(int listener, int error, int64_t value, int *call) {
    struct seccomp_notif asked = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0) return -errno;
    *call = asked.data.nr;
    struct seccomp_notif_resp answer = {.id = asked.id, .val = value, .error = -error};
    return RESULT(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer));
}
