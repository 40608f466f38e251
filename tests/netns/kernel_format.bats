# SPDX-License-Identifier: GPL-2.0-or-later
# PRINTPKT's format=kernel: one chain logs each packet twice, by the kernel's own LOG and to a group that the daemon
# reads, and both write the same line.
#
# The kernel's lines are read from /dev/kmsg.  A prefix that no other test has tells them apart from what else the
# kernel says, and level debug keeps them from the console.

load ../lib

ALL_NETNS=/proc/sys/net/netfilter/nf_log_all_netns

setup() {
	require_netns
	require_ulogd
	[ -r /dev/kmsg ] || skip "needs /dev/kmsg"
	[ -w "$ALL_NETNS" ] || skip "needs $ALL_NETNS"
	require flock
	# The kernel logs for all namespaces or for none: one test at a time decides.
	exec {LOCK}</dev/kmsg
	flock "$LOCK"
	before=$(cat "$ALL_NETNS")
	echo 1 >"$ALL_NETNS"
	PREFIX=k$$-$BATS_TEST_NUMBER-$RANDOM:
	ns_new NS
	ns_logs || skip "this kernel does not write log lines for a new namespace"
}

teardown() {
	cleanup
	if [ -n "${before:-}" ]; then
		echo "$before" >"$ALL_NETNS"
	fi
}

# The kernel has a logger for IPv4, which also takes log rules for IPv6.
ns_logs() {
	ns grep -q '^ *2 .*nf_log' /proc/net/netfilter/nf_log
}

# Start the daemon `log', which writes the kernel's line of group 1 to log.txt, with log_flags FLAGS and no time or
# host; and the reader of the kernel's log, which writes kmsg.out: start_both [FLAGS].
start_both() {
	conf log <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	[log1]
	group=1
	netlink_socket_buffer_size=33554432
	[print1]
	format=kernel
	log_flags="${1:-0}"
	[emu1]
	file="$T/log.txt"
	sync=1
	time_format=none
	EOF
	start_ulogd log
	start kmsg python3 "$TESTS/tools/kmsg.py" "$PREFIX" </dev/null
	wait_for "the kernel's log" has_lines "$T/kmsg.out" 1
}

# Log at HOOK both ways what MATCH selects: log_both FAMILY HOOK MATCH [LOG OPTION...].
log_both() {
	local family=$1 hook=$2 match=$3

	shift 3
	nft_chain "$family" "$hook" "$match counter name seen log prefix \"$PREFIX \" level debug $*" \
		"$match log prefix \"$PREFIX \" group 1"
}

# All packets that were logged gave the same line both ways, at least COUNT of them, but for what the sections of
# tests/diff/expected.md whose ids are given take out of the kernel's lines or ours: expect_same COUNT [ID...].
expect_same() {
	local seen least=$1

	shift
	# The host itself has packets to send at any time, MLD reports: none is logged any more once they are counted.
	nft_stop
	seen=$(nft_seen)
	[ "$seen" -ge "$least" ] || fail "only $seen packets were logged"
	wait_for "the kernel's lines" has_lines "$T/kmsg.out" $((seen + 1))
	wait_for "the daemon's lines" has_lines "$T/log.txt" "$seen"
	stop log
	stop kmsg
	same_lines "$@"
}

same_lines() {
	sed 1d "$T/kmsg.out" >"$T/kernel"
	without_host "$T/log.txt" >"$T/ours"
	filter_expected kernel "$T/kernel" daemon "$T/ours" "" "$@"
	diff -u "$T/kernel" "$T/ours"
}

# The file FILE without the host that begins each line.
without_host() {
	sed "s/^$(uname -n | cut -d. -f1) //" "$@"
}

corpus() {
	python3 "$TESTS/tools/log_corpus.py" "$@"
}

# Every Nth line: every N.
every() {
	awk -v n="$1" 'NR % n == 1'
}

# All that was logged so far has been read from the kernel's log.
kmsg_read() {
	has_lines "$T/kmsg.out" $(($(nft_seen) + 1))
}

