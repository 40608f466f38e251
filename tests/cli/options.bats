# SPDX-License-Identifier: GPL-2.0-or-later
# The command line: what each option does and how the daemon ends.

load ../lib
load cli

setup() {
	require_stage
}

@test "help_is_usage_on_stdout" {
	for option in -h --help -hfoo; do
		succeeds ulogd "$option"
		prints "Parameters:" "-h --help" "-V --version" "-d --daemon" "-v --verbose" "-l --loglevel" \
			"-c --configfile" "-p --pidfile" "-u --uid" "-i --info" "-t --test" "--lenient" \
			"--print-config" "--list-plugins" "--plugin-dir"
		[ "$stderr" = "" ]
	done
}

@test "version_is_on_the_first_line" {
	for option in -V --version; do
		succeeds ulogd "$option"
		[[ $(head -n 1 "$T/run.out") =~ " Version "[0-9]+\.[0-9]+\.[0-9]+ ]]
		prints "ABSOLUTELY NO WARRANTY"
		[[ $output != *Parameters* ]]
	done
}

@test "an_unknown_option_is_said_and_usage_shown" {
	exits 1 ulogd -x
	says "Unknown option \`-x'."
	prints "Parameters:"
	exits 1 ulogd --nonsense
	says "nonsense" "Unknown option character \`\\x0'."
	prints "Parameters:"
}

@test "an_option_without_its_argument_is_an_error" {
	for option in -l -c -p -u -i --loglevel --configfile --pidfile --uid --info --plugin-dir; do
		exits 1 ulogd "$option"
		says "requires an argument"
	done
}

@test "long_options_may_be_abbreviated" {
	succeeds ulogd --vers
	prints "Version"
	small_conf
	succeeds ulogd --te --conf "$CONF"
}

@test "what_is_no_option_is_ignored" {
	small_conf
	succeeds ulogd some words -t -c "$CONF" more
}

@test "of_a_repeated_option_the_last_counts" {
	small_conf
	succeeds ulogd -t -c /nonexistent.conf -c "$CONF"
	exits 1 ulogd -t -c "$CONF" -c /nonexistent.conf
}

@test "an_unknown_user_is_said_on_stdout" {
	small_conf
	exits 1 ulogd -u no-such-user-here -c "$CONF"
	[ "$output" = "Unknown user no-such-user-here." ]
}

@test "a_numeric_user_is_unknown" {
	exits 1 ulogd -u 4000000
	[ "$output" = "Unknown user 4000000." ]
}

@test "info_finds_a_plugin_by_name" {
	succeeds ulogd --info VECTOR
	prints "Name: VECTOR" "Config options:" $'\tVar: file (String, Default: )' $'\tVar: repeat (Integer, Default: 1)' \
		$'Input keys:\n\tInput plugin, No keys' $'Output keys:\n\tKey: raw.mac (raw data)' \
		$'\tKey: raw.pktlen (unsigned int 32)' $'\tKey: oob.prefix (string)'
}

@test "info_finds_a_plugin_by_path" {
	succeeds ulogd -i "$STAGE/plugins/ulogd_output_LOGEMU.so"
	prints "Name: LOGEMU" "file (String, Default: /var/log/ulogd_syslogemu.log)" "sync (Integer, Default: 0)" \
		"queue_size" "queue_full" $'\tKey: print (string)' $'\tKey: oob.time.sec (unsigned int 32, optional)' \
		$'Output keys:\n\tOutput plugin, No keys'
	succeeds ulogd -i /some/where/else/ulogd_output_LOGEMU.so
	prints "Name: LOGEMU"
}

@test "info_of_what_is_no_plugin_is_an_error" {
	exits 1 ulogd -i NONSENSE
	says "cannot load plugin NONSENSE" "see --list-plugins"
	exits 1 ulogd -i "$CONF"
	exits 1 ulogd -i "$STAGE/modules/ulogd_refused_TOLD.so"
	says "incompatible version"
	[ "$output" = "" ]
}

@test "list_plugins_names_all_with_their_kind" {
	succeeds ulogd --list-plugins
	for row in "BASE +filter" "VECTOR +input" "LOGEMU +output" "NFLOG +input" "KEYS +output"; do
		grep -qE "^$row\$" "$T/run.out"
	done
	sort -c "$T/run.out"
}

@test "list_plugins_without_any_is_an_error" {
	exits 1 "$ULOGD" --plugin-dir "$T" --list-plugins
	says "no plugins in $T" "see --plugin-dir"
}

@test "test_says_that_the_configuration_is_fine_and_touches_nothing" {
	small_conf
	succeeds ulogd -t -c "$CONF"
	[ "$output" = "$CONF: fine, stacks: 1" ]
	[ ! -e "$T/out.txt" ]
	[ ! -e "$T/a.log" ]
}

