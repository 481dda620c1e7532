# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the set-up scripts share: messages, the time that a step takes, becoming root.
# Sourced, never run.  Progress goes to stderr, so that stdout stays for results.

BW_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export BW_ROOT

# Where downloads and build contexts lie: never in the checkout.
bw_cache_dir() {
	if [ -n "${BOXWRIGHT_CACHE:-}" ]; then
		echo "$BOXWRIGHT_CACHE"
	elif [ "$(id -u)" = 0 ]; then
		echo /var/cache/boxwright
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/boxwright"
	fi
}

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# die "what failed" "what to do next"
die() {
	printf 'error: %s\n' "$1" >&2
	if [ -n "${2:-}" ]; then printf '  next: %s\n' "$2" >&2; fi
	exit 1
}

bw_now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	echo $((t / 1000))
}

# step "what and why" command...: runs it with its output in a file.  On a terminal the
# seconds count up; elsewhere a line every 15 s shows that it lives.  Shows the end of the
# output when it fails.
step() {
	local what=$1 log start pid status=0 last=0 secs
	shift
	log=$(mktemp "${TMPDIR:-/tmp}/boxwright-step.XXXXXX")
	start=$(bw_now_ms)
	printf '  ... %s\n' "$what" >&2
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		secs=$((($(bw_now_ms) - start) / 1000))
		if [ -t 2 ] && [ "$secs" -ge 2 ]; then
			printf '\r      %d s ' "$secs" >&2
		elif [ $((secs - last)) -ge 15 ]; then
			last=$secs
			printf '      %d s: %s\n' "$secs" "$(tail -n 1 "$log" | tr -d '\r' | cut -c1-100)" >&2
		fi
	done
	wait "$pid" || status=$?
	if [ -t 2 ]; then printf '\r' >&2; fi
	secs=$(($(bw_now_ms) - start))
	if [ "$status" = 0 ]; then
		printf '  ok  %s (%d.%d s)\n' "$what" $((secs / 1000)) $((secs % 1000 / 100)) >&2
		rm -f "$log"
	else
		printf '  FAILED (exit %d) %s; the end of its output:\n' "$status" "$what" >&2
		tail -n 30 "$log" | sed 's/^/    /' >&2
		printf '    (all of it: %s)\n' "$log" >&2
	fi
	return "$status"
}

# as_root command...: as it is for root, by sudo for others; tells what to run by hand
# where neither works.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
		sudo "$@"
	else
		die "this needs root: $*" "run it as root or give this user sudo, then start again"
	fi
}

# Does the Docker Engine at this address (unix://... or tcp://...) answer?
engine_answers() {
	case $1 in
	unix://*) [ "$(curl -fsS -m 3 --unix-socket "${1#unix://}" http://engine/_ping 2>/dev/null)" = OK ] ;;
	*) timeout 5 docker -H "$1" version >/dev/null 2>&1 ;;
	esac
}
