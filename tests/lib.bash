# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the system tests share: a network namespace per test, devices, rules, daemons, waiting.
#
# A test file says
#	load ../lib
#	setup() { require_netns; require_ulogd; ns_new NS; }
#	teardown() { cleanup; }
# Files of a test live in $T and are named for the daemon or device they belong to.

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILDDIR=${BUILDDIR:-$(dirname "$TESTS")}
ULOGD=${ULOGD:-$BUILDDIR/src/ulogd}
PLUGIN_DIR=${PLUGIN_DIR:-$BUILDDIR/plugins/.libs}
TOOLS=${TOOLS:-$BUILDDIR/tests/tools}
ULOGD2=${ULOGD2:-/usr/sbin/ulogd}
WAIT_SECONDS=${WAIT_SECONDS:-20}
T=${BATS_TEST_TMPDIR:-}

declare -gA PID=()	# of everything `start' began, by name
declare -gA INITIALIZED=()	# how often the log NAME.log told of a start, before the last one
declare -ga NAMESPACES=()

# The stack whose lines administrators know from ulogd2, without its input and its output.
TEXT_FILTERS=base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT

# fail TEXT... - say why the test fails.
fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# wait_for WHAT COMMAND... - poll until COMMAND succeeds; fail when that takes unreasonably long.
wait_for() {
	local what=$1 end=$((SECONDS + WAIT_SECONDS))

	shift
	until "$@"; do
		if ((SECONDS >= end)); then
			fail "gave up waiting for $what"
			return 1
		fi
		sleep 0.02
	done
}

# lines FILE - print how many lines FILE has, 0 without a file.
lines() {
	if [ -e "$1" ]; then
		wc -l <"$1"
	else
		echo 0
	fi
}

# has_lines FILE COUNT - FILE has COUNT lines or more.
has_lines() {
	[ "$(lines "$1")" -ge "$2" ]
}

# process_gone PID - no such process is left.
process_gone() {
	! kill -0 "$1" 2>/dev/null
}

# --- what a test needs, or it is skipped ---------------------------------------------------------

# require TOOL... - skip the test unless every TOOL is installed.
require() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "needs $tool"
	done
}

# require_netns - skip unless namespaces, TUN devices and logging rules can be had.
require_netns() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
	require ip nft python3
	[ -x "$TOOLS/inject" ] || skip "needs $TOOLS/inject"
}

# require_ulogd - skip unless the daemon has been built.
require_ulogd() {
	[ -x "$ULOGD" ] || skip "needs $ULOGD"
}

# require_ulogctl - skip unless ulogctl, $CTL, has been built.
require_ulogctl() {
	CTL=$BUILDDIR/src/ulogctl
	[ -x "$CTL" ] || skip "needs $CTL, which a build with jansson has"
}

# ctl ARGUMENT... - run ulogctl for the daemon whose control socket is $T/ulogd.sock.
ctl() {
	"$CTL" -s "$T/ulogd.sock" "$@"
}

# require_ulogd2 VERSION - skip unless the reference daemon is installed in this version.
require_ulogd2() {
	local version

	[ -x "$ULOGD2" ] || skip "needs ulogd2"
	version=$("$ULOGD2" -V 2>/dev/null | sed -n '1s/.*ulogd Version \([^ ]*\).*/\1/p')
	[ "$version" = "$1" ] || skip "needs ulogd2 $1, this is '$version'"
}

# --- namespaces and processes -------------------------------------------------------------------

