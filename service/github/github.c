/* SPDX-License-Identifier: MIT */
/* Making the client, GitHub's clock, and who the App is. */
#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/app_jwt.h"
#include "service/github/call.h"
#include "service/github/etag.h"
#include "service/github/limiter.h"
#include "service/github/parse.h"
#include "service/github/pool.h"
#include "service/github/token.h"

#include <string.h>

enum { TIMEOUT_S = 60, PER_MINUTE = 60, PER_HOUR = 400 };

static int check_url(const char *url, bool plain_http, struct err *err)
{
	if (!str_starts(url, "https://") && !(plain_http && str_starts(url, "http://")))
		return err_set(err, ERR_INPUT,
			"the address of GitHub's API must begin with https://");
	if (strlen(url) >= GITHUB_URL_SIZE)
		return err_set(err, ERR_INPUT,
			"the address of GitHub's API has more than %d bytes",
			GITHUB_URL_SIZE - 1);
	for (const char *c = url; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '?' || *c == '#')
			return err_set(err, ERR_INPUT,
				"the address of GitHub's API has a character that is not "
				"allowed: it must be like https://HOST/api/v3");
	return 0;
}

static struct limiter *make_limiter(const struct github_options *options)
{
	struct limiter_rules rules = {
		.gap_ms = options->write_gap_ms,
		.per_minute = options->writes_per_minute > 0 ? options->writes_per_minute
							     : PER_MINUTE,
		.per_hour = options->writes_per_hour > 0 ? options->writes_per_hour
							 : PER_HOUR,
		.minute_ms = options->minute_ms,
	};

	return limiter_new(&rules);
}

/* Signs once with it: a bad key is found now. */
static int take_key(
	struct github *gh, const struct github_options *options, struct err *err)
{
	CLEANUP(secret) struct secret proof = {0};

	if (options->app_id <= 0)
		return err_set(err, ERR_INPUT, "the App's id must be a number above 0");
	if (options->private_key)
		secret_copy(&gh->key, options->private_key);
	else if (!options->private_key_file ||
		 secret_read_file(&gh->key, options->private_key_file, err) < 0)
		return options->private_key_file
			       ? err_wrap(err, "the App's private key")
			       : err_set(err, ERR_INPUT,
					 "the App's private key is missing");
	return app_jwt_make(&proof, options->app_id, &gh->key, clock_wall_s(), err);
}

int github_new(
	struct github **ret_gh, const struct github_options *options, struct err *err)
{
	CLEANUP(github) struct github *gh = mem_zalloc(sizeof *gh);
	const char *url = options->api_url ? options->api_url : "https://api.github.com";
	struct http_peer peer = {
		.ca_file = options->ca_file, .plain_http = options->plain_http};

	lock_init(&gh->lock);
	if (check_url(url, options->plain_http, err) < 0)
		return -1;
	if (!options->no_app && take_key(gh, options, err) < 0)
		return -1;
	size_t len = strlen(url);
	while (len > 0 && url[len - 1] == '/')
		len--;
	gh->api_url = mem_strndup(url, len);
	gh->app_id = options->app_id;
	gh->timeout_ms = (options->timeout_s > 0 ? options->timeout_s : TIMEOUT_S) * 1000;
	gh->plain_http = options->plain_http;
	gh->user_agent =
		mem_strdup(options->user_agent ? options->user_agent : "boxwright");
	gh->api_version =
		mem_strdup(options->api_version ? options->api_version : "2022-11-28");
	gh->pool = client_pool_new(&peer, CLIENTS_MAX);
	gh->limiter = make_limiter(options);
	gh->tokens = token_cache_new();
	gh->etags = etags_new();
	*ret_gh = TAKE(gh);
	return 0;
}

void github_free(struct github *gh)
{
	if (!gh)
		return;
	client_pool_free(gh->pool);
	limiter_free(gh->limiter);
	token_cache_free(gh->tokens);
	etags_free(gh->etags);
	secret_release(&gh->key);
	lock_release(&gh->lock);
	free(gh->api_url);
	free(gh->user_agent);
	free(gh->api_version);
	free(gh);
}

