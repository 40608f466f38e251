# SPDX-License-Identifier: GPL-2.0-or-later
# What the daemon can do without root: everything, with CAP_NET_ADMIN.

load ../lib

setup() {
	require_netns
	require_ulogd
	require setpriv
	ns_new NS
	tap_add tap0
	# A directory of nobody, who may go there.
	mkdir "$T/nobody"
	chown nobody "$T/nobody"
	chmod o+x "$BATS_RUN_TMPDIR" "$(dirname "$T")" "$T"
}

teardown() {
	cleanup
}

# The configuration log.conf: group 7 to nobody/log.txt; LINES for [global] on stdin.
nobody_conf() {
	{
		cat
		printf 'stack=log1:NFLOG,%s,emu1:LOGEMU\n' "$TEXT_FILTERS"
		printf '[log1]\ngroup=7\n[emu1]\nfile="%s"\nsync=1\n' "$T/nobody/log.txt"
	} | conf log
	chmod o+r "$T/log.conf"
	touch "$T/log.log"
	chown nobody "$T/log.log"
}

# Ten packets more are in the file.
ten_packets() {
	local before

	before=$(lines "$T/nobody/log.txt")
	numbered 0 10 | send_frames tap0
	wait_for "the packets" has_lines "$T/nobody/log.txt" $((before + 10))
}

log_tap0() {
	nft_chain ip "prerouting priority raw" "iifname tap0 log prefix \"flood\" group 7 drop"
}

# The capabilities SET (CapEff, CapBnd, …) of the daemon are those of the mask: capabilities_are SET MASK.
capabilities_are() {
	[ "$(awk -v set="$1:" '$1 == set { print $2 }' "/proc/${PID[log]}/status")" = "$2" ]
}

NET_ADMIN=0000000000001000

@test "all of it runs as an ordinary user with CAP_NET_ADMIN: packets, SIGHUP after a rename, regular end" {
	nobody_conf <<<'control_socket=""'
	start_daemon log setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs \
		--inh-caps -all,+net_admin --ambient-caps -all,+net_admin --bounding-set -all,+net_admin \
		"$ULOGD" --plugin-dir "$PLUGIN_DIR"
	log_tap0
	ten_packets
	mv "$T/nobody/log.txt" "$T/nobody/log.1"
	kill -s HUP "${PID[log]}"
	wait_for "the new file" test -e "$T/nobody/log.txt"
	ten_packets
	stop log
	[ "$status" = 0 ]
	grep -q 'group 7: 20 packets received, 0 lost' "$T/log.log"
}

@test "-u keeps CAP_NET_ADMIN and nothing else, unbinds at the end" {
	grep -qs 'define HAVE_LIBCAP_NG 1' "$BUILDDIR/config.h" || skip "needs libcap-ng"
	nobody_conf <<<'control_socket=""'
	start_daemon log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u nobody
	[ "$(stat -c %U "/proc/${PID[log]}")" = nobody ] ||
		[ "$(awk '$1 == "Uid:" { print $2 $3 $4 $5 }' "/proc/${PID[log]}/status")" != 0000 ]
	capabilities_are CapEff "$NET_ADMIN"
	capabilities_are CapPrm "$NET_ADMIN"
	capabilities_are CapAmb 0000000000000000
	capabilities_are CapBnd 0000000000000000
	log_tap0
	ten_packets
	stop log
	[ "$status" = 0 ]
	! ns grep -q '^ *7 ' /proc/net/netfilter/nfnetlink_log || fail "that should have failed"
	! grep -q 'cannot unbind' "$T/log.log" || fail "that should have failed"
}

