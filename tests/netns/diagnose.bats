# SPDX-License-Identifier: GPL-2.0-or-later
# ulogd --diagnose: what does not fit between configuration, kernel and rules is found and said.

load ../lib
load ../cli/cli

setup() {
	require_netns
	require_ulogd
	ns_new NS
	text_conf log 5
}

teardown() {
	cleanup
}

# diagnose [COMMAND...] - diagnose log.conf in $NS, under COMMAND; what it prints is in $output and $stderr.
diagnose() {
	status=0
	ns "$@" "$ULOGD" --plugin-dir "$PLUGIN_DIR" -c "$T/log.conf" --diagnose >"$T/run.out" 2>"$T/run.err" 3>&- ||
		status=$?
	output=$(cat "$T/run.out")
	stderr=$(cat "$T/run.err")
}

# finds TEXT... - diagnose, and fail unless that ends with status 1 and the findings contain each TEXT.
finds() {
	diagnose
	[ "$status" = 1 ] || fail "it ended with $status:" "$output"
	found "$@"
}

# found TEXT... - fail unless the findings of the last diagnosis contain each TEXT.
found() {
	local text

	for text; do
		sed -n '/^Findings:/,/^Advice:/p' "$T/run.out" | grep -qF -- "$text" ||
			fail "no finding '$text':" "$output" "$stderr" || return 1
	done
}

# advises TEXT - fail unless the advice of the last diagnosis contains TEXT.
advises() {
	sed -n '/^Advice:/,$p' "$T/run.out" | grep -qF -- "$1" || fail "no advice '$1':" "$output"
}

# lacks TEXT... - fail if the last diagnosis contains one of these.
lacks() {
	local text

	for text; do
		[[ $output != *"$text"* ]] || fail "it has '$text':" "$output" || return 1
	done
}

# fits [TEXT] - diagnose, and fail unless everything fits, and TEXT is in its last line.
fits() {
	diagnose
	[ "$status" = 0 ] || fail "it ended with $status:" "$output" "$stderr"
	[ -z "$stderr" ] || fail "$stderr"
	[[ $(tail -n 1 "$T/run.out") == "Everything fits; "*"${1:-}"* ]] || fail "it does not fit:" "$output"
}

# fitting_rule - let a rule that counts send to group 5, and show it a packet.
fitting_rule() {
	nft_chain ip "output priority 0" 'udp dport 9 counter log prefix "fit" group 5'
	send_udp 0 4000 127.0.0.1 9 packet
}

# hold GROUP - bind GROUP by another program; it is there when this returns.
hold() {
	conf holder <<-END
		stack=other1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
		[other1]
		group=$1
		[emu1]
		file="$T/holder.txt"
	END
	start_ulogd holder
}

@test "everything fits: the daemon runs, has the group, and a rule sends to it" {
	start_ulogd log
	fitting_rule
	fits "1 packets seen by the rules."
	prints "Daemon: pid ${PID[log]} runs with this configuration" \
		"group 5     log1 (NFLOG), $T/log.conf:7" \
		"group 5     the running daemon, pid ${PID[log]} (ulogd)" \
		"IPv4    nf_log_ipv4" \
		'group 5     nft ip t on_output, handle' 'prefix "fit", 1 packets seen'
	lacks "Findings:" "Advice:"
}

@test "rules without a counter fit, and the last line says that they count nothing" {
	start_ulogd log
	nft_chain ip "output priority 0" 'log group 5'
	fits "the rules have no counters"
}

@test "a diagnosis changes nothing: it binds no group and disturbs no daemon" {
	start_ulogd log
	fitting_rule
	ns cat /proc/net/netfilter/nfnetlink_log /proc/net/netfilter/nf_log >"$T/before"
	ns nft list ruleset >>"$T/before"
	fits
	ns cat /proc/net/netfilter/nfnetlink_log /proc/net/netfilter/nf_log >"$T/after"
	ns nft list ruleset >>"$T/after"
	# Which packets are being gathered may change meanwhile.
	diff <(awk '{ $3 = $7 = "" } 1' "$T/before") <(awk '{ $3 = $7 = "" } 1' "$T/after")
	stop log
	[ "$status" = 0 ]
}

