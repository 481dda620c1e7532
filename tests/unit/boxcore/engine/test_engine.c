/* SPDX-License-Identifier: MIT */
/* The engine's verbs against an engine of paper: what each answer means to us. */
#include "boxcore/engine/engine.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "tests/lib/fake_engine.h"
#include "tests/lib/peer.h"
#include "tests/lib/tls_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SOCKET "/tmp/boxwright-test-engine.sock"
#define URL "unix://" SOCKET
#define VERSION_20_10 "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}"

static struct fake_engine *fake;
static struct engine *engine;
static struct err err;

static void start(const struct fake_line *script)
{
	err = (struct err){0};
	fake = fake_engine_start(SOCKET, VERSION_20_10, script);
	assert_int_equal(engine_open(&engine, URL, NULL, NULL, &err), 0);
}

static void stop(void)
{
	assert_int_equal(fake_engine_surprises(fake), 0);
	assert_int_equal(fake_engine_unused(fake), 0);
	engine_close(TAKE(engine));
	fake_engine_stop(TAKE(fake));
}

/* After a failed assertion the next test starts clean. */
static int teardown(void **state)
{
	(void)state;
	engine_close(TAKE(engine));
	fake_engine_stop(TAKE(fake));
	return 0;
}

/* ---- opening --------------------------------------------------------------------------- */

static enum err_kind open_against(const char *version)
{
	err = (struct err){0};
	fake = fake_engine_start(SOCKET, version, NULL);
	engine_open(&engine, URL, NULL, NULL, &err);
	return err.kind;
}

static void version_is_negotiated(void **state)
{
	(void)state;
	assert_int_equal(open_against(VERSION_20_10), ERR_NONE);
	assert_string_equal(engine_api(engine), "1.41");
	assert_false(engine_api_at_least(engine, 42));
	assert_true(engine_is_local(engine));
	teardown(NULL);
	assert_int_equal(
		open_against("{\"ApiVersion\":\"1.55\",\"MinAPIVersion\":\"1.40\"}"),
		ERR_NONE);
	assert_string_equal(engine_api(engine), "1.44");
	teardown(NULL);
	assert_int_equal(
		open_against("{\"ApiVersion\":\"1.52\",\"MinAPIVersion\":\"1.44\"}"),
		ERR_NONE);
	teardown(NULL);
	assert_int_equal(
		open_against("{\"ApiVersion\":\"1.40\",\"MinAPIVersion\":\"1.12\"}"),
		ERR_CONFLICT);
	assert_non_null(strstr(err.text, "too old"));
	assert_non_null(strstr(err.text, "20.10 or newer"));
	teardown(NULL);
	assert_int_equal(
		open_against("{\"ApiVersion\":\"1.60\",\"MinAPIVersion\":\"1.45\"}"),
		ERR_CONFLICT);
	assert_non_null(strstr(err.text, "update Boxwright"));
	teardown(NULL);
	assert_int_equal(open_against("{\"hello\":1}"), ERR_CONFLICT);
	teardown(NULL);
	assert_int_equal(open_against("<html>"), ERR_INTERNAL);
}