# The nice values of all threads of the daemon, each once: field 19 of stat, counted behind the name.
nice_values() {
	sed 's/.*) //' "/proc/${PID[log]}/task"/*/stat | awk '{ print $17 }' | sort -u
}

# start_with_priority LINE [NICE] - start the daemon with LINE in [global], and with the nice value NICE; it becomes
# nobody, who cannot lower it any more.
start_with_priority() {
	nobody_conf <<<"control_socket=\"\"
$1"
	rm -f "$T/log.log"
	start_daemon log nice -n "${2:-0}" "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u nobody
}

@test "priority is the nice value of all threads, -1 without it, and is set before -u" {
	start_with_priority ""
	[ "$(find "/proc/${PID[log]}/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 3 ]
	[ "$(nice_values)" = -1 ]
	stop log
	start_with_priority priority=-7
	[ "$(nice_values)" = -7 ]
	stop log
	start_with_priority priority=5
	[ "$(nice_values)" = 5 ]
	stop log
	# What others gave it is not taken away by a default.
	start_with_priority "" 5
	[ "$(nice_values)" = -1 ]
	stop log
	start_with_priority "" -7
	[ "$(nice_values)" = -7 ]
	stop log
	start_with_priority priority=-1 -7
	[ "$(nice_values)" = -1 ]
	stop log
	! grep -q 'Could not nice' "$T/log.log" || fail "that should have failed"
}

@test "a priority that may not be set is said and stops nothing" {
	nobody_conf <<<'control_socket=""
priority=-7'
	start_daemon log setpriv --bounding-set -sys_nice --inh-caps -sys_nice \
		"$ULOGD" --plugin-dir "$PLUGIN_DIR"
	grep -q '<3> .* Could not nice process to -7 (priority): Permission denied' "$T/log.log"
	[ "$(nice_values)" = 0 ]
	stop log
	[ "$status" = 0 ]
}

@test "ulogctl restart works after -u" {
	grep -qs 'define HAVE_LIBCAP_NG 1' "$BUILDDIR/config.h" || skip "needs libcap-ng"
	[ -x "$BUILDDIR/src/ulogctl" ] || skip "needs ulogctl"
	nobody_conf <<<"control_socket=\"$T/nobody/ctl\""
	start_daemon log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u nobody
	log_tap0
	ten_packets
	"$BUILDDIR/src/ulogctl" -s "$T/nobody/ctl" restart
	grep -q 'taking over the socket of log group 7' "$T/log.log"
	capabilities_are CapEff "$NET_ADMIN"
	ten_packets
	"$BUILDDIR/src/ulogctl" -s "$T/nobody/ctl" restart
	ten_packets
	stop log
	[ "$status" = 0 ]
	! grep -q 'cannot unbind' "$T/log.log" || fail "that should have failed"
}

@test "the log and a spool's directories that are made before -u belong to the user: they can be opened anew" {
	[ -x "$BUILDDIR/src/ulogctl" ] || skip "needs ulogctl"
	nobody_conf <<<"control_socket=\"$T/nobody/ctl\""
	sed -i "s|^logfile=.*|logfile=\"$T/nobody/log.log\"|" "$T/log.conf"
	printf 'queue_full=spool\nspool_dir="%s"\n' "$T/nobody/spool" >>"$T/log.conf"
	rm -f "$T/log.log"
	ln -s nobody/log.log "$T/log.log"
	start_daemon log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u nobody
	[ "$(stat -c '%U %G' "$T/nobody/log.log" "$T/nobody/log.txt" "$T/nobody/spool" "$T/nobody/spool"/* | sort -u)" = \
		"nobody $(id -gn nobody)" ]
	# What was there before stays whose it was: the next start finds it, a new one is made on SIGHUP.
	kill -s HUP "${PID[log]}"
	wait_for "the same log" grep -q 'signal received, calling pluginstances' "$T/nobody/log.log"
	! grep -q "can't open logfile" "$T/nobody/log.log" || fail "that should have failed"
	mv "$T/nobody/log.log" "$T/nobody/old.log"
	kill -s HUP "${PID[log]}"
	wait_for "the new log" grep -qs 'signal received, calling pluginstances' "$T/nobody/log.log"
	"$BUILDDIR/src/ulogctl" -s "$T/nobody/ctl" restart
	wait_for "the restart" grep -q 'initialization finished' "$T/nobody/log.log"
	# A new output's spool is made by the user.
	sed -i "s|^\[log1\]|stack=log1:NFLOG,$TEXT_FILTERS,emu2:LOGEMU\n&|" "$T/log.conf"
	printf '[emu2]\nfile="%s"\nqueue_full=spool\nspool_dir="%s"\n' "$T/nobody/2.txt" "$T/nobody/spool" >>"$T/log.conf"
	"$BUILDDIR/src/ulogctl" -s "$T/nobody/ctl" reload
	[ "$(find "$T/nobody/spool" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
	stop log
	[ "$status" = 0 ]
}

opened_twice() {
	[ "$(grep -c 'log.txt: opened again' "$T/log.log")" = 2 ]
}

@test "files of the user in a directory of root, where they cannot be made, are opened anew all the same" {
	[ -x "$BUILDDIR/src/ulogctl" ] || skip "needs ulogctl"
	nobody_conf <<<"control_socket=\"$T/nobody/ctl\""
	sed -i "s|^file=.*|file=\"$T/log.txt\"|" "$T/log.conf"
	rm "$T/log.log"
	start_daemon log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u nobody
	kill -s HUP "${PID[log]}"
	wait_for "the file" grep -q 'log.txt: opened again' "$T/log.log"
	"$BUILDDIR/src/ulogctl" -s "$T/nobody/ctl" restart
	kill -s HUP "${PID[log]}"
	wait_for "the second time" opened_twice
	! grep -q 'cannot open\|can.t open' "$T/log.log" || fail "that should have failed"
	stop log
	[ "$status" = 0 ]
}

@test "a socket of UNIXSOCK that was opened before -u is taken over by ulogctl restart and reload" {
	local i

	[ -x "$BUILDDIR/src/ulogctl" ] || skip "needs ulogctl"
	conf log <<-EOF
	control_socket="$T/nobody/ctl"
	stack=sock1:UNIXSOCK,base1:BASE,ip2str1:IP2STR,gp1:GPRINT
	[sock1]
	socket_path="$T/sock"
	owner=daemon
	group=daemon
	perms=0606
	[gp1]
	file="$T/nobody/log.txt"
	sync=1
	EOF
	rm -f "$T/log.log"
	start_daemon log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u nobody
	for i in 1 2; do
		# The owner of the socket is one user, who the daemon is another.
		[ "$(awk '$1 == "Uid:" { print $2, $3, $4, $5 }' "/proc/${PID[log]}/status")" = \
			"$(id -u nobody) $(id -u nobody) $(id -u nobody) $(id -u nobody)" ]
		[ "$(stat -c '%U %G %a' "$T/sock")" = "daemon daemon 606" ]
		echo 45000024123400004011000001020304050607080001000200100000 |
			python3 "$TESTS/tools/frames_unixsock.py" frame --option 1=waits |
			python3 "$TESTS/tools/frames_unixsock.py" send "$T/sock"
		wait_for "the packet" has_lines "$T/nobody/log.txt" "$i"
		"$BUILDDIR/src/ulogctl" -s "$T/nobody/ctl" restart
		"$BUILDDIR/src/ulogctl" -s "$T/nobody/ctl" reload
	done
	[ "$(grep -c 'taking over the socket' "$T/log.log")" -ge 2 ]
	stop log
	[ "$status" = 0 ]
}

@test "a file that is somebody else's is not given away" {
	nobody_conf <<<'control_socket=""'
	touch "$T/nobody/log.txt"
	chown root:root "$T/log.log"
	start_daemon log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u nobody
	[ "$(stat -c %U "$T/nobody/log.txt" "$T/log.log" | sort -u)" = root ]
	stop log
	[ "$status" = 0 ]
}
