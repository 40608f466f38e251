#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print the text of what the kernel logs from now on and that begins with PREFIX: kmsg.py PREFIX.

The first line that is printed says "reading".  What the kernel's log lost before it was read is said as "lost".
"""
import errno
import os
import re
import sys

prefix = sys.argv[1].encode()
# One record per read(); bytes that are not printable come as \xHH.
fd = os.open("/dev/kmsg", os.O_RDONLY)
os.lseek(fd, 0, os.SEEK_END)
os.write(1, b"reading\n")
while True:
    try:
        record = os.read(fd, 8192)
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        os.write(1, b"lost\n")
        continue
    text = record.split(b";", 1)[1].split(b"\n", 1)[0]
    if text.startswith(prefix):
        os.write(1, re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes.fromhex(m[1].decode()), text) + b"\n")
