# SPDX-License-Identifier: GPL-2.0-or-later
# Files under load: opened again, renamed, rotated, on a disk that is full.  Packets have numbers that the kernel gives
# them, so that each of them can be missed.

load ../lib

setup() {
	require_netns
	require_ulogd
	[ -x "$TOOLS/../bench/flood" ] || skip "needs $TOOLS/../bench/flood"
	ns_new NS
	mounted=
}

teardown() {
	cleanup
	[ -z "$mounted" ] || umount -l "$mounted"
}

# Print COUNT, or a tenth of it in a sanitizer build, which needs ten times as long: scaled COUNT.
scaled() {
	if ldd "$ULOGD" | grep -qE 'lib[at]san'; then
		echo $(($1 / 10))
	else
		echo "$1"
	fi
}

# Write log.conf: numbered packets of group 7 as lines of FILE, each LINE an option of the output: seq_conf FILE [LINE...].
seq_conf() {
	conf log <<-EOF
	stack=log1:NFLOG,base1:BASE,gp1:GPRINT
	[log1]
	group=7
	seq_local=1
	# More than a test sends before it waits.
	netlink_socket_buffer_size=268435456
	netlink_socket_buffer_maxsize=268435456
	[gp1]
	file="$1"
	sync=1
	$(printf '%s\n' "${@:2}")
	EOF
}

start_logging() {
	start_ulogd log
	nft_chain ip "output priority 0" 'udp dport 9 counter name seen log group 7 drop'
}

# COUNT packets or more have been logged: seen COUNT.
seen() {
	[ "$(nft_seen)" -ge "$1" ]
}

# Send COUNT packets, as fast as can be or RATE per second: flood COUNT [RATE].
flood() {
	ns "$TOOLS/../bench/flood" -n "$1" -r "${2:-0}" >"$T/flood.out" 2>"$T/flood.err" 3>&-
}

# FILEs have COUNT lines or more: have_lines COUNT FILE...
have_lines() {
	[ "$(cat "${@:2}" 2>/dev/null | wc -l)" -ge "$1" ]
}

# Stop the daemon; leave what its sink has written and lost in $written and $lost, and require that the kernel lost
# nothing: stop_counted.
stop_counted() {
	stop log
	[ "$status" = 0 ] || fail "exit status $status"
	grep -qE "group 7: [0-9]+ packets received, 0 lost" "$T/log.log" || fail "the kernel has lost packets"
	read -r written lost < <(sed -nE 's/.*: ([0-9]+) records written \([0-9]+ bytes\), ([0-9]+) lost.*/\1 \2/p' \
		"$T/log.log" | tail -n 1)
}

# Check FILEs, leave the numbers of their lines and of missing packets in $found and $missing: check FILE...
check() {
	local result

	result=$(python3 "$TESTS/tools/sequence.py" "$@") || return 1
	read -r found missing <<<"$result"
}

# Tell the reader of the test's output: note TEXT...
note() {
	printf '# %s\n' "$*" >&3
}

# --- opened again -----------------------------------------------------------------------------------

# The file is renamed in the middle of each turn of packets, which WHAT tells the daemon or not: renames WHAT TURNS COUNT.
renames() {
	local what=$1 turns=$2 count=$3 turn files=()

	seq_conf "$T/seq.txt" queue_full=wait
	start_logging
	for ((turn = 1; turn <= turns; turn++)); do
		flood $((count / turns)) &
		wait_for "lines of turn $turn" has_lines "$T/seq.txt" 1
		mv "$T/seq.txt" "$T/seq.txt.$turn"
		[ "$what" = notice ] || kill -s "$what" "${PID[log]}"
		wait $!
		files+=("$T/seq.txt.$turn")
		wait_for "the rest of turn $turn" have_lines $((turn * (count / turns))) "${files[@]}" "$T/seq.txt"
	done
	stop_counted
	check "${files[@]}" "$T/seq.txt"
	note "$found lines in $((turns + 1)) files, $missing missing, $lost said to be lost"
	[ "$found $missing $lost $written" = "$count 0 0 $count" ]
}

@test "a million packets and 20 SIGHUPs: each is there, once, and whole" {
	renames HUP 20 "$(scaled 1000000)"
	[ "$(grep -c 'signal received, calling pluginstances' "$T/log.log")" = 20 ]
}

