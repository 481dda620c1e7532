# SPDX-License-Identifier: MIT
# The image of a runtime: the agents image and one more language from Debian.  Node and Python
# are in the agents image already.  Compiled into the service, which builds it on first use
# (boxcore/image.c); deploy/setup/images.sh golang|ruby|rust builds the same beforehand.
ARG FROM=boxwright/agents:latest
FROM ${FROM}
ARG RUNTIME
USER root
RUN case "$RUNTIME" in \
	golang) set -- golang-go ;; \
	ruby) set -- ruby-full bundler ;; \
	rust) set -- rustc cargo ;; \
	*) echo "there is no runtime $RUNTIME" >&2; exit 1 ;; \
	esac \
	&& export DEBIAN_FRONTEND=noninteractive \
	&& apt-get update && apt-get install -y "$@" && apt-get clean \
	&& rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
USER boxuser
