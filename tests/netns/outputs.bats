# SPDX-License-Identifier: GPL-2.0-or-later
# What the outputs write of real packets: files that the programs they are meant for can read.

load ../lib

setup() {
	require_netns
	require_ulogd
	ns_new NS
	tap_add tap0
}

teardown() {
	cleanup
}

# Write log.conf with OUTPUT behind all filters, each LINE one of its options: out_conf OUTPUT [LINE...].
out_conf() {
	conf log <<-EOF
	stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,hw1:HWHDR,print1:PRINTPKT,out1:$1
	[log1]
	group=1
	numeric_label=${label:-0}
	[out1]
	sync=1
	$(shift; printf '%s\n' "$@")
	EOF
}

# Log what arrives on tap0: log_tap0 [LOG OPTION...].
log_tap0() {
	nft_chain ip "prerouting priority raw" "iifname tap0 log ${*:-prefix \"x\"} group 1"
}

# Log in a chain of its own for each line on stdin, a prefix written as Python bytes.
log_prefixes() {
	python3 -c '
import ast, sys
out = sys.stdout.buffer
for n, line in enumerate(sys.stdin):
    out.write(b"table ip p%d { chain c { type filter hook prerouting priority raw + %d\n" % (n, n))
    out.write(b"iifname tap0 log prefix \"" + ast.literal_eval(line) + b"\" group 1\n}\n}\n")
' | ns nft -f -
}

# The lines of FILE are JSON objects, no name twice in one, in which the Python EXPRESSION over `o', the object, `n',
# its number, and `prefixes', those of $T/prefixes, is true: json_all FILE [EXPRESSION].
json_all() {
	jq -e . "$1" >/dev/null || fail "jq does not take it"
	python3 - "$1" "${2:-True}" "$T/prefixes" <<-'END'
	import ast, codecs, datetime, json, os, sys
	def unique(pairs):
	    assert len(pairs) == len(dict(pairs)), "a name is there twice"
	    return dict(pairs)
	def latin1(error):
	    return "".join(map(chr, error.object[error.start:error.end])), error.end
	codecs.register_error("latin1", latin1)
	prefixes = []
	if os.path.exists(sys.argv[3]):
	    prefixes = [ast.literal_eval(line).decode(errors="latin1") for line in open(sys.argv[3])]
	for n, line in enumerate(open(sys.argv[1], "rb").read().decode().split("\n")[:-1]):
	    o = json.loads(line, object_pairs_hook=unique)
	    if not eval(sys.argv[2]):
	        sys.exit("line %d: %s" % (n + 1, line))
	END
}

# --- JSON ---------------------------------------------------------------------------------------

