/* SPDX-License-Identifier: MIT */
/* What the verbs of the git child share: libgit2's settings, its errors, mirrors and locks. */
#ifndef SERVICE_REPO_GIT_H
#define SERVICE_REPO_GIT_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/json.h"
#include "boxcore/base/secret.h"

#include <git2.h>

#include <stdbool.h>
#include <stdint.h>

/* One request, in the child. */
struct job {
	const json_t *request;
	const struct secret *token;
	const char *state; /* the state folder */
	int64_t repo_id;
	int answer_fd;
	json_t *result; /* an object to fill */
};

typedef int (*job_run)(struct job *job, struct err *err);

int job_mirror(struct job *job, struct err *err);
int job_drop(struct job *job, struct err *err);
int job_remote_ref(struct job *job, struct err *err);
int job_file_read(struct job *job, struct err *err);
int job_diff_text(struct job *job, struct err *err);
int job_compare(struct job *job, struct err *err);
int job_pack(struct job *job, struct err *err);
int job_import(struct job *job, struct err *err);
int job_commit(struct job *job, struct err *err);
int job_replay(struct job *job, struct err *err);
int job_push(struct job *job, struct err *err);

/* Sends bytes or progress ahead of the result. */
int job_data(struct job *job, const void *data, size_t len, struct err *err);
void job_progress(struct job *job, int64_t bytes, int64_t objects, int64_t total);

/* Installs the transport for the request's URL. */
int job_net(struct job *job, struct err *err);

int git_setup(const char *state, struct err *err);

/* What every store of ours is set to: names that HFS+ and NTFS take for .git are refused, and
 * packing stays within the child's memory.  Returns libgit2's code. */
int git_configure(git_repository *repo);

/* An error of libgit2 (its return code) under `what`; the network's own words if there are
 * any.  Always -1. */
int git_fail(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* libgit2's last error speaks of a broken object store, not of a wrong question. */
bool git_error_is_damage(int code);

/* An object name out of the request: ERR_INPUT naming the member. */
int job_oid(const struct job *job, const char *member, git_oid *ret, struct err *err);

/* A mirror, locked (shared for readers) until it is closed. */
struct mirror {
	int lock;
	char *path;
	git_repository *repo;
};
#define MIRROR_NONE                                                                      \
	{                                                                                \
		.lock = -1                                                               \
	}
enum mirror_use { MIRROR_READ, MIRROR_WRITE };

/* ERR_NOT_FOUND when there is none. */
int mirror_open(
	struct job *job, enum mirror_use use, struct mirror *ret, struct err *err);
/* Only the lock; repo stays NULL. */
int mirror_lock(
	struct job *job, enum mirror_use use, struct mirror *ret, struct err *err);
int mirror_open_locked(struct mirror *mirror, struct err *err);
void mirror_close(struct mirror *mirror);
DEFINE_CLEANUP(mirror, struct mirror, mirror_close(value))

/* For a failure while reading what the mirror must have: as git_fail(), but a broken store is
 * marked for the next update and becomes ERR_TRANSIENT. */
int mirror_fail(struct mirror *mirror, struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
#define MIRROR_DAMAGED "boxwright-damaged" /* the mark: a file in the mirror's folder */

/* The commit that must be there (ERR_NOT_FOUND), and its tree. */
int mirror_commit(
	struct mirror *mirror, const git_oid *oid, git_commit **ret, struct err *err);
int mirror_tree_of(struct mirror *mirror, const git_oid *commit_or_tree, git_tree **ret,
	struct err *err);

DEFINE_CLEANUP(git_repository, git_repository *, git_repository_free(*value))
DEFINE_CLEANUP(git_commit, git_commit *, git_commit_free(*value))
DEFINE_CLEANUP(git_tree, git_tree *, git_tree_free(*value))
DEFINE_CLEANUP(git_tree_entry, git_tree_entry *, git_tree_entry_free(*value))
DEFINE_CLEANUP(git_blob, git_blob *, git_blob_free(*value))
DEFINE_CLEANUP(git_object, git_object *, git_object_free(*value))
DEFINE_CLEANUP(git_odb, git_odb *, git_odb_free(*value))
DEFINE_CLEANUP(git_odb_object, git_odb_object *, git_odb_object_free(*value))
DEFINE_CLEANUP(git_remote, git_remote *, git_remote_free(*value))
DEFINE_CLEANUP(git_reference, git_reference *, git_reference_free(*value))
DEFINE_CLEANUP(git_packbuilder, git_packbuilder *, git_packbuilder_free(*value))
DEFINE_CLEANUP(git_revwalk, git_revwalk *, git_revwalk_free(*value))
DEFINE_CLEANUP(git_diff, git_diff *, git_diff_free(*value))
DEFINE_CLEANUP(git_patch, git_patch *, git_patch_free(*value))
DEFINE_CLEANUP(git_buf, git_buf, git_buf_dispose(value))
DEFINE_CLEANUP(git_config, git_config *, git_config_free(*value))
DEFINE_CLEANUP(git_treebuilder, git_treebuilder *, git_treebuilder_free(*value))
DEFINE_CLEANUP(git_signature, git_signature *, git_signature_free(*value))

#endif
