# SPDX-License-Identifier: GPL-2.0-or-later
# The NFLOG input on a real kernel: rules log packets in a fresh namespace, the daemon writes lines.

load ../lib

setup() {
	require_netns
	require_ulogd
	ns_new NS
}

teardown() {
	cleanup
}

# Print one numbered frame's line without time and host: numbered_line PREFIX NUMBER.
numbered_line() {
	printf '%s IN=tap0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:aa:08:00 ' "$1"
	printf 'SRC=192.0.2.1 DST=198.51.100.2 LEN=36 TOS=00 PREC=0x00 TTL=64 ID=%d ' $(($2 % 65536))
	printf 'PROTO=UDP SPT=%d DPT=9 LEN=16 MARK=0x0 \n' $((1024 + $2 / 65536))
}

# Log what arrives on tap0: log_tap0 GROUP [PREFIX].
log_tap0() {
	nft_chain ip "prerouting priority raw" \
		"iifname tap0 counter name seen log prefix \"${2:-flood}\" group $1 drop"
}

# FILEs hold the frames 0 to COUNT - 1, each once, in order and as a whole line: whole_sequence COUNT FILE...
whole_sequence() {
	local count=$1 torn

	shift
	numbers "$@" >"$T/numbers"
	awk '$1 != NR - 1 { print "line " NR " is frame " $1; exit 1 }' "$T/numbers"
	[ "$(lines "$T/numbers")" = "$count" ] || fail "expected $count frames, found $(lines "$T/numbers")"
	torn=$(text "$@" | grep -vcE "^$(numbered_line flood 0 | sed -E 's/(ID|SPT)=[0-9]+/\1=[0-9]+/g')\$" || :)
	[ "$torn" = 0 ] || fail "$torn lines are not whole"
}

# Stop the daemon NAME regularly: it ends with status 0 and its log says "group N: R packets received, L lost".
# Leaves R and L in $received and $lost.
stop_counted() {
	local name=$1 group=$2 said

	stop "$name"
	[ "$status" = 0 ] || fail "exit status $status"
	said=$(grep -oE "group $group: [0-9]+ packets received, [0-9]+ lost" "$T/$name.log" | tail -n 1)
	[ -n "$said" ] || fail "no counts of group $group in the log"
	read -r _ _ received _ _ lost _ <<<"$said"
}

# The devices of the recorded vectors: tap0, tun0, a bridge br0 with the port tap1.
vector_devices() {
	[ -d /proc/sys/net/bridge ] || skip "needs bridge netfilter, else the port is the input device"
	tap_add tap0
	tun_add tun0
	tap_add tap1 02:00:00:00:00:02
	bridge_add br0 tap1
}

# Stop the daemon `log' and compare the text of log.txt with FILE: expect_text FILE.  Whether an injected frame still
# belongs to the injector depends on kernel and hook, so UID=0 GID=0 is left out on both sides.
expect_text() {
	sed 's/UID=0 GID=0 //' "$1" >"$T/expected"
	wait_for "all lines" has_lines "$T/log.txt" "$(lines "$T/expected")"
	stop log
	text "$T/log.txt" | sed 's/UID=0 GID=0 //' >"$T/found"
	diff -u "$T/expected" "$T/found"
}

@test "a logged packet becomes a line with the prefix of its rule" {
	tap_add tap0
	text_conf log 7
	start_ulogd log
	log_tap0 7 "drop-in:"
	numbered 4660 1 | send_frames tap0
	numbered_line "drop-in:" 4660 >"$T/lines"
	expect_text "$T/lines"
}

@test "the daemon prints nothing and ends with status 0" {
	text_conf log 7
	start_ulogd log
	stop log
	[ "$status" = 0 ]
	[ ! -s "$T/log.out" ]
	[ ! -s "$T/log.err" ]
}

