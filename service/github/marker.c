/* SPDX-License-Identifier: MIT */
/* The hidden line by which we know our own comments: made, found and proven. */
#include "boxcore/base/crypto.h"
#include "boxcore/base/str.h"
#include "service/github/text.h"

#include <stdio.h>
#include <string.h>

#define START "<!-- boxwright:t="
#define END " -->"

enum { TASK_MAX = 64, KIND_MAX = 16, MAC_BYTES = 8, MAC_HEX = 16 };

static size_t task_len(const char *s)
{
	return strspn(
		s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
}

static size_t kind_len(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz-");
}

bool github_marker(const struct github_marker *marker, const void *key, size_t key_len,
	char ret[GITHUB_MARKER_SIZE])
{
	uint8_t mac[SHA256_SIZE];
	char hex[MAC_HEX + 1];
	char covered[GITHUB_MARKER_SIZE];

	ret[0] = '\0';
	size_t task = strlen(marker->task);
	size_t kind = strlen(marker->kind);
	if (task == 0 || task > TASK_MAX || task_len(marker->task) != task || kind == 0 ||
		kind > KIND_MAX || kind_len(marker->kind) != kind)
		return false;
	int n = snprintf(covered, sizeof covered, "boxwright-marker %lld %lld %s %s",
		(long long)marker->repo_id, (long long)marker->number, marker->task,
		marker->kind);
	crypto_hmac_sha256(key, key_len, covered, (size_t)n, mac);
	str_hex(mac, MAC_BYTES, hex);
	snprintf(ret, GITHUB_MARKER_SIZE, START "%s;k=%s;m=%s" END, marker->task,
		marker->kind, hex);
	return true;
}

/* The marker at s, which begins with START: its task and kind; false when malformed. */
static bool read_parts(const char *s, char ret_task[65], char ret_kind[17])
{
	const char *task = s + strlen(START);
	size_t ntask = task_len(task);

	if (ntask == 0 || ntask > TASK_MAX || strncmp(task + ntask, ";k=", 3) != 0)
		return false;
	const char *kind = task + ntask + 3;
	size_t nkind = kind_len(kind);
	if (nkind == 0 || nkind > KIND_MAX)
		return false;
	memcpy(ret_task, task, ntask);
	ret_task[ntask] = '\0';
	memcpy(ret_kind, kind, nkind);
	ret_kind[nkind] = '\0';
	return true;
}

bool github_marker_find(const char *text, size_t len, int64_t repo_id, int64_t number,
	const void *key, size_t key_len, char ret_task[65], char ret_kind[17])
{
	for (size_t at = 0; at + strlen(START) <= len; at++) {
		char piece[GITHUB_MARKER_SIZE];
		char want[GITHUB_MARKER_SIZE];

		if (text[at] != '<' || memcmp(text + at, START, strlen(START)) != 0)
			continue;
		size_t n = len - at < sizeof piece - 1 ? len - at : sizeof piece - 1;
		memcpy(piece, text + at, n);
		piece[n] = '\0';
		struct github_marker marker = {.repo_id = repo_id,
			.number = number,
			.task = ret_task,
			.kind = ret_kind};
		if (read_parts(piece, ret_task, ret_kind) &&
			github_marker(&marker, key, key_len, want) && strlen(want) <= n &&
			crypto_equal(piece, want, strlen(want)))
			return true;
	}
	ret_task[0] = '\0';
	ret_kind[0] = '\0';
	return false;
}
