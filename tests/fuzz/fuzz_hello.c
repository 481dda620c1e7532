/* SPDX-License-Identifier: MIT */
/*
 * The first bytes of a box's connection.  The first byte says how many of the rest come at
 * first.  What is told of a part stays true with more behind: a decision never changes.
 * Requests: all is passed in order, and parts of any size give the same hosts.
 */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/egress/hello.h"
#include "boxcore/egress/policy.h"
#include "boxcore/egress/requests.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum hello read_exactly(const uint8_t *data, size_t len, char *name)
{
	uint8_t *copy = mem_dup(data, len);
	enum hello result = hello_read(copy, len, name);

	free(copy);
	return result;
}

static void check_hello(const uint8_t *data, size_t len, size_t part)
{
	char first[LIMIT_EGRESS_NAME + 1], all[LIMIT_EGRESS_NAME + 1],
		again[LIMIT_EGRESS_NAME + 1];
	enum hello early = read_exactly(data, part, first);
	enum hello late = read_exactly(data, len, all);

	if (early != HELLO_MORE && (early != late || !str_eq(first, all)))
		abort();
	if (late != HELLO_TLS && all[0])
		abort();
	if (late == HELLO_MORE && len >= LIMIT_EGRESS_HELLO)
		abort();
	if (all[0] &&
		(!egress_name_normalize(all, strlen(all), again) || !str_eq(all, again)))
		abort();
}

struct seen {
	uint32_t hosts; /* a sum over those that were judged */
	bool bad;
};

static struct seen scan(const uint8_t *data, size_t len, size_t part)
{
	struct requests requests = {0};
	struct seen seen = {0};
	size_t at = 0, end = 0;

	while (end < len && !seen.bad) {
		enum requests_result result = REQUESTS_JUDGE;

		end = len - end < part ? len : end + part;
		while (result == REQUESTS_JUDGE) {
			size_t pass = 0;
			uint8_t *copy = mem_dup(data + at, end - at);

			result = requests_scan(&requests, copy, end - at, &pass);
			free(copy);
			if (pass > end - at)
				abort();
			at += pass;
			for (const char *c = requests.host;
				result == REQUESTS_JUDGE && *c; c++)
				seen.hosts = seen.hosts * 31 + (uint8_t)*c;
			seen.bad = result == REQUESTS_BAD;
		}
		if (!seen.bad && end - at > LIMIT_EGRESS_HEAD)
			break; /* the gate gives no more at a time */
	}
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t len = size - 1, part = len > 0 ? data[0] * len / 256 : 0;
	check_hello(data + 1, len, part);
	if (len < LIMIT_EGRESS_HEAD) {
		struct seen whole = scan(data + 1, len, len);
		struct seen parts = scan(data + 1, len, part ? part : 1);

		if (whole.hosts != parts.hosts || whole.bad != parts.bad)
			abort();
	}
	return 0;
}