# Log in group 1 what nflog.vec has for the devices of vector_devices, and send these frames: send_recorded OUTPUT,
# where OUTPUT names the field of nflog.vec that is then left in $T/lines, one line for each packet.
send_recorded() {
	local dev frame

	nft_chain ip "prerouting priority raw" 'iifname { tap0, tun0 } log prefix "ip4" group 1'
	nft_chain ip6 "prerouting priority raw" 'iifname tap0 log prefix "ip6: " group 1'
	nft_chain arp "input priority 0" 'arp operation { request, reply } log prefix "arp" group 1'
	nft_chain bridge "prerouting priority -300" 'log prefix "br" group 1'
	vec_rows nflog.vec dev frame hook "$1" | grep -E '^[^|]+\|[0-9a-f]+\|(prerouting|input)\|' >"$T/rows"
	cut -d'|' -f4 "$T/rows" >"$T/lines"
	# A frame that two rules log is there twice.
	while IFS='|' read -r dev frame; do
		[ "$dev" = "br0 port" ] && dev=tap1
		send_frames "$dev" <<<"$frame"
	done < <(cut -d'|' -f1,2 "$T/rows" | uniq)
}

@test "IPv4, IPv6, ICMP, ARP, bridged, tagged and LLDP frames give the recorded lines" {
	vector_devices
	text_conf log 1
	start_ulogd log
	send_recorded our-out
	expect_text "$T/lines"
}

@test "the fields of these frames have the recorded values" {
	local unstable='oob\.(time\.u?sec|ifindex_in|ifindex_physin|uid|gid)=[0-9]+,'

	vector_devices
	conf log <<-EOF
	stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,hw1:HWHDR,gp1:GPRINT
	[log1]
	group=1
	[gp1]
	file="$T/log.txt"
	sync=1
	EOF
	start_ulogd log
	send_recorded our-keys
	wait_for "all lines" has_lines "$T/log.txt" "$(lines "$T/lines")"
	stop log
	# Blocks without keys have only been recorded as lines.
	paste -d'|' "$T/lines" "$T/log.txt" | grep -v '^|' >"$T/both"
	cut -d'|' -f1 "$T/both" | sed -E "s/$unstable//g" >"$T/expected"
	cut -d'|' -f2 "$T/both" | sed -E "s/$unstable//g" | diff -u "$T/expected" -
}

# copied - how many bytes of a packet the kernel copies for group 1.
copied() {
	ns awk '$1 == 1 { print $5 }' /proc/net/netfilter/nfnetlink_log
}

@test "as much of a packet is copied as the stacks read, and no more" {
	local stack name=0 copy

	for stack in "512 $TEXT_FILTERS,out:LOGEMU" "65531 base:BASE,out:GPRINT" "65531 base:BASE,out:PCAP" \
		"65531 out:XML"; do
		copy=${stack%% *}
		name=$((name + 1))
		conf "log$name" <<-EOF
		stack=log1:NFLOG,${stack#* }
		[log1]
		group=1
		snaplen=auto
		EOF
		case $stack in
		*XML) printf '[out]\ndirectory="%s"\n' "$T" ;;
		*) printf '[out]\nfile="%s"\n' "$T/out$name" ;;
		esac >>"$T/log$name.conf"
		start_ulogd "log$name"
		[ "$(copied)" = "$copy" ] || fail "$stack: $(copied)"
		stop "log$name"
	done
	text_conf log 1 snaplen=100
	start_ulogd log
	[ "$(copied)" = 100 ]
	stop log
}

@test "a line is the same whether the packet is copied or only its headers" {
	text_conf log 1 snaplen=auto
	text_conf all 2
	start_ulogd log
	start_ulogd all
	tap_add tap0
	nft_chain inet "prerouting priority raw" 'iifname tap0 counter name seen log prefix "x" group 1 log prefix "x" group 2'
	nft_chain ip "output priority 0" 'udp dport 9 counter name seen log prefix "x" group 1 log prefix "x" group 2 drop'
	for kind in ipv4 ipv6 cut random; do
		python3 "$TESTS/tools/log_corpus.py" "$kind" | send_frames tap0
	done
	for size in 400 600 1400 9000; do
		ns "$BUILDDIR/tests/bench/flood" -n 3 -s "$size" >/dev/null
	done
	nft_stop
	wait_for "all lines of one" has_lines "$T/all.txt" "$(nft_seen)"
	wait_for "all lines of the other" has_lines "$T/log.txt" "$(nft_seen)"
	stop log
	stop all
	[ "$(grep -cE 'LEN=(428|628|1428|9028) ' "$T/log.txt")" = 12 ]
	# Each daemon has its own time of packets that this host sends; IPv6 extension headers may go on behind
	# what is copied.
	paste -d'|' <(cut -c 17- "$T/all.txt") <(cut -c 17- "$T/log.txt") |
		awk -F'|' '$1 != $2 && !(/ HOPLIMIT=/ && match($1, / LEN=[0-9]+/) && substr($1, RSTART + 5, RLENGTH - 5) > 472) {
			print; bad = 1
		} END { exit bad }'
}

