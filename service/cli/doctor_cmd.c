/* SPDX-License-Identifier: MIT */
/* boxwright doctor: each thing that a service needs, and what to do where it is missing. */
#include "service/cli/cli.h"

#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/boxcore.h"
#include "boxcore/engine/engine.h"
#include "boxcore/net/http_client.h"
#include "service/app/app.h"
#include "service/github/github.h"
#include "service/http/server.h"
#include "service/repo/repo.h"
#include "service/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define CHECK_MS 30000
#define DISK_LOW_BYTES (5LL << 30)
#define DELIVERIES 30 /* that GitHub is asked for */

struct doctor {
	const struct config *config;
	struct cancel *cancel;
	int bad;
};

static void good(const char *what, const char *detail)
{
	printf("  ok    %-14s %s\n", what, detail);
}

static void warn(const char *what, const char *detail)
{
	printf("  note  %-14s %s\n", what, detail);
}

static void bad(struct doctor *d, const char *what, const char *detail, const char *todo)
{
	d->bad++;
	printf("  BAD   %-14s %s\n        %-14s -> %s\n", what, detail, "", todo);
}

static void check_disk(struct doctor *d)
{
	CLEANUP(mem) char *dir = app_state_dir(d->config);
	struct err err = {0};
	struct statvfs fs;

	if (file_mkdirs(dir, 0700, &err) < 0 || statvfs(dir, &fs) < 0) {
		bad(d, "state folder", err.text[0] ? err.text : strerror(errno),
			"set state_dir to a folder that this user may write");
		return;
	}
	int64_t bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	CLEANUP(mem)
	char *text = mem_printf("%s, %lld MiB free", dir, (long long)(bytes >> 20));
	if (bytes < DISK_LOW_BYTES)
		bad(d, "disk", text,
			"free some space: mirrors and the database live there");
	else
		good("disk", text);
}

void cli_versions(FILE *out)
{
	char git[32];

	repo_library_version(git, sizeof git);
	fprintf(out, "  libgit2 %s\n  SQLite %s\n  libmicrohttpd %s\n  %s\n", git,
		store_library_version(), server_library_version(),
		http_library_version());
}

/* Container breakouts by mounts at start were fixed in runc 1.2.8 and 1.3.3; Engines of that
 * time are 28 and newer. */
#define ENGINE_WITH_FIXED_RUNC 28

static void check_engine_version(struct doctor *d, struct engine *engine)
{
	struct engine_info info;
	struct err err = {0};
	uint64_t major = 0;

	if (engine_info(engine, &info, d->cancel, &err) < 0) {
		bad(d, "engine version", err.text, "see why `docker info` fails");
		return;
	}
	char first[8] = "";
	size_t n = strcspn(info.version, ".");
	if (n < sizeof first)
		memcpy(first, info.version, n);
	str_to_u64(first, 0, 1000, &major);
	CLEANUP(mem)
	char *text = mem_printf("%s, API %s, %s on %s, runtime %s, cgroup v%s",
		info.version, engine_api(engine), info.storage_driver, info.backing_fs,
		info.default_runtime, info.cgroup_version);
	good("engine version", text);
	if (major < ENGINE_WITH_FIXED_RUNC)
		warn("engine version",
			"make sure that runc is 1.2.8, 1.3.3 or newer, or that "
			"your distribution has patched CVE-2025-31133");
	if (!info.bridge_filters)
		bad(d, "box network", "net.bridge.bridge-nf-call-iptables is off",
			"turn it on, or boxes on the bridge can reach each other");
	if (!info.live_restore)
		warn("engine", "without \"live-restore\" in daemon.json a restart of the "
			       "Engine ends the agents' runs");
}

static void check_image(struct doctor *d, struct engine *engine)
{
	CLEANUP(engine_image) struct engine_image image = {0};
	const char *name = d->config->box_image;
	struct err err = {0};

	if (engine_image_inspect(engine, name, &image, d->cancel, &err) < 0) {
		bad(d, "box image", err.text,
			"make it with deploy/setup/images.sh, or set box.image to one "
			"that "
			"the engine has");
		return;
	}
	CLEANUP(mem)
	char *text =
		mem_printf("%s, %lld MiB", name, (long long)(image.size_bytes >> 20));
	good("box image", text);
}

static void check_engine(struct doctor *d)
{
	CLEANUP(boxcore) struct boxcore *core = NULL;
	struct err err = {0};

	if (app_open_boxes(d->config, "doctor", &core, d->cancel, &err) < 0) {
		bad(d, "engine", err.text,
			"start Docker, or set engine.url; deploy/setup/engine.sh starts "
			"one");
		return;
	}
	good("engine", "answers, box network and boxinit are in place");
	check_engine_version(d, boxcore_engine(core));
	check_image(d, boxcore_engine(core));
}

/* What GitHub got back when it told us something: it knows whether we can be reached, and
 * whether both have the same webhook secret. */
