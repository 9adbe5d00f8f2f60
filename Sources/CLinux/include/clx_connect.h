#pragma once
#include <stdint.h>

/* A TCP socket that was made in another network namespace and connected there to the loopback address of `family` (AF_INET, AF_INET6).
 * `netns` is an open namespace file, or -1 for the caller's own. Waits at most `seconds`. Nothing of the calling thread changes.
 * Returns the socket (close-on-exec, non-blocking) or a negative errno. */
int clx_connect_loopback(int netns, int family, uint16_t port, int seconds);