# Send the frames on stdin to DEVICE, COUNT at a time so that the kernel's log has room: send_pieces DEVICE [COUNT].
send_pieces() {
	local piece

	split -a 3 -l "${2:-60}" - "$T/piece."
	for piece in "$T"/piece.*; do
		send_frames "$1" <"$piece"
		wait_for "the kernel's lines" kmsg_read
		rm "$piece"
	done
}

# Log the corpora KINDs that come in by tap0 at HOOK: corpus_same COUNT FAMILY HOOK FLAGS LOG_OPTIONS KIND...
corpus_same() {
	local count=$1 family=$2 hook=$3 flags=$4 options=$5 kind

	shift 5
	start_both "$flags"
	log_both "$family" "$hook" "" "$options"
	for kind; do
		corpus "$kind" "$MAC" | send_pieces tap0
	done
	expect_same "$count"
}

MAC=020000000001

@test "IPv4: all TCP flags and options, ICMP types and quotes, IP options, fragments, protocols" {
	tap_add tap0
	corpus_same 1500 ip "prerouting priority raw" 0 "" ipv4
}

@test "IPv4: the same with all log flags" {
	tap_add tap0
	corpus_same 1500 ip "prerouting priority raw" all "flags all" ipv4
}

@test "IPv6: all TCP flags and options, ICMPv6 types and quotes, extension headers, protocols, long lines" {
	tap_add tap0
	corpus_same 1000 ip6 "prerouting priority raw" "" "" ipv6
}

@test "IPv6: the same with all log flags" {
	tap_add tap0
	corpus_same 1000 ip6 "prerouting priority raw" 47 "flags all" ipv6
}

@test "each log flag by itself" {
	local ours options

	tap_add tap0
	while IFS='|' read -r ours options; do
		start_both "$ours"
		log_both ip "prerouting priority raw" "" "$options"
		log_both ip6 "prerouting priority raw" "" "$options"
		{ corpus ipv4; corpus ipv6; } | every 11 | send_pieces tap0
		expect_same 200
		ns nft flush ruleset
		rm "$T/log.txt" "$T/log.log" "$T/kmsg.out"
	done <<-EOF
	tcpseq|flags tcp sequence
	2|flags tcp options
	tcpseq, tcpopt|flags tcp sequence,options
	ipopt|flags ip options
	0x8|flags skuid
	macdecode|flags ether
	EOF
}

@test "netdev: frames of every kind, headers that are cut or lie, random changes" {
	tap_add tap0
	corpus_same 5000 netdev "ingress device tap0 priority 0" 0 "" arp ether cut random
}

@test "netdev: the same with all log flags" {
	tap_add tap0
	corpus_same 5000 netdev "ingress device tap0 priority 0" all "flags all" arp ether cut random
}

# A bridge with the port tap0.
bridge_tap0() {
	tap_add tap0 02:00:00:00:00:02
	bridge_add br0 tap0
	ip -n "$NS" link set br0 type bridge mcast_snooping 0
}

@test "bridge: frames of every kind; the port is IN=" {
	bridge_tap0
	corpus_same 5000 bridge "prerouting priority -300" 0 "" arp ether cut random
	grep -q " IN=tap0 OUT= " "$T/ours"
}

@test "bridge: the same with all log flags" {
	bridge_tap0
	corpus_same 5000 bridge "prerouting priority -300" all "flags all" arp ether cut random
}

@test "ARP: input, with and without log flags" {
	tap_add tap0
	ip -n "$NS" address add 198.51.100.2/24 dev tap0
	MAC=ffffffffffff
	corpus_same 10 arp "input priority 0" 0 "" arp
	ns nft flush ruleset
	rm "$T/log.txt" "$T/log.log" "$T/kmsg.out"
	corpus_same 10 arp "input priority 0" macdecode "flags ether" arp
}

@test "a device without link-layer header; the mark" {
	local flags options

	tun_add tun0
	while IFS='|' read -r flags options; do
		start_both "$flags"
		log_both ip "prerouting priority raw" "meta mark set 0x123" "$options"
		corpus ipv4 | every 11 | cut -c29- | send_pieces tun0
		expect_same 100
		grep -q ' IN=tun0 OUT= MAC= .* MARK=0x123 $' "$T/ours"
		ns nft flush ruleset
		rm "$T/log.txt" "$T/log.log" "$T/kmsg.out"
	done <<-EOF
	0|
	all|flags all
	EOF
}

