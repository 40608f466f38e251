# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon reads its configuration anew, or begins anew by itself, under load, and no event is lost.

load ../lib

setup() {
	require_netns
	require_ulogd
	CTL=$BUILDDIR/src/ulogctl
	[ -x "$CTL" ] || skip "needs $CTL, which a build with jansson has"
	ns_new NS
	tap_add tap0
}

teardown() {
	cleanup
}

ctl() {
	"$CTL" -s "$T/ulogd.sock" "$@"
}

# reload_conf OUTPUT_FILE [INPUT_LINE...] - write log.conf.
reload_conf() {
	local file=$1

	shift
	{
		printf 'control_socket="%s"\n' "$T/ulogd.sock"
		printf 'stack=log1:NFLOG,%s,emu1:LOGEMU\n' "$TEXT_FILTERS"
		printf '[emu1]\nfile="%s"\nsync=1\n' "$file"
		printf '[log1]\ngroup=7\n'
		[ $# = 0 ] || printf '%s\n' "$@"
	} | conf log
}

log_tap0() {
	nft_chain ip "prerouting priority raw" "iifname tap0 counter name seen log prefix \"flood\" group 7 drop"
}

# all_lines COUNT - the files of the test have COUNT lines together.
all_lines() {
	[ "$(cat "$T"/out*.txt | wc -l)" -ge "$1" ]
}

# lost - what the inputs have counted as lost, all together.
lost() {
	grep -oE "group 7: [0-9]+ packets received, [0-9]+ lost" "$T/log.log" | awk '{ sum += $6 } END { print sum + 0 }'
}

@test "ten reloads under load that change the output and the input in turn: nothing is lost" {
	local count=40000 i

	reload_conf "$T/out0.txt"
	start_ulogd log
	log_tap0
	numbered 0 "$count" 8000 | send_frames tap0 &
	wait_for "the first lines" has_lines "$T/out0.txt" 1
	for ((i = 1; i <= 10; i++)); do
		reload_conf "$T/out$((i / 2)).txt" "netlink_qthreshold=$((1 + (i + 1) / 2))"
		ctl reload
	done
	wait $!
	wait_for "all lines" all_lines "$count"
	stop log
	[ "$status" = 0 ]
	[ "$(lines "$T/out0.txt")" -gt 0 ]
	[ "$(cat "$T"/out[1-5].txt | wc -l)" -gt 0 ]
	cat "$T"/out?.txt | numbers | sort -n | diff -q - <(seq 0 $((count - 1)))
	echo "# $count packets, 10 reloads, $(lost) lost" >&3
	[ "$(lost)" = 0 ]
	[ "$(grep -c 'log.conf is in use' "$T/log.log")" = 10 ]
}

@test "ten restarts by ulogctl under load: nothing is lost" {
	local count=40000 i

	reload_conf "$T/out.txt"
	start_ulogd log
	log_tap0
	numbered 0 "$count" 8000 | send_frames tap0 &
	for ((i = 0; i < 10; i++)); do
		ctl restart
	done
	wait $!
	wait_for "all lines" all_lines "$count"
	stop log
	[ "$status" = 0 ]
	numbers "$T/out.txt" | diff -q - <(seq 0 $((count - 1)))
	echo "# $count packets, 10 restarts, $(lost) lost" >&3
	[ "$(lost)" = 0 ]
	[ "$(grep -c 'taking over the socket of log group 7' "$T/log.log")" = 10 ]
}
