/* SPDX-License-Identifier: MIT */
/* Verbs: one file of a commit, the diff of two trees as text and as a list. */
#include "service/repo/diff.h"
#include "service/repo/git.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

static int send_blob(struct job *job, struct mirror *mirror, const git_tree_entry *entry,
	const char *path, struct err *err)
{
	CLEANUP(git_odb) git_odb *odb = NULL;
	CLEANUP(git_odb_object) git_odb_object *blob = NULL;
	const git_oid *oid = git_tree_entry_id(entry);
	int64_t max;
	size_t size;
	git_object_t type;
	int rc;

	if (json_need_int(job->request, "max", 0, (int64_t)LIMIT_REPO_ANSWER, &max, err) <
		0)
		return -1;
	rc = git_repository_odb(&odb, mirror->repo);
	if (rc == 0)
		rc = git_odb_read_header(&size, &type, odb, oid);
	if (rc < 0)
		return mirror_fail(mirror, err, rc, "%s", path);
	if (size > (size_t)max)
		return err_set(err, ERR_LIMIT, "%s has %zu bytes, at most %lld are read",
			path, size, (long long)max);
	rc = git_odb_read(&blob, odb, oid);
	if (rc < 0)
		return mirror_fail(mirror, err, rc, "%s", path);
	return job_data(job, git_odb_object_data(blob), git_odb_object_size(blob), err);
}

int job_file_read(struct job *job, struct err *err)
{
	CLEANUP(mirror) struct mirror mirror = MIRROR_NONE;
	CLEANUP(git_tree) git_tree *tree = NULL;
	CLEANUP(git_tree_entry) git_tree_entry *entry = NULL;
	const char *path = json_need_string(job->request, "path", err);
	git_oid oid;

	if (!path || job_oid(job, "commit", &oid, err) < 0 ||
		mirror_open(job, MIRROR_READ, &mirror, err) < 0 ||
		mirror_tree_of(&mirror, &oid, &tree, err) < 0)
		return -1;
	int rc = git_tree_entry_bypath(&entry, tree, path);
	if (rc == GIT_ENOTFOUND)
		return err_set(err, ERR_NOT_FOUND, "the commit has no file %s", path);
	if (rc < 0)
		return mirror_fail(&mirror, err, rc, "%s", path);
	if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB ||
		git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK)
		return err_set(err, ERR_INPUT, "%s is not a regular file", path);
	return send_blob(job, &mirror, entry, path, err);
}

int job_diff_text(struct job *job, struct err *err)
{
	CLEANUP(mirror) struct mirror mirror = MIRROR_NONE;
	CLEANUP(git_tree) git_tree *from = NULL;
	CLEANUP(git_tree) git_tree *to = NULL;
	CLEANUP(git_diff) git_diff *diff = NULL;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_REPO_ANSWER);
	git_oid a, b;
	int64_t max;

	if (job_oid(job, "from", &a, err) < 0 || job_oid(job, "to", &b, err) < 0 ||
		json_need_int(job->request, "max", 0, (int64_t)LIMIT_REPO_ANSWER / 2,
			&max, err) < 0 ||
		mirror_open(job, MIRROR_READ, &mirror, err) < 0 ||
		mirror_tree_of(&mirror, &a, &from, err) < 0 ||
		mirror_tree_of(&mirror, &b, &to, err) < 0)
		return -1;
	int rc = diff_trees(&diff, mirror.repo, from, to);
	if (rc < 0)
		return mirror_fail(&mirror, err, rc, "compare the trees");
	rc = diff_text(&text, diff, (size_t)max);
	if (rc < 0)
		return mirror_fail(&mirror, err, rc, "write the diff");
	return job_data(job, strbuf_str(&text), text.len, err);
}

int job_compare(struct job *job, struct err *err)
{
	CLEANUP(mirror) struct mirror mirror = MIRROR_NONE;
	CLEANUP(git_tree) git_tree *from = NULL;
	CLEANUP(git_tree) git_tree *to = NULL;
	CLEANUP(git_diff) git_diff *diff = NULL;
	char hex[GIT_OID_HEXSZ + 1];
	git_oid a, b;

	if (job_oid(job, "from", &a, err) < 0 || job_oid(job, "to", &b, err) < 0 ||
		mirror_open(job, MIRROR_READ, &mirror, err) < 0 ||
		mirror_tree_of(&mirror, &a, &from, err) < 0 ||
		mirror_tree_of(&mirror, &b, &to, err) < 0)
		return -1;
	int rc = diff_trees(&diff, mirror.repo, from, to);
	if (rc == 0)
		rc = diff_changes(job->result, diff);
	if (rc < 0)
		return mirror_fail(&mirror, err, rc, "compare the trees");
	json_put(job->result, "no_change",
		json_boolean(git_oid_equal(git_tree_id(from), git_tree_id(to))));
	json_put(job->result, "tree",
		json_str(git_oid_tostr(hex, sizeof hex, git_tree_id(to))));
	return 0;
}
