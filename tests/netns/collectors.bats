# SPDX-License-Identifier: GPL-2.0-or-later
# Outputs that send: peers that are away, come and go, read slowly or not at all.

load ../lib

PORT=5140

setup() {
	require_netns
	require_ulogd
	ns_new NS
	tap_add tap0
	# Packets that fit into the small windows of slow collectors.
	ip -n "$NS" link set lo mtu 1500
	collectors=0
}

teardown() {
	cleanup
}

# Write log.conf: every frame to log.txt, and as JSON with each LINE an option: json_conf [LINE...].
json_conf() {
	conf log <<-EOF
	stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU
	stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,out1:JSON
	[log1]
	group=1
	netlink_socket_buffer_size=33554432
	[emu1]
	file="$T/log.txt"
	sync=1
	[out1]
	$(printf '%s\n' "$@")
	EOF
}

# The options of JSON for the collector KIND: mode KIND.
mode() {
	case $1 in
	unix) printf 'mode=unix\nfile="%s"\n' "$T/socket" ;;
	*) printf 'mode=%s\nport=%s\n' "$1" $PORT ;;
	esac
}

# Start the daemon and log what arrives on tap0: start_logging.
start_logging() {
	start_ulogd log
	nft_chain ip "prerouting priority raw" 'iifname tap0 log prefix "x" group 1'
}

# Start a collector of KIND, its files are named $T/received.N for the Nth: collect KIND [OPTION...].
collect() {
	local kind=$1 address=$PORT

	shift
	case $kind in
	unix) address=$T/socket ;;
	dgram) address=$T/dev/log ;;
	esac
	collectors=$((collectors + 1))
	start collector python3 "$TESTS/tools/collector.py" "$kind" "$address" "$T/received.$collectors" "$@"
	wait_for "a collector" grep -q ready "$T/collector.out"
}

# Print the numbers of the frames that collectors have received whole, those of JSON and of lines.
received() {
	cat "$T"/received.*[0-9] 2>/dev/null | sed -nE \
		's/^\{.*"ip\.id": ([0-9]+), .*"src_port": ([0-9]+), .*\}$/\1 \2/p; s/.* ID=([0-9]+) .* SPT=([0-9]+) .*/\1 \2/p' |
		awk '{ print ($2 - 1024) * 65536 + $1 }'
}

# Collectors have received COUNT lines or more: has_received COUNT.
has_received() {
	[ "$(cat "$T"/received.*[0-9] 2>/dev/null | wc -l)" -ge "$1" ]
}

# Send COUNT frames from FIRST on and wait until log.txt has them: send_logged FIRST COUNT.
send_logged() {
	numbered "$1" "$2" | send_frames tap0
	wait_for "the lines of frames $1 and following" has_lines "$T/log.txt" $(($1 + $2))
}

# Stop the daemon, leave the counts of the sink NAME in $written and $lost: stop_counted NAME.
stop_counted() {
	local said

	stop log
	[ "$status" = 0 ] || fail "exit status $status"
	said=$(grep -oE "$1: [0-9]+ records written \([0-9]+ bytes\), [0-9]+ lost" "$T/log.log" | tail -n 1)
	[ -n "$said" ] || fail "no counts of $1 in the log"
	written=$(sed -E 's/.*: ([0-9]+) records written.*/\1/' <<<"$said")
	lost=$(sed -E 's/.* ([0-9]+) lost$/\1/' <<<"$said")
}

# Collectors have received the frames 0 to COUNT - 1, each once, in order, and nothing but lines: all_received COUNT.
all_received() {
	received | diff <(seq 0 $(($1 - 1))) - || return 1
	[ "$(cat "$T"/received.*[0-9] | wc -l)" = "$1" ]
}

# --- away at the start --------------------------------------------------------------------------

away_at_start() {
	json_conf "$(mode "$1")"
	start_logging
	send_logged 0 100
	wait_for "the daemon to say that nobody is there" grep -qE "$1:.*: cannot write: .*; will keep trying" "$T/log.log"
	[ "$(grep -c 'cannot write' "$T/log.log")" = 1 ]
	collect "$1"
	wait_for "what had waited" has_received 100
	send_logged 100 100
	wait_for "what came afterwards" has_received 200
	stop_counted "$1:.*"
	[ "$written $lost" = "200 0" ]
	all_received 200
	grep -qE "$1:.*: writes again after [0-9]+ s, 0 records lost meanwhile" "$T/log.log"
}

@test "tcp: records wait for a collector that is not there yet" {
	away_at_start tcp
}

@test "unix: records wait for a collector that is not there yet" {
	away_at_start unix
}

# The last datagram is of frame NUMBER: last_datagram NUMBER.
last_datagram() {
	[ "$(received | tail -n 1)" = "$1" ]
}

