/* Writes which instructions a program executes, each once, in the order in which they are first reached.
 *
 * usage: calls FILE PROGRAM [ARGUMENT…]
 *
 * The program is single-stepped, and so is all that it clones, until that executes another program. FILE gets the addresses, one in a
 * line, in hexadecimal; PROGRAM must be linked at fixed addresses below 32 MiB. Ends with the program's status when the program
 * has ended, whatever its children do. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 32 << 20, PIDS = 1 << 22 };
static uint8_t seen[LIMIT], foreign[PIDS];

/* A program of another file than the one that is looked at; executed from a detached mount, that one is "/". */
static int is_foreign(pid_t pid, const char *program) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/%d/exe", pid);
    ssize_t count = readlink(link, path, sizeof path - 1);
    if (count < 0) return 1;
    path[count] = 0;
    return strcmp(path, "/") != 0 && strcmp(path, program) != 0;
}

static void note(pid_t pid, FILE *out) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers) != 0 || registers.rip >= LIMIT || seen[registers.rip]) return;
    seen[registers.rip] = 1;
    fprintf(out, "%llx\n", registers.rip);
}

int main(int count, char **words) {
    static char program[4096];
    FILE *out = count > 2 ? fopen(words[1], "a") : NULL;
    if (!out || !realpath(words[2], program)) {
        fprintf(stderr, "usage: calls FILE PROGRAM [ARGUMENT…]\n");
        return 2;
    }
    pid_t first = fork();
    if (first == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execv(program, words + 2);
        _exit(127);
    }
    int status;
    waitpid(first, &status, 0);
    ptrace(PTRACE_SETOPTIONS, first, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC);
    ptrace(PTRACE_CONT, first, 0, 0);
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) return 2;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid != first) continue;
            fclose(out);
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        int signal = WSTOPSIG(status), event = status >> 16, given = 0;
        if (event == PTRACE_EVENT_EXEC)
            foreign[pid] = is_foreign(pid, program);
        else if (!event && signal == SIGTRAP)
            note(pid, out);
        else if (!event && signal != SIGSTOP)
            given = signal;
        ptrace(foreign[pid] ? PTRACE_CONT : PTRACE_SINGLESTEP, pid, 0, given);
    }
}
