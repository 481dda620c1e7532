/* SPDX-License-Identifier: MIT */
/* The service's side of import, commit and push. */
#include "service/repo/repo-internal.h"

#include "service/repo/branch.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

/* ---- 4. out of the box ---- */

const char *repo_status_name(enum repo_status status)
{
	switch (status) {
	case REPO_ADDED: return "added";
	case REPO_MODIFIED: return "modified";
	case REPO_DELETED: return "deleted";
	case REPO_RENAMED: return "renamed";
	case REPO_MODE: return "mode";
	}
	return "unknown";
}

void repo_result_release(struct repo_result *result)
{
	for (size_t i = 0; i < result->nchanges; i++) {
		free(result->changes[i].path);
		free(result->changes[i].old_path);
	}
	free(result->changes);
	*result = (struct repo_result){0};
}

static int take_change(struct repo_change *change, const json_t *json, struct err *err)
{
	const char *path = json_need_string(json, "path", err);
	int64_t status;

	if (!path ||
		json_need_int(json, "status", REPO_ADDED, REPO_MODE, &status, err) < 0)
		return -1;
	*change = (struct repo_change){
		.path = mem_strdup(path),
		.old_path = mem_strdup(json_or_string(json, "old_path", NULL)),
		.status = (enum repo_status)status,
		.old_mode = (unsigned)json_or_int(json, "old_mode", 0),
		.new_mode = (unsigned)json_or_int(json, "new_mode", 0),
		.added = json_or_int(json, "added", 0),
		.deleted = json_or_int(json, "deleted", 0),
		.binary = json_or_bool(json, "binary", false),
	};
	return 0;
}

static int take_result(struct repo_result *result, const json_t *r, struct err *err)
{
	const json_t *changes = json_at(r, "changes");
	size_t n = json_array_size(changes);

	result->no_change = json_or_bool(r, "no_change", false);
	result->added = json_or_int(r, "added", 0);
	result->deleted = json_or_int(r, "deleted", 0);
	result->changes = mem_array(n + 1, sizeof *result->changes);
	for (size_t i = 0; i < n; i++) {
		if (take_change(&result->changes[i], json_array_get(changes, i), err) < 0)
			return -1;
		result->nchanges++;
	}
	return 0;
}

int repo_compare(struct repos *repos, int64_t repo_id, const char *from, const char *to,
	struct repo_result *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "compare", repo_id);
	CLEANUP(json) json_t *r = NULL;
	CLEANUP(repo_result) struct repo_result result = {0};
	struct child_call call = {.verb = "compare", .request = q};

	json_put(q, "from", json_str(from));
	json_put(q, "to", json_str(to));
	if (repo_call(repos, &call, &r, cancel, err) < 0 ||
		repo_take_oid(r, "tree", result.tree, err) < 0 ||
		take_result(&result, r, err) < 0)
		return -1;
	*ret = result;
	result = (struct repo_result){0};
	return 0;
}

static json_t *pattern_list(const char *const *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_str(list[i]));
	return array;
}

int repo_import(struct repos *repos, int64_t repo_id, const char *base_commit,
	const char *pack_file, const char *tree, const struct repo_policy *policy,
	struct repo_result *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "import", repo_id);
	CLEANUP(json) json_t *r = NULL;
	CLEANUP(repo_result) struct repo_result result = {0};
	struct child_call call = {
		.verb = "import",
		.request = q,
		.memory = LIMIT_REPO_IMPORT,
		.cpu_s = LIMIT_REPO_IMPORT_CPU_S,
	};
	struct err ignored = {0};
	char name[33];

	if (repo_policy_check(policy, err) < 0)
		return -1;
	crypto_random_hex(name, 16);
	CLEANUP(mem) char *tmp = mem_printf("%s/git-tmp/import-%s", repos->state, name);
	json_put(q, "base", json_str(base_commit));
	json_put(q, "file", json_str(pack_file));
	json_put(q, "tree", json_str(tree));
	json_put(q, "tmp", json_str(tmp));
	if (policy) {
		json_put(q, "protect", pattern_list(policy->protect, policy->nprotect));
		json_put(q, "allow", pattern_list(policy->allow, policy->nallow));
	}
	int rc = repo_call(repos, &call, &r, cancel, err);
	/* Here and not in the child, which may have been killed.  What stays goes with the
	 * next start. */
	file_remove_tree(tmp, &ignored);
	if (rc < 0 || take_result(&result, r, err) < 0)
		return -1;
	str_copy(result.tree, sizeof result.tree, tree);
	*ret = result;
	result = (struct repo_result){0};
	return 0;
}

/* ---- 5. the commit ---- */

static int check_line(const char *what, const char *text, struct err *err)
{
	size_t len = text ? strlen(text) : 0;

	if (len == 0 || len > 1024 || !str_is_utf8(text, len))
		return err_set(
			err, ERR_INPUT, "%s must be 1 to 1024 bytes of UTF-8", what);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return err_set(
				err, ERR_INPUT, "%s holds a control character", what);
	return 0;
}

static int check_task(const char *task, struct err *err)
{
	size_t len = task ? strlen(task) : 0;

	for (size_t i = 0; i < len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz01234567"
			    "89_-",
			    task[i]))
			len = 0;
	if (len == 0 || len > 64)
		return err_set(err, ERR_INPUT,
			"a task's name for git must be 1 to 64 of [A-Za-z0-9_-]");
	return 0;
}

