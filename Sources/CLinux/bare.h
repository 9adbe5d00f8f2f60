/* For code that runs before the C library is ready, or without it: system calls and nothing else. */
#ifndef BARE_H
#define BARE_H

#define BARE __attribute__((no_stack_protector, no_builtin))

#if defined(__x86_64__)
BARE static long call(long number, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
BARE static long call(long number, long a, long b, long c, long d, long e) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#else
#error "system calls for this processor are missing"
#endif

BARE static int same(const char *word, const char *other) {
    while (*word && *word == *other) word++, other++;
    return *word == *other;
}

/* Becomes the built-in init of a container (init.c); never returns. */
_Noreturn void clx_bare_init(char **words);

/* Clones the process that stays, before there is anything to copy, and returns in it; the other one waits for its word, and ends
 * (stay.c). Returns where it is when no process is to be had. */
void clx_bare_stay(void);

/* The verb, if these are the words of a shim whose container they name, and the value of -bundle (words.c). */
const char *clx_bare_verb(char **words, const char **bundle);

/* Answers the shim's verb `delete`, if all of its work is done, and ends the process; returns if not (answer.c). */
void clx_bare_answer(const char *bundle);

#endif
