# SPDX-License-Identifier: GPL-2.0-or-later
# An input of several groups has a lane for each; ulogctl prints the rules that spread packets over them.

load ../lib

setup() {
	require_netns
	require_ulogd
	require_ulogctl
	FLOOD=$BUILDDIR/tests/bench/flood
	mapfile -t CPUS < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')
	[ "${#CPUS[@]}" -ge 2 ] || skip "needs two CPUs"
	ns_new NS
	ns ip link set lo up
}

teardown() {
	cleanup
}

# lanes_conf GROUPS - write log.conf: groups, all keys with numbers per group to log.txt, lines to log.emu.
lanes_conf() {
	conf log <<-EOF
	control_socket="$T/ulogd.sock"
	stack=log1:NFLOG,base1:BASE,out1:GPRINT
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	[log1]
	group=$1
	seq_local=1
	[out1]
	file="$T/log.txt"
	sync=1
	[emu1]
	file="$T/log.emu"
	sync=1
	EOF
}

# send_from CPU PORT COUNT - send COUNT datagrams to PORT from one CPU, which the rules of ulogctl log.
send_from() {
	ns taskset -c "$1" "$FLOOD" -n "$3" -r 50000 -p "$2" >/dev/null
}

# group_counts KEY - what each group has counted as KEY, "10=500 11=0".
group_counts() {
	ctl status --json |
		jq -r --arg key "$1" '[.instances[] | select(.subject) | "\(.subject.group)=\(.counters[$key])"] | join(" ")'
}

# in_order PORT COUNT - log.txt has COUNT packets to PORT, in the order they came in.
in_order() {
	grep -E "udp.dport=$1(,|$)" "$T/log.txt" | grep -oE 'oob.seq.local=[0-9]+' | cut -d= -f2 >"$T/numbers"
	[ "$(wc -l <"$T/numbers")" = "$2" ] || fail "$(wc -l <"$T/numbers") packets to port $1"
	sort -n "$T/numbers" | diff -q - "$T/numbers"
}

@test "stacks of several groups are told apart" {
	lanes_conf 10-12
	ns "$ULOGD" --plugin-dir "$PLUGIN_DIR" -t -c "$T/log.conf" >"$T/said"
	diff "$T/said" - <<-EOF
	$T/log.conf: fine, stacks: 6
	log1:NFLOG: group 10 to 12, each with stacks of its own
	EOF
	start_ulogd log
	ctl status | sed -n '/^STACK/,/^$/p' >"$T/stacks"
	grep -qE '^ +1  log1:NFLOG\(group 10\),base1:BASE,out1:GPRINT$' "$T/stacks"
	grep -qE '^ +3  log1:NFLOG\(group 11\),base1:BASE,out1:GPRINT$' "$T/stacks"
	[ "$(ctl status --json | jq -c '[.stacks[] | [.subject.group, .instances[0]]] | unique')" = \
		'[["10","log1:NFLOG"],["11","log1:NFLOG"],["12","log1:NFLOG"]]' ]
	stop log
}

@test "each CPU has its group by the nft rules of ulogctl: all packets are logged, in the order of their lane" {
	lanes_conf 10-11
	start_ulogd log
	"$CTL" rules --groups 10-11 --prefix "in: " | ns nft -f -
	ns nft -f - <<-'EOF'
	add chain inet filter output { type filter hook output priority 0; }
	add rule inet filter output udp dport { 9, 10 } jump ulogd
	add rule inet filter output udp dport { 9, 10 } drop
	EOF
	send_from "${CPUS[0]}" 9 20000 &
	send_from "${CPUS[1]}" 10 20000
	wait $!
	wait_for "all packets" has_lines "$T/log.txt" 40000
	counts=$(group_counts received)
	stop log
	[ "$counts" = "10=20000 11=20000" ]
	in_order 9 20000
	in_order 10 20000
	[ "$(grep -c ' in:  IN= OUT=lo .* LEN=92 .*PROTO=UDP ' "$T/log.emu")" = 40000 ]
}

