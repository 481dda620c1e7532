/* SPDX-License-Identifier: MIT */
/* The client before the stand-in, and the stand-in's steering wheel. */
#include "tests/lib/standin_world.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/net/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct github *gh;
struct github_repo repo;

static int64_t env_id(const char *name)
{
	int64_t value = 0;

	str_to_i64(getenv(name), 1, INT64_MAX, &value);
	return value;
}

int standin_setup(void **state)
{
	struct err err = {0};
	struct github_options options = {.api_url = getenv("STANDIN_URL"),
		.app_id = env_id("STANDIN_APP"),
		.private_key_file = getenv("STANDIN_KEY"),
		.plain_http = true};

	(void)state;
	if (!options.api_url)
		return 0;
	repo = (struct github_repo){.installation_id = env_id("STANDIN_INSTALLATION"),
		.id = env_id("STANDIN_REPO"),
		.owner = "octocat",
		.name = "sample"};
	return github_new(&gh, &options, &err);
}

int standin_teardown(void **state)
{
	(void)state;
	github_free(gh);
	return 0;
}

static json_t *steer(const char *path, const char *json)
{
	struct http_peer peer = {.plain_http = true};
	CLEANUP(http_client) struct http_client *client = http_client_new(&peer);
	CLEANUP(http_answer) struct http_answer answer = {0};
	CLEANUP(mem) char *url = mem_printf("%s/_gate/%s", getenv("STANDIN_URL"), path);
	struct http_request request = {.method = "POST",
		.url = url,
		.body = json,
		.body_len = strlen(json),
		.max_body = 1000000};
	struct err err = {0};

	OK(http_perform(client, &request, &answer, NULL, &err));
	if (answer.status != 200)
		fail_msg("%s: %s", path, strbuf_str(&answer.body));
	return json_parse(strbuf_str(&answer.body), answer.body.len, &err);
}

void standin_fault(const char *json)
{
	json_decref(steer("faults", json));
}

json_t *standin_act(const char *what, const char *json)
{
	CLEANUP(mem) char *path = mem_printf("act?do=%s", what);

	return steer(path, json);
}
