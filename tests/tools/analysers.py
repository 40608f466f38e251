#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Read lines of a firewall as log analysers do: analysers.py NAME FRAMES LINES.

LINES is a file of log lines, FRAMES one of the frames they are about, in hex and the same order.  Each line has to be one
that the analyser NAME understands, with the fields of its frame; what the analyser is not made for may remain unread.
Prints how many lines were read.  The patterns are made from what the documentation of each says it expects: filebeat (its
module iptables), elastic (the integration iptables), logstash (IPTABLES of its grok patterns), crowdsec (iptables-logs),
wazuh (its decoder of kernel lines).
"""
import ipaddress
import re
import struct
import sys

TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}

BSD_TIME = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
ISO_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d"
DEVICES = r"IN=(?P<IN>\S*) OUT=(?P<OUT>\S*) (?:MAC=(?P<MAC>[0-9a-f:]*) )?"
ADDRESSES = r"SRC=(?P<SRC>[0-9a-fA-F.:]+) DST=(?P<DST>[0-9a-fA-F.:]+) LEN=(?P<LEN>\d+) "
V4 = r"TOS=0x(?P<TOS>[0-9A-F]{2}) PREC=0x[0-9A-F]{2} TTL=(?P<TTL>\d+) ID=(?P<ID>\d+) (?:(?:CE|DF|MF) )*(?:FRAG:\d+ )?"
V6 = r"TC=\d+ HOPLIMIT=(?P<HOPS>\d+) FLOWLBL=\d+ "
PROTO = r"PROTO=(?P<PROTO>[A-Za-z0-9]+) "
PORTS = r"SPT=(?P<SPT>\d+) DPT=(?P<DPT>\d+) "
TCP = r"(?:SEQ=\d+ ACK=\d+ )?WINDOW=(?P<WINDOW>\d+) RES=0x[0-9a-f]{2} (?P<FLAGS>(?:[A-Z]{3} )*)URGP=\d+ "
ORDERED = DEVICES + ADDRESSES + f"(?:{V4}|{V6}){PROTO}(?:{PORTS}(?:{TCP})?)?"

ANALYSERS = {
    # Strict order; what it does not match it does not read at all.
    "filebeat": f"^(?:{BSD_TIME}|{ISO_TIME}) \\S+ (?:kernel: )?.*?{ORDERED}",
    # The action is the first word, before a colon.
    "elastic": f"^(?:{BSD_TIME}|{ISO_TIME}) \\S+ kernel: (?P<ACTION>[A-Za-z]+): .*?{ORDERED}",
    # Only of packets with ports.
    "logstash": f"{DEVICES}{ADDRESSES}(?:{V4}|{V6}){PROTO}{PORTS}(?:{TCP})?",
    # The program is kernel; keys and values in any order.
    "crowdsec": f"^(?:{BSD_TIME}|{ISO_TIME}) \\S+ kernel: (?P<WORDS>.*\\bIN=.*)$",
    # The action is the first word, with one blank behind it; then these in this order.
    "wazuh": f"^(?:{BSD_TIME}|{ISO_TIME}) \\S+ kernel: (?P<ACTION>\\S+) IN=(?P<IN>\\S*) .*?SRC=(?P<SRC>\\S+) DST=(?P<DST>\\S+) "
             f".*?{PROTO}(?:{PORTS})?",
}


def frame_fields(frame):
    """What an analyser should find out about the frame."""
    packet = frame[14:]
    if packet[0] >> 4 == 4:
        source, target, protocol, transport = packet[12:16], packet[16:20], packet[9], packet[4 * (packet[0] & 15):]
        fields = {"LEN": struct.unpack("!H", packet[2:4])[0], "TTL": packet[8], "ID": struct.unpack("!H", packet[4:6])[0],
                  "TOS": packet[1] & 0x1E}
    else:
        source, target, protocol, transport = packet[8:24], packet[24:40], packet[6], packet[40:]
        fields = {"LEN": struct.unpack("!H", packet[4:6])[0] + 40, "HOPS": packet[7]}
    fields.update(IN="tap0", OUT="", PROTO=PROTOCOLS[protocol], SRC=ipaddress.ip_address(source),
                  DST=ipaddress.ip_address(target), MAC=frame[:14].hex(":"), ACTION="DROP")
    if protocol in (6, 17):
        fields["SPT"], fields["DPT"] = struct.unpack("!HH", transport[:4])
    else:
        fields["TYPE"], fields["CODE"] = transport[:2]
    if protocol == 6:
        fields["FLAGS"] = {name for bit, name in enumerate(TCP_FLAGS) if transport[13] >> bit & 1}
        fields["WINDOW"] = struct.unpack("!H", transport[14:16])[0]
    return fields


def line_fields(match):
    words = match.groupdict()
    if "WORDS" in words:
        # What stands in brackets is about the packet inside the packet; of a key that is there twice, LEN, the first counts.
        outer = re.sub(r"\[.*\]", "", words.pop("WORDS"))
        pairs = [word.split("=", 1) for word in outer.split() if "=" in word]
        known = ("PROTO", "SRC", "DST", "SPT", "DPT", "LEN", "IN", "OUT", "TYPE", "CODE")
        words = {key: value for key, value in reversed(pairs) if key in known}
    fields = {}
    for key, value in words.items():
        if value is None:
            continue
        if key in ("SRC", "DST"):
            fields[key] = ipaddress.ip_address(value)
        elif key == "FLAGS":
            fields[key] = set(value.split())
        elif key == "TOS":
            fields[key] = int(value, 16)
        elif key == "ACTION":
            fields[key] = value.rstrip(":")
        else:
            fields[key] = int(value) if value.isdigit() else value
    return fields


def main():
    name, frames, lines = sys.argv[1:]
    pattern, count = re.compile(ANALYSERS[name]), 0
    with open(frames) as frames, open(lines) as lines:
        for frame, line in zip(frames, lines, strict=True):
            expected = frame_fields(bytes.fromhex(frame))
            if name == "logstash" and "SPT" not in expected:
                continue
            match = pattern.search(line.rstrip("\n"))
            if not match:
                sys.exit(f"{name} does not understand: {line}")
            found = line_fields(match)
            wanted = {"SRC", "DST", "PROTO", "IN"} | {"SPT", "DPT"} & expected.keys()
            if name not in ("crowdsec", "wazuh"):
                wanted |= {"OUT", "MAC", "LEN"} | {"FLAGS", "WINDOW", "TTL", "ID", "HOPS"} & expected.keys()
            if name == "crowdsec":
                wanted |= {"OUT", "LEN"} | {"TYPE", "CODE"} & expected.keys()
            if wanted - found.keys():
                sys.exit(f"{name} misses {sorted(wanted - found.keys())}: {line}")
            wrong = {key for key in found if found[key] != expected.get(key)}
            if wrong:
                sys.exit(f"{name} finds {[(key, found[key], expected.get(key)) for key in sorted(wrong)]}: {line}")
            count += 1
    print(count)


main()
