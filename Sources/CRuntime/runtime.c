/* Two parts of the Swift runtime work at every start, whether they are needed or not. A definition of what others ask of them keeps them
 * out of a statically linked program: the linker takes from the library only what is missing. A twentieth of the start of a container
 * is saved, and a crash is plain: it runs nothing (see SealedProgram.swift).
 *
 * Should a later runtime want more of them, the linker says so by name. */
#include <stdbool.h>

#include "clx_process.h"

/* The backtracer looks in eight places for a program that prints stacks, and installs handlers for every signal of a crash. What is left
 * of it: settings by which it is off, and the question whether a function is a thunk. Their size is more than the runtime's own (88 bytes). */
const long _swift_backtraceSettings[64];

bool _swift_backtrace_isThunkFunction(const char *name) {
    (void)name;
    return false;
}

/* `CommandLine` looks for the program's words in /proc/self/maps, which the kernel writes out for it; the C library has them. */
char **_swift_stdlib_getUnsafeArgvArgc(int *count) { return clx_arguments(count); }