# ns_new VARIABLE - make a network namespace, put its name into VARIABLE.
ns_new() {
	local name=ulogd-$$-${BATS_TEST_NUMBER:-0}-${#NAMESPACES[@]}

	ip netns add "$name" || skip "cannot make a network namespace"
	NAMESPACES+=("$name")
	ip -n "$name" link set lo up
	printf -v "$1" %s "$name"
}

# ns COMMAND... - run COMMAND in the namespace $NS.
ns() {
	ip netns exec "$NS" "$@"
}

# start NAME COMMAND... - run COMMAND in $NS in the background: stdin as it is, the rest in NAME.out and NAME.err.
start() {
	local name=$1

	shift
	ip netns exec "$NS" "$@" <&0 >"$T/$name.out" 2>"$T/$name.err" 3>&- &
	PID[$name]=$!
}

# stop NAME [SIGNAL] - end what `start' began and leave its exit status in $status.
stop() {
	kill -s "${2:-TERM}" "${PID[$1]}" || :
	ended "$1"
}

# ended NAME - wait for the end of what `start' began and leave its exit status in $status.
ended() {
	local pid=${PID[$1]}

	wait_for "the end of $1" process_gone "$pid"
	status=0
	# shellcheck disable=SC2034  # for the test
	wait "$pid" || status=$?
	unset "PID[$1]"
}

# cleanup - remove all the test made; when it failed, show what the daemons said.
cleanup() {
	local name file

	for name in "${!PID[@]}"; do
		kill -s KILL "${PID[$name]}" 2>/dev/null || :
		wait "${PID[$name]}" 2>/dev/null || :
	done
	for name in "${NAMESPACES[@]}"; do
		ip netns del "$name" || :
	done
	[ "${BATS_TEST_COMPLETED:-}" = 1 ] && return
	for file in "$T"/*.log "$T"/*.err; do
		if [ -s "$file" ]; then
			printf '%s:\n' "${file##*/}"
			grep -v 'registering plugin' "$file" | tail -n 20
		fi
	done
}

# --- devices and packets ------------------------------------------------------------------------

# tap_add NAME [MAC] - make a TAP device in $NS; its address is where numbered frames go unless another is given.
tap_add() {
	dev_add tap "$1"
	ip -n "$NS" link set "$1" address "${2:-02:00:00:00:00:01}" up
}

# tun_add NAME - make a TUN device in $NS.
tun_add() {
	dev_add tun "$1"
	ip -n "$NS" link set "$1" up
}

# dev_add tap|tun NAME - make a device in $NS that send_frames feeds, and that makes no packets on its own.
dev_add() {
	mkfifo "$T/$2.in"
	# Open for reading and writing, so the device outlives each single writer.
	start "$2" "$TOOLS/inject" "$1" "$2" <>"$T/$2.in"
	wait_for "device $2" ip -n "$NS" link show "$2" >/dev/null 2>&1
	ip -n "$NS" link set "$2" addrgenmode none
}

# bridge_add NAME PORT - make a bridge in $NS with one port that exists.
bridge_add() {
	ip -n "$NS" link add "$1" type bridge
	ip -n "$NS" link set "$2" master "$1"
	ip -n "$NS" link set "$1" addrgenmode none up
}

# send_frames DEVICE - write the frames on stdin, one per line in hex; return when all are in the kernel.
send_frames() {
	local answers

	answers=$(lines "$T/$1.out")
	{ cat; echo; } >"$T/$1.in"
	wait_for "frames to leave for $1" has_lines "$T/$1.out" $((answers + 1))
}

# numbered FIRST COUNT [PER_SECOND] - print numbered frames for send_frames.
numbered() {
	python3 "$TESTS/tools/frames.py" "$@"
}

# numbers FILE... - print the numbers of the numbered frames whose lines are in FILEs, in their order.
numbers() {
	sed -nE 's/.* ID=([0-9]+) .* SPT=([0-9]+) .*/\1 \2/p' "$@" | awk '{ print ($2 - 1024) * 65536 + $1 }'
}

# send_udp UID SOURCE_PORT ADDRESS PORT TEXT - send one packet from $NS.
send_udp() {
	ns python3 "$TESTS/tools/udp.py" "$@"
}

# nft_chain FAMILY HOOK RULE... - load RULEs at HOOK, written like "input priority 0"; they may use a counter `seen'.
nft_chain() {
	local family=$1 hook=$2

	shift 2
	{
		printf 'table %s t {\ncounter seen { }\n' "$family"
		printf 'chain on_%s {\ntype filter hook %s\n' "${hook%% *}" "$hook"
		printf '%s\n' "$@" '}' '}'
	} | ns nft -f -
}