@test "a daemon whose program has been replaced is still ours" {
	local built=$ULOGD

	cp "$built" "$T/ulogd"
	ULOGD=$T/ulogd
	start_ulogd log
	fitting_rule
	cp "$built" "$T/ulogd.new"
	mv "$T/ulogd.new" "$T/ulogd"
	fits
	prints "Daemon: pid ${PID[log]} runs with this configuration"
}

@test "a daemon that was started with a relative name of its configuration is ours" {
	cd "$T"
	start log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -clog.conf </dev/null
	wait_for "the daemon" initialized log
	fitting_rule
	fits
	prints "Daemon: pid ${PID[log]} runs with this configuration"
	stop log
	ns "$ULOGD" --plugin-dir "$PLUGIN_DIR" --configfile log.conf -p "$T/log.pid" -d
	PID[log]=$(cat "$T/log.pid")
	fits
	prints "Daemon: pid ${PID[log]} runs with this configuration"
	kill "${PID[log]}"
	wait_for "the end of the daemon" process_gone "${PID[log]}"
	unset "PID[log]"
}

@test "without a daemon nobody listens" {
	fitting_rule
	finds "no ulogd runs with the configuration $T/log.conf" "To do: start it"
	prints "Daemon: none runs with this configuration"
}

@test "a daemon with another configuration is not ours" {
	hold 6
	fitting_rule
	finds "no ulogd runs with the configuration $T/log.conf"
	prints "(ulogd); not in this configuration"
}

@test "no rule sends to the group" {
	start_ulogd log
	finds "group 5 is wanted by log1 (NFLOG, $T/log.conf:7), but no rule sends to it" \
		'`log group 5` in nft, `-j NFLOG --nflog-group 5` in iptables'
}

@test "a rule names the group in its prefix" {
	start_ulogd log
	nft_chain ip "output priority 0" 'log prefix "5" group 0'
	finds "no rule sends to it; one rule sends to group 0 with prefix \"5\": nft ip t on_output, handle" \
		"group 0 receives from 1 rule, but nobody listens"
}

@test "rules send to a group that nobody listens to" {
	start_ulogd log
	fitting_rule
	nft_chain ip6 "output priority 0" 'log group 3' 'log group 3'
	finds "group 3 receives from 2 rules, but nobody listens" "add a stack whose input has group=3"
	lacks "wanted by"
}

@test "rules of a group that somebody else listens to are fine" {
	start_ulogd log
	fitting_rule
	nft_chain ip6 "output priority 0" 'log group 3'
	hold 3
	fits
	prints "not in this configuration"
}

@test "another process holds the group" {
	hold 5
	fitting_rule
	finds "group 5 is held by pid ${PID[holder]} (ulogd): log1 (NFLOG, $T/log.conf:7) cannot have it"
}

@test "the daemon runs with an older configuration" {
	start_ulogd log
	sed -i 's/group=5/group=6/' "$T/log.conf"
	nft_chain ip "output priority 0" 'log group 6'
	finds "the running daemon has group 5, which the configuration does not want" \
		"the daemon, pid ${PID[log]}, runs, but has not bound group 6 for log1"
}

@test "rules log without a group" {
	start_ulogd log
	nft_chain ip "output priority 0" 'log prefix "k"' 'log level info flags all'
	finds "2 rules log without a group: ulogd sees nothing of them, they go to the kernel's log" \
		"unless net.netfilter.nf_log_all_netns is 1"
	prints 'kernel log  nft ip t on_output, handle'
}

@test "rules that log without a group beside rules that fit are mentioned only" {
	start_ulogd log
	fitting_rule
	nft_chain ip6 "output priority 0" 'log prefix "k"'
	diagnose
	[ "$status" = 0 ] || fail "$output"
	advises "1 rule logs without a group"
}

@test "rules for the audit log are left alone" {
	start_ulogd log
	fitting_rule
	nft_chain ip6 "output priority 0" 'log level audit'
	fits
	lacks "Advice:"
}

@test "two inputs want the same group" {
	conf log <<-END
		stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
		stack=log2:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
		[log1]
		group=5
		[log2]
		group=5
		[emu1]
		file="$T/log.txt"
	END
	fitting_rule
	finds "group 5 is wanted by log1 (NFLOG, $T/log.conf:8) and by log2 (NFLOG, $T/log.conf:10), but only one" \
		"begin both stacks with the same input, log1:NFLOG"
}

