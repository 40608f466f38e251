# SPDX-License-Identifier: GPL-2.0-or-later
# The harness itself: a test that is not named in Makefile.am is never run, a file that is not is never shipped.

load ../lib

@test "every_test_and_all_it_needs_is_in_the_makefile" {
	local file

	cd "$TESTS"
	for file in */*.bats unit/test_*.c fuzz/*.c fuzz/*.h plugins/*.c bench/*.c tools/*.c tools/*.py *.bash cli/*.bash \
		diff/*.md; do
		grep -qw -- "$file" Makefile.am || fail "Makefile.am lacks $file"
	done
}

@test "checks_that_are_negated_can_fail" {
	cd "$TESTS"
	# To bash -e a command behind ! is no failure, whatever its status: || says what follows.
	awk '
		FNR == 1 { whole = "" }
		{ whole = whole == "" ? $0 : whole " " $0 }
		/([|\\]|&&)$/ { next }
		whole ~ /^[ \t]*! / && whole !~ /\|\|/ { print FILENAME ":" FNR ": " whole; found = 1 }
		{ whole = "" }
		END { exit found }' */*.bats || fail "write || fail TEXT behind these"
}

@test "a_daemon_that_is_started_again_is_ready_when_its_log_says_so_again" {
	PID[a]=$BASHPID
	starting a
	! initialized a || fail "without a log"
	echo "initialization finished" >"$T/a.log"
	initialized a
	starting a
	! initialized a || fail "the log of before"
	echo "initialization finished" >>"$T/a.log"
	initialized a
	unset "PID[a]"
}
