/* SPDX-License-Identifier: MIT */
/* Verb: a commit of a checked tree, the same each time. */
#include "service/repo/git.h"

#include "boxcore/base/str.h"

static int sign(const json_t *q, git_signature **ret, struct err *err)
{
	const char *name = json_need_string(q, "author_name", err);
	const char *email = name ? json_need_string(q, "author_email", err) : NULL;
	int64_t when;

	if (!email || json_need_int(q, "time_s", 0, 253402300799, &when, err) < 0)
		return -1;
	int rc = git_signature_new(ret, name, email, when, 0);
	return rc < 0 ? git_fail(err, rc, "the commit's author") : 0;
}

int job_commit(struct job *job, struct err *err)
{
	CLEANUP(mirror) struct mirror mirror = MIRROR_NONE;
	CLEANUP(git_signature) git_signature *who = NULL;
	CLEANUP(git_commit) git_commit *parent = NULL;
	CLEANUP(git_commit) git_commit *second = NULL;
	CLEANUP(git_tree) git_tree *tree = NULL;
	CLEANUP(git_reference) git_reference *ref = NULL;
	const char *message = json_need_string(job->request, "message", err);
	const char *name = message ? json_need_string(job->request, "ref", err) : NULL;
	char hex[GIT_OID_HEXSZ + 1];
	git_oid base_oid, merge_oid, tree_oid, oid;

	if (!name || job_oid(job, "base", &base_oid, err) < 0 ||
		job_oid(job, "tree", &tree_oid, err) < 0 ||
		sign(job->request, &who, err) < 0 ||
		mirror_open(job, MIRROR_WRITE, &mirror, err) < 0 ||
		mirror_commit(&mirror, &base_oid, &parent, err) < 0 ||
		mirror_tree_of(&mirror, &tree_oid, &tree, err) < 0)
		return -1;
	if (!git_oid_equal(git_tree_id(tree), &tree_oid))
		return err_set(err, ERR_INPUT, "tree is the name of a commit");
	if (json_at(job->request, "merge") &&
		(job_oid(job, "merge", &merge_oid, err) < 0 ||
			mirror_commit(&mirror, &merge_oid, &second, err) < 0))
		return -1;
	const git_commit *parents[] = {parent, second};
	int rc = git_commit_create(&oid, mirror.repo, NULL, who, who, NULL, message, tree,
		second ? 2 : 1, parents);
	if (rc == 0)
		rc = git_reference_create(&ref, mirror.repo, name, &oid, 1, NULL);
	if (rc < 0)
		return git_fail(err, rc, "write the commit");
	json_put(job->result, "commit", json_str(git_oid_tostr(hex, sizeof hex, &oid)));
	return 0;
}
