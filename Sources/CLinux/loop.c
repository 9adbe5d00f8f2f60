#define _GNU_SOURCE
#include "clx_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
struct loop_config {
    __u32 fd;
    __u32 block_size;
    struct loop_info64 info;
    __u64 __reserved[8];
};
#endif

int clx_loop_attach(int file, int readonly, int *number) {
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) return -errno;
    int result = -EBUSY;
    /* Another process may take the free one first. */
    for (int attempt = 0; attempt < 64 && result == -EBUSY; attempt++) {
        char path[32];
        int free = ioctl(control, LOOP_CTL_GET_FREE);
        if (free < 0) { result = -errno; break; }
        snprintf(path, sizeof path, "/dev/loop%d", free);
        int device = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        if (device < 0) { result = -errno; break; }
        struct loop_config config = {.fd = (__u32)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0)};
        if (ioctl(device, LOOP_CONFIGURE, &config) == 0) {
            *number = free;
            result = device;
            break;
        }
        result = -errno;
        close(device);
    }
    close(control);
    return result;
}
