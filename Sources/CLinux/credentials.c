#define _GNU_SOURCE
#include "clx_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })
#define MOST_POLLED 8

/* The bare calls: glibc's own wrappers signal every thread, which a process of one thread does not need. */
int clx_setgroups(const uint32_t *groups, size_t count) { return (int)RESULT(syscall(SYS_setgroups, count, groups)); }
int clx_setresuid(uint32_t uid) { return (int)RESULT(syscall(SYS_setresuid, uid, uid, uid)); }
int clx_setresgid(uint32_t gid) { return (int)RESULT(syscall(SYS_setresgid, gid, gid, gid)); }

int clx_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};
    return (int)RESULT(syscall(SYS_capset, &header, data));
}

int clx_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return -errno;
    *effective = data[0].effective | (uint64_t)data[1].effective << 32;
    *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    *inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    return 0;
}

int clx_set_limit(int pid, int resource, uint64_t soft, uint64_t hard) {
    struct { uint64_t soft, hard; } limit = {soft, hard};
    return (int)RESULT(syscall(SYS_prlimit64, pid, resource, &limit, 0));
}

long clx_join_keyring(const char *name) {
    long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
    if (key < 0) return -errno;
    /* All for the possessor; its user may also look it up by name, so that the next one who joins finds this one (KEY_POS_ALL,
     * KEY_USR_VIEW|READ|SEARCH|LINK of linux/key.h). */
    return RESULT(syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f1b0000u));
}
int clx_sethostname(const char *name, size_t count) { return RESULT(sethostname(name, count)); }
int clx_setdomainname(const char *name, size_t count) { return RESULT(setdomainname(name, count)); }

int clx_loopback_up(void) {
    int handle = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (handle < 0) return -errno;
    struct ifreq request = {.ifr_name = "lo"};
    int result = RESULT(ioctl(handle, SIOCGIFFLAGS, &request));
    if (result >= 0) {
        request.ifr_flags |= IFF_UP;
        result = RESULT(ioctl(handle, SIOCSIFFLAGS, &request));
    }
    close(handle);
    return result;
}

int clx_pty_peer(int master) {
    int unlocked = 0;
    if (ioctl(master, TIOCSPTLCK, &unlocked) < 0) return -errno;
    return RESULT(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

int clx_set_window(int terminal, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return RESULT(ioctl(terminal, TIOCSWINSZ, &size));
}

int clx_get_window(int terminal, uint16_t *rows, uint16_t *columns) {
    struct winsize size;
    if (ioctl(terminal, TIOCGWINSZ, &size) < 0) return -errno;
    *rows = size.ws_row; *columns = size.ws_col;
    return 0;
}

int clx_set_controlling(int terminal) { return RESULT(ioctl(terminal, TIOCSCTTY, 0)); }

size_t clx_termios_size(void) { return sizeof(struct termios); }

int clx_terminal_raw(int terminal, void *saved) {
    struct termios now;
    if (tcgetattr(terminal, &now) < 0) return -errno;
    memcpy(saved, &now, sizeof now);
    cfmakeraw(&now);
    return RESULT(tcsetattr(terminal, TCSANOW, &now));
}

int clx_terminal_restore(int terminal, const void *saved) {
    struct termios was;
    memcpy(&was, saved, sizeof was);
    return RESULT(tcsetattr(terminal, TCSANOW, &was));
}

int clx_memfd(const char *name) { return RESULT(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)); }
int clx_seal(int fd) { return RESULT(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)); }
int clx_seals(int fd) { return RESULT(fcntl(fd, F_GET_SEALS)); }

int clx_poll(const int *fds, const short *wanted, short *found, int count, int milliseconds) {
    struct pollfd watched[MOST_POLLED];
    if (count < 0 || count > MOST_POLLED) return -EINVAL;
    for (int i = 0; i < count; i++) watched[i] = (struct pollfd){.fd = fds[i], .events = wanted[i]};
    int result = poll(watched, (nfds_t)count, milliseconds);
    if (result < 0) return -errno;
    for (int i = 0; i < count; i++) found[i] = watched[i].revents;
    return result;
}

int clx_poll_readable(const int *fds, int count, int milliseconds) {
    short wanted[MOST_POLLED], found[MOST_POLLED];
    int bits = 0;
    for (int i = 0; i < MOST_POLLED; i++) wanted[i] = POLLIN;
    int result = clx_poll(fds, wanted, found, count, milliseconds);
    if (result < 0) return result;
    for (int i = 0; i < count; i++) bits |= found[i] ? 1 << i : 0;
    return bits;
}

static int record_socket(const char *path, struct sockaddr_un *address) {
    size_t count = strlen(path);
    if (count >= sizeof address->sun_path) return -ENAMETOOLONG;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, count);
    return RESULT(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

int clx_record_listen(const char *path) {
    struct sockaddr_un address;
    int handle = record_socket(path, &address);
    if (handle < 0) return handle;
    mode_t was = umask(0177); /* one thread; the socket is born 0600 */
    int result = RESULT(bind(handle, (struct sockaddr *)&address, sizeof address));
    umask(was);
    if (result >= 0) result = RESULT(listen(handle, 4));
    if (result < 0) { close(handle); return result; }
    return handle;
}

int clx_record_connect(const char *path) {
    struct sockaddr_un address;
    int handle = record_socket(path, &address);
    if (handle < 0) return handle;
    int result = RESULT(connect(handle, (struct sockaddr *)&address, sizeof address));
    if (result < 0) { close(handle); return result; }
    return handle;
}

int clx_record_accept(int socket) { return RESULT(accept4(socket, 0, 0, SOCK_CLOEXEC)); }
