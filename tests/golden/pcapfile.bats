# SPDX-License-Identifier: GPL-2.0-or-later
# PCAPFILE: captures of every link type become lines, without root, and the daemon ends with their last packet.

load ../lib
load ../cli/cli

setup() {
	require python3
	require_stage
	[ -e "$STAGE/plugins/ulogd_inppkt_PCAPFILE.so" ] || skip "needs libpcap"
	vec_rows unixsock.vec pkt | grep -v '^$' >"$T/packets"
	# Whole IPv4 and IPv6 packets, which give the same line with any link type that names the protocol.
	TCP=$(vec_rows unixsock.vec name pkt | sed -n 's/^tcp syn opts|//p')
	UDP6=$(vec_rows unixsock.vec name pkt | sed -n 's/^v6 udp|//p')
	TCP_BODY="SRC=192.0.2.1 DST=198.51.100.2 LEN=60 TOS=00 PREC=0x00 TTL=64 ID=4660 DF PROTO=TCP SPT=40000 DPT=80 "
	TCP_BODY+="SEQ=287454020 ACK=0 WINDOW=64240 SYN URGP=0 "
	UDP6_BODY="SRC=2001:db8::1 DST=2001:db8::2 LEN=53 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=UDP SPT=5353 DPT=53 LEN=13 "
	[ -n "$TCP" ] && [ -n "$UDP6" ]
}

teardown() {
	cleanup
}

# capture KIND [OPTION...] - print a capture of the packets on stdin.
capture() {
	python3 "$TESTS/tools/captures.py" "$@"
}

# file_conf [LINE...] - write a.conf: PCAPFILE, reading a.pcap unless a LINE says otherwise, to a.txt.
file_conf() {
	[[ "$*" == *file=* ]] || set -- "file=\"$T/a.pcap\"" "$@"
	{
		printf '[global]\nlogfile="%s"\nloglevel=3\n' "$T/a.log"
		control_socket ulogd
		printf 'stack=in1:PCAPFILE,base1:BASE,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU\n'
		printf '[in1]\n'
		printf '%s\n' "$@"
		printf '[emu1]\nfile="%s"\nqueue_full=wait\n' "$T/a.txt"
	} >"$T/a.conf"
}

# through - let the daemon read the capture to its end.
through() {
	TZ=UTC succeeds ulogd -c "$T/a.conf"
}

# both_through KIND [OPTION...] - let the two packets through as a capture of that kind.
both_through() {
	printf '%s\n' "$TCP" "$UDP6" | capture "$@" >"$T/a.pcap"
	file_conf
	through
}

# all_through KIND - let all recorded packets through as a capture of that kind.
all_through() {
	capture "$@" <"$T/packets" >"$T/a.pcap"
	file_conf
	through
	[ "$(lines "$T/a.txt")" = 73 ]
}

# bodies FILE - print the lines without time, host and what depends on the link layer.
bodies() {
	text "$1" | sed -E 's/^.*MAC=[0-9a-f:]* //'
}

@test "raw_packets_give_the_recorded_lines" {
	all_through raw
	diff <(vec_rows unixsock.vec our-out | sed 's/^.*MAC= //') <(bodies "$T/a.txt")
}

@test "ethernet_packets_give_the_recorded_lines" {
	all_through ether
	# Two packets are neither IPv4 nor IPv6, so their EtherType is neither.
	diff <(vec_rows unixsock.vec pkt our-out | grep '^[46]' | sed 's/^.*MAC= //') \
		<(bodies "$T/a.txt" | grep -v '^PROTO=35020 $')
	grep -q "MAC=02:00:00:00:00:01:02:00:00:00:00:aa:86:dd SRC=2001:db8::1" "$T/a.txt"
}

