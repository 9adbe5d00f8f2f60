#define _GNU_SOURCE
#include "clx_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })

int clx_inotify_watch(int inotify, const char *path, uint32_t mask) { return RESULT(inotify_add_watch(inotify, path, mask)); }

int clx_bpf_load_device(const uint64_t *instructions, int count) {
    union bpf_attr arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    arguments.insns = (uint64_t)(uintptr_t)instructions;
    arguments.insn_cnt = (uint32_t)count;
    /* The program calls no helper that only GPL code may call, so its licence does not matter to the kernel. */
    arguments.license = (uint64_t)(uintptr_t) "Apache-2.0";
    return (int)RESULT(syscall(SYS_bpf, BPF_PROG_LOAD, &arguments, sizeof arguments));
}

int clx_bpf_attach_device(int cgroup, int program) {
    union bpf_attr arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.target_fd = (uint32_t)cgroup;
    arguments.attach_bpf_fd = (uint32_t)program;
    arguments.attach_type = BPF_CGROUP_DEVICE;
    arguments.attach_flags = BPF_F_ALLOW_MULTI;
    return (int)RESULT(syscall(SYS_bpf, BPF_PROG_ATTACH, &arguments, sizeof arguments));
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