@test "udp: one datagram for each record; nobody there is no reason not to start" {
	json_conf "$(mode udp)"
	start_logging
	# What the kernel takes of a datagram that is refused later cannot be known to be lost.
	send_logged 0 10
	collect udp
	send_logged 10 10
	wait_for "a datagram" last_datagram 19
	# No more than its buffer takes.
	send_logged 20 30
	wait_for "the others" last_datagram 49
	stop_counted udp:.*
	received | tail -n 30 | diff <(seq 20 49) -
	[ "$(lines "$T/received.1")" = "$(lines "$T/received.1.sizes")" ]
}

@test "udp: a peer that refuses is said once, and records wait until it does not" {
	json_conf "$(mode udp)"
	start_logging
	nft_chain ip "input priority 0" 'icmp type destination-unreachable counter name seen'
	# The refusal comes when the first datagram has been sent: that one counts as written.
	send_logged 0 1
	wait_for "a refusal" seen_more 0
	send_logged 1 1
	wait_for "the daemon to say so" grep -q "udp:.*: cannot write: Connection refused; will keep trying" "$T/log.log"
	# No more than the buffer of a collector takes.
	send_logged 2 28
	wait_for "the refusal of a datagram sent again" seen_more 1
	collect udp
	wait_for "what had waited" has_received 29
	wait_for "the daemon to say so" grep -q "udp:.*: writes again after [0-9]* s, 0 records lost" "$T/log.log"
	send_logged 30 10
	wait_for "what came afterwards" has_received 39
	stop_counted udp:.*
	[ "$written $lost" = "40 0" ]
	received | diff <(seq 1 39) -
	[ "$(grep -c 'cannot write' "$T/log.log")" = 1 ]
	[ "$(grep -c 'writes again' "$T/log.log")" = 1 ]
	if grep 'opened again' "$T/log.log"; then
		fail "the socket was opened again"
	fi
}

# --- comes and goes -----------------------------------------------------------------------------

# Nothing is in flight when the collector goes away: comes_back KIND [OPTION...].
comes_back() {
	local round

	json_conf "$(mode "$1")"
	start_logging
	for round in 0 1 2; do
		collect "$@"
		send_logged $((round * 200)) 100
		wait_for "records of round $round" has_received $((round * 200 + 100))
		stop collector
		send_logged $((round * 200 + 100)) 100
	done
	collect "$@"
	wait_for "all records" has_received 600
	stop_counted "$1:.*"
	[ "$written $lost" = "600 0" ]
	all_received 600
}

@test "tcp: a collector that closes and comes back misses nothing" {
	comes_back tcp
}

@test "tcp: a collector that resets and comes back misses nothing" {
	comes_back tcp --reset
}

@test "unix: a collector that closes and comes back misses nothing" {
	comes_back unix
}

# A connection breaks in the middle of a record: a new one begins with a whole one, and goes on: breaks_off KIND.
breaks_off() {
	local file first

	json_conf "$(mode "$1")" queue_size=33554432
	start_logging
	collect "$1" --rcvbuf 4096 --gate "$T/gate" --reset
	# More than the sockets take: 8 MB.
	send_logged 0 10000
	stop collector
	touch "$T/gate"
	collect "$1"
	wait_for "the last record" last_received 9999
	stop_counted "$1:.*"
	[ "$lost" = 0 ]
	[ "$written" -ge 10000 ]
	# The first has read nothing.
	file=$T/received.2.1
	[ "$(head -c 2 "$file")" = '{"' ]
	first=$(received | head -n 1)
	[ "$first" -lt 9999 ]
	received | diff <(seq "$first" 9999) -
	[ "$(lines "$file")" = $((10000 - first)) ]
}

# The last frame that the last collector has received is NUMBER, below 65536: last_received NUMBER.
last_received() {
	[ "$(tail -qn 1 "$T/received.$collectors".1 | sed -nE 's/^\{.*"ip\.id": ([0-9]+), .*\}$/\1/p')" = "$1" ]
}

@test "tcp: after a connection broke the next begins with a whole record" {
	breaks_off tcp
}

@test "unix: after a connection broke the next begins with a whole record" {
	breaks_off unix
}

# --- slow ---------------------------------------------------------------------------------------

# A collector that does not read holds up nobody, not even the end.
holds_up_nobody() {
	json_conf "$(mode "$1")" queue_size=262144
	start_logging
	collect "$1" --rcvbuf 4096 --gate "$T/gate"
	send_logged 0 20000
	numbers "$T/log.txt" | diff <(seq 0 19999) -
	stop_counted "$1:.*"
	[ "$lost" -gt 0 ]
	[ $((written + lost)) = 20000 ]
	echo "# 20000 sent: $(lines "$T/log.txt") in the file, $written written to $1, $lost lost there" >&3
	grep -q "$1:.*: the queue is full, [0-9]* records lost" "$T/log.log"
}

