/* Plain prototypes over Linux calls for which glibc has no wrapper, or only behind _GNU_SOURCE.
 *
 * A header of a Swift module must not define _GNU_SOURCE (the importer would then see two definitions of libc's
 * types), so structures of the kernel never appear here: only integers, pointers to bytes and C strings.
 *
 * Every function returns its result, or a negative errno. None prints, allocates or retries, except where it says so.
 */
#pragma once
#include "clx_fd.h"
#include "clx_process.h"
#include "clx_cgroup.h"
#include "clx_connect.h"
#include "clx_seccomp.h"
#include "clx_schedule.h"
#include "clx_mount.h"
#include "clx_credentials.h"
#include "clx_shim.h"
#include "clx_sandbox.h"
#include "clx_spawn.h"
#include "clx_tree.h"
#include "clx_termination.h"
#include "clx_relay.h"
#include "clx_loop.h"
