# SPDX-License-Identifier: GPL-2.0-or-later
# PWSNIFF: names and passwords of FTP and POP3, and nothing from outside of the packet.

load ../lib
load ../cli/cli

setup() {
	require_stage
}

# packet TEXT [PORT [IHL [DATA_OFFSET [FRAGMENT]]]] - print a block for VECTOR: TCP to PORT, header lengths in words.
packet() {
	python3 - "$@" <<-'end'
		import struct, sys
		text = sys.argv[1].encode().decode("unicode_escape").encode("latin1")
		port, ihl, offset, fragment = [int(a) for a in sys.argv[2:]] + [21, 5, 5, 0][len(sys.argv) - 2:]
		tcp = struct.pack("!HHIIBBHHH", 40000, port, 1, 2, offset << 4, 0x18, 1000, 0, 0)
		tcp += b"\x01" * (4 * max(offset - 5, 0)) + text
		ip = struct.pack("!BBHHHBBH8s", 0x40 | ihl, 0, 4 * ihl + len(tcp), 1, fragment, 64, 6, 0,
				 bytes.fromhex("c0000201c6336402"))
		ip += b"\x01" * (4 * max(ihl - 5, 0))
		print("pkt:", (ip + tcp).hex(), end="\n\n")
	end
}

# sniffed [OPTION...] - let the blocks on stdin through, and print what PWSNIFF makes of those that pass.
sniffed() {
	cat >"$T/p.vec"
	rm -f "$T/p.txt"
	{
		printf '[global]\nlogfile="%s"\n' "$T/p.log"
		control_socket ulogd
		printf 'stack=v1:VECTOR,pw1:PWSNIFF,gp1:GPRINT\n[v1]\nfile="%s"\n' "$T/p.vec"
		[ $# = 0 ] || printf '%s\n' "$@"
		printf '[gp1]\nfile="%s"\nqueue_full=wait\n' "$T/p.txt"
	} >"$T/p.conf"
	succeeds ulogd -c "$T/p.conf"
	sed -E 's/^.*oob\.out=//; s/^,//' "$T/p.txt"
}

@test "names_and_passwords_are_found" {
	[ "$(packet 'USER joe\r\n' | sniffed)" = "pwsniff.user=joe" ]
	[ "$(packet 'PASS s3cret\r\n' 110 | sniffed)" = "pwsniff.pass=s3cret" ]
	[ "$(packet 'user joe\r\npass s3cret\r\n' | sniffed)" = "pwsniff.user=joe,pwsniff.pass=s3cret" ]
}

@test "the_last_one_counts_and_ends_at_a_blank_a_line_or_the_packet" {
	[ "$(packet 'USER joe\r\nUSER ann\r\n' | sniffed)" = "pwsniff.user=ann" ]
	[ "$(packet 'USER joe doe\nPASS x\n' | sniffed)" = "pwsniff.user=joe,pwsniff.pass=x" ]
	[ "$(packet 'USER joe' | sniffed)" = "pwsniff.user=joe" ]
	[ "$(packet 'USER ' | sniffed)" = "pwsniff.user=" ]
}

@test "a_packet_without_either_passes" {
	packet 'USER' | sniffed >"$T/got"
	[ "$(cat "$T/got")" = "" ]
	[ "$(lines "$T/p.txt")" = 1 ]
	packet '' | sniffed
	[ "$(lines "$T/p.txt")" = 1 ]
}

@test "other_packets_are_stopped" {
	{
		packet 'USER joe\r\n' 22
		packet 'USER joe\r\n' 21 5 5 185	# a later fragment
		packet 'USER joe\r\n' 21 4
		packet 'USER joe\r\n' 21 5 4
		printf 'pkt: 60000000000d064020010db800000000000000000000000120010db8000000000000000000000002\n\n'
		printf 'pkt: 45\n\npkt: \n\n'
		packet 'USER joe\r\n' | sed 's/4006/4011/'	# UDP
	} | sniffed
	[ "$(lines "$T/p.txt")" = 0 ]
}

@test "header_lengths_are_honoured" {
	[ "$(packet 'USER joe\r\n' 21 8 5 | sniffed)" = "pwsniff.user=joe" ]
	[ "$(packet 'USER joe\r\n' 21 5 15 | sniffed)" = "pwsniff.user=joe" ]
	# Options of TCP are not searched.
	[ "$(packet 'USER joe\r\nxx' 21 5 5 | sed 's/\(.\{69\}\)5018/\18018/' | sniffed)" = "" ]
	[ "$(lines "$T/p.txt")" = 1 ]
}

@test "what_is_behind_the_packet_is_not_searched" {
	[ "$(packet 'USER joe' | sed '/^pkt/s/$/5553455220616e6e/' | sniffed)" = "pwsniff.user=joe" ]
	# Cut at every length: never more than there is.
	packet 'USER joe\r\nPASS s3cret\r\n' | sniffed truncate=1 >"$T/got"
	[ "$(sort -u "$T/got" | grep -cvE '^(pwsniff\.user=(j(oe?)?)?(,pwsniff\.pass=(s(3(c(r(et?)?)?)?)?)?)?)?$')" = 0 ]
	[ "$(tail -n 1 "$T/got")" = "pwsniff.user=joe,pwsniff.pass=s3cret" ]
}
