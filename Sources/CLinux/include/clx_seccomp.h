#pragma once
#include <stddef.h>
#include <stdint.h>

/* memfd_create(2): an anonymous file, close-on-exec. */
int clx_anonymous_file(const char *name);
/* seccomp(2) SECCOMP_SET_MODE_FILTER with a classic BPF program as bytes (8 per instruction). */
int clx_seccomp_load(const void *program, size_t size, unsigned flags);
