#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Send one UDP packet: udp.py UID SOURCE_PORT ADDRESS PORT TEXT; UID is user and group, source port 0 means any."""
import os
import socket
import sys

uid, source_port, address, port, text = sys.argv[1:]
if int(uid) != os.getuid():
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("", int(source_port)))
sock.sendto(text.encode(), (address, int(port)))