# nft_seen - print how many packets the counters `seen' of all families have counted.
nft_seen() {
	ns nft list counters | awk '$1 == "packets" { sum += $2 } END { print sum + 0 }'
}

# nft_stop - take the rules away; what the counters have counted stays.
nft_stop() {
	ns nft list tables | sed 's/^/flush /' | ns nft -f -
}

# during_load PID - wait for packets that the counters see, and fail unless PID, which sends them, has more.
during_load() {
	local before

	before=$(nft_seen)
	wait_for "packets" seen_more "$before"
	kill -0 "$1"
}

seen_more() {
	[ "$(nft_seen)" -gt "$1" ]
}

# --- daemons ------------------------------------------------------------------------------------

# conf NAME - write NAME.conf: a [global] section with the log NAME.log and, unless stdin names another, the control
# socket NAME.ctl, continued by stdin.
conf() {
	local rest

	IFS= read -rd '' rest || :
	{
		printf '[global]\nlogfile="%s"\nloglevel=3\n' "$T/$1.log"
		[[ $rest == *control_socket=* ]] || control_socket "$1"
		printf %s "$rest"
	} >"$T/$1.conf"
}

# control_socket NAME - print the line for [global] that keeps the daemon NAME away from the system's own socket.
control_socket() {
	printf 'control_socket="%s"\n' "$T/$1.ctl"
}

