#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print numbered Ethernet frames in hex for inject: frames.py FIRST COUNT [PER_SECOND].

Frame N is UDP from 192.0.2.1 to 198.51.100.2 with IP id N % 65536 and source port 1024 + N / 65536.
COUNT 0 means without end.  Lines leave in pieces a pipe takes whole, so a reader sees no torn line even when this
program is killed.
"""
import itertools
import os
import struct
import sys
import time

ETHERNET = bytes.fromhex("020000000001" "0200000000aa" "0800")
ADDRESSES = bytes.fromhex("c0000201" "c6336402")
FRAMES_PER_WRITE = 32  # of 101 bytes: below PIPE_BUF


def frame(number):
    ip = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 36, number % 65536, 0, 64, 17, 0) + ADDRESSES)
    total = sum(struct.unpack("!10H", ip))
    total = (total & 0xFFFF) + (total >> 16)
    ip[10:12] = struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
    udp = struct.pack("!HHHHQ", 1024 + number // 65536, 9, 16, 0, number)
    return ETHERNET + bytes(ip) + udp


def main():
    first, count, *rate = (int(arg) for arg in sys.argv[1:])
    numbers = iter(range(first, first + count)) if count else itertools.count(first)
    written, start = 0, time.monotonic()
    while chunk := list(itertools.islice(numbers, FRAMES_PER_WRITE)):
        os.write(1, b"".join(frame(n).hex().encode() + b"\n" for n in chunk))
        written += len(chunk)
        if rate:
            time.sleep(max(0, start + written / rate[0] - time.monotonic()))


main()
