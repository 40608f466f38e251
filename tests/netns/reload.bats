# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon reads its configuration anew, or begins anew by itself, under load, and no event is lost.

load ../lib

setup() {
	require_netns
	require_ulogd
	require_ulogctl
	ns_new NS
	tap_add tap0
}

teardown() {
	cleanup
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
	local count=40000 i load

	reload_conf "$T/out0.txt"
	start_ulogd log
	log_tap0
	numbered 0 "$count" 8000 | send_frames tap0 &
	wait_for "the first lines" has_lines "$T/out0.txt" 1
	load=$!
	for ((i = 1; i <= 10; i++)); do
		during_load "$load"
		reload_conf "$T/out$((i / 2)).txt" "netlink_qthreshold=$((1 + (i + 1) / 2))"
		ctl reload
	done
	wait "$load"
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
	local count=40000 i load

	reload_conf "$T/out.txt"
	start_ulogd log
	log_tap0
	numbered 0 "$count" 8000 | send_frames tap0 &
	load=$!
	for ((i = 0; i < 10; i++)); do
		during_load "$load"
		ctl restart
	done
	wait "$load"
	wait_for "all lines" all_lines "$count"
	stop log
	[ "$status" = 0 ]
	numbers "$T/out.txt" | diff -q - <(seq 0 $((count - 1)))
	echo "# $count packets, 10 restarts, $(lost) lost" >&3
	[ "$(lost)" = 0 ]
	[ "$(grep -c 'taking over the socket of log group 7' "$T/log.log")" = 10 ]
}

# --- options of outputs that stay -------------------------------------------------------------------

