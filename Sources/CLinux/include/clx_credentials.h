#pragma once
#include <stddef.h>
#include <stdint.h>

int clx_setgroups(const uint32_t *groups, size_t count);
int clx_setresuid(uint32_t uid);
int clx_setresgid(uint32_t gid);
/* capset(2) of this thread, 64 bits a set. */
int clx_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int clx_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
/* prlimit(2) on another process. */
int clx_set_limit(int pid, int resource, uint64_t soft, uint64_t hard);
/* keyctl(KEYCTL_JOIN_SESSION_KEYRING): makes a keyring of that name, or joins the one that was made so. */
long clx_join_keyring(const char *name);
int clx_sethostname(const char *name, size_t count);
int clx_setdomainname(const char *name, size_t count);
/* Brings `lo` up in this network namespace. */
int clx_loopback_up(void);

/* A pty's master: unlocks it and opens the other side without a path (TIOCSPTLCK, TIOCGPTPEER). */
int clx_pty_peer(int master);
int clx_set_window(int terminal, uint16_t rows, uint16_t columns);
int clx_get_window(int terminal, uint16_t *rows, uint16_t *columns);
/* TIOCSCTTY; the caller leads a session. */
int clx_set_controlling(int terminal);
/* Raw mode; fills `saved` (of clx_termios_size bytes) with what was. */
int clx_terminal_raw(int terminal, void *saved);
int clx_terminal_restore(int terminal, const void *saved);
size_t clx_termios_size(void);

/* memfd_create(2) with MFD_CLOEXEC|MFD_ALLOW_SEALING; F_ADD_SEALS against every change; F_GET_SEALS. */
int clx_memfd(const char *name);
int clx_seal(int fd);
int clx_seals(int fd);
/* poll(2) on up to 8 descriptors: `wanted` and `found` are POLL* bits. */
int clx_poll(const int *fds, const short *wanted, short *found, int count, int milliseconds);
/* The same for what can be read: a bit for each descriptor, the first the lowest, or -errno. */
int clx_poll_readable(const int *fds, int count, int milliseconds);
/* Opened with SOCK_SEQPACKET: bind+listen, connect, accept (blocking, close-on-exec). */
int clx_record_listen(const char *path);
int clx_record_connect(const char *path);
int clx_record_accept(int socket);
