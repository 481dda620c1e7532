/* SPDX-License-Identifier: MIT */
/* Diffs on the host, from two trees: for people, never for applying. */
#include "service/repo/diff.h"

#include "service/repo/git.h"
#include "service/repo/repo.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <string.h>

#define TEXT_MAX (4 * LIMIT_MIB) /* larger files count as binary: no one reads them */
#define RENAME_SOURCES 200       /* each new file is compared with so many old ones */
#define EXACT_ABOVE 1000         /* with more files only identical ones are renames */

int diff_trees(git_diff **ret, git_repository *repo, git_tree *from, git_tree *to)
{
	git_diff_options options;
	git_diff_find_options find;
	int rc;

	git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
	options.flags = GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_INDENT_HEURISTIC;
	options.max_size = (git_off_t)TEXT_MAX;
	rc = git_diff_tree_to_tree(ret, repo, from, to, &options);
	if (rc < 0)
		return rc;
	git_diff_find_options_init(&find, GIT_DIFF_FIND_OPTIONS_VERSION);
	find.flags = GIT_DIFF_FIND_RENAMES;
	if (git_diff_num_deltas(*ret) > EXACT_ABOVE)
		find.flags |= GIT_DIFF_FIND_EXACT_MATCH_ONLY;
	find.rename_limit = RENAME_SOURCES;
	return git_diff_find_similar(*ret, &find);
}

static int print_one(struct strbuf *out, git_diff *diff, size_t i, size_t max)
{
	CLEANUP(git_patch) git_patch *patch = NULL;
	CLEANUP(git_buf) git_buf text = GIT_BUF_INIT;
	int rc = git_patch_from_diff(&patch, diff, i);

	if (rc < 0 || !patch)
		return rc;
	if (git_patch_size(patch, 1, 1, 1) > max)
		return 1;
	rc = git_patch_to_buf(&text, patch);
	if (rc == 0)
		str_clean_utf8(out, text.ptr, text.size, false);
	return rc;
}

int diff_text(struct strbuf *out, git_diff *diff, size_t max)
{
	size_t n = git_diff_num_deltas(diff), left_out = 0;

	for (size_t i = 0; i < n; i++) {
		CLEANUP(strbuf) struct strbuf one = STRBUF_INIT(LIMIT_REPO_ANSWER);
		int rc = out->len < max ? print_one(&one, diff, i, max - out->len) : 1;
		if (rc < 0)
			return rc;
		if (rc == 0 && !strbuf_failed(&one) && out->len + one.len <= max)
			strbuf_add(out, strbuf_str(&one), one.len);
		else
			left_out++;
	}
	if (left_out > 0)
		strbuf_addf(out, "... the differences of %zu of %zu files are left out\n",
			left_out, n);
	return 0;
}

static enum repo_status status_of(const git_diff_delta *d)
{
	if (d->status == GIT_DELTA_ADDED)
		return REPO_ADDED;
	if (d->status == GIT_DELTA_DELETED)
		return REPO_DELETED;
	if (d->status == GIT_DELTA_RENAMED)
		return REPO_RENAMED;
	if (d->status == GIT_DELTA_TYPECHANGE ||
		git_oid_equal(&d->old_file.id, &d->new_file.id))
		return REPO_MODE;
	return REPO_MODIFIED;
}

static json_t *describe(
	const git_diff_delta *d, size_t added, size_t deleted, bool binary)
{
	json_t *change = json_object();
	bool gone = d->status == GIT_DELTA_DELETED;
	const char *path = gone ? d->old_file.path : d->new_file.path;

	json_put(change, "path", json_str(path));
	if (d->status == GIT_DELTA_RENAMED)
		json_put(change, "old_path", json_str(d->old_file.path));
	json_put(change, "status", json_integer(status_of(d)));
	json_put(change, "old_mode",
		json_integer(d->status == GIT_DELTA_ADDED ? 0 : d->old_file.mode));
	json_put(change, "new_mode", json_integer(gone ? 0 : d->new_file.mode));
	json_put(change, "added", json_integer((json_int_t)added));
	json_put(change, "deleted", json_integer((json_int_t)deleted));
	json_put(change, "binary", json_boolean(binary));
	return change;
}

int diff_changes(json_t *result, git_diff *diff)
{
	json_t *changes = json_array();
	int64_t all_added = 0, all_deleted = 0;

	json_put(result, "changes", changes);
	for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
		CLEANUP(git_patch) git_patch *patch = NULL;
		size_t added = 0, deleted = 0;
		int rc = git_patch_from_diff(&patch, diff, i);
		if (rc == 0 && patch)
			rc = git_patch_line_stats(NULL, &added, &deleted, patch);
		if (rc < 0)
			return rc;
		/* After the patch: only then has the content been looked at. */
		const git_diff_delta *d =
			patch ? git_patch_get_delta(patch) : git_diff_get_delta(diff, i);
		json_array_append_new(
			changes, describe(d, added, deleted,
					 (d->flags & GIT_DIFF_FLAG_BINARY) != 0));
		all_added += (int64_t)added;
		all_deleted += (int64_t)deleted;
	}
	json_put(result, "added", json_integer(all_added));
	json_put(result, "deleted", json_integer(all_deleted));
	return 0;
}