@test "JSON: prefixes of nft with any byte, also newlines, are one valid line each" {
	require jq
	out_conf JSON "file=\"$T/log.json\""
	start_ulogd log
	# Every byte but NUL and what nft has no way to write, the quote and $; and sequences of UTF-8, good and bad.
	python3 - >"$T/prefixes" <<-'END'
	every = bytes(b for b in range(1, 256) if b not in b'"$')
	for at in range(0, len(every), 100):
	    print(every[at:at + 100])
	for prefix in ("grüße 日本 🦀 \u2028\u007f".encode(), b"\xc3", b"\xe2\x82", b"\xf0\x9f\xa6", b"\xc0\x80\xe0\x80\x80",
	               b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff\xfe", b"a\nb\n", b"\\u0041", b"\xc3\xbc" * 63, b"x" * 127):
	    print(prefix)
	END
	log_prefixes <"$T/prefixes"
	numbered 0 1 | send_frames tap0
	wait_for "all lines" has_lines "$T/log.json" "$(lines "$T/prefixes")"
	stop log
	[ "$(lines "$T/log.json")" = "$(lines "$T/prefixes")" ]
	json_all "$T/log.json" 'o["oob.prefix"] == prefixes[n] and o["print"].startswith(prefixes[n])'
}

@test "JSON: prefixes of iptables with quotes, backslashes, control characters and bytes that are not UTF-8" {
	local prefix

	require jq iptables
	out_conf JSON "file=\"$T/log.json\""
	start_ulogd log
	for prefix in 'say "hi" \ / \n' $'\x01\x1b[1m\x7f\t' $'\xff\xfe \xc3' 'a, "b": {'; do
		ns iptables -t raw -A PREROUTING -i tap0 -j NFLOG --nflog-group 1 --nflog-prefix "$prefix" ||
			skip "iptables does not work here"
		python3 -c 'import os, sys; print(os.fsencode(sys.argv[1]))' "$prefix" >>"$T/prefixes"
	done
	numbered 0 1 | send_frames tap0
	wait_for "all lines" has_lines "$T/log.json" 4
	stop log
	json_all "$T/log.json" 'o["oob.prefix"] == prefixes[n]'
}

@test "JSON: large numbers are exact" {
	require jq
	out_conf JSON "file=\"$T/log.json\""
	start_ulogd log
	nft_chain ip "prerouting priority raw" "iifname tap0 meta mark set 0xffffffff log group 1"
	# TCP with the largest sequence and acknowledged numbers.
	send_frames tap0 <<-'EOF'
	0200000000010200000000aa08004500002812340000400c2d6cc0000201c6336402
	0200000000010200000000aa0800450000281234000040067c65c0000201c63364029c40ffffffffffffffffffff5002faf000000000
	EOF
	wait_for "all lines" has_lines "$T/log.json" 1
	stop log
	grep -q '"oob.mark": 4294967295, ' "$T/log.json"
	grep -q '"dest_port": 65535, "tcp.seq": 4294967295, "tcp.ackseq": 4294967295, ' "$T/log.json"
	json_all "$T/log.json" 'o["oob.mark"] == 2**32 - 1 and all(type(v) in (int, str) for v in o.values())'
}

@test "JSON: device, eventv1, boolean_label and timestamp=0" {
	local label

	require jq
	log_tap0
	for label in 0 1 300; do
		out_conf JSON "file=\"$T/$label.json\"" eventv1=1 boolean_label=1 'device="fw \1 ü/"'
		start_ulogd log
		numbered 0 2 | send_frames tap0
		wait_for "all lines" has_lines "$T/$label.json" 2
		stop log
	done
	json_all "$T/0.json" 'o["action"] == "blocked"'
	json_all "$T/1.json" 'o["action"] == "allowed"'
	json_all "$T/300.json" 'o["action"] == "allowed"'
	json_all "$T/0.json" 'list(o)[:3] == ["@version", "@timestamp", "dvc"] and o["@version"] == 1'
	json_all "$T/0.json" 'o["dvc"] == "fw \\1 ü/" and not {"timestamp", "raw.label"} & set(o)'
	out_conf JSON "file=\"$T/plain.json\"" timestamp=0
	start_ulogd log
	numbered 0 2 | send_frames tap0
	wait_for "all lines" has_lines "$T/plain.json" 2
	stop log
	json_all "$T/plain.json" 'list(o)[0] == "dvc" and o["raw.label"] == 44'
	json_all "$T/plain.json" 'not {"timestamp", "@timestamp", "@version", "action"} & set(o)'
}

@test "JSON: the time is that of the packet, with its zone" {
	local zone

	require jq
	[ -e /usr/share/zoneinfo/America/St_Johns ] || skip "needs tzdata"
	log_tap0
	for zone in UTC Europe/Berlin America/St_Johns Asia/Kolkata Africa/Monrovia "<-00>0:44:30" ; do
		export TZ=$zone
		rm -f "$T/log.json"
		out_conf JSON "file=\"$T/log.json\""
		start_ulogd log
		numbered 0 2 | send_frames tap0
		wait_for "all lines" has_lines "$T/log.json" 2
		stop log
		[ "$zone" = "<-00>0:44:30" ] && break	# RFC 3339 has no seconds
		json_all "$T/log.json" 'o["timestamp"] == datetime.datetime.fromtimestamp(o["oob.time.sec"]).replace(
			microsecond=o["oob.time.usec"]).astimezone().isoformat(timespec="microseconds")'
	done
	json_all "$T/log.json" 'o["timestamp"].endswith("-00:44")'
}

