#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Finds a Docker Engine that answers, or starts one of the project's own.
#
#	deploy/setup/engine.sh          prints DOCKER_HOST=unix://... (progress on stderr)
#	deploy/setup/engine.sh stop     stops the one that we started
#	deploy/setup/engine.sh status   says which one is used
#
# Looked for in this order: $DOCKER_HOST, our own socket, /var/run/docker.sock.  A
# $DOCKER_HOST that does not answer is an error: what was asked for is never replaced.
# Ours needs root, but not systemd: its own containerd and dockerd in their own session,
# with nothing inherited from the caller, so a pipe of `make` never waits for them.
#
#	BOXWRIGHT_ENGINE_ROOT  images and containers   (/var/lib/boxwright/engine)
#	BOXWRIGHT_ENGINE_RUN   sockets and pid files   (/run/boxwright)
#	BOXWRIGHT_ENGINE_GROUP whose socket it is      (docker, else root)
set -euo pipefail
. "$(dirname "$0")/common.sh"
PATH=$PATH:/usr/sbin:/sbin

root=${BOXWRIGHT_ENGINE_ROOT:-/var/lib/boxwright/engine}
run=${BOXWRIGHT_ENGINE_RUN:-/run/boxwright}
socket=$run/docker.sock
ctr_socket=$run/containerd/containerd.sock
log=$root/engine.log

# daemon_alive dockerd: is the process of its pid file ours?  After a reboot the number may
# belong to anything, so the command line must name our folder.
daemon_alive() {
	local pid
	pid=$(cat "$run/$1.pid" 2>/dev/null) || return 1
	case $pid in '' | *[!0-9]*) return 1 ;; esac
	case $({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) in
	"$1 "*"$run/"*) return 0 ;;
	esac
	return 1
}

# spawn dockerd args...: in a session of its own, holding none of our descriptors.
spawn() {
	local name=$1
	shift
	(
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
		done
		cd /
		ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -Hn)" || true
		exec setsid "$name" "$@" </dev/null >>"$log" 2>&1
	) &
	echo $! >"$run/$name.pid"
	disown
}

