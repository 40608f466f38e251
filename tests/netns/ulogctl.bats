# SPDX-License-Identifier: GPL-2.0-or-later
# ulogctl and the control socket of a daemon that logs real packets: status, metrics, commands, tail, top.

load ../lib

setup() {
	require_netns
	require_ulogd
	require_ulogctl
	require jq
	ns_new NS
	tap_add tap0
}

teardown() {
	cleanup
}

# ctl_conf NAME [GLOBAL_LINE...] - write NAME.conf: group 7 as lines to NAME.txt, and as a capture to NAME.pcap.
ctl_conf() {
	local name=$1

	shift
	{
		printf 'control_socket="%s"\n' "$T/ulogd.sock"
		printf '%s\n' "$@"
		printf 'stack=log1:NFLOG,%s,emu1:LOGEMU\n' "$TEXT_FILTERS"
		printf 'stack=log1:NFLOG,pcap1:PCAP\n'
		printf '[log1]\ngroup=7\n[emu1]\nfile="%s"\nsync=1\n' "$T/$name.txt"
		printf '[pcap1]\nfile="%s"\nsync=1\n' "$T/$name.pcap"
	} | conf "$name"
}

log_tap0() {
	nft_chain ip "prerouting priority raw" "iifname tap0 counter name seen log prefix \"${1:-flood}\" group 7 drop"
}

# passed ID - how many records the instance ID has let pass.
passed() {
	ctl status --json | jq --arg id "$1" '[.instances[] | select(.id == $id)][0].passed'
}

# passed_is ID COUNT - it is COUNT.
passed_is() {
	[ "$(passed "$1")" = "$2" ]
}

# written_is NAME COUNT - the destination NAME has taken COUNT records.
written_is() {
	[ "$(ctl status --json | jq --arg name "$1" '.destinations[] | select(.name == $name).written')" = "$2" ]
}

# watching COUNT - that many clients watch.
watching() {
	[ "$(ctl status --json | jq .watching)" = "$1" ]
}

# refused STATUS TEXT COMMAND... - COMMAND ends with STATUS and says TEXT.
refused() {
	local want=$1 text=$2 status=0

	shift 2
	"$@" >"$T/refused.out" 2>&1 || status=$?
	[ "$status" = "$want" ] || fail "status $status: $(cat "$T/refused.out")"
	grep -qF -- "$text" "$T/refused.out" || fail "says: $(cat "$T/refused.out")"
}

# sample METRIC FILE - the value of a sample, given with its labels.
sample() {
	awk -v want="$1" 'substr($0, 1, length(want) + 1) == want " " { print substr($0, length(want) + 2) }' "$2"
}

# --- status ---------------------------------------------------------------------------------------

@test "status counts what was sent" {
	ctl_conf log
	start_ulogd log
	log_tap0
	numbered 0 500 | send_frames tap0
	wait_for "500 packets" passed_is emu1 500
	wait_for "500 lines written" written_is "$T/log.txt" 500
	wait_for "500 packets written" written_is "$T/log.pcap" 500
	ctl status --json >"$T/status"
	[ "$(jq .pid "$T/status")" = "${PID[log]}" ]
	[ "$(jq -r .configuration "$T/status")" = "$T/log.conf" ]
	[ "$(jq '[.instances[].passed] | unique == [500]' "$T/status")" = true ]
	[ "$(jq -c '.instances[0] | [.id, .subject.group, .counters.received, .counters.lost, .stacks]' "$T/status")" = \
		'["log1","7",500,0,[1,2]]' ]
	[ "$(jq '.destinations[] | select(.name == "'"$T"'/log.txt") | .written_bytes' "$T/status")" = \
		"$(stat -c %s "$T/log.txt")" ]
	[ "$(jq '[.destinations[].dropped[]] | add' "$T/status")" = 0 ]
	ctl status >"$T/table"
	grep -qE '^ +2  log1:NFLOG\(group 7\),pcap1:PCAP$' "$T/table"
	grep -qE '^emu1 +LOGEMU +1 +500 +0 +0$' "$T/table"
	grep -qE '^log1 +NFLOG +1-2 +500 +0 +0  group 7: received 500, lost 0' "$T/table"
	stop log
	[ "$status" = 0 ]
	[ ! -e "$T/ulogd.sock" ]
	! command -v tshark >/dev/null || tshark_reads "$T/log.pcap" 500
}