# Send ICMP and ICMPv6 errors that quote a packet from this host.
send_errors() {
	ns python3 - <<-'EOF'
	import socket, struct
	udp = struct.pack("!HHHH", 1, 2, 16, 0) + bytes(8)
	quote = bytes.fromhex("4500002412340000401100004d4d4d4d4e4e4e4e") + udp
	with socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) as s:
	    for kind, code in ((3, 3), (3, 4), (5, 1), (11, 0), (8, 0)):
	        s.sendto(struct.pack("!BBHI", kind, code, 0, 0x01020304) + quote, ("198.51.100.77", 0))
	quote = struct.pack("!IHBB", 6 << 28, 16, 17, 64) + bytes(32) + udp
	with socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58) as s:
	    for kind in (1, 2, 3, 4, 128):
	        s.sendto(struct.pack("!BBHI", kind, 0, 0, 0x01020304) + quote, ("2001:db8::77", 0))
	EOF
}

# Packets of this host at all hooks they pass: packets_of_host FLAGS LOG_OPTIONS.
packets_of_host() {
	tap_add tap0
	ip -n "$NS" address add 198.51.100.2/24 dev tap0
	ip -n "$NS" address add 2001:db8::2/64 dev tap0 nodad
	ip -n "$NS" neighbour add 198.51.100.77 lladdr 02:00:00:00:00:77 dev tap0
	ip -n "$NS" neighbour add 2001:db8::77 lladdr 02:00:00:00:00:77 dev tap0
	start_both "$1"
	log_both ip "output priority 0" "meta mark set 0xdeadbeef" "$2"
	log_both ip6 "output priority 0" "meta mark set 0xdeadbeef" "$2"
	log_both ip "input priority 0" "" "$2"
	log_both ip "postrouting priority 0" "" "$2"
	log_both arp "output priority 0" "" "$2"
	log_both netdev "egress device tap0 priority 0" "" "$2" || skip "needs netdev egress"
	send_udp 65534 33333 198.51.100.77 4242 hi
	send_udp 0 33333 198.51.100.78 4242 hi
	send_udp 65534 33333 2001:db8::77 4242 hi
	send_udp 0 46835 127.0.0.1 9003 seven..
	send_errors
	wait_for "the kernel's lines" kmsg_read
	expect_same 30
}

@test "packets of this host: output, postrouting, egress, loopback, ARP" {
	packets_of_host 0 ""
}

@test "packets of this host with all log flags: UID and GID" {
	packets_of_host all "flags all"
	grep -q 'DPT=4242 LEN=10 UID=65534 GID=65534 MARK=0xdeadbeef $' "$T/ours"
}

# Two ports, and packets that cross the bridge, which iptables and nft see through br_netfilter: bridged FLAGS OPTIONS.
bridged() {
	local hook

	[ -d /proc/sys/net/bridge ] || skip "needs bridge netfilter"
	bridge_tap0
	tap_add tap1 02:00:00:00:00:03
	ip -n "$NS" link set tap1 master br0
	ns sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
	start_both "$1"
	for hook in prerouting forward postrouting; do
		log_both ip "$hook priority -150" "ip saddr 192.0.2.1" "$2"
		log_both ip6 "$hook priority -150" "ip6 saddr 2001:db8::1" "$2"
	done
	log_both bridge "forward priority 0" "ether saddr 02:00:00:00:00:aa" "$2"
	log_both bridge "postrouting priority 0" "ether saddr 02:00:00:00:00:aa" "$2"
	# What has a line that is cut would show more of it without PHYSIN.
	{ for kind in ipv4 ipv6 arp; do corpus $kind ffffffffffff | every 37; done; corpus ether ffffffffffff; } |
		grep -E '^.{0,1000}$' | send_pieces tap0 10
	expect_same 300 K1
	grep -q ' IN=br0 OUT=br0 PHYSIN=tap0 PHYSOUT=tap1 ' "$T/ours"
}

@test "bridged packets: PHYSIN and PHYSOUT" {
	bridged 0 ""
}

@test "bridged packets with all log flags" {
	bridged all "flags all"
}