bool github_may_edit(struct github *gh, const struct github_repo *repo)
{
	return limiter_spare(gh->limiter, repo->installation_id, clock_mono_ms());
}

int64_t github_closed_ms(struct github *gh, const struct github_repo *repo)
{
	return limiter_closed(gh->limiter, repo->installation_id, clock_mono_ms());
}

int64_t github_now_s(struct github *gh)
{
	LOCKED(&gh->lock);
	return clock_wall_s() + gh->skew_s;
}

void github_learn_date(struct github *gh, int64_t date_s)
{
	if (date_s <= 0)
		return;
	LOCKED(&gh->lock);
	gh->skew_s = date_s - clock_wall_s();
}

/* ---- who we are ------------------------------------------------------------ */

static int ask_slug(
	struct github *gh, struct github_app *app, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_APP);
	CLEANUP(reply) struct reply reply = {0};

	call_path(&call, "/app");
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_id(reply.json, "id", &app->app_id, err) < 0 ||
		parse_text(reply.json, "slug", app->slug, sizeof app->slug, err) < 0)
		return err_wrap(err, "the App %lld", (long long)gh->app_id);
	if (app->app_id != gh->app_id)
		return err_set(err, ERR_INTERNAL,
			"GitHub says that the key is of App %lld, not %lld",
			(long long)app->app_id, (long long)gh->app_id);
	return 0;
}

/* A token of any installation: an answer for those who may not ask as nobody (a private
 * GHES, or a shared address whose 60 calls an hour are used up). */
static int any_token(struct github *gh, struct secret *ret_token, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call list = CALL_INIT("GET", CALL_APP);
	CLEANUP(reply) struct reply listed = {0};
	int64_t id = 0;

	call_path(&list, "/app/installations?per_page=1");
	if (call_send(gh, &list, &listed, cancel, err) < 0)
		return -1;
	if (parse_id(json_array_get(listed.json, 0), "id", &id, err) < 0)
		return err_set(err, ERR_NOT_FOUND, "the App is not installed anywhere");
	return token_wide(gh, id, ret_token, cancel, err);
}

static int ask_bot(struct github *gh, struct github_app *app, const struct secret *token,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(call)
	struct call call = CALL_INIT("GET", token ? CALL_TOKEN : CALL_ANYONE);
	CLEANUP(reply) struct reply reply = {0};
	char login[GITHUB_LOGIN_SIZE + 8];

	snprintf(login, sizeof login, "%s[bot]", app->slug);
	call_path(&call, "/users/");
	call_path_text(&call, login);
	call.token = token;
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return -1;
	if (parse_user(reply.json, NULL, &app->bot, err) < 0)
		return -1;
	if (app->bot.id <= 0 || !str_eq_nocase(app->bot.login, login))
		return err_set(
			err, ERR_INTERNAL, "GitHub's answer is not about %s", login);
	return 0;
}

int github_app_self(
	struct github *gh, struct github_app *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(secret) struct secret token = {0};
	struct github_app app = {0};
	struct err as_nobody = {0};

	{
		LOCKED(&gh->lock);
		*ret = gh->app;
	}
	if (ret->bot.id > 0)
		return 0;
	if (ask_slug(gh, &app, cancel, err) < 0)
		return -1;
	if (ask_bot(gh, &app, NULL, cancel, &as_nobody) < 0 &&
		(any_token(gh, &token, cancel, err) < 0 ||
			ask_bot(gh, &app, &token, cancel, err) < 0))
		return err_wrap(err, "the bot user of App %s", app.slug);
	LOCKED(&gh->lock);
	gh->app = app;
	*ret = app;
	return 0;
}

int github_installation_find(struct github *gh, const char *owner, const char *name,
	int64_t *ret_installation_id, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_APP);
	CLEANUP(reply) struct reply reply = {0};
	struct github_repo repo = {.owner = owner, .name = name};

	if (call_path_repo(&call, &repo, err) < 0)
		return -1;
	call_path(&call, "/installation");
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_id(reply.json, "id", ret_installation_id, err) < 0)
		return err_wrap(err, "the installation for %s/%s", owner, name);
	return 0;
}
