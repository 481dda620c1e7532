/* SPDX-License-Identifier: MIT */
/* Who may, as the configuration says it: verbs, roles, outsiders, bots. */
#include "service/config/repo_config-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

static const struct {
	const char *verb;
	enum repo_config_verb as;
} verbs[] = {
	{"fix", REPO_CONFIG_FIX},
	{"ask", REPO_CONFIG_ASK},
	{"plan", REPO_CONFIG_PLAN},
	{"review", REPO_CONFIG_REVIEW},
	{"test", REPO_CONFIG_TEST},
	{"rebase", REPO_CONFIG_REBASE},
	{"undo", REPO_CONFIG_UNDO},
	{"approve", REPO_CONFIG_APPROVE},
	{"reject", REPO_CONFIG_APPROVE},
	{"budget", REPO_CONFIG_BUDGET},
	{"cancel", REPO_CONFIG_CANCEL},
	{"retry", REPO_CONFIG_RETRY},
	{"dashboard", REPO_CONFIG_DASHBOARD},
	{"status", REPO_CONFIG_STATUS},
	{"help", REPO_CONFIG_HELP},
	{"unknown", REPO_CONFIG_HELP},
};

/* A verb that is not in the list is one of those that change something. */
static enum repo_config_verb verb_of(const char *verb)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq(verbs[i].verb, verb))
			return verbs[i].as;
	return REPO_CONFIG_FIX;
}

/* From least to most; "nobody" is above all. */
static int rank(const char *role)
{
	static const char *const roles[] = {
		"none", "read", "triage", "write", "maintain", "admin", "nobody"};

	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (str_eq(roles[i], role))
			return (int)i;
	return (int)ARRAY_LEN(roles); /* doubt is a no */
}

const char *repo_config_least_role(
	enum repo_config_verb verb, const struct config *service)
{
	bool reads = verb == REPO_CONFIG_ASK || verb == REPO_CONFIG_STATUS ||
		     verb == REPO_CONFIG_HELP;

	return reads ? service->allow_read : service->allow_change;
}

const char *repo_config_bounded(
	enum repo_config_verb verb, const char *said, const struct config *service)
{
	const char *floor = repo_config_least_role(verb, service);

	return rank(said) > rank(floor) ? said : floor;
}

void repo_config_let_bot(
	struct repo_config *rc, const struct config *service, const char *id)
{
	for (size_t i = 0; i < service->github_allow_bots.count; i++)
		if (str_eq(service->github_allow_bots.items[i], id))
			settings_list_add(&rc->bots, id, strlen(id));
}

void repo_config_lock(struct repo_config *rc, const char *why)
{
	free(rc->broken);
	rc->broken = mem_strdup(why);
	for (size_t i = 0; i < ARRAY_LEN(rc->roles); i++) {
		if (rank(rc->roles[i]) >= rank("admin"))
			continue;
		free(rc->roles[i]);
		rc->roles[i] = mem_strdup("admin");
	}
	settings_list_release(&rc->outsiders);
	settings_list_release(&rc->bots);
}

const char *repo_config_role(const struct repo_config *rc, const char *verb)
{
	return rc->roles[verb_of(verb)];
}

bool repo_config_outsider_may(const struct repo_config *rc, const char *verb)
{
	if (str_eq(verb, "unknown"))
		verb = "help";
	for (size_t i = 0; i < rc->outsiders.count; i++)
		if (str_eq(rc->outsiders.items[i], verb))
			return true;
	return false;
}

bool repo_config_bot_may(const struct repo_config *rc, int64_t user_id)
{
	int64_t id;

	for (size_t i = 0; i < rc->bots.count; i++)
		if (str_to_i64(rc->bots.items[i], 1, INT64_MAX, &id) && id == user_id)
			return true;
	return false;
}
