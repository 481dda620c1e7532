#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Gets a machine ready for the tests: packages, a Docker Engine, images, npm packages.
#
#	eval "$(tests/prepare.sh [deps] [engine] [images] [agents] [npm])"    (default: all)
#
# Prints shell assignments; progress goes to stderr.  Everything that is there already is
# found in well under a second.
set -euo pipefail
. "$(dirname "$0")/../deploy/setup/common.sh"
setup=$BW_ROOT/deploy/setup
[ $# -gt 0 ] || set -- deps engine images agents npm

npm_install() {
	local want have
	want=$(cd "$BW_ROOT/tests" && cat package.json package-lock.json | sha256sum)
	have=$(cat "$BW_ROOT/tests/node_modules/.boxwright" 2>/dev/null || true)
	[ "$want" = "$have" ] && return 0
	step "what the flow tests need from npm (tests/package-lock.json)" \
		npm --prefix "$BW_ROOT/tests" ci --ignore-scripts --no-audit --no-fund ||
		die "npm ci failed in tests/" "see the output above; npm must reach its registry"
	echo "$want" >"$BW_ROOT/tests/node_modules/.boxwright"
}

for what in "$@"; do
	case $what in
	deps) "$setup/deps.sh" build test ;;
	engine)
		found=$("$setup/engine.sh")
		export "${found?}"
		echo "export $found"
		;;
	images) echo "export BOXWRIGHT_TEST_IMAGE=$("$setup/images.sh" base)" ;;
	agents) echo "export BOXWRIGHT_AGENTS_IMAGE=$("$setup/images.sh" agents)" ;;
	npm) npm_install ;;
	*) die "unknown word '$what'" "use deps, engine, images, agents or npm" ;;
	esac
done
