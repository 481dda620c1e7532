# SPDX-License-Identifier: MIT
# A box image with the agent programs: what deploy/setup/images.sh took out of their npm
# packages (agents/package-lock.json pins them), without their Node launchers.
ARG FROM=boxwright/base:latest
FROM ${FROM}
USER root
COPY agents/ /opt/agents/
RUN ln -s /opt/agents/claude-code/claude /usr/local/bin/claude \
	&& ln -s /opt/agents/codex/bin/codex /usr/local/bin/codex \
	&& claude --version && codex --version
USER boxuser