static int check_author(const struct repo_commit *c, struct err *err)
{
	if (check_line("the author's name", c->author_name, err) < 0 ||
		check_line("the author's address", c->author_email, err) < 0)
		return -1;
	if (strpbrk(c->author_name, "<>") || strpbrk(c->author_email, "<> "))
		return err_set(err, ERR_INPUT,
			"the author's name and address may not hold < or >");
	return 0;
}

/* The text, an empty line, the trailers. */
static int make_message(const struct repo_commit *c, struct strbuf *out, struct err *err)
{
	size_t len = c->message ? strlen(c->message) : 0;

	if (!str_is_utf8(c->message ? c->message : "", len))
		return err_set(err, ERR_INPUT, "the commit message is not UTF-8");
	while (len > 0 && strchr(" \t\r\n", c->message[len - 1]))
		len--;
	if (len == 0)
		return err_set(err, ERR_INPUT, "the commit message is empty");
	for (size_t i = 0; i < len; i++)
		if (c->message[i] != '\r')
			strbuf_addc(out, c->message[i]);
	strbuf_adds(out, c->ntrailers ? "\n\n" : "\n");
	for (size_t i = 0; i < c->ntrailers; i++) {
		const struct repo_trailer *t = &c->trailers[i];
		if (check_line("a trailer's key", t->key, err) < 0 ||
			check_line("a trailer's value", t->value, err) < 0)
			return -1;
		if (strpbrk(t->key, ": "))
			return err_set(err, ERR_INPUT,
				"a trailer's key is one word without a colon");
		strbuf_addf(out, "%s: %s\n", t->key, t->value);
	}
	return strbuf_check(out, "the commit message", err);
}

int repo_commit(struct repos *repos, const struct repo_commit *c,
	char ret_oid[REPO_OID_SIZE], struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "commit", c->repo_id);
	CLEANUP(json) json_t *r = NULL;
	CLEANUP(strbuf) struct strbuf message = STRBUF_INIT(LIMIT_REPO_MESSAGE);
	struct child_call call = {.verb = "commit", .request = q};

	if (check_task(c->task, err) < 0 || check_author(c, err) < 0 ||
		make_message(c, &message, err) < 0)
		return -1;
	CLEANUP(mem) char *ref = mem_printf("refs/boxwright/%s", c->task);
	json_put(q, "ref", json_str(ref));
	json_put(q, "base", json_str(c->base));
	json_put(q, "merge", json_str(c->merge));
	json_put(q, "tree", json_str(c->tree));
	json_put(q, "author_name", json_str(c->author_name));
	json_put(q, "author_email", json_str(c->author_email));
	json_put(q, "time_s", json_integer(c->time_s));
	json_put(q, "message", json_text(message.data, message.len));
	if (repo_call(repos, &call, &r, cancel, err) < 0)
		return -1;
	return repo_take_oid(r, "commit", ret_oid, err);
}

/* ---- 6. a change on another base ---- */

void repo_replayed_release(struct repo_replayed *replayed)
{
	free(replayed->conflicts);
	free(replayed->person);
	*replayed = (struct repo_replayed){0};
}

int repo_replay(struct repos *repos, const struct repo_replay *replay,
	struct repo_replayed *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "replay", replay->repo_id);
	CLEANUP(json) json_t *r = NULL;
	struct repo_replayed found = {0};
	struct child_call call = {.verb = "replay", .request = q};

	json_put(q, "onto", json_str(replay->onto));
	json_put(q, "change", json_str(replay->change));
	json_put(q, "own_email", json_str(replay->own_email));
	if (repo_call(repos, &call, &r, cancel, err) < 0 ||
		repo_take_oid(r, "base", found.base, err) < 0 ||
		repo_take_oid(r, "tree", found.tree, err) < 0)
		return -1;
	found.up_to_date = json_or_bool(r, "up_to_date", false);
	found.empty = json_or_bool(r, "empty", false);
	found.nconflicts = json_or_int(r, "nconflicts", 0);
	found.clean = found.nconflicts == 0;
	found.commits = json_or_int(r, "commits", 0);
	str_copy(found.person_commit, sizeof found.person_commit,
		json_or_string(r, "person_commit", ""));
	found.conflicts = mem_strdup(json_or_string(r, "conflicts", ""));
	found.person = mem_strdup(json_or_string(r, "person", ""));
	*ret = found;
	return 0;
}

/* ---- 7. the push ---- */

int repo_push(struct repos *repos, const struct repo_push *push, struct repo_pushed *ret,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *q = repo_request(repos, "push", push->remote->repo_id);
	CLEANUP(json) json_t *r = NULL;
	struct child_call call = {
		.verb = "push",
		.request = q,
		.token = push->remote->token,
		.limit_ms = repos->push_ms,
	};

	if (!branch_is_valid(push->branch))
		return err_set(err, ERR_INPUT,
			"the branch to push is not a name that git allows");
	repo_request_net(repos, q, push->remote);
	json_put(q, "commit", json_str(push->commit));
	json_put(q, "branch", json_str(push->branch));
	json_put(q, "expected", json_str(push->expected));
	*ret = (struct repo_pushed){.found = REPO_OID_ZERO};
	int rc = repo_call(repos, &call, &r, cancel, err);
	/* A refused push tells where the branch stands, too. */
	str_copy(
		ret->found, sizeof ret->found, json_or_string(r, "found", REPO_OID_ZERO));
	ret->already = json_or_bool(r, "already", false);
	return rc;
}
