# SPDX-License-Identifier: GPL-2.0-or-later
# Whole configurations, and every byte they write: cases/NAME.conf gives cases/NAME.ok.  `make golden-update' rewrites
# the latter.
#
# In NAME.conf @VECTORS@ is the directory of the recorded packets, to which nflog_vectors adds nflog-vector.vec, and
# @OUT@ the file to write.  In NAME.ok this host's name is HOST.

load ../lib
load ../cli/cli

setup() {
	require_stage
	cp "$TESTS"/vectors/*.vec "$T"
	nflog_vectors >"$T/nflog-vector.vec"
}

golden() {
	local ok=$TESTS/golden/cases/$1.ok

	sed -e "s|@VECTORS@|$T|g" -e "s|@OUT@|$T/out|g" -e "s|^\[global\]|&\\n$(control_socket ulogd)|" \
		"$TESTS/golden/cases/$1.conf" >"$T/ulogd.conf"
	TZ=UTC succeeds ulogd -c "$T/ulogd.conf"
	sed -E "s/^([A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}) $(host) /\1 HOST /" "$T/out" >"$T/got"
	if [ -n "${GOLDEN_UPDATE:-}" ]; then
		cp "$T/got" "$ok"
	fi
	diff -u "$ok" "$T/got"
}

@test "logemu_unixsock" {
	golden logemu_unixsock
}

@test "logemu_nflog" {
	golden logemu_nflog
}

@test "logemu_two_stacks_one_file" {
	golden logemu_two_stacks_one_file
}

@test "logemu_kernel_unixsock" {
	golden logemu_kernel_unixsock
}

@test "logemu_kernel_unixsock_flags" {
	golden logemu_kernel_unixsock_flags
}

@test "logemu_kernel_nflog" {
	golden logemu_kernel_nflog
}

@test "logemu_kernel_nflog_plain" {
	golden logemu_kernel_nflog_plain
}

@test "every_case_is_tested" {
	local case name

	for case in "$TESTS"/golden/cases/*.conf; do
		name=$(basename "$case" .conf)
		grep -q "golden $name\$" "$BATS_TEST_FILENAME" || fail "$name has no test"
	done
}