static void nobody_answers(void **state)
{
	(void)state;
	err = (struct err){0};
	assert_int_equal(
		engine_open(&engine, "unix:///tmp/no-such.sock", NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(
		strstr(err.text, "no Docker Engine answers at unix:///tmp/no-such.sock"));
	assert_non_null(strstr(err.text, "systemctl start docker"));
	setenv("DOCKER_HOST", "unix:///tmp/other.sock", 1);
	assert_int_equal(engine_open(&engine, NULL, NULL, NULL, &err), -1);
	assert_non_null(strstr(err.text, "unix:///tmp/other.sock"));
	unsetenv("DOCKER_HOST");
}

static void bad_addresses_say_what_is_wrong(void **state)
{
	static const struct {
		const char *url, *words;
	} bad[] = {
		{"unix://relative", "absolute path"},
		{"ssh://host", "not supported yet"},
		{"tcp://", "host:port"},
		{"tcp://host:2376/path", "host:port"},
		{"tcp://192.0.2.1:2375", "TLS"},
		{"http://host", "unix:// or tcp://"},
	};

	(void)state;
	unsetenv("DOCKER_CERT_PATH");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err = (struct err){0};
		assert_int_equal(engine_open(&engine, bad[i].url, NULL, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, bad[i].words));
	}
	assert_int_equal(
		engine_open(&engine, "tcp://h:1", "/nonexistent", NULL, &err), -1);
	assert_non_null(strstr(err.text, "/nonexistent/ca.pem"));
}

/* ---- containers ------------------------------------------------------------------------ */

static void already_so_is_success(void **state)
{
	static const struct fake_line script[] = {
		{"POST", "/v1.41/containers/c/start", 304, ""},
		{"POST", "/v1.41/containers/c/stop?t=7", 304, ""},
		{"POST", "/v1.41/containers/c/kill?signal=KILL", 409,
			"{\"message\":\"Container c is not running\"}"},
		{"DELETE", "/v1.41/containers/c?force=1&v=1", 404,
			"{\"message\":\"none\"}"},
		{"POST", "/v1.41/containers/c/unpause", 500,
			"{\"message\":\"not paused\"}"},
		{"GET", "/v1.41/containers/c/json", 200,
			"{\"Id\":\"c\",\"State\":{\"Status\":\"exited\"}}"},
		{"DELETE", "/v1.41/volumes/v", 404, "{}"},
		{"DELETE", "/v1.41/networks/n", 404, "{}"},
		{"DELETE", "/v1.41/images/i", 404, "{}"},
		{0},
	};

	(void)state;
	start(script);
	assert_int_equal(engine_container_start(engine, "c", NULL, &err), 0);
	assert_int_equal(engine_container_stop(engine, "c", 7, NULL, &err), 0);
	assert_int_equal(engine_container_kill(engine, "c", "KILL", NULL, &err), 0);
	assert_int_equal(engine_container_remove(engine, "c", NULL, &err), 0);
	assert_int_equal(engine_container_unpause(engine, "c", NULL, &err), 0);
	assert_int_equal(engine_volume_remove(engine, "v", NULL, &err), 0);
	assert_int_equal(engine_network_remove(engine, "n", NULL, &err), 0);
	assert_int_equal(engine_image_remove(engine, "i", NULL, &err), 0);
	assert_int_equal(err.kind, ERR_NONE); /* untouched on success */
	stop();
}

static void a_removal_by_another_is_waited_for(void **state)
{
	static const struct fake_line script[] = {
		{"DELETE", "/v1.41/containers/c?force=1&v=1", 409,
			"{\"message\":\"in progress\"}"},
		{"GET", "/v1.41/containers/c/json", 200,
			"{\"Id\":\"c\",\"State\":{\"Status\":\"removing\"}}"},
		{"GET", "/v1.41/containers/c/json", 404, "{\"message\":\"none\"}"},
		{0},
	};

	(void)state;
	start(script);
	assert_int_equal(engine_container_remove(engine, "c", NULL, &err), 0);
	stop();
}

static void refusals_have_a_kind_and_a_text(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum err_kind kind;
		const char *words;
	} cases[] = {
		{400, "{\"message\":\"bad parameter\"}", ERR_INPUT, "400: bad parameter"},
		{403, "{\"message\":\"no\"}", ERR_DENIED, "403"},
		{404, "{\"message\":\"No such container: c\"}", ERR_NOT_FOUND, "No such"},
		{409, "{\"message\":\"name in use\"}", ERR_CONFLICT, "409"},
		{500, "{\"message\":\"boom\\u001b[31m\"}", ERR_TRANSIENT,
			"500: boom\xef\xbf\xbd["},
		{503, "plain text", ERR_TRANSIENT, "plain text"},
		{500, "{\"message\":\"write: no space left on device\"}", ERR_LIMIT,
			"disk is full"},
		{500, "", ERR_TRANSIENT, "500"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fake_line script[] = {{"POST", "/v1.41/containers/c/start",
						     cases[i].status, cases[i].body},
			{0}};
		start(script);
		assert_int_equal(engine_container_start(engine, "c", NULL, &err), -1);
		assert_int_equal(err.kind, cases[i].kind);
		assert_non_null(strstr(err.text, "start container c"));
		assert_non_null(strstr(err.text, cases[i].words));
		stop();
	}
}

static void names_are_encoded(void **state)
{
	static const struct fake_line script[] = {
		{"POST", "/v1.41/containers/create?name=a%2F..%2Fb%3Fc%26d%20e", 201,
			"{\"Id\":\"0123\"}"},
		{"GET", "/v1.41/containers/..%2F..%2Fimages/json", 404,
			"{\"message\":\"no\"}"},
		{0},
	};
	CLEANUP(json) json_t *config = json_object();
	CLEANUP(engine_container) struct engine_container container = {0};
	char id[ENGINE_ID_SIZE];

	(void)state;
	start(script);
	assert_int_equal(
		engine_container_create(engine, "a/../b?c&d e", config, id, NULL, &err),
		0);
	assert_string_equal(id, "0123");
	assert_int_equal(
		engine_container_inspect(engine, "../../images", &container, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	stop();
}

static void containers_are_read(void **state)
{
	static const struct fake_line script[] = {
		{"GET",
			"/v1.41/containers/"
			"json?all=1&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D",
			200,
			"[{\"Id\":\"1\",\"Names\":[\"/"
			"one\"],\"Image\":\"i\",\"State\":\"running\","
			"\"Created\":1700000000,\"Labels\":{\"a\":\"b\"}},"
			"{\"Id\":\"2\",\"Names\":null,\"State\":\"strange\",\"Labels\":"
			"null},17]"},
		{"GET", "/v1.41/containers/1/json", 200,
			"{\"Id\":\"1\",\"Name\":\"/"
			"one\",\"Created\":\"2023-11-14T22:13:20.5Z\","
			"\"Image\":\"sha256:ab\",\"State\":{\"Status\":\"exited\","
			"\"ExitCode\":137,"
			"\"OOMKilled\":true},\"Config\":{\"Image\":\"i\",\"Labels\":{\"a."
			"b\":\"c\"}},"
			"\"NetworkSettings\":{\"Networks\":{\"x\":{\"IPAddress\":\"10.1."
			"2.3\"}}}}"},
		{0},
	};
	const char *labels[] = {"a=b", NULL};
	struct engine_container *all = NULL;
	CLEANUP(engine_container) struct engine_container one = {0};
	size_t count = 0;

	(void)state;
	start(script);
	assert_int_equal(
		engine_container_list(engine, labels, &all, &count, NULL, &err), 0);
	assert_int_equal(count, 3);
	assert_string_equal(all[0].name, "one");
	assert_int_equal(all[0].state, ENGINE_RUNNING);
	assert_int_equal(all[0].created_s, 1700000000);
	assert_int_equal(all[1].state, ENGINE_OTHER);
	assert_non_null(all[1].labels);
	assert_string_equal(all[2].id, "");
	engine_containers_free(all, count);
	assert_int_equal(engine_container_inspect(engine, "1", &one, NULL, &err), 0);
	assert_int_equal(one.state, ENGINE_EXITED);
	assert_int_equal(one.exit_code, 137);
	assert_true(one.oom_killed);
	assert_int_equal(one.created_s, 1700000000);
	assert_string_equal(one.ip, "10.1.2.3");
	assert_string_equal(json_string_value(json_object_get(one.labels, "a.b")), "c");
	stop();
}

static void attach_is_a_duplex(void **state)
{
	static const struct fake_line script[] = {
		{"POST", "/v1.41/containers/c/attach?stream=1&stdin=1&stdout=1&stderr=1",
			101, "first"},
		{"POST", "/v1.41/containers/d/attach*", 404,
			"{\"message\":\"No such container\"}"},
		{0},
	};
	CLEANUP(http_duplex) struct http_duplex *duplex = NULL;
	char buf[16] = "";
	ssize_t n = -1;

	(void)state;
	start(script);
	assert_int_equal(engine_container_attach(engine, "d", &duplex, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(engine_container_attach(engine, "c", &duplex, NULL, &err), 0);
	while ((n = http_duplex_read(duplex, buf, 5)) < 0 && errno == EAGAIN) {
		struct pollfd pfd = {.fd = http_duplex_fd(duplex), .events = POLLIN};
		poll(&pfd, 1, 1000);
	}
	assert_int_equal(n, 5);
	assert_memory_equal(buf, "first", 5);
	stop();
}

/* ---- images, networks ------------------------------------------------------------------ */

static void the_stream_of_a_pull_is_what_counts(void **state)
{
	static const struct fake_line script[] = {
		{"POST", "/v1.41/images/create?fromImage=debian&tag=12", 200,
			"{\"status\":\"Pulling\"}\r\n{\"status\":\"Done\"}\r\n"},
		{"POST", "/v1.41/images/create?fromImage=h%3A5000%2Fx&tag=latest", 200,
			"{\"status\":\"Pulling\"}\n{\"errorDetail\":{\"message\":"
			"\"received unexpected HTTP status: 503\"},\"error\":\"x\"}"},
		{"POST", "/v1.41/images/create?fromImage=x&tag=sha256%3Aab", 200,
			"{\"error\":\"manifest unknown\"}\n"},
		{"POST", "/v1.41/images/create?fromImage=y&tag=latest", 404,
			"{\"message\":\"pull access denied\"}"},
		{0},
	};

	(void)state;
	start(script);
	assert_int_equal(
		engine_image_pull(engine, "debian:12", NULL, NULL, NULL, &err), 0);
	assert_int_equal(
		engine_image_pull(engine, "h:5000/x", NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_non_null(strstr(err.text, "pull image h:5000/x: received unexpected"));
	assert_int_equal(
		engine_image_pull(engine, "x@sha256:ab", NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(engine_image_pull(engine, "y", NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(engine_image_pull(engine, ":tag", NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	stop();
}

struct told {
	char lines[8][80];
	size_t count;
};

static void note_line(void *arg, const char *line)
{
	struct told *told = arg;

	assert_true(told->count < 8);
	snprintf(told->lines[told->count++], 80, "%s", line);
}

static void a_build_is_followed_line_by_line(void **state)
{
	static const struct fake_line script[] = {
		{"POST",
			"/v1.41/"
			"build?rm=1&forcerm=1&t=a%3A1&t=a%3A2&buildargs=%7B%22FROM%22%"
			"3A%22x%22%7D&labels=%7B%22l%22%3A%22m%3Dn%22%7D",
			200,
			"{\"stream\":\"Step 1/2 : FROM "
			"x\\n\"}\r\n{\"stream\":\"one\\n\\ntwo \\"
			"u001b[0m\\rthree\"}\n{\"aux\":{\"ID\":\"sha256:12\"}}\n"},
		{"POST", "/v1.41/build*", 200,
			"{\"stream\":\"E: no such "
			"package\\n\"}\n{\"errorDetail\":{\"code\":100,"
			"\"message\":\"returned a non-zero code: "
			"100\"},\"error\":\"x\"}\n"},
		{"POST", "/v1.41/build*", 500,
			"{\"message\":\"dockerfile parse error\"}"},
		{0},
	};
	const char *tags[] = {"a:1", "a:2", NULL}, *args[] = {"FROM=x", NULL};
	const char *labels[] = {"l=m=n", NULL}, *bad[] = {"=x", NULL};
	struct engine_build build = {.tags = tags,
		.args = args,
		.labels = labels,
		.context = "tar",
		.context_len = 3};
	struct told told = {0};

	(void)state;
	start(script);
	assert_int_equal(
		engine_image_build(engine, &build, note_line, &told, NULL, &err), 0);
	assert_int_equal(told.count, 4);
	assert_string_equal(told.lines[0], "Step 1/2 : FROM x");
	assert_string_equal(told.lines[1], "one");
	assert_string_equal(told.lines[2], "two [0m"); /* no control characters */
	assert_string_equal(told.lines[3], "three");
	assert_int_equal(engine_image_build(engine, &build, NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "non-zero code: 100"));
	assert_non_null(strstr(err.text, "E: no such package"));
	assert_int_equal(engine_image_build(engine, &build, NULL, NULL, NULL, &err), -1);
	assert_non_null(strstr(err.text, "image a:1"));
	build.args = bad;
	assert_int_equal(engine_image_build(engine, &build, NULL, NULL, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	stop();
}

static void a_list_tells_exit_codes(void **state)
{
	static const struct fake_line script[] = {
		{"GET", "/v1.41/containers/json?all=1*", 200,
			"[{\"Id\":\"a\",\"State\":\"exited\",\"Status\":\"Exited (137) 5 "
			"minutes "
			"ago\"},{\"Id\":\"b\",\"State\":\"running\",\"Status\":\"Up 2 "
			"hours\"},{\"Id\":\"c\",\"State\":\"exited\",\"Status\":\"Exited "
			"(99999999999999999999) "
			"x\"},{\"Id\":\"d\",\"State\":\"exited\"}]"},
		{"GET", "/v1.41/containers/a/json?size=1", 200, "{\"SizeRw\":4096}"},
		{"GET", "/v1.41/containers/b/json?size=1", 200, "{}"},
		{0},
	};
	struct engine_container *all = NULL;
	const char *labels[] = {"x", NULL};
	int64_t size = -1;
	size_t count = 0;

	(void)state;
	start(script);
	assert_int_equal(
		engine_container_list(engine, labels, &all, &count, NULL, &err), 0);
	assert_int_equal(count, 4);
	assert_int_equal(all[0].exit_code, 137);
	assert_int_equal(all[1].exit_code, -1);
	assert_int_equal(all[2].exit_code, -1);
	assert_int_equal(all[3].exit_code, -1);
	engine_containers_free(all, count);
	assert_int_equal(engine_container_size(engine, "a", &size, NULL, &err), 0);
	assert_int_equal(size, 4096);
	assert_int_equal(engine_container_size(engine, "b", &size, NULL, &err), 0);
	assert_int_equal(size, 0);
	stop();
}

static ssize_t give_once(void *arg, void *buf, size_t size, struct err *e)
{
	const char **text = arg;
	size_t n = strlen(*text);

	(void)e;
	assert_true(n <= size);
	memcpy(buf, *text, n);
	*text += n;
	return (ssize_t)n;
}

static void import_tells_the_id(void **state)
{
	static const struct fake_line script[] = {
		{"POST", "/v1.41/images/create?fromSrc=-&repo=r&tag=t", 200,
			"{\"status\":\"sha256:0123\"}\n"},
		{"POST", "/v1.41/images/create?fromSrc=-&repo=r&tag=t", 200, ""},
		{0},
	};
	const char *tar = "the tar";
	char id[ENGINE_ID_SIZE];

	(void)state;
	start(script);
	assert_int_equal(
		engine_image_import(engine, "r", "t", give_once, &tar, id, NULL, &err),
		0);
	assert_string_equal(id, "sha256:0123");
	assert_string_equal(fake_engine_last(fake),
		"POST /v1.41/images/create?fromSrc=-&repo=r&tag=t the tar");
	assert_int_equal(
		engine_image_import(engine, "r", "t", give_once, &tar, id, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	stop();
}

static void causes_that_do_not_pass_are_limits(void **state)
{
	static const struct fake_line script[] = {
		{"POST", "/v1.41/commit?pause=1&container=c", 500,
			"{\"message\":\"max depth exceeded\"}"},
		{"POST", "/v1.41/networks/create", 404,
			"{\"message\":\"could not find an available, non-overlapping "
			"IPv4 address "
			"pool among the defaults to assign to the network\"}"},
		{0},
	};
	CLEANUP(json) json_t *config = json_object();
	char id[ENGINE_ID_SIZE];

	(void)state;
	start(script);
	assert_int_equal(
		engine_container_commit(engine, "c", NULL, NULL, config, id, NULL, &err),
		-1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "prepare the snapshot anew"));
	assert_int_equal(engine_network_create(engine, config, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	stop();
}

static void leftovers_are_listed_by_age(void **state)
{
	static const struct fake_line script[] = {
		{"GET",
			"/v1.41/images/json?filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%2C"
			"%22dangling%22%3A%5B%22true%22%5D%7D",
			200,
			"[{\"Id\":\"sha256:old\",\"Created\":100},{\"Id\":\"sha256:new\","
			"\"Created\":200},{\"Id\":\"sha256:undated\"}]"},
		{"GET", "/v1.41/volumes?filters=*", 200,
			"{\"Volumes\":[{\"Name\":\"new\",\"CreatedAt\":\"2026-01-02T00:"
			"00:00Z\"},"
			"{\"Name\":\"old\",\"CreatedAt\":\"2025-01-02T00:00:00Z\"},"
			"{\"Name\":\"undated\"}]}"},
		{"GET", "/v1.41/volumes?filters=*", 200, "{\"Volumes\":null}"},
		{0},
	};
	char(*ids)[ENGINE_ID_SIZE] = NULL, (*names)[ENGINE_NAME_SIZE] = NULL;
	size_t count = 0;

	(void)state;
	start(script);
	assert_int_equal(
		engine_image_list_unnamed(engine, "a=b", 150, &ids, &count, NULL, &err),
		0);
	assert_int_equal(count, 1);
	assert_string_equal(ids[0], "sha256:old");
	free(ids);
	assert_int_equal(engine_volume_list_unused(
				 engine, "a=b", 1767225600, &names, &count, NULL, &err),
		0);
	assert_int_equal(count, 1);
	assert_string_equal(names[0], "old");
	free(names);
	assert_int_equal(engine_volume_list_unused(
				 engine, "a=b", INT64_MAX, &names, &count, NULL, &err),
		0);
	assert_int_equal(count, 0);
	free(names);
	stop();
}

static void a_redirection_is_no_success(void **state)
{
	static const struct fake_line script[] = {
		{"GET", "/v1.41/containers/x/json", 301, ""},
		{0},
	};
	CLEANUP(engine_container) struct engine_container container = {0};

	(void)state;
	start(script);
	assert_int_equal(
		engine_container_inspect(engine, "x", &container, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	stop();
}

static void networks_and_images_are_read(void **state)
{
	static const struct fake_line script[] = {
		{"GET", "/v1.41/networks/n", 200,
			"{\"Id\":\"7\",\"Driver\":\"bridge\",\"EnableIPv6\":false,"
			"\"IPAM\":{\"Config\":["
			"{\"Subnet\":\"fd00::/64\"},"
			"{\"Subnet\":\"172.18.0.0/"
			"16\",\"Gateway\":\"172.18.0.1\"}]},\"Options\":{"
			"\"com.docker.network.bridge.enable_icc\":\"false\"}}"},
		{"GET", "/v1.41/networks/m", 200,
			"{\"Driver\":\"bridge\",\"Options\":null}"},
		{"GET", "/v1.41/images/a%2Fb%3Ac/json", 200,
			"{\"Id\":\"sha256:1\",\"Size\":42,\"RootFS\":{\"Layers\":[\"x\","
			"\"y\"]},"
			"\"RepoTags\":[\"a/b:c\"],\"Config\":{\"Env\":[\"PATH=/bin\"]}}"},
		{0},
	};
	struct engine_network network;
	CLEANUP(engine_image) struct engine_image image = {0};

	(void)state;
	start(script);
	assert_int_equal(engine_network_inspect(engine, "n", &network, NULL, &err), 0);
	assert_string_equal(network.subnet, "172.18.0.0/16");
	assert_string_equal(network.gateway, "172.18.0.1");
	assert_false(network.icc);
	assert_int_equal(engine_network_inspect(engine, "m", &network, NULL, &err), 0);
	assert_true(network.icc); /* the engine's default when nothing is said */
	assert_int_equal(engine_image_inspect(engine, "a/b:c", &image, NULL, &err), 0);
	assert_int_equal(image.size_bytes, 42);
	assert_int_equal(image.layers, 2);
	assert_int_equal(json_array_size(image.tags), 1);
	stop();
}

/* ---- bounds ---------------------------------------------------------------------------- */

static void *fire_later(void *arg)
{
	usleep(50000);
	cancel_fire(arg, "cancelled by @octocat");
	return NULL;
}

static void a_hanging_engine_is_left(void **state)
{
	static const struct fake_line script[] = {
		{"POST", "/v1.41/containers/c/start", 0, NULL},
		{"POST", "/v1.41/containers/c/wait", 0, NULL},
		{0},
	};
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	CLEANUP(cancel) struct cancel *soon = cancel_new(NULL);
	pthread_t thread;
	int code = 0;

	(void)state;
	start(script);
	assert_int_equal(thread_start(&thread, "fire", fire_later, cancel, &err), 0);
	assert_int_equal(engine_container_start(engine, "c", cancel, &err), -1);
	thread_join(thread);
	assert_int_equal(err.kind, ERR_CANCELLED);
	cancel_deadline(soon, 50, "the test's patience");
	assert_int_equal(engine_container_wait(engine, "c", &code, soon, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	stop();
}

static void a_dying_engine_is_transient(void **state)
{
	static const struct fake_line script[] = {
		{"POST", "/v1.41/containers/c/start", -1, NULL},
		{0},
	};

	(void)state;
	start(script);
	assert_int_equal(engine_container_start(engine, "c", NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	stop();
}

static void nonsense_from_the_engine_is_internal(void **state)
{
	static const struct fake_line script[] = {
		{"GET", "/v1.41/info", 200, "not json"},
		{"GET", "/v1.41/containers/json*", 200, ""},
		{"POST", "/v1.41/containers/create*", 201, "{\"Warnings\":[]}"},
		{0},
	};
	CLEANUP(json) json_t *config = json_object();
	struct engine_container *all = NULL;
	struct engine_info info;
	char id[ENGINE_ID_SIZE];
	size_t count = 0;

	(void)state;
	start(script);
	assert_int_equal(engine_info(engine, &info, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_int_equal(
		engine_container_list(engine, NULL, &all, &count, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_int_equal(
		engine_container_create(engine, "n", config, id, NULL, &err), -1);
	stop();
}

#define THREADS 24
#define CALLS 40

static void *ping_often(void *arg)
{
	struct err mine = {0};

	for (int i = 0; i < CALLS; i++) {
		if (engine_container_start(arg, "c", NULL, &mine) == 0 ||
			mine.kind != ERR_INPUT) /* 418 */
			return (void *)1;
	}
	return NULL;
}

static void many_threads_share_an_engine(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	start(NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			thread_start(&threads[i], "pinger", ping_often, engine, &err), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed = NULL;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(fake_engine_surprises(fake), THREADS * CALLS);
	teardown(NULL);
}

static void forward(void *arg, struct peer *peer, int fd)
{
	CLEANUP(peer_request) struct peer_request request = {0};

	(void)arg, (void)peer;
	if (peer_request(fd, &request))
		peer_answer(fd, 200, "application/json", VERSION_20_10);
}

static void tcp_with_mutual_tls(void **state)
{
	char url[64];

	(void)state;
	struct peer *plain = peer_start(NULL, forward, NULL);
	struct tls_peer *tls = tls_peer_start(peer_port(plain));
	snprintf(url, sizeof url, "tcp://localhost:%u", tls_peer_port(tls));
	err = (struct err){0};
	assert_int_equal(engine_open(&engine, url, tls_peer_dir(tls), NULL, &err), 0);
	assert_false(engine_is_local(engine));
	teardown(NULL);
	assert_int_equal(
		engine_open(&engine, url, NULL, NULL, &err), -1); /* TLS met plain */
	tls_peer_stop(tls);
	peer_stop(plain);
}

int main(void)
{
	struct err failed = {0};
#define T(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		T(version_is_negotiated),
		T(nobody_answers),
		T(bad_addresses_say_what_is_wrong),
		T(already_so_is_success),
		T(a_removal_by_another_is_waited_for),
		T(refusals_have_a_kind_and_a_text),
		T(names_are_encoded),
		T(containers_are_read),
		T(attach_is_a_duplex),
		T(the_stream_of_a_pull_is_what_counts),
		T(a_build_is_followed_line_by_line),
		T(a_list_tells_exit_codes),
		T(import_tells_the_id),
		T(causes_that_do_not_pass_are_limits),
		T(networks_and_images_are_read),
		T(leftovers_are_listed_by_age),
		T(a_redirection_is_no_success),
		T(a_hanging_engine_is_left),
		T(a_dying_engine_is_transient),
		T(nonsense_from_the_engine_is_internal),
		T(many_threads_share_an_engine),
		T(tcp_with_mutual_tls),
	};

	if (http_global_init(&failed) < 0)
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	http_global_cleanup();
	return rc;
}
