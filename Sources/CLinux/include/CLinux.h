// Linux interfaces that the Glibc overlay does not import, and the few calls whose C declarations Swift cannot use.
#pragma once
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

/// accept4(2) with SOCK_NONBLOCK | SOCK_CLOEXEC.
int clinux_accept(int fd, struct sockaddr *address, socklen_t *length);
int clinux_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int clinux_bind(int fd, const struct sockaddr *address, socklen_t length);
int clinux_connect(int fd, const struct sockaddr *address, socklen_t length);
/// socket(2): a stream socket, SOCK_NONBLOCK | SOCK_CLOEXEC.
int clinux_stream_socket(int family);
/// As above, for datagrams.
int clinux_datagram_socket(int family);
/// send(2) and sendmsg(2) with MSG_NOSIGNAL.
ssize_t clinux_send(int fd, const void *bytes, size_t count);
ssize_t clinux_send2(int fd, const void *first, size_t firstCount, const void *second, size_t secondCount);
/// Number of processors the process may run on.
int clinux_available_processors(void);
/// Names the calling thread (at most 15 bytes).
void clinux_name_thread(const char *name);
