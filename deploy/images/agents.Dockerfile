# SPDX-License-Identifier: MIT
# A box image with the agent programs and what runs TypeScript: what deploy/setup/images.sh
# took out of their npm packages (agents/package-lock.json pins them), without their Node
# launchers.
ARG FROM=boxwright/base:latest
FROM ${FROM}
USER root
COPY agents/ /opt/agents/
COPY runner/ /opt/runner/
RUN ln -s /opt/agents/claude-code/claude /usr/local/bin/claude \
	&& ln -s /opt/agents/codex/bin/codex /usr/local/bin/codex \
	&& claude --version && codex --version && mkdir /tmp/probe \
	&& if [ -x /opt/agents/opencode/opencode ]; then \
	ln -s /opt/agents/opencode/opencode /usr/local/bin/opencode && HOME=/tmp/probe opencode --version; fi \
	&& echo 'console.log("typescript" as string)' >/tmp/probe/a.ts && /opt/runner/run /tmp/probe/a.ts \
	&& rm -rf /tmp/probe
USER boxuser
