#!/bin/bash
# SPDX-License-Identifier: MIT
#
# One way to install, on a machine that machine.sh made or that nobody needs any more: it
# writes to /etc and /usr/local.  Each ends with a pull request at a stand-in for GitHub.
#
#	tests/deploy/inside.sh systemd|image|compose|demo
set -euo pipefail
. "$(dirname "$0")/../../deploy/setup/common.sh"
cd "$BW_ROOT"
folder=$BW_ROOT/secrets # where compose.yml looks for them

prepare() {
	deploy/setup/deps.sh build
	sudo apt-get install -y --no-install-recommends nodejs npm git curl >/dev/null
	tests/prepare.sh npm
	deploy/setup/images.sh base >/dev/null
}

# This machine as containers see it.
host_address() { ip -4 -o address show docker0 | awk '{ sub("/.*", "", $4); print $4 }'; }

# lend_loopback container: the stand-in on this machine's loopback is on its loopback too.
lend_loopback() {
	sudo nsenter -t "$(docker inspect -f '{{.State.Pid}}' "$1")" -n "$(command -v node)" tests/deploy/door.mjs \
		127.0.0.1 "${GITHUB_URL##*:}" "$(host_address)" "$DOOR" </dev/null >/dev/null 2>&1 &
	sleep 1
}

doctor() { # command...: all must be well but the image with the agents, which nobody made
	local out
	out=$("$@") || true
	printf '%s\n' "$out" | grep -vE '^  ok '
	case $out in *BAD*) die "the doctor finds something" "see above" ;; esac
}

# ---- what deliver.mjs starts ----

start_systemd() {
	sudo sed -i -E "/^  (api_url|web_url|image):/d" /etc/boxwright/boxwright.yml
	sudo sed -i -E "s|app_id: .*|app_id: $GITHUB_APP_ID\n  api_url: $GITHUB_URL\n  web_url: $GITHUB_URL|
		s|^box:|box:\n  image: boxwright/base|" /etc/boxwright/boxwright.yml
	sudo deploy/install.sh
	sudo systemctl enable --now boxwright
	sleep 1
	doctor sudo boxwright doctor
}

settings() { # as the environment of a container
	cat <<-END
		BOXWRIGHT_GITHUB_API_URL=$GITHUB_URL
		BOXWRIGHT_GITHUB_WEB_URL=$GITHUB_URL
		BOXWRIGHT_BOX_IMAGE=boxwright/base
	END
}

start_image() {
	sudo chown -R 990 "$folder"
	docker run -d --name boxwright-image -p 127.0.0.1:7331:7331 --group-add "$(stat -c %g /var/run/docker.sock)" \
		-v /var/run/docker.sock:/var/run/docker.sock -v "$folder:/run/secrets:ro" --env-file <(
			settings
			echo "BOXWRIGHT_LISTEN=0.0.0.0:7331"
			echo "BOXWRIGHT_API_KEYS_FILE=/run/secrets/api-keys"
			echo "BOXWRIGHT_GITHUB_APP_ID=$GITHUB_APP_ID"
			echo "BOXWRIGHT_GITHUB_PRIVATE_KEY_FILE=/run/secrets/app.pem"
			echo "BOXWRIGHT_GITHUB_WEBHOOK_SECRET_FILE=/run/secrets/webhook"
			echo "BOXWRIGHT_MODEL_ANTHROPIC_KEY_FILE=/run/secrets/anthropic"
		) boxwright
	lend_loopback boxwright-image
	doctor docker exec boxwright-image boxwright doctor
}

compose() {
	local tool=(docker-compose)
	if docker compose version >/dev/null 2>&1; then tool=(docker compose); fi
	"${tool[@]}" --env-file .env -f deploy/compose.yml -f .env.yml "$@"
}

start_compose() {
	{
		echo "services: {boxwright: {environment: {"
		settings | sed -E 's/=(.*)/: "\1",/'
		echo "}}}"
	} >.env.yml
	printf 'DOCKER_GID=%s\nGITHUB_APP_ID=%s\n' "$(stat -c %g /var/run/docker.sock)" "$GITHUB_APP_ID" >.env
	sudo chown 990 "$folder"/* && sudo chmod 400 "$folder"/*
	compose up -d
	lend_loopback "$(compose ps -q boxwright)"
	doctor compose exec -T boxwright boxwright doctor
}

# ---- the ways ----

try_systemd() {
	make -j"$(nproc)" VARIANT=release build >/dev/null
	sudo deploy/install.sh
	systemd-analyze verify /etc/systemd/system/boxwright.service
	systemd-analyze security --no-pager boxwright.service | tail -n 1
	trap '[ $? = 0 ] || sudo journalctl -u boxwright --no-pager | tail -n 30; sudo systemctl disable --now boxwright' EXIT
	sudo "$(command -v node)" tests/deploy/deliver.mjs /etc/boxwright tests/deploy/inside.sh start_systemd
}

build_image() {
	docker image inspect debian:12-slim >/dev/null 2>&1 || docker tag boxwright/debian:bookworm debian:12-slim
	docker build -f deploy/Dockerfile -t boxwright .
}

try_image() {
	step "docker build -f deploy/Dockerfile" build_image
	sudo rm -rf "$folder"
	trap '[ $? = 0 ] || docker logs --tail 30 boxwright-image; docker rm -fv boxwright-image >/dev/null' EXIT
	sudo -E "$(command -v node)" tests/deploy/deliver.mjs "$folder" tests/deploy/inside.sh start_image
}

try_compose() {
	docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null ||
		sudo apt-get install -y --no-install-recommends docker-compose >/dev/null
	sudo rm -rf "$folder"
	trap '[ $? = 0 ] || compose logs --tail 30; compose down -v' EXIT
	sudo -E "$(command -v node)" tests/deploy/deliver.mjs "$folder" tests/deploy/inside.sh start_compose
}

case ${1:-} in
systemd | image | compose)
	prepare
	"try_$1"
	;;
start_systemd | start_image | start_compose) "$1" ;;
demo) make demo ;;
*) die "unknown word '${1:-}'" "use systemd, image, compose or demo" ;;
esac