# Frames of this host that leave by a bridge: from_bridge FLAGS LOG_OPTIONS.
from_bridge() {
	bridge_tap0
	start_both "$1"
	log_both bridge "output priority 0" "" "$2"
	log_both bridge "postrouting priority 0" "" "$2"
	ns python3 - <<-'EOF'
	import socket
	with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
	    s.bind(("br0", 0))
	    for frame in ("88cc0207040200000000aa", "8100006488cc0207040200000000aa",
	                  "08060001080006040001020000000002c6336402000000000000c6336409"):
	        s.send(bytes.fromhex("ffffffffffff020000000002" + frame) + bytes(30))
	EOF
	wait_for "the kernel's lines" kmsg_read
	expect_same 6
}

@test "frames that leave by a bridge, whatever the EtherType" {
	from_bridge 0 ""
}

@test "frames that leave by a bridge with all log flags" {
	from_bridge all "flags all"
}

@test "a packet whose socket is in another namespace shows its owner" {
	local here=$NS other

	ns_new other
	ip -n "$NS" link add v0 type veth peer name v1 netns "$other" || skip "needs veth"
	ip -n "$NS" address add 198.51.100.2/24 dev v0
	ip -n "$other" address add 198.51.100.3/24 dev v1
	ip -n "$NS" link set v0 up
	ip -n "$other" link set v1 up
	start_both uid
	# Later hooks may see the packet without its owner.
	log_both netdev "ingress device v0 priority 0" "udp dport 4242" "flags skuid"
	NS=$other
	send_udp 65534 33333 198.51.100.2 4242 hi
	NS=$here
	expect_same 1 K2
}

@test "inet ingress: the tag of a VLAN is not told" {
	tap_add tap0
	start_both all
	log_both inet "ingress device tap0 priority 0" "" "flags all" || skip "needs inet ingress"
	{ corpus ether; corpus ipv4 | every 37; } | send_pieces tap0
	expect_same 50 K3
}

# All LINES of the kernel's log and as many of ours are there.
both_have() {
	has_lines "$T/kmsg.out" $(($1 + 1)) && has_lines "$T/log.txt" "$1"
}

# Rules of TOOL, -j LOG with OPTIONS and -j NFLOG: iptables_same TOOL KIND FLAGS [OPTION...].
iptables_same() {
	local tool=$1 kind=$2 flags=$3 logged

	shift 3
	tap_add tap0
	start_both "$flags"
	ns "$tool" -t raw -A PREROUTING -i tap0 -j LOG --log-level debug --log-prefix "$PREFIX " "$@" ||
		skip "$tool does not work here"
	ns "$tool" -t raw -A PREROUTING -i tap0 -j NFLOG --nflog-group 1 --nflog-prefix "$PREFIX "
	ns "$tool" -t raw -A PREROUTING -i tap0 -j DROP
	corpus "$kind" | every 15 | send_frames tap0
	logged=$(ns "$tool" -t raw -vxnL PREROUTING | awk '$3 == "LOG" { print $1 }')
	[ "$logged" -ge 100 ] || fail "only $logged packets were logged"
	wait_for "all lines" both_have "$logged"
	stop log
	stop kmsg
	same_lines
}

@test "iptables-legacy -j LOG and -j NFLOG" {
	require iptables-legacy
	iptables_same iptables-legacy ipv4 0
}

@test "iptables-legacy -j LOG with all its options" {
	require iptables-legacy
	iptables_same iptables-legacy ipv4 47 --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode
}

@test "ip6tables-legacy -j LOG --log-tcp-options --log-ip-options" {
	require ip6tables-legacy
	iptables_same ip6tables-legacy ipv6 "tcpopt ipopt" --log-tcp-options --log-ip-options
}

@test "iptables-nft -j LOG --log-macdecode" {
	require iptables-nft
	iptables_same iptables-nft ipv4 macdecode --log-macdecode
}

# --- programs that read the kernel's lines -------------------------------------------------------

