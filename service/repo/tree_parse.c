/* SPDX-License-Identifier: MIT */
/* Reading tree objects. */
#include "service/repo/tree_parse.h"

#include "boxcore/base/mem.h"

#include <stdlib.h>
#include <string.h>

void tree_list_release(struct tree_list *list)
{
	free(list->entries);
	*list = (struct tree_list){0};
}

int tree_name_compare(const struct tree_entry *a, const struct tree_entry *b)
{
	size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
	int order = memcmp(a->name, b->name, n);

	if (order != 0)
		return order;
	return a->name_len < b->name_len ? -1 : a->name_len > b->name_len;
}

static int by_name(const void *a, const void *b)
{
	return tree_name_compare(a, b);
}

void tree_sort_by_name(struct tree_list *list)
{
	if (list->n > 1)
		qsort(list->entries, list->n, sizeof list->entries[0], by_name);
}

/* The byte behind the name counts as a slash for folders, as NUL for others. */
static int canonical_compare(const struct tree_entry *a, const struct tree_entry *b)
{
	size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
	int order = memcmp(a->name, b->name, n);

	if (order != 0)
		return order;
	unsigned char x = a->mode == TREE_MODE_DIR ? '/' : 0;
	unsigned char y = b->mode == TREE_MODE_DIR ? '/' : 0;
	if (a->name_len > n)
		x = (unsigned char)a->name[n];
	if (b->name_len > n)
		y = (unsigned char)b->name[n];
	return x < y ? -1 : x > y;
}

static bool mode_is_canonical(unsigned mode)
{
	return mode == TREE_MODE_DIR || mode == TREE_MODE_FILE ||
	       mode == TREE_MODE_EXEC || mode == TREE_MODE_LINK ||
	       mode == TREE_MODE_SUBMODULE;
}

/* What git makes of modes that it wrote long ago. */
static unsigned mode_tidy(unsigned mode)
{
	switch (mode & 0170000U) {
	case 0040000U: return TREE_MODE_DIR;
	case 0120000U: return TREE_MODE_LINK;
	case 0160000U: return TREE_MODE_SUBMODULE;
	default: return mode & 0111 ? TREE_MODE_EXEC : TREE_MODE_FILE;
	}
}

static const char *parse_entry(
	const uint8_t **at, const uint8_t *end, bool strict, struct tree_entry *e)
{
	const uint8_t *p = *at, *name, *nul;
	unsigned mode = 0;

	if (strict && p < end && *p == '0')
		return "a mode with a leading zero";
	for (; p < end && *p >= '0' && *p <= '7'; p++) {
		mode = mode * 8 + (unsigned)(*p - '0');
		if (mode > 0777777U)
			return "a mode that is too large";
	}
	if (p == *at || p == end || *p != ' ')
		return "no mode";
	name = p + 1;
	nul = memchr(name, 0, (size_t)(end - name));
	if (!nul)
		return "a name without end";
	if (nul == name)
		return "an empty name";
	if (end - nul - 1 < TREE_OID_RAW)
		return "an object name that is cut";
	if (strict && !mode_is_canonical(mode))
		return "a mode that is none of 40000, 100644, 100755, 120000, 160000";
	e->mode = mode_tidy(mode);
	e->name = (const char *)name;
	e->name_len = (size_t)(nul - name);
	e->oid = nul + 1;
	*at = nul + 1 + TREE_OID_RAW;
	return NULL;
}

static int refuse_twins(const struct tree_list *list, struct err *err)
{
	struct tree_list copy = {
		.entries = mem_dup(list->entries, list->n * sizeof list->entries[0]),
		.n = list->n,
	};
	int ret = 0;

	tree_sort_by_name(&copy);
	for (size_t i = 1; ret == 0 && i < copy.n; i++)
		if (tree_name_compare(&copy.entries[i - 1], &copy.entries[i]) == 0)
			ret = err_set(err, ERR_INPUT, "a name stands twice in a tree");
	tree_list_release(&copy);
	return ret;
}

int tree_parse(
	const void *data, size_t len, bool strict, struct tree_list *ret, struct err *err)
{
	CLEANUP(tree_list) struct tree_list list = {0};
	const uint8_t *at = data, *end = at + len;
	size_t room = 0;

	while (len > 0 && at < end) {
		if (list.n == room) {
			room = room ? 2 * room : 32;
			list.entries = mem_grow(list.entries, room, sizeof *list.entries);
		}
		struct tree_entry *e = &list.entries[list.n];
		const char *wrong = parse_entry(&at, end, strict, e);
		if (!wrong && strict && list.n > 0 && canonical_compare(e - 1, e) >= 0)
			wrong = "a name out of order";
		if (wrong)
			return err_set(err, ERR_INPUT, "entry %zu of a tree: %s",
				list.n + 1, wrong);
		list.n++;
	}
	if (strict && list.n > 1 && refuse_twins(&list, err) < 0)
		return -1;
	*ret = list;
	list = (struct tree_list){0};
	return 0;
}
