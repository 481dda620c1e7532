/* SPDX-License-Identifier: MIT */
/* The engine's address, its trust, and the version that both sides speak. */
#include "boxcore/engine/engine-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

#define USUAL_SOCKET "unix:///var/run/docker.sock"
#define API_OLDEST 41 /* 1.41: Engine 20.10 */
#define API_NEWEST 44 /* what we are written to; newer engines speak it too */

/* ---- the address ----------------------------------------------------------------------- */

static int use_tls(struct engine *engine, const char *tls_dir, struct err *err)
{
	static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		engine->tls_files[i] = mem_printf("%s/%s", tls_dir, names[i]);
		if (access(engine->tls_files[i], R_OK) != 0)
			return err_set(err, ERR_INPUT,
				"engine %s: cannot read %s; mutual TLS needs ca.pem, "
				"cert.pem and key.pem in that folder",
				engine->url, engine->tls_files[i]);
	}
	engine->peer.ca_file = engine->tls_files[0];
	engine->peer.cert_file = engine->tls_files[1];
	engine->peer.key_file = engine->tls_files[2];
	return 0;
}

static bool is_loopback(const char *host)
{
	return str_starts(host, "127.") || str_starts(host, "localhost:") ||
	       str_starts(host, "[::1]");
}

static int set_tcp(
	struct engine *engine, const char *host, const char *tls_dir, struct err *err)
{
	if (str_empty(host) || strpbrk(host, "/?#@ "))
		return err_set(err, ERR_INPUT,
			"engine %s: tcp:// is followed by host:port and nothing else",
			engine->url);
	if (!tls_dir)
		tls_dir = getenv("DOCKER_CERT_PATH");
	if (!str_empty(tls_dir)) {
		engine->base = mem_printf("https://%s", host);
		return use_tls(engine, tls_dir, err);
	}
	if (!is_loopback(host))
		return err_set(err, ERR_INPUT,
			"engine %s: an engine that anyone on the network may use is root "
			"for everyone; give the folder of its TLS certificates",
			engine->url);
	engine->base = mem_printf("http://%s", host);
	engine->peer.plain_http = true;
	return 0;
}

static int set_address(struct engine *engine, const char *tls_dir, struct err *err)
{
	const char *url = engine->url;

	if (str_starts(url, "unix://")) {
		engine->base = mem_strdup("http://engine");
		engine->peer.unix_socket = url + strlen("unix://");
		engine->peer.plain_http = true;
		engine->local = true;
		if (engine->peer.unix_socket[0] != '/' ||
			strlen(engine->peer.unix_socket) > 100)
			return err_set(err, ERR_INPUT,
				"engine %s: unix:// is followed by an absolute path of "
				"at most 100 bytes",
				url);
		return 0;
	}
	if (str_starts(url, "tcp://"))
		return set_tcp(engine, url + strlen("tcp://"), tls_dir, err);
	if (str_starts(url, "ssh://"))
		return err_set(err, ERR_INPUT,
			"engine %s: ssh:// is not supported yet; forward the socket "
			"(ssh -L /run/remote.sock:/var/run/docker.sock host) and use "
			"unix:///run/remote.sock",
			url);
	return err_set(err, ERR_INPUT,
		"engine %s: an address begins with unix:// or tcp://", url);
}

/* ---- the version ----------------------------------------------------------------------- */

static bool parse_api(const char *text, int *ret_minor)
{
	uint64_t minor = 0;

	if (!text || !str_starts(text, "1.") || !str_to_u64(text + 2, 0, 999, &minor))
		return false;
	*ret_minor = (int)minor;
	return true;
}

static int negotiate(struct engine *engine, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *version = NULL;
	struct engine_call call = {
		.method = "GET", .what = "engine version", .path = &path};
	int newest = 0, oldest = 0;

	strbuf_adds(&path, "/version");
	if (engine_call(engine, &call, &version, NULL, cancel, err) < 0)
		return -1;
	if (!parse_api(json_or_string(version, "ApiVersion", NULL), &newest))
		return err_set(err, ERR_CONFLICT,
			"what answers at %s is not a Docker Engine", engine->url);
	if (!parse_api(json_or_string(version, "MinAPIVersion", NULL), &oldest))
		oldest = 0;
	if (newest < API_OLDEST)
		return err_set(err, ERR_CONFLICT,
			"the engine at %s is too old: it speaks API 1.%d, and 1.%d is "
			"needed; install Docker Engine 20.10 or newer",
			engine->url, newest, API_OLDEST);
	if (oldest > API_NEWEST)
		return err_set(err, ERR_CONFLICT,
			"the engine at %s is too new: it speaks API 1.%d and newer only, "
			"and Boxwright up to 1.%d; update Boxwright",
			engine->url, oldest, API_NEWEST);
	engine->api_minor = newest < API_NEWEST ? newest : API_NEWEST;
	snprintf(engine->api, sizeof engine->api, "1.%d", engine->api_minor);
	snprintf(engine->prefix, sizeof engine->prefix, "/v%s", engine->api);
	return 0;
}

