/* SPDX-License-Identifier: MIT */
/* One branch from the remote into a mirror. */
#include "service/repo/job_fetch.h"

#include "service/repo/branch.h"
#include "service/repo/net.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

#define ZERO_HEX "0000000000000000000000000000000000000000"

int remote_open(struct job *job, git_repository *repo, git_direction direction,
	git_remote **ret, struct err *err)
{
	const char *url = json_need_string(job->request, "url", err);
	git_remote_connect_options options;
	int rc;

	if (!url)
		return -1;
	rc = repo ? git_remote_create_anonymous(ret, repo, url)
		  : git_remote_create_detached(ret, url);
	git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.proxy_opts.type = GIT_PROXY_NONE;
	if (rc == 0)
		rc = git_remote_connect_ext(*ret, direction, &options);
	return rc < 0 ? git_fail(err, rc, "connect to the forge") : 0;
}

int remote_find(git_remote *remote, const char *ref, char ret_hex[GIT_OID_HEXSZ + 1],
	struct err *err)
{
	const git_remote_head **heads = NULL;
	size_t n = 0;
	int rc = git_remote_ls(&heads, &n, remote);

	if (rc < 0)
		return git_fail(err, rc, "list the forge's refs");
	memcpy(ret_hex, ZERO_HEX, sizeof ZERO_HEX);
	for (size_t i = 0; i < n; i++)
		if (str_eq(heads[i]->name, ref))
			git_oid_tostr(ret_hex, GIT_OID_HEXSZ + 1, &heads[i]->oid);
	return 0;
}

/* The full name of the ref that is wanted. */
static int choose_ref(
	git_remote *remote, const char *branch, char **ret_ref, struct err *err)
{
	CLEANUP(git_buf) git_buf name = GIT_BUF_INIT;

	if (!branch) {
		int rc = git_remote_default_branch(&name, remote);
		if (rc == GIT_ENOTFOUND)
			return err_set(err, ERR_NOT_FOUND,
				"the repository is empty or has no default branch");
		if (rc < 0)
			return git_fail(err, rc, "find the default branch");
		*ret_ref = mem_strdup(name.ptr);
	} else if (str_starts(branch, "refs/")) {
		*ret_ref = mem_strdup(branch);
	} else {
		*ret_ref = mem_printf("refs/heads/%s", branch);
	}
	if (!branch_is_valid(*ret_ref))
		return err_set(
			err, ERR_INPUT, "the branch's name is not one that git allows");
	return 0;
}

/* Ours is flat and of one length: branches `a` and `a/b`, one after the other, would be in
 * each other's way as files, and so would names that differ in case on some volumes. */
static void local_name(const char *ref, char *ret, size_t size)
{
	char hash[SHA256_HEX_SIZE];

	crypto_sha256_hex(ref, strlen(ref), hash);
	snprintf(ret, size, "refs/mirror/%.40s", hash);
}

static int on_progress(const git_indexer_progress *stats, void *arg)
{
	job_progress(arg, (int64_t)stats->received_bytes, stats->received_objects,
		stats->total_objects);
	return 0;
}

static void current(git_repository *repo, const char *name, char ret[GIT_OID_HEXSZ + 1])
{
	git_oid oid;

	memcpy(ret, ZERO_HEX, sizeof ZERO_HEX);
	if (git_reference_name_to_id(&oid, repo, name) == 0)
		git_oid_tostr(ret, GIT_OID_HEXSZ + 1, &oid);
}

static int download(struct job *job, git_remote *remote, const char *ref,
	const char *local, struct fetched *ret, struct err *err)
{
	CLEANUP(mem) char *spec = mem_printf("+%s:%s", ref, local);
	git_strarray specs = {.strings = &spec, .count = 1};
	git_fetch_options options;

	git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
	options.callbacks.transfer_progress = on_progress;
	options.callbacks.payload = job;
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	options.prune = GIT_FETCH_NO_PRUNE;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.proxy_opts.type = GIT_PROXY_NONE;
	int rc = git_remote_fetch(remote, &specs, &options, "fetch");
	if (rc < 0) {
		ret->damaged = git_error_is_damage(rc);
		git_fail(err, rc, "fetch %s", ref);
		/* Broken here or on the way: both may be well the next time. */
		if (ret->damaged)
			err->kind = ERR_TRANSIENT;
		return -1;
	}
	const git_indexer_progress *stats = git_remote_stats(remote);
	ret->bytes = (int64_t)stats->received_bytes;
	ret->objects = stats->received_objects;
	return 0;
}

/* The tip and its tree can be read. */
static int verify(
	git_repository *repo, const char *local, struct fetched *ret, struct err *err)
{
	CLEANUP(git_commit) git_commit *commit = NULL;
	CLEANUP(git_tree) git_tree *tree = NULL;
	git_oid oid;
	int rc = git_reference_name_to_id(&oid, repo, local);

	if (rc == 0)
		rc = git_commit_lookup(&commit, repo, &oid);
	if (rc == 0)
		rc = git_commit_tree(&tree, commit);
	if (rc < 0) {
		ret->damaged = git_error_is_damage(rc);
		return git_fail(err, rc, "read the branch that was fetched");
	}
	git_oid_tostr(ret->commit, sizeof ret->commit, &oid);
	return 0;
}

int fetch_branch(struct job *job, git_repository *repo, const char *branch,
	struct fetched *ret, struct err *err)
{
	CLEANUP(git_remote) git_remote *remote = NULL;
	CLEANUP(mem) char *ref = NULL;
	char local[64], before[GIT_OID_HEXSZ + 1], there[GIT_OID_HEXSZ + 1];

	if (remote_open(job, repo, GIT_DIRECTION_FETCH, &remote, err) < 0) {
		/* Before the network: a configuration that cannot be read. */
		ret->damaged = git_error_is_damage(-1);
		return -1;
	}
	if (choose_ref(remote, branch, &ref, err) < 0 ||
		remote_find(remote, ref, there, err) < 0)
		return -1;
	if (str_eq(there, ZERO_HEX))
		return err_set(err, ERR_NOT_FOUND, "the forge has no %s", ref);
	local_name(ref, local, sizeof local);
	current(repo, local, before);
	if (download(job, remote, ref, local, ret, err) < 0 ||
		verify(repo, local, ret, err) < 0)
		return -1;
	ret->changed = !str_eq(before, ret->commit);
	str_copy(ret->branch, sizeof ret->branch,
		str_starts(ref, "refs/heads/") ? ref + 11 : ref);
	return 0;
}
