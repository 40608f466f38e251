#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the control socket that misbehaves: talk.py SOCKET WHAT.

rubbish     sends bytes that are no JSON, prints the answer
endless     sends a line without end, prints the answer
deaf        asks for status again and again and reads nothing; stays until its stdin ends
many N      opens N connections and prints how many were answered that there are too many
mute        connects and says nothing; stays until its stdin ends
deaf-tail   asks for events and reads nothing until its stdin has a line; then prints what it gets until idle
"""
import socket
import sys
import time


def connect():
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    while True:
        try:
            sock.connect(sys.argv[1])
            return sock
        except BlockingIOError:  # too many wait to be accepted
            time.sleep(0.01)


def answer(sock):
    data = b""
    while not data.endswith(b"\n"):
        chunk = sock.recv(65536)
        if not chunk:
            break
        data += chunk
    return data.decode()


def ready():
    print("ready", flush=True)


sock = connect()
what = sys.argv[2]
if what == "rubbish":
    sock.sendall(b"\0\xff{]\n")
    print(answer(sock), end="")
elif what == "endless":
    try:
        for _ in range(1000):
            sock.sendall(b"x" * 1024)
    except OSError:
        pass
    try:
        print(answer(sock), end="")
    except ConnectionResetError:
        print("reset")
elif what == "deaf":
    sock.setblocking(False)
    try:
        while True:
            sock.sendall(b'{"command": "status"}\n')
    except BlockingIOError:
        pass
    ready()
    sys.stdin.read()
elif what == "mute":
    ready()
    sys.stdin.read()
elif what == "many":
    socks, refused = [sock], 0
    for _ in range(int(sys.argv[3]) - 1):
        socks.append(connect())
    for sock in socks:
        try:
            sock.sendall(b'{"command": "status"}\n')
        except OSError:
            pass
        refused += "too many" in answer(sock)
    print(refused)
elif what == "deaf-tail":
    sock.sendall(b'{"command": "tail"}\n')
    ready()
    sys.stdin.readline()
    sock.settimeout(2)
    try:
        while chunk := sock.recv(65536):
            sys.stdout.buffer.write(chunk)
    except TimeoutError:
        pass