# Write kernel.log as the system's log has it, of what a firewall sees: usual_log TIME_FORMAT.
usual_log() {
	tap_add tap0
	conf log <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	[log1]
	group=1
	[print1]
	format=kernel
	[emu1]
	file="$T/kernel.log"
	sync=1
	ident="kernel:"
	time_format=$1
	EOF
	start_ulogd log
	nft_chain ip "prerouting priority raw" 'counter name seen log prefix "DROP: " group 1'
	nft_chain ip6 "prerouting priority raw" 'counter name seen log prefix "DROP: " group 1'
	corpus usual >"$T/frames"
	send_frames tap0 <"$T/frames"
	logged=$(nft_seen)
	[ "$logged" -ge 140 ]
	wait_for "all lines" has_lines "$T/kernel.log" "$logged"
	stop log
}

@test "psad finds every packet" {
	require psad
	usual_log bsd
	# It is told not to pass over packets that it takes for those of known connections.
	echo 'IGNORE_CONNTRACK_BUG_PKTS N;' >"$T/psad.conf"
	psad -O "$T/psad.conf" --CSV -m "$T/kernel.log" --CSV-fields "src dst proto dp" >"$T/found"
	[ "$(grep -c '^192\.0\.2\.1, 198\.51\.100\.2, tcp, 80$' "$T/found")" = 64 ]
	[ "$(grep -c '^2001:0db8:.*:0001, 2001:0db8:.*:0002, tcp, 80$' "$T/found")" = 64 ]
	[ "$(lines "$T/found")" = "$logged" ]
}

# fwlogwatch finds every packet in what usual_log writes: fwlogwatch_finds_all TIME_FORMAT.
fwlogwatch_finds_all() {
	require fwlogwatch
	usual_log "$1"
	fwlogwatch -P n -p -s -d "$T/kernel.log" >"$T/found"
	grep -F "$logged of $logged entries in the file" "$T/found"
	grep -F 'All entries are from the same chain: "DROP: ".' "$T/found"
}

@test "fwlogwatch finds every packet" {
	fwlogwatch_finds_all bsd
}

@test "fwlogwatch finds every packet, with time_format=iso" {
	fwlogwatch_finds_all iso
}

# Each analyser reads every line it is made for, COUNT for logstash: analysers_read_all COUNT.
analysers_read_all() {
	local name read

	for name in filebeat elastic logstash crowdsec wazuh; do
		read=$(python3 "$TESTS/tools/analysers.py" "$name" "$T/frames" "$T/kernel.log") || fail "$name: $read"
		if [ "$name" = logstash ]; then
			[ "$read" = "$1" ]
		else
			[ "$read" = "$logged" ]
		fi
	done
}

@test "patterns like those of Filebeat, Elastic, Logstash, CrowdSec and Wazuh match every line, with the right fields" {
	usual_log bsd
	# TCP and UDP.
	analysers_read_all 131
}

@test "the same patterns with time_format=iso" {
	usual_log iso
	analysers_read_all 131
}

# --- options -------------------------------------------------------------------------------------

# The daemon whose stack ends in OUTPUT refuses LINE in section [SECTION], and says its place and TEXT:
# refused OUTPUT SECTION LINE TEXT.
refused() {
	conf bad <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,out1:$1
	[log1]
	group=1
	[$2]
	$3
	EOF
	! "$ULOGD" --plugin-dir "$PLUGIN_DIR" -t -c "$T/bad.conf" >"$T/said" 2>&1 || fail "\"$3\" is accepted"
	grep -F -e "bad.conf:9: $2: ${3%%=*}: " "$T/said" | grep -F -e "$4" ||
		fail "\"$3\" is not refused with: $4"
}

@test "unknown values are refused, and the known ones are said" {
	local flags="tcpseq (1), tcpopt (2), ipopt (4), uid (8), macdecode (32), all (47)"

	refused SYSLOG print1 'format="kernal"' "unknown value 'kernal'; write ulogd or kernel"
	refused SYSLOG print1 'format=""' 'write ulogd or kernel'
	refused SYSLOG print1 'log_flags="tcpseq,mac"' "$flags"
	refused SYSLOG print1 'log_flags=16' "$flags"
	refused SYSLOG print1 'log_flags=64' "$flags"
	refused SYSLOG print1 'log_flags="1x"' "$flags"
	refused SYSLOG print1 'log_flags=uid' 'write format=kernel as well'
	refused LOGEMU out1 'time_format=rfc' "unknown value 'rfc'; write bsd, iso or none"
	refused SYSLOG out1 'time_format=rfc' "unknown value 'rfc'; write bsd, iso or none"
	refused LOGEMU out1 "ident=\"$(printf '%0200d' 1)\"" 'more than 128 bytes'
}

