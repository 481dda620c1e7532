/* SPDX-License-Identifier: MIT */
/* Volumes and networks. */
#include "boxcore/engine/engine-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

/* A DELETE whose 404 means that it is done. */
static int remove_named(struct engine *engine, const char *kind, const char *name,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	char what[200];
	int status = 0;
	struct err why = {0};
	struct engine_call call = {.method = "DELETE",
		.what = what,
		.path = &path,
		.total_ms = LIMIT_ENGINE_WORK_MS};

	snprintf(what, sizeof what, "remove from %s %s", kind, name);
	strbuf_addf(&path, "/%s", kind);
	engine_path_add(&path, name);
	if (engine_call(engine, &call, NULL, &status, cancel, &why) == 0 || status == 404)
		return 0;
	*err = why;
	return -1;
}

int engine_volume_create(struct engine *engine, const char *name, const json_t *labels,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *body = json_object();
	char what[200];
	struct engine_call call = {
		.method = "POST", .what = what, .path = &path, .body = body};

	snprintf(what, sizeof what, "create volume %s", name);
	json_put(body, "Name", json_str(name));
	json_put(body, "Driver", json_str("local"));
	json_put(body, "Labels", json_deep_copy(labels));
	strbuf_adds(&path, "/volumes/create");
	return engine_call(engine, &call, NULL, NULL, cancel, err);
}

int engine_volume_inspect(
	struct engine *engine, const char *name, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	char what[200];
	struct engine_call call = {.method = "GET", .what = what, .path = &path};

	snprintf(what, sizeof what, "inspect volume %s", name);
	strbuf_adds(&path, "/volumes");
	engine_path_add(&path, name);
	return engine_call(engine, &call, NULL, NULL, cancel, err);
}

int engine_volume_list_unused(struct engine *engine, const char *label, int64_t before_s,
	char (**ret_names)[ENGINE_NAME_SIZE], size_t *ret_count, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *json = NULL;
	const char *labels[] = {label, NULL};
	struct engine_call call = {
		.method = "GET", .what = "list volumes", .path = &path};

	strbuf_adds(&path, "/volumes");
	if (engine_path_filter(&path, labels, true, err) < 0 ||
		engine_call(engine, &call, &json, NULL, cancel, err) < 0)
		return -1;
	const json_t *volumes = json_at(json, "Volumes");
	size_t count = json_array_size(volumes), kept = 0;
	char(*names)[ENGINE_NAME_SIZE] = mem_array(count ? count : 1, sizeof *names);
	for (size_t i = 0; i < count; i++) {
		const json_t *volume = json_array_get(volumes, i);
		int64_t made_s = engine_time(json_or_string(volume, "CreatedAt", NULL));
		if (made_s > 0 && made_s < before_s)
			str_copy(names[kept++], sizeof *names,
				json_or_string(volume, "Name", ""));
	}
	*ret_names = names;
	*ret_count = kept;
	return 0;
}

int engine_volume_remove(
	struct engine *engine, const char *name, struct cancel *cancel, struct err *err)
{
	return remove_named(engine, "volumes", name, cancel, err);
}

int engine_network_create(struct engine *engine, const json_t *config,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	char what[200];
	struct engine_call call = {.method = "POST",
		.what = what,
		.path = &path,
		.body = config,
		.total_ms = LIMIT_ENGINE_WORK_MS};

	snprintf(what, sizeof what, "create network %s",
		json_or_string(config, "Name", ""));
	strbuf_adds(&path, "/networks/create");
	return engine_call(engine, &call, NULL, NULL, cancel, err);
}

int engine_network_inspect(struct engine *engine, const char *name,
	struct engine_network *ret_network, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *json = NULL;
	char what[200];
	struct engine_call call = {.method = "GET", .what = what, .path = &path};
	struct engine_network n = {0};
	const json_t *config = NULL;
	size_t i = 0;

	snprintf(what, sizeof what, "inspect network %s", name);
	strbuf_adds(&path, "/networks");
	engine_path_add(&path, name);
	if (engine_call(engine, &call, &json, NULL, cancel, err) < 0)
		return -1;
	str_copy(n.id, sizeof n.id, json_or_string(json, "Id", ""));
	str_copy(n.driver, sizeof n.driver, json_or_string(json, "Driver", ""));
	n.ipv6 = json_or_bool(json, "EnableIPv6", false);
	/* The option's name holds dots, so it is no path of json_at(). */
	const json_t *icc = json_object_get(
		json_at(json, "Options"), "com.docker.network.bridge.enable_icc");
	n.icc = !json_is_string(icc) || !str_eq(json_string_value(icc), "false");
	json_array_foreach (json_at(json, "IPAM.Config"), i, config) {
		const char *subnet = json_or_string(config, "Subnet", "");
		if (strchr(subnet, ':') || n.subnet[0])
			continue;
		str_copy(n.subnet, sizeof n.subnet, subnet);
		str_copy(n.gateway, sizeof n.gateway,
			json_or_string(config, "Gateway", ""));
	}
	*ret_network = n;
	return 0;
}

int engine_network_remove(
	struct engine *engine, const char *name, struct cancel *cancel, struct err *err)
{
	return remove_named(engine, "networks", name, cancel, err);
}
