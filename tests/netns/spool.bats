# SPDX-License-Identifier: GPL-2.0-or-later
# queue_full=spool: what a destination does not take waits on disk, also for the next start.

load ../lib

PORT=5140

setup() {
	require_netns
	require_ulogd
	ns_new NS
	tap_add tap0
	collectors=0
	mounts=()
	mkdir "$T/spool"
}

teardown() {
	local mount

	[ ! -e "$T/frozen" ] || fsfreeze -u "$T/spool"
	cleanup
	for mount in "${mounts[@]}"; do
		umount "$mount" || :
	done
}

# Write log.conf: every frame to log.txt, and as JSON to port $PORT with a spool, each LINE an option: spool_conf
# [LINE...].
spool_conf() {
	conf log <<-EOF
	control_socket="$T/ctl"
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	stack=log1:NFLOG,$TEXT_FILTERS,out1:JSON
	[log1]
	group=1
	netlink_socket_buffer_size=33554432
	[emu1]
	file="$T/log.txt"
	sync=1
	[out1]
	mode=tcp
	port=$PORT
	queue_full=spool
	spool_dir="$T/spool"
	$(printf '%s\n' "$@")
	EOF
}

# Start the daemon and log what arrives on tap0: start_logging.
start_logging() {
	start_ulogd log
	nft_chain ip "prerouting priority raw" 'iifname tap0 log prefix "x" group 1'
}

# Start the daemon again; its log begins anew, the rules are there: start_again.
start_again() {
	mv "$T/log.log" "$T/before.log"
	start_ulogd log
}

# Start a collector, its files are named $T/received.N for the Nth: collect [OPTION...].
collect() {
	collectors=$((collectors + 1))
	start collector python3 "$TESTS/tools/collector.py" tcp $PORT "$T/received.$collectors" "$@"
	wait_for "a collector" grep -q ready "$T/collector.out"
}

# Print the numbers of the frames of which collectors have received the whole line.
received() {
	cat "$T"/received.*[0-9] 2>/dev/null |
		sed -nE 's/^\{.*"ip\.id": ([0-9]+), .*"src_port": ([0-9]+), .*\}$/\1 \2/p' |
		awk '{ print ($2 - 1024) * 65536 + $1 }'
}

# Collectors have received COUNT lines or more: has_received COUNT.
has_received() {
	[ "$(cat "$T"/received.*[0-9] 2>/dev/null | wc -l)" -ge "$1" ]
}

# Send COUNT frames from FIRST on and wait until log.txt has them: send_logged FIRST COUNT [PER_SECOND].
send_logged() {
	numbered "$@" | send_frames tap0
	wait_for "the lines of frames $1 and following" has_lines "$T/log.txt" $(($1 + $2))
}

# Ask the daemon for its counters; some of those it has logged match PATTERN: reports PATTERN.
reports() {
	kill -s USR2 "${PID[log]}"
	grep -q "records written .*$1" "$T/log.log"
}

# Ask the daemon for its counters; the last ones of the collector do not match PATTERN: reports_no PATTERN.
reports_no() {
	local last

	kill -s USR2 "${PID[log]}"
	last=$(grep "tcp:.*records written" "$T/log.log" | tail -n 1)
	[ -n "$last" ] && ! grep -q "$1" <<<"$last"
}

# Wait until NUMBER records are in the spool: spooled NUMBER.
spooled() {
	wait_for "$1 records in the spool" reports "; $1 in the spool"
}

# Stop the daemon, leave the counts of the sink NAME in $written and $lost, its line in $said: stop_counted [NAME].
stop_counted() {
	stop log
	[ "$status" = 0 ] || fail "exit status $status"
	said=$(grep -E "${1:-tcp:.*}: [0-9]+ records written \([0-9]+ bytes\), [0-9]+ lost" "$T/log.log" | tail -n 1)
	[ -n "$said" ] || fail "no counts in the log"
	written=$(sed -E 's/.*: ([0-9]+) records written.*/\1/' <<<"$said")
	lost=$(sed -E 's/.*bytes\), ([0-9]+) lost.*/\1/' <<<"$said")
}

