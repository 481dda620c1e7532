/* SPDX-License-Identifier: MIT */
/* Verb: a pack of what a box lacks. */
#include "service/repo/git.h"
#include "service/repo/oid_set.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct packing {
	struct mirror mirror;
	git_packbuilder *builder;
	struct oid_set commits; /* in reach and to be sent */
	struct oid_set seen;    /* trees that were walked */
	int64_t ncommits;
	bool cut; /* there are more commits than may be sent */
};

static void packing_release(struct packing *p)
{
	git_packbuilder_free(p->builder);
	mirror_close(&p->mirror);
	oid_set_release(&p->commits);
	oid_set_release(&p->seen);
}
DEFINE_CLEANUP(packing, struct packing, packing_release(value))

static int open_walk(struct packing *p, const git_oid *want, const git_oid *have,
	git_revwalk **ret, struct err *err)
{
	int rc = git_revwalk_new(ret, p->mirror.repo);

	if (rc == 0)
		rc = git_revwalk_sorting(*ret, GIT_SORT_TIME);
	if (rc == 0)
		rc = git_revwalk_push(*ret, want);
	if (rc == 0 && have)
		rc = git_revwalk_hide(*ret, have);
	return rc < 0 ? mirror_fail(&p->mirror, err, rc, "walk the history") : 0;
}

/* The newest `most` commits; says whether these are all. */
static int count_commits(struct packing *p, const git_oid *want, const git_oid *have,
	int64_t most, struct err *err)
{
	CLEANUP(git_revwalk) git_revwalk *walk = NULL;
	git_oid oid;
	int rc;

	if (open_walk(p, want, have, &walk, err) < 0)
		return -1;
	while ((rc = git_revwalk_next(&oid, walk)) == 0) {
		if (p->ncommits == most) {
			p->cut = true;
			return 0;
		}
		oid_set_add(&p->commits, &oid);
		p->ncommits++;
	}
	return rc == GIT_ITEROVER ? 0
				  : mirror_fail(&p->mirror, err, rc, "walk the history");
}

/* libgit2's own walk is the fastest, but cannot stop at a depth. */
static int insert_all(
	struct packing *p, const git_oid *want, const git_oid *have, struct err *err)
{
	CLEANUP(git_revwalk) git_revwalk *walk = NULL;
	int rc;

	if (open_walk(p, want, have, &walk, err) < 0)
		return -1;
	rc = git_packbuilder_insert_walk(p->builder, walk);
	return rc < 0 ? mirror_fail(&p->mirror, err, rc, "gather the objects") : 0;
}

static int insert_tree(
	struct packing *p, const git_oid *oid, size_t depth, struct err *err)
{
	CLEANUP(git_tree) git_tree *tree = NULL;
	int rc;

	if (!oid_set_add(&p->seen, oid))
		return 0;
	if (depth > 2 * LIMIT_RESULT_DEPTH)
		return err_set(err, ERR_LIMIT, "the repository's folders are too deep");
	rc = git_packbuilder_insert(p->builder, oid, NULL);
	if (rc == 0)
		rc = git_tree_lookup(&tree, p->mirror.repo, oid);
	for (size_t i = 0; rc == 0 && i < git_tree_entrycount(tree); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);
		if (git_tree_entry_type(e) == GIT_OBJECT_TREE) {
			if (insert_tree(p, git_tree_entry_id(e), depth + 1, err) < 0)
				return -1;
		} else if (git_tree_entry_type(e) == GIT_OBJECT_BLOB) {
			rc = git_packbuilder_insert(
				p->builder, git_tree_entry_id(e), git_tree_entry_name(e));
		}
	}
	return rc < 0 ? mirror_fail(&p->mirror, err, rc, "gather the objects") : 0;
}

/* The newest commits; those with a parent that stays behind are noted. */
static int insert_newest(struct packing *p, const git_oid *want, const git_oid *have,
	struct strbuf *shallow, struct err *err)
{
	CLEANUP(git_revwalk) git_revwalk *walk = NULL;
	git_oid oid;

