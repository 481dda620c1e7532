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

# With ONLY, nothing is prepared or built that no chosen program needs.
chosen() { # folder name-pattern
	local f word
	[ -d "$1" ] || return 0
	while read -r f; do
		if [ -z "${ONLY:-}" ]; then echo "$f"; fi
		for word in ${ONLY:-}; do
			case $f in *"$word"*) echo "$f" && break ;; esac
		done
	done < <(find "$1" -name node_modules -prune -o -name "$2" -print | sort)
}
has() { case $suites in *" $1 "*) ;; *) return 1 ;; esac; }
if [ -n "${ONLY:-}" ]; then
	left=
	for s in $suites; do
		case $s in
		unit | box) [ -z "$(chosen "tests/$s" 'test_*.c')" ] || left+=" $s" ;;
		flow) [ -z "$(chosen tests '*.test.mjs')" ] || left+=" $s" ;;
		*) left+=" $s" ;;
		esac
	done
	suites="$left "
fi

need=(deps)
case $suites in *" box "* | *" flow "*) need+=(engine images) ;; esac
case $suites in *" flow "*) need+=(agents npm) ;; esac
prepared=$(tests/prepare.sh "${need[@]}")
eval "$prepared"

# Never the flags of the calling make: its job server and variables are not ours.
build_it() { env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -j"$jobs" BUILD="$build" "$@"; }
targets=()
if [ -z "${ONLY:-}" ]; then
	case $suites in *" unit "* | *" box "*) targets+=(tests-build) ;; esac
else
	for s in unit box; do
		has $s || continue
		while read -r f; do targets+=("$build/$variant/${f%.c}"); done < <(chosen "tests/$s" 'test_*.c')
	done
fi
case $suites in *" box "* | *" flow "*) targets+=(build example-build) ;; esac
# Two flows start this one, and flows run side by side.
case $suites in *" flow "*) targets+=("$build/$variant/tests/bench/bench_intake_server") ;; esac
if [ ${#targets[@]} -gt 0 ]; then
	step "build ($variant)" build_it VARIANT="$variant" "${targets[@]}" || die "the build failed" "make VARIANT=$variant ${targets[*]}"
fi
case $suites in *" fuzz "*)
	step "build (fuzz)" build_it VARIANT=fuzz fuzz-build || die "the build failed" "make VARIANT=fuzz fuzz-build"
	;;
esac
# shellcheck disable=SC2086 # a word each
exec node tests/run.mjs --build "$build/$variant" --variant "$variant" \
	${ONLY:+--only "$ONLY"} ${CASE:+--case "$CASE"} $suites