@test "status says what is dropped, and what fails" {
	{
		printf 'control_socket="%s"\n' "$T/ulogd.sock"
		printf 'stack=log1:NFLOG,%s,gp1:GPRINT\n' "$TEXT_FILTERS"
		printf '[log1]\ngroup=7\n[gp1]\nfile="/dev/full"\nsync=1\nqueue_size=262144\n'
	} | conf log
	start_ulogd log
	log_tap0
	numbered 0 3000 | send_frames tap0
	wait_for "all packets" passed_is log1 3000
	ctl status --json >"$T/status"
	[ "$(jq '.destinations[0] | .formatted - .queued - .dropped["queue full"] - .written' "$T/status")" = 0 ]
	[ "$(jq '.destinations[0].dropped["queue full"] > 0' "$T/status")" = true ]
	ctl status | grep -qE 'queue full [1-9][0-9]*  .*fails since'
}

# --- metrics --------------------------------------------------------------------------------------

@test "metrics agree with status, and promtool accepts them" {
	require promtool curl
	ctl_conf log metrics_listen=127.0.0.1:9469 "metrics_file=\"$T/metrics.prom\"" metrics_interval=1
	start_ulogd log
	log_tap0
	numbered 0 300 | send_frames tap0
	wait_for "300 lines written" written_is "$T/log.txt" 300
	wait_for "300 packets written" written_is "$T/log.pcap" 300
	ctl metrics >"$T/openmetrics"
	ctl metrics --prometheus >"$T/prometheus"
	ns curl -sf http://127.0.0.1:9469/metrics >"$T/http"
	ns curl -sf -D "$T/header" -H "Accept: application/openmetrics-text;version=1.0.0" \
		http://127.0.0.1:9469/metrics >"$T/http.openmetrics"
	grep -q 'application/openmetrics-text; version=1.0.0' "$T/header"
	wait_for "the file" grep -qs 'ulogd_input_received_total.* 300$' "$T/metrics.prom"
	for file in prometheus http metrics.prom; do
		promtool check metrics <"$T/$file" >"$T/promtool.out" 2>&1
		[ ! -s "$T/promtool.out" ] || fail "$file: $(cat "$T/promtool.out")"
		! grep -q '# EOF' "$T/$file" || fail "that should have failed"
	done
	for file in openmetrics http.openmetrics; do
		[ "$(tail -n 1 "$T/$file")" = '# EOF' ]
		grep -qx '# TYPE ulogd_input_received counter' "$T/$file"
	done
	for file in openmetrics prometheus http http.openmetrics metrics.prom; do
		[ "$(sample 'ulogd_input_received_total{instance="log1",plugin="NFLOG",stack="1",group="7"}' "$T/$file")" = 300 ]
		[ "$(sample 'ulogd_instance_passed_total{instance="pcap1",plugin="PCAP",stack="2"}' "$T/$file")" = 300 ]
		[ "$(sample "ulogd_destination_written_total{destination=\"$T/log.txt\"}" "$T/$file")" = 300 ]
		[ "$(sample "ulogd_destination_dropped_total{destination=\"$T/log.txt\",reason=\"queue_full\"}" "$T/$file")" = 0 ]
		[ "$(sample "ulogd_destination_up{destination=\"$T/log.txt\"}" "$T/$file")" = 1 ]
	done
	echo "# $(grep -vc '^#' "$T/prometheus") samples of $(grep -c '^# TYPE' "$T/prometheus") metrics" >&3
	[ "$(ns curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9469/else)" = 404 ]
	stop log
	[ ! -e "$T/metrics.prom" ]
}

@test "quotes, backslashes and bytes that are no UTF-8 in names do not break metrics" {
	require promtool
	{
		printf 'control_socket="%s"\n' "$T/ulogd.sock"
		printf 'stack=log1:NFLOG,base1:BASE,ip2str1:IP2STR,gp1:GPRINT\n'
		printf '[gp1]\nfile="%s"\n' "$T/a\\b"$'\xff'"c"
		printf '[log1]\ngroup=7\n'
	} | conf log
	start_ulogd log
	ctl metrics --prometheus | promtool check metrics
	ctl metrics | grep -qF 'destination="'"$T"'/a\\b?c"'
	ctl status --json | jq -r '.destinations[0].name' | grep -qxF "$T/a\\b?c"
}

@test "metrics are served to others only if that is asked for" {
	require curl
	ctl_conf log metrics_listen=0.0.0.0:9469
	start_ulogd log
	grep -q 'metrics_listen: cannot listen on 0.0.0.0:9469: others could read it there' "$T/log.log"
	! ns curl -s http://127.0.0.1:9469/metrics || fail "that should have failed"
	# A reload goes over to the new address.
	ctl_conf log metrics_listen=0.0.0.0:9469 metrics_listen_any=1
	ctl reload
	ns curl -sf http://127.0.0.1:9469/metrics | grep -q '^ulogd_build_info'
	ctl restart
	ns curl -sf http://127.0.0.1:9469/metrics | grep -q '^ulogd_build_info'
	ctl_conf log "metrics_listen=\"unix:$T/metrics.sock\""
	ctl reload
	! ns curl -s http://127.0.0.1:9469/metrics || fail "that should have failed"
	curl -sf --unix-socket "$T/metrics.sock" http://localhost/metrics | grep -q '^ulogd_build_info'
	# A client whose own socket has a name is nothing special.
	(cd "$T" && python3 -c '
import socket
client = socket.socket(socket.AF_UNIX)
client.bind("x" * 100)
client.connect("metrics.sock")
client.send(b"GET /metrics HTTP/1.0\r\n\r\n")
print(client.makefile().read())') | grep -q '^ulogd_build_info'
	stop log
	[ ! -e "$T/metrics.sock" ]
}

# open_files - how many descriptors the daemon has.
open_files() {
	find "/proc/${PID[log]}/fd" -mindepth 1 | wc -l
}

open_files_are() {
	[ "$(open_files)" = "$1" ]
}

# crowd COUNT [PORT] - COUNT clients connect for metrics, and send half a request, byte by byte, for ever.
crowd() {
	start crowd python3 -c '
import socket, sys, time
clients = [socket.socket() for _ in range(int(sys.argv[1]))]
for client in clients:
    client.setblocking(False)
    client.connect_ex(("127.0.0.1", int(sys.argv[2])))
print("ready", flush=True)
while True:
    for client in clients:
        try:
            client.send(b"x")
        except OSError:
            pass
    time.sleep(0.1)' "$1" "${2:-9469}"
	wait_for "the crowd" grep -q ready "$T/crowd.out"
}

# metrics_served - a client gets the page; it waits for it.
metrics_served() {
	ns curl -sf -o "$T/body" -m "$WAIT_SECONDS" http://127.0.0.1:9469/metrics
}

@test "many who connect for metrics and say nothing take 16 places, and none for ever" {
	local before

	require curl
	ctl_conf log metrics_listen=127.0.0.1:9469
	start_ulogd log
	before=$(open_files)
	crowd 100
	wait_for "16 of them" open_files_are $((before + 16))
	ctl status >/dev/null
	open_files_are $((before + 16)) || fail "$(open_files) descriptors, before $before"
	stop crowd KILL
	wait_for "an answer" metrics_served
	wait_for "the end of the crowd" open_files_are "$before"
	# All places are taken by clients who never pause: whoever waits gets one all the same.
	crowd 16
	wait_for "all of them" open_files_are $((before + 16))
	metrics_served
	# A reload and the end do not wait for them.
	stop crowd KILL
	wait_for "their end" open_files_are "$before"
	crowd 5
	wait_for "five" open_files_are $((before + 5))
	sed -i 's|^metrics_listen=.*|metrics_listen=127.0.0.1:9470|' "$T/log.conf"
	ctl reload
	wait_for "their end" open_files_are "$before"
	ns curl -sf -o /dev/null http://127.0.0.1:9470/metrics
	stop crowd KILL
	crowd 5 9470
	wait_for "five" open_files_are $((before + 5))
	stop log
	[ "$status" = 0 ]
}

@test "one who asks for metrics and does not read them is read no further" {
	ctl_conf log metrics_listen=127.0.0.1:9469
	# Buffers that do not hold the page.
	ns sysctl -qw net.ipv4.tcp_wmem="4096 4096 4096"
	start_ulogd log
	ns python3 -c '
import socket
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
client.connect(("127.0.0.1", 9469))
sent = client.send(b"GET /metrics HTTP/1.1\r\n\r\n")
try:
    while sent < 32 << 20:
        sent += client.send(bytes(65536))
except ConnectionError:
    pass
print(sent)' >"$T/sent"
	echo "# $(cat "$T/sent") bytes until the time was over" >&3
	[ "$(cat "$T/sent")" -lt $((32 << 20)) ]
}

@test "metrics are served again when there are descriptors again" {
	require curl prlimit
	ctl_conf log metrics_listen=127.0.0.1:9469
	start_ulogd log
	prlimit --pid "${PID[log]}" --nofile=3:1024
	! ns curl -s -m 1 http://127.0.0.1:9469/metrics || fail "that should have failed"
	prlimit --pid "${PID[log]}" --nofile=1024:1024
	metrics_served
	# The library would say it for each of thousands of attempts.
	[ ! -s "$T/log.err" ]
}

@test "metrics speak as much HTTP as is needed" {
	require curl
	ctl_conf log metrics_listen=127.0.0.1:9469
	start_ulogd log
	code() {
		ns curl -s -m 4 -o "$T/body" -w '%{http_code}' "$@"
	}
	# More often than there are places: an answer gives its place back, long before the five seconds are over.
	for ((i = 0; i < 20; i++)); do
		[ "$(code http://127.0.0.1:9469/metrics?x=1)" = 200 ]
		[ "$(code http://127.0.0.1:9469/)" = 404 ]
	done
	[ "$(code http://127.0.0.1:9469/metrics)" = 200 ]
	grep -q '^ulogd_build_info' "$T/body"
	[ "$(code -D "$T/header" http://127.0.0.1:9469/metrics)" = 200 ]
	grep -qi '^Connection: close' "$T/header"
	grep -qi '^Content-Type: text/plain; version=0.0.4; charset=utf-8' "$T/header"
	[ "$(code -I http://127.0.0.1:9469/metrics)" = 200 ]
	! grep -q '^ulogd' "$T/body" || fail "that should have failed"
	[ "$(code http://127.0.0.1:9469/metrics/x)" = 404 ]
	# The library answers these, in 2.1 with 501, and documents 405.
	[[ "$(code -d x http://127.0.0.1:9469/metrics)" =~ ^(405|501)$ ]]
	[[ "$(code -X DELETE http://127.0.0.1:9469/metrics)" =~ ^(405|501)$ ]]
	[ "$(code -H "X: $(printf '%09000d' 0)" http://127.0.0.1:9469/metrics)" = 400 ]
	ns python3 -c '
import socket
client = socket.create_connection(("127.0.0.1", 9469))
client.send(b"nonsense\r\n\r\n")
print(client.makefile().read())' | grep -q '^HTTP/1.1 400 '
	[ "$(code --http1.0 http://127.0.0.1:9469/metrics)" = 200 ]
}

@test "every metric of the Grafana dashboard exists" {
	ctl_conf log
	start_ulogd log
	ctl metrics >"$T/metrics"
	jq -r '.. | .expr? // empty' "$TESTS/../conf/grafana/ulogd.json" >"$T/expressions"
	[ -s "$T/expressions" ]
	grep -oE '\b(ulogd|process)_[a-z_]+' "$T/expressions" | sort -u >"$T/names"
	while read -r name; do
		grep -q "^$name[{ ]" "$T/metrics" || fail "no $name"
	done <"$T/names"
	[ "$(lines "$T/names")" -ge 5 ]
}

# --- commands -------------------------------------------------------------------------------------

@test "reopen writes to new files" {
	ctl_conf log
	start_ulogd log
	log_tap0
	numbered 0 10 | send_frames tap0
	wait_for "10 lines" has_lines "$T/log.txt" 10
	mv "$T/log.txt" "$T/old.txt"
	ctl reopen
	wait_for "the new file" test -e "$T/log.txt"
	numbered 10 5 | send_frames tap0
	wait_for "5 lines" has_lines "$T/log.txt" 5
	[ "$(lines "$T/old.txt")" = 10 ]
}

@test "a reload of a wrong configuration keeps the old one and shows what is wrong" {
	ctl_conf log
	start_ulogd log
	log_tap0
	cp "$T/log.conf" "$T/good.conf"
	sed -i 's/^group=7/grup=8\nnlbufsiz=much/' "$T/log.conf"
	refused 1 'unknown config key "grup"' ctl reload
	grep -q "log.conf:[0-9]*: log1: .*nlbufsiz" "$T/refused.out"
	refused 1 'unknown config key "grup"' ctl restart
	numbered 0 10 | send_frames tap0
	wait_for "10 lines" has_lines "$T/log.txt" 10
	cp "$T/good.conf" "$T/log.conf"
	ctl reload
	ctl restart
	numbered 10 10 | send_frames tap0
	wait_for "20 lines" has_lines "$T/log.txt" 20
}

@test "a reload moves the control socket, and the client that asked gets its answer" {
	ctl_conf log
	start_ulogd log
	sed -i "s|^control_socket=.*|control_socket=\"$T/other/moved.sock\"|" "$T/log.conf"
	ctl reload
	[ ! -e "$T/ulogd.sock" ]
	refused 3 "no daemon listens on $T/ulogd.sock: start ulogd, or give its control_socket with -s" ctl status
	"$CTL" -s "$T/other/moved.sock" status >/dev/null
}

@test "a control socket that cannot be had by a reload leaves the old one" {
	ctl_conf log
	start_ulogd log
	cp "$T/log.conf" "$T/good.conf"
	# Where a file stands, and in a directory whose parent does not exist.
	for path in "$T/log.conf" "$T/no/where/sock"; do
		sed -i "s|^control_socket=.*|control_socket=\"$path\"|" "$T/log.conf"
		! ctl reload 2>"$T/said" || fail "the reload was fine with $path"
		grep -qF "control_socket: cannot listen on $path as it is now wanted: " "$T/said"
		grep -q 'the old one stays' "$T/said"
		ctl status >/dev/null
	done
	# The rest of the configuration is in use.
	[ "$(ctl status --json | jq '.instances | length')" -ge 2 ]
	cp "$T/good.conf" "$T/log.conf"
	ctl reload
	# Another group is not another socket.
	inode=$(stat -c %i "$T/ulogd.sock")
	sed -i '1a control_group=daemon' "$T/log.conf"
	ctl reload
	[ "$(stat -c '%i %a %G' "$T/ulogd.sock")" = "$inode 660 daemon" ]
	cp "$T/good.conf" "$T/log.conf"
	ctl reload
	[ "$(stat -c '%i %a %G' "$T/ulogd.sock")" = "$inode 600 root" ]
}

@test "metrics that cannot be served elsewhere by a reload are served where they were" {
	require curl
	ctl_conf log metrics_listen=127.0.0.1:9469
	start_ulogd log
	sed -i 's|^metrics_listen=.*|metrics_listen=192.0.2.1:9469|' "$T/log.conf"
	! ctl reload 2>"$T/said" || fail "that should have failed"
	grep -q 'metrics_listen: cannot listen on 192.0.2.1:9469: others could read it there' "$T/said"
	ns curl -sf http://127.0.0.1:9469/metrics | grep -q '^ulogd_build_info'
	sed -i 's|^metrics_listen=.*|metrics_listen=127.0.0.1:9470|' "$T/log.conf"
	ctl reload
	ns curl -sf http://127.0.0.1:9470/metrics | grep -q '^ulogd_build_info'
	! ns curl -s http://127.0.0.1:9469/metrics || fail "that should have failed"
}

@test "without a control socket there is none" {
	text_conf log 7
	sed -i 's/^control_socket=.*/control_socket=""/' "$T/log.conf"
	start_ulogd log
	! grep -q 'ulogctl' "$T/log.log" || fail "that should have failed"
	! ls -l "/proc/${PID[log]}/fd" | grep -q ulogd.sock || fail "the socket is open"
	! ss -xlp 2>/dev/null | grep -q "pid=${PID[log]}," || fail "it listens somewhere"
}

@test "diagnose looks at the configuration of the daemon that runs" {
	"$ULOGD" --help | grep -q -- --diagnose || skip "needs ulogd --diagnose"
	ctl_conf log
	start_ulogd log
	log_tap0
	ns "$CTL" -s "$T/ulogd.sock" diagnose >"$T/diagnose.out" || :
	grep -q 'log1' "$T/diagnose.out"
}

@test "a socket that is left over is taken over, one of a living daemon is not" {
	ctl_conf log
	start_ulogd log
	ctl_conf second
	sed -i 's/^group=7/group=8/' "$T/second.conf"
	start_ulogd second
	grep -q "cannot listen on $T/ulogd.sock: pid ${PID[log]} listens there" "$T/second.log"
	[ "$(ctl status --json | jq .pid)" = "${PID[log]}" ]
	stop second
	[ -S "$T/ulogd.sock" ]
	stop log KILL
	[ -S "$T/ulogd.sock" ]
	refused 3 "no daemon listens" ctl status
	rm "$T/log.log"
	start_ulogd log
	[ "$(ctl status --json | jq .pid)" = "${PID[log]}" ]
}

# --- who may --------------------------------------------------------------------------------------

@test "others may use it with control_group only, and change nothing" {
	local dir=$T

	while [ "$dir" != / ]; do
		chmod o+x "$dir"
		dir=$(dirname "$dir")
	done
	ctl_conf log
	start_ulogd log
	[ "$(stat -c %a "$T/ulogd.sock")" = 600 ]
	refused 3 "is not for you" setpriv --reuid 65534 --regid 65534 --clear-groups "$CTL" -s "$T/ulogd.sock" status
	stop log
	rm "$T/log.log"
	ctl_conf log control_group=daemon
	start_ulogd log
	[ "$(stat -c '%a %G' "$T/ulogd.sock")" = "660 daemon" ]
	setpriv --reuid 65534 --regid 65534 --groups "$(id -g daemon)" "$CTL" -s "$T/ulogd.sock" status >/dev/null
	for command in reopen reload restart; do
		refused 1 "only root and the daemon's own user may do that" setpriv --reuid 65534 --regid 65534 \
			--groups "$(id -g daemon)" "$CTL" -s "$T/ulogd.sock" "$command"
	done
	refused 3 "is not for you" setpriv --reuid 65534 --regid 65534 --clear-groups "$CTL" -s "$T/ulogd.sock" status
	grep -q 'user 65534, asked for what only root' "$T/log.log"
}

@test "after -u the daemon's user may change things" {
	local dir=$T

	while [ "$dir" != / ]; do
		chmod o+x "$dir"
		dir=$(dirname "$dir")
	done
	chmod 777 "$T"
	ctl_conf log
	sed -i "s|^control_socket=.*|control_socket=\"$T/run/ulogd.sock\"|" "$T/log.conf"
	start_daemon log "$ULOGD" --plugin-dir "$PLUGIN_DIR" -u daemon
	[ "$(stat -c %U "$T/run/ulogd.sock")" = daemon ]
	setpriv --reuid "$(id -u daemon)" --regid "$(id -g daemon)" --clear-groups "$CTL" -s "$T/run/ulogd.sock" reopen
	stop log
	[ ! -e "$T/run/ulogd.sock" ]
}

# --- hostile clients --------------------------------------------------------------------------------

@test "clients that send rubbish, too much or do not read disturb nobody" {
	local i

	ctl_conf log
	start_ulogd log
	log_tap0
	mkfifo "$T/hold"
	exec {HOLD}<>"$T/hold"
	python3 "$TESTS/tools/talk.py" "$T/ulogd.sock" rubbish | grep -q 'no JSON object'
	python3 "$TESTS/tools/talk.py" "$T/ulogd.sock" endless | grep -qE 'too long|reset'
	for i in deaf mute; do
		start "$i" python3 "$TESTS/tools/talk.py" "$T/ulogd.sock" "$i" <"$T/hold"
		wait_for "$i" grep -q ready "$T/$i.out"
	done
	numbered 0 200 | send_frames tap0
	wait_for "200 lines" has_lines "$T/log.txt" 200
	passed_is emu1 200
	[ "$(python3 "$TESTS/tools/talk.py" "$T/ulogd.sock" many 30)" -ge 14 ]
	passed_is emu1 200
	grep -q 'control socket: a client, pid .* sent something that is no JSON object' "$T/log.log"
	stop log
	[ "$status" = 0 ]
}

# --- tail and top -----------------------------------------------------------------------------------

@test "tail shows exactly what is logged, with a filter what fits" {
	ctl_conf log
	start_ulogd log
	log_tap0
	numbered 0 50 | send_frames tap0
	wait_for "50 lines" has_lines "$T/log.txt" 50
	start all "$CTL" -s "$T/ulogd.sock" tail --stack emu1 </dev/null
	start json "$CTL" -s "$T/ulogd.sock" tail --stack 1 --json </dev/null
	start some "$CTL" -s "$T/ulogd.sock" tail --stack emu1 -n 10 \
		--filter 'ip.id>=60 and ip.id<70 and oob.prefix~floo and not (src_ip!=192.0.2.1)' </dev/null
	wait_for "three clients" watching 3
	numbered 50 50 | send_frames tap0
	wait_for "50 events" has_lines "$T/all.out" 50
	wait_for "50 objects" has_lines "$T/json.out" 50
	ended some
	[ "$status" = 0 ]
	[ "$(lines "$T/some.out")" = 10 ]
	jq -r '."ip.id"' "$T/json.out" | diff - <(seq 50 99)
	[ "$(grep -cE '^[0-9:.+-]+ flood in=tap0 UDP 192.0.2.1:1024 > 198.51.100.2:9 len=36$' "$T/all.out")" = 50 ]
	stop all
	stop json
	wait_for "nobody to watch" watching 0
	numbered 100 50 | send_frames tap0
	wait_for "150 lines" has_lines "$T/log.txt" 150
	stop log
	numbers "$T/log.txt" | diff - <(seq 0 149)
	[ "$(lines "$T/all.out")" = 50 ]
}

# no_deadline - the daemon's main thread waits for events, with no timer at all (the 4th argument of epoll_wait).
no_deadline() {
	awk '$5 ~ /^0x(ffffffff)?ffffffff$/ { found = 1 } END { exit !found }' "/proc/${PID[log]}/syscall"
}

@test "one who watches may be silent for as long as he likes" {
	ctl_conf log
	start_ulogd log
	[ -r "/proc/${PID[log]}/syscall" ] || skip "needs /proc/PID/syscall"
	wait_for "a daemon without timers" no_deadline
	start all "$CTL" -s "$T/ulogd.sock" tail </dev/null
	wait_for "a client" watching 1
	wait_for "a daemon without timers" no_deadline
}

@test "tail shows an event once, however many outputs follow one instance" {
	{
		printf 'control_socket="%s"\n' "$T/ulogd.sock"
		printf 'stack=log1:NFLOG,base1:BASE,json1:JSON\n'
		printf 'stack=log1:NFLOG,base1:BASE,mark1:MARK,json2:JSON\n'
		printf 'stack=log1:NFLOG,base1:BASE,json3:JSON\n'
		printf '[log1]\ngroup=7\n[mark1]\nmark=1\n'
		printf '[json%s]\nfile="'"$T"'/%s.json"\nsync=1\n' 1 1 2 2 3 3
	} | conf log
	start_ulogd log
	log_tap0
	start all "$CTL" -s "$T/ulogd.sock" tail --json </dev/null
	wait_for "a client" watching 1
	numbered 0 10 | send_frames tap0
	wait_for "10 lines" has_lines "$T/3.json" 10
	wait_for "10 events" passed_is base1 10
	# What comes last shows that nothing came twice before it.
	numbered 10 1 | send_frames tap0
	wait_for "the last event" grep -q '"ip.id": *10[,}]' "$T/all.out"
	jq -r '."ip.id"' "$T/all.out" | head -n 10 | diff - <(seq 0 9)
}

@test "watching begins and ends under load, and costs no packet" {
	local count=30000 i

	ctl_conf log
	start_ulogd log
	log_tap0
	numbered 0 "$count" 8000 | send_frames tap0 &
	for ((i = 0; i < 20; i++)); do
		ctl tail -n 100 >"$T/tail$i.out"
		[ "$(lines "$T/tail$i.out")" = 100 ]
	done
	wait $!
	wait_for "all lines" has_lines "$T/log.txt" "$count"
	stop log
	[ "$status" = 0 ]
	numbers "$T/log.txt" | diff -q - <(seq 0 $((count - 1)))
	grep -q "group 7: $count packets received, 0 lost" "$T/log.log"
}

@test "a client that does not read is told what it has missed, and nobody else misses anything" {
	local count=20000 seen skipped

	ctl_conf log
	start_ulogd log
	log_tap0
	mkfifo "$T/hold"
	exec {HOLD}<>"$T/hold"
	start deaf python3 "$TESTS/tools/talk.py" "$T/ulogd.sock" deaf-tail <"$T/hold"
	wait_for "it to watch" watching 1
	numbered 0 "$count" | send_frames tap0
	wait_for "all lines" has_lines "$T/log.txt" "$count"
	echo >&"$HOLD"
	# The next event comes after what was skipped.
	wait_for "it to read" grep -q timestamp "$T/deaf.out"
	numbered "$count" 1 | send_frames tap0
	ended deaf
	seen=$(grep -c timestamp "$T/deaf.out")
	skipped=$(jq -s '[.[].skipped // 0] | add' <(grep skipped "$T/deaf.out"))
	echo "# $seen seen, $skipped skipped" >&3
	[ "$skipped" -gt 0 ]
	# Two stacks have different parents of their ends: each event is shown twice.
	[ $((seen + skipped)) = $((2 * (count + 1))) ]
	! grep -q 'queue is full' "$T/log.log" || fail "that should have failed"
	stop log
	numbers "$T/log.txt" | diff -q - <(seq 0 "$count")
}

@test "a watcher goes on after a reload, and ends when its stack is gone" {
	ctl_conf log
	start_ulogd log
	log_tap0
	start stays "$CTL" -s "$T/ulogd.sock" tail --stack 1 </dev/null
	start goes "$CTL" -s "$T/ulogd.sock" tail --stack pcap1 </dev/null
	wait_for "two clients" watching 2
	sed -i -e '/pcap1:PCAP/d' -e "s|$T/log.txt|$T/new.txt|" "$T/log.conf"
	ctl reload
	ended goes
	[ "$status" = 1 ]
	grep -q 'the daemon has ended the connection' "$T/goes.err"
	numbered 0 5 | send_frames tap0
	wait_for "5 events" has_lines "$T/stays.out" 5
	wait_for "5 lines" has_lines "$T/new.txt" 5
	stop log
	ended stays
	[ "$status" = 1 ]
}

@test "text of packets cannot write to the terminal" {
	ctl_conf log
	start_ulogd log
	log_tap0 $'a\e[31mb'
	start all "$CTL" -s "$T/ulogd.sock" tail --stack 1 </dev/null
	wait_for "it to watch" watching 1
	numbered 0 1 | send_frames tap0
	wait_for "an event" has_lines "$T/all.out" 1
	grep -qF 'a\x1b[31mb' "$T/all.out"
}

@test "top shows what there is most of" {
	ctl_conf log
	start_ulogd log
	nft_chain ip "prerouting priority raw" \
		'iifname tap0 ip id < 30 counter name seen log prefix "many" group 7 drop' \
		'iifname tap0 counter name seen log prefix "few" group 7 drop'
	start top "$CTL" -s "$T/ulogd.sock" top --stack 1 -d 0.2 </dev/null
	wait_for "it to watch" watching 1
	numbered 0 40 | send_frames tap0
	wait_for "all events" grep -q '^40 events,' "$T/top.out"
	stop top
	tac "$T/top.out" | awk '{ print } /^40 events,/ { exit }' | tac >"$T/round"
	grep -A 2 'PREFIX' "$T/round" | awk 'NR > 1 { print $1, $3 }' | diff - <(printf '30 many\n10 few\n')
	grep -A 1 'SOURCE' "$T/round" | grep -qE '^ +40 .* 192.0.2.1$'
	grep -A 1 'DESTINATION' "$T/round" | grep -qE '^ +40 .* 198.51.100.2$'
	grep -A 1 'SERVICE' "$T/round" | grep -qE '^ +40 .* UDP 9$'
}

@test "wrong words are refused with status 2" {
	refused 2 'no such command: frobnicate' ctl frobnicate
	refused 2 'no command is given: write one, like status' ctl
	refused 2 'this word is too much: more' ctl status more
	refused 2 'a value is missing, at character 8:' ctl tail --filter 'src_ip='
	refused 2 '-n wants a number' ctl tail -n 0
	ctl --help | grep -q 'Usage: ulogctl'
}

@test "what is no number of a stack and no id is refused" {
	ctl_conf log
	start_ulogd log
	for which in 1abc 0 3 -1 +1 ' 1' 99999999999999999999 '' emu; do
		refused 1 'no stack has this number or an instance of this id' ctl tail --stack "$which"
	done
}