# Collectors have received the frames 0 to COUNT - 1, each once, in order, and nothing but lines: all_received COUNT.
all_received() {
	received | diff <(seq 0 $(($1 - 1))) - | head -n 5
	received | cmp -s <(seq 0 $(($1 - 1))) - || return 1
	[ "$(cat "$T"/received.*[0-9] | wc -l)" = "$1" ]
}

# No segments are left: spool_empty.
spool_empty() {
	[ "$(find "$T/spool" -type f ! -name position | wc -l)" = 0 ]
}

# Mount a small disk at $T/NAME: small_disk NAME SIZE.
small_disk() {
	mkdir -p "$T/$1"
	mount -t tmpfs -o "size=$2" tmpfs "$T/$1" || skip "cannot mount a tmpfs"
	mounts+=("$T/$1")
}

# --- away ---------------------------------------------------------------------------------------

@test "a collector that is away for 30 seconds under load misses nothing, in order, once" {
	local seconds

	spool_conf
	start_logging
	collect
	send_logged 0 500
	wait_for "what came before" has_received 500
	stop collector
	# More than the queue holds, and for half a minute.
	send_logged 500 60000 2000
	grep -q 'tcp:.*: cannot write: ' "$T/log.log"
	collect
	send_logged 60500 500
	wait_for "all records" has_received 61000
	stop_counted
	[ "$written $lost" = "61000 0" ]
	all_received 61000
	spool_empty
	seconds=$(sed -nE 's/.*tcp:.*: writes again after ([0-9]+) s, 0 records lost meanwhile/\1/p' "$T/log.log")
	echo "# 61000 sent, $(received | wc -l) received, $(grep -oE '[0-9]+ were spooled' <<<"$said"), away for $seconds s" >&3
	[ "$seconds" -ge 25 ]
}

@test "stopped and started again with the collector away: all arrives, in order, once" {
	local round

	spool_conf
	start_logging
	for round in 0 1 2; do
		send_logged $((round * 1000)) 1000
		stop_counted
		[ "$written $lost" = "0 0" ]
		grep -q "; $((round * 1000 + 1000)) in the spool" <<<"$said"
		grep -q "stopped with $((round * 1000 + 1000)) records in the spool" "$T/log.log"
		start_again
		grep -q "$((round * 1000 + 1000)) records of before wait in the spool" "$T/log.log"
	done
	send_logged 3000 10
	collect
	wait_for "all records" has_received 3010
	stop_counted
	[ "$written $lost" = "3010 0" ]
	all_received 3010
	spool_empty
	echo "# 3 restarts: 3010 sent, $(received | wc -l) received" >&3
}

@test "the collector vanishes with records in flight: the daemon sends again from a whole record" {
	local missing

	spool_conf
	start_logging
	collect --rcvbuf 4096 --gate "$T/gate" --reset
	send_logged 0 20000
	stop collector
	touch "$T/gate"
	collect
	wait_for "the last record" grep -qs '"ip.id": 19999,' "$T/received.2.1"
	stop_counted
	[ "$lost" = 0 ]
	received | diff <(seq "$(received | head -n 1)" 19999) - >/dev/null || fail "gaps or repetitions"
	missing=$((20000 - $(received | wc -l)))
	# No more than the sockets hold, which nobody can know of; a line has 800 bytes.
	[ $((missing * 700)) -lt $(($(ns cut -f3 /proc/sys/net/ipv4/tcp_wmem) + (1 << 20))) ]
	echo "# $missing records were taken by the kernel and never read" >&3
}

# --- killed -------------------------------------------------------------------------------------

@test "killed with a backlog and the collector away: nothing is missing, nothing comes twice" {
	spool_conf
	start_logging
	send_logged 0 5000
	spooled 5000
	stop log KILL
	start_again
	grep -q "5000 records of before wait in the spool" "$T/log.log"
	send_logged 5000 1000
	collect
	wait_for "all records" has_received 6000
	stop_counted
	[ "$written $lost" = "6000 0" ]
	all_received 6000
	echo "# killed: 6000 sent, $(received | wc -l) received" >&3
}