# --- PCAP ---------------------------------------------------------------------------------------

# Print the numbers of the frames in the capture FILE as tcpdump reads it: pcap_numbers FILE.
pcap_numbers() {
	tcpdump -nn -v -r "$1" 2>"$T/tcpdump.err" |
		sed -nE 's/.* id ([0-9]+), .*/\1/p; s/^ *192\.0\.2\.1\.([0-9]+) > .*/\1/p' |
		paste -d' ' - - | awk '{ print ($2 - 1024) * 65536 + $1 }'
}

# The capture FILE holds the frames 0 to COUNT - 1, for tcpdump: pcap_holds FILE COUNT.
pcap_holds() {
	[ "$(pcap_numbers "$1" | tr '\n' ' ')" = "$(seq 0 $(($2 - 1)) | tr '\n' ' ')" ]
}

# Start the daemon with PCAP to log.pcap, send COUNT frames from FIRST on, stop it: pcap_session FIRST COUNT [LINE...].
pcap_session() {
	local first=$1 count=$2

	shift 2
	out_conf PCAP "file=\"$T/log.pcap\"" "$@"
	start_ulogd log
	numbered "$first" "$count" | send_frames tap0
	stop log
	[ "$status" = 0 ]
}

# The capture FILE holds the frames 0 to COUNT - 1, for all who read captures: pcap_is FILE COUNT.
pcap_is() {
	pcap_holds "$@"
	tshark_reads "$@"
}

@test "PCAP: tcpdump and tshark read captures of all kinds" {
	local linktype nanoseconds

	require tcpdump tshark
	log_tap0
	for linktype in raw nflog; do
		for nanoseconds in 0 1; do
			rm -f "$T/log.pcap"
			pcap_session 0 10 "linktype=$linktype" "nanoseconds=$nanoseconds"
			pcap_is "$T/log.pcap" 10
			grep -qi "link-type $linktype" "$T/tcpdump.err"
			# The magic number, which has the byte order of the host.
			[ "$(od -An -tx4 -N4 "$T/log.pcap" | tr -d ' ')" = "$([ $nanoseconds = 1 ] && echo a1b23c4d || echo a1b2c3d4)" ]
		done
	done
	! grep -q truncated "$T/tcpdump.err" || fail "a packet is cut"
}

@test "PCAP: times are those of the packets, in nanoseconds too" {
	local nanoseconds

	require tcpdump tshark
	log_tap0
	conf log <<-EOF
	stack=log1:NFLOG,base1:BASE,out1:PCAP
	stack=log1:NFLOG,base1:BASE,out2:PCAP
	stack=log1:NFLOG,base1:BASE,out3:GPRINT
	[log1]
	group=1
	[out1]
	file="$T/0.pcap"
	[out2]
	file="$T/1.pcap"
	nanoseconds=1
	[out3]
	file="$T/log.txt"
	EOF
	start_ulogd log
	numbered 0 10 | send_frames tap0
	stop log
	sed -E 's/.*oob.time.sec=([0-9]+),oob.time.usec=([0-9]+),.*/\1 \2/' "$T/log.txt" |
		awk '{ printf "%d.%06d\n", $1, $2 }' >"$T/times"
	[ "$(lines "$T/times")" = 10 ]
	for nanoseconds in 0 1; do
		tcpdump -tt -nn -r "$T/$nanoseconds.pcap" 2>/dev/null | cut -d' ' -f1 | diff -u "$T/times" -
		tshark_reads "$T/$nanoseconds.pcap" 10
		tshark -n -r "$T/$nanoseconds.pcap" -T fields -e frame.time_epoch 2>/dev/null | cut -c1-17 | diff -u "$T/times" -
	done
}

