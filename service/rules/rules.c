/* SPDX-License-Identifier: MIT */
/*
 * A repository's file over its owner's defaults: read, remembered for a while, merged.
 *
 * A text that is not there is remembered too.  What GitHub could not tell is not: the next
 * caller asks again.
 */
#include "service/rules/rules.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <string.h>

#define OWNER_REPOSITORY ".github"

struct remembered {
	struct github *github; /* of which service of this process */
	char *name;            /* "owner/name"; NULL: a free place */
	char *text;            /* NULL: there is no file */
	size_t len;
	int64_t until_ms; /* monotonic */
};

static struct lock remembered_lock = LOCK_INIT;
static struct remembered remembered[LIMIT_RULES_CACHED];

static void forget(struct remembered *at)
{
	free(at->name);
	free(at->text);
	*at = (struct remembered){0};
}

/* True when it is known; *ret_text is a copy, NULL for a file that is not there. */
static bool recall(
	const struct github *github, const char *name, char **ret_text, size_t *ret_len)
{
	LOCKED(&remembered_lock);
	for (size_t i = 0; i < ARRAY_LEN(remembered); i++) {
		struct remembered *at = &remembered[i];

		if (!at->name || at->github != github || !str_eq_nocase(at->name, name))
			continue;
		if (at->until_ms <= clock_mono_ms()) {
			forget(at);
			return false;
		}
		*ret_text = at->text ? mem_strndup(at->text, at->len) : NULL;
		*ret_len = at->len;
		return true;
	}
	return false;
}

static void remember(struct github *github, const char *name, const char *text,
	size_t len, int64_t life_ms)
{
	struct remembered *place = &remembered[0];

	LOCKED(&remembered_lock);
	for (size_t i = 0; i < ARRAY_LEN(remembered); i++) {
		struct remembered *at = &remembered[i];

		if (at->name && at->github == github && str_eq_nocase(at->name, name)) {
			place = at;
			break;
		}
		if (at->until_ms < place->until_ms) /* a free place is the oldest */
			place = at;
	}
	forget(place);
	*place = (struct remembered){.github = github,
		.name = mem_strdup(name),
		.text = text ? mem_strndup(text, len) : NULL,
		.len = len,
		.until_ms = clock_mono_ms() + life_ms};
}

void rules_forget(const char *owner, const char *name)
{
	CLEANUP(mem) char *full = mem_printf("%s/%s", owner, name);

	LOCKED(&remembered_lock);
	for (size_t i = 0; i < ARRAY_LEN(remembered); i++)
		if (remembered[i].name && str_eq_nocase(remembered[i].name, full))
			forget(&remembered[i]);
}

/* The file of a repository's default branch by the API.  *ret_text NULL: there is none. */
static int fetch(const struct rules_from *from, const struct github_repo *repo,
	char **ret_text, size_t *ret_len, struct cancel *cancel, struct err *err)
{
	CLEANUP(mem) char *name = mem_printf("%s/%s", repo->owner, repo->name);
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);
	int64_t life_ms = from->config->github_rules_cache_s * 1000;

	if (recall(from->github, name, ret_text, ret_len))
		return 0;
	*ret_text = NULL;
	*ret_len = 0;
	if (github_file_get(from->github, repo, REPO_CONFIG_PATH, NULL, LIMIT_CONFIG,
		    &text, cancel, err) == 0) {
		*ret_text = mem_strndup(strbuf_str(&text), text.len);
		*ret_len = text.len;
	} else if (err->kind == ERR_NOT_FOUND) {
		*err = (struct err){0};
	} else {
		return err_wrap(err, "read %s of %s", REPO_CONFIG_PATH, name);
	}
	if (life_ms > 0)
		remember(from->github, name, *ret_text, *ret_len, life_ms);
	return 0;
}

/* An owner's repository that the App was not given is as good as none: GitHub answers a
 * request for its token with 422. */
static int fetch_owner(const struct rules_from *from, const struct github_repo *repo,
	char **ret_text, size_t *ret_len, struct cancel *cancel, struct err *err)
{
	struct github_repo owner = {.installation_id = repo->installation_id,
		.owner = repo->owner,
		.name = OWNER_REPOSITORY};
	CLEANUP(mem) char *name = mem_printf("%s/%s", owner.owner, owner.name);

	if (str_eq_nocase(repo->name, OWNER_REPOSITORY)) /* is its own */
		return 0;
	if (fetch(from, &owner, ret_text, ret_len, cancel, err) == 0)
		return 0;
	if (err->kind != ERR_INPUT && err->kind != ERR_DENIED && err->kind != ERR_LIMIT)
		return -1;
	*err = (struct err){0};
	if (from->config->github_rules_cache_s > 0)
		remember(from->github, name, NULL, 0,
			from->config->github_rules_cache_s * 1000);
	return 0;
}

int rules_over_owner(const struct rules_from *from, const struct github_repo *repo,
	const char *text, size_t len, struct repo_config *ret, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(mem) char *above = NULL;
	size_t above_len = 0;

	if (fetch_owner(from, repo, &above, &above_len, cancel, err) < 0)
		return -1;
	CLEANUP(mem)
	char *name =
		mem_printf("%s/%s:%s", repo->owner, OWNER_REPOSITORY, REPO_CONFIG_PATH);
	struct repo_config_source owner = {name, above, above_len};
	struct repo_config_source own = {REPO_CONFIG_PATH, text, len};
	return repo_config_merge(ret, from->config, &owner, &own, err);
}

static int read_mirror(const struct rules_from *from, const struct github_repo *repo,
	const char *oid, char **ret_text, size_t *ret_len, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);

	if (repo_file_read(from->repos, repo->id, oid, REPO_CONFIG_PATH, LIMIT_CONFIG,
		    &text, cancel, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return err_wrap(err, "read %s", REPO_CONFIG_PATH);
		*err = (struct err){0};
		return 0;
	}
	*ret_text = mem_strndup(strbuf_str(&text), text.len);
	*ret_len = text.len;
	return 0;
}

int rules_read(const struct rules_from *from, const struct github_repo *repo,
	const char *oid, struct repo_config *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(mem) char *text = NULL;
	size_t len = 0;

	if ((oid ? read_mirror(from, repo, oid, &text, &len, cancel, err)
		 : fetch(from, repo, &text, &len, cancel, err)) < 0)
		return -1;
	return rules_over_owner(from, repo, text, len, ret, cancel, err);
}
