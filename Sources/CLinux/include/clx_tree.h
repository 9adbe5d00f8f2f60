#pragma once
#include <stddef.h>
#include <stdint.h>

/* Files of a tree by a directory's descriptor and one name in it. Names are bytes (a file name need not be UTF-8),
 * ended by a zero byte. None of these follows a symbolic link in the last component. */

struct clx_status {
    uint64_t device, inode, size, links;
    uint32_t mode, uid, gid, major, minor;
    int64_t access_s, modify_s;
    uint32_t access_ns, modify_ns;
};

/* fstatat(2); an empty name means the descriptor itself. */
int clx_status(int dir, const unsigned char *name, struct clx_status *status);
/* openat2(2) for names that are bytes. O_CLOEXEC is always added. */
int clx_open_name(int dir, const unsigned char *name, uint64_t flags, uint64_t mode, uint64_t resolve);
int clx_mkdir_name(int dir, const unsigned char *name, unsigned mode);
int clx_mknod_name(int dir, const unsigned char *name, unsigned mode, unsigned major, unsigned minor);
int clx_symlink_name(const unsigned char *target, int dir, const unsigned char *name);
/* readlinkat(2): bytes written, no zero byte at the end. */
long clx_readlink_name(int dir, const unsigned char *name, unsigned char *target, size_t room);
int clx_link_name(int from_dir, const unsigned char *from, int dir, const unsigned char *name);
int clx_unlink_name(int dir, const unsigned char *name, int is_directory);
/* renameat2(2) */
int clx_rename_name(int from_dir, const unsigned char *from, int dir, const unsigned char *name, unsigned flags);
/* An empty name means the descriptor itself. */
int clx_chown_name(int dir, const unsigned char *name, unsigned uid, unsigned gid);
/* The descriptor itself when the name is empty. */
int clx_chmod_name(int dir, const unsigned char *name, unsigned mode);
int clx_times_name(int dir, const unsigned char *name, int64_t access_s, uint32_t access_ns, int64_t modify_s, uint32_t modify_ns);
/* Extended attributes of the descriptor itself when the name is empty, else of that entry (never of what a link leads to). */
int clx_set_xattr(int dir, const unsigned char *name, const unsigned char *attribute, const void *value, size_t size);
long clx_get_xattr(int dir, const unsigned char *name, const unsigned char *attribute, void *value, size_t room);
long clx_list_xattr(int dir, const unsigned char *name, void *names, size_t room);
int clx_remove_xattr(int dir, const unsigned char *name, const unsigned char *attribute);
/* getdents64(2): records as the kernel writes them. */
long clx_read_directory(int dir, void *records, size_t room);
/* flock(2): 1 locked, 0 when somebody else holds it and `no_wait` is set. */
int clx_lock(int fd, int exclusive, int no_wait);
int clx_unlock(int fd);
int clx_syncfs(int fd);
int clx_fsync(int fd);
long clx_write_at(int fd, const void *bytes, size_t count, int64_t offset);
long clx_read_at(int fd, void *bytes, size_t count, int64_t offset);
int clx_truncate(int fd, int64_t size);
