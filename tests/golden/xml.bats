# SPDX-License-Identifier: GPL-2.0-or-later
# XML: what stands in the elements of packets, and of the connections that the kernel attaches to them.
#
# Packets come from captures of link type nflog, which hold what the kernel sent, so that no kernel is needed that
# attaches connections.

load ../lib
load ../cli/cli

setup() {
	require python3
	require_stage
	[ -e "$STAGE/plugins/ulogd_inppkt_PCAPFILE.so" ] || skip "needs libpcap"
}

conntracks() {
	python3 "$TESTS/tools/conntracks.py" "$@"
}

# Let the messages on stdin, one per line in hex, through; leave the document in a.xml, times masked.
through() {
	python3 "$TESTS/tools/captures.py" 239 >"$T/a.pcap"
	{
		printf '[global]\nlogfile="%s"\nloglevel=3\n' "$T/a.log"
		control_socket ulogd
		printf 'stack=in1:PCAPFILE,xml1:XML\n'
		printf '[in1]\nfile="%s"\n' "$T/a.pcap"
		printf '[xml1]\ndirectory="%s"\nqueue_full=wait\n' "$T"
	} >"$T/a.conf"
	TZ=UTC succeeds ulogd -c "$T/a.conf"
	cat "$T"/ulogd-pkt-*.xml | mask >"$T/a.xml"
	python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$T/a.xml"
}

# Take the time of writing out of what is on stdin.
mask() {
	sed -E 's:<when>(<(hour|min|sec|wday|day|month|year)>[0-9]+</\2>){7}</when>:<when/>:g'
}

# Print the elements of connections, one per line.
flows() {
	sed -n 's:^<log>.*</log>\(<flow>.*</flow>\)$:\1:p' "$T/a.xml"
}

@test "a packet is followed by its connection" {
	conntracks messages | sed -n 4p | through
	sed 1,2d "$T/a.xml" | diff <(echo "<log><when/><prefix>p</prefix><hook>0</hook><hw><proto>0800</proto></hw>\
<payload>4500001c1234000040117c76c0000201c63364020003003500080000</payload></log>\
<flow><meta direction=\"original\"><layer3 protonum=\"2\" protoname=\"ipv4\"><src>192.0.2.1</src><dst>198.51.100.2</dst>\
</layer3><layer4 protonum=\"6\" protoname=\"tcp\"><sport>1</sport><dport>65535</dport></layer4></meta>\
<meta direction=\"reply\"><layer3 protonum=\"2\" protoname=\"ipv4\"><src>198.51.100.2</src><dst>192.0.2.1</dst></layer3>\
<layer4 protonum=\"6\" protoname=\"tcp\"><sport>65535</sport><dport>1</dport></layer4></meta>\
<meta direction=\"independent\"><state>ESTABLISHED</state><timeout>3</timeout><id>3735928559</id><unreplied/></meta>\
<when/></flow>
</packet>") -
}

@test "on standard output a document has its head, whatever is there before it" {
	conntracks messages | sed -n 4p | through
	sed -i 's:^directory=.*:stdout=1:' "$T/a.conf"
	{
		echo before
		ulogd -c "$T/a.conf"
	} >"$T/stdout"
	sed 1d "$T/stdout" | mask | diff "$T/a.xml" -
}

@test "connections are those of libnetfilter_conntrack" {
	local failed=0

	conntracks expected >"$T/expected" || failed=$?
	[ $failed != 77 ] || skip "needs libnetfilter_conntrack"
	[ $failed = 0 ]
	# It has the names of TCP for the states of other protocols.
	conntracks messages | through
	flows | sed -E '/protoname="(dccp|sctp)"/s:<state>[A-Z_0-9]+<:<state>*<:' >"$T/flows"
	[ "$(lines "$T/flows")" -ge 50 ]
	mask <"$T/expected" | sed -E '/protoname="(dccp|sctp)"/s:<state>[A-Z_0-9]+<:<state>*<:' | diff -u - "$T/flows"
}

@test "states have the names of their protocol" {
	conntracks messages | through
	flows | sed -nE 's:.*protoname="(tcp|sctp|dccp)".*<state>([A-Z_0-9]+)<.*:\1 \2:p' |
		awk '{ names[$1] = names[$1] " " $2 } END { for (name in names) print name names[name] }' | sort >"$T/states"
	diff -u - "$T/states" <<-'END'
	dccp NONE REQUEST RESPOND PARTOPEN OPEN CLOSEREQ CLOSING TIMEWAIT IGNORE INVALID NONE
	sctp NONE CLOSED COOKIE_WAIT COOKIE_ECHOED ESTABLISHED SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT HEARTBEAT_SENT HEARTBEAT_ACKED NONE
	tcp NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2 NONE
	END
}

@test "texts of a connection are escaped, and end with their NUL" {
	conntracks texts | through
	flows | grep -qF '<secctx>&lt;b&gt;</secctx>'
	flows | grep -qF "<helper>&lt;a&gt;&amp;\""$'\xef\xbf\xbd\xef\xbf\xbd'"</helper></flow>"
}

@test "a packet with a malformed connection is written without it" {
	local message

	message=$(conntracks messages | sed -n 1p)
	# The first attribute of the connection, 36 bytes of addresses and ports, claims to be longer than all.
	[[ $message == *"1280"*"0180"* ]]
	sed -E 's/(1280)[0-9a-f]{4}(0180)/\1ffff\2/' <<<"$message" >"$T/cut"
	[ "$(cat "$T/cut")" != "$message" ]
	through <"$T/cut"
	[ "$(grep -c '^<log>.*</log>$' "$T/a.xml")" = 1 ]
	grep -q 'malformed' "$T/a.log"
}
