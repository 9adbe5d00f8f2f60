#define _GNU_SOURCE
#include "clx_connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct request {
    int netns, family, seconds, result;
    uint16_t port;
};

static int connect_socket(int fd, const struct request *request) {
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(request->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(request->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr *address = request->family == AF_INET6 ? (const struct sockaddr *)&six : (const struct sockaddr *)&four;
    socklen_t size = request->family == AF_INET6 ? sizeof six : sizeof four;
    /* A blocking connect waits as long as a blocking send would (socket(7), SO_SNDTIMEO). */
    struct timeval limit = {.tv_sec = request->seconds}, none = {0};
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0) return -errno;
    if (connect(fd, address, size) < 0) return errno == EINPROGRESS ? -ETIMEDOUT : -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none) < 0) return -errno;
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static void *run(void *argument) {
    struct request *request = argument;
    if (request->netns >= 0 && setns(request->netns, CLONE_NEWNET) < 0) {
        request->result = -errno;
        return 0;
    }
    int fd = socket(request->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        request->result = -errno;
        return 0;
    }
    int result = connect_socket(fd, request);
    if (result < 0) close(fd);
    request->result = result < 0 ? result : fd;
    return 0;
}

int clx_connect_loopback(int netns, int family, uint16_t port, int seconds) {
    struct request request = {.netns = netns, .family = family, .seconds = seconds, .port = port};
    pthread_t thread;
    int failed = pthread_create(&thread, 0, run, &request);
    if (failed) return -failed;
    pthread_join(thread, 0);
    return request.result;
}
