#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages of nfnetlink_log around packets: nflog_corpus.py messages|plain|expected <PACKETS

PACKETS are IP packets in hex, one per line.  messages: one per packet in hex, as captures.py takes them for link type
239, with prefixes of any bytes and the largest numbers, always the same.  plain: the same with the prefix "plain".
expected: what JSON has to say about them in UTC, but for the packet itself: an object per line.
"""
import codecs
import datetime
import json
import random
import struct
import sys

SAMPLES = [b"gr\xc3\xbc\xc3\x9fe", b"\xf0\x9f\xa6\x80", b"\xe2\x80\xa8", b"\xef\xbf\xbf", b"\xc0\x80", b"\xed\xa0\x80",
           b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xf0\x9f\xa6", b"\xff\xfe", b"\\u0041", b'"}', b"\\", b"\n", b"\r\n", b"</", b"\x7f"]


def latin1(error):
    return "".join(map(chr, error.object[error.start:error.end])), error.end


def attribute(number, value):
    value = struct.pack("=HH", len(value) + 4, number) + value
    return value + bytes(-len(value) % 4)


def number32(chance):
    return chance.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, chance.randrange(1 << 32)))


def prefix(chance, line):
    # First every byte alone, then all that goes wrong, then anything.
    if 0 < line < 256:
        return bytes([line])
    if line < 256 + len(SAMPLES):
        return SAMPLES[line - 256] if line else b""
    parts = [chance.choice((chance.choice(SAMPLES), bytes([chance.randrange(1, 256)]), b"text "))
             for _ in range(chance.randrange(24))]
    return b"".join(parts)[:127]


def event(line, packet):
    """The message, the same with a plain prefix, and what is known of it."""
    chance = random.Random(line)
    text = prefix(chance, line)
    family, ethertype = (10, 0x86DD) if packet[:1] and packet[0] >> 4 == 6 else (2, 0x0800)
    hook, sec, usec = chance.randrange(5), number32(chance) or 1, chance.choice((0, 5, 999999))
    time = datetime.datetime.fromtimestamp(sec, datetime.timezone.utc).replace(microsecond=usec)
    known = {"timestamp": time.isoformat(timespec="microseconds"), "dvc": "Netfilter", "raw.pktcount": 1,
             "oob.prefix": text.decode(errors="latin1"), "oob.hook": hook, "oob.family": family,
             "oob.protocol": ethertype, "oob.time.sec": sec, "oob.time.usec": usec, "oob.mark": 0, "raw.pktlen": len(packet)}
    rest = attribute(1, struct.pack(">HBx", ethertype, hook)) + attribute(3, struct.pack(">QQ", sec, usec))
    for key, number in (("oob.mark", 2), ("oob.ifindex_in", 4), ("oob.ifindex_out", 5), ("oob.ifindex_physin", 6),
                        ("oob.ifindex_physout", 7), ("oob.uid", 11), ("oob.gid", 14), ("oob.seq.local", 12),
                        ("oob.seq.global", 13)):
        if chance.random() < 0.5:
            value = number32(chance)
            rest += attribute(number, struct.pack(">I", value))
            # An interface of the index 0 is none.
            if value or "ifindex" not in key:
                known[key] = value
    if chance.random() < 0.5:
        numbers = {key: number32(chance) for key in ("ct.status", "ct.mark", "ct.id", "ct.info")}
        rest += attribute(18, b"".join(attribute(number, struct.pack(">I", numbers[key]))
                                       for key, number in (("ct.status", 3), ("ct.mark", 8), ("ct.id", 12))))
        rest += attribute(19, struct.pack(">I", numbers["ct.info"]))
        known.update(numbers)
    rest += attribute(9, packet)
    head = struct.pack(">BBH", family, 0, 7)
    return head + attribute(10, text + b"\0") + rest, head + attribute(10, b"plain\0") + rest, known


def main():
    codecs.register_error("latin1", latin1)
    if sys.argv[1:] not in (["messages"], ["plain"], ["expected"]):
        sys.exit(__doc__)
    for line, packet in enumerate(sys.stdin):
        message, plain, known = event(line, bytes.fromhex(packet))
        print({"messages": message.hex(), "plain": plain.hex(), "expected": json.dumps(known)}[sys.argv[1]])


main()
