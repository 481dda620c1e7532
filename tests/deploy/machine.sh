#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A fresh Debian 12 with systemd, as a container, in which the ways to install are tried as a
# person would: outside of the gate, for it takes ten minutes and Debian's mirror.
#
#	tests/deploy/machine.sh [systemd] [image] [compose] [demo] [keep]     (default: all three ways)
#
# Needs DOCKER_HOST, or an Engine that engine.sh finds, which lets a container have the
# capabilities of its host.  The machine has an Engine of its own inside.  `keep` leaves it:
# docker exec -it boxwright-machine bash; docker rm -fv boxwright-machine.
set -euo pipefail
. "$(dirname "$0")/../../deploy/setup/common.sh"
cd "$BW_ROOT"
name=boxwright-machine
keep=0
ways=()
for arg in "$@"; do
	case $arg in
	systemd | image | compose | demo) ways+=("$arg") ;;
	keep) keep=1 ;;
	*) die "unknown word '$arg'" "use systemd, image, compose, demo or keep" ;;
	esac
done
[ ${#ways[@]} -gt 0 ] || ways=(systemd image compose)
if [ -z "${DOCKER_HOST:-}" ]; then
	found=$(deploy/setup/engine.sh)
	export DOCKER_HOST=${found#DOCKER_HOST=}
fi

# shellcheck disable=SC2317 # called by step
make_image() {
	docker build -q -t "$name" - <<'END'
FROM boxwright/debian:bookworm
RUN apt-get update && apt-get install -y --no-install-recommends \
		systemd systemd-sysv dbus sudo procps iproute2 kmod make \
	&& useradd --create-home --shell /bin/bash eva \
	&& echo 'eva ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/eva \
	&& systemctl mask systemd-logind.service systemd-udevd.service console-getty.service
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
END
}

# Not --privileged: a host that is a container itself may lack a capability or two, and then
# that refuses to start.
capabilities() {
	local all bit=0 word
	all=$((16#$(awk '/^CapBnd/ { print $2 }' /proc/self/status)))
	for word in CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP \
		LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER \
		SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE \
		SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP; do
		if (((all >> bit) & 1)); then echo "--cap-add=$word"; fi
		bit=$((bit + 1))
	done
}

# The host's control groups.  Of version 1 systemd may write into each but add none: an Engine
# outside that finds a new one no longer measures its containers.
cgroups() {
	local how=ro

	if [ -f /sys/fs/cgroup/cgroup.controllers ]; then how=rw; fi
	echo "/sys/fs/cgroup:/sys/fs/cgroup:$how"
}

start_machine() {
	local caps
	mapfile -t caps < <(capabilities)
	docker rm -fv "$name" >/dev/null 2>&1 || true
	docker run -d --name "$name" --label boxwright.check=deploy "${caps[@]}" \
		--device-cgroup-rule 'a *:* rwm' --security-opt seccomp=unconfined \
		--security-opt systempaths=unconfined --security-opt apparmor=unconfined \
		--tmpfs /run:exec --tmpfs /run/lock -v "$(cgroups)" \
		-v /var/lib/docker -v /var/cache/boxwright "$name" >/dev/null
	# What is tracked, as it lies here: a checkout that is not committed can be tried too.
	docker exec "$name" mkdir -p /home/eva/boxwright
	git ls-files -z | tar --null -T - --ignore-failed-read -c |
		docker exec -i "$name" tar -C /home/eva/boxwright -x --no-same-owner
	docker exec "$name" chown -R eva: /home/eva
}

inside() { docker exec -u eva -w /home/eva/boxwright "$name" bash -lc "$1"; }

# An image of boxes that is here already need not be made again in there.
# shellcheck disable=SC2317 # called by step
lend_images() {
	docker image inspect boxwright/base:latest >/dev/null 2>&1 || return 0
	docker save boxwright/base:latest boxwright/debian:bookworm | docker exec -i "$name" docker load
}

docker image inspect boxwright/debian:bookworm >/dev/null 2>&1 || deploy/setup/images.sh base >/dev/null
step "a machine: Debian 12 with systemd" make_image
[ "$keep" = 1 ] || trap 'docker rm -fv "$name" >/dev/null; docker rmi -f "$name" >/dev/null' EXIT
start_machine
say "a user with sudo, and no Docker: the Engine is installed, and it is told what to do next"
inside 'deploy/setup/engine.sh' || true
docker exec "$name" usermod -aG docker eva
inside 'deploy/setup/engine.sh' >/dev/null || die "no Engine in the machine" "docker exec -it $name bash"
step "the image of boxes" lend_images
status=0
for way in "${ways[@]}"; do
	say "== $way"
	if inside "tests/deploy/inside.sh $way"; then say "ok  $way"; else
		say "FAILED  $way"
		status=1
	fi
done
exit "$status"
