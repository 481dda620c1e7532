#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make bench`: ours and its peers side by side in one run, as a table and in
# <build>/bench.json (an object a line of the table; names stay the same).
#
#	tests/bench/run.sh [box] [api] [flow] [intake]     (default: all)
#
# BENCH_PROBOT=1 measures Probot 14 beside the intake (its npm packages take some minutes).
# The two sides take turns, so a busy machine slows both: ratios count, not milliseconds.
set -euo pipefail
. "$(dirname "$0")/../../deploy/setup/common.sh"
cd "$BW_ROOT"
build=${BUILD:-build}
[ $# -gt 0 ] || set -- box api flow intake

prepared=$(tests/prepare.sh deps engine images npm)
eval "$prepared"
command -v docker >/dev/null ||
	die "the docker program, one of the peers, is missing" "apt-get install docker.io"
step "build (release)" env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -j"$(nproc)" BUILD="$build" \
	VARIANT=release build "$build"/release/tests/bench/bench_{box,intake_server} ||
	die "the build failed" "make VARIANT=release build"
export BOXWRIGHT_BIN=$build/release/boxwright

mkdir -p "$build" build
scratch=$(mktemp -d "${TMPDIR:-/tmp}/boxwright-bench.XXXXXX")
instance=bench-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
rows=$scratch/rows
: >"$rows"

# What a measurement that was ended early left behind.
clean() {
	local label left
	for label in "boxwright.instance=$instance" "boxwright.bench=$instance"; do
		left=$(docker ps -aq --filter "label=$label" 2>/dev/null || true)
		# shellcheck disable=SC2086 # an id each
		if [ -n "$left" ]; then docker rm -f -v $left >/dev/null 2>&1 || true; fi
	done
	rm -rf "$scratch"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

load() { cut -d' ' -f1-3 /proc/loadavg; }
started=$(bw_now_ms) load_before=$(load) failed=()
say "measuring (load $load_before, $(nproc) cores)"
for what in "$@"; do
	case $what in
	box) bench=("$build/release/tests/bench/bench_box" "$instance" "$BOXWRIGHT_TEST_IMAGE" "$scratch" "$rows") ;;
	api) bench=(node tests/bench/api.mjs "$rows" "$instance") ;;
	flow) bench=(node tests/bench/flow.mjs "$rows") ;;
	intake) bench=(node tests/bench/intake.mjs "$build/release/tests/bench/bench_intake_server" "$rows") ;;
	*) die "unknown measurement '$what'" "use box, api, flow or intake" ;;
	esac
	limit=300
	if [ "$what" = api ]; then limit=900; fi # four minutes here; 300 boxes are made
	if [ "$what-${BENCH_PROBOT:-}" = intake-1 ]; then limit=1200; fi
	timeout --foreground -k 20 "$limit" "${bench[@]}" >&2 || failed+=("$what")
done

say "took $((($(bw_now_ms) - started) / 1000)) s; load $load_before before, $(load) after, $(nproc) cores"
node tests/bench/table.mjs "$rows" "$build/bench.json"
say "written: $build/bench.json"
[ ${#failed[@]} = 0 ] || die "these did not end well: ${failed[*]}" "see their messages above; tests/bench/run.sh ${failed[0]}"