@test "bridged packets of every kind, malformed ones too, give the recorded lines" {
	vector_devices
	text_conf log 1
	start_ulogd log
	nft_chain bridge "prerouting priority -300" 'log prefix "br" group 1'
	# An unknown IP version (A2) is none of the bridge's business.
	paste -d'|' <(vec_frames unixsock.vec 020000000099) <(vec_rows unixsock.vec why our-out) |
		grep -v '|A2|' >"$T/rows"
	cut -d'|' -f1 "$T/rows" | send_frames tap1
	while IFS='|' read -r frame _ line; do
		printf 'br IN=br0 OUT= MAC=%s %sMARK=0x0 \n' \
			"$(sed -E 's/^(.{28}).*/\1/; s/(..)/\1:/g; s/:$//' <<<"$frame")" "${line#pfx IN=eth0 OUT=eth1 MAC= }"
	done <"$T/rows" >"$T/lines"
	expect_text "$T/lines"
}

@test "packets of this host give the recorded lines, whole and cut by snaplen" {
	tap_add tap0
	ip -n "$NS" address add 198.51.100.2/24 dev tap0
	text_conf log 1
	start_ulogd log
	nft_chain ip "output priority 0" \
		'udp dport 4242 meta mark set 0xdeadbeef log prefix "out" group 1' \
		'udp dport 9001 log prefix "px" group 1' \
		'udp dport 9002 log group 1' \
		'udp dport 9003 meta mark set 0xdeadbeef log prefix "mk: " group 1 snaplen 24' \
		'udp dport 9004 log prefix "sn" group 1 snaplen 20' \
		'ip protocol icmp ip length 58 log prefix "out" group 1'
	nft_chain ip "input priority 0" 'udp dport 9001 log prefix "in" group 1'
	send_udp 65534 33333 198.51.100.77 4242 hi
	for port in 9001 9002 9003 9004; do
		send_udp 0 46835 127.0.0.1 "$port" seven..
	done
	send_udp 0 0 127.0.0.1 9999 hi
	vec_rows nflog.vec how our-out | sed -nE 's/^[^|]+\|//p' >"$T/expected"
	wait_for "all lines" has_lines "$T/log.txt" "$(lines "$T/expected")"
	stop log
	text "$T/log.txt" | diff -u <(masked <"$T/expected") <(masked)
}

# Hide the id the kernel chose.  Output and input of one packet may change places, so sort.
masked() {
	sed -E 's/ ID=[0-9]+ (DF|PROTO=ICMP) / ID=* \1 /' | sort
}

@test "a forwarded packet shows both devices" {
	tap_add tap0
	ip -n "$NS" address add 198.51.100.2/24 dev tap0
	ns sysctl -qw net.ipv4.ip_forward=1
	text_conf log 1
	start_ulogd log
	nft_chain ip "forward priority 0" 'log prefix "fwd" group 1'
	vec_rows nflog.vec hook frame | sed -n 's/^forward|//p' | send_frames tap0
	vec_rows nflog.vec hook our-out | sed -n 's/^forward|//p' >"$T/lines"
	expect_text "$T/lines"
}

@test "netdev ingress is decoded by its Ethertype" {
	tap_add tap0
	text_conf log 1
	start_ulogd log
	nft_chain netdev "ingress device tap0 priority 0" 'log prefix "dev" group 1'
	vec_rows nflog.vec dev frame our-out | sed -n 's/^tap0|\([0-9a-f][^|]*\)|.*/\1/p' | send_frames tap0
	vec_rows nflog.vec dev frame our-out | sed -nE 's/^tap0\|[0-9a-f][^|]*\|[^ ]+ +/dev /p' |
		sed 's/^dev IN=tap0 OUT=tap0/dev IN=tap0 OUT=/; s/TTL=63/TTL=64/' >"$T/lines"
	expect_text "$T/lines"
}