@test "tcp: a collector that reads nothing holds up neither other outputs nor the end" {
	holds_up_nobody tcp
}

@test "unix: a collector that reads nothing holds up neither other outputs nor the end" {
	holds_up_nobody unix
}

# A queue that is too small, and then read: what was received and what was lost is what was sent.
counts_exactly() {
	json_conf "$(mode "$1")" queue_size=262144 queue_full=drop
	start_logging
	collect "$1" --rcvbuf 32768 --gate "$T/gate"
	send_logged 0 20000
	touch "$T/gate"
	stop_counted "$1:.*"
	[ "$lost" -gt 0 ]
	[ $((written + lost)) = 20000 ]
	wait_for "all that was written" has_received "$written"
	received >"$T/numbers"
	echo "# 20000 sent: $(lines "$T/numbers") received, $lost lost" >&3
	[ "$(lines "$T/numbers")" = "$written" ]
	sort -nu "$T/numbers" | diff "$T/numbers" -
}

@test "tcp: with queue_full=drop received and lost records are those that were sent" {
	counts_exactly tcp
}

@test "unix: with queue_full=drop received and lost records are those that were sent" {
	counts_exactly unix
}

# With queue_full=wait nothing is lost, as long as the kernel's buffer holds it.
waits() {
	json_conf "$(mode "$1")" queue_size=262144 queue_full=wait
	start_logging
	collect "$1" --rcvbuf 32768 --gate "$T/gate"
	numbered 0 10000 | send_frames tap0
	touch "$T/gate"
	wait_for "all records" has_received 10000
	stop_counted "$1:.*"
	[ "$written $lost" = "10000 0" ]
	all_received 10000
	grep -q "group 1: 10000 packets received, 0 lost" "$T/log.log"
}

@test "tcp: with queue_full=wait everything arrives" {
	waits tcp
}

@test "unix: with queue_full=wait everything arrives" {
	waits unix
}

@test "queue_full=wait and a collector that never reads: SIGTERM ends the daemon" {
	json_conf "$(mode unix)" queue_size=262144 queue_full=wait
	start_logging
	collect unix --gate "$T/gate"
	numbered 0 5000 | send_frames tap0
	stop_counted unix:.*
	[ $((written + lost)) = 5000 ]
}

# Tell the daemon, which ends already, to end, until it has: insist PID.
insist() {
	kill "$1" 2>/dev/null || return 0
	process_gone "$1"
}

# The end says that it waits for the destination NAME; then a second signal ends the daemon: stop_twice NAME.
stop_twice() {
	local pid=${PID[log]}

	kill "$pid"
	wait_for "the daemon to say what it waits for" grep -qE \
		"stopping: [0-9]+ records still wait for $1.*, up to [0-9] s; a second signal ends at once" "$T/log.log"
	wait_for "the end" insist "$pid"
	ended log
	[ "$status" = 0 ] || fail "exit status $status"
	grep -q 'second signal received' "$T/log.log" || fail "it did not need a second signal"
}

@test "a second signal ends the wait for a collector that is away; its records are counted as lost" {
	json_conf "$(mode tcp)"
	start_logging
	send_logged 0 10
	wait_for "the failure" grep -q "tcp:.*: cannot write" "$T/log.log"
	stop_twice tcp:
	grep -q "stopping: 10 records still wait" "$T/log.log"
	grep -q "tcp:.*: 0 records written (0 bytes), 10 lost (stopped: 10)" "$T/log.log"
}

@test "a second signal ends the wait of a lane for a collector that is away" {
	json_conf "$(mode tcp)" queue_size=262144 queue_full=wait
	start_logging
	numbered 0 5000 | send_frames tap0
	wait_for "the failure" grep -q "tcp:.*: cannot write" "$T/log.log"
	stop_twice tcp:
}

@test "a second signal ends the wait for a collector that reads nothing; its records stay in the spool" {
	json_conf "$(mode unix)" queue_full=spool "spool_dir=\"$T/spool\""
	mkdir "$T/spool"
	start_logging
	collect unix --rcvbuf 4096 --gate "$T/gate"
	send_logged 0 3000
	wait_for "something in the spool" compgen -G "$T/spool/*/*" >/dev/null
	stop_twice unix:
	grep -qE "stopped with [1-9][0-9]* records in the spool" "$T/log.log"
	grep -qE "unix:.*: [0-9]+ records written \([0-9]+ bytes\), 0 lost" "$T/log.log"
}

# --- names --------------------------------------------------------------------------------------

