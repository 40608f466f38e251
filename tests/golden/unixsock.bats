# SPDX-License-Identifier: GPL-2.0-or-later
# UNIXSOCK as programs see it: recorded packets through a real socket, in pieces, from many clients, and rubbish.

load ../lib
load ../cli/cli

TEXT_STACK=base1:BASE,ip2str1:IP2STR,print1:PRINTPKT

setup() {
	require python3
	require_stage
	SOCKET=$T/socket
	# One packet and its message, for tests that only have to see that it came through.
	PACKET=$(vec_rows unixsock.vec name pkt | sed -n 's/^udp|//p')
	LINE="$(vec_rows unixsock.vec name our-out | sed -n 's/^udp|//p')"
}

teardown() {
	cleanup
}

frames() {
	python3 "$TESTS/tools/frames_unixsock.py" "$@"
}

# frame [OPTION...] - print the messages of the packets on stdin, with the options of unixsock.vec and these.
frame() {
	frames frame --option 1=pfx --option 2=eth0 --option 3=eth1 --time 1700000000 "$@"
}

# The message of $PACKET: message [OPTION...].
message() {
	echo "$PACKET" | frame "$@"
}

# send [OPTION...] - send the messages on stdin through a connection.
send() {
	frames send "$SOCKET" "$@"
}

