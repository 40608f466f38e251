# SPDX-License-Identifier: GPL-2.0-or-later
# The same packets through ulogd2 and through this daemon: two log rules, two groups, the same lines.
#
# A test compares all lines after the filters of those differences in expected.md that it names; each of these must
# have something to filter.  What is compared are rows `packet|time|text'.  Packets of unixsock.vec are known by their
# source address, the others have no name.  Prefixes of rules at hooks where the kernel gives no time begin with
# "late": there each daemon takes its own time, and "now" is compared.

load ../lib

ULOGD2_VERSION=2.0.8

setup() {
	local buffer=(netlink_socket_buffer_size=8388608 netlink_socket_buffer_maxsize=16777216)

	require_netns
	require_ulogd
	require_ulogd2 "$ULOGD2_VERSION"
	ns_new NS
	tap_add tap0
	tun_add tun0
	tap_add tap1 02:00:00:00:00:02
	bridge_add br0 tap1
	ip -n "$NS" address add 198.51.100.2/24 dev tap0
	text_conf theirs 1 netlink_qthreshold=1 "${buffer[@]}"
	text_conf ours 2 "${buffer[@]}"
	start_ulogd2 theirs
	start_ulogd ours
	# ulogd2 reads the device names some time after its start.
	log_both ip "prerouting priority raw" "udp sport 65535" 'prefix "probe"'
	wait_for "ulogd2 to know the devices" probe_named
}

teardown() {
	cleanup
}

# A frame from source port 65535 has been sent, and ulogd2 knew its device.
probe_named() {
	numbered $(((65535 - 1024) * 65536)) 1 | send_frames tap0
	tail -n 1 "$T/theirs.txt" 2>/dev/null | grep -q "IN=tap0 "
}

# Log for both daemons at HOOK what MATCH selects: log_both FAMILY HOOK MATCH [LOG OPTION...].
log_both() {
	local family=$1 hook=$2 match=$3

	shift 3
	nft_chain "$family" "$hook" "$match counter name seen log $* group 1" "$match log $* group 2"
}

# The frames of nflog.vec for DEVICE, one after the other: recorded_frames DEVICE.
recorded_frames() {
	vec_rows nflog.vec dev frame | sed -n "s/^$1|\([0-9a-f]\)/\1/p" | uniq
}

# Print the lines of LOGEMU in FILE as rows: rows FILE.
rows() {
	vec_frame_names unixsock.vec >"$T/names"
	awk -F'|' '
		NR == FNR { names[$1] = $2; next }
		{
			time = substr($0, 1, 15)
			text = substr($0, 17)
			text = substr(text, index(text, " ") + 1)
			mac = match(text, / MAC=[0-9a-f:]+/) ? substr(text, RSTART + 23, 17) : ""
			if (text ~ /^(late| IN= )/)
				time = "now"
			if (text !~ /^probe /)
				print names[mac] "|" time "|" text
		}' "$T/names" "$1"
}

# Stop both daemons and compare what they wrote but for the differences ID...: compare [ID...].
compare() {
	local side seen

	nft_stop
	seen=$(nft_seen)
	for side in theirs ours; do
		wait_for "the lines of $side" has_lines "$T/$side.txt" "$seen"
		stop "$side"
		rows "$T/$side.txt" >"$T/$side.rows"
	done
	[ -s "$T/theirs.rows" ]
	filter_expected theirs "$T/theirs.rows" ours "$T/ours.rows" "" "$@"
	diff -u "$T/theirs.rows" "$T/ours.rows"
}

@test "bridged packets of every kind, malformed ones too" {
	log_both bridge "prerouting priority -300" "" 'prefix "br"'
	vec_frames unixsock.vec 020000000099 | send_frames tap1
	compare B4 B9 P4 P8-gateway
	cut -d'|' -f1 "$T/theirs.rows" | diff -u <(vec_rows unixsock.vec name) -
}

@test "routed packets of every kind" {
	log_both ip "prerouting priority raw" "iifname tap0 udp sport != 65535" 'prefix "ip4"'
	log_both ip "prerouting priority raw" "iifname tap0 ip protocol != udp" 'prefix "ip4"'
	log_both ip6 "prerouting priority raw" "iifname tap0" 'prefix "ip6"'
	vec_frames unixsock.vec 020000000001 | send_frames tap0
	compare B4 P4 P8-gateway
	# What did not arrive is known not to.
	vec_rows unixsock.vec name | grep -vxFf <(cut -d'|' -f1 "$T/theirs.rows") |
		grep -vxFf "$TESTS/diff/corpus.dropped" >"$T/dropped" || :
	[ ! -s "$T/dropped" ] || fail "the kernel dropped $(cat "$T/dropped")"
}

@test "packets of every kind from a device without link layer" {
	log_both inet "prerouting priority raw" "iifname tun0" 'prefix "inet"'
	vec_rows unixsock.vec pkt | send_frames tun0
	compare B4 P4 P8-gateway
}

@test "packets at the ingress of an inet table" {
	log_both inet "ingress device tap0 priority 0" "" 'prefix "late-inet"' || skip "needs inet ingress"
	vec_frames unixsock.vec 020000000001 | send_frames tap0
	compare B4 P4 P8-gateway
}

@test "packets at the ingress of a netdev table" {
	log_both netdev "ingress device tap0 priority 0" "" 'prefix "netdev"'
	vec_frames unixsock.vec 020000000001 | send_frames tap0
	recorded_frames tap0 | send_frames tap0
	compare B10
}

