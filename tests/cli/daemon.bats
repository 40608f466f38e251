# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon as a process: how it starts, what signals do, how it ends, what it leaves behind.

load ../lib
load cli

setup() {
	require_stage
}

teardown() {
	# What -d has put into the background.
	if [ -s "$T/pid" ]; then
		kill -KILL "$(cat "$T/pid")" 2>/dev/null || :
	fi
	cleanup
}

# Is the process of the pid file our daemon, and not about to end?
alive() {
	kill -0 "$(cat "$T/pid")"
}

# End what -d has put into the background, and wait for its end.
end_daemon() {
	local pid

	pid=$(cat "$T/pid")
	kill "$pid"
	wait_for "the end of the daemon" process_gone "$pid"
}

@test "it_ends_by_itself_when_all_inputs_have_ended" {
	small_conf repeat=10
	succeeds ulogd -c "$CONF"
	[ "$(lines "$T/out.txt")" = 10 ]
}

@test "sigterm_and_sigint_end_it_with_status_0_and_all_written" {
	for signal in TERM INT; do
		rm -f "$T/out.txt" "$T/a.log"
		small_conf hold=1 repeat=10 global:loglevel=3
		start_here a -c "$CONF"
		running a
		stop a "$signal"
		[ "$status" = 0 ]
		log_says "$T/a.log" "Terminal signal received, exiting"
		[ "$(lines "$T/out.txt")" = 10 ]
	done
}

@test "sighup_and_sigusr1_open_files_again" {
	small_conf hold=1 global:loglevel=3
	start_here a -c "$CONF"
	running a
	wait_for "the line" has_lines "$T/out.txt" 1
	for signal in HUP USR1; do
		mv "$T/out.txt" "$T/out.$signal"
		mv "$T/a.log" "$T/log.$signal"
		kill -s "$signal" "${PID[a]}"
		wait_for "the new output" test -e "$T/out.txt"
		wait_for "the new log" grep -qs "signal received, calling pluginstances" "$T/a.log"
	done
	stop a
	[ "$status" = 0 ]
	[ "$(lines "$T/out.HUP")" = 1 ]
	log_says "$T/a.log" "Terminal signal received"
}

@test "sighup_keeps_the_old_log_when_the_new_one_cannot_be_opened" {
	mkdir "$T/logs"
	small_conf hold=1 global:loglevel=3
	sed -i "s|^logfile=.*|logfile=$T/logs/log|" "$CONF"
	start_here a -c "$CONF"
	wait_for "the start" grep -qs "initialization finished" "$T/logs/log"
	mv "$T/logs" "$T/gone"
	kill -s HUP "${PID[a]}"
	wait_for "the complaint" grep -q "can't open logfile $T/logs/log: No such file or directory" "$T/gone/log"
	stop a
	[ "$status" = 0 ]
	log_says "$T/gone/log" "Terminal signal received"
}

@test "sigusr2_writes_counters_to_the_log" {
	small_conf hold=1 repeat=3 global:loglevel=3
	start_here a -c "$CONF"
	running a
	wait_for "the lines" has_lines "$T/out.txt" 3
	kill -s USR2 "${PID[a]}"
	wait_for "the counters" grep -q "$T/out.txt: 3 records written" "$T/a.log"
	wait_for "the counters" grep -q "v1 (VECTOR): 3 records passed, 0 filtered, 0 failed" "$T/a.log"
	stop a
	[ "$status" = 0 ]
}

@test "sigpipe_and_sigalrm_do_no_harm" {
	small_conf hold=1 global:loglevel=3
	start_here a -c "$CONF"
	running a
	kill -s PIPE "${PID[a]}"
	kill -s ALRM "${PID[a]}"
	stop a
	[ "$status" = 0 ]
}

@test "counters_are_in_the_log_at_the_end" {
	small_conf repeat=7
	succeeds ulogd -c "$CONF"
	log_says "$T/a.log" "$T/out.txt: 7 records written ($(wc -c <"$T/out.txt") bytes), 0 lost"
}

# --- pid file -------------------------------------------------------------------------------------

@test "the_pid_file_holds_the_pid_while_it_runs" {
	small_conf hold=1 global:loglevel=3
	start_here a -p "$T/pid" -c "$CONF"
	running a
	[ "$(cat "$T/pid")" = "${PID[a]}" ]
	stop a
	[ "$status" = 0 ]
	[ ! -e "$T/pid" ]
}

@test "a_stale_pid_file_is_replaced" {
	small_conf hold=1 global:loglevel=3
	echo 1 >"$T/pid"
	start_here a -v -p "$T/pid" -c "$CONF"
	running a
	[ "$(cat "$T/pid")" = "${PID[a]}" ]
	log_says "$T/a.err" "removing stale pidfile for pid 1"
	stop a
	[ ! -e "$T/pid" ]
}

@test "a_second_daemon_with_the_pid_file_does_not_start" {
	small_conf hold=1 global:loglevel=3
	start_here a -p "$T/pid" -c "$CONF"
	running a
	exits 1 ulogd -p "$T/pid" -c "$CONF"
	says "another ulogd already running with pid ${PID[a]}" "Fatal error."
	exits 1 ulogd -d -p "$T/pid" -c "$CONF"
	says "another ulogd already running with pid ${PID[a]}"
	[ "$(cat "$T/pid")" = "${PID[a]}" ]
	stop a
	[ "$status" = 0 ]
}

@test "a_pid_file_that_cannot_be_made_keeps_it_from_starting" {
	small_conf
	exits 1 ulogd -p "$T/none/pid" -c "$CONF"
	says "cannot open pid file $T/none/pid: No such file or directory" "Fatal error."
	[ ! -e "$T/out.txt" ]
}

