# SPDX-License-Identifier: GPL-2.0-or-later
# The same packets through the outputs of ulogd2 and of this daemon: the same keys, values and bytes.
#
# A test compares all records as rows `packet|record', after the filters of those differences in expected.md that it
# names; filters are for one output, or for all that print keys.  Packets of unixsock.vec are known by their source address where the record has it, the others
# have no name.  A record of several lines is one row, its lines joined by `|'.

load ../lib

ULOGD2_VERSION=2.0.8
SIDES=(theirs ours)
FILTERS=base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,hw1:HWHDR

setup() {
	require_netns
	require_ulogd
	require_ulogd2 "$ULOGD2_VERSION"
	ns_new NS
	tap_add tap0
	tun_add tun0
	tap_add tap1 02:00:00:00:00:02
	bridge_add br0 tap1
}

teardown() {
	cleanup
}

# --- the daemons --------------------------------------------------------------------------------

# Start both daemons with OUTPUT behind FILTERS, each LINE an option of the output: start_both OUTPUT FILTERS [LINE...].
start_both() {
	local side

	output=${1,,} group=0
	for side in "${SIDES[@]}"; do
		group=$((group + 1))
		mkdir "$T/$side.d" "$T/$side.dev"
		{
			printf 'stack=log1:NFLOG,%s,out1:%s\n' "$2" "$1"
			printf '[log1]\ngroup=%s\nnumeric_label=300\nnetlink_socket_buffer_size=8388608\n' "$group"
			printf 'netlink_socket_buffer_maxsize=16777216\n'
			[ "$side" = ours ] || printf 'netlink_qthreshold=1\n'
			printf '[out1]\n'
			printf '%s\n' "${@:3}" | sed "s|FILE|\"$T/$side.d/out\"|; s|DIRECTORY|\"$T/$side.d\"|"
		} | conf "$side"
	done
	[ "$output" != syslog ] || listen
	start_daemon theirs "${private_dev[@]}" "$T/theirs.dev" "$ULOGD2"
	start_daemon ours "${private_dev[@]}" "$T/ours.dev" "$ULOGD" --plugin-dir "$PLUGIN_DIR"
	log_both ip "prerouting priority raw" "udp sport 65535" 'prefix "probe"'
	wait_for "ulogd2 to know the devices" probe_named
}

# Run with a directory in the place of /dev: "${private_dev[@]}" DIRECTORY COMMAND...
# shellcheck disable=SC2016
private_dev=(unshare --mount sh -c 'mknod -m 666 "$0/null" c 1 3 && mount --bind "$0" /dev && exec "$@"')

# Receive what is sent to /dev/log of each side.
listen() {
	local side

	for side in "${SIDES[@]}"; do
		start "$side-collector" python3 "$TESTS/tools/collector.py" dgram "$T/$side.dev/log" "$T/$side.d/out"
		wait_for "the collector of $side" test -S "$T/$side.dev/log"
	done
}

# A frame from source port 65535 has been sent, and ulogd2 knew its device, if its output says so.
probe_named() {
	numbered $(((65535 - 1024) * 65536)) 1 | send_frames tap0
	[[ $output == xml || $output == pcap ]] && [ "$(raw_rows theirs | wc -l)" -gt 0 ] && return
	raw_rows theirs | tail -n 2 | grep -qE '\btap0\b'
}

# Log for both daemons at HOOK what MATCH selects: log_both FAMILY HOOK MATCH [LOG OPTION...].
log_both() {
	local family=$1 hook=$2 match=$3

	shift 3
	nft_chain "$family" "$hook" "$match counter name seen log $* group 1" "$match log $* group 2"
}

# --- what they wrote ----------------------------------------------------------------------------

