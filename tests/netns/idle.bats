# SPDX-License-Identifier: GPL-2.0-or-later
# What the daemon costs while it has nothing to do, and that the benchmark works.

load ../lib

setup() {
	require_netns
	require_ulogd
	ns_new NS
}

teardown() {
	cleanup
}

# not_sanitized - skip when the daemon was built with a sanitizer, whose threads and memory are not its own.
not_sanitized() {
	! ldd "$ULOGD" | grep -qE 'lib[at]san' || skip "means nothing in a sanitizer build"
}

# How often the threads of process PID have gone to sleep: sleeps PID.
sleeps() {
	cat /proc/"$1"/task/*/status | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'
}

@test "without packets no thread wakes up, before and after traffic" {
	local before pid

	not_sanitized
	text_conf log 1
	start_ulogd log
	nft_chain ip "output priority 0" 'udp dport 9 log prefix "idle" group 1'
	ns ip link set lo up
	pid=${PID[log]}
	# The first second after the start, and the timers of the last packet, may still run.
	for round in start traffic; do
		if [ "$round" = traffic ]; then
			ns bash -c 'for i in 1 2 3; do echo >/dev/udp/127.0.0.1/9; done'
			wait_for "three lines" has_lines "$T/log.txt" 3
		fi
		sleep 2
		before=$(sleeps "$pid")
		sleep 3
		[ "$(sleeps "$pid")" = "$before" ] || fail "threads woke up after $round"
	done
	stop log
}

@test "a busy lane lets packets gather, though the rule has each sent at once" {
	local before pid slept

	not_sanitized
	text_conf log 1
	start_ulogd log
	pid=${PID[log]}
	nft_chain ip "output priority 0" 'udp dport 9 log prefix "busy" group 1 queue-threshold 1 drop'
	before=$(sleeps "$pid")
	ns "$BUILDDIR/tests/bench/flood" -n 20000 -r 20000 >/dev/null
	wait_for "all lines" has_lines "$T/log.txt" 20000
	slept=$(($(sleeps "$pid") - before))
	stop log
	echo "# 20000 datagrams, the daemon's threads slept $slept times" >&3
	# Twice for each turn: the lane rests, and waits; the destination's thread once.
	[ "$slept" -lt 2000 ]
}

@test "the stack of a line needs less than 8 MiB of memory" {
	local kib pid

	not_sanitized
	text_conf log 1
	start_ulogd log
	pid=${PID[log]}
	kib=$(rss "$pid")
	[ "$kib" -lt 8192 ] || fail "$kib KiB"
	stop log
}

# rss PID - KiB of memory that it has.
rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

@test "memory does not grow with traffic" {
	local before after pid

	not_sanitized
	text_conf log 1
	start_ulogd log
	pid=${PID[log]}
	nft_chain ip "output priority 0" 'udp dport 9 log prefix "idle" group 1 drop'
	ns "$BUILDDIR/tests/bench/flood" -n 50000 -r 50000 -f 100 >/dev/null
	wait_for "the first lines" has_lines "$T/log.txt" 50000
	before=$(rss "$pid")
	ns "$BUILDDIR/tests/bench/flood" -n 250000 -r 50000 -f 10000 >/dev/null
	wait_for "all lines" has_lines "$T/log.txt" 300000
	after=$(rss "$pid")
	stop log
	echo "# $before KiB after 50000 packets, $after KiB after 300000" >&3
	# Chunks that a burst took are kept for the next one.
	[ "$after" -lt $((before + 1024)) ]
}

@test "the benchmark runs" {
	[ -x /usr/sbin/ulogd ] || skip "needs the distribution's ulogd2"
	not_sanitized
	run env TOP_BUILDDIR="$BUILDDIR" "$BATS_TEST_DIRNAME/../bench/bench" --quick --stack "LOGEMU sync=1"
	[ "$status" = 0 ] || fail "$output"
	[[ $output == *"ulogd2 / ours"* ]] || fail "$output"
}