# outputs_conf [LINE...] - write log.conf: group 7 to out.txt, each LINE an option of the output.
outputs_conf() {
	reload_conf "$T/out.txt"
	[ $# = 0 ] || sed -i "/^sync=1/a $(printf '%s\\n' "$@")" "$T/log.conf"
}

# metric NAME [FILE] - print what the metrics say of the destination FILE.
metric() {
	ctl metrics --prometheus | grep -F "ulogd_destination_$1{destination=\"${2:-$T/out.txt}\"}" | awk '{ print $2 }'
}

# file_is_open FILE - print the inode that the daemon has open under this name.
file_is_open() {
	find "/proc/${PID[log]}/fd" -lname "$1" -exec stat -L -c %i {} +
}

@test "options of an output that stays hold after a reload under load: nothing is lost, no line is torn" {
	local count=40000 inode

	outputs_conf
	start_ulogd log
	log_tap0
	inode=$(file_is_open "$T/out.txt")
	[ "$(metric queue_size)" = 8388608 ]
	numbered 0 "$count" 8000 | send_frames tap0 &
	wait_for "the first lines" has_lines "$T/out.txt" 100
	outputs_conf queue_size=1048576 queue_full=wait fsync=batch file_mode=0604
	ctl reload
	[ "$(metric queue_size)" = 1048576 ]
	# The file is the same one, and open.
	[ "$(file_is_open "$T/out.txt")" = "$inode" ]
	[ "$(stat -c %i "$T/out.txt")" = "$inode" ]
	outputs_conf queue_size=4194304 rotate_size=200k rotate_keep=99 file_mode=0604
	ctl reload
	[ "$(metric queue_size)" = 4194304 ]
	wait_for "the third file" test -e "$T/out.txt.2"
	outputs_conf
	ctl reload
	[ "$(metric queue_size)" = 8388608 ]
	wait $!
	wait_for "all lines" lines_of_files "$count"
	stop log
	[ "$status" = 0 ]
	# Made when the mode was asked for; the first one was not.
	[ "$(stat -c %a "$T/out.txt.1")" = 604 ]
	# In the order they were written in, nothing else in between.
	find "$T" -name 'out.txt.*' -printf '%f\n' | sort -t. -k3,3nr >"$T/files"
	(cd "$T" && xargs cat <files && cat out.txt) >"$T/all"
	numbers "$T/all" | diff -q - <(seq 0 $((count - 1)))
	[ "$(lines "$T/all")" = "$count" ]
	echo "# $count packets, 3 reloads, $(lines "$T/files") old files, $(lost) lost" >&3
	[ "$(lost)" = 0 ]
	[ "$(grep -c "out.txt: .* records written" "$T/log.log")" = 1 ]
}

# lines_of_files COUNT - out.txt and its old files have COUNT lines.
lines_of_files() {
	[ "$(find "$T" -name 'out.txt*' -exec cat {} + | wc -l)" -ge "$1" ]
}

@test "a reload that fails changes no option" {
	outputs_conf
	start_ulogd log
	outputs_conf queue_size=1048576
	sed -i "s|^\[emu1\]|stack=log1:NFLOG,xml1:XML\n&|" "$T/log.conf"
	printf '[xml1]\ndirectory="%s"\n' "$T/nowhere" >>"$T/log.conf"
	! ctl reload 2>"$T/said" || fail "that should have failed"
	grep -q 'nowhere' "$T/said"
	[ "$(metric queue_size)" = 8388608 ]
	log_tap0
	numbered 0 100 | send_frames tap0
	wait_for "the lines" has_lines "$T/out.txt" 100
}

@test "outputs that say different things about one destination are warned of, and the first counts" {
	local ours theirs

	outputs_conf queue_size=1048576
	sed -i "s|^\[emu1\]|stack=log1:NFLOG,$TEXT_FILTERS,emu2:LOGEMU\n&|" "$T/log.conf"
	printf '[emu2]\nfile="%s"\nqueue_size=2097152\n' "$T/out.txt" >>"$T/log.conf"
	theirs=$T/log.conf:$(grep -n '^queue_size=2097152' "$T/log.conf" | cut -d: -f1)
	ours=$T/log.conf:$(grep -n '^queue_size=1048576' "$T/log.conf" | cut -d: -f1)
	start_ulogd log
	grep -qF "$theirs: emu2: queue_size: emu1 writes to $T/out.txt, too, and its value counts, from $ours" "$T/log.log"
	[ "$(grep -c 'its value counts' "$T/log.log")" = 1 ]
	[ "$(metric queue_size)" = 1048576 ]
	# Without the first one it is the other's.
	sed -i '/emu1:LOGEMU/d' "$T/log.conf"
	ctl reload
	[ "$(metric queue_size)" = 2097152 ]
	[ "$(grep -c 'its value counts' "$T/log.log")" = 1 ]
}

# captured FILE COUNT - the capture FILE has COUNT packets.
captured() {
	[ "$(tcpdump -r "$1" 2>/dev/null | wc -l)" = "$2" ]
}

@test "a file that is in use does not get records of another format by a reload" {
	require tcpdump
	{
		printf 'control_socket="%s"\nstack=log1:NFLOG,pcap1:PCAP\n' "$T/ulogd.sock"
		printf '[log1]\ngroup=7\n[pcap1]\nfile="%s"\nsync=1\n' "$T/out.pcap"
	} | conf log
	start_ulogd log
	log_tap0
	echo nanoseconds=1 >>"$T/log.conf"
	! ctl reload 2>"$T/said" || fail "that should have failed"
	grep -qF "cannot write to $T/out.pcap: it is written in another format" "$T/said"
	numbered 0 100 | send_frames tap0
	wait_for "100 packets" captured "$T/out.pcap" 100
	ctl restart
	numbered 0 100 | send_frames tap0
	wait_for "100 packets" captured "$T/out.pcap" 100
	captured "$T/out.pcap.1" 100
	stop log
	[ "$status" = 0 ]
}

# --- what cannot be opened --------------------------------------------------------------------------

# second_input - add group 8 to log.conf, to second.txt.
second_input() {
	sed -i "s|^\[emu1\]|stack=log2:NFLOG,$TEXT_FILTERS,emu2:LOGEMU\n&|" "$T/log.conf"
	printf '[log2]\ngroup=8\n[emu2]\nfile="%s"\nsync=1\n' "$T/second.txt" >>"$T/log.conf"
}

@test "an input that a reload cannot open is an error with its reason, and tried again by the next one" {
	local status=0

	# Somebody else has group 8.
	text_conf other 8
	start_ulogd other
	outputs_conf
	start_ulogd log
	log_tap0
	second_input
	ctl reload 2>"$T/said" || status=$?
	[ "$status" = 1 ]
	grep -q 'ulogctl: the configuration is in use, but not all of it works' "$T/said"
	grep -q "log2 (NFLOG): .*group 8: it is held by pid ${PID[other]} (ulogd)" "$T/said"
	grep -q "log.conf is in use, but for what could not be opened, stacks: 1; it is tried again at the next reload" \
		"$T/log.log"
	# The other input goes on.
	numbered 0 100 | send_frames tap0
	wait_for "the lines" has_lines "$T/out.txt" 100
	# As long as it is held that is so.
	status=0
	ctl reload 2>"$T/said" || status=$?
	[ "$status" = 1 ]
	grep -q 'group 8: it is held' "$T/said"
	stop other
	ctl reload
	ns grep -q '^ *8 ' /proc/net/netfilter/nfnetlink_log
	ctl status | grep -q second.txt
	numbered 100 100 | send_frames tap0
	wait_for "the lines" has_lines "$T/out.txt" 200
	stop log
	[ "$status" = 0 ]
}

@test "an input whose options a reload changes, and which cannot be opened then, is an error and tried again" {
	local status=0

	outputs_conf
	second_input
	start_ulogd log
	text_conf other 9
	start_ulogd other
	sed -i 's/^group=8/group=9/' "$T/log.conf"
	ctl reload 2>"$T/said" || status=$?
	[ "$status" = 1 ]
	grep -q "log2 (NFLOG): .*group 9: it is held by pid ${PID[other]} (ulogd)" "$T/said"
	! ns grep -q '^ *8 ' /proc/net/netfilter/nfnetlink_log || fail "that should have failed"
	stop other
	ctl reload
	ns grep -q '^ *9 ' /proc/net/netfilter/nfnetlink_log
}

@test "a reload that fails leaves the log, its level and the sockets as they were" {
	local i

	outputs_conf
	start_ulogd log
	log_tap0
	cp "$T/log.conf" "$T/good.conf"
	for i in 1 2 3; do
		# The output can only be refused when it is opened.
		sed -e "s|^logfile=.*|logfile=\"$T/other.log\"|" -e 's/^loglevel=.*/loglevel=8/' \
			-e "s|^control_socket=.*|control_socket=\"$T/other.sock\"|" \
			-e "s|^file=.*|file=\"$T/nowhere/out.txt\"|" "$T/good.conf" >"$T/log.conf"
		! ctl reload 2>"$T/said" || fail "that should have failed"
		grep -q 'nowhere/out.txt' "$T/said"
		grep -q '^ulogctl: nothing has changed$' "$T/said"
	done
	[ ! -e "$T/other.sock" ]
	cp "$T/good.conf" "$T/log.conf"
	ctl reload
	ctl reload
	[ "$(grep -c 'log.conf is in use' "$T/log.log")" = 2 ]
	[ "$(grep -c 'all goes on as before' "$T/log.log")" = 3 ]
	numbered 0 100 | send_frames tap0
	wait_for "the lines" has_lines "$T/out.txt" 100
	stop log
	[ "$status" = 0 ]
	grep -q 'Terminal signal received' "$T/log.log"
}
