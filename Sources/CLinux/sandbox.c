#define _GNU_SOURCE
#include "clx_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

struct plan {
    const char *const *kinds, *const *pins, *const *sysctls, *const *values;
    size_t pin_count, sysctl_count, index;
    const char *hostname;
    int step, result;
};

static int has(const struct plan *plan, const char *kind) {
    for (size_t i = 0; i < plan->pin_count; i++)
        if (!strcmp(plan->kinds[i], kind)) return 1;
    return 0;
}

static int unshare_all(const struct plan *plan) {
    int flags = 0;
    for (size_t i = 0; i < plan->pin_count; i++) {
        if (!strcmp(plan->kinds[i], "net")) flags |= CLONE_NEWNET;
        else if (!strcmp(plan->kinds[i], "ipc")) flags |= CLONE_NEWIPC;
        else if (!strcmp(plan->kinds[i], "uts")) flags |= CLONE_NEWUTS;
        else return -EINVAL;
    }
    return flags && unshare(flags) < 0 ? -errno : 0;
}

static int loopback_up(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct ifreq request = {0};
    strcpy(request.ifr_name, "lo");
    int result = 0;
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) result = -errno;
    else {
        request.ifr_flags |= IFF_UP;
        if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) result = -errno;
    }
    close(fd);
    return result;
}

/* Files of /proc/sys/net, fs/mqueue and the IPC ones are those of the namespaces of the thread that opens them. */
static int write_sysctl(const char *name, const char *value) {
    char path[512];
    int length = snprintf(path, sizeof path, "/proc/sys/%s", name);
    if (length < 0 || (size_t)length >= sizeof path) return -ENAMETOOLONG;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return -errno;
    size_t size = strlen(value);
    ssize_t done = write(fd, value, size);
    int result = done < 0 ? -errno : (size_t)done == size ? 0 : -EIO;
    close(fd);
    return result;
}

static int pin(const char *kind, const char *path) {
    char source[64];
    snprintf(source, sizeof source, "/proc/thread-self/ns/%s", kind);
    return mount(source, path, 0, MS_BIND, 0) < 0 ? -errno : 0;
}

static int apply(struct plan *plan) {
    int result;
    plan->step = CLX_SANDBOX_UNSHARE;
    if ((result = unshare_all(plan)) < 0) return result;
    plan->step = CLX_SANDBOX_LOOPBACK;
    if (has(plan, "net") && (result = loopback_up()) < 0) return result;
    plan->step = CLX_SANDBOX_HOSTNAME;
    if (has(plan, "uts") && sethostname(plan->hostname, strlen(plan->hostname)) < 0) return -errno;
    plan->step = CLX_SANDBOX_SYSCTL;
    for (plan->index = 0; plan->index < plan->sysctl_count; plan->index++)
        if ((result = write_sysctl(plan->sysctls[plan->index], plan->values[plan->index])) < 0) return result;
    plan->step = CLX_SANDBOX_PIN;
    for (plan->index = 0; plan->index < plan->pin_count; plan->index++)
        if ((result = pin(plan->kinds[plan->index], plan->pins[plan->index])) < 0) return result;
    return 0;
}

static void *run(void *argument) {
    struct plan *plan = argument;
    plan->result = apply(plan);
    return 0;
}

int clx_sandbox_make(const char *const *kinds, const char *const *pins, size_t pin_count, const char *hostname,
                     const char *const *sysctls, const char *const *values, size_t sysctl_count, int *step, size_t *index) {
    struct plan plan = {.kinds = kinds, .pins = pins, .pin_count = pin_count, .hostname = hostname,
                        .sysctls = sysctls, .values = values, .sysctl_count = sysctl_count};
    pthread_t thread;
    *step = CLX_SANDBOX_THREAD;
    *index = 0;
    int failed = pthread_create(&thread, 0, run, &plan);
    if (failed) return -failed;
    pthread_join(thread, 0);
    *step = plan.step;
    *index = plan.index;
    return plan.result;
}

int clx_sandbox_shm(const char *path, uint64_t bytes) {
    char options[64];
    snprintf(options, sizeof options, "mode=1777,size=%llu", (unsigned long long)bytes);
    return mount("shm", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0 ? -errno : 0;
}

int clx_sandbox_unmount(const char *path) {
    return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}
