/* The first instructions of a program that enters containers, before its C library: it executes itself again from a
 * detached read-only mount of its file (see SealedProgram.swift, which checks, does the same where this did not, and says why it cannot).
 * Here it costs a few system calls; later the whole start of the program, with what a virtual machine takes for each CPUID, is paid twice.
 *
 * Nothing of the C library is ready: no calls, no thread-local storage, no stack protector. Linked as the entry point by Package.swift. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "bare.h"

#if defined(__x86_64__)
__asm__(".text\n.globl clx_entry\n.type clx_entry,@function\nclx_entry:\n"
        "xor %ebp, %ebp\nmov %rsp, %rbx\nmov %rdx, %r12\nmov %rsp, %rdi\nand $-16, %rsp\ncall clx_entry_seal\n"
        "mov %rbx, %rsp\nmov %r12, %rdx\njmp _start\n.size clx_entry, .-clx_entry\n");

#elif defined(__aarch64__)
__asm__(".text\n.globl clx_entry\n.type clx_entry,%function\nclx_entry:\n"
        "mov x29, #0\nmov x30, #0\nmov x19, x0\nmov x0, sp\nbl clx_entry_seal\nmov x0, x19\nmov x30, #0\nb _start\n"
        ".size clx_entry, .-clx_entry\n");

#else
#error "an entry point for this processor is missing"
#endif

/* Any word may be an option's value: one time too many does no harm. */
BARE static int enters_containers(char **words) {
    for (char **word = words; *word; word++)
        if (same(*word, "run") || same(*word, "create") || same(*word, "exec") || same(*word, "restore")) return 1;
    return 0;
}

static const char own[] = "/proc/self/exe";

static int is_sealed;

int clx_began_sealed(void) { return is_sealed; }

/* Executes the program again; returns where that is not needed or cannot be done. */
BARE static void seal(char **words, char **environment) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    long file = call(SYS_openat, AT_FDCWD, (long)own, O_RDONLY | O_CLOEXEC, 0, 0);
    if (file < 0) return;
    long seals = call(SYS_fcntl, file, F_GET_SEALS, 0, 0, 0);
    is_sealed = seals >= 0 && seals & F_SEAL_WRITE;
    long mount = is_sealed
                     ? -1
                     : call(SYS_open_tree, file, (long)"", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | AT_NO_AUTOMOUNT, 0, 0);
    if (mount >= 0) {
        if (call(SYS_mount_setattr, mount, (long)"", AT_EMPTY_PATH, (long)&attributes, sizeof attributes) == 0)
            call(SYS_execveat, mount, (long)"", (long)words, (long)environment, AT_EMPTY_PATH);
        call(SYS_close, mount, 0, 0, 0, 0);
    }
    call(SYS_close, file, 0, 0, 0, 0);
}

__attribute__((used)) BARE void clx_entry_seal(long *stack) {
    char **words = (char **)(stack + 1), **environment = words + stack[0] + 1;
    struct statfs found;
    if (stack[0] == 2 && same(words[0], "swiftlet-init")) clx_bare_init(words);
    if (stack[0] < 2) return;
    const char *bundle, *verb = clx_bare_verb(words + 1, &bundle);
    int stays = verb && same(verb, "start");
    if (verb && bundle && *bundle && same(verb, "delete")) clx_bare_answer(bundle);
    if (!stays && !enters_containers(words + 1)) return;
    is_sealed = call(SYS_statfs, (long)own, (long)&found, 0, 0, 0) == 0 && found.f_flags & 1 /* ST_RDONLY */;
    if (!is_sealed) seal(words, environment);
    if (is_sealed && stays) clx_bare_stay();
}
