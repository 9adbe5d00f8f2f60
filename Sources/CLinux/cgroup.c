#define _GNU_SOURCE
#include "clx_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* At most 15 characters (BPF_OBJ_NAME_LEN). */
#define DEVICE_PROGRAM "swiftlet_device"
#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })

int clx_inotify_watch(int inotify, const char *path, uint32_t mask) { return RESULT(inotify_add_watch(inotify, path, mask)); }

int clx_bpf_load_device(const uint64_t *instructions, int count) {
    union bpf_attr arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    arguments.insns = (uint64_t)(uintptr_t)instructions;
    arguments.insn_cnt = (uint32_t)count;
    /* The program calls no helper that only GPL code may call, so its licence does not matter to the kernel. */
    memcpy(arguments.prog_name, DEVICE_PROGRAM, sizeof DEVICE_PROGRAM);
    arguments.license = (uint64_t)(uintptr_t) "Apache-2.0";
    return (int)RESULT(syscall(SYS_bpf, BPF_PROG_LOAD, &arguments, sizeof arguments));
}

int clx_bpf_attach_device(int cgroup, int program, int replaced) {
    union bpf_attr arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.target_fd = (uint32_t)cgroup;
    arguments.attach_bpf_fd = (uint32_t)program;
    arguments.attach_type = BPF_CGROUP_DEVICE;
    arguments.attach_flags = BPF_F_ALLOW_MULTI;
    if (replaced >= 0) {
        arguments.attach_flags |= BPF_F_REPLACE;
        arguments.replace_bpf_fd = (uint32_t)replaced;
    }
    return (int)RESULT(syscall(SYS_bpf, BPF_PROG_ATTACH, &arguments, sizeof arguments));
}

int clx_bpf_detach_device(int cgroup, int program) {
    union bpf_attr arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.target_fd = (uint32_t)cgroup;
    arguments.attach_bpf_fd = (uint32_t)program;
    arguments.attach_type = BPF_CGROUP_DEVICE;
    return (int)RESULT(syscall(SYS_bpf, BPF_PROG_DETACH, &arguments, sizeof arguments));
}

int clx_bpf_device_programs(int cgroup, uint32_t *ids, int room) {
    union bpf_attr arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.query.target_fd = (uint32_t)cgroup;
    arguments.query.attach_type = BPF_CGROUP_DEVICE;
    arguments.query.prog_ids = (uint64_t)(uintptr_t)ids;
    arguments.query.prog_cnt = (uint32_t)room;
    int result = (int)RESULT(syscall(SYS_bpf, BPF_PROG_QUERY, &arguments, sizeof arguments));
    return result < 0 ? result : (int)arguments.query.prog_cnt;
}

int clx_bpf_open_own(uint32_t id) {
    union bpf_attr arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.prog_id = id;
    int program = (int)RESULT(syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &arguments, sizeof arguments));
    if (program < 0) return program;
    struct bpf_prog_info info;
    memset(&info, 0, sizeof info);
    memset(&arguments, 0, sizeof arguments);
    arguments.info.bpf_fd = (uint32_t)program;
    arguments.info.info_len = sizeof info;
    arguments.info.info = (uint64_t)(uintptr_t)&info;
    int result = (int)RESULT(syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &arguments, sizeof arguments));
    if (result == 0 && strncmp(info.name, DEVICE_PROGRAM, sizeof info.name) == 0) return program;
    close(program);
    return result < 0 ? result : -ENOENT;
}

int clx_bytes_unread(int socket) {
    int count = 0;
    return ioctl(socket, TIOCOUTQ, &count) < 0 ? -errno : count;
}

long clx_subdirectories(int directory, char *names, size_t size) {
    _Alignas(struct dirent64) char records[4096];
    size_t used = 0;
    for (;;) {
        ssize_t got = getdents64(directory, records, sizeof records);
        if (got < 0) return -errno;
        if (got == 0) return (long)used;
        for (ssize_t at = 0; at < got;) {
            struct dirent64 *entry = (struct dirent64 *)(records + at);
            at += entry->d_reclen;
            if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            size_t length = strlen(entry->d_name) + 1;
            if (used + length > size) return -ENOBUFS;
            memcpy(names + used, entry->d_name, length);
            used += length;
        }
    }
}
