#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs each fuzz target for some seconds, beginning with its corpus.
#
#	tests/fuzz.sh <seconds> [target...]
#
# FUZZ_SEED=<number> makes a run begin with the same inputs each time.
# New inputs that reach new code stay in build/fuzz-corpus; what crashed a target is kept
# in build/fuzz-crash and its path printed.  Copy it to tests/fuzz/corpus with the fix.
set -euo pipefail
. "$(dirname "$0")/../deploy/setup/common.sh"
cd "$BW_ROOT"
seconds=$1
shift
build=${BUILD:-build}
tests/prepare.sh deps
build_it() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -j"$(nproc)" BUILD="$build" VARIANT=fuzz fuzz-build; }
step "build (fuzz)" build_it || die "the build failed" "make VARIANT=fuzz fuzz-build"
if [ $# = 0 ]; then
	for f in tests/fuzz/fuzz_*.c; do
		[ -e "$f" ] || die "there is no fuzz target" "add tests/fuzz/fuzz_<name>.c"
		f=${f##*/fuzz_}
		set -- "$@" "${f%.c}"
	done
fi
mkdir -p "$build/fuzz-crash"
passed=0 failed=0
for t in "$@"; do
	bin=$build/fuzz/tests/fuzz/fuzz_$t
	found=$build/fuzz-corpus/$t
	log=$build/fuzz-crash/$t.log
	[ -x "$bin" ] || die "there is no fuzz target $t" "ls tests/fuzz/fuzz_*.c"
	mkdir -p "$found"
	args=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
		-artifact_prefix="$build/fuzz-crash/$t-" -close_fd_mask=0)
	if [ -n "${FUZZ_SEED:-}" ]; then args+=(-seed="$FUZZ_SEED"); fi
	if [ -f "tests/fuzz/$t.dict" ]; then args+=(-dict="tests/fuzz/$t.dict"); fi
	if timeout -k 5 $((seconds + 60)) "$bin" "${args[@]}" "$found" "tests/fuzz/corpus/$t" >"$log" 2>&1 </dev/null; then
		passed=$((passed + 1))
		printf 'ok   fuzz %-20s %s runs, coverage %s\n' "$t" \
			"$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
			"$(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 | cut -c6-)"
	else
		failed=$((failed + 1))
		printf 'FAIL fuzz %s\n' "$t"
		tail -n 40 "$log" | cut -c1-300 | sed 's/^/    | /'
	fi
done
if [ -n "${BOXWRIGHT_TALLY:-}" ]; then
	echo "$passed $failed" >>"$BOXWRIGHT_TALLY"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ]
