#pragma once
#include <stddef.h>
#include <stdint.h>

/* inotify_add_watch(2): the watch's number. */
int clx_inotify_watch(int inotify, const char *path, uint32_t mask);
/* bpf(2) BPF_PROG_LOAD of a BPF_PROG_TYPE_CGROUP_DEVICE program of `count` instructions: its descriptor (close-on-exec). */
int clx_bpf_load_device(const uint64_t *instructions, int count);
/* bpf(2) BPF_PROG_ATTACH to a v2 cgroup directory as BPF_CGROUP_DEVICE, beside programs of its ancestors (BPF_F_ALLOW_MULTI). */
int clx_bpf_attach_device(int cgroup, int program);
/* The names in a directory of which the kind is known to be `directory` (no `.` and `..`), each ended by NUL, one after
 * another in `names`. Returns the bytes used, -ENOBUFS when `size` is too small. Moves the descriptor's position. */
long clx_subdirectories(int directory, char *names, size_t size);
