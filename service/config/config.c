/* SPDX-License-Identifier: MIT */
/* The service's settings: defaults, file, environment, files of secrets, checks. */
#include "service/config/config.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/config/config-internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct setting config_settings[] = {
#define PARAM(field, path, type, def, min, max, flags, sentence)                         \
	SETTING_ROW(config, field, path, type, def, min, max, flags, sentence)
#include "service/config/config.def"
#undef PARAM
};
const size_t config_settings_count = ARRAY_LEN(config_settings);

#define COUNT ARRAY_LEN(config_settings)

/* While it is being read: where the secrets are. */
struct load {
	struct config *config;
	const char *folder;       /* of the file; relative paths start there */
	char *secret_path[COUNT]; /* NULL: none named */
};

static void load_release(struct load *load)
{
	for (size_t i = 0; i < COUNT; i++)
		free(load->secret_path[i]);
}
DEFINE_CLEANUP(load, struct load, load_release(value))

void config_release(struct config *config)
{
	settings_release(config_settings, COUNT, config);
	memset(config, 0, sizeof *config);
}

void config_defaults(struct config *ret)
{
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < COUNT; i++)
		settings_default(&config_settings[i], ret);
}

/* ---- the file ------------------------------------------------------------------------- */

static int on_file(
	void *arg, const struct setting *setting, const char *path, struct err *err)
{
	struct load *load = arg;
	char **at = &load->secret_path[setting - config_settings];

	(void)err;
	free(*at);
	*at = path[0] == '/' || !load->folder || str_empty(path)
		      ? mem_strdup(path)
		      : mem_printf("%s/%s", load->folder, path);
	return 0;
}

static int read_text(struct load *load, const char *name, const char *text, size_t len,
	struct err *err)
{
	struct settings settings = {
		.rows = config_settings, .count = COUNT, .on_file = on_file, .arg = load};

	return settings_read(&settings, load->config, name, text, len, NULL, err);
}

int config_parse(struct config *ret, const char *name, const char *text, size_t len,
	struct err *err)
{
	CLEANUP(config) struct config config = {0};
	CLEANUP(load) struct load load = {.config = &config};

	config_defaults(&config);
	if (read_text(&load, name, text, len, err) < 0)
		return -1;
	*ret = config;
	memset(&config, 0, sizeof config);
	return 0;
}

static int read_path(struct load *load, const char *path, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);
	const char *slash = strrchr(path, '/');
	CLEANUP(mem)
	char *folder = slash ? mem_strndup(path, (size_t)(slash - path)) : NULL;

	if (file_read(&text, path, err) < 0)
		return err_wrap(err, "configuration");
	load->folder = folder;
	int rc = read_text(load, path, strbuf_str(&text), text.len, err);
	load->folder = NULL;
	return rc;
}

const char *config_path(const char *path)
{
	static const char *const usual[] = {
		"boxwright.yml", "/etc/boxwright/boxwright.yml"};

	if (!path)
		path = getenv("BOXWRIGHT_CONFIG");
	if (!str_empty(path))
		return path;
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		/* One that this user may not read is an error, not a file that is not there;
		 * but a current folder that is not this user's has nothing for us. */
		if (access(usual[i], F_OK) == 0 ||
			(usual[i][0] == '/' && errno == EACCES))
			return usual[i];
	return NULL;
}

/* ---- the environment ------------------------------------------------------------------ */

static bool is_secret(const struct setting *setting)
{
	return setting->type == SETTING_SECRET || setting->type == SETTING_SECRETS;
}

void config_variable(const struct setting *setting, char name[CONFIG_VARIABLE_SIZE])
{
	int n = snprintf(name, CONFIG_VARIABLE_SIZE, "BOXWRIGHT_%s", setting->path);

	for (int i = 0; i < n; i++)
		name[i] = name[i] == '.' ? '_' : (char)toupper((unsigned char)name[i]);
	if (is_secret(setting) && str_ends(name, "_FILE"))
		name[n - 5] = '\0';
}

static int read_variable(struct load *load, size_t i, struct err *err)
{
	const struct setting *setting = &config_settings[i];
	char name[CONFIG_VARIABLE_SIZE], file_name[CONFIG_VARIABLE_SIZE + 8];
	const char *value, *file = NULL;

	config_variable(setting, name);
	snprintf(file_name, sizeof file_name, "%s_FILE", name);
	value = getenv(name);
	if (is_secret(setting))
		file = getenv(file_name);
	if (value && file)
		return err_set(err, ERR_INPUT, "%s and %s are both set: leave one out",
			name, file_name);
	if (file) {
		free(load->secret_path[i]);
		load->secret_path[i] = mem_strdup(file);
	}
	if (!value)
		return 0;
	if (is_secret(setting)) {
		free(TAKE(load->secret_path[i])); /* the environment is stronger */
		if (strlen(value) > LIMIT_SECRET)
			return err_set(err, ERR_LIMIT, "%s: more than %lu bytes", name,
				LIMIT_SECRET);
	}
	if (settings_set(setting, load->config, value, err) < 0)
		return err_wrap(err, "%s", name);
	return 0;
}

/* A mistyped name must not be passed over.  Other variables of ours (tests, tools, the
 * client's) begin differently. */
