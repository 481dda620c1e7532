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
config=/etc/boxwright/boxwright.yml
if grep -qs '^LoadCredential=' /etc/systemd/system/boxwright.service && ! grep -qs private_key_file "$config"; then
	die "an older unit is installed, which held settings that $config has to name now" \
		"add state_dir, both files of github and the one of model as in deploy/boxwright.yml; mv /etc/boxwright/model-key /etc/boxwright/anthropic; then start again"
fi

say "program: /usr/local/bin/boxwright"
install -m 755 "$bin" /usr/local/bin/boxwright
install -D -m 644 "$BW_ROOT/README.md" /usr/local/share/doc/boxwright/README.md

if ! id boxwright >/dev/null 2>&1; then
	say "user: boxwright (no login)"
	useradd --system --home-dir /var/lib/boxwright --shell /usr/sbin/nologin boxwright
fi
getent group docker >/dev/null || die "there is no group docker: the Docker Engine is not installed" \
	"$BW_ROOT/deploy/setup/engine.sh, then start again"
install -d -m 700 -o boxwright -g boxwright /var/lib/boxwright
install -d -m 750 -o root -g boxwright /etc/boxwright
if [ ! -e "$config" ]; then
	say "configuration: $config"
	install -m 644 "$BW_ROOT/deploy/boxwright.yml" "$config"
fi
if [ -d /run/systemd/system ]; then
	say "unit: boxwright.service"
	install -m 644 "$BW_ROOT/deploy/boxwright.service" /etc/systemd/system/boxwright.service
	systemctl daemon-reload
fi

# Secrets belong to root and are read by the service alone.
missing=()
for f in app.pem webhook anthropic openai; do
	if [ -s "/etc/boxwright/$f" ]; then
		chown root:boxwright "/etc/boxwright/$f"
		chmod 440 "/etc/boxwright/$f"
	elif grep -qE "^[^#]*/etc/boxwright/$f([^a-z]|\$)" "$config"; then
		missing+=("/etc/boxwright/$f")
	fi
done
if [ ${#missing[@]} -gt 0 ]; then
	say "still needed, one secret a file (then run this again, which sets owner and mode):"
	printf '    %s\n' "${missing[@]}" >&2
	say "deploy/setup/app.sh makes the GitHub App and the first two; anthropic is the model's key"
fi
if [ -d /run/systemd/system ] && systemctl is-active --quiet boxwright; then
	say "the service restarts with this program; runs go on in their boxes"
	systemctl restart boxwright
	exit 0
fi
say "then: deploy/setup/images.sh base agents   (the images of boxes)"
say "      sudo boxwright doctor                (what is missing, each with what to do)"
say "      sudo systemctl enable --now boxwright"
