#pragma once

/* Reaps every child that has ended but `kept`. */
void clx_reap_others(int kept);
/* A child that has ended and is not reaped, or 0. */
int clx_ended_child(void);
void clx_reap_child(int pid);
/* A socket of datagrams bound to `path`, mode 0777, non-blocking. */
int clx_datagram_bind(const char *path);
/* Connected to `path`, whose first character `@` stands for the zero byte of an abstract name. */
int clx_datagram_connect(const char *path);
