# SPDX-License-Identifier: GPL-2.0-or-later
# The same messages through the UNIXSOCK of ulogd2 and of this daemon: the same lines.
#
# As in packets.bats a test names the differences of expected.md that it expects; each has to have something to filter.
# Rows are `packet|time|text', the packets named as in unixsock.vec.

load ../lib
load ../cli/cli

ULOGD2_VERSION=2.0.8
OPTIONS=(--option 1=pfx --option 2=eth0 --option 3=eth1 --time 1700000000)

setup() {
	require python3
	require_ulogd
	require_ulogd2 "$ULOGD2_VERSION"
}

teardown() {
	cleanup
}

frames() {
	python3 "$TESTS/tools/frames_unixsock.py" "$@"
}

corpus() {
	python3 "$TESTS/tools/log_corpus.py" "$@"
}

# sock_start NAME COMMAND... - start a daemon that prints what comes through NAME.sock to NAME.txt, as lines or, with
# $json, as JSON.
sock_start() {
	local name=$1 out=print1:PRINTPKT,out1:LOGEMU

	shift
	[ ! "${json:-}" ] || out=out1:JSON
	{
		printf 'stack=u1:UNIXSOCK,base1:BASE,ip2str1:IP2STR,%s\n' "$out"
		printf '[u1]\nsocket_path="%s"\nperms=0640\n' "$T/$name.sock"
		printf '[out1]\nfile="%s"\nsync=1\n%s\n' "$T/$name.txt" "${json:+timestamp=0}"
	} | conf "$name"
	starting "$name"
	TZ=UTC "$@" -c "$T/$name.conf" </dev/null >"$T/$name.out" 2>"$T/$name.err" 3>&- &
	PID[$name]=$!
	wait_for "$name to be ready" initialized "$name"
	! process_gone "${PID[$name]}" || fail "$name did not start"
}

both_start() {
	sock_start theirs "$ULOGD2"
	sock_start ours "$ULOGD" --plugin-dir "$PLUGIN_DIR"
}

# both_send [OPTION...] - send the messages on stdin to both.
both_send() {
	local side

	cat >"$T/messages"
	for side in theirs ours; do
		frames send "$T/$side.sock" "$@" <"$T/messages" >/dev/null
	done
}

# Stop both after COUNT lines and compare these but for the differences ID...: compare COUNT [ID...].  The packets' names
# are in names.
compare() {
	local side count=$1

	shift
	for side in theirs ours; do
		wait_for "the lines of $side" has_lines "$T/$side.txt" "$count"
		stop "$side"
		[ "$status" = 0 ]
		if [ ! "${json:-}" ]; then
			sed -E -i 's/^(.{15}) [^ ]+ /\1|/' "$T/$side.txt"
		fi
		paste -d'|' "$T/names" "$T/$side.txt" >"$T/$side.rows"
	done
	[ -s "$T/theirs.rows" ]
	filter_expected theirs "$T/theirs.rows" ours "$T/ours.rows" "${json:+json keys}" "$@"
	diff -u "$T/theirs.rows" "$T/ours.rows"
}

@test "messages with packets of every kind" {
	vec_rows unixsock.vec name >"$T/names"
	both_start
	vec_rows unixsock.vec pkt | frames frame "${OPTIONS[@]}" | both_send
	compare "$(lines "$T/names")" B4 B9 P4 P8-gateway
}

# Send both the IP packets of the corpora KIND: corpus_both KIND...
corpus_both() {
	local kind

	for kind; do
		corpus "$kind" | sed -n 's/^.\{24\}\(0800\|86dd\)//p'
	done >"$T/packets"
	frames name <"$T/packets" >"$T/names"
	both_start
	frames frame "${OPTIONS[@]}" <"$T/packets" | both_send
}

@test "generated packets: flags, options, types, quotes, extension headers, protocols; headers that are cut or lie" {
	corpus_both ipv4 ipv6 cut
	[ "$(lines "$T/names")" -ge 7500 ]
	compare "$(lines "$T/names")" B4 B9 B12 P4 P8-gateway
}

@test "generated packets with random changes" {
	corpus_both random random2 random3 random4
	[ "$(lines "$T/names")" -ge 7500 ]
	compare "$(lines "$T/names")" B4 B9 B12 P4 P8-gateway
}

@test "all keys of generated packets" {
	local json=1

	corpus_both ipv4 ipv6 cut random random2
	compare "$(lines "$T/names")" B1 B2 B4 B9 B12
}

# ulogd2 believes what messages say about lengths (U1, U2, U3, U5), so these are for this daemon alone.
@test "messages with random changes are received or malformed, and the next client is heard" {
	local received malformed seed

	for seed in 1 2; do
		{ vec_rows unixsock.vec pkt; corpus random | cut -c29- | awk 'NR % 4 == 0'; } |
			frames frame "${OPTIONS[@]}" --number 201=7 --hex 206=01 | frames mutate --seed "$seed"
	done >"$T/mutants"
	[ "$(lines "$T/mutants")" -ge 1000 ]
	read -r received malformed < <(frames count <"$T/mutants")
	[ "$received" -ge 100 ]
	[ "$malformed" -ge 100 ]
	sock_start ours "$ULOGD" --plugin-dir "$PLUGIN_DIR"
	frames send "$T/ours.sock" --each <"$T/mutants"
	vec_rows unixsock.vec pkt | sed -n 1p | frames frame "${OPTIONS[@]}" | frames send "$T/ours.sock" >/dev/null
	wait_for "the last line" has_lines "$T/ours.txt" $((received + 1))
	stop ours
	[ "$status" = 0 ]
	[ "$(lines "$T/ours.txt")" = $((received + 1)) ]
	grep -q "0 clients, $((received + 1)) packets received, $malformed malformed" "$T/ours.log"
}

@test "messages without some of the options" {
	local packet

	packet=$(vec_rows unixsock.vec name pkt | sed -n 's/^udp|//p')
	printf '%s\n' none prefix in out unknown state texts >"$T/names"
	both_start
	# Without a time each takes its own: it is given always.  Something has to stand behind the packet (U1).
	{
		echo "$packet" | frames frame --time 1700000000
		echo "$packet" | frames frame --option 1=pfx --time 1700000000
		echo "$packet" | frames frame --option 2=eth0 --time 1700000000
		echo "$packet" | frames frame --time 1700000000 --option 3=eth1
		echo "$packet" | frames frame "${OPTIONS[@]}" --hex 77=0102030405
		echo "$packet" | frames frame "${OPTIONS[@]}" --hex 206=04 --number 201=1000
		echo "$packet" | frames frame --hex 1=7066780078787800 --time 1700000000
	} | both_send
	compare 7
}

@test "messages in pieces" {
	seq -f 'packet %g' 5 >"$T/names"
	both_start
	# ulogd2 wants the first 6 bytes of a connection at once (U4): so the pieces are whole messages and a bit.
	vec_rows unixsock.vec pkt | sed -n 1,5p | frames frame "${OPTIONS[@]}" | tr -d '\n' | fold -w 200 | both_send
	compare 5
}

@test "the socket has the same mode" {
	both_start
	[ "$(stat -c '%F %a' "$T/ours.sock")" = "$(stat -c '%F %a' "$T/theirs.sock")" ]
	stop theirs
	stop ours
	[ ! -e "$T/ours.sock" ]
	[ ! -e "$T/theirs.sock" ]
}
