#pragma once
#include <stddef.h>
#include <stdint.h>

/* What a pod's shared namespaces are made of. */
enum clx_sandbox_step {
    CLX_SANDBOX_THREAD = 1,
    CLX_SANDBOX_UNSHARE,
    CLX_SANDBOX_LOOPBACK,
    CLX_SANDBOX_HOSTNAME,
    CLX_SANDBOX_SYSCTL, /* `index` says which */
    CLX_SANDBOX_PIN,    /* `index` says which */
    CLX_SANDBOX_USER,   /* the user namespace and its maps */
    CLX_SANDBOX_HOLDER, /* the process that keeps the pid namespace */
};

/* Makes new namespaces in a thread of its own, prepares them and keeps them alive: `kinds[i]` ("net", "ipc", "uts" as in
 * /proc/PID/ns) is bound over the existing file `pins[i]`. A new network namespace gets its loopback up; with a new uts
 * namespace `hostname` is set. `sysctls[i]` is a path below /proc/sys and is given `values[i]`.
 * Nothing of the calling thread changes. On failure returns a negative errno with the step and index; what was pinned until
 * then stays for the caller to unpin. */
int clx_sandbox_make(const char *const *kinds, const char *const *pins, size_t pin_count, const char *hostname,
                     const char *const *sysctls, const char *const *values, size_t sysctl_count, int *step, size_t *index);

/* The same by a process of its own, for what a thread cannot make: with `uid_map` and `gid_map` (lines of /proc/PID/uid_map; else null)
 * a user namespace, kind "user", that owns all the others; with `holder` (a descriptor of the shim's program, else -1) a pid namespace,
 * kind "pid", whose first process is `*pid`. */
int clx_sandbox_make_aside(const char *const *kinds, const char *const *pins, size_t pin_count, const char *hostname,
                           const char *const *sysctls, const char *const *values, size_t sysctl_count, const char *uid_map,
                           const char *gid_map, int holder, int *step, size_t *index, int *pid);

/* A tmpfs of `bytes` at `path`: nosuid, nodev, noexec, mode 1777. */
int clx_sandbox_shm(const char *path, uint64_t bytes);

/* Takes the mount at `path` off, also when it is still used (umount2(2), MNT_DETACH). -EINVAL: nothing was mounted there. */
int clx_sandbox_unmount(const char *path);

/* The text of /proc/net/dev in the network namespace that is bound over `namespace`: its length, or a negative errno. */
long clx_sandbox_devices(const char *namespace, char *buffer, size_t size);
