#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages for UNIXSOCK.

frames_unixsock.py frame [--option ID=TEXT]... [--time N] [--number ID=N]... [--hex ID=HEX]... [--filler N]
    Reads packets in hex, one per line, and prints a message in hex for each: with these options in this order,
    then bytes of filler.

frames_unixsock.py send SOCKET [--split | --bytes] [--until-closed] [--hold]
    Sends the messages on stdin, one per line in hex, through one connection.  Prints its pid first.
    --split: each message once for each place where it can be cut in two; --bytes: byte by byte.  Each piece is sent
    when the one before has been read.  --until-closed: waits until the daemon closes the connection; --hold: says
    "sent" after each message.
"""
import argparse
import fcntl
import os
import socket
import struct
import sys
import termios
import time

MARKER = bytes.fromhex("41c90fd4")


def pad(data):
    return data + bytes(-len(data) % 8)


def option(number, value):
    return struct.pack(">II", number, len(value)) + pad(value)


def message(packet, options, filler):
    body = bytes(4) + struct.pack(">H", len(packet)) + pad(packet) + options + bytes(filler)
    return MARKER + struct.pack(">H", len(body) + 2) + body


class Ordered(argparse.Action):
    """Collects options of all kinds in the order of the command line."""

    def __call__(self, parser, namespace, value, option_string=None):
        number, _, text = value.partition("=")
        if option_string == "--time":
            encoded = option(4, struct.pack("=I", int(value)))
        elif option_string == "--number":
            encoded = option(int(number), struct.pack("=I", int(text)))
        elif option_string == "--hex":
            encoded = option(int(number), bytes.fromhex(text))
        else:
            encoded = option(int(number), text.encode() + b"\0")
        namespace.options += encoded


def frame(args):
    for line in sys.stdin:
        print(message(bytes.fromhex(line), args.options, args.filler).hex())


def read_by_peer(client):
    """Waits until nothing that was sent is unread."""
    while struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))[0] > 0:
        time.sleep(0)


def pieces(data, args):
    if args.split:
        for cut in range(1, len(data)):
            yield data[:cut]
            yield data[cut:]
    elif args.bytes:
        for i in range(len(data)):
            yield data[i:i + 1]
    else:
        yield data


def send(args):
    client = socket.socket(socket.AF_UNIX)
    client.connect(args.socket)
    print(os.getpid(), flush=True)
    try:
        for line in iter(sys.stdin.readline, ""):
            for piece in pieces(bytes.fromhex(line), args):
                client.sendall(piece)
                if args.split or args.bytes:
                    read_by_peer(client)
            if args.hold:
                print("sent", flush=True)
        if args.until_closed:
            client.recv(1)
    except (BrokenPipeError, ConnectionResetError):
        if not args.until_closed:
            raise


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("frame")
    command.set_defaults(run=frame, options=b"")
    for name in ("--time", "--option", "--number", "--hex"):
        command.add_argument(name, action=Ordered, dest="ignored")
    command.add_argument("--filler", type=int, default=0)
    command = commands.add_parser("send")
    command.set_defaults(run=send)
    command.add_argument("socket")
    for name in ("--split", "--bytes", "--until-closed", "--hold"):
        command.add_argument(name, action="store_true")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
