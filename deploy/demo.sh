#!/bin/bash
# SPDX-License-Identifier: MIT
#
# `make demo`: the whole way on this machine.  Installs what is missing, builds, starts a
# stand-in for GitHub on loopback and a real service, delivers a real signed comment, and
# shows how it becomes a pull request.
#
# No account and no key is needed: a small agent of the demo's own does the work.  With
# ANTHROPIC_API_KEY or OPENAI_API_KEY set, Claude Code or Codex does it instead.
set -euo pipefail
. "$(dirname "$0")/setup/common.sh"
cd "$BW_ROOT"
build=${BUILD:-build}

need=(deps engine images npm)
if [ -n "${ANTHROPIC_API_KEY:-}${OPENAI_API_KEY:-}" ]; then need+=(agents); fi
say "getting this machine ready"
prepared=$(tests/prepare.sh "${need[@]}")
eval "$prepared"
step "build" env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
	make -j"$(nproc)" BUILD="$build" VARIANT=release build ||
	die "the build failed" "make VARIANT=release build"
export BOXWRIGHT_BIN="$build/release/boxwright"
exec node tests/demo/demo.mjs
