#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages of nfnetlink_log with the conntrack entry of each packet: conntracks.py messages|texts|expected.

messages: one per line in hex, as captures.py takes them for link type 239.  texts: one more, whose texts have characters
that XML has to escape, which the library does not.  expected: what libnetfilter_conntrack
writes about these entries as XML; exits 77 without that library.  linux/netfilter/nfnetlink_conntrack.h has the numbers.
"""
import ctypes
import ipaddress
import struct
import sys

NESTED = 0x8000
ORIG, REPLY, STATUS, PROTOINFO, HELP, TIMEOUT, MARK, ID, ZONE, SECCTX = 1, 2, 3, 4, 5, 7, 8, 12, 18, 19
TCP, UDP, ICMP, ICMP6, SCTP, DCCP, GRE, UDPLITE = 6, 17, 1, 58, 132, 33, 47, 136
ASSURED, SEEN_REPLY, CONFIRMED = 4, 2, 8


def attribute(number, value):
    value = struct.pack("=HH", len(value) + 4, number) + value
    return value + bytes(-len(value) % 4)


def nest(number, *attributes):
    return attribute(number | NESTED, b"".join(attributes))


def be32(number, value):
    return attribute(number, struct.pack(">I", value))


def ports(protocol, source, target):
    return nest(2, attribute(1, bytes([protocol])), attribute(2, struct.pack(">H", source)),
                attribute(3, struct.pack(">H", target)))


def echo(protocol):
    first = 4 if protocol == ICMP else 7
    return nest(2, attribute(1, bytes([protocol])), attribute(first, b"\x1a\x2b"), attribute(first + 1, b"\x08"),
                attribute(first + 2, b"\0"))


def addresses(source, target):
    source, target = (ipaddress.ip_address(address) for address in (source, target))
    first = 1 if source.version == 4 else 3
    return nest(1, attribute(first, source.packed), attribute(first + 1, target.packed))


def connection(l4, reply_l4, *attributes, status=CONFIRMED, v6=False, zone=b""):
    hosts = ("2001:db8::1", "2001:db8::2") if v6 else ("192.0.2.1", "198.51.100.2")
    return (nest(ORIG, addresses(*hosts), l4, zone) + nest(REPLY, addresses(*reversed(hosts)), reply_l4) +
            be32(ID, 0xDEADBEEF) + be32(STATUS, status) + b"".join(attributes))


def entries():
    """What the kernel can attach, of each kind."""
    tcp = ports(TCP, 40000, 80), ports(TCP, 8080, 1024)
    for protocol, nested in ((TCP, 1), (DCCP, 2), (SCTP, 3)):
        for state in range(11):
            yield connection(ports(protocol, 1, 65535), ports(protocol, 65535, 1), be32(TIMEOUT, state),
                             nest(PROTOINFO, nest(nested, attribute(1, bytes([state])))))
    for protocol in (UDP, UDPLITE, GRE, 2, 50, 255):
        yield connection(ports(protocol, 5353, 53), ports(protocol, 53, 5353), be32(TIMEOUT, 0xFFFFFFFF))
    yield connection(echo(ICMP), echo(ICMP))
    yield connection(echo(ICMP6), echo(ICMP6), v6=True)
    for status in (0, SEEN_REPLY, SEEN_REPLY | ASSURED, ASSURED, 0xFFFFFFFF):
        yield connection(*tcp, status=status, v6=True)
    yield connection(*tcp, be32(MARK, 0))
    yield connection(*tcp, be32(MARK, 0xFFFFFFFF), attribute(ZONE, struct.pack(">H", 65535)))
    yield connection(*tcp, zone=attribute(3, struct.pack(">H", 7)))
    yield connection(*tcp, nest(HELP, attribute(1, b"ftp\0")), nest(SECCTX, attribute(1, b"system_u:object_r\0")))
    # What tells nothing about both directions together, or only what it is not.
    bare = nest(ORIG, addresses("10.0.0.5", "198.51.100.2"), tcp[0])
    bare += nest(REPLY, addresses("198.51.100.2", "192.0.2.1"), tcp[1])
    yield bare
    yield bare + be32(STATUS, SEEN_REPLY)
    yield bare + nest(HELP, attribute(1, b"sip\0"))
    yield (nest(ORIG, addresses("::1", "::ffff:192.0.2.1"), ports(UDP, 1, 2)) +
           nest(REPLY, addresses("2001:db8::", "::"), ports(UDP, 3, 4)))
    yield b""


def texts():
    return connection(ports(TCP, 1, 2), ports(TCP, 2, 1), nest(HELP, attribute(1, b"<a>&\"\x01\xff")),
                      nest(SECCTX, attribute(1, b"<b>\0behind")))


def message(entry, number):
    packet = bytes.fromhex("4500001c1234000040117c76c0000201c6336402") + struct.pack(">HHHH", number, 53, 8, 0)
    return (struct.pack(">BBH", 2, 0, 7) + attribute(1, struct.pack(">HBx", 0x0800, 0)) + attribute(10, b"p\0") +
            attribute(9, packet) + nest(18, entry) + be32(19, 2))


def expected():
    try:
        library = ctypes.CDLL("libnetfilter_conntrack.so.3")
    except OSError:
        sys.exit(77)
    library.nfct_new.restype = ctypes.c_void_p
    library.nfct_payload_parse.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint16, ctypes.c_void_p]
    library.nfct_snprintf.argtypes = [ctypes.c_char_p, ctypes.c_uint, ctypes.c_void_p] + 3 * [ctypes.c_uint]
    for entry in entries():
        ct = library.nfct_new()
        # The address family tells the library which addresses to look for.
        family = 10 if struct.pack("=HH", 20, 3) in entry else 2
        assert library.nfct_payload_parse(entry, len(entry), family, ct) == 0
        text = ctypes.create_string_buffer(8192)
        # NFCT_T_UNKNOWN, NFCT_O_XML, NFCT_OF_TIME
        assert library.nfct_snprintf(text, len(text), ct, 0, 1, 2) > 0
        print(text.value.decode())


def main():
    if sys.argv[1:] == ["messages"]:
        for number, entry in enumerate(entries()):
            print(message(entry, number).hex())
    elif sys.argv[1:] == ["texts"]:
        print(message(texts(), 0).hex())
    elif sys.argv[1:] == ["expected"]:
        expected()
    else:
        sys.exit(__doc__)


main()
