#!/bin/bash
# SPDX-License-Identifier: MIT
# C is formatted by clang-format, shell passes shellcheck.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0
list() { git ls-files -co --exclude-standard -- "$@" | while read -r f; do if [ -f "$f" ]; then echo "$f"; fi; done; }
# Other versions format otherwise: Debian 12's decides, .ci/run has it.
if clang-format --version | grep -q 'version 14\.'; then
	bad=$(list '*.c' '*.h' | xargs -r -n 12 -P 3 clang-format --dry-run 2>&1 | grep -oE '^[^ :]+:[0-9]+' | sort -t: -k1,1 -u || true)
else
	bad=
fi
if [ -n "$bad" ]; then
	echo "not formatted (make fmt):"
	# shellcheck disable=SC2086 # a word each
	printf '  %s\n' $bad
	status=1
fi
{ list '*.sh'; echo .ci/run; } | xargs -r shellcheck -x -e SC1091 || status=1
exit $status
