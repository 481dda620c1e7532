/* SPDX-License-Identifier: MIT */
/* Opening and locking mirrors. */
#include "service/repo/git.h"

#include "service/repo/leftovers.h"

#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

int job_oid(const struct job *job, const char *member, git_oid *ret, struct err *err)
{
	const char *hex = json_need_string(job->request, member, err);

	if (!hex)
		return -1;
	if (strlen(hex) != GIT_OID_HEXSZ || git_oid_fromstr(ret, hex) < 0)
		return err_set(
			err, ERR_INPUT, "%s is not the name of a git object", member);
	return 0;
}

/* The lock lies beside the mirror, which may be replaced as a whole.  A call that is
 * cancelled while it waits here is killed. */
int mirror_lock(struct job *job, enum mirror_use use, struct mirror *ret, struct err *err)
{
	CLEANUP(mem)
	char *lock =
		mem_printf("%s/mirrors/%lld.lock", job->state, (long long)job->repo_id);

	ret->path =
		mem_printf("%s/mirrors/%lld.git", job->state, (long long)job->repo_id);
	ret->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ret->lock < 0)
		return err_errno(err, errno, "open %s", lock);
	while (flock(ret->lock, use == MIRROR_WRITE ? LOCK_EX : LOCK_SH) < 0)
		if (errno != EINTR)
			return err_errno(err, errno, "lock %s", lock);
	if (use != MIRROR_WRITE)
		return 0;
	/* For repo_mirrors_idle(). */
	if (futimens(ret->lock, NULL) < 0)
		return err_errno(err, errno, "touch %s", lock);
	/* The kernel gave a killed writer's lock back, but not the lock files of its refs. */
	return leftovers_clean(ret->path, err);
}

int mirror_open_locked(struct mirror *mirror, struct err *err)
{
	int rc = git_repository_open_bare(&mirror->repo, mirror->path);

	if (rc < 0)
		return mirror_fail(mirror, err, rc, "open the mirror");
	return 0;
}

int mirror_open(struct job *job, enum mirror_use use, struct mirror *ret, struct err *err)
{
	if (mirror_lock(job, use, ret, err) < 0)
		return -1;
	if (access(ret->path, F_OK) < 0)
		return err_set(err, ERR_NOT_FOUND,
			"there is no mirror of repository %lld yet",
			(long long)job->repo_id);
	return mirror_open_locked(ret, err);
}

void mirror_close(struct mirror *mirror)
{
	git_repository_free(mirror->repo);
	free(mirror->path);
	if (mirror->lock >= 0)
		close(mirror->lock);
	*mirror = (struct mirror)MIRROR_NONE;
}

int mirror_fail(struct mirror *mirror, struct err *err, int code, const char *fmt, ...)
{
	CLEANUP(mem) char *what = NULL;
	struct err ignored = {0};
	va_list ap;

	va_start(ap, fmt);
	what = mem_vprintf(fmt, ap);
	va_end(ap);
	git_fail(err, code, "%s", what);
	if (!git_error_is_damage(code))
		return -1;
	CLEANUP(mem) char *mark = mem_printf("%s/%s", mirror->path, MIRROR_DAMAGED);
	file_write(mark, err->text, strlen(err->text), 0600, &ignored);
	err->kind = ERR_TRANSIENT;
	return err_wrap(err, "the mirror is damaged and will be cloned anew");
}

int mirror_commit(
	struct mirror *mirror, const git_oid *oid, git_commit **ret, struct err *err)
{
	char hex[GIT_OID_HEXSZ + 1];
	int rc = git_commit_lookup(ret, mirror->repo, oid);

	if (rc == 0)
		return 0;
	git_oid_tostr(hex, sizeof hex, oid);
	if (rc == GIT_ENOTFOUND)
		return err_set(err, ERR_NOT_FOUND, "the mirror has no commit %s", hex);
	return mirror_fail(mirror, err, rc, "commit %s", hex);
}

int mirror_tree_of(struct mirror *mirror, const git_oid *commit_or_tree, git_tree **ret,
	struct err *err)
{
	CLEANUP(git_object) git_object *object = NULL;
	char hex[GIT_OID_HEXSZ + 1];
	int rc = git_object_lookup(&object, mirror->repo, commit_or_tree, GIT_OBJECT_ANY);

	git_oid_tostr(hex, sizeof hex, commit_or_tree);
	if (rc == GIT_ENOTFOUND)
		return err_set(err, ERR_NOT_FOUND, "the mirror has no object %s", hex);
	if (rc < 0)
		return mirror_fail(mirror, err, rc, "object %s", hex);
	git_object_t type = git_object_type(object);
	if (type != GIT_OBJECT_COMMIT && type != GIT_OBJECT_TREE)
		return err_set(err, ERR_INPUT, "%s is neither a commit nor a tree", hex);
	rc = git_object_peel((git_object **)ret, object, GIT_OBJECT_TREE);
	return rc < 0 ? mirror_fail(mirror, err, rc, "the tree of %s", hex) : 0;
}