@test "the rules of the group have seen no packet" {
	start_ulogd log
	nft_chain ip "output priority 0" 'udp dport 9 counter log group 5' 'udp dport 10 log group 5 counter'
	finds "2 rules send to group 5, wanted by log1 (NFLOG, $T/log.conf:7), but they have seen 0 packets"
	send_udp 0 4000 127.0.0.1 9 packet
	fits "1 packets seen"
}

@test "a rule without a counter may have seen packets" {
	start_ulogd log
	nft_chain ip "output priority 0" 'udp dport 9 counter log group 5' 'udp dport 9 log group 5'
	fits "0 packets seen by the rules that have counters"
}

@test "a chain without a hook that nothing jumps to is never reached" {
	start_ulogd log
	ns nft -f - <<-END
		table ip t {
		chain lonely {
		log group 5
		}
		}
	END
	finds "a rule is never reached, as its chain has no hook and no rule jumps there: nft ip t lonely, handle"
	nft_chain ip "output priority 0" 'jump lonely'
	fits
}

@test "the rule is in another namespace than the daemon" {
	local other

	start_ulogd log
	ns_new other
	ip netns exec "$other" nft -f - <<-END
		table ip t {
		chain c {
		type filter hook output priority 0
		log group 5
		}
		}
	END
	finds "1 rule sends to group 5 in /run/netns/$other, but log1 (NFLOG, $T/log.conf:7) listens in its own" \
		"set network_namespace_path=\"/run/netns/$other\" in [log1]"
}

@test "a group in a namespace of its own is looked for there" {
	local other

	ns_new other
	text_conf log 5 "network_namespace_path=\"/run/netns/$other\""
	start_ulogd log
	finds "group 5 is wanted by log1 (NFLOG, $T/log.conf:7), but no rule in /run/netns/$other sends to it"
	ip netns exec "$other" nft -f - <<-END
		table ip t {
		chain c {
		type filter hook output priority 0
		log group 5
		}
		}
	END
	fits
	prints "Network namespace: /run/netns/$other" "group 5     the running daemon, pid ${PID[log]}"
}

@test "a namespace that is not there is said" {
	text_conf log 5 'network_namespace_path="/run/netns/ulogd-test-nowhere"'
	finds "the network namespace /run/netns/ulogd-test-nowhere cannot be entered: No such file or directory"
}

@test "a daemon in another namespace is diagnosed where it is" {
	local home=$NS

	start_ulogd log
	fitting_rule
	ns_new NS
	diagnose
	[ "$status" = 0 ] || fail "$output"
	prints "Network namespace: /proc/${PID[log]}/ns/net" "prefix \"fit\", 1 packets seen"
	advises "the daemon, pid ${PID[log]}, runs in another network namespace than this command"
	NS=$home ns nft flush ruleset
	nft_chain ip "output priority 0" 'log group 5'
	finds "1 rule sends to group 5 in the namespace of this command, but log1"
}

@test "a rule copies too little of packets that are decoded" {
	start_ulogd log
	nft_chain ip "output priority 0" 'log group 5 snaplen 20'
	finds "a rule gives group 5 only 20 bytes of each packet, too few for addresses and ports, which base1 (BASE)"
}

@test "the input copies too little of packets that are decoded" {
	text_conf log 5 "snaplen=0"
	start_ulogd log
	fitting_rule
	finds "copies 0 bytes of each packet, too few for addresses and ports, which base1 (BASE) reads"
	prints "$T/log.conf:7, snaplen=0"
}

@test "a threshold of one packet is slow" {
	text_conf log 5 "netlink_qthreshold=1"
	start_ulogd log
	fitting_rule
	nft_chain ip6 "output priority 0" 'log group 5 queue-threshold 1'
	diagnose
	[ "$status" = 0 ] || fail "$output"
	advises "a rule has each packet sent at once, with all that has gathered: nft ip6 t on_output, handle"
	advises "has the kernel wake it up for each packet: netlink_qthreshold=1"
}

