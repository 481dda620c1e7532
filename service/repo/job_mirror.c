/* SPDX-License-Identifier: MIT */
/* Verbs: bring a mirror up to date, drop one, ask the remote for one ref. */
#include "service/repo/git.h"
#include "service/repo/job_fetch.h"
#include "service/repo/net.h"
#include "service/repo/packs.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <errno.h>
#include <string.h>

/* Made beside and renamed, so that a mirror is there as a whole or not at all. */
static int make_mirror(struct job *job, struct mirror *mirror, struct err *err)
{
	CLEANUP(mem)
	char *beside =
		mem_printf("%s/git-tmp/%lld.new", job->state, (long long)job->repo_id);
	CLEANUP(git_repository) git_repository *repo = NULL;
	git_repository_init_options options;
	int rc;

	if (file_remove_tree(beside, err) < 0)
		return -1;
	git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_NO_REINIT |
			GIT_REPOSITORY_INIT_MKDIR;
	options.mode = 0700;
	rc = git_repository_init_ext(&repo, beside, &options);
	if (rc == 0)
		rc = git_configure(repo);
	if (rc < 0)
		return git_fail(err, rc, "make a mirror");
	if (rename(beside, mirror->path) < 0)
		return err_errno(err, errno, "make %s", mirror->path);
	json_put(job->result, "cloned", json_true());
	return 0;
}

static int remove_mirror(struct job *job, struct mirror *mirror, struct err *err)
{
	CLEANUP(mem)
	char *aside =
		mem_printf("%s/git-tmp/%lld.old", job->state, (long long)job->repo_id);

	git_repository_free(mirror->repo);
	mirror->repo = NULL;
	if (file_remove_tree(aside, err) < 0)
		return -1;
	if (rename(mirror->path, aside) < 0 && errno != ENOENT)
		return err_errno(err, errno, "move %s away", mirror->path);
	return file_remove_tree(aside, err);
}

/* Whether what lies there can be used. */
static bool is_sound(struct mirror *mirror)
{
	CLEANUP(mem) char *mark = mem_printf("%s/%s", mirror->path, MIRROR_DAMAGED);
	struct err why = {0};

	return access(mark, F_OK) < 0 && packs_clean(mirror->path, &why) == 0 &&
	       packs_check(mirror->path, &why) == 0 &&
	       mirror_open_locked(mirror, &why) == 0;
}

static int report(struct job *job, struct mirror *mirror, const struct fetched *got,
	struct err *err)
{
	int64_t bytes;
	int packs;

	if (packs_measure(mirror->path, &packs, &bytes, err) < 0)
		return -1;
	json_put(job->result, "branch", json_str(got->branch));
	json_put(job->result, "commit", json_str(got->commit));
	json_put(job->result, "changed", json_boolean(got->changed));
	json_put(job->result, "received_bytes", json_integer(got->bytes));
	json_put(job->result, "received_objects", json_integer(got->objects));
	json_put(job->result, "mirror_bytes", json_integer(bytes));
	json_put(job->result, "packs", json_integer(packs));
	return 0;
}

static int update(struct job *job, struct mirror *mirror, bool may_clone, struct err *err)
{
	const char *branch = json_or_string(job->request, "branch", NULL);
	struct fetched got = {0};
	int64_t bytes;
	int packs;

	if (fetch_branch(job, mirror->repo, branch, &got, err) == 0) {
		if (packs_measure(mirror->path, &packs, &bytes, err) == 0 &&
			packs > LIMIT_REPO_PACKS &&
			packs_merge(mirror->repo, mirror->path, err) < 0)
			return mirror_fail(mirror, err, -1, "merge packs");
		return report(job, mirror, &got, err);
	}
	if (!got.damaged || !may_clone)
		return -1;
	net_error_clear();
	if (remove_mirror(job, mirror, err) < 0 || make_mirror(job, mirror, err) < 0 ||
		mirror_open_locked(mirror, err) < 0)
		return -1;
	return update(job, mirror, false, err);
}

int job_mirror(struct job *job, struct err *err)
{
	CLEANUP(mirror) struct mirror mirror = MIRROR_NONE;
	bool fresh = false;

	if (job_net(job, err) < 0 || mirror_lock(job, MIRROR_WRITE, &mirror, err) < 0)
		return -1;
	json_put(job->result, "cloned", json_false());
	if (!is_sound(&mirror)) {
		fresh = true;
		if (remove_mirror(job, &mirror, err) < 0 ||
			make_mirror(job, &mirror, err) < 0 ||
			mirror_open_locked(&mirror, err) < 0)
			return -1;
	}
	return update(job, &mirror, !fresh, err);
}

int job_drop(struct job *job, struct err *err)
{
	CLEANUP(mirror) struct mirror mirror = MIRROR_NONE;

	if (mirror_lock(job, MIRROR_WRITE, &mirror, err) < 0)
		return -1;
	return remove_mirror(job, &mirror, err);
}

int job_remote_ref(struct job *job, struct err *err)
{
	const char *ref = json_need_string(job->request, "ref", err);
	CLEANUP(git_remote) git_remote *remote = NULL;
	char found[GIT_OID_HEXSZ + 1];

	if (!ref || job_net(job, err) < 0)
		return -1;
	if (remote_open(job, NULL, GIT_DIRECTION_FETCH, &remote, err) < 0 ||
		remote_find(remote, ref, found, err) < 0)
		return -1;
	json_put(job->result, "oid", json_str(found));
	return 0;
}
