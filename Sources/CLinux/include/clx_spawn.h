#pragma once
/* posix_spawn(3) of `path` in directory `cwd` (null: this process' own) with the given standard descriptors, default signal
 * dispositions and nothing blocked. Every other descriptor is left to close-on-exec. Returns the pid. With
 * `own_group` it leads a process group of its own, so that what it starts can be killed with it. For processes with threads, where a
 * clone of one's own is not allowed to do more than exec. */
int clx_spawn(const char *path, const char *const *argv, const char *const *envp, const char *cwd, int own_group,
              int in, int out, int err);
