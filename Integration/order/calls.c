/* Writes which instructions a program executes, each once, in the order in which they are first reached; and, when it ends or executes
 * another, at which addresses its variables have changed.
 *
 * usage: calls FILE PROGRAM [ARGUMENT…]
 *
 * The program is single-stepped, and so is all that it clones, until that executes another program. FILE gets the addresses, one in a
 * line, in hexadecimal; PROGRAM must be linked at fixed addresses below 32 MiB. Ends with the program's status as soon as that is known;
 * what it has left running is followed further in the background, and FILE.done is made when the last has ended. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 32 << 20, PIDS = 1 << 22 };
static uint8_t seen[LIMIT], foreign[PIDS];
static uint8_t beginning[LIMIT], now[LIMIT];

/* A program of another file than the one that is looked at; executed from a detached mount, that one is "/". */
static int is_foreign(pid_t pid, const char *program) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/%d/exe", pid);
    ssize_t count = readlink(link, path, sizeof path - 1);
    if (count < 0) return 1;
    path[count] = 0;
    return strcmp(path, "/") != 0 && strcmp(path, program) != 0;
}

/* Reads what it may write to below LIMIT, its heap excepted, to the same places of `into`, and tells the address of each word that is not
 * as it was at the beginning, unless this is the beginning (`out` is null). */
static void read_variables(pid_t pid, uint8_t *into, FILE *out) {
    char path[64], line[512];
    unsigned long start, end;
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "re");
    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx", &start, &end) != 2 || !strstr(line, " rw") || strstr(line, "[heap]") || end > LIMIT) continue;
        if (pread(memory, into + start, end - start, (off_t)start) != (ssize_t)(end - start)) continue;
        for (unsigned long at = start; out && at < end; at += sizeof(long)) {
            if (memcmp(into + at, beginning + at, sizeof(long)) == 0 || seen[at]) continue;
            seen[at] = 1;
            fprintf(out, "%lx\n", at);
        }
    }
    if (maps) fclose(maps);
    close(memory);
}

/* About to make a system call after which the variables are gone. */
static int ends(pid_t pid, const struct user_regs_struct *registers) {
    unsigned long long call = registers->rax;
    if (call != SYS_exit && call != SYS_exit_group && call != SYS_execve && call != SYS_execveat) return 0;
    return (ptrace(PTRACE_PEEKTEXT, pid, registers->rip, 0) & 0xffff) == 0x050f; /* syscall */
}

static void note(pid_t pid, FILE *out) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers) != 0 || registers.rip >= LIMIT) return;
    if (ends(pid, &registers)) read_variables(pid, now, out);
    if (seen[registers.rip]) return;
    seen[registers.rip] = 1;
    fprintf(out, "%llx\n", registers.rip);
}

/* Steps `first` and all that it clones to their ends, and tells the status of the first. */
static void follow(pid_t first, const char *program, FILE *out, int told) {
    int status;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) return;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            uint8_t code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            if (pid == first && write(told, &code, 1) != 1) return;
            continue;
        }
        int signal = WSTOPSIG(status), event = status >> 16, given = 0;
        if (event == PTRACE_EVENT_EXEC) {
            foreign[pid] = is_foreign(pid, program);
            if (!foreign[pid]) read_variables(pid, beginning, NULL);
        } else if (!event && signal == SIGTRAP)
            note(pid, out);
        else if (!event && signal != SIGSTOP)
            given = signal;
        ptrace(foreign[pid] ? PTRACE_CONT : PTRACE_SINGLESTEP, pid, 0, given);
    }
}

static void trace(char **words, const char *program, FILE *out, int told) {
    pid_t first = fork();
    if (first == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execv(program, words);
        _exit(127);
    }
    setsid();
    for (int fd = 0; fd < 3; fd++) close(fd);
    waitpid(first, NULL, 0);
    ptrace(PTRACE_SETOPTIONS, first, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC);
    ptrace(PTRACE_CONT, first, 0, 0);
    follow(first, program, out, told);
}

int main(int count, char **words) {
    static char program[4096], done[4096];
    FILE *out = count > 2 ? fopen(words[1], "ae") : NULL;
    int told[2];
    uint8_t status = 2;
    if (!out || !realpath(words[2], program) || pipe2(told, O_CLOEXEC) != 0) {
        fprintf(stderr, "usage: calls FILE PROGRAM [ARGUMENT…]\n");
        return 2;
    }
    if (fork() == 0) {
        trace(words + 2, program, out, told[1]);
        fclose(out);
        snprintf(done, sizeof done, "%s.done", words[1]);
        fclose(fopen(done, "w"));
        return 0;
    }
    close(told[1]);
    return read(told[0], &status, 1) == 1 ? status : 2;
}