@test "PCAP: an existing capture is continued" {
	local linktype

	require tcpdump tshark
	log_tap0
	for linktype in raw nflog; do
		rm -f "$T/log.pcap"
		pcap_session 0 5 "linktype=$linktype"
		pcap_session 5 5 "linktype=$linktype"
		pcap_is "$T/log.pcap" 10
	done
	[ ! -e "$T/log.pcap.1" ]
}

@test "PCAP: a packet that was cut at the end is taken off, and that is said" {
	local cut

	require tcpdump tshark
	log_tap0
	# Within a packet, within its header, a byte of it.
	for cut in 5 40 51; do
		rm -f "$T/log.pcap"
		pcap_session 0 6
		truncate -s "-$cut" "$T/log.pcap"
		pcap_session 5 5
		grep -q "log.pcap: its last record was cut, $((52 - cut)) bytes taken off" "$T/log.log"
		pcap_is "$T/log.pcap" 10
	done
	[ ! -e "$T/log.pcap.1" ]
}

@test "PCAP: what is no such capture is moved aside, and that is said" {
	local n=0 what

	require tcpdump tshark
	log_tap0
	for what in nflog nanoseconds garbage short; do
		n=$((n + 1))
		rm -f "$T/log.pcap"
		case $what in
		nflog) pcap_session 0 1 linktype=nflog ;;
		nanoseconds) pcap_session 0 1 nanoseconds=1 ;;
		garbage) printf '%64s\n' "no capture" >"$T/log.pcap" ;;
		short) printf '\xd4\xc3\xb2\xa1' >"$T/log.pcap" ;;
		esac
		cp "$T/log.pcap" "$T/before"
		pcap_session 0 5
		grep -q "log.pcap: it holds something else, moved to .*log.pcap.$n\$" "$T/log.log"
		cmp "$T/before" "$T/log.pcap.$n"
		pcap_is "$T/log.pcap" 5
	done
}

# Print FIELDs of the packets in log.pcap as tshark shows them, a row for each: nflog_fields FIELD...
nflog_fields() {
	tshark -n -r "$T/log.pcap" -T fields -E separator='|' "${@/#/-e}" 2>"$T/tshark.err"
}

# Print the value of the attribute NUMBER of each packet in log.pcap, in hex, of those that tshark has no name for:
# nflog_attribute NUMBER.
nflog_attribute() {
	tshark -n -r "$T/log.pcap" -T pdml 2>"$T/tshark.err" | python3 -c '
import sys, xml.etree.ElementTree as tree
for packet in tree.parse(sys.stdin).getroot():
    for tlv in packet.iter("field"):
        values = {field.get("name"): field for field in tlv}
        kind = values.get("nflog.tlv_type")
        if tlv.get("name") == "nflog.tlv" and int(kind.get("value"), 16) == int(sys.argv[1]):
            print(values["nflog.tlv_value"].get("value"))
' "$1"
}

@test "PCAP: with linktype=nflog tshark shows what the kernel said of a packet that arrived" {
	local index

	require tshark
	log_tap0 'meta mark set 0xdeadbeef log prefix "in: "'
	pcap_session 0 3 linktype=nflog
	tshark_reads "$T/log.pcap" 3
	index=$(ns cat /sys/class/net/tap0/ifindex)
	[ "$(nflog_fields nflog.family nflog.protocol nflog.hook nflog.res_id nflog.prefix nflog.ifindex_indev | uniq)" = \
		"2|0x0800|0|1|in: |$index" ]
	[ "$(nflog_fields nflog.ifindex_outdev nflog.uid nflog.gid | uniq)" = "||" ]
	# NFULA_MARK, NFULA_HWADDR: length, padding, address; NFULA_HWHEADER.
	[ "$(nflog_attribute 2 | uniq)" = deadbeef ]
	[ "$(nflog_attribute 8 | uniq)" = 000600000200000000aa0000 ]
	[ "$(nflog_attribute 16 | uniq)" = 0200000000010200000000aa0800 ]
	# The kernel's time is that of the packet.
	[[ $(nflog_fields nflog.timestamp) == *20* ]]
	[ "$(nflog_fields nflog.timestamp)" = "$(nflog_fields frame.time)" ]
}

