#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print Ethernet frames in hex for inject, of everything that a log line tells about: log_corpus.py KIND [MAC].

KIND is ipv4, ipv6 (packets that the host's own checks let through), arp, ether (other EtherTypes and tags), cut
(headers that are not whole or lie about their length), random (mutations of all these, the same each time; random2,
random3 and so on are others) or usual (what a firewall sees every day, of which log analysers make sense).  MAC is the
destination in 12 hex digits, 020000000001 if left out.
"""
import random
import struct
import sys

SOURCE4, TARGET4 = bytes.fromhex("c0000201"), bytes.fromhex("c6336402")
SOURCE6 = bytes.fromhex("20010db8000000000000000000000001")
TARGET6 = bytes.fromhex("20010db8000000000000000000000002")
TCP, UDP, ICMP, ICMP6, UDPLITE, SCTP, ESP, AH = 6, 17, 1, 58, 136, 132, 50, 51
HOPOPTS, ROUTING, FRAGMENT, NONE, DSTOPTS = 0, 43, 44, 59, 60


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ip4(protocol, payload, options=b"", tos=0, ident=0x1234, frag=0, ttl=64, ihl=None, length=None):
    words = 5 + len(options) // 4
    header = bytearray(struct.pack("!BBHHHBBH", 0x40 | (words if ihl is None else ihl), tos,
                                   4 * words + len(payload) if length is None else length, ident, frag, ttl, protocol, 0))
    header += SOURCE4 + TARGET4 + options
    header[10:12] = struct.pack("!H", checksum(header))
    return bytes(header) + payload


def ip6(nexthdr, payload, traffic=0, flow=0, hops=64, length=None):
    return struct.pack("!IHBB", 6 << 28 | traffic << 20 | flow, len(payload) if length is None else length,
                       nexthdr, hops) + SOURCE6 + TARGET6 + payload


def tcp(flags=2, reserved=0, options=b"", data=b"", doff=None, urgent=0):
    words = 5 + len(options) // 4 if doff is None else doff
    return struct.pack("!HHIIBBHHH", 40000, 80, 0x11223344, 0xFFFFFFFE, words << 4 | reserved, flags, 64240, 0xBEEF,
                       urgent) + options + data


def udp(data=b"seven..", length=None):
    return struct.pack("!HHHH", 5353, 53, 8 + len(data) if length is None else length, 0xABCD) + data


def icmp(kind, code=0, rest=b"\x1a\x2b\x00\x07", data=b""):
    return struct.pack("!BBH", kind, code, 0x5555) + rest + data


def ah(nexthdr, payload=b"", words=4):
    return struct.pack("!BBHII", nexthdr, words, 0, 0xDEADBEEF, 7) + bytes(4 * (words + 2) - 12) + payload


def option6(nexthdr, payload=b"", units=0):
    # PadN fills the whole header.
    return bytes([nexthdr, units, 1, 8 * units + 4]) + bytes(8 * units + 4) + payload


def routing(nexthdr, payload=b""):
    return bytes([nexthdr, 2, 0, 0]) + bytes(20) + payload


def fragment6(nexthdr, offset=0, more=0, payload=b"", ident=0x00DEAD01):
    return struct.pack("!BBHI", nexthdr, 0, offset | more, ident) + payload


def transports():
    """A packet of every transport protocol that has text of its own, and some that have none."""
    yield TCP, tcp()
    yield TCP, tcp(0x18, 0, b"\x02\x04\x05\xb4", b"data")
    yield UDP, udp()
    yield UDP, udp(length=9999)
    yield UDPLITE, udp()
    yield ICMP, icmp(8)
    yield SCTP, bytes.fromhex("13881389000000010a0b0c0d") + bytes(20)
    yield ESP, bytes.fromhex("deadbeef00000007") + bytes(16)
    yield AH, ah(TCP, tcp())
    yield 2, bytes.fromhex("1600000000000000")
    yield 47, bytes.fromhex("0000080045")
    yield 4, ip4(UDP, udp())
    yield 41, ip6(UDP, udp())
    yield 0, b"zero...."
    yield 255, b"last...."
    yield 59, b"none...."


def icmp4_messages():
    quotes = [ip4(protocol, payload) for protocol, payload in transports()]
    quotes += [
        ip4(TCP, tcp(0xFF, 0xF, b"\x01" * 8), b"\x01" * 8, tos=0xFF, frag=0xE000),
        ip4(UDP, udp(), frag=0x20B9),
        ip4(TCP, b"", frag=0xB9),
        ip4(ICMP, icmp(3, 4, b"\0\0\x05\x14", ip4(UDP, udp()))),
        ip4(ICMP, icmp(5, 1, b"\xc0\x00\x02\xfe", ip4(UDP, udp()))),
        ip4(ICMP, icmp(12, 0, b"\x14\0\0\0", ip4(UDP, udp()))),
        ip4(TCP, tcp()[:8]),
        ip4(UDP, udp()[:7]),
        ip4(ESP, b"1234567"),
        ip4(ICMP, b"\x08\x00\x00"),
        ip4(TCP, b""),
        ip4(TCP, tcp())[:19],
        ip4(TCP, tcp(), ihl=15),
        ip4(TCP, tcp(), ihl=3),
        b"",
    ]
    for kind in range(22):
        for code in (0, 1, 4, 5, 8, 12, 15):
            yield icmp(kind, code, b"\xc0\x00\x02\xfe", quotes[0])
        yield icmp(kind, 3, data=bytes(1))
        yield icmp(kind, 3)
        yield icmp(kind, 3, data=bytes(3))
        yield icmp(kind, 3, data=bytes(11))
    for kind in range(22, 256):
        yield icmp(kind, 0, data=quotes[0])
    for kind, code in ((3, 3), (3, 4), (4, 0), (5, 1), (11, 0), (12, 0)):
        for quote in quotes:
            yield icmp(kind, code, b"\x14\x00\x05\x14", quote)


def icmp6_messages():
    quotes = [ip6(protocol, payload) for protocol, payload in transports()]
    quotes += [
        ip6(HOPOPTS, option6(TCP, tcp(0x10, 0, b"\x01" * 4))),
        ip6(FRAGMENT, fragment6(UDP, 0, 1, udp())),
        ip6(FRAGMENT, fragment6(UDP, 1448, 0, udp())),
        ip6(AH, ah(UDP, udp())),
        ip6(ICMP6, icmp(128)),
        ip6(ICMP6, icmp(2, 0, b"\0\0\x05\0", ip6(UDP, udp()))),
        ip6(ICMP6, icmp(4, 1, b"\0\0\0\x28", ip6(UDP, udp()))),
        ip6(TCP, tcp()[:8]),
        ip6(TCP, tcp())[:39],
        b"",
    ]
    for kind in range(256):
        for code in (0, 1, 4) if kind in (*range(8), *range(127, 156)) else (0,):
            yield icmp(kind, code, b"\0\0\x05\0", quotes[2])
    for kind in range(1, 5):
        for quote in quotes:
            yield icmp(kind, 0, b"\0\1\x05\0", quote)


def tcp_segments():
    for flags in range(512):
        yield tcp(flags & 0xFF, flags >> 8, urgent=flags)
    for reserved in range(16):
        yield tcp(0xFF, reserved)
    yield tcp(2, 0, bytes.fromhex("020405b40402080a0000000100000000"), b"")
    for words in range(1, 11):
        yield tcp(0x10, 0, bytes(range(0xA0, 0xA0 + 4 * words)), b"data")
    for doff in range(16):
        yield tcp(0x10, 0, b"\x01" * 8, b"", doff)


def ipv4():
    for payload in tcp_segments():
        yield ip4(TCP, payload)
    for protocol, payload in transports():
        for tos in (0, 1, 0xFF):
            yield ip4(protocol, payload, tos=tos)
        for frag in (0x8000, 0x4000, 0x2000, 0xE000, 0x2001, 0x00B9, 0x1FFF):
            yield ip4(protocol, payload[:16], frag=frag)
        for words in range(1, 11):
            yield ip4(protocol, payload, b"\x01" * (4 * words))
        yield ip4(protocol, payload, b"\x07\x0b\x04" + bytes(8) + b"\x00")
        yield ip4(protocol, payload, ident=0xFFFF, ttl=255)
        for length in range(min(len(payload), 21)):
            yield ip4(protocol, payload[:length])
    for tos in range(0, 256, 5):
        yield ip4(UDP, udp(), tos=tos)
    for payload in icmp4_messages():
        yield ip4(ICMP, payload)
    for protocol in range(256):
        yield ip4(protocol, bytes(4))


def chains(protocol, payload):
    """The headers that can stand before a transport header, alone and together."""
    yield HOPOPTS, option6(protocol, payload)
    yield HOPOPTS, option6(DSTOPTS, option6(protocol, payload, 3), 1)
    yield DSTOPTS, option6(protocol, payload, 30)
    yield ROUTING, routing(protocol, payload)
    yield FRAGMENT, fragment6(protocol, 0, 1, payload)
    yield FRAGMENT, fragment6(protocol, 0, 0, payload)
    yield FRAGMENT, fragment6(protocol, 8, 1, payload)
    yield FRAGMENT, fragment6(protocol, 0xFFF8, 0, payload)
    yield AH, ah(protocol, payload)
    yield AH, ah(protocol, payload, 1)
    yield AH, ah(protocol, payload, 60)
    yield HOPOPTS, option6(ROUTING, routing(FRAGMENT, fragment6(DSTOPTS, 0, 1, option6(protocol, payload))))
    yield FRAGMENT, fragment6(DSTOPTS, 64, 1, option6(protocol, payload))
    yield FRAGMENT, fragment6(AH, 64, 1, ah(protocol, payload))
    yield FRAGMENT, fragment6(ESP, 64, 1, payload)
    yield FRAGMENT, fragment6(FRAGMENT, 64, 1, fragment6(protocol, 0, 0, payload))
    yield DSTOPTS, option6(AH, ah(DSTOPTS, option6(protocol, payload)))
    yield DSTOPTS, option6(ESP, payload)
    yield DSTOPTS, option6(NONE, payload)
    yield DSTOPTS, option6(135, payload)


def ipv6():
    for payload in tcp_segments():
        yield ip6(TCP, payload)
    for protocol, payload in [*transports(), (ICMP6, icmp(128)), (ICMP6, icmp(1, 4, data=ip6(UDP, udp())))]:
        yield ip6(protocol, payload)
        yield ip6(protocol, payload, 0xB8, 0xABCDE, 255)
        for chain in chains(protocol, payload):
            yield ip6(*chain)
        for length in range(min(len(payload), 21)):
            yield ip6(protocol, payload[:length])
    for payload in icmp6_messages():
        yield ip6(ICMP6, payload)
    for protocol in range(256):
        yield ip6(protocol, bytes(8))
    # More than a line of the kernel holds.
    long = tcp()
    for _ in range(150):
        long = option6(DSTOPTS, long)
    for nexthdr in range(1, 120, 7):
        yield ip6(DSTOPTS, long[8 * nexthdr:])


def arp_packets():
    sender, target = bytes.fromhex("0200000000aac6336409"), bytes.fromhex("000000000000c6336402")
    for op in (*range(12), 25, 256, 65535):
        yield struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + sender + target
    for hrd, pro, hln, pln in ((6, 0x0800, 6, 4), (1, 0x86DD, 6, 4), (1, 0x0800, 8, 4), (1, 0x0800, 6, 16), (0, 0, 0, 0),
                               (65535, 65535, 255, 255)):
        yield struct.pack("!HHBBH", hrd, pro, hln, pln, 1) + sender + target
    whole = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + sender + target
    for length in range(len(whole)):
        yield whole[:length]


def frames_arp(mac):
    for ethertype in (0x0806, 0x8035):
        for packet in arp_packets():
            yield ether(mac, ethertype, packet)


def frames_ether(mac):
    yield ether(mac, 0x88CC, bytes.fromhex("0207040200000000aa"))
    yield ether(mac, 0x8847, bytes(20))
    yield ether(mac, 0x8863, bytes(20))
    yield ether(mac, 20, bytes.fromhex("424203") + bytes(17))
    yield ether(mac, 30, bytes.fromhex("aaaa03000000") + struct.pack("!H", 0x0800) + bytes(20))
    for protocol in (0x8100, 0x88A8):
        for tci in (1, 0x0064, 0x6064, 0xFFFF, 0x1000):
            for ethertype, packet in ((0x0800, ip4(TCP, tcp())), (0x86DD, ip6(UDP, udp())), (0x0806, next(arp_packets())),
                                      (0x88CC, bytes(20)), (0x8100, struct.pack("!HH", 7, 0x0800) + ip4(UDP, udp()))):
                yield ether(mac, protocol, struct.pack("!HH", tci, ethertype) + packet)


def frames_usual(mac):
    quote4, quote6 = ip4(UDP, udp()), ip6(UDP, udp())
    for flags in range(64):
        yield ether(mac, 0x0800, ip4(TCP, tcp(flags, 0, b"\x02\x04\x05\xb4")))
        yield ether(mac, 0x86DD, ip6(TCP, tcp(flags)))
    yield ether(mac, 0x0800, ip4(UDP, udp(), tos=0xB8))
    yield ether(mac, 0x0800, ip4(UDP, udp(), frag=0x4000))
    yield ether(mac, 0x86DD, ip6(UDP, udp()))
    for kind in (0, 3, 4, 5, 8, 11, 12, 13, 14):
        yield ether(mac, 0x0800, ip4(ICMP, icmp(kind, 0, b"\xc0\x00\x02\xfe", quote4)))
    for kind in (1, 2, 3, 4, 128, 129, 133, 134, 135, 136):
        yield ether(mac, 0x86DD, ip6(ICMP6, icmp(kind, 0, b"\0\0\x05\0", quote6)))


def cut_packets():
    whole4 = [ip4(protocol, payload, b"\x01" * 8) for protocol, payload in transports()]
    whole4 += [ip4(ICMP, icmp(3, 4, data=ip4(TCP, tcp(), b"\x01" * 4))), ip4(TCP, tcp(0x10, 0, b"\x01" * 12))]
    for packet in whole4:
        for length in range(min(len(packet), 84)):
            yield 0x0800, packet[:length]
    for ihl in range(16):
        for length in (0, 20, 28, 65535):
            yield 0x0800, ip4(TCP, tcp(), ihl=ihl, length=length)
        yield 0x0800, ip4(UDP, udp(), ihl=ihl)[:24]
        yield 0x0800, ip4(ICMP, icmp(3, 3, data=ip4(UDP, udp(), ihl=ihl)))
    whole6 = [ip6(*chain) for chain in chains(TCP, tcp(0x10, 0, b"\x01" * 4))]
    whole6 += [ip6(protocol, payload) for protocol, payload in transports()]
    whole6 += [ip6(ICMP6, icmp(2, 0, data=ip6(HOPOPTS, option6(UDP, udp()))))]
    for packet in whole6:
        for length in range(min(len(packet), 120)):
            yield 0x86DD, packet[:length]


def ether(mac, ethertype, packet):
    return mac + bytes.fromhex("0200000000aa") + struct.pack("!H", ethertype) + packet


def frames(kind, mac):
    if kind == "ipv4":
        yield from (ether(mac, 0x0800, packet) for packet in ipv4())
    elif kind == "ipv6":
        yield from (ether(mac, 0x86DD, packet) for packet in ipv6())
    elif kind == "arp":
        yield from frames_arp(mac)
    elif kind == "ether":
        yield from frames_ether(mac)
    elif kind == "usual":
        yield from frames_usual(mac)
    elif kind == "cut":
        yield from (ether(mac, ethertype, packet) for ethertype, packet in cut_packets())
    elif kind.startswith("random"):
        chance = random.Random(int(kind[len("random"):] or 1))
        seeds = [frame for other in ("ipv4", "ipv6", "arp", "cut") for frame in frames(other, mac)]
        for frame in chance.sample(seeds, 2000):
            mutant = bytearray(frame)
            for _ in range(chance.randint(1, 4)):
                if len(mutant) > 14:
                    mutant[chance.randrange(14, len(mutant))] = chance.choice(
                        (0, 1, 6, 17, 44, 50, 51, 58, 60, 255, chance.randrange(256)))
            yield bytes(mutant[:chance.randint(14, len(mutant))] if chance.random() < 0.3 else mutant)
    else:
        sys.exit(__doc__)


def main():
    mac = bytes.fromhex(sys.argv[2] if len(sys.argv) > 2 else "020000000001")
    sys.stdout.write("".join(frame.hex() + "\n" for frame in frames(sys.argv[1], mac)))


main()
