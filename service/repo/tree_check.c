/* SPDX-License-Identifier: MIT */
/* The walk over a claimed tree. */
#include "service/repo/tree_check.h"

#include "service/repo/fold.h"
#include "service/repo/tree_rules.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 2000000 /* looked at, both sides: a minute's work */

struct walk {
	const struct tree_source *source;
	const struct repo_policy *policy;
	struct tree_totals totals;
	struct strbuf path; /* of the folder being walked, with a slash at its end */
	size_t depth;
};

const char *tree_show(const char *name, size_t len, char ret[TREE_SHOWN_SIZE])
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(16 * LIMIT_PATH);
	size_t cut = 0;

	str_clean_utf8(&clean, name, len < LIMIT_PATH ? len : LIMIT_PATH, false);
	for (size_t i = 0; i < clean.len; i++)
		if (clean.data[i] == '\n' || clean.data[i] == '\t')
			clean.data[i] = '?';
	cut = str_utf8_cut(strbuf_str(&clean), clean.len < 200 ? clean.len : 200);
	snprintf(ret, TREE_SHOWN_SIZE, "%.*s%s", (int)cut, strbuf_str(&clean),
		cut < clean.len ? "..." : "");
	return ret;
}

/* The path of an entry in the folder that is being walked. */
static int refuse(const struct walk *w, const struct tree_entry *e, enum err_kind kind,
	struct err *err, const char *why)
{
	CLEANUP(strbuf) struct strbuf full = STRBUF_INIT(2 * LIMIT_PATH);
	char shown[TREE_SHOWN_SIZE];

	strbuf_add(&full, strbuf_str(&w->path), w->path.len);
	strbuf_add(&full, e->name, e->name_len);
	return err_set(err, kind, "\"%s\" %s",
		tree_show(strbuf_str(&full), full.len, shown), why);
}

static int count(struct walk *w, const struct tree_entry *e, struct err *err)
{
	if (++w->totals.files > LIMIT_RESULT_FILES)
		return err_set(err, ERR_LIMIT,
			"more than %d files differ; that is the limit of one result",
			LIMIT_RESULT_FILES);
	(void)e;
	return 0;
}

static int check_protected(struct walk *w, const struct tree_entry *e, struct err *err)
{
	CLEANUP(strbuf) struct strbuf full = STRBUF_INIT(LIMIT_PATH);
	const char *pattern;
	char why[REPO_PATTERN_MAX + 64];

	strbuf_add(&full, strbuf_str(&w->path), w->path.len);
	strbuf_add(&full, e->name, e->name_len);
	if (strbuf_failed(&full))
		return refuse(w, e, ERR_LIMIT, err, "has a path longer than 4096 bytes");
	pattern = repo_policy_protects(w->policy, strbuf_str(&full));
	if (!pattern)
		return 0;
	snprintf(why, sizeof why, "is protected by the pattern \"%s\"", pattern);
	return refuse(w, e, ERR_DENIED, err, why);
}

static int check_link(struct walk *w, const struct tree_entry *e, struct err *err)
{
	CLEANUP(strbuf) struct strbuf target = STRBUF_INIT(LIMIT_PATH);
	const char *why;

	if (w->source->blob(w->source->arg, e->oid, &target, err) < 0)
		return err_wrap(err, "the symlink \"%.*s\"", (int)e->name_len, e->name);
	why = tree_link_refused(strbuf_str(&target), target.len, w->depth);
	return why ? refuse(w, e, ERR_INPUT, err, why) : 0;
}

/* A file or link that is new or has changed; its name has been judged. */
static int check_leaf(struct walk *w, const struct tree_entry *e, struct err *err)
{
	int64_t size;

	if (e->mode == TREE_MODE_SUBMODULE)
		return refuse(w, e, ERR_INPUT, err,
			"is a submodule (a repository inside the work tree?); these may "
			"not "
			"be added or changed");
	if (e->mode == TREE_MODE_LINK && tree_name_must_be_file(e->name, e->name_len))
		return refuse(w, e, ERR_INPUT, err, "may not be a symlink");
	if (count(w, e, err) < 0 || check_protected(w, e, err) < 0)
		return -1;
	if (w->source->blob_size(w->source->arg, e->oid, &size, err) < 0)
		return refuse(w, e, ERR_INPUT, err, "has no content in the pack");
	if (size > (int64_t)LIMIT_RESULT_BLOB)
		return refuse(w, e, ERR_LIMIT, err, "is larger than 50 MiB");
	w->totals.bytes += size;
	if (w->totals.bytes > (int64_t)LIMIT_RESULT_SUM)
		return refuse(w, e, ERR_LIMIT, err,
			"brings the changed files to more than 400 MiB");
	if (e->mode == TREE_MODE_LINK && check_link(w, e, err) < 0)
		return -1;
	return w->source->take(w->source->arg, e->oid, err);
}