@test "a daemon that is too slow has had packets dropped" {
	text_conf log 5 netlink_socket_buffer_size=1 netlink_socket_buffer_maxsize=0
	start_ulogd log
	nft_chain ip "output priority 0" 'udp dport 9 counter log group 5 queue-threshold 1'
	kill -STOP "${PID[log]}"
	for ((port = 4000; port < 4020; port++)); do
		send_udp 0 "$port" 127.0.0.1 9 packet
	done
	diagnose
	kill -CONT "${PID[log]}"
	[ "$status" = 0 ] || fail "$output"
	grep -qE ' [1-9][0-9]* bytes wait to be read, [1-9][0-9]* datagrams dropped' "$T/run.out" || fail "$output"
	advises "datagrams for group 5 were dropped, as log1 (NFLOG, $T/log.conf:7) was too slow"
}

@test "what names no group goes to group 0, and nobody listens there" {
	start_ulogd log
	fitting_rule
	ns sh -c 'echo nfnetlink_log >/proc/sys/net/netfilter/nf_log/2'
	diagnose
	[ "$status" = 0 ] || fail "$output"
	prints "IPv4    nfnetlink_log"
	advises "IPv4 is bound to nfnetlink_log, so what names no group"
}

@test "group 0 needs no rule while the kernel reports invalid packets there" {
	[ -e /proc/sys/net/netfilter/nf_conntrack_log_invalid ] || skip "needs connection tracking"
	text_conf log 0
	start_ulogd log
	finds "group 0 is wanted by log1 (NFLOG, $T/log.conf:7), but no rule sends to it"
	ns sh -c 'echo 255 >/proc/sys/net/netfilter/nf_conntrack_log_invalid'
	fits
}

@test "rules of iptables in nft tables are listed once" {
	require iptables-nft
	start_ulogd log
	ns iptables-nft -A OUTPUT -p udp --dport 9 -j NFLOG --nflog-group 5 --nflog-prefix "ipt"
	send_udp 0 4000 127.0.0.1 9 packet
	fits "1 packets seen by the rules."
	[ "$(grep -c 'prefix "ipt"' "$T/run.out")" = 1 ] || fail "$output"
}

@test "extensions of iptables and ebtables that nft cannot show are listed all the same" {
	require iptables-nft ebtables-nft
	start_ulogd log
	fitting_rule
	ns iptables-nft -A INPUT -j NFLOG --nflog-group 5 --nflog-prefix "ipt"
	ns iptables-nft -A INPUT -j LOG --log-prefix "ipl"
	ns ebtables-nft -A INPUT --nflog-group 7 --nflog-prefix "ebt" -j CONTINUE
	finds "group 7 receives from 1 rule, but nobody listens"
	prints 'group 5     iptables-nft filter INPUT, rule 1, prefix "ipt"' \
		'kernel log  iptables-nft filter INPUT, rule 2, prefix "ipl"' \
		'group 7     ebtables-nft filter INPUT, rule 1, prefix "ebt", queue-threshold 1'
	[ "$(grep -c 'prefix "ipt"' "$T/run.out")" = 1 ] || fail "$output"
	lacks "unknown  "
}

@test "rules of an old iptables are listed" {
	require iptables-legacy ip6tables-legacy
	ns iptables-legacy -A OUTPUT -p udp --dport 9 -j NFLOG --nflog-group 5 --nflog-prefix "le g" ||
		skip "needs a kernel with the old iptables"
	start_ulogd log
	ns iptables-legacy -A OUTPUT -j LOG
	ns ip6tables-legacy -A OUTPUT -j NFLOG --nflog-size 64 --nflog-threshold 3
	send_udp 0 4000 127.0.0.1 9 packet
	finds "group 0 receives from 1 rule, but nobody listens"
	prints 'group 5     iptables-legacy filter OUTPUT, rule 1, prefix "le g", 1 packets seen' \
		'kernel log  iptables-legacy filter OUTPUT, rule 2' \
		'group 0     ip6tables-legacy filter OUTPUT, rule 1, snaplen 64, queue-threshold 3'
	lacks "cannot list"
}

# with_tool FILE - diagnose where the program FILE is the script on stdin; that ends with status 1.
with_tool() {
	cat >"$T/tool"
	chmod 755 "$T/tool"
	# shellcheck disable=SC2016  # for the inner shell
	diagnose unshare -m sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$T/tool" "$(readlink -f "$1")"
	[ "$status" = 1 ] || fail "it ended with $status:" "$output" "$stderr"
}

