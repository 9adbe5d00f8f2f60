#define _GNU_SOURCE
#include "clinux.h"
#include <signal.h>
#include <spawn.h>
#include <stddef.h>

int clx_spawn(const char *path, const char *const *argv, const char *const *envp, const char *cwd, int own_group, int in, int out, int err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    pid_t pid = -1;
    int result = posix_spawn_file_actions_init(&actions);
    if (result != 0)
        return -result;
    result = posix_spawnattr_init(&attributes);
    if (result != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -result;
    }
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    /* The group's id is the new process' own pid: 0 is what a new attribute says. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (own_group ? POSIX_SPAWN_SETPGROUP : 0));
    if (cwd != NULL)
        result = posix_spawn_file_actions_addchdir_np(&actions, cwd);
    const int ends[3] = {in, out, err};
    for (int number = 0; number < 3 && result == 0; number++)
        result = posix_spawn_file_actions_adddup2(&actions, ends[number], number);
    if (result == 0)
        result = posix_spawn(&pid, path, &actions, &attributes, (char *const *)argv, (char *const *)envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result == 0 ? pid : -result;
}
