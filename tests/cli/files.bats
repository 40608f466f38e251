# SPDX-License-Identifier: GPL-2.0-or-later
# The files that come with the daemon: manual, configuration, unit, scripts.

load ../lib
load cli

# The top of the sources: tests run from where they stand.
SOURCES=$BATS_TEST_DIRNAME/../..

# have COMMAND - skip unless COMMAND is there.
have() {
	command -v "$1" >/dev/null || skip "needs $1"
}

# options_of NAME - the options that --info prints for plugin NAME.
options_of() {
	ulogd --info "$1" | sed -nE 's/^\tVar: ([a-z_]+) .*/\1/p'
}

@test "the manual pages are rendered without a warning" {
	have groff
	for page in ulogctl.8 ulogd.8 ulogd.conf.5; do
		succeeds groff -t -man -mdoc -Tutf8 -ww -z "$SOURCES/man/$page"
		[ -z "$stderr" ] || fail "$page: $stderr"
	done
}

@test "mandoc finds no errors in the manual pages" {
	have mandoc
	for page in ulogctl.8 ulogd.8 ulogd.conf.5; do
		succeeds mandoc -T lint -W warning "$SOURCES/man/$page"
	done
}

@test "the manual names every option of the command line" {
	ulogd --help | grep -oE -- '--[a-z-]+' | sort -u >"$T/options"
	while read -r option; do
		sed 's/\\-/-/g; s/\\&//g' "$SOURCES/man/ulogd.8" | grep -qF -- "${option#--}" ||
			fail "ulogd(8) lacks $option"
	done <"$T/options"
}

@test "the manual and the sample configuration have every option of every plugin" {
	require_ulogd
	"$ULOGD" --plugin-dir "$PLUGIN_DIR" --list-plugins | awk '{ print $1 }' >"$T/plugins"
	while read -r plugin; do
		for option in $(options_of "$plugin"); do
			grep -qw -- "$option" "$SOURCES/man/ulogd.conf.5" ||
				fail "ulogd.conf(5) lacks $option of $plugin"
			grep -qE "^#? ?$option=" "$SOURCES/conf/ulogd.conf" ||
				fail "conf/ulogd.conf lacks $option of $plugin"
		done
	done <"$T/plugins"
}

@test "the manual and the sample configuration have every option of the global section" {
	require_ulogd
	# The daemon names the keys it knows when it does not know one: so ask its sources.
	sed -nE '/^static const struct ulogd_option global_options/,/^};/s/.*\(struct global, ([a-z_]+),.*/\1/p' \
		"$SOURCES/src/configuration.c" >"$T/options"
	[ "$(wc -l <"$T/options")" -ge 2 ]
	while read -r option; do
		grep -qE "^\.It Ic $option " "$SOURCES/man/ulogd.conf.5" || fail "ulogd.conf(5) lacks $option"
		grep -qE "^#?$option=" "$SOURCES/conf/ulogd.conf" || fail "conf/ulogd.conf lacks $option"
	done <"$T/options"
}

@test "completion of the shells knows every command and option of ulogctl" {
	[ -x "$BUILDDIR/src/ulogctl" ] || skip "needs ulogctl, which a build with jansson has"
	"$BUILDDIR/src/ulogctl" --help | awk '/^  [a-z]/ { print $1 }' >"$T/commands"
	"$BUILDDIR/src/ulogctl" --help | grep -oE -- '--[a-z]+' | sort -u >"$T/options"
	[ "$(wc -l <"$T/commands")" -ge 8 ]
	while read -r word; do
		grep -qw -- "${word#--}" "$SOURCES/conf/completion/_ulogctl" || fail "zsh: $word"
	done < <(cat "$T/commands" "$T/options")
	# shellcheck source=/dev/null
	. "$SOURCES/conf/completion/ulogctl.bash"
	COMP_WORDS=(ulogctl "") COMP_CWORD=1
	_ulogctl ulogctl "" ulogctl
	printf '%s\n' "${COMPREPLY[@]}" | grep -v '^-' | sort | diff - <(sort "$T/commands")
	COMP_WORDS=(ulogctl -) COMP_CWORD=1
	_ulogctl ulogctl - ulogctl
	for word in --socket --help --version; do
		printf '%s\n' "${COMPREPLY[@]}" | grep -qx -- "$word" || fail "bash: $word"
	done
	COMP_WORDS=(ulogctl -s /x tail --s) COMP_CWORD=4
	_ulogctl ulogctl --s tail
	[ "${COMPREPLY[*]}" = "--stack" ]
	COMP_WORDS=(ulogctl st) COMP_CWORD=1
	_ulogctl ulogctl st ulogctl
	[ "${COMPREPLY[*]}" = status ]
	! command -v zsh >/dev/null || succeeds zsh -n "$SOURCES/conf/completion/_ulogctl"
}