# Print the records that SIDE has written so far: raw_rows SIDE.
raw_rows() {
	local pid=${PID[$1]:-[0-9]+}

	case $output in
	gprint)
		# The time is that of writing, by each.
		sed -E 's|^timestamp=[0-9]{4}/[0-9]{2}/[0-9]{2}-[0-9]{2}:[0-9]{2}:[0-9]{2},|timestamp=NOW,|' \
			"$T/$1.d/out" 2>/dev/null ;;
	json)
		cat "$T/$1.d/out" 2>/dev/null ;;
	oprint)
		awk '/^===>/ { printf "%s%s", sep, $0; sep = "\n"; next } { printf "|%s", $0 } END { printf "%s", sep }' \
			"$T/$1.d/out" 2>/dev/null ;;
	xml)
		sed -E 's/<(min|sec)>[0-9]{2}</<\1>NN</g; s/<(hour|wday|day|month|year)>[1-9]?[0-9]+</<\1>N</g' \
			"$T/$1.d"/*.xml 2>/dev/null ;;
	pcap)
		# The first line is the header of the file.
		[ ! -s "$T/$1.d/out" ] || python3 - "$T/$1.d/out" <<-'END'
		import struct, sys
		data = open(sys.argv[1], "rb").read()
		print("%x %d.%d zone %d, %d, %d, %d" % struct.unpack("=IHHiIII", data[:24]))
		at = 24
		while at + 16 <= len(data):
		    sec, usec, caplen, length = struct.unpack("=IIII", data[at:at + 16])
		    print("%d.%06d %d of %d: %s" % (sec, usec, caplen, length, data[at + 16:at + 16 + caplen].hex()))
		    at += 16 + caplen
		END
		;;
	syslog)
		sed -E "s/^(<[0-9]+>)[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} ulogd\\[$pid\\]: /\\1TIME ulogd[PID]: /" "$T/$1.d/out" ;;
	esac
}

# SIDE has written COUNT records or more: has_rows SIDE COUNT.  (GPRINT puts an empty line behind `print'.)
has_rows() {
	[ "$(raw_rows "$1" | grep -ac .)" -ge "$2" ]
}

# Stop both daemons and compare what they wrote but for the differences ID...: compare [ID...].
# $beside is how many lines of the file are no records, $unwritten how many records ulogd2 does not write.
compare() {
	local side seen beside=0 kinds=$output
	local -x LC_ALL=C	# prefixes are bytes

	case $output in
	gprint|oprint|json) kinds+=" keys" ;;
	syslog) kinds="" ;;	# those of lines
	xml) beside=2 ;;
	pcap) beside=1 ;;
	esac
	nft_stop
	seen=$(($(nft_seen) + beside))
	wait_for "the records of ours" has_rows ours "$seen"
	wait_for "the records of theirs" has_rows theirs $((seen - ${unwritten:-0}))
	vec_frame_names unixsock.vec >"$T/names"
	for side in "${SIDES[@]}"; do
		raw_rows "$side" >"$T/$side.written"
		stop "$side"
		raw_rows "$side" | grep -v "probe" | awk -F'|' '
			NR == FNR { names[$1] = $2; next }
			{
				mac = match($0, /02:00:00:00:01:[0-9a-f][0-9a-f]/) ? substr($0, RSTART, 17) : ""
				if (match($0, /<src>0200000001[0-9a-f][0-9a-f]</))
					mac = "02:00:00:00:01:" substr($0, RSTART + 15, 2)
				print names[mac] "|" $0
			}' "$T/names" - >"$T/$side.rows"
	done
	[ -s "$T/theirs.rows" ]
	filter_expected theirs "$T/theirs.rows" ours "$T/ours.rows" "$kinds" "$@"
	diff -u "$T/theirs.rows" "$T/ours.rows"
}

# --- packets ------------------------------------------------------------------------------------

# The frames of nflog.vec for DEVICE, one after the other: recorded_frames DEVICE.
recorded_frames() {
	vec_rows nflog.vec dev frame | sed -n "s/^$1|\([0-9a-f]\)/\1/p" | uniq
}

# Packets of every kind: routed, without link layer, with a mark, cut.
send_routed() {
	log_both inet "prerouting priority raw" "iifname tap0 udp sport != 65535" 'prefix "inet tap"'
	log_both inet "prerouting priority raw" "iifname tap0 meta l4proto != udp meta mark set 0xdeadbeef" 'prefix "other: "'
	log_both inet "prerouting priority raw" "iifname tun0"
	log_both inet "prerouting priority raw" "iifname tun0" 'prefix "cut" snaplen 40'
	vec_frames unixsock.vec 020000000001 | send_frames tap0
	vec_rows unixsock.vec pkt | send_frames tun0
}

# Bridged packets of every kind, malformed ones too, and frames of other protocols.
send_bridged() {
	log_both bridge "prerouting priority -300" "" 'prefix "br"'
	vec_frames unixsock.vec 020000000099 | send_frames tap1
	recorded_frames "br0 port" | send_frames tap1
}

# Prefixes of any bytes.
send_prefixes() {
	local prefix

	for prefix in "a=b, (c) %s <1> 'q' \\\\ | ;&amp;" $'\x01\x02\x1f\x7f\t\b\f\r' $'gr\xc3\xbc\xc3\x9fe \xf0\x9f\xa6\x80' \
			"$@"; do
		log_both ip "prerouting priority raw" "udp dport 9 udp sport != 65535" "prefix \"$prefix\""
	done
	numbered 0 2 | send_frames tap0
}

# These are not UTF-8: a lone byte, a sequence that is cut, one that is too long, a surrogate.
NO_UTF8=($'bad \xff\xfe' $'cut \xc3' $'long \xc0\x80' $'half \xed\xa0\x80')

@test "GPRINT: routed packets of every kind" {
	start_both GPRINT "$FILTERS" file=FILE sync=1
	send_routed
	compare B1 B2 B4 P8-gateway GPRINT-addresses
}

@test "GPRINT: bridged packets of every kind, with the time" {
	start_both GPRINT "$FILTERS" file=FILE sync=1 timestamp=1
	send_bridged
	compare B1 B2 B4 B9 B11 P8-gateway X1 GPRINT-addresses
	grep -q '|timestamp=NOW,raw.pktlen=' "$T/ours.rows"
}

@test "GPRINT: prefixes of any bytes" {
	start_both GPRINT "$FILTERS,print1:PRINTPKT" file=FILE sync=1
	send_prefixes "${NO_UTF8[@]}"
	compare
}

@test "OPRINT: routed packets of every kind" {
	start_both OPRINT "$FILTERS" file=FILE sync=1
	send_routed
	compare B1 B2 B4 OPRINT-addresses
}

@test "OPRINT: bridged packets of every kind" {
	start_both OPRINT "$FILTERS" file=FILE sync=1
	send_bridged
	compare B1 B2 B4 B9 B11 X1 OPRINT-addresses
}

@test "OPRINT: prefixes of any bytes" {
	start_both OPRINT "$FILTERS,print1:PRINTPKT" file=FILE sync=1
	send_prefixes "${NO_UTF8[@]}"
	compare OPRINT-addresses
}

@test "JSON: routed packets of every kind" {
	export TZ=UTC
	start_both JSON "$FILTERS" file=FILE sync=1
	send_routed
	compare B1 B2 B4 JSON-zone
}

@test "JSON: bridged packets of every kind" {
	export TZ=UTC
	start_both JSON "$FILTERS" file=FILE sync=1
	send_bridged
	compare B1 B2 B4 B9 B11 X1 JSON-zone
}

@test "JSON: prefixes of any bytes" {
	export TZ=UTC
	start_both JSON "$FILTERS,print1:PRINTPKT" file=FILE sync=1
	send_prefixes "${NO_UTF8[@]}"
	compare JSON-zone JSON-bytes
}

@test "JSON: eventv1, device and boolean_label, east of Greenwich" {
	[ -e /usr/share/zoneinfo/Europe/Berlin ] || skip "needs tzdata"
	export TZ=Europe/Berlin
	start_both JSON "$FILTERS" file=FILE sync=1 eventv1=1 'device="fw \1 ü/"' boolean_label=1
	numbered 0 3 | send_frames tap0
	log_both ip "prerouting priority raw" "iifname tap0" 'prefix "x"'
	numbered 0 3 | send_frames tap0
	compare JSON-zone
	grep -q '"action": "allowed"' "$T/ours.rows"
	grep -qE '\{"@version": 1, "@timestamp": "[^"]*\+0[12]:00", "dvc": "fw' "$T/ours.written"
}

@test "JSON: without time and without text of addresses" {
	start_both JSON base1:BASE,ifi1:IFINDEX file=FILE sync=1 timestamp=0
	log_both ip "prerouting priority raw" "iifname tap0" 'prefix "x"'
	vec_frames unixsock.vec 020000000001 | send_frames tap0
	compare B1 B2
}

@test "JSON: half an hour, west of Greenwich" {
	[ -e /usr/share/zoneinfo/America/St_Johns ] || skip "needs tzdata"
	export TZ=America/St_Johns
	start_both JSON "$FILTERS" file=FILE sync=1
	log_both ip "prerouting priority raw" "iifname tap0" 'prefix "x"'
	numbered 0 3 | send_frames tap0
	compare JSON-zone
}

@test "XML: routed packets of every kind" {
	start_both XML "$FILTERS" directory=DIRECTORY sync=1
	send_routed
	compare
}

@test "XML: bridged packets of every kind" {
	start_both XML "$FILTERS" directory=DIRECTORY sync=1
	send_bridged
	compare
}

@test "XML: prefixes of any bytes" {
	start_both XML "$FILTERS" directory=DIRECTORY sync=1
	send_prefixes "${NO_UTF8[@]}"
	compare XML-text
}

@test "XML: large packets" {
	local len

	start_both XML "$FILTERS" directory=DIRECTORY sync=1
	log_both bridge "prerouting priority -300" "" 'prefix "large"'
	# UDP of so many bytes.
	for len in 1500 2500 8000; do
		printf '0200000000990200000000aa08004500%04x1234000040110000c0000201c633640214e90035%04x0000%0*d\n' \
			$len $((len - 20)) $((2 * (len - 28))) 0
	done | send_frames tap1
	unwritten=2
	compare XML-size
}

# tshark reads all packets of both captures, and finds the same in them, but in those of PCAP-len.
tshark_agrees() {
	local side

	require tshark
	for side in "${SIDES[@]}"; do
		tshark_finds "$T/$side.d/out" >"$T/$side.found"
		[ "$(lines "$T/$side.found")" = $(($(lines "$T/$side.written") - 1)) ]
	done
	paste -d'|' "$T/theirs.found" "$T/ours.found" |
		awk -F'|' '{ split($1, len, " ") } len[2] >= len[1] && $1 != $2 { print; bad = 1 } END { exit bad }'
}

@test "PCAP: routed packets of every kind" {
	start_both PCAP "$FILTERS" file=FILE sync=1
	send_routed
	compare PCAP-len
	tshark_agrees
}

@test "PCAP: bridged packets of every kind" {
	[ -e /usr/share/zoneinfo/Europe/Berlin ] || skip "needs tzdata"
	export TZ=Europe/Berlin
	start_both PCAP "$FILTERS" file=FILE sync=1
	send_bridged
	compare PCAP-zone
	tshark_agrees
}

@test "SYSLOG: routed packets of every kind" {
	start_both SYSLOG "$FILTERS,print1:PRINTPKT"
	send_routed
	compare B4 P4 P8-gateway
	grep -q '|<29>TIME ulogd\[PID\]: inet tap IN=tap0 ' "$T/ours.rows"
}

@test "SYSLOG: bridged packets of every kind" {
	start_both SYSLOG "$FILTERS,print1:PRINTPKT" facility=LOG_LOCAL2 level=LOG_INFO
	send_bridged
	compare B4 B9 B11 P4 P8-gateway
	grep -q '|<150>TIME ulogd\[PID\]: br IN=br0 ' "$T/ours.rows"
}

@test "SYSLOG: prefixes of any bytes" {
	start_both SYSLOG "$FILTERS,print1:PRINTPKT"
	send_prefixes "${NO_UTF8[@]}"
	compare
}

@test "every filter of expected.md for outputs is used by a test" {
	local id

	for id in $(awk '/^## / { id = $2 } /^```sed [a-z]+ (theirs|ours)/ { print id }' "$TESTS/diff/expected.md" | uniq); do
		grep -qE "^	compare .*\\b$id\\b" "$BATS_TEST_FILENAME" "$TESTS/diff/unixsock.bats" ||
			fail "$id is not used"
	done
}