@test "LOGEMU: ident and time_format" {
	local host

	host=$(uname -n | cut -d. -f1)
	tap_add tap0
	conf log <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	stack=log1:NFLOG,$TEXT_FILTERS,emu2:LOGEMU
	stack=log1:NFLOG,$TEXT_FILTERS,emu3:LOGEMU
	stack=log1:NFLOG,base2:BASE,ifi2:IFINDEX,gp1:GPRINT
	[log1]
	group=1
	[emu1]
	file="$T/1.txt"
	ident="kernel:"
	[emu2]
	file="$T/2.txt"
	time_format=iso
	[emu3]
	file="$T/3.txt"
	time_format=none
	ident="a b"
	[gp1]
	file="$T/keys.txt"
	EOF
	export TZ=ABC-5:30
	start_ulogd log
	nft_chain ip "prerouting priority raw" 'log prefix "P" group 1'
	numbered 0 1 | send_frames tap0
	stop log
	sec=$(sed -E 's/.*oob.time.sec=([0-9]+).*/\1/' "$T/keys.txt")
	usec=$(sed -E 's/.*oob.time.usec=([0-9]+).*/\1/' "$T/keys.txt")
	line="P IN=tap0 OUT= MAC="
	grep -F "$(LC_ALL=C date -d "@$sec" '+%b %e %H:%M:%S') $host kernel: $line" "$T/1.txt"
	grep -F "$(date -d "@$sec" +%Y-%m-%dT%H:%M:%S.)$(printf %06d "$usec")+05:30 $host $line" "$T/2.txt"
	grep "^$host a b $line" "$T/3.txt"
}

# Start the daemon `log' with a /dev/log of its own, whose datagrams go to devlog.out, one per line.
start_with_devlog() {
	require unshare
	mkdir "$T/dev"
	start devlog python3 - "$T/dev/log" <<-'EOF'
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1])
	while True:
	    print(s.recv(65536).decode().rstrip("\n"), flush=True)
	EOF
	wait_for "the socket" test -S "$T/dev/log"
	touch "$T/dev/null" "$T/dev/urandom"
	# shellcheck disable=SC2016  # for the inner shell
	start_daemon log unshare -m sh -c 'mount --bind /dev/null "$1/null" && mount --bind /dev/urandom "$1/urandom" &&
		mount --rbind "$1" /dev && shift && exec "$@"' sh "$T/dev" "$ULOGD" --plugin-dir "$PLUGIN_DIR"
}

@test "SYSLOG: ident and time_format" {
	local line="P IN=tap0 OUT= MAC="

	tap_add tap0
	conf log <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,sys1:SYSLOG
	stack=log1:NFLOG,$TEXT_FILTERS,sys2:SYSLOG
	stack=log1:NFLOG,$TEXT_FILTERS,sys3:SYSLOG
	stack=log1:NFLOG,$TEXT_FILTERS,sys4:SYSLOG
	[log1]
	group=1
	[sys2]
	ident="kernel:"
	time_format=iso
	[sys3]
	ident=fw
	time_format=none
	[sys4]
	ident=""
	time_format=none
	EOF
	start_with_devlog
	nft_chain ip "prerouting priority raw" 'log prefix "P" group 1'
	numbered 0 1 | send_frames tap0
	wait_for "the messages" has_lines "$T/devlog.out" 4
	grep -E "^<29>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} ulogd\[${PID[log]}\]: $line" "$T/devlog.out"
	grep -E "^<29>20[0-9]{2}-[0-9-]{5}T[0-9:]{8}\.[0-9]{6}[+-][0-9]{2}:[0-9]{2} kernel: $line" "$T/devlog.out"
	grep -F "<29>fw[${PID[log]}]: $line" "$T/devlog.out"
	grep "^<29>$line" "$T/devlog.out"
}
