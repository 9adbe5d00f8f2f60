#define _GNU_SOURCE
#include "clx_relay.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })

void clx_reap_others(int kept) {
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 || info.si_pid == 0 || info.si_pid == kept) return;
        if (waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG | __WALL) < 0) return;
    }
}

int clx_ended_child(void) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0) return 0;
    return info.si_pid;
}

void clx_reap_child(int pid) {
    siginfo_t info = {0};
    (void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | __WALL);
}

static int address_of(const char *path, struct sockaddr_un *address, socklen_t *size) {
    size_t count = strlen(path);
    if (count == 0 || count >= sizeof address->sun_path) return -ENAMETOOLONG;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, count);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + count + 1);
    if (path[0] == '@') {
        address->sun_path[0] = 0;
        *size -= 1; /* every byte counts in an abstract name */
    }
    return 0;
}

int clx_datagram_bind(const char *path) {
    struct sockaddr_un address;
    socklen_t size;
    int result = address_of(path, &address, &size);
    if (result < 0) return result;
    int handle = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (handle < 0) return -errno;
    mode_t was = umask(0); /* one thread; the user of the container is not known here */
    result = RESULT(bind(handle, (struct sockaddr *)&address, size));
    umask(was);
    if (result >= 0) return handle;
    close(handle);
    return result;
}

int clx_datagram_connect(const char *path) {
    struct sockaddr_un address;
    socklen_t size;
    int result = address_of(path, &address, &size);
    if (result < 0) return result;
    int handle = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (handle < 0) return -errno;
    result = RESULT(connect(handle, (struct sockaddr *)&address, size));
    if (result >= 0) return handle;
    close(handle);
    return result;
}