@test "packets at the egress of a netdev table" {
	log_both netdev "egress device tap0 priority 0" "" 'prefix "late-netdev"' || skip "needs netdev egress"
	ip -n "$NS" neighbour add 198.51.100.77 lladdr 02:00:00:00:00:77 dev tap0
	send_udp 65534 33333 198.51.100.77 4242 hi
	# The request for the address of tap0 is answered.
	recorded_frames tap0 | send_frames tap0
	compare B10
}

@test "ARP packets of an arp table, in and out" {
	log_both arp "input priority 0" "" 'prefix "arp"'
	log_both arp "output priority 0" "" 'prefix "late-arp"'
	recorded_frames tap0 | send_frames tap0
	compare P8-arp
	grep -q 'arp IN= OUT=tap0' "$T/theirs.rows"
}

@test "bridged ARP, LLDP, tagged, twice tagged and 802.3 frames" {
	log_both bridge "prerouting priority -300" "" 'prefix "br"'
	recorded_frames "br0 port" | send_frames tap1
	send_frames tap1 <<-'EOF'
	0200000000990200000000aa88a800648100000508004500001c1234000040117c66c0000201c633640214e9003500080000
	0180c20000000200000000aa0026424203000000000000000000000000000000000000000000000000000000000000000000000000000000
	ffffffffffff0200000000aa8100200508060001080006040001020000
	EOF
	compare B11
}

@test "packets of this host: owner, mark, no prefix, snaplen, errors" {
	local port

	log_both ip "output priority 0" "udp dport 4242 meta mark set 0xdeadbeef" 'prefix "late"'
	log_both ip "output priority 0" "udp dport 9001"
	log_both ip "output priority 0" "udp dport 9002" 'prefix "late: " snaplen 0'
	log_both ip "output priority 0" "udp dport 9003" 'prefix "late" snaplen 20'
	log_both ip "output priority 0" "udp dport 9004" 'prefix "late" snaplen 24'
	log_both ip "output priority 0" "ip protocol icmp" 'prefix "late-error"'
	log_both ip "postrouting priority 0" "udp dport 9001" 'prefix "late-post"'
	log_both ip "input priority 0" "iifname lo" 'prefix "in"'
	log_both ip6 "output priority 0" "udp dport 9001" 'prefix "late6" snaplen 43'
	log_both ip6 "input priority 0" "iifname lo" 'prefix "in6"'
	send_udp 65534 33333 198.51.100.77 4242 hi
	for port in 9001 9002 9003 9004; do
		send_udp 0 0 127.0.0.1 "$port" seven..
		send_udp 1 0 ::1 "$port" seven..
	done
	compare
}

@test "forwarded packets" {
	ns sysctl -qw net.ipv4.ip_forward=1
	log_both ip "forward priority 0" "" 'prefix "fwd"'
	log_both ip "postrouting priority 0" "iifname tap0" 'prefix "late-post"'
	vec_rows nflog.vec hook frame | sed -n 's/^forward|//p' | send_frames tap0
	compare
}

@test "rules of iptables -j NFLOG with prefix and size" {
	local tables group tried=0

	require iptables
	for tables in iptables-legacy iptables-nft; do
		command -v "$tables" >/dev/null || continue
		ns "$tables" -t raw -A PREROUTING -i tap0 -j NFLOG --nflog-group 99 2>/dev/null || continue
		tried=1
		for group in 1 2; do
			ns "$tables" -t raw -A PREROUTING -i tap0 -j NFLOG --nflog-group $group --nflog-prefix "$tables "
			ns "$tables" -t raw -A PREROUTING -i tap0 -j NFLOG --nflog-group $group --nflog-size 24
			ns "$tables" -t raw -A PREROUTING -i tap0 -j NFLOG --nflog-group $group --nflog-size 20 \
				--nflog-prefix "123456789012345678901234567890123456789012345678901234567890123"
		done
		nft_chain ip "prerouting priority raw" "iifname tap0 counter name seen"{,,}
	done
	[ "$tried" = 1 ] || skip "no iptables works here"
	vec_frames unixsock.vec 020000000001 | send_frames tap0
	compare P8-gateway
}

@test "prefixes of any length and content" {
	local prefix

	for prefix in "x" "x " " x" "a=b, (c) %s <1> 'q' \\\\ | ;" "$(printf 'ä%.0s' {1..60})"; do
		log_both ip "prerouting priority raw" "udp dport 9 udp sport != 65535" "prefix \"$prefix\""
	done
	numbered 0 2 | send_frames tap0
	compare
}

@test "thousands of packets in their order" {
	log_both ip "prerouting priority raw" "udp dport 9 udp sport != 65535" 'prefix "flood"'
	numbered 0 5000 5000 | send_frames tap0
	compare
	numbers "$T/theirs.rows" | diff -u <(seq 0 4999) -
}

@test "every filter of expected.md is used by a test" {
	local id

	for id in $(awk '/^## / { id = $2 } /^```sed (theirs|ours)/ { print id }' "$TESTS/diff/expected.md" | uniq); do
		grep -qE "^	compare .*\\b$id\\b" "$BATS_TEST_FILENAME" "$TESTS/diff/unixsock.bats" ||
			fail "$id is not used"
	done
}