@test "killed in the middle of delivering: nothing is missing, and little comes twice" {
	local round twice total

	spool_conf
	start_logging
	send_logged 0 20000
	spooled 20000
	collect --rcvbuf 4096
	for round in 1 2 3; do
		wait_for "some records" has_received $((round * 3000))
		stop log KILL
		start_again
	done
	wait_for "the last record" grep -qs '"ip.id": 19999,' "$T"/received.1.*
	stop_counted
	[ "$lost" = 0 ]
	wait_for "everything" spool_empty
	received | sort -nu | diff <(seq 0 19999) -
	total=$(received | wc -l)
	twice=$((total - 20000))
	echo "# killed 3 times while delivering: 20000 sent, $total received, $twice of them twice" >&3
	# Each time what one write had in hand: a chunk of 64 KiB, lines of 800 bytes.
	[ "$twice" -le $((3 * 65536 / 700)) ]
	# But for these the order is kept: each connection goes on where the one before was, or a little earlier.
	for round in "$T"/received.1.*; do
		sed -nE 's/^\{.*"ip\.id": ([0-9]+), .*\}$/\1/p' "$round" | sort -nc
	done
}

# --- damaged ------------------------------------------------------------------------------------

@test "a torn and a damaged chunk are skipped, counted and said; the rest arrives" {
	local round segment size damaged

	spool_conf
	start_logging
	for round in 0 1 2 3; do
		send_logged $((round * 500)) 500
		spooled $((round * 500 + 500))
	done
	stop log KILL
	segment=$(find "$T/spool" -type f ! -name position | sort | tail -n 1)
	size=$(stat -c %s "$segment")
	truncate -s $((size - 5)) "$segment"
	damaged=$(grep -abo '"ip.id": 1000,' "$segment" | cut -d: -f1)
	printf '#' | dd of="$segment" bs=1 seek="$damaged" conv=notrunc status=none
	start_again
	grep -q "its last chunk is not whole" "$T/log.log"
	collect
	wait_for "the end of the spool" spool_empty
	send_logged 2000 10
	wait_for "what is new" grep -qs '"ip.id": 2009,' "$T"/received.1.1
	stop_counted
	received >"$T/numbers"
	sort -nu "$T/numbers" | diff "$T/numbers" -
	echo "# damaged: $(lines "$T/numbers") received, $lost counted as lost, of 2010" >&3
	[ "$written" = "$(lines "$T/numbers")" ]
	[ "$lost" -ge 2 ]
	[ $((written + lost)) = 2010 ]
	grep -q "spool damaged: $lost" <<<"$said"
	grep -q "is damaged behind byte" "$T/log.log"
}

# --- limits -------------------------------------------------------------------------------------

@test "a spool that has reached its size: what is missing is what is counted" {
	spool_conf queue_size=262144 spool_size=1M
	start_logging
	send_logged 0 20000
	wait_for "the words" grep -q "the spool and the queue are full, [0-9]* records lost since .* raise spool_size" \
		"$T/log.log"
	[ "$(grep -c "the spool has reached spool_size (1048576 bytes)" "$T/log.log")" = 1 ]
	[ "$(du -sb "$T/spool/tcp"* | cut -f1)" -le $(((1 << 20) + 8192)) ]
	collect
	wait_for "the end of spool and queue" reports_no " in the "
	send_logged 20000 100
	stop_counted
	echo "# limit: $written received, $lost counted as lost, of 20100" >&3
	[ "$lost" -gt 0 ]
	[ $((written + lost)) = 20100 ]
	received >"$T/numbers"
	[ "$(lines "$T/numbers")" = "$written" ]
	sort -nu "$T/numbers" | diff "$T/numbers" -
}

