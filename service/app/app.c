/* SPDX-License-Identifier: MIT */
/*
 * Opening everything in its order, and closing it in the other.
 *
 * Order: store (and what a former process left), engine, repositories, relay, GitHub, boxes,
 * public URLs; then the server, so that nothing is accepted before it can be worked on;
 * workers and janitor.
 */
#define LOG_MODULE "app"
#include "service/app/app.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/file.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "boxcore/engine/engine.h"
#include "service/app/janitor.h"
#include "service/app/signals.h"
#include "service/app/workers.h"
#include "service/box/boxes.h"
#include "service/http/server.h"
#include "service/jobs/jobs.h"
#include "service/preview/preview.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OPEN_MS 60000
#define ASK_MS 10000

struct app {
	const struct config *config;
	char *state_dir;
	char instance[33]; /* of this process: leases begin with it */
	struct cancel *stop;
	struct store *store;
	struct boxcore *core;
	struct repos *repos;
	struct relay *relay;
	struct github *github;
	struct github_app self;
	struct boxes *boxes;
	struct previews *previews;
	struct task_env env;
	struct workers *workers;
	struct janitor *janitor;
	struct http_app http;
	int64_t *bots;           /* user ids; http.triggers looks at them */
	struct lock server_lock; /* the store's thread wakes it while we close */
	struct server *server;
};

char *app_state_dir(const struct config *config)
{
	const char *home = getenv("HOME"); /* allowed: where a user's state belongs */

	if (!str_empty(config->state_dir))
		return mem_strdup(config->state_dir);
	if (geteuid() == 0 || str_empty(home))
		return mem_strdup("/var/lib/boxwright");
	return mem_printf("%s/.local/state/boxwright", home);
}

static bool plain(const char *url)
{
	return str_starts(url, "http://");
}

static const char *or_null(const char *text)
{
	return str_empty(text) ? NULL : text;
}

int app_open_boxes(const struct config *config, const char *instance,
	struct boxcore **ret_core, struct cancel *cancel, struct err *err)
{
	struct boxcore_options options = {
		.engine = or_null(config->engine_url),
		.tls_dir = or_null(config->engine_tls_dir),
		.instance = instance,
		.runtime = or_null(config->engine_runtime),
	};

	return boxcore_open(ret_core, &options, cancel, err);
}

/* ---- opening ---- */

/* Rows that event streams show have changed. */
static void wake_streams(void *arg, const struct store_change *change)
{
	struct app *app = arg;

	(void)change;
	LOCKED(&app->server_lock);
	if (app->server)
		server_wake(app->server);
}

/* What nobody waited for, so that nobody else can say it. */
static void tell_lost(void *arg, const char *what, int64_t count, const struct err *err)
{
	(void)arg;
	log_error("%lld changes are lost, the last of them: %s: %s", (long long)count,
		what, err->text);
}

static int open_store(struct app *app, struct err *err)
{
	struct store_recovered recovered;
	CLEANUP(strbuf) struct strbuf key = STRBUF_INIT(LIMIT_SECRET);
	char fresh[TASK_MARKER_KEY_SIZE + 1];

	if (file_mkdirs(app->state_dir, 0700, err) < 0)
		return -1;
	if (store_open(&app->store, app->state_dir, err) < 0)
		return -1;
	store_on_lost(app->store, tell_lost, NULL);
	if (store_recover(app->store, app->instance, clock_wall_ms(), &recovered,
		    app->stop, err) < 0)
		return err_wrap(err, "take up the tasks of the last run");
	if (recovered.ready + recovered.failed > 0)
		log_info("taken up from the last run: ready=%lld given_up=%lld",
			(long long)recovered.ready, (long long)recovered.failed);
	crypto_random_hex(fresh, TASK_MARKER_KEY_SIZE / 2);
	if (store_setting_once(app->store, "marker_key", fresh, &key, app->stop, err) < 0)
		return -1;
	if (key.len != TASK_MARKER_KEY_SIZE)
		return err_set(err, ERR_INTERNAL, "the stored marker key is damaged");
	memcpy(app->env.marker_key, key.data, TASK_MARKER_KEY_SIZE);
	app->env.store = app->store;
	app->env.stop = app->stop;
	app->workers =
		workers_new(&app->env, app->instance, (int)app->config->task_workers);
	store_on_change(app->store, workers_on_change, app->workers);
	store_on_change(app->store, wake_streams, app);
	return 0;
}

/* Boxes belong to a database: two services on one engine must not touch each other's. */
static int open_engine(struct app *app, struct err *err)
{
	CLEANUP(strbuf) struct strbuf name = STRBUF_INIT(64);
	CLEANUP(cancel) struct cancel *limit = cancel_new(app->stop);
	char fresh[9];

	crypto_random_hex(fresh, 4);
	if (store_setting_once(app->store, "instance", fresh, &name, app->stop, err) < 0)
		return -1;
	log_info("what it makes on the Engine has the label boxwright.instance=%s",
		strbuf_str(&name));
	cancel_deadline(limit, OPEN_MS, "the limit for opening the Engine");
	if (app_open_boxes(app->config, strbuf_str(&name), &app->core, limit, err) < 0)
		return err_wrap(err, "Docker Engine");
	return 0;
}