@test "a tool that fails, crashes or talks rubbish is said, with its words made printable" {
	local iptables

	require iptables-nft-save unshare
	iptables=$(command -v iptables-nft-save)
	start_ulogd log
	fitting_rule
	ns iptables-nft -A INPUT -j LOG
	with_tool "$iptables" <<<$'#!/bin/sh\nprintf "no \\033[2Jluck\\nmore\\n" >&2\nexit 3'
	found 'cannot list the rules of iptables-nft: no \x1b[2Jluck'
	prints "unknown     nft ip filter INPUT, handle"
	with_tool "$iptables" <<<$'#!/bin/sh\nkill -SEGV $$'
	found 'cannot list the rules of iptables-nft: it crashed'
	with_tool "$iptables" <<<$'#!/bin/sh\nexit 1'
	found 'cannot list the rules of iptables-nft: it failed and did not say why'
	with_tool "$iptables" <<<$'#!/bin/sh\necho rubbish\necho "*filter"\necho "-A INPUT -j NFLOG --nflog-group x"'
	found 'some of what they say was not understood'
	with_tool "$iptables" <<<$'#!/bin/sh\nyes 1234567890123456789012345678901234567890123456789012345678901234'
	found 'cannot list the rules of iptables-nft: it said too much'
}

@test "rules for ULOG are named as gone" {
	require iptables-nft iptables-nft-save unshare
	start_ulogd log
	fitting_rule
	ns iptables-nft -A INPUT -j LOG
	with_tool "$(command -v iptables-nft-save)" <<-'END'
		#!/bin/sh
		echo '*filter'
		echo '[3:90] -A INPUT -j ULOG --ulog-nlgroup 2 --ulog-prefix gone'
	END
	found "1 rule logs to ULOG, which Linux 3.17 removed" "write -j NFLOG --nflog-group N instead"
	prints 'ULOG        iptables-nft filter INPUT, rule 1, prefix "gone", 3 packets seen'
}

@test "without libnftables it says so" {
	local library

	require unshare iptables-nft iptables-nft-save
	library=$(/sbin/ldconfig -p | awk '$1 == "libnftables.so.1" { print $NF; exit }')
	[ -n "$library" ] || skip "needs libnftables"
	start_ulogd log
	ns iptables-nft -A OUTPUT -j NFLOG --nflog-group 5 --nflog-prefix "ipt"
	with_tool "$library" <<<"no library"
	prints 'group 5     iptables-nft filter OUTPUT, rule 1, prefix "ipt"'
	found "rules may be missing from this report: cannot list the rules of nft: " "libnftables.so.1: " \
		"install the tool that is missing"
}

@test "without privileges it says what it cannot see" {
	as_nobody cat "$T/log.conf" >/dev/null 2>&1 || nobody_writes "$T"
	chmod -R o+rX "$T"
	fitting_rule
	diagnose setpriv --reuid "$UNPRIVILEGED" --regid "$UNPRIVILEGED" --clear-groups
	[ "$status" = 1 ] || fail "$output"
	found "this command lacks CAP_NET_ADMIN" "run ulogd --diagnose as root" \
		"cannot list the rules of nft: Operation not permitted" \
		"who has bound which group cannot be read: Permission denied" \
		"no rule that can be seen sends to it"
}

@test "a configuration with errors is diagnosed as far as it goes" {
	echo 'nonsense=1' >>"$T/log.conf"
	finds "the configuration has errors, so the daemon does not start with it"
	says "nonsense"
	prints "group 5     log1 (NFLOG)"
	echo 'nothing' >"$T/log.conf"
	finds "the configuration has errors" "no stack begins with an input that reads a log group"
	rm "$T/log.conf"
	finds "the configuration has errors"
	says "unable to read configfile"
}

@test "text of rules cannot play with the terminal" {
	start_ulogd log
	fitting_rule
	ns nft -f - <<<"add rule ip t on_output log prefix \"$(printf '\033[2J')\" group 5"
	diagnose
	prints 'prefix "\x1b[2J"'
}
