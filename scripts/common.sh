# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What scripts/demo and scripts/check share: the packages, and building.

# To build, to run the demonstration, to run all tests.
packages_build="autoconf automake libtool make gcc pkg-config libconfuse-dev libevent-dev
	libmnl-dev libnfnetlink-dev libnetfilter-log-dev libpcap-dev libcap-ng-dev
	libsystemd-dev libnftables-dev libjansson-dev zlib1g-dev"
packages_demo="iproute2 nftables python3"
packages_test="iptables ebtables bats libcmocka-dev clang libclang-rt-14-dev
	psad fwlogwatch ulogd2 ulogd2-json ulogd2-pcap libnetfilter-conntrack3 jq curl prometheus bash-completion zsh tcpdump tshark tzdata mandoc man-db groff shellcheck systemd apparmor e2fsprogs
	xz-utils git"

say() {
	printf '== %s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Installs Debian packages that are missing: installs "$@".
install_packages() {
	local missing=() package

	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
			missing+=("$package")
	done
	[ ${#missing[@]} -eq 0 ] && return
	[ "$(id -u)" -eq 0 ] || die "these packages are missing, run as root or: apt-get install ${missing[*]}"
	say "installing ${missing[*]}"
	# A daemon that a package brings must not start: it would hold a log group.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	fi
	apt-get update -qq || die "apt-get update failed: are Debian's packages within reach?"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		"${missing[@]}" >/dev/null || die "apt-get could not install ${missing[*]}"
}

# Ends with a sentence where packages cannot be installed by themselves: need_debian "$@".
need_debian() {
	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
		die "this script installs what it needs on Debian 12; here install by hand what these" \
			"Debian packages hold: $*; then see README.md"
	fi
}

# Builds the tree $top in the directory $1, with the configure arguments that follow.
build() {
	local dir=$1

	shift
	[ ! -e "$top/config.status" ] || die "this checkout is configured in place, and so cannot be" \
		"built elsewhere: run make distclean first"
	mkdir -p "$dir"
	if [ ! -x "$top/configure" ] || [ "$top/configure.ac" -nt "$top/configure" ]; then
		(cd "$top" && autoreconf -fi >"$dir/autoreconf.log" 2>&1) ||
			{ cat "$dir/autoreconf.log" >&2; die "autoreconf failed"; }
	fi
	(cd "$dir" && "$top/configure" -q "$@" >configure.log 2>&1) ||
		{ cat "$dir/configure.log" >&2; die "configure failed"; }
	make -C "$dir" -s -j"$(nproc)" >"$dir/make.log" 2>&1 ||
		{ cat "$dir/make.log" >&2; die "make failed"; }
}