@test "netdev egress is decoded behind its Ethernet header" {
	tap_add tap0
	ip -n "$NS" address add 198.51.100.2/24 dev tap0
	ip -n "$NS" neighbour add 198.51.100.77 lladdr 02:00:00:00:00:77 dev tap0
	text_conf log 1
	start_ulogd log
	nft_chain netdev "egress device tap0 priority 0" 'ip daddr 198.51.100.77 log prefix "egress" group 1' ||
		skip "needs netdev egress"
	send_udp 65534 33333 198.51.100.77 4242 hi
	wait_for "the line" has_lines "$T/log.txt" 1
	stop log
	text "$T/log.txt" | sed -E 's/ ID=[0-9]+/ ID=*/' >"$T/found"
	diff -u "$T/found" - <<-'EOF'
	egress IN= OUT=tap0 MAC= SRC=198.51.100.2 DST=198.51.100.77 LEN=30 TOS=00 PREC=0x00 TTL=64 ID=* DF PROTO=UDP SPT=33333 DPT=4242 LEN=10 UID=65534 GID=65534 MARK=0x0 
	EOF
}

@test "rules of iptables -j NFLOG log, with --nflog-size cut" {
	local tables tried=0

	require iptables
	tap_add tap0
	text_conf log 3
	start_ulogd log
	for tables in iptables-legacy iptables-nft; do
		command -v "$tables" >/dev/null || continue
		ns "$tables" -t raw -A PREROUTING -i tap0 -j NFLOG --nflog-group 3 --nflog-prefix "ipt " || continue
		ns "$tables" -t raw -A PREROUTING -i tap0 -j NFLOG --nflog-group 3 --nflog-size 24
		numbered "$tried" 1 | send_frames tap0
		ns "$tables" -t raw -F
		numbered_line "ipt " "$tried" >>"$T/lines"
		numbered_line "" "$tried" | sed 's/SPT=.*MARK/INCOMPLETEMARK/' >>"$T/lines"
		tried=$((tried + 1))
	done
	[ "$tried" -gt 0 ] || skip "no iptables works here"
	expect_text "$T/lines"
}

# One more frame has been sent to tap0 and the last line has TEXT: probe_shows TEXT.
probe_shows() {
	numbered 0 1 | send_frames tap0
	tail -n 1 "$T/log.txt" 2>/dev/null | grep -q "$1"
}

@test "lines follow the new name of a renamed device" {
	tap_add tap0
	text_conf log 7 netlink_qthreshold=1
	start_ulogd log
	nft_chain ip "prerouting priority raw" 'log prefix "name" group 7 drop'
	wait_for "a line with the first name" probe_shows " IN=tap0 "
	ip -n "$NS" link set tap0 down
	ip -n "$NS" link set tap0 name wan0
	ip -n "$NS" link set wan0 up
	wait_for "a line with the new name" probe_shows " IN=wan0 "
	stop log
	text "$T/log.txt" | sed -E 's/^name IN=([^ ]*) .*/\1/' | uniq >"$T/names"
	diff -u <(printf 'tap0\nwan0\n') "$T/names"
}

@test "a device made after the start has its name in the lines" {
	text_conf log 7 netlink_qthreshold=1
	start_ulogd log
	tap_add tap0
	log_tap0 7
	wait_for "a line with the name" probe_shows " IN=tap0 "
}

@test "network_namespace_path: packets and names come from the other namespace" {
	local packets

	ns_new packets
	text_conf log 7 "network_namespace_path=\"/run/netns/$packets\""
	# Another device has the same index where the daemon runs.
	tap_add wrong0
	start_ulogd log
	NS=$packets
	tap_add tap0
	log_tap0 7
	numbered 0 3 | send_frames tap0
	for n in 0 1 2; do
		numbered_line flood "$n"
	done >"$T/lines"
	expect_text "$T/lines"
}

@test "network_namespace_path that does not exist stops the start and is named" {
	text_conf log 7 'network_namespace_path="/run/netns/there-is-none"'
	start log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -c "$T/log.conf" </dev/null
	ended log
	[ "$status" = 1 ]
	cat "$T"/log.log "$T"/log.err | grep -F /run/netns/there-is-none
}

