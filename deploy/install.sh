#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Installs the release build on this machine: program, user, unit, example configuration.
# What exists is kept: run it again to update the program.
#
#	make VARIANT=release build && sudo deploy/install.sh
set -euo pipefail
. "$(dirname "$0")/setup/common.sh"
[ "$(id -u)" = 0 ] || die "this writes to /usr/local and /etc" "sudo $0"
bin=$BW_ROOT/build/release/boxwright
[ -x "$bin" ] || die "there is no release build" "make VARIANT=release build"

say "program: /usr/local/bin/boxwright"
install -m 755 "$bin" /usr/local/bin/boxwright
install -D -m 644 "$BW_ROOT/README.md" /usr/local/share/doc/boxwright/README.md

if ! id boxwright >/dev/null 2>&1; then
	say "user: boxwright (no login)"
	useradd --system --home-dir /var/lib/boxwright --shell /usr/sbin/nologin boxwright
fi
install -d -m 755 /etc/boxwright
if [ ! -e /etc/boxwright/boxwright.yml ]; then
	say "configuration: /etc/boxwright/boxwright.yml"
	install -m 644 "$BW_ROOT/deploy/boxwright.yml" /etc/boxwright/boxwright.yml
fi
if [ -d /run/systemd/system ]; then
	say "unit: boxwright.service"
	install -m 644 "$BW_ROOT/deploy/boxwright.service" /etc/systemd/system/boxwright.service
	systemctl daemon-reload
fi
missing=()
for f in app.pem webhook model-key; do
	[ -s "/etc/boxwright/$f" ] || missing+=("/etc/boxwright/$f")
done
if [ ${#missing[@]} -gt 0 ]; then
	say "still needed, one secret a file, mode 0400, owner root:"
	printf '    %s\n' "${missing[@]}" >&2
fi
say "then: set github.app_id in /etc/boxwright/boxwright.yml,"
say "      $BW_ROOT/deploy/setup/images.sh base agents   (the images of boxes)"
say "      boxwright doctor, systemctl enable --now boxwright"