static void check_deliveries(struct doctor *d, struct github *gh)
{
	struct github_delivery page[DELIVERIES];
	char cursor[GITHUB_CURSOR_SIZE] = "";
	size_t count, failed = 0;
	struct err err = {0};

	if (github_deliveries(
		    gh, false, cursor, page, DELIVERIES, &count, d->cancel, &err) < 0) {
		bad(d, "deliveries", err.text, "ask again");
		return;
	}
	for (size_t i = 0; i < count; i++)
		failed += !page[i].ok;
	CLEANUP(mem)
	char *text = failed ? mem_printf("%zu of the last %zu failed", failed, count)
			    : mem_printf("the last %zu arrived", count);
	if (count == 0)
		warn("deliveries", "GitHub has sent nothing yet: the App is installed "
				   "nowhere, or its "
				   "webhook is not active");
	else if (failed == 0 || page[0].ok)
		good("deliveries", text);
	else if (page[0].status_code == 401)
		bad(d, "deliveries", text,
			"we answered 401: the secret on the App's page and in "
			"github.webhook_secret_file are not the same");
	else if (page[0].status_code == 0 || page[0].status_code >= 500)
		bad(d, "deliveries", text,
			"GitHub does not reach us: look at the webhook URL on the App's "
			"page, "
			"the proxy, its certificate, and whether the service runs");
	else
		bad(d, "deliveries", text,
			"the webhook URL on the App's page has to end in /hooks/github, "
			"and "
			"the proxy must pass it on; App page, Advanced, shows the "
			"answers");
}

static void check_github(struct doctor *d)
{
	const struct config *config = d->config;
	CLEANUP(github) struct github *gh = NULL;
	struct github_app app;
	struct github_options options = {
		.api_url = config->github_api_url,
		.app_id = config->github_app_id,
		.private_key = &config->github_private_key,
		.plain_http = str_starts(config->github_api_url, "http://"),
	};
	struct err err = {0};

	if (github_new(&gh, &options, &err) < 0) {
		bad(d, "App key", err.text,
			"download a private key from the App's page and name it in "
			"github.private_key_file");
		return;
	}
	good("App key", "signs");
	if (github_app_self(gh, &app, d->cancel, &err) < 0) {
		bad(d, "GitHub", err.text,
			err.kind == ERR_DENIED || err.kind == ERR_NOT_FOUND
				? "github.app_id and the private key do not belong "
				  "together, "
				  "or the key was deleted: make a new one on the App's "
				  "page"
				: "this machine has to reach github.api_url");
		return;
	}
	CLEANUP(mem) char *text = mem_printf("we are %s", app.bot.login);
	good("GitHub", text);
	check_deliveries(d, gh);
	CLEANUP(strbuf) struct strbuf lacks = STRBUF_INIT(4096);
	if (github_app_lacks(gh, &lacks, d->cancel, &err) < 0) {
		bad(d, "App settings", err.text, "ask again");
		return;
	}
	if (lacks.len > 0) {
		CLEANUP(mem)
		char *advice = mem_printf("the App lacks %s: add it on the App's page, "
					  "then let each installation accept it",
			strbuf_str(&lacks));
		warn("App settings", advice);
		return;
	}
	good("App settings", "all permissions and events are there");
}

static void check_models(struct doctor *d)
{
	const struct config *config = d->config;
	bool any = secret_is_set(&config->model_anthropic_key) ||
		   secret_is_set(&config->model_openai_key);

	if (any || str_eq(config->agent_harness, "custom"))
		good("model key", any ? "set" : "not needed by a custom agent");
	else
		bad(d, "model key", "neither Anthropic's nor OpenAI's is set",
			"set model.anthropic.key_file or model.openai.key_file");
}

int cli_doctor(int argc, char **argv)
{
	CLEANUP(config) struct config config = {0};
	CLEANUP(cancel) struct cancel *limit = cancel_new(NULL);
	struct doctor d = {.config = &config, .cancel = limit};
	const char *path;
	struct err err = {0};
	int usage = cli_config_option(argc, argv, &path);

	if (usage != CLI_OK)
		return usage;
	cancel_deadline(limit, CHECK_MS, "the limit for all checks");
	printf("boxwright %s\n", BOXWRIGHT_VERSION);
	cli_versions(stdout);
	path = config_path(path);
	if (config_load(&config, path, &err) < 0) {
		bad(&d, "configuration", err.text,
			"`boxwright serve --help` lists the settings; what the service "
			"alone may "
			"read needs sudo");
		config_release(&config);
		config_defaults(&config); /* the machine can be looked at all the same */
	} else {
		good("configuration", path ? path : "the environment alone");
	}
	check_disk(&d);
	check_engine(&d);
	if (config.github_app_id > 0)
		check_github(&d);
	check_models(&d);
	printf("%s\n", d.bad ? "not ready: see the arrows above" : "ready");
	return d.bad ? CLI_FAILED : CLI_OK;
}
