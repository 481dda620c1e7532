#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Makes the images of boxes from deploy/images, once; prints their names.
#
#	deploy/setup/images.sh [base] [agents] [golang] [ruby] [rust]      (default: base)
#
#	boxwright/base:<recipe>     a Debian 12 userland with git, Node, Python, a compiler
#	boxwright/agents:<recipe>   the same with Claude Code, Codex, OpenCode and what runs
#	                            TypeScript
#	boxwright/golang:<recipe>   the same with Go; likewise ruby and rust.  The service
#	                            builds these by itself when they are first asked for
#
# <recipe> is a digest of what the image is made from, so a changed recipe gives a new image
# and an unchanged one is found again in well under a second.  All also get the tag `latest`.
# Needs DOCKER_HOST, or an Engine that engine.sh finds.
set -euo pipefail
. "$(dirname "$0")/common.sh"
PATH=$PATH:/usr/sbin:/sbin

images=$BW_ROOT/deploy/images
cache=$(bw_cache_dir)
suite=bookworm
pulled=debian:12-slim
imported=boxwright/debian:$suite

digest() { (cd "$images" && cat "$@") | sha256sum | cut -c1-12; }
runner="runner/run runner/start.mjs runner/hooks.mjs"
have_image() { docker image inspect "$1" >/dev/null 2>&1; }

build_image() { # tag dockerfile from context [option...]
	local tool=()
	docker buildx version >/dev/null 2>&1 || tool=(env DOCKER_BUILDKIT=0)
	"${tool[@]}" docker build --force-rm --build-arg "FROM=$3" --label "boxwright.image=${1%%:*}" \
		--label "boxwright.recipe=${1##*:}" -t "$1" -f "$2" "${@:5}" "$4"
}

# A registry that cannot be reached often hangs instead of refusing: the manifest must
# arrive within ten seconds, the layers may take their time.
pull_debian() {
	local out pid i
	have_image "$pulled" && return 0
	out=$(mktemp)
	docker pull "$pulled" >"$out" 2>&1 </dev/null &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		if grep -q 'Pulling from' "$out"; then break; fi
		sleep 0.1
	done
	if kill -0 "$pid" 2>/dev/null && ! grep -q 'Pulling from' "$out"; then
		kill "$pid" 2>/dev/null || true
	fi
	rm -f "$out"
	wait "$pid" 2>/dev/null
}

debootstrap_debian() {
	local dir=$cache/debootstrap.$$
	as_root rm -rf "$dir"
	mkdir -p "$dir"
	if ! as_root debootstrap --variant=minbase --include=ca-certificates "$suite" "$dir/root"; then
		tail -n 5 "$dir/root/debootstrap/debootstrap.log" || true
		as_root rm -rf "$dir"
		return 1
	fi
	# What the slim image leaves out too.
	as_root rm -rf "$dir/root/var/cache/apt/archives" "$dir/root/var/lib/apt/lists" \
		"$dir/root/usr/share/man" "$dir/root/usr/share/locale" "$dir/root/usr/share/info" \
		"$dir/root/var/log/bootstrap.log"
	as_root find "$dir/root/usr/share/doc" -type f ! -name copyright -delete
	as_root tar -C "$dir/root" --numeric-owner -c . | docker import - "$imported"
	as_root rm -rf "$dir"
}

make_base() {
	local tag from context
	tag=boxwright/base:$(digest packages.txt setup.sh Dockerfile)
	if ! have_image "$tag"; then
		say "making the image of boxes, $tag (once; a few minutes)"
		from=$pulled
		if have_image "$imported"; then
			from=$imported
		elif say "  ... $pulled from its registry (the ground of the image)" && ! pull_debian; then
			say "      no registry in reach: making the same with debootstrap"
			from=$imported
			command -v debootstrap >/dev/null || "$(dirname "$0")/deps.sh" engine
			step "a minimal Debian 12 by debootstrap" debootstrap_debian ||
				die "neither a registry nor Debian's mirror could be used" \
					"check the network; or load an image: docker load, then docker tag it $pulled"
		fi
		context=$cache/base.$$
		mkdir -p "$context"
		cp "$images/packages.txt" "$images/setup.sh" "$context/"
		step "the packages of the image" build_image "$tag" "$images/Dockerfile" "$from" "$context" ||
			die "the image could not be built" "the end of the build's output is above"
		rm -rf "$context"
	fi
	docker tag "$tag" boxwright/base:latest
	echo "$tag"
}

