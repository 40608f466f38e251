# SPDX-License-Identifier: GPL-2.0-or-later
# ulogd.conf as administrators have it: the dialect, what is wrong with it, and that nothing is touched before all of
# it has been found right.

load ../lib
load cli

setup() {
	require_stage
}

# Fail unless option KEY of the instance SECTION has VALUE: value SECTION KEY VALUE.
value() {
	succeeds ulogd --print-config -c "$CONF"
	awk -v section="[$1]" -v want="$2=$3" '
		$1 ~ /^\[/ { inside = $1 == section }
		inside { sub(/ *# .*/, ""); if ($0 == want) found = 1 }
		END { exit !found }' "$T/run.out" || fail "[$1] lacks $2=$3:" "$output"
}

@test "any_separator_between_key_and_value" {
	for line in repeat=3 "repeat = 3" "repeat 3" $'repeat\t=\t3' "repeat==3" "  repeat=3" "repeat=3 # three" \
		'repeat="3"' '"repeat"=3' "repeat=0x3" "repeat=03"; do
		small_conf "$line"
		value v1 repeat 3
	done
}

@test "a_file_with_dos_line_ends" {
	small_conf repeat=3
	sed -i 's/$/\r/' "$CONF"
	value v1 repeat 3
	succeeds ulogd -c "$CONF"
	[ "$(lines "$T/out.txt")" = 3 ]
}

@test "a_last_line_without_its_newline" {
	small_conf
	printf 'repeat=3' >>"$CONF"
	value v1 repeat 3
}

@test "lines_longer_than_ulogd2_allows" {
	local long

	long=$(printf '%0300d' 0)
	small_conf "#$long" "repeat=3 $long" "prefix=$long"
	value v1 repeat 3
	value v1 prefix "\"$long\""
}

@test "comments_anywhere" {
	small_conf "# one" "  # two" $'\t#three=3' "#" repeat=3
	value v1 repeat 3
	succeeds ulogd -t -c "$CONF"
	[ "$stderr" = "" ]
}

@test "quotes_keep_blanks" {
	small_conf 'prefix="a b = c # d"' 'indev=""' 'outdev=ro"ot"'
	succeeds ulogd --print-config -c "$CONF"
	grep -qF 'prefix="a b = c # d"' "$T/run.out"
	grep -qF 'indev=""' "$T/run.out"
	grep -qF 'outdev="ro"ot""' "$T/run.out"
}

@test "what_follows_a_value_is_ignored_and_said_unless_it_is_a_comment" {
	small_conf 'prefix="a \"b\""' 'indev="eth"0' 'outdev=a b # c' 'repeat="2"# two'
	succeeds ulogd -t -c "$CONF"
	says "$CONF:10: v1: prefix: ignored behind the value \"a \\\": b\\\"\"; put a value with blanks into quotes" \
		"$CONF:11: v1: indev: ignored behind the value \"eth\": 0; " \
		"$CONF:12: v1: outdev: ignored behind the value \"a\": b # c; "
	[[ $stderr != *repeat* ]]
	ulogd --print-config -c "$CONF" | grep -qF 'prefix="a \"  '
	value v1 indev '"eth"'
	value v1 repeat 2
}

@test "a_quote_that_is_not_closed_is_said_and_the_default_kept" {
	small_conf 'prefix="abc'
	succeeds ulogd -t -c "$CONF"
	says "$CONF:10: v1: ignoring malformed config directive \"prefix\" on line 10"
	value v1 prefix '""'
}

@test "a_key_without_value_is_said_and_the_default_kept" {
	small_conf repeat
	succeeds ulogd -t -c "$CONF"
	says "$CONF:10: v1: ignoring malformed config directive \"repeat\" on line 10"
	value v1 repeat 1
}

@test "of_two_sections_with_one_name_the_first_counts" {
	small_conf repeat=3 "[v1]" repeat=4
	succeeds ulogd -t -c "$CONF"
	says "$CONF:11: v1: this section is ignored, the one at $CONF:8 counts"
	value v1 repeat 3
}

@test "a_section_header_with_blanks_and_text" {
	small_conf repeat=3
	sed -i 's/^\[v1\]/ [ v1 ]  # the packets/' "$CONF"
	value v1 repeat 3
}

@test "a_plugin_needs_no_section" {
	small_conf
	sed -i '/^\[v1\]/,$d' "$CONF"
	value v1 repeat 1
}

@test "a_section_of_a_plugin_without_options_is_empty" {
	small_conf "[base1]"
	succeeds ulogd -t -c "$CONF"
	small_conf "[base1]" foo=1
	exits 1 ulogd -t -c "$CONF"
	says "$CONF:11: base1: unknown config key \"foo\""
}

@test "sections_that_nobody_uses_may_say_anything" {
	small_conf "[unused-one]" foo=1 "what is this"
	succeeds ulogd -t -c "$CONF"
}

@test "sections_that_nobody_uses_are_listed_by_t_alone" {
	printf '[other]\n\n[unused-two]\n' >"$T/more.conf"
	small_conf "global:include=more.conf" "[unused-one]" foo=1
	succeeds ulogd -t -c "$CONF"
	[ "$output" = "$CONF: fine, stacks: 1
no stack uses the sections [other] at $T/more.conf:1, [unused-two] at $T/more.conf:3, [unused-one] at line 11" ]
	succeeds ulogd -v -c "$CONF"
	[[ $stderr != *unused-one* ]]
}

@test "a_section_that_is_nearly_an_instances_is_said" {
	small_conf
	sed -i 's/^\[v1\]/[v11]/' "$CONF"
	succeeds ulogd -t -c "$CONF"
	says "$CONF:8: v11: no stack uses this section, and v1 has none; did you mean \"v1\"?"
}

@test "include_reads_other_files_by_pattern" {
	mkdir "$T/conf.d"
	printf '[v1]\nrepeat=3\n' >"$T/conf.d/10-packets.conf"
	printf '[emu1]\nfile="%s"\n' "$T/out.txt" >"$T/conf.d/20-output.conf"
	printf 'this is no configuration\n' >"$T/conf.d/README"
	printf '[global]\ninclude=conf.d/*.conf\nstack=v1:VECTOR,%s,emu1:LOGEMU\n' "$VECTOR_FILTERS" >"$CONF"
	value v1 repeat 3
	grep -qE "^repeat=3 +# $T/conf.d/10-packets.conf:2\$" "$T/run.out"
}

@test "include_may_hold_stacks" {
	printf '[global]\nstack=v1:VECTOR,%s,emu1:LOGEMU\n' "$VECTOR_FILTERS" >"$T/one.inc"
	printf '[global]\nstack=v1:VECTOR,%s,emu2:LOGEMU\n' "$VECTOR_FILTERS" >"$T/two.inc"
	printf '[global]\ninclude="%s/*.inc"\n' "$T" >"$CONF"
	succeeds ulogd -t -c "$CONF"
	prints "stacks: 2"
}

@test "a_missing_include_is_an_error_a_pattern_without_files_is_not" {
	small_conf 'global:include=none.conf'
	exits 1 ulogd -t -c "$CONF"
	says "$CONF:4: global: include=none.conf: $T/none.conf does not exist"
	small_conf 'global:include=none*.conf'
	succeeds ulogd -t -c "$CONF"
}

@test "includes_in_a_circle_are_an_error" {
	small_conf 'global:include=other.conf'
	printf '[global]\ninclude=ulogd.conf\n' >"$T/other.conf"
	exits 1 ulogd -t -c "$CONF"
	says "a circle"
}

@test "a_file_that_cannot_be_read_is_named" {
	exits 1 ulogd -c "$T/none.conf"
	says "unable to read configfile \"$T/none.conf\": No such file or directory" "Fatal error."
	exits 1 ulogd -t -c "$T"
	says "$T" "Is a directory"
}

@test "a_file_that_may_not_be_read_is_named" {
	small_conf
	chmod 000 "$CONF"
	nobody_writes "$T"
	as_nobody test -x "$ULOGD" -a -x "$STAGE" || skip "needs a build directory that others may enter"
	exits 1 as_nobody "$ULOGD" --plugin-dir "$STAGE/plugins" -c "$CONF"
	says "unable to read configfile \"$CONF\": Permission denied" "Fatal error."
	chmod 600 "$CONF"
}

@test "global_is_needed" {
	printf '[v1]\nrepeat=1\n' >"$CONF"
	exits 1 ulogd -t -c "$CONF"
	says "section \"global\" not found"
}

@test "one_stack_is_needed" {
	printf '[global]\nloglevel=5\n' >"$CONF"
	exits 1 ulogd -t -c "$CONF"
	says "not even a single working plugin stack"
	exits 1 ulogd -c "$CONF"
	says "not even a single working plugin stack" "Fatal error."
}

@test "an_empty_stack_is_an_error" {
	small_conf 'global:stack=""'
	exits 1 ulogd -t -c "$CONF"
	says "$CONF:4: global: stack: it is empty"
}

@test "plugin_lines_find_plugins_by_their_base_name" {
	small_conf
	{
		printf '[global]\n'
		for name in inppkt_VECTOR raw2packet_BASE filter_IP2STR filter_PRINTPKT output_LOGEMU; do
			printf 'plugin="/usr/lib/of/ulogd2/ulogd_%s.so"\n' "$name"
		done
		sed 1d "$CONF"
	} >"$T/with.conf"
	succeeds ulogd -c "$T/with.conf"
	[ "$(lines "$T/out.txt")" = 1 ]
}

@test "with_plugin_lines_only_listed_plugins_are_there" {
	small_conf "global:plugin=ulogd_inppkt_VECTOR.so"
	exits 1 ulogd -t -c "$CONF"
	says "is not among the plugin= lines"
}

@test "a_plugin_line_that_cannot_be_loaded_is_said_and_harmless" {
	small_conf "global:plugin=/usr/lib/none.so"
	succeeds ulogd -t -c "$CONF"
	says "$CONF:4: global: load_plugin: '/usr/lib/none.so': "
}

@test "nothing_is_opened_when_something_is_wrong" {
	small_conf "[emu2]" "file=$T/out2.txt" foo=1 "global:stack=v1:VECTOR,$VECTOR_FILTERS,emu2:LOGEMU"
	exits 1 ulogd -c "$CONF"
	says "emu2: unknown config key \"foo\"" "Fatal error, check logfile \"$T/a.log\" or use '-v' flag."
	log_says "$T/a.log" "unknown config key \"foo\""
	[ ! -e "$T/out.txt" ]
	[ ! -e "$T/out2.txt" ]
}

@test "a_directory_that_may_not_be_written_is_named_with_the_user" {
	local name

	small_conf
	nobody_writes "$T"
	as_nobody test -x "$ULOGD" -a -x "$STAGE" || skip "needs a build directory that others may enter"
	mkdir -m 755 "$T/locked"
	[ "$(id -u)" = 0 ] || chmod 555 "$T/locked"
	sed -i "s|$T/out.txt|$T/locked/out.txt|" "$CONF"
	name=$(as_nobody id -un) || skip "needs a user with a name"
	exits 1 as_nobody "$ULOGD" --plugin-dir "$STAGE/plugins" -c "$CONF"
	says "emu1 (LOGEMU): cannot open $T/locked/out.txt as user $name: Permission denied" "Fatal error"
}

@test "a_directory_that_does_not_exist_is_named" {
	small_conf
	sed -i "s|$T/out.txt|$T/none/out.txt|" "$CONF"
	exits 1 ulogd -c "$CONF"
	says "$CONF:3: emu1 (LOGEMU): cannot open $T/none/out.txt" "No such file or directory"
}

@test "a_stack_that_cannot_start_does_not_keep_others_from_running" {
	small_conf "[emu2]" "file=$T/none/out.txt" "global:stack=v1:VECTOR,$VECTOR_FILTERS,emu2:LOGEMU"
	succeeds ulogd -c "$CONF"
	log_says "$T/a.log" "cannot open $T/none/out.txt" "error starting \`emu2'"
	[ "$(lines "$T/out.txt")" = 1 ]
}

@test "a_logfile_that_cannot_be_opened_is_status_2" {
	small_conf
	sed -i "s|^logfile=.*|logfile=$T/none/log|" "$CONF"
	exits 2 ulogd -p "$T/pid" -c "$CONF"
	says "$CONF:2: global: can't open logfile '$T/none/log': No such file or directory"
	[ ! -e "$T/pid" ]
	[ ! -e "$T/out.txt" ]
}

@test "wrong_values_of_the_options_of_files_are_all_said_with_their_lines" {
	local n

	small_conf
	# Behind [emu1] and its two lines stands [v1].
	sed -i '/^sync=1/q' "$CONF"
	n=$(lines "$CONF")
	cat >>"$CONF" <<-EOF
	file_mode=rw
	file_group=no-such-group-here
	fsync=always
	rotate_size=10MB
	rotate_interval=1w
	rotate_keep=0
	rotate_compress=yes
	[v1]
	file="$T/one.vec"
	EOF
	exits 1 ulogd -t -c "$CONF"
	says "$CONF:$((n + 1)): emu1: file_mode: \"rw\" is no mode; write permission bits in octal, like 0640" \
		"$CONF:$((n + 2)): emu1: file_group: \"no-such-group-here\" is no group; create it, or " \
		"$CONF:$((n + 3)): emu1: fsync: \"always\" is unknown; write none, batch or interval" \
		"$CONF:$((n + 4)): emu1: rotate_size: \"10MB\" is no size; write bytes, or a number with k, M or G" \
		"$CONF:$((n + 5)): emu1: rotate_interval: \"1w\" is no time; write seconds, or a number with s, m" \
		"$CONF:$((n + 6)): emu1: rotate_keep: 0 is out of range; write a number from 1 to 9999" \
		"$CONF:$((n + 7)): emu1: "
	[ "$(grep -c "$CONF:" "$T/run.err")" = 7 ] || fail "$stderr"
	# Nothing of this belongs to an output that writes no file.
	sed -i 's/emu1:LOGEMU/emu1:SYSLOG/' "$CONF"
	exits 1 ulogd -t -c "$CONF"
	says 'emu1: unknown config key "rotate_size"'
}

@test "modes_and_groups_of_files_are_checked" {
	for line in file_mode=0640 file_mode=640 file_mode=000 'file_mode=""' file_group=0 file_group=root file_group=4294967294 \
		'file_group=""' rotate_size=0 rotate_interval=0 rotate_size=1G rotate_interval=1d rotate_keep=9999 fsync=batch; do
		small_conf
		sed -i "s/^sync=1/sync=1\\n$line/" "$CONF"
		succeeds ulogd -t -c "$CONF"
		[ "$stderr" = "" ] || fail "$line: $stderr"
	done
	for line in file_mode=8 file_mode=01000 file_mode=+6 file_mode=-1 file_mode=0x1 file_mode=0640x file_group=-1 \
		file_group=4294967295 file_group=99999999999999999999 file_group=0x0 rotate_size=-1; do
		small_conf
		sed -i "s/^sync=1/sync=1\\n$line/" "$CONF"
		exits 1 ulogd -t -c "$CONF"
	done
}

@test "lenient_leaves_out_wrong_values_of_the_options_of_files" {
	small_conf
	sed -i 's/^sync=1/sync=1\nrotate_size=huge/' "$CONF"
	succeeds ulogd --lenient -c "$CONF"
	[ "$(lines "$T/out.txt")" = 1 ]
}