static int open_repos(struct app *app, struct err *err)
{
	struct repos_options options = {
		.state_dir = app->state_dir,
		.ca_file = or_null(app->config->ca_bundle),
		.plain_http = plain(app->config->github_web_url),
		.fetch_ms = app->config->github_git_timeout_s * 1000,
		.push_ms = app->config->github_git_timeout_s * 1000,
	};

	app->repos = repos_new(&options, err);
	return app->repos ? 0 : -1;
}

static int open_relay(struct app *app, struct err *err)
{
	const struct config *config = app->config;
	size_t nprices = config->model_prices.count;
	CLEANUP(mem)
	struct relay_price *prices = mem_array(nprices, sizeof *prices);
	for (size_t i = 0; i < nprices; i++) {
		const struct config_price *p = &config->model_prices.items[i];
		prices[i] = (struct relay_price){
			p->model, p->input, p->output, p->cache_read, p->cache_write};
	}
	struct relay_options options = {
		.providers =
			{
				[RELAY_ANTHROPIC] =
					{.base_url = config->model_anthropic_base_url,
						.key = &config->model_anthropic_key,
						.setting = "model.anthropic.key_file",
						.ca_file = or_null(config->ca_bundle),
						.plain_http = plain(
							config->model_anthropic_base_url)},
				[RELAY_OPENAI] = {.base_url =
							  config->model_openai_base_url,
					.key = &config->model_openai_key,
					.setting = "model.openai.key_file",
					.ca_file = or_null(config->ca_bundle),
					.plain_http =
						plain(config->model_openai_base_url)},
			},
		.prices = prices,
		.nprices = nprices,
		.silence_ms = config->model_timeout_s * 1000,
	};
	return relay_open(&app->relay, &options, err);
}

/* Who we are decides what a mention is and whose comments are our own.  When GitHub does not
 * answer now, deliveries are accepted all the same. */
static void ask_who_we_are(struct app *app)
{
	CLEANUP(cancel) struct cancel *limit = cancel_new(app->stop);
	const struct config *config = app->config;
	struct err err = {0};

	cancel_deadline(limit, ASK_MS, "the limit for asking who we are");
	if (github_app_self(app->github, &app->self, limit, &err) < 0) {
		log_warn("GitHub did not tell who we are, so mentions are those of "
			 "github.slug; `boxwright doctor` tells what to do: %s",
			err.text);
		str_copy(app->self.slug, sizeof app->self.slug,
			str_empty(config->github_slug) ? "boxwright"
						       : config->github_slug);
	}
	if (!str_empty(config->github_slug))
		str_copy(app->self.slug, sizeof app->self.slug, config->github_slug);
	if (config->github_bot_id > 0)
		app->self.bot.id = config->github_bot_id;
}

static int open_github(struct app *app, struct err *err)
{
	const struct config *config = app->config;
	struct github_options options = {
		.api_url = config->github_api_url,
		.app_id = config->github_app_id,
		.private_key = &config->github_private_key,
		.ca_file = or_null(config->ca_bundle),
		.plain_http = plain(config->github_api_url),
		.timeout_s = (int)config->github_timeout_s,
		.write_gap_ms = config->github_write_spacing_ms,
		.minute_ms = config->github_minute_ms,
	};

	if (github_new(&app->github, &options, err) < 0)
		return err_wrap(err, "GitHub App");
	ask_who_we_are(app);
	return 0;
}

static int open_boxes(struct app *app, struct err *err)
{
	struct boxes_options options = {
		.config = app->config,
		.store = app->store,
		.core = app->core,
		.relay = app->relay,
		.github = app->github,
		.state_dir = app->state_dir,
		.stop = app->stop,
	};

	if (boxes_open(&app->boxes, &options, err) < 0)
		return err_wrap(err, "boxes");
	struct preview_options public = {
		.boxes = app->boxes,
		.store = app->store,
		.config = app->config,
		.stop = app->stop,
	};
	if (previews_open(&app->previews, &public, err) < 0)
		return err_wrap(err, "public URLs");
	return 0;
}

/* ---- what the server calls back ---- */

static int on_retry(void *arg, int64_t task, int64_t *ret_task, struct cancel *cancel,
	struct err *err)
{
	struct app *app = arg;

	return task_again(&app->env, task, "the API", ret_task, cancel, err);
}

static int on_engine_check(void *arg, struct cancel *cancel, struct err *err)
{
	struct app *app = arg;

	return engine_ping(boxcore_engine(app->core), cancel, err);
}