# Only the programs: the packages' launchers need Node, these do not.
stage_agents() { # folder
	local codex
	command -v npm >/dev/null || "$(dirname "$0")/deps.sh" test
	mkdir -p "$1/agents/claude-code" "$1/agents/codex" "$1/agents/opencode"
	cp -r "$images/runner" "$1/runner"
	cp "$images/agents/package.json" "$images/agents/package-lock.json" "$1/"
	(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund) || return 1
	# The optional packages of this processor are the only ones that npm unpacks; a musl
	# twin would come as -musl.
	find "$1"/node_modules/@anthropic-ai/claude-code-linux-*/ -maxdepth 1 -name claude \
		-not -path '*-musl/*' -exec mv {} "$1/agents/claude-code/claude" \;
	codex=$(echo "$1"/node_modules/@openai/codex-linux-*/vendor/*/)
	mv "$codex"* "$1/agents/codex/"
	# Optional: only the build for x86-64 (the one that needs no AVX2) is pinned.
	find "$1"/node_modules/ -maxdepth 3 -path '*/opencode-linux-*/bin/opencode' \
		-exec mv {} "$1/agents/opencode/opencode" \;
	find "$1"/node_modules/@esbuild/ -maxdepth 3 -path '*/bin/esbuild' -exec mv {} "$1/runner/esbuild" \;
	rm -rf "$1/agents/codex/codex-resources/voice" "$1/node_modules" # a box has no microphone
	chmod -R u=rwX,go=rX "$1/agents" "$1/runner"
	[ -x "$1/agents/claude-code/claude" ] && [ -x "$1/agents/codex/bin/codex" ] &&
		[ -x "$1/runner/esbuild" ]
}

make_agents() {
	local tag base context
	base=$1
	# shellcheck disable=SC2086 # names of files
	tag=boxwright/agents:$(digest packages.txt setup.sh Dockerfile agents.Dockerfile \
		agents/package.json agents/package-lock.json $runner)
	if ! have_image "$tag"; then
		say "making the image with the agent programs, $tag (once)"
		context=$cache/agents.$$
		rm -rf "$context"
		step "the agent programs from npm (pinned, about 300 MB)" stage_agents "$context" ||
			die "npm could not install the agent programs" "see the output above; npm must reach its registry"
		step "the image with them" build_image "$tag" "$images/agents.Dockerfile" "$base" "$context" ||
			die "the image could not be built" "the end of the build's output is above"
		rm -rf "$context"
	fi
	docker tag "$tag" boxwright/agents:latest
	# `runtime: node` and `runtime: python` of a repository: the same image has both.
	docker tag "$tag" boxwright/node:latest
	docker tag "$tag" boxwright/python:latest
	echo "$tag"
}

# The name of the image is that of boxcore/image.c, which builds the same.
make_runtime() { # runtime agents
	local tag context recipe
	recipe=$({ echo "$1" && docker image inspect -f '{{.Id}}' "$2" && cat "$images/runtime.Dockerfile"; } |
		sha256sum | cut -c1-12)
	tag=boxwright/$1:$recipe
	if ! have_image "$tag"; then
		say "making the image of the runtime $1, $tag (once)"
		context=$cache/runtime.$$
		mkdir -p "$context"
		step "$1 from Debian" build_image "$tag" "$images/runtime.Dockerfile" "$2" "$context" \
			--build-arg "RUNTIME=$1" || die "the image could not be built" "the end of the build's output is above"
		rm -rf "$context"
	fi
	docker tag "$tag" "boxwright/$1:latest"
	echo "$tag"
}

if [ -z "${DOCKER_HOST:-}" ]; then
	found=$("$(dirname "$0")/engine.sh")
	export DOCKER_HOST=${found#DOCKER_HOST=}
fi
command -v docker >/dev/null || die "the docker command is missing" "apt-get install docker.io"
[ $# -gt 0 ] || set -- base
for kind in "$@"; do
	case $kind in
	base | agents | golang | ruby | rust) ;;
	*) die "unknown image '$kind'" "use base, agents, golang, ruby or rust" ;;
	esac
done

mkdir -p "$cache"
exec 8>"$cache/images.lock"
flock -w 1800 8 || die "another $0 has been at work for half an hour" "end it, then start again"
base=$(make_base)
for kind in "$@"; do
	case $kind in
	base) echo "$base" ;;
	agents) make_agents "$base" ;;
	*)
		agents=$(make_agents "$base")
		make_runtime "$kind" "$agents"
		;;
	esac
done
