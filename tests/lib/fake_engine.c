/* SPDX-License-Identifier: MIT */
/* The engine of paper, over peer.h. */
#include "tests/lib/fake_engine.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "tests/lib/peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LINES_MAX 64

struct fake_engine {
	struct peer *peer;
	const char *version_answer;
	const struct fake_line *script;
	struct lock lock;
	bool used[LINES_MAX];
	int surprises;
	char last[8192];
};

static bool fits(const struct fake_line *line, const struct peer_request *request)
{
	size_t len = strlen(line->target);

	if (!str_eq(line->method, request->method))
		return false;
	if (line->target[len - 1] == '*')
		return strncmp(line->target, request->target, len - 1) == 0;
	return str_eq(line->target, request->target);
}

static const struct fake_line *take_line(
	struct fake_engine *fake, const struct peer_request *request)
{
	LOCKED(&fake->lock);
	snprintf(fake->last, sizeof fake->last, "%s %s %s", request->method,
		request->target, request->body);
	for (int i = 0; fake->script && fake->script[i].method; i++) {
		if (!fake->used[i] && fits(&fake->script[i], request)) {
			fake->used[i] = true;
			return &fake->script[i];
		}
	}
	fake->surprises++;
	return NULL;
}

static void upgrade(int fd, const struct fake_line *line)
{
	char buf[4096];

	peer_printf(fd,
		"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n"
		"Upgrade: tcp\r\n\r\n%s",
		line->body);
	for (ssize_t n; (n = recv(fd, buf, sizeof buf, 0)) > 0;)
		peer_write(fd, buf, (size_t)n);
}

static bool answer(struct fake_engine *fake, const struct peer_request *request, int fd)
{
	if (str_eq(request->target, "/version"))
		return peer_answer(fd, 200, "application/json", fake->version_answer);
	const struct fake_line *line = take_line(fake, request);
	if (!line)
		return peer_answer(
			fd, 418, "application/json", "{\"message\":\"surprise\"}");
	if (line->status == 0)
		peer_hang(fd);
	if (line->status == 101)
		upgrade(fd, line);
	if (line->status <= 101)
		return false;
	return peer_answer(fd, line->status, "application/json", line->body);
}

static void handle(void *arg, struct peer *peer, int fd)
{
	bool more = true;

	(void)peer;
	while (more) {
		CLEANUP(peer_request) struct peer_request request = {0};
		more = peer_request(fd, &request) && answer(arg, &request, fd);
	}
}

struct fake_engine *fake_engine_start(
	const char *path, const char *version_answer, const struct fake_line *script)
{
	struct fake_engine *fake = mem_zalloc(sizeof *fake);

	lock_init(&fake->lock);
	fake->version_answer = version_answer;
	fake->script = script;
	fake->peer = peer_start(path, handle, fake);
	return fake;
}

void fake_engine_stop(struct fake_engine *fake)
{
	if (!fake)
		return;
	peer_stop(fake->peer);
	lock_release(&fake->lock);
	free(fake);
}

int fake_engine_surprises(struct fake_engine *fake)
{
	LOCKED(&fake->lock);
	return fake->surprises;
}

int fake_engine_unused(struct fake_engine *fake)
{
	int unused = 0;

	LOCKED(&fake->lock);
	for (int i = 0; fake->script && fake->script[i].method; i++)
		unused += !fake->used[i];
	return unused;
}

const char *fake_engine_last(struct fake_engine *fake)
{
	return fake->last;
}