# text_conf NAME GROUP [LINE...] - write NAME.conf that prints the packets of GROUP to NAME.txt; each LINE is one
# more option of the input.
text_conf() {
	local name=$1 group=$2

	shift 2
	{
		printf 'stack=log1:NFLOG,%s,emu1:LOGEMU\n' "$TEXT_FILTERS"
		printf '[log1]\ngroup=%s\n' "$group"
		[ $# = 0 ] || printf '%s\n' "$@"
		printf '[emu1]\nfile="%s"\nsync=1\n' "$T/$name.txt"
	} | conf "$name"
}

# starts_logged NAME - print how often NAME.log tells of a start.
starts_logged() {
	if [ -e "$T/$1.log" ]; then
		grep -c 'initialization finished' "$T/$1.log" || :
	else
		echo 0
	fi
}

# starting NAME - before the daemon NAME is started, perhaps again: remember what its log holds already.
starting() {
	INITIALIZED[$1]=$(starts_logged "$1")
}

# initialized NAME - the daemon NAME has said that it runs, or has ended.
initialized() {
	[ "$(starts_logged "$1")" -gt "${INITIALIZED[$1]:-0}" ] || process_gone "${PID[$1]}"
}

# start_daemon NAME COMMAND... - start COMMAND with NAME.conf and wait until it is ready.
start_daemon() {
	local name=$1

	shift
	starting "$name"
	start "$name" "$@" -c "$T/$name.conf" </dev/null
	wait_for "$name to be ready" initialized "$name"
	if process_gone "${PID[$name]}"; then
		fail "$name did not start"
		return 1
	fi
}

# start_ulogd NAME - start our daemon with NAME.conf.
start_ulogd() {
	start_daemon "$1" "$ULOGD" --plugin-dir "$PLUGIN_DIR"
}

# start_ulogd2 NAME - start the reference daemon with NAME.conf.
start_ulogd2() {
	start_daemon "$1" "$ULOGD2"
}

# text FILE... - print lines of LOGEMU without time and host.
text() {
	sed -E 's/^[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [^ ]+ //' "$@"
}

# --- captures -----------------------------------------------------------------------------------

# tshark_finds FILE - print a row per packet of the capture FILE as tshark reads it: captured length, length, and what
# is wrong with it: `malformed', `cut'.  Fail when the file is not whole.
tshark_finds() {
	tshark -n -r "$1" -o tcp.analyze_sequence_numbers:FALSE -T fields -E separator='|' \
		-e frame.cap_len -e frame.len -e _ws.malformed -e _ws.short 2>"$T/tshark.err" >"$T/tshark.out" ||
		fail "tshark: $(cat "$T/tshark.err")" || return 1
	awk -F'|' '{ print $1, $2 ($3 != "" ? " malformed" : "") ($4 != "" ? " cut" : "") }' "$T/tshark.out"
}

# tshark_reads FILE COUNT - the capture FILE holds COUNT packets, and tshark has nothing to say against them.
tshark_reads() {
	tshark_finds "$1" >"$T/tshark.rows" || return 1
	[ "$(lines "$T/tshark.rows")" = "$2" ] || fail "tshark reads $(lines "$T/tshark.rows") packets, not $2" || return 1
	! grep -nE 'malformed|cut' "$T/tshark.rows" || fail "tshark does not like these packets of $1"
}

# --- differences that are intended --------------------------------------------------------------

# expected_filter ID SIDE [KIND...] - print the filter that tests/diff/expected.md has for SIDE in the section ID: that
# of its blocks for one of KINDs, or without these of those for no kind.  Blocks may be for one version of ulogd2.
expected_filter() {
	local IFS="|" id=$1 side=$2

	shift 2
	awk -v id="$id" -v fence="^\`\`\`sed ${*:+($*) }$side( ${ULOGD2_VERSION:-})?\$" '
		/^## / { wanted = $2 == id }
		/^```/ { inside = wanted && !inside && $0 ~ fence; next }
		inside' "$TESTS/diff/expected.md"
}

# filter_expected SIDE FILE SIDE FILE KINDS [ID...] - take the intended differences ID out of the FILE of each SIDE;
# fail when there is nothing to take out.
filter_expected() {
	local sides=("$1" "$3") files=("$2" "$4") kinds id i

	read -ra kinds <<<"$5"
	shift 5
	for id; do
		cat "${files[@]}" >"$T/unfiltered"
		for i in 0 1; do
			expected_filter "$id" "${sides[i]}" "${kinds[@]}" >"$T/filter"
			sed -E -i -f "$T/filter" "${files[i]}"
		done
		if cat "${files[@]}" | cmp -s - "$T/unfiltered"; then
			fail "difference $id was not seen"
			return 1
		fi
	done
}

# --- vectors ------------------------------------------------------------------------------------

# vec_rows FILE FIELD... - print one row per block of tests/vectors/FILE: the FIELDs joined by `|'.  Fields `our-out'
# and `our-keys' are what our daemon gives: `ours-out' and `ours-keys', or without these `out' and `keys'.
vec_rows() {
	local file=$1

	shift
	awk -v fields="$*" '
		function row(	i, n, names, text) {
			n = split(fields, names, " ")
			for (i = 1; i <= n; i++)
				text = text (i > 1 ? "|" : "") block[names[i]]
			print text
			delete block
		}
		/^#/ { next }
		/^$/ { if ("name" in block) row(); next }
		{
			field = substr($0, 1, index($0, ":") - 1)
			block[field] = substr($0, length(field) + 3)
			if (field ~ /^(ours-)?(out|keys)$/) {
				ours = field
				sub(/^(ours-)?/, "our-", ours)
				block[ours] = block[field]
			}
		}
		END { if ("name" in block) row() }' "$TESTS/vectors/$file"
}

# vec_frames FILE MAC - print the packets of tests/vectors/FILE as Ethernet frames for MAC, given in 12 hex digits.
# The source address of the Nth ends in N, which vec_frame_names puts into words.
vec_frames() {
	vec_rows "$1" pkt | awk -v mac="$2" '{
		printf "%s0200000001%02x%s%s\n", mac, NR, substr($0, 1, 1) == 6 ? "86dd" : "0800", $0
	}'
}

# vec_frame_names FILE - print `address|name' for each frame of vec_frames.
vec_frame_names() {
	vec_rows "$1" name | awk '{ printf "02:00:00:00:01:%02x|%s\n", NR, $0 }'
}
