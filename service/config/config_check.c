/* SPDX-License-Identifier: MIT */
/* What the settings need from each other. */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/config/config-internal.h"

#include <stdio.h>
#include <string.h>

#define API_KEY_MIN 16

static bool is_set(const struct setting *setting, const struct config *config)
{
	const void *at = (const char *)config + setting->offset;

	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_CHOICE: return !str_empty(*(char *const *)at);
	case SETTING_INT: return *(const int64_t *)at != 0;
	case SETTING_REAL:
	case SETTING_BOOL: return true;
	case SETTING_LIST:
	case SETTING_ARGV: return ((const struct config_list *)at)->count;
	case SETTING_SECRET: return secret_is_set(at);
	case SETTING_SECRETS: return ((const struct config_secrets *)at)->count;
	case SETTING_PRICES: return ((const struct config_prices *)at)->count;
	case SETTING_SCHEDULES: return ((const struct config_schedules *)at)->count;
	}
	return false;
}

/* All that is missing at once: nobody likes to be told one by one. */
static int check_needed(const struct config *config, struct err *err)
{
	CLEANUP(strbuf) struct strbuf missing = STRBUF_INIT(LIMIT_LOG_LINE);

	for (size_t i = 0; i < config_settings_count; i++) {
		const struct setting *setting = &config_settings[i];
		char name[CONFIG_VARIABLE_SIZE];

		if (!(setting->flags & CONFIG_NEEDED) || is_set(setting, config))
			continue;
		config_variable(setting, name);
		strbuf_addf(&missing, "%s%s (or %s)", missing.len ? ", " : "",
			setting->path, name);
	}
	if (!missing.len)
		return 0;
	return err_set(err, ERR_INPUT, "not set: %s", strbuf_str(&missing));
}

/* Splits "host:port"; an IPv6 host stands in brackets. */
static int split_listen(const char *listen, char *host, size_t size, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	uint64_t port;

	if (!colon || (size_t)(colon - listen) >= size ||
		!str_to_u64(colon + 1, 0, 65535, &port) ||
		(strchr(listen, ':') != colon && listen[0] != '['))
		return err_set(err, ERR_INPUT,
			"listen: '%s' must be address:port, such as 127.0.0.1:7331 or "
			"[::1]:7331",
			listen);
	memcpy(host, listen, (size_t)(colon - listen));
	host[colon - listen] = '\0';
	return 0;
}

static bool is_loopback(const char *host)
{
	return str_starts(host, "127.") || str_eq(host, "[::1]") ||
	       str_eq(host, "localhost");
}

static int check_listen(const struct config *config, struct err *err)
{
	char host[256];

	if (split_listen(config->listen, host, sizeof host, err) < 0)
		return -1;
	if (!is_loopback(host) && !config->api_keys.count)
		return err_set(err, ERR_INPUT,
			"listen: '%s' can be reached from other machines: set "
			"api_keys_file first, or listen on 127.0.0.1",
			config->listen);
	for (size_t i = 0; i < config->api_keys.count; i++)
		if (config->api_keys.items[i].len < API_KEY_MIN)
			return err_set(err, ERR_INPUT,
				"api_keys_file: key %zu has %zu bytes, at least %d are "
				"needed: `openssl rand -hex 24` makes one",
				i + 1, config->api_keys.items[i].len, API_KEY_MIN);
	return 0;
}

static int check_engine(const struct config *config, struct err *err)
{
	const char *url = config->engine_url;

	if (str_empty(url) || str_starts(url, "unix:///") || str_starts(url, "tcp://"))
		return 0;
	return err_set(err, ERR_INPUT,
		"engine.url: '%s' must begin with unix:/// or tcp://", url);
}

int config_check(const struct config *config, struct err *err)
{
	const struct secret *key = &config->github_private_key;

	if (check_needed(config, err) < 0 || check_listen(config, err) < 0 ||
		check_engine(config, err) < 0)
		return -1;
	if (!strstr(key->value, "PRIVATE KEY-----"))
		return err_set(err, ERR_INPUT,
			"github.private_key_file: this is no private key in PEM: take "
			"the .pem file that GitHub gave when the key was made");
	if (str_eq(config->agent_harness, "custom") && !config->agent_command.count)
		return err_set(err, ERR_INPUT,
			"agent.harness is custom: agent.command is needed too");
	return 0;
}