static int explain(struct engine *engine, struct err *err)
{
	if (err->kind != ERR_TRANSIENT)
		return -1;
	return err_wrap(err,
		"no Docker Engine answers at %s (start it with `systemctl start docker`, "
		"join its group, or set DOCKER_HOST)",
		engine->url);
}

int engine_open(struct engine **ret_engine, const char *url, const char *tls_dir,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(engine) struct engine *engine = mem_zalloc(sizeof *engine);

	lock_init(&engine->lock);
	if (!url)
		url = getenv("DOCKER_HOST");
	engine->url = mem_strdup(str_empty(url) ? USUAL_SOCKET : url);
	if (set_address(engine, tls_dir, err) < 0)
		return -1;
	if (negotiate(engine, cancel, err) < 0)
		return explain(engine, err);
	*ret_engine = TAKE(engine);
	return 0;
}

void engine_close(struct engine *engine)
{
	if (!engine)
		return;
	for (int i = 0; i < engine->idle_count; i++)
		http_client_free(engine->idle[i]);
	for (size_t i = 0; i < ARRAY_LEN(engine->tls_files); i++)
		free(engine->tls_files[i]);
	lock_release(&engine->lock);
	free(engine->base);
	free(engine->url);
	free(engine);
}

const char *engine_url(const struct engine *engine)
{
	return engine->url;
}

const char *engine_api(const struct engine *engine)
{
	return engine->api;
}

bool engine_api_at_least(const struct engine *engine, int minor)
{
	return engine->api_minor >= minor;
}

bool engine_is_local(const struct engine *engine)
{
	return engine->local;
}

/* ---- ping and info --------------------------------------------------------------------- */

int engine_ping(struct engine *engine, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	struct engine_call call = {.method = "GET", .what = "engine ping", .path = &path};

	strbuf_adds(&path, "/_ping");
	return engine_call(engine, &call, NULL, NULL, cancel, err);
}

/* DriverStatus is a list of [name, value]. */
static const char *driver_status(const json_t *info, const char *name)
{
	const json_t *pairs = json_at(info, "DriverStatus"), *pair = NULL;
	size_t i = 0;

	json_array_foreach (pairs, i, pair) {
		const char *key = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));
		if (key && value && str_eq(key, name))
			return value;
	}
	return "";
}

int engine_info(struct engine *engine, struct engine_info *ret_info,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *info = NULL;
	struct engine_call call = {.method = "GET", .what = "engine info", .path = &path};
	struct engine_info r = {0};

	strbuf_adds(&path, "/info");
	if (engine_call(engine, &call, &info, NULL, cancel, err) < 0)
		return -1;
	str_copy(r.version, sizeof r.version, json_or_string(info, "ServerVersion", ""));
	str_copy(r.os, sizeof r.os, json_or_string(info, "OperatingSystem", ""));
	str_copy(r.architecture, sizeof r.architecture,
		json_or_string(info, "Architecture", ""));
	str_copy(r.storage_driver, sizeof r.storage_driver,
		json_or_string(info, "Driver", ""));
	str_copy(r.backing_fs, sizeof r.backing_fs,
		driver_status(info, "Backing Filesystem"));
	str_copy(r.data_root, sizeof r.data_root,
		json_or_string(info, "DockerRootDir", ""));
	str_copy(r.default_runtime, sizeof r.default_runtime,
		json_or_string(info, "DefaultRuntime", ""));
	str_copy(r.cgroup_version, sizeof r.cgroup_version,
		json_or_string(info, "CgroupVersion", "1"));
	r.cpus = (int)json_or_int(info, "NCPU", 0);
	r.memory_bytes = json_or_int(info, "MemTotal", 0);
	r.containers_running = (int)json_or_int(info, "ContainersRunning", 0);
	r.live_restore = json_or_bool(info, "LiveRestoreEnabled", false);
	r.bridge_filters = json_or_bool(info, "BridgeNfIptables", true);
	*ret_info = r;
	return 0;
}
