#pragma once

/* FIONREAD: bytes that wait in a pipe or terminal. */
int clx_bytes_waiting(int fd);
/* Ignores `signal` from now on (a written-to pipe without reader then gives EPIPE). */
int clx_ignore_signal(int signal);
/* malloc_trim(3): gives free pages of the heap back. */
void clx_trim_heap(void);
/* mallopt(3): the heap grows by large steps and never shrinks. */
void clx_keep_heap(void);
/* mallopt(3): blocks of up to 32 MiB come from the heap, which keeps 256 MiB, so that the next one of that size finds its pages there. */
void clx_keep_blocks(void);
/* Unmaps the pages of the program's own code that were touched so far; what is needed is mapped again from the page cache. */
int clx_release_code(void);
/* Gives back the pages of the main thread's stack below its caller's that were used once (up to 64 of them). */
void clx_release_stack(void);
/* Processors that this process may run on (sched_getaffinity(2)); one if the kernel does not say. */
int clx_usable_processors(void);

/* Where the process that `start` leaves says that it serves; -1 when none was made for it (stay.c). */
int clx_word_to_caller(void);
