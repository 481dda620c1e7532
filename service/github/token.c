/* SPDX-License-Identifier: MIT */
/* Installation tokens: narrowed to one repository and purpose, kept while they live. */
#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/parse.h"
#include "service/github/token.h"

#include <string.h>

enum {
	MARGIN_S = 300,     /* a token that is handed out lives at least this long */
	LIFE_MAX_S = 86400, /* GitHub says one hour; more than a day is nonsense */
};

struct token {
	int64_t installation;
	int64_t repo;
	enum github_purpose purpose;
	int64_t until_ms; /* monotonic; 0: free slot */
	struct secret value;
};

struct token_cache {
	struct lock lock;
	struct token slots[TOKENS_MAX];
};

struct permission {
	const char *name;
	const char *level;
};

/* What each purpose needs and nothing more; metadata: read comes with every token. */
static const struct permission purposes[][4] = {
	[GITHUB_READ] = {{"metadata", "read"}, {"issues", "read"},
		{"pull_requests", "read"}, {NULL, NULL}},
	[GITHUB_CLONE] = {{"contents", "read"}, {NULL, NULL}},
	[GITHUB_COMMENT] = {{"issues", "write"}, {"pull_requests", "write"},
		{NULL, NULL}},
	[GITHUB_CHECK] = {{"checks", "write"}, {NULL, NULL}},
	[GITHUB_LOG] = {{"actions", "read"}, {NULL, NULL}},
	[GITHUB_PULL] = {{"pull_requests", "write"}, {"contents", "read"}, {NULL, NULL}},
	[GITHUB_PUBLISH] = {{"contents", "write"}, {"pull_requests", "write"},
		{NULL, NULL}},
};

struct token_cache *token_cache_new(void)
{
	struct token_cache *cache = mem_zalloc(sizeof *cache);

	lock_init(&cache->lock);
	return cache;
}

static void slot_clear(struct token *slot)
{
	secret_release(&slot->value);
	*slot = (struct token){0};
}

void token_cache_free(struct token_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < TOKENS_MAX; i++)
		slot_clear(&cache->slots[i]);
	lock_release(&cache->lock);
	free(cache);
}

static struct token *slot_find(struct token_cache *cache, const struct github_repo *repo,
	enum github_purpose purpose)
{
	lock_assert_held(&cache->lock);
	for (size_t i = 0; i < TOKENS_MAX; i++) {
		struct token *slot = &cache->slots[i];

		if (slot->until_ms != 0 && slot->installation == repo->installation_id &&
			slot->repo == repo->id && slot->purpose == purpose)
			return slot;
	}
	return NULL;
}

static bool cache_get(struct token_cache *cache, const struct github_repo *repo,
	enum github_purpose purpose, struct secret *ret)
{
	LOCKED(&cache->lock);
	struct token *slot = slot_find(cache, repo, purpose);

	if (!slot)
		return false;
	if (slot->until_ms <= clock_mono_ms()) {
		slot_clear(slot);
		return false;
	}
	secret_copy(ret, &slot->value);
	return true;
}

/* Free slots first, then the token that dies first. */
static struct token *slot_room(struct token_cache *cache)
{
	struct token *first = &cache->slots[0];

	lock_assert_held(&cache->lock);
	for (size_t i = 1; i < TOKENS_MAX; i++)
		if (cache->slots[i].until_ms < first->until_ms)
			first = &cache->slots[i];
	return first;
}

static void cache_put(struct token_cache *cache, const struct github_repo *repo,
	enum github_purpose purpose, const struct secret *value, int64_t life_s)
{
	if (life_s <= MARGIN_S)
		return;
	LOCKED(&cache->lock);
	struct token *slot = slot_find(cache, repo, purpose);

	if (!slot)
		slot = slot_room(cache);
	slot_clear(slot);
	slot->installation = repo->installation_id;
	slot->repo = repo->id;
	slot->purpose = purpose;
	slot->until_ms = clock_mono_ms() + (life_s - MARGIN_S) * 1000;
	secret_copy(&slot->value, value);
}

void token_drop(struct github *gh, const struct github_repo *repo,
	enum github_purpose purpose, const struct secret *token)
{
	LOCKED(&gh->tokens->lock);
	struct token *slot = slot_find(gh->tokens, repo, purpose);

	/* Another thread may have put a fresh one there already. */
	if (slot && slot->value.len == token->len &&
		memcmp(slot->value.value, token->value, token->len) == 0)
		slot_clear(slot);
}

void github_token_forget(struct github *gh, int64_t installation_id)
{
	LOCKED(&gh->tokens->lock);
	for (size_t i = 0; i < TOKENS_MAX; i++)
		if (gh->tokens->slots[i].installation == installation_id)
			slot_clear(&gh->tokens->slots[i]);
}

