# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What tests share that run the daemon without a kernel to log from: plugins, configurations, packets.

STAGE=${STAGE:-$BUILDDIR/tests/stage}
UNPRIVILEGED=${UNPRIVILEGED:-65534}
CONF=$T/ulogd.conf

# The filters that VECTOR's packets need to become lines.
VECTOR_FILTERS=base1:BASE,ip2str1:IP2STR,print1:PRINTPKT

# ulogd ARGUMENT... - run the daemon with all plugins, those of the tests among them.
ulogd() {
	"$ULOGD" --plugin-dir "$STAGE/plugins" "$@"
}

# require_stage - skip unless the daemon and the plugins of the tests have been built.
require_stage() {
	require_ulogd
	[ -e "$STAGE/plugins/ulogd_inppkt_VECTOR.so" ] || skip "needs $STAGE, which make check builds"
}

# require_root - skip unless the test may do everything.
require_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# conf_is - write $CONF from stdin.
conf_is() {
	cat >"$CONF"
}

# as_nobody COMMAND... - run COMMAND as a user without any rights; as ourselves unless we are root.
as_nobody() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid "$UNPRIVILEGED" --regid "$UNPRIVILEGED" --clear-groups "$@"
	else
		"$@"
	fi
}

# nobody_writes DIRECTORY - let as_nobody reach and write DIRECTORY below $T.
nobody_writes() {
	local dir=$1

	chmod 777 "$dir"
	while [ "$dir" != "$BATS_RUN_TMPDIR" ] && [ "$dir" != / ]; do
		dir=$(dirname "$dir")
		chmod o+x "$dir"
	done
}

# succeeds COMMAND... - run COMMAND like `run' does, with $output and $stderr, and fail unless its status is 0.
succeeds() {
	exits 0 "$@"
}

# exits STATUS COMMAND... - run COMMAND like `run' does, with $output and $stderr, and fail unless it ends with STATUS.
exits() {
	local want=$1

	shift
	status=0
	"$@" >"$T/run.out" 2>"$T/run.err" 3>&- || status=$?
	output=$(cat "$T/run.out")
	stderr=$(cat "$T/run.err")
	[ "$status" = "$want" ] || fail "$* ended with $status, not $want: $output $stderr"
}

# says TEXT... - fail unless stderr of the last command contains each TEXT.
says() {
	local text

	for text; do
		[[ $stderr == *"$text"* ]] || fail "stderr lacks '$text':" "$stderr" || return 1
	done
}

# prints TEXT... - fail unless stdout of the last command contains each TEXT.
prints() {
	local text

	for text; do
		[[ $output == *"$text"* ]] || fail "stdout lacks '$text':" "$output" || return 1
	done
}

# log_says FILE TEXT... - fail unless the log FILE contains each TEXT.
log_says() {
	local file=$1 text

	shift
	for text; do
		grep -qF -- "$text" "$file" || fail "$file lacks '$text':" "$(cat "$file")" || return 1
	done
}

# host - print this host's name as LOGEMU writes it.
host() {
	local name

	name=$(uname -n)
	echo "${name%%.*}"
}

# nflog_vectors - print the packets of nflog.vec as blocks that VECTOR reads.  What the kernel adds to a packet and
# only passes through the daemon is taken from the line.
nflog_vectors() {
	vec_rows nflog.vec name family hook prefix mac pkt our-out | awk -F'|' '
		function value(key,	found) {
			if (!match($7, "(^| )" key "=[^ ]*"))
				return ""
			found = substr($7, RSTART, RLENGTH)
			return substr(found, index(found, "=") + 1)
		}
		function show(field, text) {
			if (text != "")
				print field ": " text
		}
		BEGIN {
			ethertype["ip"] = "0x0800"
			ethertype["ip6"] = "0x86dd"
			ethertype["arp"] = "0x0806"
		}
		$6 == "" { next }
		{
			mac = $5
			gsub(":", "", mac)
			print "name: " $1
			show("family", $2)
			show("protocol", $2 in ethertype ? ethertype[$2] : "0x" substr(mac, 25, 4))
			show("hook", $3)
			print "prefix: " $4
			show("mac", $5)
			show("pkt", $6)
			print "indev: " value("IN")
			print "outdev: " value("OUT")
			show("uid", value("UID"))
			show("gid", value("GID"))
			show("mark", value("MARK"))
			print ""
		}'
}

# nflog_rows FIELD... - like vec_rows nflog.vec, of those blocks that nflog_vectors prints.
nflog_rows() {
	vec_rows nflog.vec pkt "$@" | sed -n 's/^[0-9a-f][0-9a-f]*|//p'
}

# vector_conf NAME OUTPUT [OPTION...] - write NAME.conf: VECTOR with each OPTION, the filters, then OUTPUT, like LOGEMU,
# which writes NAME.txt.  The log is NAME.log.
vector_conf() {
	local name=$1 out=$2

	shift 2
	{
		printf '[global]\nlogfile="%s"\nloglevel=3\n' "$T/$name.log"
		control_socket "$name"
		printf 'stack=v1:VECTOR,%s,out1:%s\n' "$VECTOR_FILTERS" "$out"
		printf '[v1]\n'
		[ $# = 0 ] || printf '%s\n' "$@"
		printf '[out1]\nfile="%s"\nqueue_full=wait\n' "$T/$name.txt"
	} >"$T/$name.conf"
}

# unixsock_options [OPTION...] - print the options of VECTOR that make of unixsock.vec what its header says.
unixsock_options() {
	printf '%s\n' "file=\"$TESTS/vectors/unixsock.vec\"" prefix=pfx indev=eth0 outdev=eth1 time=1700000000 "$@"
}

# start_here NAME ARGUMENT... - start the daemon in the background, in the caller's namespace; see `start'.
start_here() {
	local name=$1

	shift
	starting "$name"
	"$ULOGD" --plugin-dir "$STAGE/plugins" "$@" </dev/null >"$T/$name.out" 2>"$T/$name.err" 3>&- &
	PID[$name]=$!
}

# running NAME - wait until the daemon NAME, with the log NAME.log, is ready.
running() {
	wait_for "$1 to be ready" initialized "$1"
	if process_gone "${PID[$1]}"; then
		fail "$1 did not start: $(cat "$T/$1.err")"
		return 1
	fi
}

# small_conf [OPTION...] - write $CONF: one packet through VECTOR to LOGEMU, which writes out.txt; log in a.log; each
# OPTION is one of VECTOR's, or with `global:' before it one of [global].
small_conf() {
	local option

	printf 'pkt: 450000211234000040117c61c0000201c633640214e90035000dabcd68656c6c6f\n' >"$T/one.vec"
	{
		printf '[global]\nlogfile="%s"\n' "$T/a.log"
		printf 'stack=v1:VECTOR,%s,emu1:LOGEMU\n' "$VECTOR_FILTERS"
		for option; do
			[[ $option != global:* ]] || printf '%s\n' "${option#global:}"
		done
		[[ "$*" == *global:control_socket=* ]] || control_socket ulogd
		printf '[emu1]\nfile="%s"\nsync=1\n' "$T/out.txt"
		printf '[v1]\nfile="%s"\n' "$T/one.vec"
		for option; do
			[[ $option == global:* ]] || printf '%s\n' "$option"
		done
	} >"$CONF"
}
