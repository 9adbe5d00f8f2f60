#pragma once
#include <stddef.h>
#include <stdint.h>

/* memfd_create(2): an anonymous file, close-on-exec. */
int clx_anonymous_file(const char *name);
/* seccomp(2) SECCOMP_SET_MODE_FILTER with a classic BPF program as bytes (8 per instruction). */
int clx_seccomp_load(const void *program, size_t size, unsigned flags);
/* The same with SECCOMP_FILTER_FLAG_NEW_LISTENER: the listener goes over the connected stream socket together with the text, and is
 * closed here. `sent` tells afterwards whether an error is of the sending (then the filter holds already). */
int clx_seccomp_load_notifying(const void *program, size_t size, unsigned flags, int socket, const void *text, size_t count, int *sent);
/* What an agent does: takes one notification from a listener, waiting for it, and answers it with an errno or a value. Fills the
 * number of the call. */
int clx_seccomp_answer(int listener, int error, int64_t value, int *call);