/* ---- one folder, both sides ---- */

struct folder {
	struct strbuf data;
	struct tree_list list; /* by name */
};

static void folder_release(struct folder *f)
{
	tree_list_release(&f->list);
	strbuf_release(&f->data);
}
DEFINE_CLEANUP(folder, struct folder, folder_release(value))

static int in_folder(const struct walk *w, struct err *err)
{
	char shown[TREE_SHOWN_SIZE];

	return err_wrap(err, "the folder \"%s\"",
		w->path.len ? tree_show(w->path.data, w->path.len - 1, shown) : "/");
}

static int load(struct walk *w, const uint8_t *oid, bool claimed, struct folder *f,
	struct err *err)
{
	strbuf_init(&f->data, LIMIT_RESULT_TREE);
	if (!oid)
		return 0;
	if (w->source->tree(w->source->arg, oid, &f->data, err) < 0 ||
		tree_parse(strbuf_str(&f->data), f->data.len, claimed, &f->list, err) < 0)
		return in_folder(w, err);
	w->totals.entries += f->list.n;
	if (w->totals.entries > ENTRIES_MAX)
		return err_set(err, ERR_LIMIT,
			"the changed folders list more than %d names", ENTRIES_MAX);
	tree_sort_by_name(&f->list);
	return 0;
}

static bool same_entry(const struct tree_entry *a, const struct tree_entry *b)
{
	return a->mode == b->mode && memcmp(a->oid, b->oid, TREE_OID_RAW) == 0;
}

struct key {
	char *text;
	const struct tree_entry *entry;
	bool fresh;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct key *)a)->text, ((const struct key *)b)->text);
}

