/* SPDX-License-Identifier: MIT */
/* The service's side of every verb: a request out, an answer back, nothing of git itself. */
#include "service/repo/repo-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

#define SILENCE_MS 30000
#define FETCH_MS (30LL * 60 * 1000)
#define VERB_MS (5LL * 60 * 1000)

static char *absolute(const char *path)
{
	return path ? mem_strdup(path) : NULL;
}

static int make_folder(
	const struct repos *repos, const char *name, bool empty, struct err *err)
{
	CLEANUP(mem) char *path = mem_printf("%s/%s", repos->state, name);

	if (empty && file_remove_tree(path, err) < 0)
		return -1;
	return file_mkdirs(path, 0700, err);
}

struct repos *repos_new(const struct repos_options *config, struct err *err)
{
	CLEANUP(repos) struct repos *repos = mem_zalloc(sizeof *repos);

	if (str_empty(config->state_dir) || config->state_dir[0] != '/') {
		err_set(err, ERR_INPUT, "the state folder must be an absolute path");
		return NULL;
	}
	repos->state = mem_strdup(config->state_dir);
	repos->worker = absolute(config->worker);
	repos->ca_file = absolute(config->ca_file);
	repos->plain_http = config->plain_http;
	repos->silence_ms = config->silence_ms ? config->silence_ms : SILENCE_MS;
	repos->fetch_ms = config->fetch_ms ? config->fetch_ms : FETCH_MS;
	repos->verb_ms = config->verb_ms ? config->verb_ms : VERB_MS;
	repos->push_ms = config->push_ms ? config->push_ms : repos->verb_ms;
	repos->fetch_bytes = config->fetch_bytes ? config->fetch_bytes : LIMIT_REPO_FETCH;
	repos->memory = config->memory ? config->memory : LIMIT_REPO_MEMORY;
	if (make_folder(repos, "mirrors", false, err) < 0 ||
		make_folder(repos, "git-tmp", true, err) < 0 ||
		make_folder(repos, "git-empty", true, err) < 0)
		return NULL;
	return TAKE(repos);
}

void repos_free(struct repos *repos)
{
	if (!repos)
		return;
	free(repos->state);
	free(repos->worker);
	free(repos->ca_file);
	free(repos);
}

/* ---- requests ---- */

json_t *repo_request(const struct repos *repos, const char *verb, int64_t repo_id)
{
	json_t *q = json_object();

	json_put(q, "verb", json_str(verb));
	json_put(q, "state", json_str(repos->state));
	json_put(q, "repo_id", json_integer(repo_id));
	return q;
}

void repo_request_net(
	const struct repos *repos, json_t *q, const struct repo_remote *remote)
{
	json_put(q, "url", json_str(remote->url));
	json_put(q, "ca_file", json_str(repos->ca_file));
	json_put(q, "plain_http", json_boolean(repos->plain_http));
	json_put(q, "silence_ms", json_integer(repos->silence_ms));
	json_put(q, "fetch_bytes", json_integer((json_int_t)repos->fetch_bytes));
}

int repo_call(const struct repos *repos, struct child_call *call, json_t **ret,
	struct cancel *cancel, struct err *err)
{
	call->program = repos->worker;
	if (!call->limit_ms)
		call->limit_ms = repos->verb_ms;
	if (!call->memory || call->memory > repos->memory)
		call->memory = repos->memory;
	/* A fetch ends by its own count first, with a better word. */
	call->file_bytes = 2 * repos->fetch_bytes + LIMIT_RESULT_SUM;
	if (!call->cpu_s)
		call->cpu_s = LIMIT_REPO_CPU_S;
	return child_run(call, ret, cancel, err);
}

int repo_take_oid(const json_t *result, const char *member, char ret[REPO_OID_SIZE],
	struct err *err)
{
	const char *hex = json_need_string(result, member, err);

	if (!hex)
		return -1;
	if (strlen(hex) != REPO_OID_SIZE - 1)
		return err_set(err, ERR_INTERNAL, "the git child sent no object name");
	str_copy(ret, REPO_OID_SIZE, hex);
	return 0;
}

/* ---- 1. the mirror ---- */

struct progress {
	repo_progress fn;
	void *arg;
};

static void on_progress(void *arg, const json_t *json)
{
	struct progress *p = arg;

	if (p->fn)
		p->fn(p->arg, json_or_int(json, "bytes", 0),
			json_or_int(json, "objects", 0), json_or_int(json, "total", 0));
}

