# SPDX-License-Identifier: GPL-2.0-or-later
# JSON of generated packets, prefixes of any bytes and the largest numbers: each line is valid, and says what it should.
#
# Packets come from captures of link type nflog, which hold what the kernel sends.

load ../lib
load ../cli/cli

setup() {
	require python3
	require_stage
	[ -e "$STAGE/plugins/ulogd_inppkt_PCAPFILE.so" ] || skip "needs libpcap"
	for kind in ipv4 ipv6 cut random; do
		python3 "$TESTS/tools/log_corpus.py" "$kind"
	done | sed -nE 's/^.{24}(0800|86dd)([0-9a-f]+)$/\2/p' >"$T/packets"
}

teardown() {
	cleanup
}

nflog_corpus() {
	python3 "$TESTS/tools/nflog_corpus.py" "$@"
}

# Let the packets through as KIND of nflog_corpus.py, and write them to KIND.out: through KIND STACK OUTPUT [LINE...].
through() {
	local kind=$1 stack=$2 output=$3

	shift 3
	nflog_corpus "$kind" <"$T/packets" | python3 "$TESTS/tools/captures.py" 239 >"$T/$kind.pcap"
	{
		printf '[global]\nlogfile="%s"\nloglevel=3\n' "$T/$kind.log"
		control_socket ulogd
		printf 'stack=in1:PCAPFILE,%s,out1:%s\n' "$stack" "$output"
		printf '[in1]\nfile="%s"\n' "$T/$kind.pcap"
		printf '[out1]\nfile="%s"\nqueue_full=wait\n' "$T/$kind.out"
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$T/$kind.conf"
	TZ=UTC succeeds ulogd -c "$T/$kind.conf"
	grep -q ", 0 lost" "$T/$kind.log"
}

# strictly SCRIPT... - run a Python SCRIPT in which records(FILE) are the objects of FILE, each as JSON wants it.
strictly() {
	python3 - "$@" <<-END
	import json, sys
	def unique(pairs):
	    assert len(pairs) == len(dict(pairs)), "a name is there twice"
	    return dict(pairs)
	def refuse(word):
	    raise ValueError(word)
	def records(path):
	    for line in open(path, "rb").read().decode().split("\n")[:-1]:
	        o = json.loads(line, object_pairs_hook=unique, parse_constant=refuse, parse_float=refuse)
	        assert all(type(value) in (int, str) for value in o.values()), line
	        yield o
	$(cat)
	END
}

@test "every line is valid for Python and jq, and says what the kernel said" {
	require jq
	through messages base1:BASE,ip2str1:IP2STR,print1:PRINTPKT JSON
	nflog_corpus expected <"$T/packets" >"$T/expected"
	[ "$(lines "$T/messages.out")" = "$(lines "$T/packets")" ]
	[ "$(lines "$T/packets")" -gt 9000 ]
	strictly "$T/messages.out" "$T/expected" <<-'END'
	for line, (got, known) in enumerate(zip(records(sys.argv[1]), records(sys.argv[2]), strict=True)):
	    wrong = {key: (got.get(key), known[key]) for key in known if got.get(key) != known[key]}
	    assert not wrong, (line, wrong)
	    absent = {"oob.uid", "oob.gid", "oob.ifindex_in", "oob.ifindex_out", "oob.ifindex_physin", "oob.ifindex_physout",
	              "oob.seq.local", "oob.seq.global", "ct.status", "ct.mark", "ct.id", "ct.info"} - known.keys()
	    assert not absent & got.keys(), (line, got)
	    assert got["print"].startswith(known["oob.prefix"]), (line, got)
	END
	# jq reads the same as Python.
	jq -c . "$T/messages.out" >"$T/jq.out"
	strictly "$T/messages.out" "$T/jq.out" <<-'END'
	for line, (got, read) in enumerate(zip(records(sys.argv[1]), records(sys.argv[2]), strict=True)):
	    assert got == read, (line, got, read)
	END
}

@test "keys and values of packets are those of GPRINT" {
	through messages base1:BASE,ip2str1:IP2STR JSON timestamp=0
	through plain base1:BASE,ip2str1:IP2STR GPRINT timestamp=0
	[ "$(lines "$T/plain.out")" = "$(lines "$T/packets")" ]
	strictly "$T/messages.out" "$T/plain.out" <<-'END'
	# JSON has no keys of that type, but their texts.
	addresses = "ip.saddr", "ip.daddr", "icmp.gateway"
	names = {"ip.saddr.str": "src_ip", "ip.daddr.str": "dest_ip"}
	for proto in ("tcp", "udp", "sctp"):
	    names.update({proto + ".sport": "src_port", proto + ".dport": "dest_port"})
	for line, (got, keys) in enumerate(zip(records(sys.argv[1]), open(sys.argv[2]), strict=True)):
	    said = dict(key.split("=", 1) for key in keys.rstrip("\n").split(","))
	    said = {names.get(key, key): value for key, value in said.items() if key not in addresses}
	    assert said.pop("oob.prefix") == "plain"
	    del got["oob.prefix"], got["dvc"]
	    got = {key: str(value) for key, value in got.items()}
	    assert got == said, (line, sorted(got.items() ^ said.items()))
	END
}

@test "texts of UNIXSOCK may have any bytes and any length" {
	local bytes option options=()

	require jq
	{
		printf '[global]\nlogfile="%s"\nloglevel=3\n' "$T/a.log"
		control_socket ulogd
		printf 'stack=u1:UNIXSOCK,json1:JSON\n'
		printf '[u1]\nsocket_path="%s"\n' "$T/socket"
		printf '[json1]\nfile="%s"\ndevice="\377\1é/"\n' "$T/a.json"
	} >"$T/a.conf"
	start_here a --plugin-dir "$STAGE/plugins" -c "$T/a.conf"
	running a
	bytes=$(printf '%02x' {1..255})
	for option in 1 2 3 200 202 203 204 205; do
		options+=(--hex "$option=$bytes$(printf 'f09fa680c3%.0s' {1..500})")
	done
	head -n 1 "$T/packets" | python3 "$TESTS/tools/frames_unixsock.py" frame "${options[@]}" |
		python3 "$TESTS/tools/frames_unixsock.py" send "$T/socket" >/dev/null
	stop a
	jq -e . "$T/a.json" >/dev/null
	strictly "$T/a.json" <<-'END'
	got, = records(sys.argv[1])
	text = "".join(map(chr, range(1, 256))) + "\U0001f980\u00c3" * 500
	for key in ("oob.prefix", "oob.in", "oob.out", "nufw.user.name", "nufw.os.name", "nufw.os.rel", "nufw.os.vers",
	            "nufw.app.name"):
	    assert got[key] == text, (key, got[key])
	assert got["dvc"] == "\xff\x01\xe9/", got["dvc"]
	END
}
