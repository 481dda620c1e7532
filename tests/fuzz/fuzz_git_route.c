/* SPDX-License-Identifier: MIT */
/*
 * Requests of a box's git: what passes is one of four of one repository, a push only where one
 * may, and nothing of the box's address goes into ours.
 */
#include "service/relay/git_impl.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void need(bool good)
{
	if (!good)
		abort();
}

static void try_route(const char *text, size_t n, bool push)
{
	struct git_relay relay = {
		.owner = (char[]){"octo"}, .name = (char[]){"hello"}, .push = push};
	struct git_call call = {0};
	struct err err = {0};

	if (relay_head_parse(text, n, &call.head, &err) != 0)
		return;
	int status = git_route_find(&relay, &call, &err);
	if (status) {
		need(status >= 400 && status < 500 && err.text[0]);
		return;
	}
	need(call.rest && call.rest[0] == '/');
	need(push || !strstr(call.rest, "receive-pack"));
	need(call.head.path.n > 11 &&
		strncasecmp(call.head.path.p, "/octo/hello", 11) == 0);
	need(strchr("/.", call.head.path.p[11]) != NULL);
	need(!memmem(call.head.path.p, call.head.path.n, "..", 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = relay_head_length((const char *)data, size);

	if (n == 0 || n > LIMIT_RELAY_HEAD)
		return 0;
	try_route((const char *)data, n, false);
	try_route((const char *)data, n, true);
	return 0;
}
