#define _GNU_SOURCE
#include "clx_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })
#define TEXT(name) ((const char *)(name))

int clx_status(int dir, const unsigned char *name, struct clx_status *out) {
    struct stat found;
    if (fstatat(dir, TEXT(name), &found, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) return -errno;
    *out = (struct clx_status){
        .device = found.st_dev, .inode = found.st_ino, .size = (uint64_t)found.st_size, .links = found.st_nlink,
        .mode = found.st_mode, .uid = found.st_uid, .gid = found.st_gid,
        .major = major(found.st_rdev), .minor = minor(found.st_rdev),
        .access_s = found.st_atim.tv_sec, .modify_s = found.st_mtim.tv_sec,
        .access_ns = (uint32_t)found.st_atim.tv_nsec, .modify_ns = (uint32_t)found.st_mtim.tv_nsec};
    return 0;
}

int clx_open_name(int dir, const unsigned char *name, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
    return (int)RESULT(syscall(SYS_openat2, dir, name, &how, sizeof how));
}

int clx_mkdir_name(int dir, const unsigned char *name, unsigned mode) { return RESULT(mkdirat(dir, TEXT(name), mode)); }

int clx_mknod_name(int dir, const unsigned char *name, unsigned mode, unsigned major, unsigned minor) {
    return RESULT(mknodat(dir, TEXT(name), mode, makedev(major, minor)));
}

int clx_symlink_name(const unsigned char *target, int dir, const unsigned char *name) {
    return RESULT(symlinkat(TEXT(target), dir, TEXT(name)));
}

long clx_readlink_name(int dir, const unsigned char *name, unsigned char *target, size_t room) {
    return RESULT(readlinkat(dir, TEXT(name), (char *)target, room));
}

int clx_link_name(int from_dir, const unsigned char *from, int dir, const unsigned char *name) {
    return RESULT(linkat(from_dir, TEXT(from), dir, TEXT(name), 0));
}

int clx_unlink_name(int dir, const unsigned char *name, int is_directory) {
    return RESULT(unlinkat(dir, TEXT(name), is_directory ? AT_REMOVEDIR : 0));
}

int clx_rename_name(int from_dir, const unsigned char *from, int dir, const unsigned char *name, unsigned flags) {
    return (int)RESULT(syscall(SYS_renameat2, from_dir, from, dir, name, flags));
}

int clx_chown_name(int dir, const unsigned char *name, unsigned uid, unsigned gid) {
    return RESULT(fchownat(dir, TEXT(name), uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
}

int clx_chmod_name(int dir, const unsigned char *name, unsigned mode) {
    if (!*name) return RESULT(fchmod(dir, mode));
    /* glibc makes this of O_PATH|O_NOFOLLOW and the descriptor's own link in /proc where the kernel has no fchmodat2. */
    return RESULT(fchmodat(dir, TEXT(name), mode, AT_SYMLINK_NOFOLLOW));
}

int clx_times_name(int dir, const unsigned char *name, int64_t access_s, uint32_t access_ns, int64_t modify_s, uint32_t modify_ns) {
    struct timespec times[2] = {{.tv_sec = access_s, .tv_nsec = access_ns}, {.tv_sec = modify_s, .tv_nsec = modify_ns}};
    if (!*name) return RESULT(futimens(dir, times));
    return RESULT(utimensat(dir, TEXT(name), times, AT_SYMLINK_NOFOLLOW));
}

/* There is no *at form before Linux 6.13: the directory's own link in /proc and one name that is not followed. */
static int entry_path(char *path, size_t room, int dir, const unsigned char *name) {
    int length = snprintf(path, room, "/proc/self/fd/%d/%s", dir, name);
    return length < 0 || (size_t)length >= room ? -ENAMETOOLONG : 0;
}

int clx_set_xattr(int dir, const unsigned char *name, const unsigned char *attribute, const void *value, size_t size) {
    char path[320];
    if (!*name) return RESULT(fsetxattr(dir, TEXT(attribute), value, size, 0));
    int bad = entry_path(path, sizeof path, dir, name);
    return bad ? bad : RESULT(lsetxattr(path, TEXT(attribute), value, size, 0));
}

long clx_get_xattr(int dir, const unsigned char *name, const unsigned char *attribute, void *value, size_t room) {
    char path[320];
    if (!*name) return RESULT(fgetxattr(dir, TEXT(attribute), value, room));
    int bad = entry_path(path, sizeof path, dir, name);
    return bad ? bad : RESULT(lgetxattr(path, TEXT(attribute), value, room));
}

long clx_list_xattr(int dir, const unsigned char *name, void *names, size_t room) {
    char path[320];
    if (!*name) return RESULT(flistxattr(dir, names, room));
    int bad = entry_path(path, sizeof path, dir, name);
    return bad ? bad : RESULT(llistxattr(path, names, room));
}

int clx_remove_xattr(int dir, const unsigned char *name, const unsigned char *attribute) {
    char path[320];
    if (!*name) return RESULT(fremovexattr(dir, TEXT(attribute)));
    int bad = entry_path(path, sizeof path, dir, name);
    return bad ? bad : RESULT(lremovexattr(path, TEXT(attribute)));
}

long clx_read_directory(int dir, void *records, size_t room) { return RESULT(syscall(SYS_getdents64, dir, records, room)); }

int clx_lock(int fd, int exclusive, int no_wait) {
    while (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | (no_wait ? LOCK_NB : 0)) < 0) {
        if (errno == EINTR) continue;
        return errno == EWOULDBLOCK ? 0 : -errno;
    }
    return 1;
}

int clx_unlock(int fd) { return RESULT(flock(fd, LOCK_UN)); }
int clx_syncfs(int fd) { return RESULT(syncfs(fd)); }
int clx_fsync(int fd) { return RESULT(fsync(fd)); }

long clx_write_at(int fd, const void *bytes, size_t count, int64_t offset) { return RESULT(pwrite(fd, bytes, count, offset)); }
long clx_read_at(int fd, void *bytes, size_t count, int64_t offset) { return RESULT(pread(fd, bytes, count, offset)); }
int clx_truncate(int fd, int64_t size) { return RESULT(ftruncate(fd, size)); }
