/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink_socket.h - the sink that sends to a socket: tcp, udp, unix stream, unix datagram. */
#ifndef SINK_SOCKET_H
#define SINK_SOCKET_H

#include <ulogd/plugin.h>

#include "sink.h"

extern const struct sink_ops sink_socket_ops;

/** The dest of a sink_socket: a copy of @socket.  NULL: no memory. */
void *sink_socket_dest(const struct ulogd_socket *socket);

#endif /* SINK_SOCKET_H */