int repo_mirror_update(struct repos *repos, const struct repo_remote *remote,
	const char *branch, repo_progress progress, void *progress_arg,
	struct repo_mirror *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "mirror", remote->repo_id);
	CLEANUP(json) json_t *r = NULL;
	struct progress p = {progress, progress_arg};
	struct repo_mirror mirror = {0};
	struct child_call call = {
		.verb = "mirror update",
		.request = q,
		.token = remote->token,
		.limit_ms = repos->fetch_ms,
		.progress = on_progress,
		.progress_arg = &p,
	};

	repo_request_net(repos, q, remote);
	json_put(q, "branch", json_str(branch));
	if (repo_call(repos, &call, &r, cancel, err) < 0 ||
		repo_take_oid(r, "commit", mirror.commit, err) < 0)
		return -1;
	str_copy(mirror.branch, sizeof mirror.branch, json_or_string(r, "branch", ""));
	mirror.cloned = json_or_bool(r, "cloned", false);
	mirror.changed = json_or_bool(r, "changed", false);
	mirror.received_bytes = json_or_int(r, "received_bytes", 0);
	mirror.received_objects = json_or_int(r, "received_objects", 0);
	mirror.mirror_bytes = json_or_int(r, "mirror_bytes", 0);
	mirror.packs = (int)json_or_int(r, "packs", 0);
	*ret = mirror;
	return 0;
}

int repo_mirror_drop(
	struct repos *repos, int64_t repo_id, struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "drop", repo_id);
	struct child_call call = {.verb = "mirror drop", .request = q};

	return repo_call(repos, &call, NULL, cancel, err);
}

int repo_remote_ref(struct repos *repos, const struct repo_remote *remote,
	const char *ref, char ret_oid[REPO_OID_SIZE], struct cancel *cancel,
	struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "remote-ref", remote->repo_id);
	CLEANUP(json) json_t *r = NULL;
	struct child_call call = {
		.verb = "ls-remote", .request = q, .token = remote->token};

	repo_request_net(repos, q, remote);
	json_put(q, "ref", json_str(ref));
	if (repo_call(repos, &call, &r, cancel, err) < 0)
		return -1;
	return repo_take_oid(r, "oid", ret_oid, err);
}

/* ---- 2. reading ---- */

int repo_file_read(struct repos *repos, int64_t repo_id, const char *commit,
	const char *path, size_t max, struct strbuf *out, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "file-read", repo_id);
	struct child_call call = {.verb = "file read", .request = q, .data = out};

	json_put(q, "commit", json_str(commit));
	json_put(q, "path", json_str(path));
	json_put(q, "max", json_integer((json_int_t)max));
	return repo_call(repos, &call, NULL, cancel, err);
}

int repo_diff_text(struct repos *repos, int64_t repo_id, const char *from, const char *to,
	size_t max, struct strbuf *out, struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "diff-text", repo_id);
	struct child_call call = {.verb = "diff", .request = q, .data = out};

	json_put(q, "from", json_str(from));
	json_put(q, "to", json_str(to));
	json_put(q, "max", json_integer((json_int_t)max));
	return repo_call(repos, &call, NULL, cancel, err);
}

/* ---- 3. into the box ---- */

void repo_pack_release(struct repo_pack *pack)
{
	free(pack->shallow);
	*pack = (struct repo_pack){0};
}

int repo_pack(struct repos *repos, int64_t repo_id, const char *want, const char *have,
	const char *file, int64_t max_commits, struct repo_pack *ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "pack", repo_id);
	CLEANUP(json) json_t *r = NULL;
	struct child_call call = {.verb = "pack", .request = q};

	json_put(q, "want", json_str(want));
	json_put(q, "have", json_str(have));
	json_put(q, "file", json_str(file));
	json_put(q, "max_commits",
		json_integer(max_commits > 0 ? max_commits : LIMIT_REPO_HISTORY));
	if (repo_call(repos, &call, &r, cancel, err) < 0)
		return -1;
	*ret = (struct repo_pack){
		.objects = json_or_int(r, "objects", 0),
		.bytes = json_or_int(r, "bytes", 0),
		.commits = json_or_int(r, "commits", 0),
		.shallow = mem_strdup(json_or_string(r, "shallow", "")),
	};
	return 0;
}