# Own GROUP with a process that is no daemon, through its SOCKETth netlink socket: hold_group GROUP SOCKET.
hold_group() {
	start holder python3 - "$1" "$2" <<-'EOF'
	import signal, socket, struct, sys
	group, count = map(int, sys.argv[1:])
	sockets = [socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) for _ in range(count)]
	for s in sockets:
	    s.bind((0, 0))
	bind = struct.pack("=HHB3x", 5, 1, 1)
	sockets[-1].send(struct.pack("=IHHII", 28, 0x401, 5, 0, 0) + struct.pack("!BBH", 0, 0, group) + bind)
	print(struct.unpack_from("=i", sockets[-1].recv(4096), 16)[0], flush=True)
	signal.pause()
	EOF
	wait_for "the group to be held" has_lines "$T/holder.out" 1
	[ "$(cat "$T/holder.out")" = 0 ]
}

@test "a group another process owns stops the start; its pid and command are named" {
	local sockets pid

	# The first netlink socket of a process carries its pid, the second does not.
	for sockets in 1 2; do
		hold_group 9 "$sockets"
		pid=${PID[holder]}
		text_conf log 9
		start log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -c "$T/log.conf" </dev/null
		ended log
		[ "$status" = 1 ]
		cat "$T/log.log" "$T/log.err" | grep 'group 9' >"$T/said"
		grep -E "(^|[^0-9])$pid([^0-9]|\$)" "$T/said"
		grep -F "$(cat "/proc/$pid/comm")" "$T/said"
		stop holder
		rm "$T"/log.log "$T"/log.err "$T"/holder.out
	done
}

@test "a group that was released can be had again" {
	text_conf log 9
	start_ulogd log
	stop log
	rm "$T/log.log"
	start_ulogd log
}

@test "seq_local and seq_global number the packets, numeric_label labels them" {
	tap_add tap0
	conf log <<-EOF
	stack=log1:NFLOG,base1:BASE,gp1:GPRINT
	[log1]
	group=7
	seq_local=1
	seq_global=1
	numeric_label=42
	[gp1]
	file="$T/log.txt"
	sync=1
	EOF
	start_ulogd log
	log_tap0 7
	numbered 0 3 | send_frames tap0
	wait_for "all lines" has_lines "$T/log.txt" 3
	sed -E 's/.*(oob.seq.local=[0-9]+),(oob.seq.global=[0-9]+),.*(raw.label=[0-9]+),.*/\1 \2 \3/' "$T/log.txt" >"$T/found"
	diff -u "$T/found" - <<-'EOF'
	oob.seq.local=0 oob.seq.global=1 raw.label=42
	oob.seq.local=1 oob.seq.global=2 raw.label=42
	oob.seq.local=2 oob.seq.global=3 raw.label=42
	EOF
}

@test "sequence numbers stay out of the records unless asked for" {
	tap_add tap0
	conf log <<-EOF
	stack=log1:NFLOG,base1:BASE,gp1:GPRINT
	[log1]
	group=7
	[gp1]
	file="$T/log.txt"
	sync=1
	EOF
	start_ulogd log
	log_tap0 7
	numbered 0 1 | send_frames tap0
	wait_for "the line" has_lines "$T/log.txt" 1
	grep -F 'raw.label=0' "$T/log.txt"
	[ "$(grep -cF 'oob.seq' "$T/log.txt")" = 0 ]
}

# Send numbered frames to tap0 from now on.
flood_start() {
	start flood sh -c "exec python3 '$TESTS/tools/frames.py' 0 0 20000 >'$T/tap0.in'" </dev/null
}

# End that; the frames sent so far are in the kernel.
flood_stop() {
	stop flood
	send_frames tap0 </dev/null
}

@test "SIGHUP after a rename: every packet of a flood is once in the old or the new file, whole" {
	local turn logged

	tap_add tap0
	text_conf log 7 netlink_socket_buffer_size=33554432 netlink_socket_buffer_maxsize=33554432
	start_ulogd log
	log_tap0 7
	flood_start
	for turn in 1 2 3 4 5; do
		wait_for "lines of the flood" has_lines "$T/log.txt" 1000
		mv "$T/log.txt" "$T/log.txt.$turn"
		kill -s HUP "${PID[log]}"
		wait_for "the new file" test -e "$T/log.txt"
	done
	flood_stop
	logged=$(nft_seen)
	stop_counted log 7
	[ "$lost" = 0 ]
	whole_sequence "$logged" "$T"/log.txt.? "$T/log.txt"
}

