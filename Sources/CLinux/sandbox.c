#define _GNU_SOURCE
#include "clx_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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
        else if (!strcmp(plan->kinds[i], "user") || !strcmp(plan->kinds[i], "pid")) continue; /* made on their own */
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

static int prepare(struct plan *plan) {
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
    return 0;
}

static int apply(struct plan *plan) {
    int result = prepare(plan);
    if (result < 0) return result;
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

struct reader {
    const char *namespace;
    char *buffer;
    size_t size;
    long result;
};

/* In a thread of its own, which nobody else sees in another namespace. */
static void *read_devices(void *argument) {
    struct reader *reader = argument;
    int fd = open(reader->namespace, O_RDONLY | O_CLOEXEC);
    if (fd < 0) { reader->result = -errno; return 0; }
    int failed = setns(fd, CLONE_NEWNET) < 0 ? errno : 0;
    close(fd);
    if (failed) { reader->result = -failed; return 0; }
    fd = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
    if (fd < 0) { reader->result = -errno; return 0; }
    size_t done = 0;
    ssize_t more = 1;
    while (done < reader->size && (more = read(fd, reader->buffer + done, reader->size - done)) > 0) done += (size_t)more;
    reader->result = more < 0 ? -errno : (long)done;
    close(fd);
    return 0;
}

long clx_sandbox_devices(const char *namespace, char *buffer, size_t size) {
    struct reader reader = {.namespace = namespace, .buffer = buffer, .size = size};
    pthread_t thread;
    int failed = pthread_create(&thread, 0, read_devices, &reader);
    if (failed) return -failed;
    pthread_join(thread, 0);
    return reader.result;
}

/* What the process aside tells: how far it came, and at the end who keeps the pid namespace. */
struct word {
    int step, result, holder;
    size_t index;
};

static int tell(int fd, const struct plan *plan, int result, int holder) {
    struct word word = {.step = plan->step, .result = result, .holder = holder, .index = plan->index};
    return write(fd, &word, sizeof word) == (ssize_t)sizeof word ? 0 : -errno;
}

static int hear(int fd, struct plan *plan, int *holder) {
    struct word word;
    ssize_t count;
    do count = read(fd, &word, sizeof word); while (count < 0 && errno == EINTR);
    if (count != (ssize_t)sizeof word) return count < 0 ? -errno : -ECHILD; /* it was killed */
    plan->step = word.step;
    plan->index = word.index;
    *holder = word.holder;
    return word.result;
}

/* The first process of the new pid namespace: the shim's program as the built-in init without a program (init.c). */
static int start_holder(int program) {
    int failed[2], code = 0;
    if (unshare(CLONE_NEWPID) < 0 || pipe2(failed, O_CLOEXEC) < 0) return -errno;
    int pid = fork();
    if (pid == 0) {
        char *words[] = {"swiftlet-init", "0", 0}, *environment[] = {0};
        setsid();
        syscall(SYS_execveat, program, "", words, environment, 0x1000 /* AT_EMPTY_PATH */);
        code = errno;
        if (write(failed[1], &code, sizeof code) < 0) _exit(126);
        _exit(127);
    }
    int result = pid < 0 ? -errno : pid;
    close(failed[1]);
    /* Its end without a word: the program runs. */
    if (pid > 0 && read(failed[0], &code, sizeof code) == (ssize_t)sizeof code) result = -code;
    close(failed[0]);
    return result;
}

_Noreturn static void stand_aside(struct plan *plan, int channel, int has_user, int holder) {
    int result = 0, pid = 0;
    char go;
    if (has_user) {
        plan->step = CLX_SANDBOX_USER;
        result = unshare(CLONE_NEWUSER) < 0 ? -errno : 0;
        if (tell(channel, plan, result, 0) < 0 || result < 0 || read(channel, &go, 1) != 1) _exit(1);
        if (setgroups(0, 0) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) result = -errno;
    }
    if (!result) result = prepare(plan);
    if (!result && holder >= 0) {
        plan->step = CLX_SANDBOX_HOLDER;
        pid = start_holder(holder);
        if (pid < 0) result = pid;
    }
    if (tell(channel, plan, result, pid) < 0) _exit(1);
    /* Until all is pinned. */
    _exit(read(channel, &go, 1) < 0);
}

static int write_proc(int pid, const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int result = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return result;
}

static int pin_of(int pid, const char *kind, const char *path) {
    char source[64];
    snprintf(source, sizeof source, "/proc/%d/ns/%s", pid, kind);
    return mount(source, path, 0, MS_BIND, 0) < 0 ? -errno : 0;
}

static int attend(struct plan *plan, int channel, int child, const char *uid_map, const char *gid_map, int *holder) {
    int result, none;
    if (uid_map) {
        if ((result = hear(channel, plan, &none)) < 0) return result;
        if ((result = write_proc(child, "uid_map", uid_map)) < 0 || (result = write_proc(child, "gid_map", gid_map)) < 0) return result;
        if (write(channel, "g", 1) != 1) return -EPIPE;
    }
    if ((result = hear(channel, plan, holder)) < 0) return result;
    /* As a kubelet has it for the process that holds a pod: the last to go. */
    if (*holder > 0) write_proc(*holder, "oom_score_adj", "-998");
    plan->step = CLX_SANDBOX_PIN;
    for (plan->index = 0; plan->index < plan->pin_count; plan->index++) {
        const char *kind = plan->kinds[plan->index];
        if ((result = pin_of(strcmp(kind, "pid") ? child : *holder, kind, plan->pins[plan->index])) < 0) return result;
    }
    return 0;
}

int clx_sandbox_make_aside(const char *const *kinds, const char *const *pins, size_t pin_count, const char *hostname,
                           const char *const *sysctls, const char *const *values, size_t sysctl_count, const char *uid_map,
                           const char *gid_map, int holder, int *step, size_t *index, int *pid) {
    struct plan plan = {.kinds = kinds, .pins = pins, .pin_count = pin_count, .hostname = hostname,
                        .sysctls = sysctls, .values = values, .sysctl_count = sysctl_count, .step = CLX_SANDBOX_THREAD};
    int ends[2], result = 0;
    *pid = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
    int child = fork();
    if (child == 0) {
        close(ends[0]);
        stand_aside(&plan, ends[1], uid_map != 0, holder);
    }
    close(ends[1]);
    if (child < 0) result = -errno;
    else {
        result = attend(&plan, ends[0], child, uid_map, gid_map, pid);
        if (result < 0 && *pid > 0) kill(*pid, SIGKILL);
    }
    close(ends[0]);
    if (child > 0) while (waitpid(child, 0, 0) < 0 && errno == EINTR) {}
    *step = plan.step;
    *index = plan.index;
    return result;
}