@test "a spool on a full disk is said once; what is missing is counted; with room it goes on" {
	small_disk spool 1m
	spool_conf queue_size=262144
	start_logging
	send_logged 0 20000
	wait_for "the words" grep -q "cannot spool to .*: No space left on device" "$T/log.log"
	wait_for "the loss" grep -q "and the spool .* cannot be written: No space left on device, [0-9]* records lost" \
		"$T/log.log"
	[ "$(grep -c "cannot spool to" "$T/log.log")" = 1 ]
	mount -o remount,size=64m "$T/spool"
	wait_for "the spool to work again" grep -q "spools again, [0-9]* records lost" "$T/log.log"
	wait_for "an empty queue" reports_no "in the queue"
	send_logged 20000 1000
	collect
	wait_for "the end of the spool" spool_empty
	stop_counted
	echo "# full disk: $written received, $lost counted as lost, of 21000" >&3
	[ "$lost" -gt 0 ]
	[ $((written + lost)) = 21000 ]
	received >"$T/numbers"
	[ "$(lines "$T/numbers")" = "$written" ]
	sort -nu "$T/numbers" | diff "$T/numbers" -
	tail -n 1000 "$T/numbers" | diff <(seq 20000 20999) -
}

@test "a spool's disk that hangs holds up neither the lane nor other outputs" {
	require fsfreeze mkfs.ext4
	truncate -s 16M "$T/disk"
	mkfs.ext4 -q "$T/disk"
	mount -o loop "$T/disk" "$T/spool" || skip "cannot mount a file"
	mounts+=("$T/spool")
	spool_conf queue_size=262144
	start_logging
	send_logged 0 100
	spooled 100
	touch "$T/frozen"
	fsfreeze -f "$T/spool"
	send_logged 100 5000
	fsfreeze -u "$T/spool"
	rm "$T/frozen"
	wait_for "an empty queue" reports_no "in the queue"
	send_logged 5100 100
	collect
	wait_for "the end of spool and queue" reports_no " in the "
	stop_counted
	echo "# hanging disk: $written received, $lost counted as lost, of 5200" >&3
	[ "$lost" -gt 0 ]
	[ $((written + lost)) = 5200 ]
	received >"$T/numbers"
	[ "$(lines "$T/numbers")" = "$written" ]
	sort -nu "$T/numbers" | diff "$T/numbers" -
	tail -n 100 "$T/numbers" | diff <(seq 5100 5199) -
}

# --- several, and files -------------------------------------------------------------------------

@test "two destinations have two spools; neither waits for the other" {
	conf log <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	stack=log1:NFLOG,$TEXT_FILTERS,out1:JSON
	stack=log1:NFLOG,$TEXT_FILTERS,out2:JSON
	[log1]
	group=1
	[emu1]
	file="$T/log.txt"
	sync=1
	[out1]
	mode=tcp
	port=$PORT
	queue_full=spool
	spool_dir="$T/spool"
	[out2]
	mode=unix
	file="$T/socket"
	queue_full=spool
	spool_dir="$T/spool"
	EOF
	start_logging
	send_logged 0 3000
	spooled 3000
	stop log
	start_again
	[ "$(grep -c "3000 records of before wait in the spool" "$T/log.log")" = 2 ]
	collect
	wait_for "all records of the first" has_received 3000
	send_logged 3000 100
	wait_for "new records of the first" has_received 3100
	all_received 3100
	rm "$T"/received.*
	start second python3 "$TESTS/tools/collector.py" unix "$T/socket" "$T/received.2"
	wait_for "all records of the second" has_received 3100
	stop_counted
	all_received 3100
	spool_empty
	echo "# two destinations: 3100 each" >&3
}