# sock_conf [LINE...] - write a.conf: UNIXSOCK to a.txt, with these options of the input.
sock_conf() {
	{
		printf '[global]\nlogfile="%s"\nloglevel=3\n' "$T/a.log"
		control_socket ulogd
		printf 'stack=u1:UNIXSOCK,%s,emu1:LOGEMU\n' "$TEXT_STACK"
		printf '[u1]\nsocket_path="%s"\n' "$SOCKET"
		[ $# = 0 ] || printf '%s\n' "$@"
		printf '[emu1]\nfile="%s"\nsync=1\n' "$T/a.txt"
	} >"$T/a.conf"
}

# run_ulogd NAME - start the daemon with NAME.conf in the background, and wait until it is ready.
run_ulogd() {
	starting "$1"
	TZ=UTC "$ULOGD" --plugin-dir "$STAGE/plugins" -c "$T/$1.conf" </dev/null >"$T/$1.out" 2>"$T/$1.err" 3>&- &
	PID[$1]=$!
	wait_for "$1 to be ready" initialized "$1"
	! process_gone "${PID[$1]}" || fail "$1 did not start"
}

# client NAME - begin a client in the background that sends what is written to NAME.in.
client() {
	mkfifo "$T/$1.in"
	frames send "$SOCKET" --hold <"$T/$1.in" >"$T/$1.out" 2>"$T/$1.err" 3>&- &
	PID[$1]=$!
	# Open for reading and writing, so that no order of opening matters.
	exec {FD}<>"$T/$1.in"
	eval "FD_$1=$FD"
	wait_for "client $1" has_lines "$T/$1.out" 1
}

# client_sends NAME HEX - let the client send this.
client_sends() {
	local fd=FD_$1 before

	before=$(lines "$T/$1.out")
	echo "$2" >&"${!fd}"
	wait_for "client $1 to send" has_lines "$T/$1.out" $((before + 1))
}

# client_ends NAME - let the client close its connection.
client_ends() {
	local fd=FD_$1

	kill "${PID[$1]}"
	wait "${PID[$1]}" || :
	unset "PID[$1]"
	fd=${!fd}
	exec {fd}>&-
}

# printed COUNT - wait until there are COUNT lines of packets, and fail if there are more.
printed() {
	wait_for "$1 lines" has_lines "$T/a.txt" "$1"
	[ "$(lines "$T/a.txt")" = "$1" ]
}

# log_has TEXT - the daemon has said this: for wait_for.
log_has() {
	grep -qF -- "$1" "$T/a.log"
}

# reports TEXT - the daemon says this when asked for a report: for wait_for.
reports() {
	kill -USR2 "${PID[a]}"
	log_has "$1"
}

# refused TEXT... - the daemon does not start, and says each TEXT.
refused() {
	exits 1 ulogd -c "$T/a.conf"
	log_says "$T/a.log" "$@"
}

# rubbish HEX - send bytes that are no message, and fail unless the daemon closes the connection and says by whom.
rubbish() {
	local before pid

	before=$(grep -c "closing socket of" "$T/a.log" || :)
	pid=$(echo "$1" | send --until-closed | head -n 1)
	wait_for "the daemon to complain" log_has "closing socket of pid $pid (python3), uid $(id -u)"
	[ "$(grep -c "closing socket of" "$T/a.log")" = $((before + 1)) ]
}

@test "unixsock_frames_are_as_recorded" {
	local recorded

	recorded=$(vec_rows unixsock.vec frame pkt | grep -v '^|')
	[ -n "$recorded" ]
	[ "$(echo "$recorded" | cut -d'|' -f2 | frame)" = "$(echo "$recorded" | cut -d'|' -f1)" ]
}

@test "packets_of_unixsock_vec_give_their_bytes_through_a_socket" {
	sock_conf
	run_ulogd a
	vec_rows unixsock.vec pkt | frame | send >/dev/null
	printed 73
	vec_rows unixsock.vec our-out | sed "s/^/Nov 14 22:13:20 $(host) /" >"$T/expected"
	cmp "$T/expected" "$T/a.txt"
	stop a
	[ "$status" = 0 ]
}

@test "packets_of_unixsock_vec_give_their_keys_through_a_socket" {
	sock_conf
	sed -i -e "s/emu1:LOGEMU/emu1:KEYS/" -e '/^sync/d' "$T/a.conf"
	run_ulogd a
	vec_rows unixsock.vec pkt | frame | send >/dev/null
	printed 73
	vec_rows unixsock.vec our-keys | tr ',' '\n' | sed -n '/^$/p; /^ip6\?\.\(saddr\|daddr\|protocol\)=/p' >"$T/expected"
	[ "$(grep -c '^ip\.saddr=' "$T/expected")" = "$(tr ',' '\n' <"$T/a.txt" | grep -c '^ip\.saddr=')" ]
	diff <(vec_rows unixsock.vec our-keys | sed 's/,.*//') <(sed 's/,.*//' "$T/a.txt")
}

@test "a_message_can_arrive_in_pieces_cut_anywhere" {
	local bytes

	sock_conf
	run_ulogd a
	bytes=$(message | tr -d '\n' | wc -c)
	message | send --split >/dev/null
	printed $((bytes / 2 - 1))
	[ "$(text "$T/a.txt" | sort -u)" = "$LINE" ]
	! grep -q "closing\|not whole" "$T/a.log" || fail "a message was not understood"
}

@test "all_recorded_messages_can_arrive_byte_by_byte" {
	sock_conf
	run_ulogd a
	vec_rows unixsock.vec pkt | frame | send --bytes >/dev/null
	printed 73
	text "$T/a.txt" | diff <(vec_rows unixsock.vec our-out) -
}

@test "many_messages_can_arrive_at_once" {
	sock_conf
	run_ulogd a
	printf "$(message)%.0s" {1..3000} | send >/dev/null
	printed 3000
}

@test "clients_do_not_disturb_one_another" {
	local m half i

	sock_conf
	run_ulogd a
	m=$(message)
	half=$((${#m} / 4 * 2))
	for i in c1 c2 c3 c4 c5; do
		client $i
	done
	for i in c1 c2 c3 c4 c5; do
		client_sends $i "${m:0:half}"
	done
	client_sends c3 "${m:half}"
	printed 1
	client_ends c3
	client_sends c5 "${m:half}"
	client_sends c1 "${m:half}$m"
	printed 4
	client_ends c1
	client_sends c2 "${m:half}"
	client_sends c4 "${m:half}"
	printed 6
	[ "$(text "$T/a.txt" | sort -u)" = "$LINE" ]
}

@test "clients_can_come_and_go_in_any_number" {
	sock_conf
	run_ulogd a
	python3 - "$SOCKET" "$(message)" <<-'end'
		import socket, sys
		clients = []
		for i in range(200):
		    client = socket.socket(socket.AF_UNIX)
		    client.connect(sys.argv[1])
		    clients.append(client)
		    client.send(bytes.fromhex(sys.argv[2]))
		    if i % 3:
		        clients.pop(i % len(clients)).close()
		for client in reversed(clients):
		    client.send(bytes.fromhex(sys.argv[2]))
	end
	printed 267	# one of each, and another one of the 67 that stayed
	wait_for "the report" reports "0 clients, 267 packets received, 0 malformed"
}

@test "without_a_descriptor_left_clients_are_refused_and_others_go_on" {
	sock_conf
	(
		ulimit -n 40
		run_ulogd a
		echo "${PID[a]}" >"$T/pid"
	)
	PID[a]=$(cat "$T/pid")
	client first
	python3 - "$SOCKET" 3>&- <<-'end'
		import socket, sys
		clients = [socket.socket(socket.AF_UNIX) for i in range(40)]
		for client in clients:
		    client.connect(sys.argv[1])
		# Those that were refused see it, the others live as long as this program.
		clients[-1].recv(1)
	end
	wait_for "a refusal" log_has "a client was refused: too many files are open"
	client_sends first "$(message)"
	printed 1
}

@test "rubbish_closes_its_connection_names_the_peer_and_disturbs_nobody" {
	local m

	sock_conf
	run_ulogd a
	m=$(message)
	client other
	client_sends other "${m:0:60}"
	rubbish "$(printf 'GET / HTTP/1.1' | od -An -tx1 | tr -d ' \n')"
	log_says "$T/a.log" "invalid packet marked received (read 47455420, expected 41c90fd4), closing socket of pid"
	# What came before it is printed.
	rubbish "$m$(printf 'rubbish' | od -An -tx1 | tr -d ' \n')"
	printed 1
	client_sends other "${m:60}"
	printed 2
	wait_for "the report" reports "1 clients, 2 packets received, 2 malformed"
}

@test "lengths_that_do_not_fit_close_the_connection" {
	local m

	sock_conf
	run_ulogd a
	m=$(echo "$PACKET" | frames frame)
	# U5: smaller than a header.
	rubbish 41c90fd400070000000000000000000000000000
	rubbish 41c90fd400000000000000000000000000000000
	# U3: the packet is longer than the message.
	rubbish "${m:0:20}ffff${m:24}"
	# U2: an option is longer than the message.
	rubbish "$(echo "$PACKET" | frames frame --hex 1=41414141 | sed 's/0000000441414141/0000000941414141/')"
	rubbish "$(echo "$PACKET" | frames frame --hex 1=41414141 | sed 's/0000000441414141/ffffffff41414141/')"
	# Numbers that are too short.
	rubbish "$(echo "$PACKET" | frames frame --hex 4=414141)"
	rubbish "$(echo "$PACKET" | frames frame --hex 206=)"
	log_says "$T/a.log" "malformed packet received"
	[ "$(lines "$T/a.txt")" = 0 ]
	message | send >/dev/null
	printed 1
}

@test "options_end_with_the_message" {
	sock_conf
	run_ulogd a
	# U1: nothing, and less than an option, behind the packet.
	for filler in 0 1 4 7; do
		echo "$PACKET" | frames frame --filler $filler
	done | send >/dev/null
	printed 4
	[ "$(text "$T/a.txt" | sort -u)" = "${LINE#*OUT=eth1 }" ]
	! grep -q "unknown option" "$T/a.log" || fail "an option was not understood"
}

@test "a_packet_without_padding_at_the_end_of_the_message_is_whole" {
	local m

	sock_conf
	run_ulogd a
	m=$(echo "$PACKET" | frames frame)
	# 33 bytes of packet, none of the 7 of padding.
	echo "41c90fd40029${m:12:78}" | send >/dev/null
	printed 1
}

@test "unknown_options_are_said_and_skipped" {
	sock_conf
	run_ulogd a
	echo "$PACKET" | frames frame --hex 77=0102030405 --option 1=pfx --option 2=eth0 --option 3=eth1 | send >/dev/null
	printed 1
	[ "$(text "$T/a.txt")" = "$LINE" ]
	wait_for "the message" log_has "unknown option 77"
}

@test "every_option_becomes_its_key" {
	sock_conf
	sed -i -e 's/^stack=.*/stack=u1:UNIXSOCK,gp1:GPRINT/' -e 's/^\[emu1\]/[gp1]/' "$T/a.conf"
	run_ulogd a
	echo "$PACKET" | frame --option 200=joe --number 201=1000 --option 202=Linux --option 203=6.1 --option 204='#1 SMP' \
		--option 205=/usr/bin/nc --hex 206=02 | send >/dev/null
	printed 1
	sed 's/^[^,]*timestamp=[^,]*,//' "$T/a.txt" >"$T/keys"
	grep -qF "raw.pktlen=33,raw.pktcount=1,oob.prefix=pfx,oob.time.sec=1700000000,oob.in=eth0,oob.out=eth1,oob.family=2,raw.label=2,nufw.user.name=joe,nufw.user.id=1000,nufw.os.name=Linux,nufw.os.rel=6.1,nufw.os.vers=#1 SMP,nufw.app.name=/usr/bin/nc" "$T/keys"
}

@test "texts_end_at_their_nul_or_with_their_option" {
	sock_conf
	run_ulogd a
	echo "$PACKET" | frames frame --hex 1=70667800787878 --hex 2=65746830 --hex 3=6574683100 | send >/dev/null
	printed 1
	[ "$(text "$T/a.txt")" = "$LINE" ]
}

@test "a_text_of_any_length_and_the_longest_message_go_through" {
	sock_conf bufsize=100
	run_ulogd a
	# U7, U11: more than a line's and a buffer's old limits.  65535 bytes behind the marker are all there can be.
	python3 -c 'print("41" * 65472)' >"$T/long"
	echo "$PACKET" | frames frame --hex 1="$(head -c 60000 "$T/long")" | send >/dev/null
	printed 1
	[ "$(text "$T/a.txt" | tr -dc A | head -c 30000 | wc -c)" = 30000 ]
	python3 -c '
packet = bytes.fromhex("45") + bytes(65526)
print((bytes.fromhex("41c90fd4ffff") + bytes(4) + len(packet).to_bytes(2, "big") + packet).hex())' | send >/dev/null
	printed 2
}

@test "a_client_that_goes_in_the_middle_of_a_message_is_said" {
	local m

	sock_conf
	run_ulogd a
	m=$(message)
	client c
	client_sends c "$m${m:0:40}"
	client_ends c
	wait_for "the message" log_has "is not whole: there are only 20 bytes of it"
	printed 1
}

@test "all_stacks_of_an_instance_get_the_packets" {
	sock_conf
	{
		cat "$T/a.conf"
		printf '[emu2]\nfile="%s"\nsync=1\n' "$T/b.txt"
	} | sed "s/^stack=\(.*\)emu1:LOGEMU/&\nstack=\1emu2:LOGEMU/" >"$T/two.conf"
	mv "$T/two.conf" "$T/a.conf"
	run_ulogd a
	vec_rows unixsock.vec pkt | frame | send >/dev/null
	printed 73
	stop a
	cmp "$T/a.txt" "$T/b.txt"
}

@test "what_clients_have_written_before_the_end_is_printed" {
	local i m

	sock_conf
	run_ulogd a
	m=$(message)
	printf "$m%.0s" {1..500} >"$T/much"
	for i in c1 c2 c3; do
		client $i
	done
	for i in c1 c2 c3; do
		client_sends $i "$(cat "$T/much")"
	done
	stop a
	[ "$status" = 0 ]
	[ "$(lines "$T/a.txt")" = 1500 ]
}

@test "the_socket_has_its_mode_and_owner_and_goes_with_the_daemon" {
	sock_conf
	run_ulogd a
	[ "$(stat -c '%F %a' "$SOCKET")" = "socket 600" ]
	stop a
	[ ! -e "$SOCKET" ]
	sock_conf perms=0660
	run_ulogd a
	[ "$(stat -c %a "$SOCKET")" = 660 ]
	stop a
}

@test "the_socket_can_be_given_away" {
	require_root
	sock_conf perms=0640 owner=nobody group=daemon
	run_ulogd a
	[ "$(stat -c '%U %G %a' "$SOCKET")" = "nobody daemon 640" ]
	stop a
}

@test "unknown_users_and_long_paths_are_refused_with_the_line" {
	sock_conf owner=no-such-user group=no-such-group
	exits 1 ulogd -t -c "$T/a.conf"
	says "a.conf:8: u1: owner: Invalid owner specified for unix socket (no-such-user)" \
		"a.conf:9: u1: group: Invalid group specified for unix socket (no-such-group)"
	sed -i -e '/^owner/d' -e '/^group/d' -e "s|^socket_path.*|socket_path=/$(printf '%0107d' 0)|" "$T/a.conf"
	exits 1 ulogd -t -c "$T/a.conf"
	says "a.conf:7: u1: socket_path: unix socket path" "too long"
}

@test "a_socket_that_is_left_over_is_replaced" {
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$SOCKET"
	[ -S "$SOCKET" ]
	sock_conf
	run_ulogd a
	log_says "$T/a.log" "removed the socket '$SOCKET', on which nobody listened any more"
	message | send >/dev/null
	printed 1
}

@test "a_socket_that_somebody_listens_on_is_left_alone" {
	sock_conf
	run_ulogd a
	sed "s|$T/a|$T/b|" "$T/a.conf" >"$T/b.conf"
	exits 1 ulogd -c "$T/b.conf"
	log_says "$T/b.log" "could not bind to unix socket '$SOCKET': pid ${PID[a]} (ulogd), uid $(id -u) listens there"
	message | send >/dev/null
	printed 1
}

@test "a_file_that_is_no_socket_is_left_alone" {
	echo precious >"$SOCKET"
	sock_conf
	refused "could not bind to unix socket '$SOCKET': this file is no socket"
	[ "$(cat "$SOCKET")" = precious ]
}

@test "a_start_that_fails_leaves_no_socket" {
	sock_conf
	sed -i "s|^socket_path=.*|socket_path=\"$T/none/socket\"|" "$T/a.conf"
	refused "could not bind to unix socket '$T/none/socket': No such file or directory; create its directory"
	[ ! -e "$SOCKET" ]
}

@test "a_socket_that_another_daemon_has_made_since_is_not_removed" {
	sock_conf
	run_ulogd a
	rm "$SOCKET"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$SOCKET"
	stop a
	[ -S "$SOCKET" ]
}