@test "PCAP: with linktype=nflog tshark shows what the kernel said of a packet of this host" {
	local index

	require tshark
	ip -n "$NS" address add 198.51.100.2/24 dev tap0
	ip -n "$NS" neighbour add 198.51.100.77 lladdr 02:00:00:00:00:77 dev tap0
	nft_chain ip "output priority 0" 'udp dport 4242 meta mark set 7 log prefix "out: " group 1'
	out_conf PCAP "file=\"$T/log.pcap\"" linktype=nflog
	start_ulogd log
	send_udp 65534 33333 198.51.100.77 4242 hi
	stop log
	tshark_reads "$T/log.pcap" 1
	index=$(ns cat /sys/class/net/tap0/ifindex)
	[ "$(nflog_fields nflog.hook nflog.prefix nflog.ifindex_indev nflog.ifindex_outdev nflog.uid nflog.gid udp.dstport)" = \
		"3|out: ||$index|65534|65534|4242" ]
	[ "$(nflog_attribute 2)" = 00000007 ]
}

@test "PCAP: with linktype=nflog tshark shows the ports of a bridged packet" {
	local bridge port

	require tshark
	tap_add tap1 02:00:00:00:00:02
	bridge_add br0 tap1
	nft_chain bridge "prerouting priority -300" 'udp dport 9 log prefix "br: " group 1'
	out_conf PCAP "file=\"$T/log.pcap\"" linktype=nflog
	start_ulogd log
	numbered 0 2 | sed 's/^020000000001/020000000099/' | send_frames tap1
	stop log
	tshark_reads "$T/log.pcap" 2
	bridge=$(ns cat /sys/class/net/br0/ifindex) port=$(ns cat /sys/class/net/tap1/ifindex)
	[ "$(nflog_fields nflog.family nflog.ifindex_indev nflog.ifindex_physindev udp.dstport | uniq)" = \
		"7|$bridge|$port|9" ]
}

@test "PCAP: the longest packets fit, whatever the link type" {
	local linktype

	require tcpdump tshark
	nft_chain ip "output priority 0" 'udp dport 9 log prefix "long" group 1'
	for linktype in raw nflog; do
		rm -f "$T/log.pcap"
		out_conf PCAP "file=\"$T/log.pcap\"" "linktype=$linktype"
		start_ulogd log
		# With what the kernel says of it, the second is longer than 65536 bytes.
		ns python3 -c '
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for length in (65400, 65500, 11):
        s.sendto(bytes(length), ("127.0.0.1", 9))'
		stop log
		tshark_reads "$T/log.pcap" 3
		[ "$(tshark -n -r "$T/log.pcap" -T fields -e udp.length 2>/dev/null | tr '\n' ' ')" = "65408 65508 19 " ]
		[ "$(tcpdump -nn -r "$T/log.pcap" 2>/dev/null | grep -cE 'UDP, length (65400|65500|11)$')" = 3 ]
	done
}

# --- XML ----------------------------------------------------------------------------------------

# FILEs are XML documents with a root `packet': well_formed FILE...
well_formed() {
	python3 -c '
import sys, xml.etree.ElementTree as tree
for path in sys.argv[1:]:
    assert tree.parse(path).getroot().tag == "packet", path' "$@" || return 1
	command -v xmllint >/dev/null || return 0
	xmllint --noout "$@"
}

