# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon ends and begins anew under load, and no event is lost: the sockets stay with the service manager.

load ../lib

setup() {
	require_netns
	require_ulogd
	grep -qs 'define HAVE_LIBSYSTEMD 1' "$BUILDDIR/config.h" || skip "needs libsystemd"
	ns_new NS
	tap_add tap0
}

teardown() {
	cleanup
}

# Run the daemon with log.conf under a stand-in for systemd, which do_manager tells what to do.
start_managed() {
	mkfifo "$T/manager.in"
	exec {MANAGER}<>"$T/manager.in"
	start manager python3 "$TESTS/tools/manager.py" "$ULOGD" --plugin-dir "$PLUGIN_DIR" -c "$T/log.conf" <"$T/manager.in"
	answers=0
	wait_answer
}

wait_answer() {
	answers=$((answers + 1))
	wait_for "answer $answers of the manager" has_lines "$T/manager.out" "$answers"
}

# do_manager restart|kill|end|start|stop - and wait until that is done.
do_manager() {
	echo "$1" >&"$MANAGER"
	if [ "$1" = stop ]; then
		wait_for "the end of the manager" process_gone "${PID[manager]}"
	else
		wait_answer
	fi
}

log_tap0() {
	nft_chain ip "prerouting priority raw" "iifname tap0 counter name seen log prefix \"flood\" group $1 drop"
}

# What the daemons have said about the group: counted received|lost, the sum of all of them.
counted() {
	grep -oE "group 7: [0-9]+ packets received, [0-9]+ lost" "$T/log.log" |
		awk -v what="$1" '{ sum += what == "received" ? $3 : $6 } END { print sum + 0 }'
}

@test "ten restarts by the service manager under load: nothing is lost" {
	local count=40000 i load

	text_conf log 7
	start_managed
	log_tap0 7
	numbered 0 "$count" 8000 | send_frames tap0 &
	load=$!
	for ((i = 0; i < 10; i++)); do
		during_load "$load"
		do_manager restart
	done
	wait "$load"
	wait_for "all lines" has_lines "$T/log.txt" "$count"
	do_manager stop
	numbers "$T/log.txt" | diff -q - <(seq 0 $((count - 1)))
	[ "$(counted lost)" = 0 ]
	[ "$(grep -c "taking over the socket of log group 7" "$T/log.log")" = 10 ]
	echo "# $count packets, 10 restarts, $(counted lost) lost" >&3
}

@test "ten reloads and ten restarts in turn under the service manager and load: nothing is lost, its store stays as it is" {
	local count=60000 i load

	[ -x "$BUILDDIR/src/ulogctl" ] || skip "needs ulogctl, which a build with jansson has"
	text_conf log 7
	start_managed
	log_tap0 7
	numbered 0 "$count" 8000 | send_frames tap0 &
	load=$!
	for ((i = 0; i < 10; i++)); do
		during_load "$load"
		# The input is another one each time, and takes the socket over.
		sed -i -E "/^netlink_qthreshold=/d; s/^group=7/&\nnetlink_qthreshold=$((i + 1))/" "$T/log.conf"
		"$BUILDDIR/src/ulogctl" -s "$T/log.ctl" reload
		do_manager restart
	done
	wait "$load"
	wait_for "all lines" has_lines "$T/log.txt" "$count"
	do_manager stop
	numbers "$T/log.txt" | diff -q - <(seq 0 $((count - 1)))
	[ "$(counted lost)" = 0 ]
	[ "$(grep -c "taking over the socket of log group 7" "$T/log.log")" = 20 ]
	echo "# $count packets, 10 reloads, 10 restarts, $(counted lost) lost" >&3
	[ "$(tail -n 1 "$T/manager.out" | awk '{ print $3 }')" -le 2 ]
}

@test "a daemon that is killed: the next one goes on with the socket" {
	local count=30000 i written

	text_conf log 7
	start_managed
	log_tap0 7
	numbered 0 "$count" 8000 | send_frames tap0 &
	for ((i = 0; i < 3; i++)); do
		do_manager kill
	done
	wait $!
	wait_for "the last line" sh -c "tail -n 1 '$T/log.txt' | grep -q 'ID=$(((count - 1) % 65536)) '"
	do_manager stop
	written=$(numbers "$T/log.txt" | sort -nu | wc -l)
	echo "# $count packets, 3 kills, $written written" >&3
	[ "$(numbers "$T/log.txt" | uniq -d | wc -l)" = 0 ]
	[ "$written" -ge $((count * 9 / 10)) ]
}

@test "what does not fit into the socket while no daemon runs is counted as lost by the next" {
	local count=20000

	text_conf log 7 netlink_socket_buffer_size=65536 netlink_socket_buffer_maxsize=65536
	start_managed
	log_tap0 7
	numbered 0 1 | send_frames tap0
	do_manager end
	numbered 1 "$count" | send_frames tap0
	do_manager start
	# The next packet shows the gap.
	numbered "$((count + 1))" 1 | send_frames tap0
	wait_for "the last line" sh -c "tail -n 1 '$T/log.txt' | grep -q 'ID=$((count + 1)) '"
	do_manager stop
	echo "# $(nft_seen) packets, $(counted received) received, $(counted lost) lost" >&3
	[ "$(counted lost)" -gt 0 ]
	[ $(($(counted received) + $(counted lost))) = $((count + 2)) ]
	[ "$(lines "$T/log.txt")" = "$(counted received)" ]
}

@test "a group that the configuration names no more is unbound" {
	text_conf log 7
	start_managed
	ns grep -q '^ *7 ' /proc/net/netfilter/nfnetlink_log
	text_conf log 8
	do_manager restart
	ns grep -q '^ *8 ' /proc/net/netfilter/nfnetlink_log
	! ns grep -q '^ *7 ' /proc/net/netfilter/nfnetlink_log || fail "the group is still bound"
	do_manager stop
	[ "$(tail -n 1 "$T/manager.out" | awk '{ print $3 }')" -le 4 ]
}

@test "who connects to UNIXSOCK while no daemon runs waits for the next one" {
	conf log <<-EOF
	stack=sock1:UNIXSOCK,base1:BASE,ip2str1:IP2STR,gp1:GPRINT
	[sock1]
	socket_path="$T/sock"
	[gp1]
	file="$T/log.txt"
	EOF
	start_managed
	do_manager end
	echo 45000024123400004011000001020304050607080001000200100000 |
		python3 "$TESTS/tools/frames_unixsock.py" frame --option 1=waits >"$T/message"
	start client python3 "$TESTS/tools/frames_unixsock.py" send "$T/sock" --hold <"$T/message"
	wait_for "the message to be sent" grep -q sent "$T/client.out"
	[ ! -s "$T/log.txt" ]
	do_manager start
	wait_for "the packet" grep -q 'oob.prefix=waits,.*ip.saddr=1.2.3.4' "$T/log.txt"
	do_manager stop
	grep -q "taking over the socket '$T/sock'" "$T/log.log"
}

@test "families that were bound have their loggers back, after a stop and after a kill" {
	ns cat /proc/net/netfilter/nf_log >"$T/before"
	text_conf log 0
	start_managed
	ns grep -q '^ *2 nfnetlink_log' /proc/net/netfilter/nf_log
	do_manager kill
	ns grep -q '^ *2 nfnetlink_log' /proc/net/netfilter/nf_log
	do_manager stop
	ns cat /proc/net/netfilter/nf_log | diff -u "$T/before" -
}
