#!/bin/bash
# SPDX-License-Identifier: MIT
# cppcheck has nothing to say of the program's sources.
set -euo pipefail
cd "$(dirname "$0")/../.."
# The ends of an embedded file are two symbols, wherever one is; a row of the intake points at its task only
# while it is stored, which is before the function returns.
known=(--suppress=comparePointers:boxcore/boxinit_blob.c
	--suppress=comparePointers:boxcore/runtime.c
	--suppress=comparePointers:service/http/assets.c
	--suppress=autoVariables:service/http/handle_hook.c)
out=$(cppcheck -q -j2 --std=c11 --enable=warning,performance,portability --inline-suppr \
	--library=tests/checks/cppcheck.cfg --suppress=missingIncludeSystem "${known[@]}" -I. \
	--template='  {file}:{line}: {id}: {message}' boxcore service webhooks prompts 2>&1)
[ -z "$out" ] || { echo "$out"; exit 1; }