@test "times_names_and_header_are_those_of_the_capture" {
	printf '%s\n' "$TCP" "$UDP6" | capture ether >"$T/a.pcap"
	file_conf indev=eth7 outdev=eth8
	through
	[ "$(cat "$T/a.txt")" = "Nov 14 22:13:20 $(host) IN=eth7 OUT=eth8 MAC=02:00:00:00:00:01:02:00:00:00:00:aa:08:00 $TCP_BODY
Nov 14 22:13:21 $(host) IN=eth7 OUT=eth8 MAC=02:00:00:00:00:01:02:00:00:00:00:aa:86:dd $UDP6_BODY" ]
}

@test "every_link_type_is_understood" {
	local kind

	for kind in ether vlan qinq padded raw sll sll2 nflog; do
		rm -f "$T/a.txt"
		both_through $kind
		[ "$(bodies "$T/a.txt" | sed 's/UID=.*//')" = "$TCP_BODY
$UDP6_BODY" ] || fail "$kind: $(cat "$T/a.txt")" || return 1
	done
	rm "$T/a.txt"
	echo "$TCP" | capture ip4 >"$T/a.pcap"
	through
	echo "$UDP6" | capture ip6 >"$T/a.pcap"
	through
	[ "$(bodies "$T/a.txt")" = "$TCP_BODY
$UDP6_BODY" ]
}

@test "byte_orders_and_pcapng_are_understood" {
	local options

	for options in --swapped --ng "--ng --swapped"; do
		rm -f "$T/a.txt"
		# shellcheck disable=SC2086
		both_through nflog $options
		[ "$(bodies "$T/a.txt" | sed 's/UID=.*//')" = "$TCP_BODY
$UDP6_BODY" ] || fail "$options: $(cat "$T/a.txt")" || return 1
	done
}

# keys_of KIND [OPTION...] - print the keys of the TCP packet in a capture of that kind.
keys_of() {
	echo "$TCP" | capture "$@" >"$T/a.pcap"
	file_conf numeric_label=5
	sed -i -e 's/^stack=.*/stack=in1:PCAPFILE,gp1:GPRINT/' -e 's/^\[emu1\]/[gp1]/' "$T/a.conf"
	rm -f "$T/a.txt"
	through
	sed 's/^timestamp=[^,]*,//' "$T/a.txt"
}

@test "keys_are_those_of_the_link_type" {
	[ "$(keys_of raw)" = "raw.pktlen=60,raw.pktcount=1,oob.time.sec=1700000000,oob.time.usec=0,oob.family=2,oob.protocol=2048,raw.label=5,oob.in=,oob.out=" ]
	[ "$(keys_of ether)" = "raw.pktlen=60,raw.pktcount=1,oob.time.sec=1700000000,oob.time.usec=0,raw.mac_len=14,oob.family=2,oob.protocol=2048,raw.label=5,raw.type=1,raw.mac.addrlen=6,oob.in=,oob.out=" ]
	[ "$(keys_of padded)" = "$(keys_of ether)" ]
	[ "$(keys_of vlan)" = "raw.pktlen=60,raw.pktcount=1,oob.time.sec=1700000000,oob.time.usec=0,raw.mac_len=14,oob.family=2,oob.protocol=2048,raw.label=5,raw.type=1,raw.mac.addrlen=6,oob.vlan.proto=33024,oob.vlan.tci=8197,oob.in=,oob.out=" ]
	[[ "$(keys_of qinq)" == *oob.vlan.proto=34984,oob.vlan.tci=7,* ]]
	[[ "$(keys_of sll)" == *,oob.protocol=2048,raw.label=5,raw.mac.addrlen=6,* ]]
	[[ "$(keys_of sll2)" == *,oob.ifindex_out=9,oob.family=2,* ]]
}

@test "nflog_captures_keep_what_the_kernel_said" {
	[ "$(keys_of nflog)" = "raw.pktlen=60,raw.pktcount=1,oob.prefix=drop: ,oob.time.sec=1700000000,oob.time.usec=0,oob.mark=48879,oob.ifindex_in=3,oob.ifindex_out=4,oob.hook=2,raw.mac_len=14,oob.seq.local=0,oob.family=2,oob.protocol=2048,oob.uid=1000,oob.gid=100,raw.label=5,raw.type=1,raw.mac.addrlen=6,oob.in=,oob.out=" ]
	[ "$(keys_of nflog)" = "$(keys_of nflog --swapped)" ]
}

@test "vlan_tags_leave_the_header_as_the_kernel_shows_it" {
	both_through qinq
	[ "$(text "$T/a.txt" | head -n 1)" = "IN= OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:aa:08:00 $TCP_BODY" ]
}

@test "an_nflog_capture_can_be_written_anew" {
	capture nflog <"$T/packets" >"$T/a.pcap"
	file_conf
	sed -i -e 's/^stack=.*/stack=in1:PCAPFILE,p1:PCAP/' -e 's/^\[emu1\]/[p1]\nlinktype=nflog/' "$T/a.conf"
	through
	# The snap length in the header is PCAP's own.
	cmp -i 24 "$T/a.pcap" "$T/a.txt"
}

@test "tshark_finds_in_a_capture_of_ours_what_is_wrong_with_its_packets_and_nothing_else" {
	local kind

	require tshark
	for kind in ipv4 ipv6 cut random; do
		python3 "$TESTS/tools/log_corpus.py" "$kind" | sed -En 's/^.{24}(0800|86dd)(.)/\2/p'
	done | cat "$T/packets" - >"$T/corpus"
	capture raw <"$T/corpus" >"$T/a.pcap"
	file_conf
	sed -i -e 's/^stack=.*/stack=in1:PCAPFILE,p1:PCAP/' -e 's/^\[emu1\]/[p1]/' "$T/a.conf"
	through
	tshark_finds "$T/a.pcap" >"$T/packets.found"
	tshark_finds "$T/a.txt" >"$T/ours.found"
	[ "$(lines "$T/ours.found")" = "$(lines "$T/corpus")" ]
	# Ours tell the length that the header of a packet tells: more than there is, or PCAPFILE takes the rest for padding.
	paste -d'|' "$T/packets.found" "$T/ours.found" | awk -F'|' '
		{ split($1, packet, " "); split($2, ours, " ") }
		ours[1] > packet[1] || ours[2] < ours[1] { print; bad = 1 }
		ours[1] == packet[1] && ours[2] == packet[2] { whole++; if ($1 != $2) { print; bad = 1 } }
		END { exit bad || whole < 5000 }'
}

@test "it_works_without_root" {
	printf '%s\n' "$TCP" "$UDP6" | capture ether >"$T/a.pcap"
	file_conf
	nobody_writes "$T"
	TZ=UTC succeeds as_nobody "$ULOGD" --plugin-dir "$PLUGIN_DIR" -c "$T/a.conf"
	[ "$(lines "$T/a.txt")" = 2 ]
}

@test "a_capture_can_come_through_a_pipe" {
	file_conf file=-
	# The writer cuts its output where it likes.
	capture raw <"$T/packets" | dd bs=7 status=none | TZ=UTC succeeds ulogd -c "$T/a.conf"
	[ "$(lines "$T/a.txt")" = 73 ]
	capture raw <"$T/packets" >"$T/a.pcap"
	TZ=UTC succeeds ulogd -c "$T/a.conf" <"$T/a.pcap"
	[ "$(lines "$T/a.txt")" = 146 ]
}

@test "packets_of_a_pipe_show_at_once_and_a_signal_ends_it_in_the_middle_of_one" {
	mkfifo "$T/pipe"
	file_conf "file=\"$T/pipe\""
	sed -i 's/^queue_full.*/sync=1/' "$T/a.conf"
	"$ULOGD" --plugin-dir "$PLUGIN_DIR" -c "$T/a.conf" 3>&- &
	PID[a]=$!
	exec {pipe}>"$T/pipe"
	printf '%s\n' "$TCP" "$UDP6" | capture raw >&"$pipe"
	wait_for "two lines" has_lines "$T/a.txt" 2
	# A header that promises more.
	printf '\0\0\0\0\0\0\0\0\50\0\0\0\50\0\0\0abc' >&"$pipe"
	stop a
	[ "$status" = 0 ]
	! grep -q truncated "$T/a.log" || fail "a packet that is cut by a signal is called truncated"
	exec {pipe}>&-
}

@test "what_a_pipe_has_given_at_once_is_read_though_the_pipe_is_empty" {
	mkfifo "$T/pipe"
	file_conf "file=\"$T/pipe\""
	sed -i 's/^queue_full.*/sync=1/' "$T/a.conf"
	cat "$T/packets" "$T/packets" "$T/packets" | capture raw >"$T/a.pcap"
	[ "$(wc -c <"$T/a.pcap")" -lt 65536 ]
	exec {pipe}<>"$T/pipe"
	cat "$T/a.pcap" >&"$pipe"
	"$ULOGD" --plugin-dir "$PLUGIN_DIR" -c "$T/a.conf" 3>&- {pipe}>&- &
	PID[a]=$!
	wait_for "all lines" has_lines "$T/a.txt" 219
	# The last writer goes, and so does the daemon.
	exec {pipe}>&-
	ended a
	[ "$status" = 0 ]
}

@test "many_packets_are_all_read" {
	for ((i = 0; i < 100; i++)); do
		cat "$T/packets"
	done | capture raw >"$T/a.pcap"
	file_conf
	through
	[ "$(lines "$T/a.txt")" = 7300 ]
	log_says "$T/a.log" "$T/a.pcap: 7300 packets were read"
}

@test "an_empty_capture_is_fine" {
	capture raw </dev/null >"$T/a.pcap"
	file_conf
	through
	[ "$(lines "$T/a.txt")" = 0 ]
}

@test "a_cut_capture_gives_what_is_whole_and_says_where_it_ends" {
	capture raw <"$T/packets" >"$T/whole"
	file_conf
	head -c $(($(wc -c <"$T/whole") - 5)) "$T/whole" >"$T/a.pcap"
	through
	[ "$(lines "$T/a.txt")" = 72 ]
	log_says "$T/a.log" "$T/a.pcap: packet 73: truncated dump file" "the 72 packets before it were read"
}

@test "malformed_packets_are_said_counted_and_skipped" {
	{
		echo 0200000000010200000000
		python3 "$TESTS/tools/captures.py" ether <<<"$TCP" | tail -c +41 | od -An -v -tx1 | tr -d ' \n'
		echo
		echo 0200000000010200000000aa8100
	} | capture whole >"$T/a.pcap"
	file_conf
	through
	[ "$(bodies "$T/a.txt")" = "$TCP_BODY" ]
	log_says "$T/a.log" "$T/a.pcap: packet 1 was given up: its headers are cut or malformed; 1 so far" \
		"$T/a.pcap: 3 packets were read, 2 of them malformed"
	# An attribute that is longer than the message.
	echo 0200000709000a00 | capture 239 >"$T/a.pcap"
	through
	log_says "$T/a.log" "1 packets were read, 1 of them malformed"
}

@test "packets_and_captures_can_be_cut_anywhere" {
	local kind

	for kind in vlan sll2 nflog; do
		echo "$UDP6" | capture $kind | tail -c +41 | od -An -v -tx1 | tr -d ' \n' >"$T/one"
		python3 -c '
one = open("'"$T/one"'").read()
for end in range(0, len(one) + 1, 2):
    print(one[:end])' | capture "$(case $kind in vlan) echo 1 ;; sll2) echo 276 ;; nflog) echo 239 ;; esac)" >"$T/a.pcap"
		file_conf
		through
	done
	[ "$(bodies "$T/a.txt" | sed 's/UID=.*//' | grep -cxF "$UDP6_BODY")" -ge 3 ]
}

@test "an_unsupported_link_type_is_refused_by_name" {
	echo "$TCP" | capture 105 >"$T/a.pcap"
	file_conf
	exits 1 ulogd -c "$T/a.conf"
	log_says "$T/a.log" "a.conf:5: in1 (PCAPFILE): $T/a.pcap: cannot read packets of link type IEEE802_11 (105); those that can be read are EN10MB, RAW, IPV4, IPV6, LINUX_SLL, LINUX_SLL2, NFLOG"
}

@test "what_is_no_capture_is_refused" {
	file_conf
	exits 1 ulogd -c "$T/a.conf"
	log_says "$T/a.log" "cannot open $T/a.pcap: No such file or directory"
	echo "this is no capture at all, is it" >"$T/a.pcap"
	exits 1 ulogd -c "$T/a.conf"
	log_says "$T/a.log" "cannot read $T/a.pcap: unknown file format"
	file_conf 'file=""'
	exits 1 ulogd -t -c "$T/a.conf"
	says "a.conf:7: in1: file: which capture is to be read?"
}

@test "a_stack_with_IFINDEX_takes_the_names_from_there" {
	[ -e "$STAGE/plugins/ulogd_filter_IFINDEX.so" ] || skip "needs IFINDEX"
	echo "$TCP" | capture raw >"$T/a.pcap"
	file_conf indev=eth7
	sed -i 's/base1:BASE/&,ifi1:IFINDEX/' "$T/a.conf"
	through
	[[ "$(text "$T/a.txt")" == "IN= OUT= "* ]]
}

@test "a capture is read without root and without a word about the control socket that nobody has asked for" {
	printf '%s\n' "$TCP" "$UDP6" | capture ethernet >"$T/a.pcap"
	file_conf
	sed -i '/^control_socket=/d; s/^loglevel=.*/loglevel=5/' "$T/a.conf"
	nobody_writes "$T"
	chmod a+r "$T"/a.*
	as_nobody test -x "$ULOGD" -a -x "$STAGE" || skip "needs a build directory that others may enter"
	succeeds as_nobody "$ULOGD" --plugin-dir "$STAGE/plugins" -v -c "$T/a.conf"
	[ "$(lines "$T/a.txt")" = 2 ]
	[[ $stderr != *ulogctl* ]]
	sed -i '1a control_socket=/proc/ulogd.sock' "$T/a.conf"
	succeeds as_nobody "$ULOGD" --plugin-dir "$STAGE/plugins" -v -c "$T/a.conf"
	says "ulogctl cannot reach this daemon: cannot listen on /proc/ulogd.sock: "
}