@test "a file that is renamed without a signal is noticed, nothing is lost" {
	renames notice 10 "$(scaled 200000)"
	[ "$(grep -c 'seq.txt: the file was renamed or removed, opened again' "$T/log.log")" = 10 ]
}

# The sink has written COUNT records: records_written COUNT.
records_written() {
	kill -s USR2 "${PID[log]}"
	grep -qE ": $1 records written" "$T/log.log"
}

# --- rotated ----------------------------------------------------------------------------------------

# Nothing but compressed old files is left.
all_compressed() {
	! compgen -G "$T/seq.txt.*[0-9]" >/dev/null || return 1
	! compgen -G "$T/*.tmp" >/dev/null || return 1
}

@test "rotated and compressed under load: nothing is lost, each file ends with a whole line" {
	local count files

	count=$(scaled 200000)
	seq_conf "$T/seq.txt" queue_full=wait rotate_size=1M rotate_keep=100 rotate_compress=1 file_mode=0640 \
		file_group=4711
	start_logging
	flood "$count"
	wait_for "all packets" records_written "$count"
	wait_for "compressing" all_compressed
	stop_counted
	mapfile -t files < <(ls -v -r "$T"/seq.txt.*)
	check "${files[@]}" "$T/seq.txt"
	note "$found lines in $((${#files[@]} + 1)) files, $missing missing"
	[ "$found $missing $lost" = "$count 0 0" ]
	[ ${#files[@]} -gt 10 ] || [ "$count" -lt 200000 ]
	for file in "${files[@]}" "$T/seq.txt"; do
		[ "$(stat -c '%a %g' "$file")" = "640 4711" ]
	done
	for file in "${files[@]}"; do
		[ "$(gzip -dc "$file" | wc -c)" -le 1048576 ]
	done
}

@test "killed while it compresses: an old file is plain or completely compressed, and put right later" {
	local turn file count

	count=$(scaled 100000)
	seq_conf "$T/seq.txt" queue_full=wait rotate_size=2M rotate_keep=50 rotate_compress=1
	nft_chain ip "output priority 0" 'udp dport 9 log group 7 drop'
	for turn in 1 2 3; do
		start_ulogd log
		flood "$count"
		wait_for "an old file" compgen -G "$T/seq.txt.*" >/dev/null
		kill -s KILL "${PID[log]}"
		wait "${PID[log]}" || :
		unset "PID[log]"
		rm "$T/log.log"
		for file in "$T"/seq.txt.*.gz; do
			[ ! -e "$file" ] || gzip -t "$file"
		done
	done
	start_ulogd log
	flood 10
	wait_for "all old files to be compressed" all_compressed
	stop log
	for file in "$T"/seq.txt.*; do
		gzip -t "$file"
	done
}

# Write log.conf with the output PLUGIN, each LINE one of its options: out_conf PLUGIN LINE...
out_conf() {
	conf log <<-EOF
	stack=log1:NFLOG,base1:BASE,out1:$1
	[log1]
	group=7
	netlink_socket_buffer_size=33554432
	[out1]
	sync=1
	queue_full=wait
	$(printf '%s\n' "${@:2}")
	EOF
}

@test "PCAP: every rotated file is a capture, together they have all packets" {
	local packets=0 file n

	require tcpdump tshark
	out_conf PCAP "file=\"$T/log.pcap\"" rotate_size=20k rotate_keep=100
	start_logging
	flood 5000
	wait_for "all packets" records_written 5000
	stop log
	[ -e "$T/log.pcap.5" ]
	for file in "$T"/log.pcap*; do
		n=$(tcpdump -n -r "$file" 2>/dev/null | wc -l)
		[ "$n" -gt 0 ]
		tshark_reads "$file" "$n"
		[ "$(stat -c %s "$file")" -le 20480 ]
		packets=$((packets + n))
	done
	[ "$packets" = 5000 ]
}

# As many documents as that exist: documents COUNT.
documents() {
	[ "$(compgen -G "$T/ulogd-pkt-*" | wc -l)" = "$1" ]
}

@test "XML: every document is well-formed, the newest stay" {
	local turn file

	out_conf XML "directory=\"$T\"" rotate_size=1k rotate_keep=2 rotate_compress=1
	start_logging
	# The name changes with the second.
	for turn in 1 2 3 4 5; do
		flood 100
		wait_for "all packets" records_written $((turn * 100))
		sleep 1.1
	done
	wait_for "old documents to go" documents 3
	stop log
	[ "$(compgen -G "$T/ulogd-pkt-*.xml.gz" | wc -l)" = 2 ]
	for file in "$T"/ulogd-pkt-*; do
		gzip -dcf "$file" | python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.stdin)'
	done
}

@test "standard output is not rotated, and that is said" {
	out_conf GPRINT 'file="-"' rotate_size=100
	start_logging
	flood 100
	wait_for "the lines" has_lines "$T/log.out" 100
	stop log
	[ "$(lines "$T/log.out")" = 100 ]
	grep -q -- '-: this is no file to be rotated, rotate_size and rotate_interval do nothing' "$T/log.log"
}

# --- a disk that is full ------------------------------------------------------------------------------

# Make a file system of SIZE at $T/disk: disk_make SIZE.
disk_make() {
	mkdir "$T/disk"
	mount -t tmpfs -o "size=$1" ulogd-test "$T/disk" || skip "cannot mount a tmpfs"
	mounted=$T/disk
}

@test "a full disk: the lines that are missing are those said to be lost, all others are there, in order" {
	local count rate said seconds

	# Twelve seconds of packets.  After ten of them there is room.
	rate=$(scaled 25000)
	count=$((12 * rate))
	disk_make 64M
	seq_conf "$T/disk/seq.txt" queue_size=1048576
	start_logging
	fallocate -l 62M "$T/disk/ballast"
	# 2 MB of lines fit.  The rest waits, up to queue_size, or is lost.
	flood "$count" "$rate" &
	wait_for "the daemon to say that the disk is full" \
		grep -q 'seq.txt: cannot write: No space left on device; will keep trying' "$T/log.log"
	wait_for "losses" grep -q 'seq.txt: the queue is full, [0-9]* records lost' "$T/log.log"
	wait_for "ten seconds of packets" seen $((10 * rate))
	rm "$T/disk/ballast"
	wait_for "the recovery" grep -qE 'seq.txt: writes again after [0-9]+ s, [0-9]+ records lost meanwhile' "$T/log.log"
	wait $!
	flood 1000
	stop_counted
	check "$T/disk/seq.txt"
	read -r seconds said < <(sed -nE \
		's/.*writes again after ([0-9]+) s, ([0-9]+) records lost meanwhile/\1 \2/p' "$T/log.log")
	note "$((count + 1000)) packets: $found lines, $missing missing, $lost said to be lost, $said of them on" \
		"recovery after $seconds s"
	[ "$(grep -c 'cannot write' "$T/log.log")" = 1 ]
	[ "$said" -gt 0 ]
	# Until the queue has been written more may be lost, which other messages tell.
	[ "$said" -le "$lost" ]
	[ "$missing $found" = "$lost $written" ]
	[ $((found + lost)) = $((count + 1000)) ]
}

# Make it say something, until it cannot.
complained() {
	kill -s USR2 "${PID[log]}"
	grep -q '^ulogd: the log .*/disk/log cannot be written: No space left on device' "$T/log.err"
}

@test "a full disk under the log: the daemon goes on, what is missing is counted" {
	local log_line='^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4} <[0-9]> [a-zA-Z0-9_.]+:[0-9]+ .'

	disk_make 1M
	seq_conf "$T/seq.txt"
	sed -i "s|^logfile=.*|logfile=\"$T/disk/log\"|" "$T/log.conf"
	start log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -c "$T/log.conf" </dev/null
	wait_for "the start" grep -qs 'initialization finished' "$T/disk/log"
	nft_chain ip "output priority 0" 'udp dport 9 log group 7 drop'
	dd if=/dev/zero of="$T/disk/ballast" bs=1k status=none 2>/dev/null || :
	wait_for "the complaint" complained
	flood 100
	wait_for "the lines" has_lines "$T/seq.txt" 100
	rm "$T/disk/ballast"
	stop log
	[ "$status" = 0 ]
	grep -qE '[0-9]+ lines of this log could not be written: No space left on device$' "$T/disk/log"
	grep -q 'seq.txt: 100 records written' "$T/disk/log"
	[ "$(wc -l <"$T/log.err")" = 1 ]
	# No line is cut, and none goes on behind another.
	[ "$(grep -vcE "$log_line" "$T/disk/log")" = 0 ]
	[ "$(grep -cE '<[0-9]> .*<[0-9]> ' "$T/disk/log")" = 0 ]
}