@test "each CPU has its group by the iptables rules of ulogctl" {
	require iptables-restore iptables-save
	lanes_conf 10-11
	start_ulogd log
	"$CTL" rules --iptables --groups 10-11 --prefix "in: " | tee >(ns ip6tables-restore --noflush) |
		ns iptables-restore --noflush
	ns iptables -A OUTPUT -p udp --dport 9:10 -j ULOGD
	ns iptables -A OUTPUT -p udp --dport 9:10 -j DROP
	send_from "${CPUS[0]}" 9 300
	send_from "${CPUS[1]}" 10 200
	wait_for "all packets" has_lines "$T/log.txt" 500
	counts=$(group_counts received)
	stop log
	[ "$counts" = "10=300 11=200" ]
}

@test "rules can be loaded again, name every CPU and take those that come later" {
	local i

	for i in 1 2; do
		"$CTL" rules --nft --groups 10-12 --cpus 70 | ns nft -f -
		"$CTL" rules --iptables --groups 10-12 --cpus 70 | ns iptables-restore --noflush
	done
	ns nft list table inet filter >"$T/nft"
	[ "$(grep -oE '[0-9]+ : goto ulogd_1[0-2]' "$T/nft" | sort -u | wc -l)" = 70 ]
	[ "$(grep -cE '^	*log group 1[0-2]$' "$T/nft")" = 4 ]
	[ "$(ns iptables-save | grep -cE -- '--cpu [0-9]+ -g ULOGD_1[0-2]$')" = 70 ]
}

@test "wrong words about rules are refused with status 2" {
	local -a wrong=("" "--groups" "--groups 11-10" "--groups 1x" "--groups 5-" "--groups 65536" "--groups 1 --cpus 0"
		"--groups 1 --nft --iptables" '--groups 1 --prefix a"b')
	local words

	for words in "${wrong[@]}"; do
		# shellcheck disable=SC2086
		run "$CTL" rules $words
		[ "$status" = 2 ] || fail "rules $words: status $status, $output"
	done
	run "$CTL" rules --groups 1 --iptables --prefix "$(printf '%064d' 0)"
	[ "$status" = 2 ]
}

@test "status and metrics tell the groups apart" {
	require promtool
	lanes_conf 10-12
	start_ulogd log
	"$CTL" rules --groups 12 | ns nft -f -
	ns nft add chain inet filter output '{ type filter hook output priority 0; }'
	ns nft add rule inet filter output udp dport 9 jump ulogd
	send_from "${CPUS[0]}" 9 5
	wait_for "the packets" has_lines "$T/log.txt" 5
	ctl metrics --prometheus >"$T/metrics"
	promtool check metrics <"$T/metrics"
	[ "$(grep -cE '^ulogd_input_received_total\{.*group="1[0-2]".*\} [05]$' "$T/metrics")" = 3 ]
	grep -qE '^ulogd_input_received_total\{.*group="12".*\} 5$' "$T/metrics"
	[ "$(group_counts received)" = "10=0 11=0 12=5" ]
	stop log
}

@test "a reload that asks for more groups loses nothing of those there were" {
	local i

	lanes_conf 10-11
	start_ulogd log
	"$CTL" rules --groups 10-11 | ns nft -f -
	ns nft add chain inet filter output '{ type filter hook output priority 0; }'
	ns nft add rule inet filter output udp dport 9-10 jump ulogd
	send_from "${CPUS[0]}" 9 50000 &
	for i in 12 11 13; do
		lanes_conf "10-$i"
		ctl reload
	done
	wait $!
	wait_for "all packets" has_lines "$T/log.txt" 50000
	counts=$(group_counts lost)
	stop log
	[ "$counts" = "10=0 11=0 12=0 13=0" ]
	[ "$(lines "$T/log.txt")" = 50000 ]
}

@test "a group that another process holds costs its lane only" {
	text_conf other 11
	start_ulogd other
	lanes_conf 10-12
	start_ulogd log
	grep -qE "unable to bind to log group 11: it is held by pid [0-9]+" "$T/log.log"
	ns nft -f - <<-'EOF'
	table inet filter {
		chain output {
			type filter hook output priority 0
			udp dport 9 log group 10 log group 11 log group 12
		}
	}
	EOF
	send_from "${CPUS[0]}" 9 5
	wait_for "the packets" has_lines "$T/log.txt" 10
	wait_for "those of the other" has_lines "$T/other.txt" 5
	stop log
	stop other
	[ "$(lines "$T/log.txt")" = 10 ]
}
