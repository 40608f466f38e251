# SPDX-License-Identifier: GPL-2.0-or-later
# The recorded packets through VECTOR, BASE, IP2STR, PRINTPKT and LOGEMU: the same lines and keys as ulogd2, but for
# what is intended.

load ../lib
load ../cli/cli

setup() {
	require_stage
	nflog_vectors >"$T/nflog.vec"
}

# Run what vector_conf wrote, in UTC, until the packets are through: through NAME.
through() {
	TZ=UTC succeeds ulogd -c "$T/$1.conf"
}

unixsock_conf() {
	local name=$1 out=$2 options

	shift 2
	mapfile -t options < <(unixsock_options "$@")
	vector_conf "$name" "$out" "${options[@]}"
}

nflog_conf() {
	local name=$1 out=$2

	shift 2
	vector_conf "$name" "$out" "file=\"$T/nflog.vec\"" time=1700000000 "$@"
}

# Fail unless FILE's lines are those on stdin, given as `name|line': compare FILE.
compare() {
	cat >"$T/expected"
	paste -d'|' <(cut -d'|' -f1 "$T/expected") "$1" >"$T/got"
	diff -u "$T/expected" "$T/got"
}

# The keys of rows `name|keys' that BASE makes; with `inputs' its oob.protocol, too.
base_keys() {
	awk -F'|' -v inputs="${1:-}" '{
		n = split($2, keys, ",")
		text = ""
		for (i = 1; i <= n; i++)
			if (keys[i] ~ /^(ip6?|tcp|udp|icmp|icmpv6|sctp|arp)\.[a-z0-9]+=/ ||
			    (inputs && keys[i] ~ /^oob\.protocol=/))
				text = text (text == "" ? "" : ",") keys[i]
		print $1 "|" text
	}'
}

# Print how many packets there are when each packet on stdin, in hex, is cut at every length.
truncations() {
	awk '{ n += length($0) / 2 + 1 } END { print n }'
}

@test "packets_of_unixsock_vec_give_their_lines" {
	unixsock_conf a LOGEMU
	through a
	text "$T/a.txt" >"$T/lines"
	[ "$(lines "$T/lines")" -ge 73 ]
	vec_rows unixsock.vec name our-out | compare "$T/lines"
}

@test "packets_of_nflog_vec_give_their_lines" {
	nflog_conf a LOGEMU
	through a
	text "$T/a.txt" >"$T/lines"
	[ "$(lines "$T/lines")" -ge 14 ]
	nflog_rows name our-out | compare "$T/lines"
}

@test "packets_of_unixsock_vec_give_their_keys" {
	unixsock_conf a KEYS
	through a
	vec_rows unixsock.vec name our-keys | base_keys inputs | compare "$T/a.txt"
}

@test "packets_of_nflog_vec_give_their_keys" {
	nflog_conf a KEYS
	through a
	sed -E 's/(^|,)oob\.protocol=[0-9]+//; s/^,//' "$T/a.txt" >"$T/lines"
	# Some blocks have a line, but no keys.
	paste -d'|' <(nflog_rows our-keys | sed 's/|.*//') "$T/lines" | sed -n '/^[^|]/s/^[^|]*|//p' >"$T/with-keys"
	nflog_rows name our-keys | awk -F'|' '$2 != ""' | base_keys | compare "$T/with-keys"
}

@test "lines_begin_with_the_packets_time_and_this_host" {
	unixsock_conf a LOGEMU
	through a
	[ "$(cut -d' ' -f1-4 "$T/a.txt" | sort -u)" = "Nov 14 22:13:20 $(host)" ]
}

@test "lines_are_in_the_order_of_the_packets_however_many" {
	unixsock_conf once LOGEMU
	through once
	unixsock_conf often LOGEMU repeat=300
	through often
	for ((i = 0; i < 300; i++)); do
		cat "$T/once.txt"
	done >"$T/expected"
	cmp "$T/expected" "$T/often.txt"
}

@test "packets_of_unixsock_vec_can_be_cut_at_every_length" {
	local expected

	expected=$(vec_rows unixsock.vec pkt | truncations)
	unixsock_conf a LOGEMU truncate=1
	through a
	[ "$(lines "$T/a.txt")" = "$expected" ]
	# The cut ones end like the whole ones.
	[ "$(text "$T/a.txt" | grep -vcE '^pfx IN=eth0 OUT=eth1 MAC= ([A-Za-z0-9=:./ ]*(INCOMPLETE| ))?$')" = 0 ]
	# The whole ones are among them.
	[ "$(text "$T/a.txt" | sort -u | comm -13 - <(vec_rows unixsock.vec our-out | sort -u))" = "" ]
}

@test "packets_of_nflog_vec_can_be_cut_at_every_length" {
	local expected

	expected=$(nflog_rows name pkt | cut -d'|' -f2 | truncations)
	nflog_conf a LOGEMU truncate=1
	through a
	[ "$(lines "$T/a.txt")" = "$expected" ]
	[ "$(text "$T/a.txt" | sort -u | comm -13 - <(nflog_rows our-out | sort -u))" = "" ]
}

@test "a_cut_packet_has_no_key_from_behind_the_cut" {
	local expected

	# A TCP packet of 20 + 20 bytes: no address below 21, no port below 40.
	printf 'pkt: %s\n' 450000281234000040067c65c0000201c63364029c40005000000001000000005002faf0beef0000 >"$T/tcp.vec"
	vector_conf a KEYS "file=\"$T/tcp.vec\"" truncate=1
	through a
	[ "$(lines "$T/a.txt")" = 41 ]
	[ "$(head -n 21 "$T/a.txt" | sort -u)" = oob.protocol=0 ]
	[ "$(sed -n 22,40p "$T/a.txt" | grep -c 'ip.saddr=192.0.2.1,.*ip.fragoff=0,oob.protocol=0$')" = 19 ]
	[ "$(tail -n 1 "$T/a.txt" | grep -c 'tcp.sport=40000,tcp.dport=80,.*tcp.csum=48879,')" = 1 ]
}