static const struct tree_entry *find(
	const struct tree_list *list, const struct tree_entry *e)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = tree_name_compare(&list->entries[mid], e);
		if (order == 0)
			return &list->entries[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Names that are new, or stand for something new. */
static int check_names(struct walk *w, const struct tree_list *now,
	const struct tree_list *before, struct err *err)
{
	for (size_t i = 0; i < now->n; i++) {
		const struct tree_entry *e = &now->entries[i], *old = find(before, e);
		const char *why = NULL;
		if (!old || !same_entry(old, e))
			why = tree_name_refused(e->name, e->name_len);
		if (why)
			return refuse(w, e, ERR_INPUT, err, why);
	}
	return 0;
}

/* Two names that are one somewhere: refused unless both stood in the base already. */
static int check_siblings(struct walk *w, const struct tree_list *now,
	const struct tree_list *before, struct err *err)
{
	CLEANUP(mem) struct key *keys = mem_array(now->n + 1, sizeof *keys);
	bool any = false;
	int ret = 0;

	for (size_t i = 0; i < now->n; i++) {
		keys[i].entry = &now->entries[i];
		keys[i].fresh = !find(before, keys[i].entry);
		any = any || keys[i].fresh;
	}
	for (size_t i = 0; any && i < now->n; i++) {
		struct strbuf folded = STRBUF_INIT(16 * LIMIT_PATH);
		fold_add(&folded, keys[i].entry->name, keys[i].entry->name_len);
		strbuf_adds(&folded, "");
		keys[i].text = strbuf_take(&folded);
		if (!keys[i].text)
			keys[i].text = mem_strdup("");
	}
	if (any)
		qsort(keys, now->n, sizeof *keys, by_text);
	for (size_t i = 1; any && ret == 0 && i < now->n; i++) {
		const struct key *a = &keys[i - 1], *b = &keys[i];
		char why[TREE_SHOWN_SIZE + 96], shown[TREE_SHOWN_SIZE];
		if ((!a->fresh && !b->fresh) || strcmp(a->text, b->text) != 0)
			continue;
		snprintf(why, sizeof why,
			"is the same file as \"%s\" where case or Unicode form do not "
			"count",
			tree_show(a->entry->name, a->entry->name_len, shown));
		ret = refuse(w, b->entry, ERR_INPUT, err, why);
	}
	for (size_t i = 0; i < now->n; i++)
		free(keys[i].text);
	return ret;
}

static int walk_trees(
	struct walk *w, const uint8_t *before, const uint8_t *now, struct err *err);

/* Goes one folder down; an oid that is NULL means that side has none. */
static int descend(struct walk *w, const struct tree_entry *e, const uint8_t *before,
	const uint8_t *now, struct err *err)
{
	size_t len = w->path.len;

	if (w->depth >= LIMIT_RESULT_DEPTH)
		return refuse(w, e, ERR_LIMIT, err, "is more than 100 folders deep");
	strbuf_add(&w->path, e->name, e->name_len);
	strbuf_addc(&w->path, '/');
	if (strbuf_failed(&w->path))
		return err_set(
			err, ERR_LIMIT, "a path is longer than %d bytes", LIMIT_PATH);
	w->depth++;
	int ret = walk_trees(w, before, now, err);
	w->depth--;
	w->path.len = len;
	w->path.data[len] = '\0';
	return ret;
}

static int entry_gone(struct walk *w, const struct tree_entry *e, struct err *err)
{
	if (e->mode == TREE_MODE_DIR)
		return descend(w, e, e->oid, NULL, err);
	if (e->mode == TREE_MODE_SUBMODULE)
		return refuse(w, e, ERR_INPUT, err,
			"is a submodule; these may not be removed or replaced");
	return count(w, e, err) < 0 ? -1 : check_protected(w, e, err);
}

static int entry_now(struct walk *w, const struct tree_entry *e,
	const struct tree_entry *before, struct err *err)
{
	bool was_dir = before && before->mode == TREE_MODE_DIR;

	if (e->mode == TREE_MODE_DIR) {
		if (before && !was_dir && entry_gone(w, before, err) < 0)
			return -1;
		return descend(w, e, was_dir ? before->oid : NULL, e->oid, err);
	}
	/* A protected folder replaced by a file is caught by the folder's pattern. */
	if (was_dir && entry_gone(w, before, err) < 0)
		return -1;
	if (before && before->mode == TREE_MODE_SUBMODULE &&
		entry_gone(w, before, err) < 0)
		return -1;
	return check_leaf(w, e, err);
}

static int walk_trees(
	struct walk *w, const uint8_t *before, const uint8_t *now, struct err *err)
{
	CLEANUP(folder) struct folder old = {0};
	CLEANUP(folder) struct folder new = {0};
	size_t i = 0, j = 0;

	if (load(w, before, false, &old, err) < 0 || load(w, now, true, &new, err) < 0)
		return -1;
	if (now && new.list.n == 0 && w->depth > 0)
		return err_set(err, ERR_INPUT,
			"the folder \"%s\" is empty; git has none such",
			strbuf_str(&w->path));
	if (now && (check_names(w, &new.list, &old.list, err) < 0 ||
			   check_siblings(w, &new.list, &old.list, err) < 0))
		return -1;
	while (i < old.list.n || j < new.list.n) {
		const struct tree_entry *a = i < old.list.n ? &old.list.entries[i] : NULL;
		const struct tree_entry *b = j < new.list.n ? &new.list.entries[j] : NULL;
		int order = !a ? 1 : !b ? -1 : tree_name_compare(a, b);
		int ret = 0;
		if (order < 0)
			ret = entry_gone(w, a, err);
		else if (order > 0)
			ret = entry_now(w, b, NULL, err);
		else if (!same_entry(a, b))
			ret = entry_now(w, b, a, err);
		if (ret < 0)
			return -1;
		i += order <= 0;
		j += order >= 0;
	}
	/* Last, since our words about an entry are better than git's. */
	if (now && w->source->rebuild(w->source->arg, now, &new.list, err) < 0)
		return in_folder(w, err);
	return now ? w->source->take(w->source->arg, now, err) : 0;
}

int tree_check(const struct tree_source *source, const uint8_t *base, const uint8_t *tree,
	const struct repo_policy *policy, struct tree_totals *ret, struct err *err)
{
	struct walk w = {.source = source, .policy = policy};
	int rc = 0;

	strbuf_init(&w.path, LIMIT_PATH);
	strbuf_adds(&w.path, "");
	if (!base || memcmp(base, tree, TREE_OID_RAW) != 0)
		rc = walk_trees(&w, base, tree, err);
	strbuf_release(&w.path);
	*ret = w.totals;
	return rc;
}
