/* SPDX-License-Identifier: MIT */
/* The life of a container: made, started, stopped, looked at, removed. */
#include "boxcore/engine/engine-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

static void path_to(struct strbuf *path, const char *id, const char *verb)
{
	strbuf_adds(path, "/containers");
	engine_path_add(path, id);
	strbuf_adds(path, verb);
}

/* A POST to a container whose answer is its status alone. */
static int act(struct engine *engine, const char *id, const char *verb, const char *query,
	const char *value, int64_t total_ms, int *ret_status, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	char what[160];
	struct engine_call call = {
		.method = "POST", .what = what, .path = &path, .total_ms = total_ms};

	snprintf(what, sizeof what, "%s container %s", verb, id);
	path_to(&path, id, "/");
	strbuf_adds(&path, verb);
	if (query)
		engine_path_query(&path, query, value);
	return engine_call(engine, &call, NULL, ret_status, cancel, err);
}

int engine_container_create(struct engine *engine, const char *name, const json_t *config,
	char ret_id[ENGINE_ID_SIZE], struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *answer = NULL;
	char what[160];
	struct engine_call call = {.method = "POST",
		.what = what,
		.path = &path,
		.body = config,
		.total_ms = LIMIT_ENGINE_WORK_MS};

	snprintf(what, sizeof what, "create container %s", name);
	strbuf_adds(&path, "/containers/create");
	engine_path_query(&path, "name", name);
	if (engine_call(engine, &call, &answer, NULL, cancel, err) < 0)
		return -1;
	const char *id = json_need_string(answer, "Id", err);
	if (!id)
		return err_wrap(err, "%s", what);
	str_copy(ret_id, ENGINE_ID_SIZE, id);
	return 0;
}

int engine_container_start(
	struct engine *engine, const char *id, struct cancel *cancel, struct err *err)
{
	/* 304, running already, is below 400. */
	return act(
		engine, id, "start", NULL, NULL, LIMIT_ENGINE_WORK_MS, NULL, cancel, err);
}

int engine_container_stop(struct engine *engine, const char *id, int grace_s,
	struct cancel *cancel, struct err *err)
{
	char seconds[16];

	snprintf(seconds, sizeof seconds, "%d", grace_s);
	return act(engine, id, "stop", "t", seconds,
		LIMIT_ENGINE_WORK_MS + 1000L * grace_s, NULL, cancel, err);
}

int engine_container_kill(struct engine *engine, const char *id, const char *signal,
	struct cancel *cancel, struct err *err)
{
	int status = 0;
	struct err why = {0};

	if (act(engine, id, "kill", "signal", signal, 0, &status, cancel, &why) == 0 ||
		status == 409)
		return 0; /* 409: it has ended already */
	*err = why;
	return -1;
}

int engine_container_wait(struct engine *engine, const char *id, int *ret_exit_code,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *answer = NULL;
	struct engine_call call = {.method = "POST",
		.what = "wait for container",
		.path = &path,
		.total_ms = -1};
	int64_t code = 0;

	path_to(&path, id, "/wait");
	if (engine_call(engine, &call, &answer, NULL, cancel, err) < 0)
		return -1;
	if (json_need_int(answer, "StatusCode", INT32_MIN, INT32_MAX, &code, err) < 0)
		return err_wrap(err, "wait for container %s", id);
	*ret_exit_code = (int)code;
	return 0;
}

int engine_container_unpause(
	struct engine *engine, const char *id, struct cancel *cancel, struct err *err)
{
	int status = 0;
	struct err why = {0};
	CLEANUP(engine_container) struct engine_container now = {0};

	if (act(engine, id, "unpause", NULL, NULL, 0, &status, cancel, &why) == 0)
		return 0;
	/* A container that is not paused is 409, or 500 when it does not run: look. */
	if (status != 409 && status != 500) {
		*err = why;
		return -1;
	}
	if (engine_container_inspect(engine, id, &now, cancel, err) < 0)
		return -1;
	if (now.state != ENGINE_PAUSED)
		return 0;
	*err = why;
	return -1;
}

int engine_container_remove(
	struct engine *engine, const char *id, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(engine_container) struct engine_container now = {0};
	char what[160];
	int status = 0;
	struct err why = {0};
	struct engine_call call = {.method = "DELETE",
		.what = what,
		.path = &path,
		.total_ms = LIMIT_ENGINE_WORK_MS};

	snprintf(what, sizeof what, "remove container %s", id);
	path_to(&path, id, "?force=1&v=1");
	if (engine_call(engine, &call, NULL, &status, cancel, &why) == 0 || status == 404)
		return 0;
	/* 409 "removal is already in progress": somebody else's removal is as good. */
	for (int i = 0; status == 409 && i < 100; i++) {
		if (cancel_sleep(cancel, 100, err) < 0)
			return -1;
		engine_container_release(&now);
		if (engine_container_inspect(engine, id, &now, cancel, err) < 0)
			return err->kind == ERR_NOT_FOUND ? 0 : -1;
	}
	*err = why;
	return -1;
}

/* ---- looking --------------------------------------------------------------------------- */

void engine_container_release(struct engine_container *container)
{
	json_decref(container->labels);
	*container = (struct engine_container){0};
}