@test "a file on a full disk with the spool on another one: every line is there, once" {
	small_disk disk 512k
	conf log <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	stack=log1:NFLOG,$TEXT_FILTERS,emu2:LOGEMU
	[log1]
	group=1
	[emu1]
	file="$T/log.txt"
	sync=1
	[emu2]
	file="$T/disk/log.txt"
	sync=1
	queue_full=spool
	spool_dir="$T/spool"
	EOF
	start_logging
	send_logged 0 10000
	grep -q "$T/disk/log.txt: cannot write: No space left on device" "$T/log.log"
	if spool_empty; then
		fail "nothing was spooled"
	fi
	stop log
	[ "$(numbers "$T/disk/log.txt" | wc -l)" = "$(lines "$T/disk/log.txt")" ]
	start_again
	mount -o remount,size=16m "$T/disk"
	send_logged 10000 100
	wait_for "all lines" has_lines "$T/disk/log.txt" 10100
	stop_counted "$T/disk/log.txt"
	[ "$lost" = 0 ]
	numbers "$T/disk/log.txt" | diff <(seq 0 10099) -
	spool_empty
	echo "# full disk and a restart: 10100 lines, $(lines "$T/disk/log.txt") there" >&3
}

# --- opening ------------------------------------------------------------------------------------

@test "two daemons do not share a spool: the second leaves the stack out, and says why" {
	spool_conf
	start_logging
	sed -e "s|$T/log\.|$T/other.|; s/group=1/group=2/" "$T/log.conf" >"$T/other.conf"
	start_ulogd other
	grep -q "out1 (JSON): cannot open the spool of tcp:127.0.0.1:$PORT .*another ulogd uses it" "$T/other.log"
	stop other
	stop log
}

@test "a spool that cannot be opened stops the start of its stack with what to do" {
	spool_conf
	mkdir "$T/spool/tcp:127.0.0.1:$PORT"
	chown 12345 "$T/spool/tcp:127.0.0.1:$PORT"
	start_ulogd log
	grep -q "cannot open the spool of tcp:.*it belongs to somebody else: remove it, or set spool_dir" "$T/log.log"
	stop log
	rm -r "$T/spool"
	printf 'spool_dir="%s/no/such/directory"\n' "$T" >"$T/option"
	sed -i -e "/^spool_dir/r $T/option" -e '/^spool_dir/d' "$T/log.conf"
	mv "$T/log.log" "$T/before.log"
	start_ulogd log
	grep -q "cannot open the spool of tcp:.*No such file or directory; create the directory" "$T/log.log"
	stop log
}

@test "the spool is the user's that the daemon changes to" {
	getent passwd nobody >/dev/null || skip "needs the user nobody"
	spool_conf
	chmod 755 "$T" "$BATS_RUN_TMPDIR" 2>/dev/null || :
	start_daemon log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u nobody
	nft_chain ip "prerouting priority raw" 'iifname tap0 log prefix "x" group 1'
	send_logged 0 1000
	wait_for "a segment" grep -q . "$T"/spool/tcp*/0*
	[ "$(stat -c '%U %a' "$T"/spool/tcp*)" = "nobody 700" ]
	[ "$(stat -c '%U %a' "$T"/spool/tcp*/0*)" = "nobody 600" ]
	stop log
	mv "$T/log.log" "$T/before.log"
	start_daemon log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u nobody
	collect
	wait_for "all records" has_received 1000
	stop log
	all_received 1000
}

@test "values that make no sense are errors of the configuration" {
	spool_conf spool_size=100k
	run "$ULOGD" --plugin-dir "$PLUGIN_DIR" -t -c "$T/log.conf"
	[ "$status" = 1 ]
	[[ $output == *"log.conf:"*": out1: spool_size: \"100k\" is no size of at least 1M; "* ]]
	sed -i 's/queue_full=spool/queue_full=disk/; s/100k/2G/' "$T/log.conf"
	run "$ULOGD" --plugin-dir "$PLUGIN_DIR" -t -c "$T/log.conf"
	[ "$status" = 1 ]
	[[ $output == *": out1: queue_full: unknown way \"disk\"; write drop, wait or spool"* ]]
}

# --- the end ------------------------------------------------------------------------------------