@test "SIGTERM during a flood: every packet the kernel delivered is in the file" {
	tap_add tap0
	text_conf log 7 netlink_socket_buffer_size=33554432 netlink_socket_buffer_maxsize=33554432
	start_ulogd log
	log_tap0 7
	flood_start
	wait_for "lines of the flood" has_lines "$T/log.txt" 5000
	stop_counted log 7
	flood_stop
	[ "$lost" = 0 ]
	[ "$received" -lt "$(nft_seen)" ]
	whole_sequence "$received" "$T/log.txt"
}

@test "report_loss: sent is logged plus reported, in text, in JSON and in the counters" {
	local sent reported stacks=stack=log1:NFLOG,$TEXT_FILTERS

	require jq
	tap_add tap0
	conf log <<-EOF
	$stacks,emu1:LOGEMU
	$stacks,json1:JSON
	[log1]
	group=7
	report_loss=1
	netlink_socket_buffer_size=65536
	netlink_socket_buffer_maxsize=65536
	[emu1]
	file="$T/log.txt"
	[json1]
	file="$T/log.json"
	EOF
	start_ulogd log
	log_tap0 7
	numbered 0 1 | send_frames tap0
	for i in 1 2; do
		kill -s STOP "${PID[log]}"
		numbered $((i * 10000)) 10000 | send_frames tap0
		kill -s CONT "${PID[log]}"
		# The next packet shows the gap.
		wait_for "the buffer to be read" ns awk '$2 == 16 && $5 > 0 { exit 1 }' /proc/net/netlink
		numbered $((i * 10000 - 1)) 1 | send_frames tap0
	done
	sent=$(nft_seen)
	stop_counted log 7
	reported=$(grep -oE 'ulogd: [0-9]+ events lost on group 7 between [^ ]+ and [^ ]+ $' "$T/log.txt" |
		awk '{ sum += $2 } END { print sum + 0 }')
	echo "# $sent sent, $received logged, $reported reported as lost" >&3
	[ "$reported" -gt 0 ]
	[ "$lost" = "$reported" ]
	[ $((received + reported)) = "$sent" ]
	[ "$(grep -vc 'ulogd: .* events lost' "$T/log.txt")" = "$received" ]
	[ "$(jq -s 'map(.["loss.events"] // 0) | add' "$T/log.json")" = "$reported" ]
	[ "$(jq -s 'map(select(.["loss.events"])) | all(.["loss.group"] == 7 and .["loss.begin"] <= .["loss.end"])' \
		"$T/log.json")" = true ]
}

@test "SIGTERM fetches what the kernel still holds back" {
	tap_add tap0
	# Neither the number of packets nor the time limit ends the kernel's batch before the test does.
	text_conf log 7 netlink_qthreshold=1000 netlink_qtimeout=60000
	start_ulogd log
	log_tap0 7
	numbered 0 10 | send_frames tap0
	stop_counted log 7
	[ "$received" = 10 ]
	whole_sequence 10 "$T/log.txt"
}

# The process is stopped by a signal.
process_stopped() {
	[ "$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat")" = T ]
}

# One more frame has been sent, and it or one sent here before has been logged.
later_frame_logged() {
	numbered "$sent" 1 | send_frames tap0
	sent=$((sent + 1))
	[ "$(numbers "$T/log.txt" | tail -n 1)" -ge "$burst" ]
}

# Overflow the receive buffer of the daemon `log' by $burst frames while it is stopped.
overflow() {
	burst=2000 sent=2000
	tap_add tap0
	text_conf log 5 netlink_qthreshold=1 netlink_socket_buffer_size=4096 netlink_socket_buffer_maxsize=4096
	start_ulogd log
	log_tap0 5
	kill -s STOP "${PID[log]}"
	wait_for "the daemon to stand" process_stopped "${PID[log]}"
	numbered 0 "$burst" | send_frames tap0
	kill -s CONT "${PID[log]}"
}

@test "packets received and lost add up to the packets sent" {
	overflow
	wait_for "a packet sent after the burst" later_frame_logged
	wait_for "the last packet" grep -q " ID=$((sent - 1)) " "$T/log.txt"
	stop_counted log 5
	echo "# $sent sent, $received received, $lost lost" >&3
	[ "$lost" -gt 0 ]
	[ $((received + lost)) = "$sent" ]
	[ "$(lines "$T/log.txt")" = "$received" ]
}

