# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Words of ulogctl(8) for bash: commands, and what each of them takes.

_ulogctl() {
	local current=$2 previous=$3 command='' words i

	case $previous in
	-s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	--stack)
		# Ids of instances, from a daemon that answers.
		words=$(ulogctl status --json 2>/dev/null | sed -nE 's/^ *"id": "([^"]*)",?$/\1/p' | sort -u)
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		return
		;;
	-n | -d | --filter | --groups | --prefix | --cpus)
		COMPREPLY=()
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket) ((i++)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $command in
	'') words='status metrics reopen reload restart tail top diagnose rules --socket --help --version' ;;
	status) words='--json' ;;
	metrics) words='--prometheus' ;;
	tail) words='--stack --filter --json -n' ;;
	top) words='--stack --filter -d -n' ;;
	rules) words='--groups --nft --iptables --prefix --cpus' ;;
	*) words='' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _ulogctl ulogctl
