#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Which lines the unit tests reach: build/cov/coverage.txt, lowest first.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}/cov
rm -rf "$build"
env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -j"$(nproc)" BUILD="$build" VARIANT=debug \
	CFLAGS=--coverage LDFLAGS=--coverage tests-build >/dev/null
node tests/run.mjs --build "$build/debug" unit || true
find "$build/debug/obj" -name '*.gcda' -not -path '*/tests/*' -print0 |
	xargs -0 -n 1 gcov -n 2>/dev/null |
	awk -F"[':%]" '/^File/ { file = $2 } /^Lines executed/ { if (file !~ /^\// && file ~ /\.c$/) print $3 "% " file; file = "/" }' |
	sort -n | uniq >"$build/coverage.txt"
cat "$build/coverage.txt"