	if (open_walk(p, want, have, &walk, err) < 0)
		return -1;
	for (int64_t n = 0; n < p->ncommits; n++) {
		CLEANUP(git_commit) git_commit *commit = NULL;
		bool at_edge = false;
		int rc = git_revwalk_next(&oid, walk);
		if (rc == 0)
			rc = git_commit_lookup(&commit, p->mirror.repo, &oid);
		if (rc == 0)
			rc = git_packbuilder_insert(p->builder, &oid, NULL);
		if (rc < 0)
			return mirror_fail(&p->mirror, err, rc, "gather the objects");
		for (unsigned i = 0; i < git_commit_parentcount(commit); i++)
			at_edge = at_edge || !oid_set_has(&p->commits,
						     git_commit_parent_id(commit, i));
		if (at_edge) {
			char hex[GIT_OID_HEXSZ + 1];
			strbuf_addf(
				shallow, "%s\n", git_oid_tostr(hex, sizeof hex, &oid));
		}
		if (insert_tree(p, git_commit_tree_id(commit), 0, err) < 0)
			return -1;
	}
	return 0;
}

struct writing {
	int fd;
	int64_t bytes;
	struct err *err;
	bool failed;
};

static int write_part(void *data, size_t size, void *arg)
{
	struct writing *w = arg;

	if (file_write_all(w->fd, data, size, w->err) < 0) {
		w->failed = true;
		return GIT_EUSER;
	}
	w->bytes += (int64_t)size;
	return 0;
}

static int write_pack(
	struct packing *p, const char *file, int64_t *ret_bytes, struct err *err)
{
	CLEANUP(fd)
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct writing w = {.fd = fd, .err = err};

	if (fd < 0)
		return err_errno(err, errno, "write %s", file);
	int rc = git_packbuilder_foreach(p->builder, write_part, &w);
	*ret_bytes = w.bytes;
	if (w.failed)
		return err_wrap(err, "%s", file);
	return rc < 0 ? mirror_fail(&p->mirror, err, rc, "write the pack") : 0;
}

static int gather(
	struct packing *p, struct job *job, struct strbuf *shallow, struct err *err)
{
	git_oid want, have, *known = NULL;
	CLEANUP(git_commit) git_commit *first = NULL;
	CLEANUP(git_commit) git_commit *second = NULL;
	int64_t most;

	if (job_oid(job, "want", &want, err) < 0 ||
		json_need_int(job->request, "max_commits", 1, 10000000, &most, err) < 0 ||
		mirror_commit(&p->mirror, &want, &first, err) < 0)
		return -1;
	if (json_at(job->request, "have")) {
		if (job_oid(job, "have", &have, err) < 0 ||
			mirror_commit(&p->mirror, &have, &second, err) < 0)
			return -1;
		known = &have;
	}
	if (count_commits(p, &want, known, most, err) < 0)
		return -1;
	return p->cut ? insert_newest(p, &want, known, shallow, err)
		      : insert_all(p, &want, known, err);
}

int job_pack(struct job *job, struct err *err)
{
	CLEANUP(packing) struct packing p = {.mirror = MIRROR_NONE};
	CLEANUP(strbuf) struct strbuf shallow = STRBUF_INIT(16 * LIMIT_MIB);
	const char *file = json_need_string(job->request, "file", err);
	int64_t bytes = 0;
	int rc;

	if (!file || mirror_open(job, MIRROR_READ, &p.mirror, err) < 0)
		return -1;
	rc = git_packbuilder_new(&p.builder, p.mirror.repo);
	if (rc < 0)
		return git_fail(err, rc, "make a pack");
	git_packbuilder_set_threads(p.builder, 0);
	if (gather(&p, job, &shallow, err) < 0 ||
		strbuf_check(&shallow, "the list of shallow commits", err) < 0 ||
		write_pack(&p, file, &bytes, err) < 0)
		return -1;
	json_put(job->result, "objects",
		json_integer((json_int_t)git_packbuilder_object_count(p.builder)));
	json_put(job->result, "bytes", json_integer(bytes));
	json_put(job->result, "commits", json_integer(p.ncommits));
	json_put(job->result, "shallow", json_str(strbuf_str(&shallow)));
	return 0;
}
