# SPDX-License-Identifier: GPL-2.0-or-later
# Outputs that print all fields print those that an event has, and their values, wherever they stand.
#
# The filter MANY writes other ones of 130 fields for each event; a number stays the same for some events.

load ../lib
load ../cli/cli

EVENTS=60

setup() {
	require_stage
	printf 'pkt: 450000240001000040110000c0000201c63364020400000900100000%016d\n' 0 >"$T/one.vec"
}

# through FILTERS [LINE...] - let the events through FILTERS to GPRINT, OPRINT and JSON, which write to FILE.NAME.
through() {
	local filters=$1 name

	shift
	{
		printf '[global]\nlogfile="%s"\n' "$T/ulogd.log"
		control_socket ulogd
		for name in GPRINT OPRINT JSON; do
			printf 'stack=v1:VECTOR,%s,%s1:%s\n' "$filters" "$name" "$name"
		done
		printf '[v1]\nfile="%s"\nrepeat=%s\n' "$T/one.vec" "$EVENTS"
		for name in GPRINT OPRINT JSON; do
			printf '[%s1]\nfile="%s"\nqueue_full=wait\n' "$name" "$T/$name"
		done
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$T/ulogd.conf"
	succeeds ulogd -c "$T/ulogd.conf"
}

# expected EVERY [TIMES] - print the fields of MANY in each event as lines many.N=VALUE, each event TIMES times.
expected() {
	awk -v events="$EVENTS" -v every="$1" -v times="${2:-1}" 'BEGIN {
		for (n = 1; n <= events; n++)
			for (k = 0; k < times; k++)
				for (i = 100; i < 230; i++)
					if ((i + n) % every == 0)
						printf("many.%d=%s%.0f\n", i, (i % 2 && n >= 20) ? "-" : "",
						       int(n / 20) * (i % 3 == 1 ? 2 ^ 32 : 1))
	}'
}

# printed NAME - print what the output has written of MANY, as expected() does.
printed() {
	grep -oE '"?many\.[0-9]+"?(=|: )-?[0-9]+' "$T/$1" | sed 's/"//g; s/: /=/'
}

@test "fields_behind_the_first_128_are_as_any_other" {
	through m1:MANY
	for name in GPRINT OPRINT JSON; do
		diff <(expected 7) <(printed "$name")
	done
	[ "$(printed JSON | wc -l)" -gt 1000 ]
	grep -q '^many.229=' <(printed JSON)
}

@test "fields_that_two_have_written_are_the_nearest_ones" {
	through m1:MANY,m2:MANY '[m2]' every=5
	for name in GPRINT OPRINT; do
		diff <(expected 5 2) <(printed "$name")
	done
	diff <(expected 5) <(printed JSON)
}

@test "a_plugin_that_stands_twice_is_printed_twice_and_once_as_JSON" {
	local name

	EVENTS=1
	through base1:BASE
	for name in GPRINT OPRINT JSON; do
		tr , '\n' <"$T/$name" | grep -E '^ ?"?(ip|udp)\.' >"$T/$name.once"
		[ "$(lines "$T/$name.once")" -ge 10 ]
		rm "$T/$name"
	done
	through base1:BASE,base2:BASE
	for name in GPRINT OPRINT; do
		diff <(cat "$T/$name.once" "$T/$name.once") <(tr , '\n' <"$T/$name" | grep -E '^(ip|udp)\.')
	done
	diff "$T/JSON.once" <(tr , '\n' <"$T/JSON" | grep -E '^ "(ip|udp)\.')
}
