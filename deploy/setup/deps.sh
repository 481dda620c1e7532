#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Installs what is missing for building and testing, and nothing else.
#
#	deploy/setup/deps.sh [group...]        groups: build test engine app (default: build test)
#	deploy/setup/deps.sh --list [group...] the packages and why each is needed
#
# For Debian 12 and Ubuntu 24.04, with apt, as root or by sudo.  With nothing to do it is
# silent and takes a few hundredths of a second.
set -euo pipefail
. "$(dirname "$0")/common.sh"

clang_version() {
	local id
	id=$(. /etc/os-release && echo "${ID}:${VERSION_ID:-}")
	case $id in
	debian:12) echo 14 ;;
	ubuntu:24.04) echo 18 ;;
	*) clang --version 2>/dev/null | sed -nE 's/.*version ([0-9]+).*/\1/p' | head -n 1 ;;
	esac
}

# group|package|program that makes it needless|why
table() {
	cat <<END
build|gcc||compiles everything
build|make||the build
build|libc6-dev||C headers
build|pkg-config|pkg-config|finds the libraries
build|libcurl4-openssl-dev||HTTP client
build|libjansson-dev||JSON
build|libgit2-dev||mirrors, trees, commits, push
build|libmicrohttpd-dev||HTTP server
build|libsqlite3-dev||the store
build|libjwt-dev||signs as the GitHub App
build|libssl-dev||HMAC and digests
build|libyaml-dev||configuration files
build|libicu-dev||time zones of scheduled jobs
build|libzstd-dev||compresses stored deliveries
build|musl-tools||static boxinit, PID 1 of each box
test|libcmocka-dev||unit tests
test|nodejs|node|flow tests
test|npm|npm|installs what flow tests use
test|git|git|flow tests serve and compare repositories
test|curl|curl|asks the Docker Engine whether it answers
test|ca-certificates||HTTPS
test|openssl|openssl|certificates of a test's TLS peer
test|jq|jq|reads results in scripts
test|sqlite3|sqlite3|flow tests read the rows of a service that works
test|clang|clang|fuzz targets
test|libclang-rt-$(clang_version)-dev||libFuzzer and its sanitizers
test|clang-format|clang-format|make fmt, make lint
test|cppcheck|cppcheck|make lint
test|shellcheck|shellcheck|make lint
test|binutils|nm|checks on exported names
engine|docker.io|dockerd|the Docker Engine that runs boxes
engine|iptables|iptables|network of boxes
engine|debootstrap|debootstrap|base image where none can be pulled
engine|curl|curl|asks the Engine whether it answers
app|curl|curl|asks GitHub for the App that was made
app|ca-certificates||HTTPS
app|jq|jq|reads its answer
END
}

groups=()
list=0
for arg in "$@"; do
	case $arg in
	--list) list=1 ;;
	build | test | engine | app) groups+=("$arg") ;;
	*) die "unknown group '$arg'" "use build, test, engine or app" ;;
	esac
done
[ ${#groups[@]} -gt 0 ] || groups=(build test)
wanted=" ${groups[*]} "

declare -A installed=()
if command -v dpkg-query >/dev/null; then
	while read -r state name; do
		[ "$state" = ii ] && installed[${name%%:*}]=1
	done < <(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null)
fi

missing=()
reasons=
while IFS='|' read -r group package program why; do
	case $wanted in *" $group "*) ;; *) continue ;; esac
	if [ "$list" = 1 ]; then
		printf '%-8s %-24s %s\n' "$group" "$package" "$why"
		continue
	fi
	[ -n "${installed[$package]:-}" ] && continue
	if [ -n "$program" ] && [ -n "$(PATH=$PATH:/usr/sbin:/sbin command -v "$program" || true)" ]; then continue; fi
	missing+=("$package")
	reasons+=$(printf '    %-24s %s' "$package" "$why")$'\n'
done < <(table)
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || die "this system has no apt; missing: ${missing[*]}" \
	"install these (or what they are called here) by hand, then start again"

say "installing ${#missing[@]} packages:"
printf '%s' "$reasons" >&2
install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
		install -y --no-install-recommends "${missing[@]}"
}
update() { as_root apt-get -o DPkg::Lock::Timeout=300 update; }
# as_root may have to ask for a password, which a background step cannot.
as_root true
step "apt-get update (fresh package lists)" update ||
	warn "the package lists could not be refreshed; trying with what is here"
step "apt-get install" install || die "apt-get could not install: ${missing[*]}" \
	"see the message above; the network or the package sources are the usual reason"
