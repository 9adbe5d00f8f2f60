#pragma once
#include <stddef.h>
#include <stdint.h>

/* open_tree(2) with O_CLOEXEC. `path` may be empty (the descriptor itself). `clone`: a detached copy; `recursive`: with what is mounted below. */
int clx_open_tree(int dir, const char *path, int clone, int recursive);
/* move_mount(2): puts the mount behind `from` onto the place behind `to`, both descriptors, or onto the entry `name` of that directory
 * unless it is empty. */
int clx_move_mount(int from, int to, const char *name);
/* fsopen(2), fsconfig(2), fsmount(2). `key` with a null value is a flag. */
int clx_fsopen(const char *type);
int clx_fsconfig_set(int context, const char *key, const char *value);
int clx_fsconfig_create(int context);
int clx_fsmount(int context, unsigned attributes);
/* The next message that the kernel left for a context (`e overlay: …`); -ENODATA when there is none. */
long clx_fs_message(int context, char *text, size_t room);
/* mount_setattr(2) on a descriptor; `propagation` is MS_SHARED and so on, or 0. */
int clx_mount_setattr(int fd, int recursive, uint64_t set, uint64_t clear, uint64_t propagation);
/* mount_setattr(2) with MOUNT_ATTR_IDMAP: ids as the user namespace behind the descriptor maps them. */
int clx_mount_idmap(int fd, int recursive, int user_namespace);
/* mount(2), umount2(2), pivot_root(2), chroot(2). Null strings are passed on. */
int clx_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int clx_umount(const char *target, int flags);
int clx_pivot_root(const char *new_root, const char *put_old);
int clx_chroot(const char *path);
/* fstatfs(2): the file system's magic number and the ST_* flags of the mount. */
int clx_filesystem(int fd, uint64_t *magic, uint64_t *flags);
/* fstat(2). `device` is split. */
int clx_stat(int fd, uint32_t *mode, uint32_t *uid, uint32_t *gid, uint32_t *major, uint32_t *minor, uint64_t *dev, uint64_t *inode);
int clx_mknod(int dir, const char *name, uint32_t mode, uint32_t major, uint32_t minor);
/* The bare getcwd(2): bytes with the ending zero. */
long clx_getcwd(void *text, size_t room);