@test "a name that cannot be resolved is said once; when it can, records arrive" {
	cp /etc/hosts "$T/hosts"
	json_conf mode=tcp host=collector.invalid port=$PORT
	# shellcheck disable=SC2016
	start_daemon log unshare --mount sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$T/hosts" \
		"$ULOGD" --plugin-dir "$PLUGIN_DIR"
	nft_chain ip "prerouting priority raw" 'iifname tap0 log prefix "x" group 1'
	send_logged 0 100
	wait_for "a message" grep -q "tcp:collector.invalid.*: cannot write: " "$T/log.log"
	wait_for "the reason" grep -q "getaddrinfo: " "$T/log.log"
	collect tcp
	echo "127.0.0.1 collector.invalid" >>"$T/hosts"
	wait_for "what had waited" has_received 100
	stop_counted tcp:.*
	[ "$written $lost" = "100 0" ]
	all_received 100
	[ "$(grep -c 'cannot write' "$T/log.log")" = 1 ]
}

@test "with a name that cannot be resolved the daemon ends" {
	json_conf mode=tcp host=collector.invalid port=$PORT
	start_logging
	send_logged 0 10
	stop_counted tcp:.*
	[ "$written $lost" = "0 10" ]
}

# --- syslog -------------------------------------------------------------------------------------

# Start the daemon with SYSLOG, its /dev/log that of $T/dev.
start_syslog() {
	mkdir "$T/dev"
	conf log <<-EOF
	stack=log1:NFLOG,$TEXT_FILTERS,emu1:LOGEMU
	stack=log1:NFLOG,$TEXT_FILTERS,out1:SYSLOG
	[log1]
	group=1
	[emu1]
	file="$T/log.txt"
	sync=1
	[out1]
	facility=LOG_LOCAL0
	EOF
	# shellcheck disable=SC2016
	start_daemon log unshare --mount sh -c 'mknod -m 666 "$0/null" c 1 3 && mount --bind "$0" /dev && exec "$@"' \
		"$T/dev" "$ULOGD" --plugin-dir "$PLUGIN_DIR"
	nft_chain ip "prerouting priority raw" 'iifname tap0 log prefix "x" group 1'
}

@test "syslog: records wait for /dev/log" {
	start_syslog
	send_logged 0 100
	collect dgram
	wait_for "what had waited" has_received 100
	stop_counted /dev/log
	[ "$written $lost" = "100 0" ]
	all_received 100
	[ "$(grep -cE '^<133>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} ulogd\[[0-9]+\]: x IN=tap0 ' "$T/received.1")" = 100 ]
}

@test "syslog: /dev/log that vanishes and comes back misses nothing" {
	local round

	start_syslog
	for round in 0 1 2; do
		collect dgram
		send_logged $((round * 200)) 100
		wait_for "records of round $round" has_received $((round * 200 + 100))
		stop collector
		[ $round = 1 ] || rm "$T/dev/log"
		send_logged $((round * 200 + 100)) 100
	done
	collect dgram
	wait_for "all records" has_received 600
	stop_counted /dev/log
	[ "$written $lost" = "600 0" ]
	all_received 600
}

@test "syslog: a daemon that does not read holds up nobody, and gets everything later" {
	start_syslog
	collect dgram --gate "$T/gate"
	send_logged 0 3000
	touch "$T/gate"
	wait_for "all records" has_received 3000
	stop_counted /dev/log
	[ "$written $lost" = "3000 0" ]
	all_received 3000
}

# --- too large ----------------------------------------------------------------------------------

@test "udp: a record that is larger than a datagram is lost, counted and said; the next arrives" {
	local messages=(python3 "$TESTS/tools/frames_unixsock.py")
	local packet

	conf log <<-EOF
	stack=us1:UNIXSOCK,base1:BASE,ip2str1:IP2STR,out1:JSON
	[us1]
	socket_path="$T/input"
	[out1]
	$(mode udp)
	EOF
	start_ulogd log
	collect udp
	packet=$(numbered 1 1 | cut -c29-)
	# Control characters are six bytes each in JSON.
	"${messages[@]}" frame --hex "1=$(printf '01%.0s' {1..20000})" <<<"$packet" >"$T/messages"
	packet=$(numbered 2 1 | cut -c29-)
	"${messages[@]}" frame --option 1=small <<<"$packet" >>"$T/messages"
	"${messages[@]}" send "$T/input" <"$T/messages" >/dev/null
	wait_for "the small record" has_received 1
	stop_counted udp:.*
	[ "$(received)" = 2 ]
	[ "$written $lost" = "1 1" ]
	grep -q "udp:.*: a record cannot be delivered and is lost: Message too long" "$T/log.log"
}
