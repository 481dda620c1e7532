#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes a box image out of a minimal Debian 12; run once, as root, inside the build.
#	setup.sh <packages.txt>
set -eu
export DEBIAN_FRONTEND=noninteractive

# The identity of commits made in a box when nobody sets another.  The service's own
# commits never use it.
GIT_NAME="Upstash Box"
GIT_EMAIL=box@upstash.com

# debootstrap leaves one line; security updates belong to a box too.
if [ -f /etc/apt/sources.list ] && ! grep -q security /etc/apt/sources.list; then
	awk '$1 == "deb" && $3 == "bookworm" {
		print; print $1, $2, "bookworm-updates", $4
		sub(/\/debian\/?$/, "/debian-security", $2); print $1, $2, "bookworm-security", $4
		exit }' /etc/apt/sources.list >/etc/apt/sources.new
	if [ -s /etc/apt/sources.new ]; then mv /etc/apt/sources.new /etc/apt/sources.list; fi
fi

# Documentation and translations are half of the size and nobody reads them in a box.
cat >/etc/dpkg/dpkg.cfg.d/boxwright <<END
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/doc/*/copyright
END
cat >/etc/apt/apt.conf.d/90boxwright <<END
APT::Install-Recommends "false";
APT::Install-Suggests "false";
Acquire::Languages "none";
END

apt-get update
apt-get upgrade -y
# shellcheck disable=SC2046 # one word a package
apt-get install -y $(sed 's/#.*//' "$1")
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
	/usr/share/doc/*/changelog* /usr/share/man/* /usr/share/info/* /usr/share/locale/*

# Debian gives ping a capability that no box has, so it could not even start.  Without it, ping
# uses the kernel's own sockets for it, which the Engine allows to all in a container.
install -m 755 /usr/bin/ping /usr/bin/ping.plain
mv -f /usr/bin/ping.plain /usr/bin/ping

# The user that everything in a box runs as; it may install packages.  Each sudo would try to
# write to the host's audit log, may not, and would complain about it on stderr.
useradd --uid 1000 --user-group --create-home --shell /bin/bash boxuser
printf 'boxuser ALL=(ALL:ALL) NOPASSWD:ALL\nDefaults !lecture, !log_allowed, !log_denied\nDefaults env_keep += "LANG LC_ALL TZ"\n' >/etc/sudoers.d/boxuser
chmod 440 /etc/sudoers.d/boxuser

# Work lies in /workspace/home; /work is the same place.
install -d -o boxuser -g boxuser /workspace /workspace/home
ln -s /workspace/home /work

git config --system user.name "$GIT_NAME"
git config --system user.email "$GIT_EMAIL"
git config --system init.defaultBranch master
git config --system --add safe.directory '*'
git config --system advice.detachedHead false
# A detached gc would outlive the command that started it and be swept away half done.
git config --system gc.autoDetach false

printf 'LANG=C.UTF-8\nLC_ALL=C.UTF-8\n' >/etc/default/locale
: >/etc/machine-id