stop_daemon() {
	local pid i
	if daemon_alive "$1"; then
		pid=$(cat "$run/$1.pid")
		kill "$pid" 2>/dev/null || true
		for ((i = 0; i < 150; i++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		if kill -0 "$pid" 2>/dev/null; then
			warn "$1 (pid $pid) did not stop in 15 s; killing it"
			kill -9 "$pid" 2>/dev/null || true
		fi
	fi
	rm -f "$run/$1.pid"
}

stop_engine() {
	stop_daemon dockerd
	stop_daemon containerd
	rm -f "$socket" "$run/dockerd.own.pid" "$ctr_socket" "$ctr_socket.ttrpc"
}

# The kernel may speak only one of the two kinds of iptables.  Tries what Docker needs in
# a chain of our own and takes it away again.
iptables_works() {
	local ok=1
	"$1" -w 5 -t nat -N BOXWRIGHT-PROBE 2>/dev/null || return 1
	"$1" -w 5 -t nat -A BOXWRIGHT-PROBE -s 192.0.2.0/24 -m addrtype --dst-type LOCAL -j MASQUERADE 2>/dev/null || ok=0
	"$1" -w 5 -t nat -F BOXWRIGHT-PROBE 2>/dev/null
	"$1" -w 5 -t nat -X BOXWRIGHT-PROBE 2>/dev/null
	[ "$ok" = 1 ] || return 1
	"$1" -w 5 -N BOXWRIGHT-PROBE 2>/dev/null || return 1
	"$1" -w 5 -A BOXWRIGHT-PROBE -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT 2>/dev/null || ok=0
	"$1" -w 5 -F BOXWRIGHT-PROBE 2>/dev/null
	"$1" -w 5 -X BOXWRIGHT-PROBE 2>/dev/null
	[ "$ok" = 1 ]
}

choose_iptables() {
	local kind name
	rm -rf "${run:?}/bin"
	if iptables_works iptables; then return 0; fi
	for kind in legacy nft; do
		command -v "iptables-$kind" >/dev/null || continue
		iptables_works "iptables-$kind" || continue
		mkdir -p "$run/bin"
		for name in iptables ip6tables; do
			ln -s "$(command -v "$name-$kind")" "$run/bin/$name"
		done
		PATH=$run/bin:$PATH
		say "  iptables: this kernel needs iptables-$kind; our Engine uses it, the system's choice stays"
		return 0
	done
	warn "this kernel refuses the iptables rules that boxes need to reach the network; they will have none"
	return 1
}

# What the previous life of our Engine left behind (kill -9, reboot).
clean_stale() {
	local name
	for name in dockerd containerd; do
		daemon_alive "$name" || rm -f "$run/$name.pid"
	done
	# dockerd refuses to start over the number of any process, be it a zombie.
	daemon_alive dockerd || rm -f "$socket" "$run/dockerd.own.pid"
	daemon_alive containerd || rm -f "$ctr_socket" "$ctr_socket.ttrpc"
}

# wait_for seconds name command...: until the command succeeds or the daemon is gone.
wait_for() {
	local deadline name=$2
	deadline=$(($(bw_now_ms) + $1 * 1000))
	shift 2
	until "$@"; do
		# Not daemon_alive: in its first moments it still has our command line.
		if ! kill -0 "$(cat "$run/$name.pid")" 2>/dev/null; then
			tail -n 15 "$log" | cut -c1-300 | sed 's/^/    /' >&2
			die "$name ended while starting; the end of its log is above" "see $log"
		fi
		if [ "$(bw_now_ms)" -gt "$deadline" ]; then
			tail -n 15 "$log" | cut -c1-300 | sed 's/^/    /' >&2
			die "$name does not answer in time; the end of its log is above" \
				"see $log; '$0 stop' and start again, or set DOCKER_HOST to another Engine"
		fi
		sleep 0.1
	done
}

# Who is not root installs and starts by sudo, and gets our Engine's socket by the group.  The
# system's Engine has a group of its own, and that is for the owner of the machine to give.
start_by_sudo() {
	local system=/var/run/docker.sock
	if [ ! -S "$system" ]; then
		[ "$(id -gn)" = "$(id -un)" ] || die "an Engine for $(id -un) would be one for all of the group $(id -gn), and make them as good as root" \
			"start this as root, or set DOCKER_HOST to another Engine"
		as_root env BOXWRIGHT_ENGINE_ROOT="$root" BOXWRIGHT_ENGINE_RUN="$run" \
			BOXWRIGHT_ENGINE_GROUP="$(id -gn)" "$0" >/dev/null
		find_engine && return 0
	fi
	[ -S "$system" ] || die "no Docker Engine answers" "see $log, or set DOCKER_HOST to another Engine"
	[ -w "$system" ] || die "there is a Docker Engine ($system), but $(id -un) may not use it" \
		"sudo usermod -aG docker $(id -un) && newgrp docker (which makes that user as good as root), then start again; or start this as root"
	die "the Docker Engine at $system does not answer" "sudo systemctl start docker; its log: journalctl -u docker"
}

start_engine() {
	local start flags=()
	if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null; then
		say "no Docker Engine on this machine: installing one (boxes are containers)"
		"$(dirname "$0")/deps.sh" engine
		# Debian's package starts its service where it can: then there is nothing to do.
		if engine_answers unix:///var/run/docker.sock; then
			echo "DOCKER_HOST=unix:///var/run/docker.sock"
			return 0
		fi
	fi
	start=$(bw_now_ms)
	say "no Docker Engine answers: starting one of the project's own (data $root, socket $socket)"
	umask 022
	mkdir -p "$root" "$run/containerd"
	if [ -n "${BOXWRIGHT_ENGINE_GROUP:-}" ]; then flags+=(--group "$BOXWRIGHT_ENGINE_GROUP"); fi
	chmod 700 "$root"
	if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt 10000000 ]; then : >"$log"; fi
	clean_stale
	choose_iptables || flags+=(--iptables=false)

	cat >"$run/containerd.toml" <<END
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
END
	# The system's daemon.json is for the system's Engine.
	echo "{}" >"$run/dockerd.json"
	if ! daemon_alive containerd; then
		spawn containerd --config "$run/containerd.toml" --address "$ctr_socket" \
			--root "$root/containerd" --state "$run/containerd" --log-level warn
	fi
	wait_for 30 containerd test -S "$ctr_socket"
	if ! daemon_alive dockerd; then
		spawn dockerd --host "unix://$socket" --data-root "$root/docker" \
			--exec-root "$run/docker" --pidfile "$run/dockerd.own.pid" \
			--containerd "$ctr_socket" --containerd-namespace boxwright \
			--containerd-plugins-namespace boxwright.plugins \
			--config-file "$run/dockerd.json" --log-level warn "${flags[@]}"
	fi
	wait_for 60 dockerd engine_answers "unix://$socket"
	start=$(($(bw_now_ms) - start))
	say "  the Engine answers ($((start / 1000)).$((start % 1000 / 100)) s)"
	echo "DOCKER_HOST=unix://$socket"
}

find_engine() {
	if [ -n "${DOCKER_HOST:-}" ] && [ "$DOCKER_HOST" != "unix://$socket" ]; then
		engine_answers "$DOCKER_HOST" || die "DOCKER_HOST is $DOCKER_HOST, but no Docker Engine answers there" \
			"start it, or unset DOCKER_HOST to let one be found or started"
		echo "DOCKER_HOST=$DOCKER_HOST"
		return 0
	fi
	local where
	for where in "unix://$socket" unix:///var/run/docker.sock; do
		if engine_answers "$where"; then
			echo "DOCKER_HOST=$where"
			return 0
		fi
	done
	return 1
}

command=${1:-start}
case $command in
start)
	command -v curl >/dev/null || "$(dirname "$0")/deps.sh" engine
	find_engine && exit 0
	[ "$(id -u)" = 0 ] || { start_by_sudo && exit 0; }
	# Two calls at once: the second waits and finds what the first started.
	mkdir -p "$run"
	exec 9>"$run/engine.lock"
	flock -w 120 9 || die "another $0 has been starting the Engine for two minutes" "see $log"
	find_engine || start_engine
	;;
stop)
	[ "$(id -u)" = 0 ] || die "our Engine runs as root; so must this" "sudo $0 stop"
	stop_engine
	;;
status)
	find_engine || { say "no Docker Engine answers"; exit 1; }
	;;
*) die "unknown command '$command'" "use start (the default), stop or status" ;;
esac