@test "a name server that does not answer does not hold up the end" {
	# Five times thirty seconds.
	printf 'nameserver 192.0.2.1\noptions timeout:30 attempts:5\n' >"$T/resolv.conf"
	printf 'hosts: dns\n' >"$T/nsswitch.conf"
	spool_conf host=collector.test
	tap_add tap1
	ip -n "$NS" addr add 192.0.2.2/24 dev tap1
	ip -n "$NS" neigh add 192.0.2.1 lladdr 02:00:00:00:00:02 dev tap1
	# shellcheck disable=SC2016
	start_daemon log unshare --mount sh -c 'mount --bind "$0/resolv.conf" /etc/resolv.conf &&
		mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf && exec "$@"' "$T" \
		"$ULOGD" --plugin-dir "$PLUGIN_DIR"
	nft_chain ip "prerouting priority raw" 'iifname tap0 log prefix "x" group 1'
	send_logged 0 100
	stop_counted
	[ "$written $lost" = "0 0" ]
	grep -q "; 100 in the spool" <<<"$said"
}

# --- reloads ----------------------------------------------------------------------------------------

# reload [SED_SCRIPT] - change log.conf, and let the daemon read it anew.
reload() {
	[ -x "$BUILDDIR/src/ulogctl" ] || skip "needs ulogctl, which a build with jansson has"
	[ $# = 0 ] || sed -i -E "$1" "$T/log.conf"
	"$BUILDDIR/src/ulogctl" -s "$T/ctl" reload
}

@test "a spool that a reload brings takes what waits in the queue: kill -9 costs nothing" {
	spool_conf
	sed -i 's/^queue_full=.*/queue_full=drop/' "$T/log.conf"
	start_logging
	send_logged 0 1000
	reload 's/^queue_full=.*/queue_full=spool/'
	spooled 1000
	send_logged 1000 1000
	spooled 2000
	stop log KILL
	start_again
	collect
	wait_for "all lines" has_received 2000
	all_received 2000
	stop_counted
	echo "# 2000 packets, received $(received | wc -l), lost $lost" >&3
	[ "$lost" = 0 ]
}

@test "a spool that a reload takes away is emptied first" {
	spool_conf
	start_logging
	send_logged 0 1000
	spooled 1000
	reload 's/^queue_full=.*/queue_full=drop/'
	grep -q '1000 records wait in the spool .* which stays in use until they are delivered' "$T/log.log"
	send_logged 1000 1000
	collect
	wait_for "all lines" has_received 2000
	wait_for "the end of the spool" reports_no 'in the spool'
	stop_counted
	all_received 2000
	spool_empty
	[ "$lost" = 0 ]
}

@test "a spooling output that one reload takes away and the next brings again: nothing is lost or doubled" {
	local round count=0

	spool_conf queue_size=262144
	start_logging
	# Nobody listens: the output has ended when it comes back, or is about to.
	for round in 1 2 3; do
		send_logged "$count" 2000
		count=$((count + 2000))
		reload '/^stack=.*out1/s/^/#/'
		reload '/^#stack=.*out1/s/^#//'
	done
	# A collector that takes next to nothing: it is about to end.
	collect --gate "$T/gate" --rcvbuf 4096
	send_logged "$count" 2000
	count=$((count + 2000))
	reload '/^stack=.*out1/s/^/#/'
	reload '/^#stack=.*out1/s/^#//'
	send_logged "$count" 2000
	count=$((count + 2000))
	touch "$T/gate"
	wait_for "all lines" has_received "$count"
	# One that works: it ends at once.
	reload '/^stack=.*out1/s/^/#/'
	reload '/^#stack=.*out1/s/^#//'
	send_logged "$count" 2000
	count=$((count + 2000))
	wait_for "all lines" has_received "$count"
	all_received "$count"
	stop_counted
	echo "# $count packets, 5 times taken away, received $(received | wc -l), lost $lost" >&3
	spool_empty
	[ "$lost" = 0 ]
	! grep -q 'queued records lost' "$T/log.log" || fail "that should have failed"
}