static int refuse_unknown(struct err *err)
{
	static const char *const groups[] = {"BOXWRIGHT_GITHUB_", "BOXWRIGHT_MODEL_",
		"BOXWRIGHT_TASK_", "BOXWRIGHT_BOX_", "BOXWRIGHT_AGENT_", "BOXWRIGHT_PR_",
		"BOXWRIGHT_HTTP_"};

	for (char **at = environ; at && *at; at++) {
		size_t len = strcspn(*at, "=");
		bool known = true;

		for (size_t g = 0; g < ARRAY_LEN(groups); g++)
			if (str_starts(*at, groups[g]))
				known = false;
		for (size_t i = 0; i < COUNT && !known; i++) {
			char name[CONFIG_VARIABLE_SIZE];
			size_t n;

			config_variable(&config_settings[i], name);
			n = strlen(name);
			if (len >= n && !memcmp(*at, name, n))
				known = len == n ||
					(is_secret(&config_settings[i]) && len == n + 5 &&
						!memcmp(*at + n, "_FILE", 5));
		}
		if (!known)
			return err_set(err, ERR_INPUT,
				"the environment holds %.*s, which is no setting: see "
				"`boxwright serve --help`",
				len > 100 ? 100 : (int)len, *at);
	}
	return 0;
}

/* The first bytes of the process's memory stay readable in /proc/self/environ, so that
 * unsetting alone is not enough. */
static void wipe_secrets(void)
{
	for (size_t i = 0; i < COUNT; i++) {
		char name[CONFIG_VARIABLE_SIZE];
		char *value;

		if (!is_secret(&config_settings[i]))
			continue;
		config_variable(&config_settings[i], name);
		value = getenv(name);
		if (!value)
			continue;
		mem_wipe(value, strlen(value));
		unsetenv(name);
	}
}

static int read_environment(struct load *load, struct err *err)
{
	for (size_t i = 0; i < COUNT; i++)
		if (read_variable(load, i, err) < 0)
			return -1;
	return refuse_unknown(err);
}

/* ---- files of secrets, defaults that depend on the machine ---------------------------- */

static int read_secret_file(struct load *load, size_t i, struct err *err)
{
	const struct setting *setting = &config_settings[i];
	CLEANUP(secret) struct secret secret = {0};

	if (str_empty(load->secret_path[i]))
		return 0;
	if (secret_read_file(&secret, load->secret_path[i], err) < 0)
		return err_wrap(err, "%s", setting->path);
	if (setting->type == SETTING_SECRET) {
		secret_copy(
			(struct secret *)(void *)((char *)load->config + setting->offset),
			&secret);
		return 0;
	}
	if (settings_set_secrets(setting, load->config, secret.value, secret.len, err) <
		0)
		return err_wrap(err, "%s: %s", setting->path, load->secret_path[i]);
	return 0;
}

static int read_secrets(struct load *load, struct err *err)
{
	for (size_t i = 0; i < COUNT; i++)
		if (read_secret_file(load, i, err) < 0)
			return -1;
	return 0;
}

static void replace(char **at, char *value)
{
	free(*at);
	*at = value;
}

static void fill_state_dir(struct config *config)
{
	const char *systemd = getenv("STATE_DIRECTORY");
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (!str_empty(config->state_dir))
		return;
	if (!str_empty(systemd) && !strchr(systemd, ':'))
		replace(&config->state_dir, mem_strdup(systemd));
	else if (geteuid() == 0 || (str_empty(state) && str_empty(home)))
		replace(&config->state_dir, mem_strdup("/var/lib/boxwright"));
	else if (!str_empty(state))
		replace(&config->state_dir, mem_printf("%s/boxwright", state));
	else
		replace(&config->state_dir,
			mem_printf("%s/.local/state/boxwright", home));
}

static void fill_engine(struct config *config)
{
	const char *host = getenv("DOCKER_HOST");
	const char *certs = getenv("DOCKER_CERT_PATH");

	if (str_empty(config->engine_url))
		replace(&config->engine_url,
			mem_strdup(
				str_empty(host) ? "unix:///var/run/docker.sock" : host));
	if (str_empty(config->engine_tls_dir) && !str_empty(certs))
		replace(&config->engine_tls_dir, mem_strdup(certs));
}

static int load_all(struct load *load, const char *path, struct err *err)
{
	path = config_path(path);
	if (path && read_path(load, path, err) < 0)
		return -1;
	if (read_environment(load, err) < 0 || read_secrets(load, err) < 0)
		return -1;
	fill_state_dir(load->config);
	fill_engine(load->config);
	if (config_check(load->config, err) == 0)
		return 0;
	return path ? -1
		    : err_wrap(err,
			      "no ./boxwright.yml and no /etc/boxwright/boxwright.yml "
			      "(deploy/boxwright.yml is an example)");
}

int config_load(struct config *ret, const char *path, struct err *err)
{
	CLEANUP(config) struct config config = {0};
	CLEANUP(load) struct load load = {.config = &config};
	int rc;

	config_defaults(&config);
	rc = load_all(&load, path, err);
	wipe_secrets();
	if (rc < 0)
		return -1;
	*ret = config;
	memset(&config, 0, sizeof config);
	return 0;
}
