#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Receive what a daemon sends: collector.py KIND ADDRESS FILE [--gate FILE] [--rcvbuf BYTES] [--reset].

KIND is tcp or udp, ADDRESS a port of 127.0.0.1; or unix or dgram, ADDRESS a path.  The bytes of the Nth connection go
to FILE.N, datagrams to FILE and their sizes, one per line, to FILE.sizes.  Nothing is read before the gate exists.
SIGTERM ends it, with --reset so that connections are reset.
"""
import argparse
import os
import selectors
import signal
import socket
import struct
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("kind", choices=["tcp", "udp", "unix", "dgram"])
parser.add_argument("address")
parser.add_argument("file")
parser.add_argument("--gate")
parser.add_argument("--rcvbuf", type=int)
parser.add_argument("--reset", action="store_true")
args = parser.parse_args()

stream = args.kind in ("tcp", "unix")
local = args.kind in ("unix", "dgram")
connections = []
closed = 0


def finish(*_):
    if args.reset:
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sys.exit(0)


def append(path, data):
    with open(path, "ab") as out:
        out.write(data)


def gate_wait():
    while args.gate and not os.path.exists(args.gate):
        time.sleep(0.02)


signal.signal(signal.SIGTERM, finish)
sock = socket.socket(socket.AF_UNIX if local else socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
if args.kind == "tcp":
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if args.rcvbuf:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, args.rcvbuf)
if local and os.path.exists(args.address):
    os.unlink(args.address)
if not stream:
    append(args.file, b"")
sock.bind(args.address if local else ("127.0.0.1", int(args.address)))
if stream:
    sock.listen()
print("ready", flush=True)

if not stream:
    gate_wait()
    while True:
        data = sock.recv(1 << 20)
        append(args.file, data)
        append(args.file + ".sizes", b"%d\n" % len(data))

selector = selectors.DefaultSelector()
selector.register(sock, selectors.EVENT_READ, None)
while True:
    for key, _ in selector.select():
        if key.data is None:
            connection, _ = sock.accept()
            connections.append(connection)
            path = "%s.%d" % (args.file, len(connections) + closed)
            append(path, b"")
            gate_wait()
            selector.register(connection, selectors.EVENT_READ, path)
            continue
        try:
            data = key.fileobj.recv(1 << 16)
        except ConnectionError:
            data = b""
        if data:
            append(key.data, data)
        else:
            selector.unregister(key.fileobj)
            connections.remove(key.fileobj)
            closed += 1
            key.fileobj.close()
