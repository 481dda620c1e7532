/* SPDX-License-Identifier: MIT */
/* Images: looked at, named, removed, fetched. */
#include "boxcore/engine/engine-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

void engine_image_release(struct engine_image *image)
{
	json_decref(image->labels);
	json_decref(image->env);
	json_decref(image->tags);
	*image = (struct engine_image){0};
}

static void path_to(struct strbuf *path, const char *ref, const char *verb)
{
	strbuf_adds(path, "/images");
	engine_path_add(path, ref);
	strbuf_adds(path, verb);
}

static json_t *array_at(const json_t *json, const char *path)
{
	json_t *array = json_at(json, path);

	return json_is_array(array) ? json_incref(array) : json_array();
}

int engine_image_inspect(struct engine *engine, const char *ref,
	struct engine_image *ret_image, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *json = NULL;
	char what[300];
	struct engine_call call = {.method = "GET", .what = what, .path = &path};
	struct engine_image image = {0};

	snprintf(what, sizeof what, "inspect image %s", ref);
	path_to(&path, ref, "/json");
	if (engine_call(engine, &call, &json, NULL, cancel, err) < 0)
		return -1;
	json_t *labels = json_at(json, "Config.Labels");
	str_copy(image.id, sizeof image.id, json_or_string(json, "Id", ""));
	image.size_bytes = json_or_int(json, "Size", 0);
	image.layers = (int)json_array_size(json_at(json, "RootFS.Layers"));
	image.created_s = engine_time(json_or_string(json, "Created", NULL));
	image.labels = json_is_object(labels) ? json_incref(labels) : json_object();
	image.env = array_at(json, "Config.Env");
	image.tags = array_at(json, "RepoTags");
	*ret_image = image;
	return 0;
}

int engine_image_list_unnamed(struct engine *engine, const char *label, int64_t before_s,
	char (**ret_ids)[ENGINE_ID_SIZE], size_t *ret_count, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *json = NULL;
	const char *labels[] = {label, NULL};
	struct engine_call call = {.method = "GET", .what = "list images", .path = &path};

	strbuf_adds(&path, "/images/json");
	if (engine_path_filter(&path, labels, true, err) < 0 ||
		engine_call(engine, &call, &json, NULL, cancel, err) < 0)
		return -1;
	size_t count = json_array_size(json);
	char(*ids)[ENGINE_ID_SIZE] = mem_array(count ? count : 1, sizeof *ids);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		const json_t *image = json_array_get(json, i);
		if (json_or_int(image, "Created", INT64_MAX) < before_s)
			str_copy(ids[kept++], sizeof *ids,
				json_or_string(image, "Id", ""));
	}
	*ret_ids = ids;
	*ret_count = kept;
	return 0;
}

int engine_image_list_named(struct engine *engine, const char *label, const char *prefix,
	char (**ret_names)[ENGINE_IMAGE_NAME_SIZE], size_t *ret_count,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *json = NULL;
	const char *labels[] = {label, NULL};
	struct engine_call call = {.method = "GET", .what = "list images", .path = &path};
	size_t most = 0, kept = 0;

	strbuf_adds(&path, "/images/json");
	if (engine_path_filter(&path, labels, false, err) < 0 ||
		engine_call(engine, &call, &json, NULL, cancel, err) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(json); i++)
		most += json_array_size(json_at(json_array_get(json, i), "RepoTags"));
	char(*names)[ENGINE_IMAGE_NAME_SIZE] = mem_array(most ? most : 1, sizeof *names);
	for (size_t i = 0; i < json_array_size(json); i++) {
		const json_t *tags = json_at(json_array_get(json, i), "RepoTags");

		for (size_t k = 0; k < json_array_size(tags); k++) {
			const char *name = json_string_value(json_array_get(tags, k));

			if (name && str_starts(name, prefix) &&
				strlen(name) < sizeof *names)
				str_copy(names[kept++], sizeof *names, name);
		}
	}
	*ret_names = names;
	*ret_count = kept;
	return 0;
}

int engine_image_remove(
	struct engine *engine, const char *ref, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	char what[300];
	int status = 0;
	struct err why = {0};
	struct engine_call call = {.method = "DELETE",
		.what = what,
		.path = &path,
		.total_ms = LIMIT_ENGINE_WORK_MS};

	snprintf(what, sizeof what, "remove image %s", ref);
	path_to(&path, ref, "");
	if (engine_call(engine, &call, NULL, &status, cancel, &why) == 0 || status == 404)
		return 0;
	*err = why;
	return -1;
}

int engine_image_tag(struct engine *engine, const char *ref, const char *repo,
	const char *tag, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	char what[300];
	struct engine_call call = {.method = "POST", .what = what, .path = &path};

	snprintf(what, sizeof what, "tag image %s", ref);
	path_to(&path, ref, "/tag");
	engine_path_query(&path, "repo", repo);
	engine_path_query(&path, "tag", tag);
	return engine_call(engine, &call, NULL, NULL, cancel, err);
}

/* ---- fetched and unpacked --------------------------------------------------------------- */

/* "host:5000/name:tag" or "name@sha256:..." into its two halves; the tag is "latest" when
 * there is none, for without one the engine would fetch them all. */
static int split_ref(
	const char *ref, char *name, size_t size, const char **ret_tag, struct err *err)
{
	const char *slash = strrchr(ref, '/');
	const char *at = strchr(ref, '@');
	const char *colon = strchr(slash ? slash : ref, ':');
	const char *split = at ? at : colon;
	size_t len = split ? (size_t)(split - ref) : strlen(ref);

	if (len == 0 || len >= size || (split && !split[1]))
		return err_set(err, ERR_INPUT,
			"image `%.100s`: not a reference like name:tag of at most %zu "
			"bytes",
			ref, size - 1);
	memcpy(name, ref, len);
	name[len] = '\0';
	*ret_tag = split ? split + 1 : "latest";
	return 0;
}

int engine_image_pull(struct engine *engine, const char *ref,
	engine_on_progress on_progress, void *arg, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	char what[300], name[256];
	const char *tag = NULL;
	struct engine_call call = {.method = "POST", .what = what, .path = &path};

	if (split_ref(ref, name, sizeof name, &tag, err) < 0)
		return -1;
	snprintf(what, sizeof what, "pull image %s", ref);
	strbuf_adds(&path, "/images/create");
	engine_path_query(&path, "fromImage", name);
	engine_path_query(&path, "tag", tag);
	return engine_follow(engine, &call, on_progress, arg, NULL, cancel, err);
}

int engine_image_import(struct engine *engine, const char *repo, const char *tag,
	http_source source, void *arg, char ret_image[ENGINE_ID_SIZE],
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	char what[300];
	char last[ENGINE_ID_SIZE] = "";
	struct engine_call call = {.method = "POST",
		.what = what,
		.path = &path,
		.source = source,
		.source_arg = arg};

	snprintf(what, sizeof what, "import image %s:%s", repo, tag);
	strbuf_adds(&path, "/images/create?fromSrc=-");
	engine_path_query(&path, "repo", repo);
	engine_path_query(&path, "tag", tag);
	if (engine_follow(engine, &call, NULL, NULL, last, cancel, err) < 0)
		return -1;
	if (!str_starts(last, "sha256:"))
		return err_set(err, ERR_INTERNAL, "%s: the engine told no id", what);
	str_copy(ret_image, ENGINE_ID_SIZE, last);
	return 0;
}