@test "XML: documents with any prefix are well-formed, and payloads complete" {
	out_conf XML "directory=\"$T\""
	start_ulogd log
	python3 - >"$T/prefixes" <<-'END'
	every = bytes(b for b in range(1, 256) if b not in b'"$')
	for at in range(0, len(every), 100):
	    print(every[at:at + 100])
	print("<grüße> & 🦀 ]]> <![CDATA[".encode())
	print("\ufffd \ufffe \uffff \U0001fffe".encode())
	END
	log_prefixes <"$T/prefixes"
	numbered 0 1 | send_frames tap0
	stop log
	well_formed "$T"/ulogd-pkt-*.xml
	python3 - "$T"/ulogd-pkt-*.xml "$(numbered 0 1 | cut -c29-)" <<-'END'
	import sys, xml.etree.ElementTree as tree
	logs = tree.parse(sys.argv[1]).getroot().findall("log")
	assert len(logs) == 5, logs
	assert all(log.findtext("payload") == sys.argv[2] for log in logs)
	assert logs[3].findtext("prefix") == "<grüße> & 🦀 ]]> <![CDATA[", logs[3].findtext("prefix")
	assert logs[4].findtext("prefix") == "\ufffd \ufffd \ufffd \U0001fffe", logs[4].findtext("prefix")
	assert "\ufffd" in logs[0].findtext("prefix") and "&'()" in logs[0].findtext("prefix")
	END
}

@test "XML: a packet has its connection where the kernel attaches it" {
	out_conf XML "directory=\"$T\""
	sed -i 's/^group=1$/&\nattach_conntrack=1/' "$T/log.conf"
	start_ulogd log
	! grep "this kernel cannot attach" "$T/log.log" || skip "needs CONFIG_NETFILTER_NETLINK_GLUE_CT"
	nft_chain ip "prerouting priority 0" 'iifname tap0 ct state new log group 1'
	numbered 0 1 | send_frames tap0
	stop log
	well_formed "$T"/ulogd-pkt-*.xml
	grep -q '</log><flow>.*<src>192.0.2.1</src>.*<sport>1024</sport>.*<unreplied/>.*</flow>$' "$T"/ulogd-pkt-*.xml
}