static enum engine_state state_of(const char *text)
{
	static const struct {
		const char *text;
		enum engine_state state;
	} states[] = {
		{"created", ENGINE_CREATED},
		{"running", ENGINE_RUNNING},
		{"paused", ENGINE_PAUSED},
		{"exited", ENGINE_EXITED},
	};

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (str_eq(text, states[i].text))
			return states[i].state;
	}
	return ENGINE_OTHER;
}

static json_t *labels_of(const json_t *json, const char *path)
{
	json_t *labels = json_at(json, path);

	return json_is_object(labels) ? json_incref(labels) : json_object();
}

static void copy_name(char *name, size_t size, const char *from)
{
	str_copy(name, size, from[0] == '/' ? from + 1 : from);
}

static void set_ip(struct engine_container *c, const json_t *json)
{
	json_t *networks = json_at(json, "NetworkSettings.Networks");
	void *first = json_object_iter(networks);

	if (first)
		str_copy(c->ip, sizeof c->ip,
			json_or_string(json_object_iter_value(first), "IPAddress", ""));
}

int engine_container_inspect(struct engine *engine, const char *id,
	struct engine_container *ret_container, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *json = NULL;
	char what[160];
	struct engine_call call = {.method = "GET", .what = what, .path = &path};
	struct engine_container c = {0};

	snprintf(what, sizeof what, "inspect container %s", id);
	path_to(&path, id, "/json");
	if (engine_call(engine, &call, &json, NULL, cancel, err) < 0)
		return -1;
	str_copy(c.id, sizeof c.id, json_or_string(json, "Id", ""));
	copy_name(c.name, sizeof c.name, json_or_string(json, "Name", ""));
	str_copy(c.image, sizeof c.image, json_or_string(json, "Config.Image", ""));
	str_copy(c.image_id, sizeof c.image_id, json_or_string(json, "Image", ""));
	c.state = state_of(json_or_string(json, "State.Status", ""));
	c.created_s = engine_time(json_or_string(json, "Created", NULL));
	c.exit_code = (int)json_or_int(json, "State.ExitCode", -1);
	c.oom_killed = json_or_bool(json, "State.OOMKilled", false);
	c.labels = labels_of(json, "Config.Labels");
	set_ip(&c, json);
	*ret_container = c;
	return 0;
}

/* A list tells the exit code only within a sentence, "Exited (137) 5 minutes ago", which is as
 * old as the engine. */
static int exit_code_of(const char *status)
{
	static const char before[] = "Exited (";
	char digits[4];
	uint64_t code;

	if (!str_starts(status, before))
		return -1;
	const char *from = status + strlen(before);
	size_t n = strcspn(from, ")");
	if (n >= sizeof digits || from[n] == '\0')
		return -1;
	memcpy(digits, from, n);
	digits[n] = '\0';
	return str_to_u64(digits, 0, 255, &code) ? (int)code : -1;
}

static void read_listed(struct engine_container *c, const json_t *json)
{
	const json_t *names = json_at(json, "Names");
	const char *name = json_string_value(json_array_get(names, 0));

	str_copy(c->id, sizeof c->id, json_or_string(json, "Id", ""));
	copy_name(c->name, sizeof c->name, name ? name : "");
	str_copy(c->image, sizeof c->image, json_or_string(json, "Image", ""));
	str_copy(c->image_id, sizeof c->image_id, json_or_string(json, "ImageID", ""));
	c->state = state_of(json_or_string(json, "State", ""));
	c->exit_code = exit_code_of(json_or_string(json, "Status", ""));
	c->created_s = json_or_int(json, "Created", 0);
	c->labels = labels_of(json, "Labels");
}

int engine_container_size(struct engine *engine, const char *id, int64_t *ret_bytes,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *json = NULL;
	char what[160];
	struct engine_call call = {.method = "GET",
		.what = what,
		.path = &path,
		.total_ms = LIMIT_ENGINE_WORK_MS};

	snprintf(what, sizeof what, "size of container %s", id);
	path_to(&path, id, "/json?size=1");
	if (engine_call(engine, &call, &json, NULL, cancel, err) < 0)
		return -1;
	*ret_bytes = json_or_int(json, "SizeRw", 0); /* left out when it is 0 */
	return 0;
}

int engine_container_list(struct engine *engine, const char *const *labels,
	struct engine_container **ret_containers, size_t *ret_count,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *json = NULL;
	struct engine_call call = {
		.method = "GET", .what = "list containers", .path = &path};

	strbuf_adds(&path, "/containers/json?all=1");
	if (engine_path_filter(&path, labels, false, err) < 0 ||
		engine_call(engine, &call, &json, NULL, cancel, err) < 0)
		return -1;
	size_t count = json_array_size(json);
	struct engine_container *all = mem_array(count ? count : 1, sizeof *all);
	for (size_t i = 0; i < count; i++)
		read_listed(&all[i], json_array_get(json, i));
	*ret_containers = all;
	*ret_count = count;
	return 0;
}

void engine_containers_free(struct engine_container *containers, size_t count)
{
	for (size_t i = 0; containers && i < count; i++)
		engine_container_release(&containers[i]);
	free(containers);
}