@test "the sample configuration is accepted as it is, and with all its samples switched on" {
	require_ulogd
	succeeds "$ULOGD" --plugin-dir "$PLUGIN_DIR" -t -c "$SOURCES/conf/ulogd.conf"
	sed -E 's/^#([a-z_]+=)/\1/' "$SOURCES/conf/ulogd.conf" >"$CONF"
	succeeds "$ULOGD" --plugin-dir "$PLUGIN_DIR" -t -c "$CONF"
	[ -z "$stderr" ] || fail "$stderr"
}

@test "a configuration of the distribution's ulogd2 is accepted" {
	require_ulogd
	[ -r /etc/ulogd.conf ] || skip "needs the /etc/ulogd.conf of package ulogd2, and to read it"
	succeeds "$ULOGD" --plugin-dir "$PLUGIN_DIR" -t -c /etc/ulogd.conf
}

# The unit file NAME as installed, for a daemon where the build has it: unit NAME.
unit() {
	sed -e "s|@sbindir@/ulogd|$ULOGD|" -e "s|@sysconfdir@|/etc|" -e '/^Documentation=/d' \
		"$SOURCES/systemd/$1.in" >"$T/$1"
}

@test "systemd accepts the unit files" {
	local name

	have systemd-analyze
	for name in ulogd.service ulogd@.service; do
		unit "$name"
		exits 0 env SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$T/$name"
		[ -z "$stderr" ] || fail "$stderr"
	done
}

@test "systemd finds the services' exposure to be 1.5 or less" {
	local name

	have systemd-analyze
	systemd-analyze security --help 2>&1 | grep -q -e --offline || skip "needs systemd-analyze security --offline"
	for name in ulogd.service ulogd@.service; do
		unit "$name"
		run systemd-analyze security --offline=true --threshold=15 "$T/$name"
		echo "# $name:$(grep -o ' exposure level.*: [0-9.]*' <<<"$output")" >&3
		[ "$status" = 0 ] || fail "$(grep '✗' <<<"$output")"
	done
}

# The paths that the profile $1 lets be written, or with r read: profile_paths PROFILE r|w.  As a regular expression each;
# what the profile includes is not looked at.
profile_paths() {
	sed -nE "s/^\t(owner )?([/@][^ ]*) [a-z]*$2[a-z]*,\$/\2/p" "$1" | sed -E \
		-e 's/@\{run\}/{,\/var}\/run/' -e 's/@\{PROC\}/\/proc/' -e 's/@\{[pt]id\}/[0-9]*/g' \
		-e 's/\./\\./g' -e 's/\*\*/%/g' -e 's/\*/[^\/]*/g' -e 's/%/.*/g' -e 'y/{,}/(|)/' \
		-e 's/^/^/' -e 's/$/$/'
}

# accepted PROFILE - apparmor_parser compiles it without a warning, but for what it says of a kernel without AppArmor.
accepted() {
	succeeds apparmor_parser -Q -K --skip-kernel-load "$1"
	! grep -v '^Cache read/write disabled' <<<"$stderr" | grep . || fail "it complains"
}

@test "apparmor_parser accepts the profile" {
	local profile=$BUILDDIR/conf/apparmor/usr.sbin.ulogd

	have apparmor_parser
	[ -r "$profile" ] || skip "needs $profile"
	accepted "$profile"
	! grep -o '@[a-z]*@' "$profile" || fail "what configure replaces is left"
	# As packages install it: in sbin, with the plugins of this machine.
	sed -e 's|@sbindir@|/usr/sbin|' -e 's|@sysconfdir@|/etc|' -e 's|@pluginlibdir@|/usr/lib/ulogd|' \
		"$SOURCES/conf/apparmor/usr.sbin.ulogd.in" >"$T/profile"
	accepted "$T/profile"
	succeeds apparmor_parser -N "$T/profile"
	[ "$output" = "$(printf 'ulogd\nulogd//rules')" ] || fail "$output"
}