# SIGHUP has led to a second document.
second_document() {
	local files

	kill -s HUP "${PID[log]}"
	files=("$T"/ulogd-pkt-*.xml)
	[ ${#files[@]} -gt 1 ]
}

@test "XML: SIGHUP ends the document and begins a new one" {
	local files

	log_tap0
	out_conf XML "directory=\"$T\""
	start_ulogd log
	numbered 0 3 | send_frames tap0
	files=("$T"/ulogd-pkt-*.xml)
	wait_for "three elements" has_lines "${files[0]}" 5
	# Files are named for seconds, within one nothing happens.
	wait_for "a new document" second_document
	numbered 3 3 | send_frames tap0
	stop log
	well_formed "$T"/ulogd-pkt-*.xml
	[ "$(tail -n 1 "${files[0]}")" = "</packet>" ]
	[ "$(cat "$T"/ulogd-pkt-*.xml | grep -c '^<log>.*</log>$')" = 6 ]
	[ "$(grep -c '^<log>' "${files[0]}")" = 3 ]
}

@test "XML: with stdout=1 a document stays on standard output, also after SIGHUP" {
	log_tap0
	out_conf XML "directory=\"$T\"" stdout=1
	start_ulogd log
	numbered 0 3 | send_frames tap0
	wait_for "three elements" has_lines "$T/log.out" 5
	kill -s HUP "${PID[log]}"
	numbered 3 3 | send_frames tap0
	wait_for "six elements" has_lines "$T/log.out" 8
	stop log
	well_formed "$T/log.out"
	[ -z "$(find "$T" -name '*.xml')" ]
}

# --- files --------------------------------------------------------------------------------------

@test "a file named - or /dev/stdout is standard output, also after SIGHUP" {
	local file

	log_tap0
	for file in - /dev/stdout; do
		out_conf LOGEMU "file=\"$file\""
		start_ulogd log
		numbered 0 3 | send_frames tap0
		wait_for "three lines" has_lines "$T/log.out" 3
		kill -s HUP "${PID[log]}"
		numbered 3 3 | send_frames tap0
		wait_for "six lines" has_lines "$T/log.out" 6
		stop log
		numbers "$T/log.out" | diff -u <(seq 0 5) -
	done
	[ ! -e - ]
}

@test "a FIFO: starts without a reader, each reader gets a header and whole packets, nothing is lost between" {
	require tcpdump tshark
	log_tap0
	mkfifo "$T/log.fifo"
	out_conf PCAP "file=\"$T/log.fifo\""
	start_ulogd log
	numbered 0 5 | send_frames tap0
	start first cat "$T/log.fifo"
	wait_for "what had waited" pcap_holds "$T/first.out" 5
	numbered 5 5 | send_frames tap0
	wait_for "what came afterwards" pcap_holds "$T/first.out" 10
	stop first
	numbered 10 5 | send_frames tap0
	wait_for "the daemon to miss its reader" grep -q "log.fifo: cannot write: Broken pipe" "$T/log.log"
	start second cat "$T/log.fifo"
	numbered 15 5 | send_frames tap0
	wait_for "the second reader's packets" fifo_holds 20
	stop log
	[ "$status" = 0 ]
	ended second
	tshark_reads "$T/first.out" 10
	tshark_reads "$T/second.out" 10
	# One header of 24 bytes, then packets of 16 + 36.
	[ "$(stat -c %s "$T/first.out")" = $((24 + 10 * 52)) ]
	[ "$(stat -c %s "$T/second.out")" = $((24 + 10 * 52)) ]
	grep -q "log.fifo: writes again after" "$T/log.log"
}

# A process called NAME has the FIFO open: reads_fifo NAME.
reads_fifo() {
	[ "$(readlink "/proc/${PID[$1]}/fd/3")" = "$T/log.fifo" ]
}

@test "a FIFO: a reader that is replaced while nothing is written, too, has a successor with a header" {
	local reader

	require tcpdump tshark
	log_tap0
	mkfifo "$T/log.fifo"
	out_conf PCAP "file=\"$T/log.fifo\""
	start_ulogd log
	for reader in first second third; do
		start "$reader" cat "$T/log.fifo"
		# Without a writer cat waits, until there is something to write.
		[ "$reader" = first ] || wait_for "the $reader reader" reads_fifo "$reader"
		numbered 0 5 | send_frames tap0
		wait_for "what the $reader reader gets" pcap_holds "$T/$reader.out" 5
		numbered 5 5 | send_frames tap0
		wait_for "what the $reader reader gets" pcap_holds "$T/$reader.out" 10
		stop "$reader"
		tshark_reads "$T/$reader.out" 10
		[ "$(stat -c %s "$T/$reader.out")" = $((24 + 10 * 52)) ]
	done
	stop log
	! grep -q "Broken pipe" "$T/log.log" || fail "a reader was missed"
	grep -q "log.fifo: 30 records written (1560 bytes), 0 lost" "$T/log.log"
}

# Both readers together have the frames 0 to COUNT - 1: fifo_holds COUNT.
fifo_holds() {
	[ "$({ pcap_numbers "$T/first.out"; pcap_numbers "$T/second.out"; } | tr '\n' ' ')" = \
		"$(seq 0 $(($1 - 1)) | tr '\n' ' ')" ]
}

@test "a FIFO that nobody ever reads does not keep the daemon from ending" {
	log_tap0
	mkfifo "$T/log.fifo"
	out_conf LOGEMU "file=\"$T/log.fifo\""
	start_ulogd log
	numbered 0 5 | send_frames tap0
	stop log
	[ "$status" = 0 ]
	grep -q "log.fifo: 0 records written (0 bytes), 5 lost" "$T/log.log"
}

@test "two outputs with one file share it: whole lines of both" {
	local i stacks=()

	for i in 1 2; do
		stacks+=("stack=log$i:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,out$i:LOGEMU")
	done
	conf log <<-EOF
	$(printf '%s\n' "${stacks[@]}")
	[log1]
	group=1
	[log2]
	group=2
	[out1]
	file="$T/log.txt"
	sync=1
	[out2]
	file="$T/log.txt"
	sync=1
	EOF
	start_ulogd log
	nft_chain ip "prerouting priority raw" 'iifname tap0 log prefix "one" group 1' 'iifname tap0 log prefix "two" group 2'
	numbered 0 2000 | send_frames tap0
	wait_for "all lines" has_lines "$T/log.txt" 4000
	stop log
	grep -q "log.txt: 4000 records written ($(stat -c %s "$T/log.txt") bytes), 0 lost" "$T/log.log"
	for i in one two; do
		text "$T/log.txt" | grep "^$i IN=tap0 .* MARK=0x0 \$" >"$T/$i.txt"
		numbers "$T/$i.txt" | diff -u <(seq 0 1999) -
	done
}

@test "GPRINT: lines of more than 4096 bytes are whole" {
	local i bases=

	for i in {1..20}; do
		bases+=base$i:BASE,
	done
	conf log <<-EOF
	stack=log1:NFLOG,${bases}out1:GPRINT
	[log1]
	group=1
	[out1]
	file="$T/log.txt"
	EOF
	start_ulogd log
	log_tap0 "prefix \"$(printf 'x%.0s' {1..127})\""
	numbered 0 3 | send_frames tap0
	stop log
	[ "$(lines "$T/log.txt")" = 3 ]
	awk 'length($0) <= 4096 { exit 1 }' "$T/log.txt"
	[ "$(grep -o ',udp.csum=0' "$T/log.txt" | wc -l)" = 60 ]
	[ "$(grep -cE '^raw\.pktlen=36,.*,oob\.protocol=2048$' "$T/log.txt")" = 3 ]
}

@test "OPRINT: a record has its boundary and one line for each key" {
	out_conf OPRINT "file=\"$T/log.txt\""
	start_ulogd log
	log_tap0 'prefix "p"'
	numbered 0 3 | send_frames tap0
	stop log
	[ "$(grep -cx '===>PACKET BOUNDARY' "$T/log.txt")" = 3 ]
	[ "$(grep -cx 'oob.prefix=p' "$T/log.txt")" = 3 ]
	[ "$(grep -cx 'raw.pkt=default' "$T/log.txt")" = 3 ]
	[ "$(grep -cx 'ip.saddr=192.0.2.1' "$T/log.txt")" = 3 ]
	# The text of PRINTPKT ends its own line.
	! grep -vxE '===>PACKET BOUNDARY|[a-z0-9._]+=.*|' "$T/log.txt" || fail "these lines have no key"
}

# --- sync ---------------------------------------------------------------------------------------

@test "with sync=1 records are written whatever number of datagrams was waiting" {
	local count sent=0

	log_tap0
	out_conf LOGEMU "file=\"$T/log.txt\""
	# Each packet is a datagram.
	sed -i 's/^group=1$/&\nnetlink_qthreshold=1/' "$T/log.conf"
	start_ulogd log
	for count in 1 2 4 8 16 32 64 128 256; do
		kill -s STOP "${PID[log]}"
		numbered $sent "$count" | send_frames tap0
		kill -s CONT "${PID[log]}"
		sent=$((sent + count))
		wait_for "the lines of $count datagrams" has_lines "$T/log.txt" $sent
	done
	stop log
	numbers "$T/log.txt" | diff <(seq 0 $((sent - 1))) -
}
