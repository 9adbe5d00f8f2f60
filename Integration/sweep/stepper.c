/* Follows a shim and everything that it clones, system call by system call, and stops one of them at a chosen step.
 *
 * usage: stepper PID ROLE STEP
 *
 *   PID   the resident shim
 *   ROLE  shim      the shim itself
 *         executor  what it clones: executors, and its small workers that write records
 *         init      processes of the container, from their clone until their program is executed
 *   STEP  the number of the system call, counted over all processes of that role; 0: count only
 *
 * It prints `ready` when it has begun. At the step it prints `hit PID CALL` and waits for a word on its input: `kill`, `stop` (which
 * leaves the process where it is until the next word) or `go`. When the shim and its children are gone, or its input has ended, it prints
 * `steps SHIM EXECUTOR INIT` and ends. Processes whose program was executed are let go, as is all that is not counted. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum role { SHIM, EXECUTOR, INIT, ROLES };
static const char *names[ROLES] = {"shim", "executor", "init"};

/* A clone may stop before the call that made it tells of it: until then it waits. */
struct tracee { pid_t pid; enum role role; int known, waiting, inside; };
static struct tracee tracees[4096];
static int count;
static long steps[ROLES];
static enum role wanted;
static long step;
static int hit;

static struct tracee *find(pid_t pid) {
    for (int i = 0; i < count; i++)
        if (tracees[i].pid == pid) return &tracees[i];
    return NULL;
}

static struct tracee *add(pid_t pid) {
    struct tracee *found = find(pid);
    if (!found && count < 4096) {
        found = &tracees[count++];
        *found = (struct tracee){.pid = pid};
    }
    return found;
}

static void forget(pid_t pid) {
    struct tracee *found = find(pid);
    if (found) *found = tracees[--count];
}

static long call_of(pid_t pid) {
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY) return -1;
    return (long)info.entry.nr;
}

static void go_on(pid_t pid, int signal) { ptrace(hit && step ? PTRACE_CONT : PTRACE_SYSCALL, pid, 0, signal); }

static int word(char *line, size_t size) {
    size_t used = 0;
    char byte;
    while (used + 1 < size && read(0, &byte, 1) == 1 && byte != '\n') line[used++] = byte;
    line[used] = 0;
    return used > 0;
}

static void serve(pid_t pid, int status);

/* The others go on while the one at the step stands still. */
static void hold(void) {
    struct pollfd input = {.fd = 0, .events = POLLIN};
    int status;
    printf("stopped\n");
    fflush(stdout);
    while (poll(&input, 1, 1) == 0)
        for (pid_t pid; (pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0;) serve(pid, status);
}

/* At the entry of the chosen call. */
static void reached(pid_t pid) {
    char line[32];
    hit = 1;
    printf("hit %d %ld\n", pid, call_of(pid));
    fflush(stdout);
    while (word(line, sizeof line) && !strcmp(line, "stop")) hold();
    if (!strcmp(line, "kill")) kill(pid, SIGKILL);
}

static void entered(struct tracee *t) {
    steps[t->role]++;
    if (step && !hit && t->role == wanted && steps[t->role] == step) reached(t->pid);
}

static void event(pid_t pid, int kind) {
    unsigned long message = 0;
    struct tracee *parent = find(pid);
    ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
    if (kind == PTRACE_EVENT_EXEC) {
        /* The container's program, a hook, a logging program: theirs is theirs. */
        forget(pid);
        ptrace(PTRACE_DETACH, pid, 0, 0);
        return;
    }
    struct tracee *child = add((pid_t)message);
    if (child && parent) {
        child->role = parent->role == SHIM ? EXECUTOR : INIT;
        child->known = 1;
        if (child->waiting) go_on(child->pid, 0);
    }
    go_on(pid, 0);
}

static void stopped(pid_t pid, int status) {
    int signal = WSTOPSIG(status), kind = status >> 16;
    struct tracee *t = add(pid);
    if (!t) return;
    if (!t->known) {
        t->waiting = 1;
        return;
    }
    if (signal == (SIGTRAP | 0x80)) {
        t->inside = !t->inside;
        if (t->inside) entered(t);
        return go_on(pid, 0);
    }
    if (kind == PTRACE_EVENT_STOP) {
        /* The first stop of a clone, or a stop of its group: nothing here stops those. */
        return go_on(pid, 0);
    }
    if (kind) return event(pid, kind);
    go_on(pid, signal);
}

static void serve(pid_t pid, int status) {
    if (WIFSTOPPED(status)) stopped(pid, status);
    else forget(pid);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    pid_t shim = atoi(argv[1]);
    for (wanted = SHIM; wanted < ROLES && strcmp(names[wanted], argv[2]); wanted++) {}
    if (wanted == ROLES) return 2;
    step = atol(argv[3]);
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SEIZE, shim, 0, options) < 0) {
        perror("ptrace");
        return 1;
    }
    add(shim)->known = 1;
    ptrace(PTRACE_INTERRUPT, shim, 0, 0);
    int said = 0;
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) break; /* ECHILD: nobody is left */
        serve(pid, status);
        if (!said++) {
            printf("ready\n");
            fflush(stdout);
        }
    }
    printf("steps %ld %ld %ld\n", steps[SHIM], steps[EXECUTOR], steps[INIT]);
    return 0;
}
