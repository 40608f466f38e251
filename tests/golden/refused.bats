# SPDX-License-Identifier: GPL-2.0-or-later
# Configurations that a plugin refuses: at once, also with -t, and with the line.

load ../lib
load ../cli/cli

setup() {
	require_ulogd
}

check_conf() {
	exits 1 "$ULOGD" --plugin-dir "$PLUGIN_DIR" -t -c "$CONF"
}

@test "a_stack_of_the_ULOG_target_says_what_to_write_instead" {
	conf_is <<-'end'
		[global]
		stack=ulog1:ULOG,base1:BASE,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU
		[ulog1]
		nlgroup=5
		bufsize=150000
		rmem=131071
		numeric_label=0
	end
	check_conf
	says "ulogd.conf:2: ulog1 (ULOG): Linux 3.17 removed the ULOG target" \
		"-j NFLOG --nflog-group 5" "stack=ulog1:NFLOG,base1:BASE,ifi1:IFINDEX" "in [ulog1]: group=5"
	# Nothing else is wrong with it.
	[ "$(grep -vc "ulog1 (ULOG)" <<<"$stderr")" = 0 ]
}

@test "what_it_says_to_write_instead_is_fine" {
	[ -e "$PLUGIN_DIR/ulogd_inppkt_NFLOG.so" ] || skip "needs NFLOG"
	conf_is <<-'end'
		[global]
		stack=ulog1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU
		[ulog1]
		group=5
		numeric_label=0
	end
	succeeds "$ULOGD" --plugin-dir "$PLUGIN_DIR" -t -c "$CONF"
}

@test "the_daemon_does_not_start_with_it_either" {
	conf_is <<-'end'
		[global]
		stack=ulog1:ULOG,base1:BASE,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU
	end
	exits 1 "$ULOGD" --plugin-dir "$PLUGIN_DIR" -c "$CONF"
	says "ulogd.conf:2: ulog1 (ULOG): Linux 3.17 removed the ULOG target" "-j NFLOG --nflog-group 32"
}

@test "unknown_facilities_and_levels_are_refused_with_their_lines" {
	conf_is <<-'end'
		[global]
		stack=ulog1:UNIXSOCK,base1:BASE,ip2str1:IP2STR,print1:PRINTPKT,sys1:SYSLOG
		[sys1]
		facility=LOG_LOCAL8
		level=LOG_LOUD
	end
	check_conf
	says "ulogd.conf:4: sys1: facility: unknown facility 'LOG_LOCAL8'" \
		"ulogd.conf:5: sys1: level: unknown level 'LOG_LOUD'"
}

@test "lenient_leaves_out_what_is_refused" {
	require_stage
	printf 'pkt: 45\n' >"$T/one.vec"
	conf_is <<-end
		[global]
		stack=ulog1:ULOG,base1:BASE,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU
		stack=v1:VECTOR,base1:BASE,ip2str1:IP2STR,print1:PRINTPKT,sys1:SYSLOG
		stack=v1:VECTOR,base1:BASE,ip2str1:IP2STR,print1:PRINTPKT,emu2:LOGEMU
		[v1]
		file="$T/one.vec"
		[sys1]
		facility=LOG_LOCAL8
		[emu2]
		file="$T/out"
	end
	exits 1 ulogd -t -c "$CONF"
	succeeds ulogd -t --lenient -c "$CONF"
	says "Linux 3.17" "unknown facility 'LOG_LOCAL8'"
	succeeds ulogd --lenient -c "$CONF"
	[ "$(lines "$T/out")" = 1 ]
}

@test "a_port_that_is_none_is_refused" {
	for port in 0 65536 99999999999999999999; do
		conf_is <<-end
			[global]
			stack=ulog1:UNIXSOCK,base1:BASE,json1:JSON
			[json1]
			mode="tcp"
			port="$port"
		end
		check_conf
		says "ulogd.conf:5: json1: port: $port is no port; write a number from 1 to 65535, or the name of a service"
	done
}

@test "a_word_for_a_number_that_may_be_auto_is_told_of_auto" {
	[ -e "$PLUGIN_DIR/ulogd_inppkt_NFLOG.so" ] || skip "needs NFLOG"
	conf_is <<-'end'
		[global]
		stack=log1:NFLOG,base1:BASE,gp1:GPRINT
		[log1]
		snaplen=automatic
		nlbufsiz=auto
	end
	check_conf
	says "ulogd.conf:4: log1: invalid integer value for option 'snaplen': it says \"automatic\"; write a number like 10, 0x0a or 012, or auto" \
		"ulogd.conf:5: log1: invalid integer value for option 'nlbufsiz': it says \"auto\"; write a number like 10, 0x0a or 012"
}