static int read_triggers(struct app *app, struct err *err)
{
	const struct config *config = app->config;
	size_t bot_count = config->github_allow_bots.count;

	app->bots = mem_array(bot_count ? bot_count : 1, sizeof(*app->bots));
	for (size_t i = 0; i < bot_count; i++)
		if (!str_to_i64(config->github_allow_bots.items[i], 1, INT64_MAX,
			    &app->bots[i]))
			return err_set(err, ERR_INPUT,
				"github.allow_bots holds \"%.40s\"; it has to be user "
				"numbers, like 49699333",
				config->github_allow_bots.items[i]);
	app->http.triggers = (struct trigger_config){
		.slug = app->self.slug,
		.app_id = config->github_app_id,
		.bot_user_id = app->self.bot.id,
		.label = or_null(config->github_label),
		.aliases = (const char *const *)config->github_mentions.items,
		.alias_count = config->github_mentions.count,
		.bare_verbs = config->github_bare_verbs,
		.listen = str_eq(config->github_listen, "all")        ? TRIGGER_ALL
			  : str_eq(config->github_listen, "commands") ? TRIGGER_COMMANDS
								      : TRIGGER_REVIEWS,
		.branch_prefix = config->pr_branch_prefix,
		.bots = app->bots,
		.bot_count = bot_count,
	};
	return 0;
}

static int open_server(struct app *app, const char *version, struct err *err)
{
	const struct config *config = app->config;
	struct http_app *http = &app->http;
	CLEANUP(mem) char *address = mem_strdup(config->listen);
	char *colon = strrchr(address, ':');
	uint64_t port;

	if (!colon || !str_to_u64(colon + 1, 0, 65535, &port))
		return err_set(err, ERR_INPUT,
			"listen is \"%s\"; it has to be ADDRESS:PORT, like "
			"127.0.0.1:7331",
			config->listen);
	*colon = '\0';
	size_t len = strlen(address);
	char *host = address;
	if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
	}
	http->store = app->store;
	http->github = app->github;
	http->core = app->core;
	http->boxes = app->boxes;
	http->previews = app->previews;
	http->jobs = app->env.jobs;
	if (read_triggers(app, err))
		return -1;
	for (size_t i = 0;
		i < config->github_webhook_secrets.count && i < SIGNATURE_SECRETS_MAX;
		i++)
		secret_copy(
			&http->hook_secrets[i], &config->github_webhook_secrets.items[i]);
	http->keys = config->api_keys.items;
	http->key_count = config->api_keys.count;
	http->cors_origins = (const char *const *)config->api_cors_origins.items;
	http->cors_count = config->api_cors_origins.count;
	http->version = version;
	http->arg = app;
	http->task_retry = on_retry;
	http->engine_check = on_engine_check;
	struct server_options options = {
		.address = host,
		.port = port ? (int)port : -1,
		.head_ms = config->http_head_ms,
		.body_ms = config->http_body_ms,
	};
	struct server *server = NULL;
	if (server_start(&server, &options, http_routes, http, err) < 0)
		return -1;
	LOCKED(&app->server_lock);
	app->server = server;
	return 0;
}

static int open_all(struct app *app, const char *version, struct err *err)
{
	if (open_store(app, err) < 0 || open_engine(app, err) < 0 ||
		open_repos(app, err) < 0 || open_relay(app, err) < 0 ||
		open_github(app, err) < 0 || open_boxes(app, err) < 0)
		return -1;
	app->env.config = app->config;
	app->env.slug = app->self.slug;
	app->env.github = app->github;
	app->env.repos = app->repos;
	app->env.relay = app->relay;
	app->env.core = app->core;
	struct jobs_options jobs = {
		.config = app->config, .store = app->store, .github = app->github};
	app->env.jobs = jobs_new(&jobs);
	return open_server(app, version, err);
}

static int start_threads(struct app *app, struct err *err)
{
	if (workers_start(app->workers, err) < 0)
		return -1;
	return janitor_start(&app->janitor, &app->env, app->workers, app->boxes, err);
}

static void app_close(struct app *app)
{
	if (app->stop)
		cancel_fire(app->stop, "the service stops");
	lock_take(&app->server_lock);
	struct server *server = TAKE(app->server);
	lock_give(&app->server_lock);
	server_stop(server);
	janitor_stop(app->janitor);
	workers_stop(app->workers);
	previews_close(app->previews);
	boxes_close(app->boxes);
	relay_close(app->relay);
	boxcore_close(app->core);
	repos_free(app->repos);
	jobs_free(app->env.jobs);
	github_free(app->github);
	store_close(app->store);
	workers_free(app->workers);
	for (size_t i = 0; i < SIGNATURE_SECRETS_MAX; i++)
		secret_release(&app->http.hook_secrets[i]);
	cancel_free(app->stop);
	free(app->bots);
	free(app->state_dir);
}
DEFINE_CLEANUP(app, struct app, app_close(value))

int app_run(const struct config *config, const char *version, struct err *err)
{
	CLEANUP(app) struct app app = {.config = config, .server_lock = LOCK_INIT};

	if (signals_block(err) < 0)
		return -1;
	app.state_dir = app_state_dir(config);
	app.stop = cancel_new(NULL);
	crypto_random_hex(app.instance, 16);
	if (open_all(&app, version, err) < 0 || start_threads(&app, err) < 0)
		return -1;
	log_info("ready on port %d as %s, %lld workers, state in %s",
		server_port(app.server), app.self.slug, (long long)config->task_workers,
		app.state_dir);
	printf("listening on %s, port %d\n", config->listen, server_port(app.server));
	fflush(stdout);
	log_info("stops by signal %d", signals_wait());
	return 0;
}
