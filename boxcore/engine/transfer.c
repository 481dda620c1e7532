/* SPDX-License-Identifier: MIT */
/* What goes into and comes out of a container: its streams, archives, and its files as an
 * image. */
#include "boxcore/engine/engine-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <stdio.h>

int engine_container_attach(struct engine *engine, const char *id,
	struct http_duplex **ret_duplex, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf url = ENGINE_PATH;
	struct http_request request = {
		.method = "POST", .silence_ms = LIMIT_ENGINE_CALL_MS};

	strbuf_addf(&url, "%s%s/containers", engine->base, engine->prefix);
	engine_path_add(&url, id);
	strbuf_adds(&url, "/attach?stream=1&stdin=1&stdout=1&stderr=1");
	if (strbuf_check(&url, "a container's name", err) < 0)
		return -1;
	request.url = strbuf_str(&url);
	if (http_upgrade(&engine->peer, &request, ret_duplex, cancel, err) < 0)
		return err_wrap(err, "attach to container %s", id);
	return 0;
}

static void archive_path(struct strbuf *sb, const char *id, const char *path)
{
	strbuf_adds(sb, "/containers");
	engine_path_add(sb, id);
	strbuf_adds(sb, "/archive");
	engine_path_query(sb, "path", path);
}

int engine_archive_put(struct engine *engine, const char *id, const char *path,
	const void *tar, size_t len, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf sb = ENGINE_PATH;
	char what[160];
	struct engine_call call = {.method = "PUT",
		.what = what,
		.path = &sb,
		.bytes = tar,
		.bytes_len = len,
		.total_ms = LIMIT_ENGINE_WORK_MS};

	snprintf(what, sizeof what, "put files into container %s", id);
	archive_path(&sb, id, path);
	return engine_call(engine, &call, NULL, NULL, cancel, err);
}

int engine_archive_get(struct engine *engine, const char *id, const char *path,
	struct strbuf *ret_tar, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf sb = ENGINE_PATH;
	CLEANUP(http_answer) struct http_answer answer = {0};
	char what[160];
	struct engine_call call = {.method = "GET",
		.what = what,
		.path = &sb,
		.max = ret_tar->max,
		.total_ms = LIMIT_ENGINE_WORK_MS};

	snprintf(what, sizeof what, "get files from container %s", id);
	archive_path(&sb, id, path);
	if (engine_exchange(engine, &call, &answer, cancel, err) < 0)
		return -1;
	if (answer.status >= 400)
		return engine_refused(&call, &answer, err);
	strbuf_add(ret_tar, strbuf_str(&answer.body), answer.body.len);
	return strbuf_check(ret_tar, what, err);
}

int engine_container_commit(struct engine *engine, const char *id, const char *repo,
	const char *tag, const json_t *config, char ret_image[ENGINE_ID_SIZE],
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	CLEANUP(json) json_t *answer = NULL;
	char what[160];
	struct engine_call call = {.method = "POST",
		.what = what,
		.path = &path,
		.body = config,
		.total_ms = LIMIT_ENGINE_COMMIT_MS};

	snprintf(what, sizeof what, "commit container %s", id);
	strbuf_adds(&path, "/commit?pause=1");
	engine_path_query(&path, "container", id);
	if (repo)
		engine_path_query(&path, "repo", repo);
	if (tag)
		engine_path_query(&path, "tag", tag);
	if (engine_call(engine, &call, &answer, NULL, cancel, err) < 0)
		return -1;
	const char *image = json_need_string(answer, "Id", err);
	if (!image)
		return err_wrap(err, "%s", what);
	str_copy(ret_image, ENGINE_ID_SIZE, image);
	return 0;
}