@test "the_pid_file_goes_when_the_configuration_is_wrong" {
	small_conf foo=1
	exits 1 ulogd -p "$T/pid" -c "$CONF"
	[ ! -e "$T/pid" ]
}

# --- in the background ----------------------------------------------------------------------------

@test "daemon_returns_when_it_runs" {
	small_conf hold=1 global:loglevel=3
	succeeds ulogd -d -p "$T/pid" -c "$CONF"
	alive
	[ -e "$T/out.txt" ]
	wait_for "the log" grep -qs "initialization finished" "$T/a.log"
	end_daemon
	[ ! -e "$T/pid" ]
	log_says "$T/a.log" "Terminal signal received, exiting"
	[ "$(lines "$T/out.txt")" = 1 ]
}

@test "daemon_fails_when_the_configuration_is_wrong" {
	small_conf foo=1
	exits 1 ulogd -d -p "$T/pid" -c "$CONF"
	says "$CONF:10: v1: unknown config key \"foo\""
	[ ! -e "$T/pid" ]
}

@test "daemon_fails_when_nothing_can_be_started" {
	small_conf hold=1
	sed -i "s|$T/out.txt|$T/none/out.txt|" "$CONF"
	exits 1 ulogd -d -p "$T/pid" -c "$CONF"
	says "cannot open $T/none/out.txt"
	[ ! -e "$T/pid" ]
}

@test "daemon_fails_when_the_log_cannot_be_opened" {
	small_conf hold=1
	sed -i "s|^logfile=.*|logfile=$T/none/log|" "$CONF"
	exits 2 ulogd -d -p "$T/pid" -c "$CONF"
	says "can't open logfile '$T/none/log'"
	[ ! -e "$T/pid" ]
}

@test "daemon_takes_paths_relative_to_where_it_was_started" {
	small_conf hold=1 global:loglevel=3
	cd "$T"
	succeeds ulogd -d -p pid -c ulogd.conf
	alive
	end_daemon
	[ ! -e "$T/pid" ]
}

@test "daemon_leaves_terminal_directory_and_session" {
	local pid

	small_conf hold=1 global:loglevel=3
	succeeds ulogd -d -p "$T/pid" -c "$CONF"
	pid=$(cat "$T/pid")
	[ "$(readlink "/proc/$pid/cwd")" = / ]
	for fd in 0 1 2; do
		[ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ]
	done
	[ "$(cut -d' ' -f6 "/proc/$pid/stat")" != "$(cut -d' ' -f6 /proc/$$/stat)" ]
	end_daemon
}

@test "daemon_cancels_verbose" {
	small_conf hold=1 global:loglevel=3
	succeeds ulogd -d -v -p "$T/pid" -c "$CONF"
	says "suppressing verbose output (not compatible with daemon mode)."
	[[ $stderr != *"building new pluginstance"* ]]
	end_daemon
}

# --- as another user ------------------------------------------------------------------------------

@test "uid_runs_as_that_user_with_files_opened_before" {
	require_root
	id nobody >/dev/null || skip "needs the user nobody"
	small_conf hold=1 global:loglevel=3
	start_here a -u nobody -c "$CONF"
	running a
	[ "$(stat -c %u "/proc/${PID[a]}")" = "$(id -u nobody)" ]
	[ "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/${PID[a]}/status" | tr ' ' '\n' | sort -u)" = "$(id -u nobody)" ]
	[ "$(awk '/^Gid:/ { print $2, $3, $4, $5 }' "/proc/${PID[a]}/status" | tr ' ' '\n' | sort -u)" = "$(id -g nobody)" ]
	log_says "$T/a.log" "Changing UID / GID"
	stop a
	[ "$status" = 0 ]
	[ "$(lines "$T/out.txt")" = 1 ]
}

@test "uid_keeps_no_capability_but_net_admin" {
	local caps

	require_root
	id nobody >/dev/null || skip "needs the user nobody"
	small_conf hold=1 global:loglevel=3
	start_here a -u nobody -c "$CONF"
	running a
	for set in CapInh CapPrm CapEff CapAmb; do
		caps=$(awk -v set="$set:" '$1 == set { print $2 }' "/proc/${PID[a]}/status")
		# CAP_NET_ADMIN is bit 12.
		[ $((0x$caps & ~0x1000)) = 0 ] || fail "$set is $caps"
	done
	# The other threads, too.
	for task in "/proc/${PID[a]}/task/"*; do
		[ "$(awk '/^Uid:/ { print $2 }' "$task/status")" = "$(id -u nobody)" ]
		caps=$(awk '/^CapEff:/ { print $2 }' "$task/status")
		[ $((0x$caps & ~0x1000)) = 0 ] || fail "$task has $caps"
	done
	stop a
	[ "$status" = 0 ]
}

@test "uid_of_somebody_who_may_not_change_it_is_an_error" {
	small_conf hold=1
	nobody_writes "$T"
	as_nobody test -x "$ULOGD" -a -x "$STAGE" || skip "needs a build directory that others may enter"
	exits 1 as_nobody "$ULOGD" --plugin-dir "$STAGE/plugins" -u root -c "$CONF"
	says "can't set"
}

@test "a_restart_without_sockets_to_keep_says_nothing_of_them" {
	require_ulogctl
	small_conf hold=1 global:loglevel=3
	start_here a -c "$CONF"
	running a
	starting a
	"$CTL" -s "$T/ulogd.ctl" restart
	running a
	stop a
	[ "$(lines "$T/out.txt")" = 2 ]
	! grep "take over" "$T/a.log" || fail "there was nothing to take over"
}
