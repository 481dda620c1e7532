#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make test` and its kin: prepares the machine, builds a variant, runs suites.
#
#	tests/test.sh <variant> <suite>...       suites: checks unit box flow fuzz
#
# ONLY (words) and CASE choose among programs and cases; BUILD is the build folder.
set -euo pipefail
. "$(dirname "$0")/../deploy/setup/common.sh"
cd "$BW_ROOT"
variant=$1
shift
suites=" $* "
build=${BUILD:-build}
jobs=$(nproc)

need=(deps)
case $suites in *" box "* | *" flow "*) need+=(engine images) ;; esac
case $suites in *" flow "*) need+=(agents npm) ;; esac
prepared=$(tests/prepare.sh "${need[@]}")
eval "$prepared"

# Never the flags of the calling make: its job server and variables are not ours.
build_it() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -j"$jobs" BUILD="$build" "$@"; }
targets=()
case $suites in *" unit "* | *" box "*) targets+=(tests-build) ;; esac
case $suites in *" box "* | *" flow "*) targets+=(build example-build) ;; esac
if [ ${#targets[@]} -gt 0 ]; then
	step "build ($variant)" build_it VARIANT="$variant" "${targets[@]}" || die "the build failed" "make VARIANT=$variant ${targets[*]}"
fi
case $suites in *" fuzz "*)
	step "build (fuzz)" build_it VARIANT=fuzz fuzz-build || die "the build failed" "make VARIANT=fuzz fuzz-build"
	;;
esac
exec node tests/run.mjs --build "$build/$variant" --variant "$variant" \
	${ONLY:+--only "$ONLY"} ${CASE:+--case "$CASE"} "$@"