@test "what was refused after the last packet is counted in datagrams" {
	local refused

	overflow
	stop_counted log 5
	refused=$(sed -nE 's/.* group 5: .* ([0-9]+) datagrams were refused.*/\1/p' "$T/log.log")
	echo "sent $sent received $received lost $lost refused $refused"
	[ "$refused" -gt 0 ]
	# With a threshold of 1 each datagram is a packet.
	[ $((received + lost + refused)) = "$sent" ]
}

@test "all stacks of one input get every packet" {
	local branch

	tap_add tap0
	# The second stack shares its whole way with the first, the third only the input.
	conf log <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	stack=log1:NFLOG,$TEXT_FILTERS,emu2:LOGEMU
	stack=log1:NFLOG,base2:BASE,ifi2:IFINDEX,ip2str2:IP2STR,print2:PRINTPKT,emu3:LOGEMU
	[log1]
	group=7
	[emu1]
	file="$T/1.txt"
	[emu2]
	file="$T/2.txt"
	[emu3]
	file="$T/3.txt"
	EOF
	start_ulogd log
	log_tap0 7
	numbered 0 1000 | send_frames tap0
	stop_counted log 7
	[ "$received" = 1000 ]
	for branch in 1 2 3; do
		whole_sequence 1000 "$T/$branch.txt"
	done
}

@test "two inputs of one daemon keep their groups apart" {
	tap_add tap0
	conf log <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	stack=log2:NFLOG,$TEXT_FILTERS,emu2:LOGEMU
	[log1]
	group=7
	[log2]
	group=8
	[emu1]
	file="$T/one.txt"
	[emu2]
	file="$T/two.txt"
	EOF
	start_ulogd log
	nft_chain ip "prerouting priority raw" \
		'ip id < 10 log prefix "flood" group 7' \
		'log prefix "flood" group 8 drop'
	numbered 0 20 | send_frames tap0
	stop log
	whole_sequence 10 "$T/one.txt"
	whole_sequence 20 "$T/two.txt"
}

@test "a group other than 0 leaves the default loggers of the families alone" {
	ns cat /proc/net/netfilter/nf_log >"$T/before"
	text_conf log 7
	start_ulogd log
	ns cat /proc/net/netfilter/nf_log | diff -u "$T/before" -
	stop log
	ns cat /proc/net/netfilter/nf_log | diff -u "$T/before" -
}

# IPv4, IPv6 and bridge have nfnetlink_log as their default logger, the other families what they had before.
families_bound() {
	sed -E 's/^( 2| 7|10) [^ ]+ /\1 nfnetlink_log /' "$T/before" |
		diff -u - <(ns cat /proc/net/netfilter/nf_log)
}

@test "group 0 binds the families IPv4, IPv6 and bridge" {
	ns cat /proc/net/netfilter/nf_log >"$T/before"
	text_conf log 0
	start_ulogd log
	families_bound
}

@test "families that were bound get their loggers back, but not if somebody has taken them since" {
	ns sh -c 'echo NONE >/proc/sys/net/netfilter/nf_log/7'
	ns cat /proc/net/netfilter/nf_log >"$T/before"
	text_conf log 0
	start_ulogd log
	families_bound
	stop log
	ns cat /proc/net/netfilter/nf_log | diff -u "$T/before" -
	rm "$T/log.log"
	start_ulogd log
	ns sh -c 'echo NONE >/proc/sys/net/netfilter/nf_log/2'
	stop log
	sed -E 's/^( 2) [^ ]+ /\1 NONE /' "$T/before" | diff -u - <(ns cat /proc/net/netfilter/nf_log)
}

@test "bind=1 binds the families for another group" {
	ns cat /proc/net/netfilter/nf_log >"$T/before"
	text_conf log 7 bind=1
	start_ulogd log
	families_bound
}

@test "queue threshold and time limit of the configuration reach the kernel" {
	text_conf log 7 netlink_qtimeout=250
	start_ulogd log
	ns cat /proc/net/netfilter/nfnetlink_log | awk '$1 == 7 { print $6 }' | diff -u <(echo 250) -
}