static json_t *wanted(const struct github_repo *repo, enum github_purpose purpose)
{
	json_t *body = json_object();
	json_t *which = json_array();
	json_t *permissions = json_object();

	json_array_append_new(
		which, repo->id > 0 ? json_integer(repo->id) : json_str(repo->name));
	for (const struct permission *p = purposes[purpose]; p->name; p++)
		json_put(permissions, p->name, json_str(p->level));
	json_put(body, repo->id > 0 ? "repository_ids" : "repositories", which);
	json_put(body, "permissions", permissions);
	return body;
}

/* Token and seconds that it lives, by GitHub's own clock. */
static int token_read(struct github *gh, const struct reply *reply,
	struct secret *ret_token, int64_t *ret_life_s, struct err *err)
{
	const char *value = json_need_string(reply->json, "token", err);
	int64_t expires = 0;

	if (!value || parse_time(reply->json, "expires_at", &expires, err) < 0)
		return err_wrap(err, "GitHub's installation token");
	/* It goes into a header: printable ASCII, and no room for surprises. */
	size_t len = strlen(value);
	if (len == 0 || len > LIMIT_SECRET)
		return err_set(err, ERR_INTERNAL,
			"GitHub's installation token has %zu bytes, at most %lu are "
			"taken",
			len, LIMIT_SECRET);
	for (size_t i = 0; i < len; i++)
		if (value[i] <= ' ' || value[i] > '~')
			return err_set(err, ERR_INTERNAL,
				"GitHub's installation token holds bytes that no token "
				"has");
	secret_set(ret_token, value, len);
	int64_t now = reply->date_s ? reply->date_s : github_now_s(gh);
	*ret_life_s = expires - now;
	if (*ret_life_s > LIFE_MAX_S)
		*ret_life_s = LIFE_MAX_S;
	return 0;
}

int token_take(struct github *gh, const struct github_repo *repo,
	enum github_purpose purpose, struct secret *ret_token, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_APP);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *body = NULL;
	int64_t life_s = 0;

	/* Without the id (a name that a person typed) nothing is kept. */
	bool keep = purpose != GITHUB_PUBLISH && repo->id > 0;

	if (repo->installation_id <= 0 || (repo->id <= 0 && str_empty(repo->name)))
		return err_set(err, ERR_INPUT,
			"a token needs the ids of an installation and a repository");
	if (keep && cache_get(gh->tokens, repo, purpose, ret_token))
		return 0;
	call_path(&call, "/app/installations/");
	call_path_number(&call, repo->installation_id);
	call_path(&call, "/access_tokens");
	body = wanted(repo, purpose);
	call.body = body;
	if (call_send(gh, &call, &reply, cancel, err) < 0) {
		if (reply.status == 404)
			return err_set(err, ERR_NOT_FOUND,
				"the App is not installed there any more: GitHub knows "
				"no "
				"installation %lld (404)",
				(long long)repo->installation_id);
		/* Installed before the App asked for this: its owner has to agree first. */
		if (reply.refused.no_grant)
			err->kind = ERR_DENIED;
		return err_wrap(err, "token for installation %lld",
			(long long)repo->installation_id);
	}
	if (token_read(gh, &reply, ret_token, &life_s, err) < 0)
		return -1;
	if (keep)
		cache_put(gh->tokens, repo, purpose, ret_token, life_s);
	return 0;
}

int token_wide(struct github *gh, int64_t installation_id, struct secret *ret_token,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_APP);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(json) json_t *body = json_object();
	json_t *permissions = json_object();
	int64_t life_s = 0;

	json_put(permissions, "metadata", json_str("read"));
	json_put(body, "permissions", permissions);
	call_path(&call, "/app/installations/");
	call_path_number(&call, installation_id);
	call_path(&call, "/access_tokens");
	call.body = body;
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		token_read(gh, &reply, ret_token, &life_s, err) < 0)
		return err_wrap(
			err, "token for installation %lld", (long long)installation_id);
	return 0;
}

int github_token(struct github *gh, const struct github_repo *repo,
	enum github_purpose purpose, struct secret *ret_token, struct cancel *cancel,
	struct err *err)
{
	return token_take(gh, repo, purpose, ret_token, cancel, err);
}

int github_token_revoke(struct github *gh, const struct secret *token,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("DELETE", CALL_TOKEN);
	CLEANUP(reply) struct reply reply = {0};
	struct err failed = {0};

	call_path(&call, "/installation/token");
	call.token = token;
	if (call_send(gh, &call, &reply, cancel, &failed) == 0 || reply.status == 401)
		return 0;
	*err = failed;
	return err_wrap(err, "revoking a token");
}
