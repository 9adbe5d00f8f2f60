#define _GNU_SOURCE
#include "clx_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define RESULT(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })

/* <sys/mount.h> cannot be included beside <linux/mount.h>. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);

int clx_open_tree(int dir, const char *path, int clone, int recursive) {
    unsigned flags = O_CLOEXEC | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
    if (clone) flags |= OPEN_TREE_CLONE;
    if (recursive) flags |= AT_RECURSIVE;
    return (int)RESULT(syscall(SYS_open_tree, dir, path, flags));
}

int clx_move_mount(int from, int to, const char *name) {
    unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (*name ? 0 : MOVE_MOUNT_T_EMPTY_PATH);
    return (int)RESULT(syscall(SYS_move_mount, from, "", to, name, flags));
}

int clx_fsopen(const char *type) { return (int)RESULT(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)); }

int clx_fsconfig_set(int context, const char *key, const char *value) {
    unsigned command = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    return (int)RESULT(syscall(SYS_fsconfig, context, command, key, value, 0));
}

int clx_fsconfig_create(int context) { return (int)RESULT(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0)); }

int clx_fsmount(int context, unsigned attributes) {
    return (int)RESULT(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
}

long clx_fs_message(int context, char *text, size_t room) { return RESULT(read(context, text, room)); }

int clx_mount_setattr(int fd, int recursive, uint64_t set, uint64_t clear, uint64_t propagation) {
    struct mount_attr attributes = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    return (int)RESULT(syscall(SYS_mount_setattr, fd, "", flags, &attributes, sizeof attributes));
}

int clx_mount_idmap(int fd, int recursive, int user_namespace) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_namespace};
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    return (int)RESULT(syscall(SYS_mount_setattr, fd, "", flags, &attributes, sizeof attributes));
}

int clx_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return RESULT(mount(source, target, type, flags, data));
}

int clx_umount(const char *target, int flags) { return RESULT(umount2(target, flags)); }

int clx_pivot_root(const char *new_root, const char *put_old) { return (int)RESULT(syscall(SYS_pivot_root, new_root, put_old)); }

int clx_chroot(const char *path) { return RESULT(chroot(path)); }

int clx_filesystem(int fd, uint64_t *magic, uint64_t *flags) {
    struct statfs found;
    if (fstatfs(fd, &found) < 0) return -errno;
    *magic = (uint64_t)found.f_type;
    *flags = (uint64_t)found.f_flags;
    return 0;
}

int clx_stat(int fd, uint32_t *mode, uint32_t *uid, uint32_t *gid, uint32_t *major_, uint32_t *minor_, uint64_t *dev, uint64_t *inode) {
    struct stat found;
    if (fstat(fd, &found) < 0) return -errno;
    *mode = found.st_mode; *uid = found.st_uid; *gid = found.st_gid;
    *major_ = major(found.st_rdev); *minor_ = minor(found.st_rdev);
    *dev = (uint64_t)found.st_dev; *inode = (uint64_t)found.st_ino;
    return 0;
}

int clx_mknod(int dir, const char *name, uint32_t mode, uint32_t major_, uint32_t minor_) {
    return RESULT(mknodat(dir, name, mode, makedev(major_, minor_)));
}

long clx_getcwd(void *text, size_t room) { return RESULT(syscall(SYS_getcwd, text, room)); }
