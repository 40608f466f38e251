#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages for UNIXSOCK.

frames_unixsock.py frame [--option ID=TEXT]... [--time N] [--number ID=N]... [--hex ID=HEX]... [--filler N]
    Reads packets in hex, one per line, and prints a message in hex for each: with these options in this order,
    then bytes of filler.

frames_unixsock.py name
    Reads packets in hex, one per line, and prints a name for each: "corpus", the packet, and what the filters of
    tests/diff/expected.md want to know of it.

frames_unixsock.py mutate [--seed N]
    Reads messages and prints each with some changes, the same each time for the same seed.

frames_unixsock.py count
    Reads messages, each of a connection of its own, and prints how many packets are received and how often one is
    malformed.

frames_unixsock.py send SOCKET [--split | --bytes | --each] [--until-closed] [--hold]
    Sends the messages on stdin, one per line in hex, through one connection.  Prints its pid first.
    --split: each message once for each place where it can be cut in two; --bytes: byte by byte.  Each piece is sent
    when the one before has been read.  --each: each message through a connection of its own, the next when the daemon
    has closed the one before.  --until-closed: waits until the daemon closes the connection; --hold: says "sent" after
    each message.
"""
import argparse
import fcntl
import os
import random
import socket
import struct
import sys
import termios
import time

MARKER = bytes.fromhex("41c90fd4")
HOPOPTS, ROUTING, FRAGMENT, ESP, AH, DSTOPTS = 0, 43, 44, 50, 51, 60


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


def following(packet):
    """Follow the headers of an IPv6 packet, RFC 8200: the last one reached, and the text of a later fragment."""
    kind, at, later = packet[6], 40, ""
    while kind in (HOPOPTS, ROUTING, FRAGMENT, AH, DSTOPTS) and not later:
        if at + 2 > len(packet):
            return None, ""
        length = {FRAGMENT: 8, AH: 4 * (packet[at + 1] + 2)}.get(kind, 8 * (packet[at + 1] + 1))
        if at + length > len(packet):
            return None, ""
        if kind == FRAGMENT:
            offset, ident = struct.unpack(">HI", packet[at + 2:at + 8])
            if offset & 0xFFF8:
                later = f"FRAG: {offset & 0xFFF8} ID: {ident:08x} "
        kind, at = packet[at], at + length
    return kind, later


def words(packet):
    if len(packet) >= 20 and packet[0] >> 4 == 4 and packet[0] & 0xF < 5:
        return " IHL"
    if len(packet) < 40 or packet[0] >> 4 != 6:
        return ""
    kind, later = following(packet)
    if later and kind in (HOPOPTS, ROUTING, FRAGMENT, ESP, AH, DSTOPTS):
        return f" later {later}PROTO=" + {ESP: "ESP INCOMPLETE", AH: "AH INCOMPLETE"}.get(kind, f"{kind} ")
    return " ESP" if kind == ESP else ""


def name(_):
    for line in sys.stdin:
        print("corpus " + line.strip() + words(bytes.fromhex(line)))


def mutate(args):
    chance = random.Random(args.seed)
    for line in sys.stdin:
        data = bytearray.fromhex(line)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            change = chance.randrange(6)
            if change == 0:  # anywhere
                data[at] = chance.randrange(256)
            elif change == 1:  # the header
                data[chance.randrange(min(12, len(data)))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            elif change == 2:  # ids and lengths of options stand at multiples of 4
                data[at & ~3:(at & ~3) + 4] = struct.pack(">I", chance.choice((0, 1, 4, 5, 206, 2**31, 2**32 - 1)))
            elif change == 3:
                data[at:at] = chance.randbytes(chance.randint(1, 20))
            elif change == 4:
                del data[at + 1:at + 1 + chance.randint(1, 20)]
            else:
                data += data[at:]
        print(data.hex())


def option_is_whole(number, value):
    return len(value) >= {4: 4, 201: 4, 206: 1}.get(number, 0)


def options_are_whole(options):
    while len(options) >= 8:
        number, length = struct.unpack(">II", options[:8])
        if length > len(options) - 8 or not option_is_whole(number, options[8:8 + length]):
            return False
        options = options[8 + len(pad(options[8:8 + length])):]
    return True


def count(_):
    received = malformed = 0
    for line in sys.stdin:
        data = bytes.fromhex(line)
        while data:
            if len(data) >= 4 and data[:4] != MARKER:
                malformed += 1
                break
            if len(data) < 12:
                break
            behind, packet = struct.unpack(">H4xH", data[4:12])
            if packet + 8 > behind:
                malformed += 1
                break
            if 4 + behind > len(data):
                break
            if not options_are_whole(data[12 + packet + -packet % 8:4 + behind]):
                malformed += 1
                break
            received += 1
            data = data[4 + behind:]
    print(received, malformed)


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


def send_each(args):
    for line in sys.stdin:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(args.socket)
            try:
                client.sendall(bytes.fromhex(line))
                client.shutdown(socket.SHUT_WR)
                client.recv(1)
            except (BrokenPipeError, ConnectionResetError):
                pass


def send(args):
    if args.each:
        send_each(args)
        return
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
    for flag in ("--time", "--option", "--number", "--hex"):
        command.add_argument(flag, action=Ordered, dest="ignored")
    command.add_argument("--filler", type=int, default=0)
    commands.add_parser("name").set_defaults(run=name)
    commands.add_parser("count").set_defaults(run=count)
    command = commands.add_parser("mutate")
    command.set_defaults(run=mutate)
    command.add_argument("--seed", type=int, default=1)
    command = commands.add_parser("send")
    command.set_defaults(run=send)
    command.add_argument("socket")
    for flag in ("--split", "--bytes", "--each", "--until-closed", "--hold"):
        command.add_argument(flag, action="store_true")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
