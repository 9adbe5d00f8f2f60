#pragma once
#include <stddef.h>
#include <stdint.h>

/* inotify_add_watch(2): the watch's number. */
int clx_inotify_watch(int inotify, const char *path, uint32_t mask);
/* bpf(2) BPF_PROG_LOAD of a BPF_PROG_TYPE_CGROUP_DEVICE program of `count` instructions: its descriptor (close-on-exec). */
int clx_bpf_load_device(const uint64_t *instructions, int count);
/* bpf(2) BPF_PROG_ATTACH to a v2 cgroup directory as BPF_CGROUP_DEVICE, beside programs of its ancestors and of others
 * (BPF_F_ALLOW_MULTI); in the place of `replaced` (BPF_F_REPLACE, Linux 5.6), unless that is -1. */
int clx_bpf_attach_device(int cgroup, int program, int replaced);
int clx_bpf_detach_device(int cgroup, int program);
/* The ids of the device programs that are attached to this very cgroup: how many there are. */
int clx_bpf_device_programs(int cgroup, uint32_t *ids, int room);
/* The program of that id, if clx_bpf_load_device made it: its descriptor. -ENOENT: somebody else's. */
int clx_bpf_open_own(uint32_t id);
/* Bytes sent on a connected Unix socket that the peer has not read yet (SIOCOUTQ, unix(7)). */
int clx_bytes_unread(int socket);
/* The names in a directory of which the kind is known to be `directory` (no `.` and `..`), each ended by NUL, one after
 * another in `names`. Returns the bytes used, -ENOBUFS when `size` is too small. Moves the descriptor's position. */
long clx_subdirectories(int directory, char *names, size_t size);