@test "the profile allows every file and directory that the sample configuration and the units name" {
	local path

	profile_paths "$SOURCES/conf/apparmor/usr.sbin.ulogd.in" w >"$T/writable"
	profile_paths "$SOURCES/conf/apparmor/usr.sbin.ulogd.in" r >"$T/readable"
	{
		sed -nE 's/^#?[a-z_]+="(\/[^"]*)"$/\1/p' "$SOURCES/conf/ulogd.conf" | grep -v ^/run/netns/
		# Rotated ones, one beside a file, and what lies below a directory.
		printf '%s\n' /var/log/ulog/syslogemu.log.12.gz /var/log/ulogd.json /var/log/ulogd/x \
			/var/spool/ulogd/tcp:127.0.0.1:514/0000000000000001 /run/ulogd-blue/ulogd.sock /run/ulogd.pid
	} >"$T/paths"
	[ "$(wc -l <"$T/paths")" -ge 20 ]
	while read -r path; do
		printf '%s\n' "$path" "$path/" | grep -qE -f "$T/writable" || fail "$path cannot be written"
	done <"$T/paths"
	for path in /run/netns/blue /proc/812/fd/ /proc/812/comm /proc/812/net/netfilter/nfnetlink_log; do
		printf '%s\n' "$path" | grep -qE -f "$T/readable" || fail "$path cannot be read"
	done
	for path in /etc/shadow /var/log/syslog /root/x /home/me/x /run/x /proc/812/mem /proc/812/environ; do
		! printf '%s\n' "$path" | grep -qE -f "$T/readable" -f "$T/writable" || fail "$path is allowed"
	done
}

@test "sysusers and tmpfiles make the service's user and directories" {
	have systemd-sysusers
	have systemd-tmpfiles
	[ "$(id -u)" = 0 ] || skip "needs root"
	mkdir -p "$T/root/etc" "$T/root/var/log/ulog"
	printf 'root:x:0:0::/root:/bin/sh\n' >"$T/root/etc/passwd"
	printf 'root:x:0:\nadm:x:4:\n' >"$T/root/etc/group"
	echo old >"$T/root/var/log/ulog/old.log"
	succeeds systemd-sysusers --root="$T/root" "$SOURCES/systemd/ulogd.sysusers"
	succeeds systemd-tmpfiles --root="$T/root" --create "$SOURCES/systemd/ulogd.tmpfiles"
	uid=$(awk -F: '$1 == "ulog" { print $3 }' "$T/root/etc/passwd")
	[ -n "$uid" ] || fail "no user ulog"
	[ "$(stat -c '%u %g %a' "$T/root/var/log/ulog")" = "$uid 4 2750" ]
	[ "$(stat -c '%u %g' "$T/root/var/log/ulog/old.log")" = "$uid 4" ]
	[ "$(stat -c '%u %a' "$T/root/var/spool/ulogd")" = "$uid 700" ]
}

@test "shellcheck finds nothing in the scripts" {
	have shellcheck
	[ -e "$SOURCES/scripts/check" ] || skip "needs the source tree"
	succeeds shellcheck -x -P "$SOURCES" "$SOURCES/scripts/demo" "$SOURCES/scripts/check"
}

@test "the core names no plugin" {
	# A diagnosis and the rules of ulogctl know the target of iptables that has the name of one.
	! grep -E 'NFLOG|LOGEMU|PRINTPKT|SQLITE3' "$SOURCES"/src/*.[ch] |
		grep -vE -- 'src/(diagnose|ulogctl_rules).*(-j NFLOG|"NFLOG", )' || fail "it does"
}

@test "the sources name no directory of sockets: configure does" {
	! grep -nE '"/(var/)?run/ulogd' "$SOURCES"/src/*.c || fail "they do"
	grep -q -- '-DRUNSTATEDIR' "$SOURCES/Makefile.am"
}

@test "every source file names its licence" {
	for file in "$SOURCES"/{src,plugins,include/ulogd}/*.[ch]; do
		head -n 1 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || fail "$file"
	done
}

@test "every header compiles alone" {
	have cc
	for header in "$SOURCES"/{src,plugins,include/ulogd}/*.h; do
		succeeds cc -D_GNU_SOURCE -fsyntax-only -Wall -Werror -I"$SOURCES/include" -I"$SOURCES/src" \
			-x c "$header"
	done
}
