#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write a capture file with the IP packets on stdin, one per line in hex: captures.py KIND [--swapped] [--ng].

KIND is ether, vlan (tag 5), qinq (tags 7 and 5), padded (Ethernet with bytes behind the packet), raw, ip4, ip6, sll,
sll2, nflog, whole (the lines are packets of Ethernet as they are), or a number, the link type of the lines as they are.
Packet N, from 0 on, was captured at 1700000000 + N seconds and N microseconds.  --swapped: of a host with the other byte
order; --ng: in the format pcapng.
"""
import struct
import sys

MAC = bytes.fromhex("020000000001" "0200000000aa")
LINKTYPES = {"raw": 101, "sll": 113, "ip4": 228, "ip6": 229, "nflog": 239, "sll2": 276}
FORWARD = 2


def ethertype(packet):
    return {4: 0x0800, 6: 0x86DD}.get(packet[0] >> 4 if packet else 0, 0x88CC)


def attribute(order, number, value):
    value = struct.pack(order + "HH", len(value) + 4, number) + value
    return value + bytes(-len(value) % 4)


def nflog(order, packet, number):
    """What struct nfgenmsg and the attributes of linux/netfilter/nfnetlink_log.h are, with a bit of everything."""
    v6 = packet[:1] and packet[0] >> 4 == 6
    message = struct.pack(">BBH", 10 if v6 else 2, 0, 7)
    message += attribute(order, 1, struct.pack(">HBx", ethertype(packet), FORWARD))
    message += attribute(order, 10, b"drop: \0")
    message += attribute(order, 4, struct.pack(">I", 3))
    message += attribute(order, 5, struct.pack(">I", 4))
    message += attribute(order, 2, struct.pack(">I", 0xBEEF))
    message += attribute(order, 8, struct.pack(">HH8s", 6, 0, MAC[6:]))
    message += attribute(order, 11, struct.pack(">I", 1000)) + attribute(order, 14, struct.pack(">I", 100))
    message += attribute(order, 12, struct.pack(">I", number))
    message += attribute(order, 15, struct.pack(">H", 1)) + attribute(order, 17, struct.pack(">H", 14))
    message += attribute(order, 16, MAC + struct.pack(">H", ethertype(packet)))
    return message + attribute(order, 9, packet)


def link(kind, order, packet, number):
    kind_bytes = struct.pack(">H", ethertype(packet))
    if kind == "ether":
        return MAC + kind_bytes + packet
    if kind == "padded":
        return MAC + kind_bytes + packet + b"\xa5" * 18
    if kind == "vlan":
        return MAC + bytes.fromhex("81002005") + kind_bytes + packet
    if kind == "qinq":
        return MAC + bytes.fromhex("88a8000781002005") + kind_bytes + packet
    if kind == "sll":
        return struct.pack(">HHH8s", 0, 1, 6, MAC[6:]) + kind_bytes + packet
    if kind == "sll2":
        return kind_bytes + struct.pack(">HIHBB8s", 0, 9, 1, 4, 6, MAC[6:]) + packet
    if kind == "nflog":
        return nflog(order, packet, number)
    return packet


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def main():
    kind = sys.argv[1]
    native = "<" if sys.byteorder == "little" else ">"
    order = {"<": ">", ">": "<"}[native] if "--swapped" in sys.argv else native
    linktype = int(kind) if kind.isdigit() else LINKTYPES.get(kind, 1)
    out = sys.stdout.buffer
    if "--ng" in sys.argv:
        out.write(block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)))
        out.write(block(order, 1, struct.pack(order + "HHI", linktype, 0, 262144)))
    else:
        out.write(struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, linktype))
    for number, line in enumerate(sys.stdin):
        packet = link(kind, order, bytes.fromhex(line), number)
        if "--ng" in sys.argv:
            stamp = (1700000000 + number) * 1000000 + number
            head = struct.pack(order + "IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(packet), len(packet))
            out.write(block(order, 6, head + packet))
        else:
            out.write(struct.pack(order + "IIII", 1700000000 + number, number, len(packet), len(packet)) + packet)
        out.flush()


if __name__ == "__main__":
    main()