@test "test_shows_all_errors_in_one_run" {
	conf_is <<-"END"
		[global]
		logfil=/tmp/x
		loglevel=abc
		stack=v1:VECTER,o1:LOGEMU
		stack=v1:VECTOR,base1:BASE,print1:PRINTPKT,o1:LOGEMU
		stack=v1:VECTOR,o1
		stack=v1:VECTOR,base1:BASE,ip2str1:IP2STR,print1:PRINTPKT,o1:LOGEMU
		stack=base1:BASE,o1:LOGEMU
		stack=v1:VECTOR,base1:BASE
		[v1]
		repeat=-1
		repeats=3
		[o1]
		file=/nonexistent/dir/file
		file=/again
		syn=1
	END
	exits 1 ulogd -t -c "$CONF"
	says "$CONF:2: global: unknown config key \"logfil\"; did you mean \"logfile\"?" \
		"$CONF:3: global: " \
		"$CONF:4: global: stack: can't find requested plugin VECTER in $STAGE/plugins; did you mean \"VECTOR\"?" \
		"$CONF:5: global: stack: print1:PRINTPKT needs ip.saddr.str, which IP2STR provides: put ip2str1:IP2STR" \
		"$CONF:6: global: stack: \`o1' lacks its plugin; write id:PLUGIN" \
		"$CONF:8: global: stack: base1:BASE stands first, but it is no input" \
		"$CONF:9: global: stack: it ends with base1:BASE, but has to end with an output" \
		"$CONF:11: v1: repeat: -1 is out of range; write a number from 0 to 2147483647" \
		"$CONF:12: v1: unknown config key \"repeats\"; did you mean \"repeat\"?" \
		"$CONF:15: o1: option \"file\" occurred more than once; the one at $CONF:14 counts" \
		"$CONF:16: o1: unknown config key \"syn\"; did you mean \"sync\"?"
	[ "$(lines "$T/run.err")" = 11 ]
	[ "$output" = "" ]
}

@test "an_option_of_another_plugin_is_said_to_be_that_ones" {
	small_conf "global:stack=v1:VECTOR,base1:BASE,ip2str1:IP2STR,json1:JSON" \
		"global:stack=v1:VECTOR,$VECTOR_FILTERS,emu2:LOGEMU" format=kernel rotate_size=1M "[emu2]" eventv1=1 \
		"[json1]" "file=\"$T/json\""
	exits 1 ulogd -t -c "$CONF"
	says "v1: unknown config key \"format\"; PRINTPKT of the same stack has it: put it into [print1]" \
		"v1: unknown config key \"rotate_size\"; LOGEMU of the same stack has it: put it into [emu1]" \
		"emu2: unknown config key \"eventv1\"; JSON has it: put it into the section of its instance"
}

@test "lenient_says_the_same_and_goes_on" {
	small_conf foo=1 repeat=x "global:rmem=4096"
	exits 1 ulogd -t -c "$CONF"
	exits 1 ulogd -c "$CONF"
	[ ! -e "$T/out.txt" ]
	succeeds ulogd --lenient -t -c "$CONF"
	says "unknown config key \"foo\"" "unknown config key \"rmem\""
	prints "fine, stacks: 1"
	succeeds ulogd --lenient -c "$CONF"
	[ "$(lines "$T/out.txt")" = 1 ]
}

@test "print_config_shows_every_option_with_its_origin" {
	small_conf repeat=5
	succeeds ulogd --print-config -c "$CONF"
	grep -qE '^\[v1\] +# VECTOR, '"$CONF"':3$' "$T/run.out"
	grep -qE '^repeat=5 +# '"$CONF"':10$' "$T/run.out"
	grep -qE '^truncate=0 +# default$' "$T/run.out"
	grep -qE '^sync=1 +# '"$CONF"':7$' "$T/run.out"
	grep -qE '^queue_size=[0-9]+ +# default$' "$T/run.out"
	for section in v1 base1 ip2str1 print1 emu1; do
		grep -q "^\[$section\] " "$T/run.out"
	done
	[ ! -e "$T/out.txt" ]
}

@test "print_config_can_be_read_again" {
	small_conf repeat=5
	succeeds ulogd --print-config -c "$CONF"
	{
		printf '[global]\nstack=v1:VECTOR,%s,emu1:LOGEMU\n' "$VECTOR_FILTERS"
		cat "$T/run.out"
	} >"$T/again.conf"
	cp "$T/run.out" "$T/first.out"
	succeeds ulogd --print-config -c "$T/again.conf"
	diff <(sed 's/ *#.*//' "$T/first.out") <(sed 's/ *#.*//' "$T/run.out")
}

@test "print_config_of_a_wrong_configuration_is_an_error" {
	small_conf repeat=x
	exits 1 ulogd --print-config -c "$CONF"
	[ "$output" = "" ]
	says "$CONF:10: v1: "
}

@test "loglevel_of_the_command_line_overrides_the_file" {
	small_conf global:loglevel=7
	succeeds ulogd -l 1 -c "$CONF"
	log_says "$T/a.log" "calling stop for VECTOR"
	rm "$T/a.log"
	small_conf global:loglevel=1
	succeeds ulogd --loglevel 7 -c "$CONF"
	[ "$(wc -c <"$T/a.log")" = 0 ]
}

@test "loglevel_0_and_words_mean_not_given" {
	for level in 0 word; do
		small_conf global:loglevel=1
		succeeds ulogd -l "$level" -c "$CONF"
		log_says "$T/a.log" "calling stop for VECTOR"
		rm "$T/a.log"
	done
}

@test "verbose_copies_the_log_to_stderr" {
	small_conf global:loglevel=3
	succeeds ulogd -c "$CONF"
	[ "$stderr" = "" ]
	succeeds ulogd -v -c "$CONF"
	says "initialization finished, entering main loop" "building new pluginstance stack: 'v1:VECTOR,"
	[[ $stderr =~ [A-Z][a-z]{2}\ [A-Z][a-z]{2}\ [\ 0-9][0-9]\ [0-9:]{8}\ [0-9]{4}\ \<3\>\ [a-z_.]+:[0-9]+\ init ]]
}

@test "logfile_stdout_is_stdout" {
	small_conf global:loglevel=3
	sed -i 's/^logfile=.*/logfile=stdout/' "$CONF"
	succeeds ulogd -c "$CONF"
	prints "initialization finished"
	[ "$stderr" = "" ]
}

@test "without_logfile_messages_are_on_stderr" {
	small_conf
	sed -i '/^logfile=/d' "$CONF"
	succeeds ulogd -c "$CONF"
	says "building new pluginstance stack"
}
