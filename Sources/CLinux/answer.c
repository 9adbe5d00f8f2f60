/* The verb `delete` of the shim where nothing is left to delete: the shim that has done all of it has left the answer in the bundle
 * (Shim/DeleteAnswer.swift). Anything unexpected is left to the program itself, which finds out what there is. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "bare.h"

BARE void clx_bare_answer(const char *bundle) {
    struct stat found;
    char answer[64];
    long directory = call(SYS_openat, AT_FDCWD, (long)bundle, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0);
    if (directory < 0) return;
    long file = call(SYS_openat, directory, (long)"swiftlet-deleted", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0, 0);
    call(SYS_close, directory, 0, 0, 0, 0);
    if (file < 0) return;
    if (call(SYS_fstat, file, (long)&found, 0, 0, 0) == 0 && S_ISREG(found.st_mode) && found.st_uid == call(SYS_geteuid, 0, 0, 0, 0, 0)) {
        long length = call(SYS_read, file, (long)answer, sizeof answer, 0, 0);
        if (length > 0 && length == found.st_size && call(SYS_write, 1, (long)answer, length, 0, 0) == length)
            call(SYS_exit_group, 0, 0, 0, 0, 0);
    }
    call(SYS_close, file, 0, 0, 0, 0);
}
