/* SPDX-License-Identifier: MIT */
/*
 * What this project reads by itself around git: frames of the child, tree bytes, names,
 * links, patterns, branch names, URLs.  (pkt-lines and packs are libgit2's.)
 */
#include "service/repo/branch.h"
#include "service/repo/fold.h"
#include "service/repo/net.h"
#include "service/repo/net_status.h"
#include "service/repo/policy.h"
#include "service/repo/tree_parse.h"
#include "service/repo/tree_rules.h"
#include "service/repo/wire.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frames(const char *text, size_t len)
{
	struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	struct err err = {0};
	const char *payload;
	size_t n;
	char type;

	strbuf_add(&in, text, len);
	while (wire_next(&in, 65536, &type, &payload, &n, &err) > 0) {
		if (payload + n > in.data + in.len)
			abort();
		strbuf_consume(&in, WIRE_HEAD + n);
	}
	strbuf_release(&in);
}

static void trees(const char *text, size_t len)
{
	struct tree_list loose = {0}, strict = {0};
	struct err err = {0};
	int a = tree_parse(text, len, false, &loose, &err);
	int b = tree_parse(text, len, true, &strict, &err);

	if (b == 0 && a < 0)
		abort(); /* strict accepts no more than loose */
	tree_sort_by_name(&loose);
	tree_list_release(&loose);
	tree_list_release(&strict);
}

/* A name that is accepted has none of what the rules forbid, folded or not. */
static void names(const char *text, size_t len)
{
	struct strbuf once = STRBUF_INIT(LIMIT_MIB), twice = STRBUF_INIT(LIMIT_MIB);

	fold_add(&once, text, len);
	fold_add(&twice, strbuf_str(&once), once.len);
	if (str_is_utf8(text, len) &&
		(once.len != twice.len ||
			memcmp(strbuf_str(&once), strbuf_str(&twice), once.len)))
		abort(); /* folding is final */
	if (len > 0 && !tree_name_refused(text, len)) {
		if (!str_is_utf8(text, len) || memchr(text, '/', len) ||
			memchr(text, '\\', len) || memchr(text, 0, len) ||
			str_eq(strbuf_str(&once), ".git"))
			abort();
	}
	strbuf_release(&once);
	strbuf_release(&twice);
	if (!tree_link_refused(text, len, 2) && (len == 0 || text[0] == '/'))
		abort();
}

static void texts(const char *text)
{
	const char *second = text + strcspn(text, "\n");
	char name[BRANCH_SIZE];
	struct err err = {0};

	branch_make(name, NULL, "issue", 7, text, "abc");
	if (!branch_is_ours(name))
		abort();
	branch_make(name, text, text, 7, text, text);
	if (!branch_is_ours(name))
		abort();
	if (branch_is_ours(text) && !branch_is_valid(text))
		abort();
	repo_pattern_match(text, second);
	repo_pattern_match(second, text);
	repo_policy_protects(NULL, text);
	if (net_check_url(text, true, &err) == 0 && strpbrk(text, " \n\r\t\"\\?#"))
		abort();
	net_status_error(301, text, 0, text, &err);
	net_status_error(500, text, 0, text, &err);
	if (!str_is_utf8(err.text, strlen(err.text)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_alloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	frames(text, size);
	trees(text, size);
	if (size <= 4096) {
		names(text, size);
		texts(text);
	}
	free(text);
	return 0;
}
