/* SPDX-License-Identifier: MIT */
/*
 * The relay between a box that lies and a provider that fails, on real sockets.  Every byte
 * that the box side ever receives is searched for the key.
 */
#include "service/relay/relay.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"
#include "boxcore/net/http_client.h"
#include "tests/lib/peer.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "sk-canary-0123456789abcdef"

static const char sse_start[] =
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":"
	"\"claude-opus-4-8\",\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\n";
static const char sse_end[] =
	"event: message_delta\ndata: "
	"{\"type\":\"message_delta\",\"usage\":{\"output_tokens\":40}}"
	"\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

enum mode {
	GOOD,
	WAIT_BETWEEN,
	HANG,
	CUT,
	ECHO_KEY,
	REFUSE_KEY,
	REDIRECT,
	PACKED,
	JSON,
	OPENAI
};

struct world {
	struct peer *peer;
	_Atomic enum mode mode;
	struct relay *relay;
	struct secret key;
	struct lock lock;
	char head[8192]; /* of the provider's last request */
	char body[4096];
	_Atomic int asked;
	int go; /* a pipe: WAIT_BETWEEN goes on when it is written to */
	int go_write;
	struct relay_usage last;
	_Atomic int told;
};

/* ---- the provider ---------------------------------------------------------------------- */

static void stream_head(int fd, const char *extra)
{
	peer_printf(fd,
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nRequest-Id: "
		"req_1\r\n"
		"Set-Cookie: a=b\r\nOpenAI-Organization: secret-org\r\n%s"
		"Transfer-Encoding: chunked\r\n\r\n",
		extra);
}

static void chunk(int fd, const char *text)
{
	peer_printf(fd, "%zx\r\n%s\r\n", strlen(text), text);
}

static bool provide(struct world *world, struct peer *peer, int fd)
{
	char byte;

	switch (world->mode) {
	case GOOD:
		stream_head(fd, "");
		chunk(fd, sse_start);
		chunk(fd, sse_end);
		return peer_write(fd, "0\r\n\r\n", 5);
	case WAIT_BETWEEN:
		stream_head(fd, "");
		chunk(fd, sse_start);
		if (read(world->go, &byte, 1) != 1)
			return false;
		chunk(fd, sse_end);
		return peer_write(fd, "0\r\n\r\n", 5);
	case HANG: peer_hang(fd); return false;
	case CUT:
		stream_head(fd, "");
		chunk(fd, sse_start);
		return false;
	case ECHO_KEY:
		return peer_answer(fd, 500, "application/json",
			"{\"error\":\"your key " KEY " made us fail\"}");
	case REFUSE_KEY:
		return peer_answer(fd, 401, "application/json",
			"{\"error\":\"wrong key sk-c...cdef\"}");
	case REDIRECT:
		return peer_printf(fd, "HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n"
				       "Content-Length: 2\r\n\r\nno");
	case PACKED:
		stream_head(fd, "Content-Encoding: gzip\r\n");
		chunk(fd, "\x1f\x8b");
		return false;
	case JSON:
		return peer_answer(fd, 200, "application/json",
			"{\"model\":\"claude-opus-4-8\",\"usage\":{\"input_tokens\":7,"
			"\"output_tokens\":8}}");
	case OPENAI:
		stream_head(fd, "");
		chunk(fd,
			"data: {\"type\":\"response.completed\",\"response\":{\"model\":"
			"\"gpt-5.5\",\"usage\":{\"input_tokens\":1000,"
			"\"input_tokens_details\":{\"cached_tokens\":900},"
			"\"output_tokens\":5}}}\n\n");
		return peer_write(fd, "0\r\n\r\n", 5);
	}
	(void)peer;
	return false;
}

static void on_connection(void *arg, struct peer *peer, int fd)
{
	struct world *world = arg;

	for (;;) {
		CLEANUP(peer_request) struct peer_request request = {0};
		if (!peer_request(fd, &request))
			return;
		lock_take(&world->lock);
		world->asked++;
		str_copy(world->head, sizeof world->head, request.head);
		str_copy(world->body, sizeof world->body,
			request.body ? request.body : "");
		lock_give(&world->lock);
		if (!provide(world, peer, fd))
			return;
	}
}

/* ---- the box --------------------------------------------------------------------------- */

static int dial(struct relay_lease *lease)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	relay_accept(lease, "box", pair[1]);
	return pair[0];
}

static void say(int fd, const char *text)
{
	/* A refusal may come before all was said. */
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return;
}

static bool is_whole(const struct strbuf *answer)
{
	const char *text = strbuf_str(answer);
	const char *end = strstr(text, "\r\n\r\n");
	const char *length = strcasestr(text, "content-length:");

	if (!end || strstr(text, "HTTP/1.1 100") == text)
		return false;
	if (length && length < end)
		return answer->len >=
		       (size_t)(end - text) + 4 + strtoul(length + 15, NULL, 10);
	return str_ends(text, "\r\n0\r\n\r\n");
}

/* Reads until the answer is whole, the connection ends, or `until` was seen. */
static bool hear(int fd, struct strbuf *answer, const char *until)
{
	char buf[4096];

	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		if (poll(&pfd, 1, 10000) <= 0)
			fail_msg(
				"nothing for ten seconds behind: %s", strbuf_str(answer));
		ssize_t n = read(fd, buf, sizeof buf);
		if (n > 0)
			strbuf_add(answer, buf, (size_t)n);
		assert_null(strstr(strbuf_str(answer), KEY));
		assert_null(strstr(strbuf_str(answer), "cdef"));
		if (n <= 0)
			return false;
		if (until ? strstr(answer->data, until) != NULL : is_whole(answer))
			return true;
	}
}

static void post(int fd, const char *path, const char *body)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MODEL_REQUEST);

	strbuf_addf(&text,
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
		"application/json\r\n"
		"X-Api-Key: stolen\r\nAuthorization: Bearer stolen\r\nCookie: c=1\r\n"
		"Proxy-Authorization: x\r\nAnthropic-Version: 2023-06-01\r\nForwarded: "
		"for=x\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		path, strlen(body), body);
	say(fd, text.data);
}

static const char ask_body[] = "{\"model\":\"claude-opus-4-8\",\"max_tokens\":100}";

static int status_of(const struct strbuf *answer)
{
	int status = 0;

	sscanf(strbuf_str(answer), "HTTP/1.1 %3d", &status);
	return status;
}

/* One request on a connection of its own; the status. */
static int ask(struct relay_lease *lease, const char *path, struct strbuf *answer)
{
	int fd = dial(lease);

	strbuf_reset(answer);
	post(fd, path, ask_body);
	hear(fd, answer, NULL);
	close(fd);
	return status_of(answer);
}

/* ---- the world ------------------------------------------------------------------------- */

static void on_usage(void *arg, const char *model, const struct relay_usage *call,
	const struct relay_usage *total)
{
	struct world *world = arg;

	LOCKED(&world->lock);
	assert_true(model[0] && call->calls == 1 && total->calls >= 1);
	world->last = *call;
	world->told++;
}

static struct relay_lease *lease_of(struct world *world, int64_t budget)
{
	struct relay_lease_spec spec = {.name = "task-1",
		.budget_microusd = budget,
		.allow = {true, true},
		.on_usage = on_usage,
		.arg = world};

	return relay_lease_new(world->relay, &spec);
}

static void open_relay(struct world *world, bool keys)
{
	char url[64];
	struct err err = {0};
	struct relay_options options = {0};

	snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/", peer_port(world->peer));
	for (int i = 0; i < RELAY_PROVIDERS; i++)
		options.providers[i] = (struct relay_provider){.base_url = url,
			.key = keys ? &world->key : NULL,
			.plain_http = true};
	assert_int_equal(relay_open(&world->relay, &options, &err), 0);
}

static int set_up(void **state)
{
	struct world *world = mem_zalloc(sizeof *world);
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	world->go = fds[0];
	world->go_write = fds[1];
	lock_init(&world->lock);
	secret_set(&world->key, KEY, strlen(KEY));
	world->peer = peer_start(NULL, on_connection, world);
	open_relay(world, true);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	close(world->go_write);
	relay_close(world->relay);
	peer_stop(world->peer);
	close(world->go);
	secret_release(&world->key);
	lock_release(&world->lock);
	free(world);
	return 0;
}

/* What the other threads have written so far. */
static struct world *look(struct world *world)
{
	LOCKED(&world->lock);
	return world;
}

/* ---- tests ----------------------------------------------------------------------------- */

static void the_key_is_added_and_the_answer_streams(void **state)
{
	struct world *world = *state;
	CLEANUP(relay_lease) struct relay_lease *lease = lease_of(world, 0);
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	struct relay_usage usage;
	int fd = dial(lease);

	world->mode = WAIT_BETWEEN;
	post(fd, "/v1/messages?beta=true", ask_body);
	/* The first event is here although the provider has not gone on. */
	assert_true(hear(fd, &answer, "message_start\",\"message"));
	assert_int_equal(write(world->go_write, "x", 1), 1);
	assert_true(hear(fd, &answer, NULL));
	assert_non_null(strstr(answer.data, "content-type: text/event-stream\r\n"));
	assert_non_null(strstr(answer.data, "request-id: req_1\r\n"));
	assert_null(strcasestr(answer.data, "cookie"));
	assert_null(strstr(answer.data, "secret-org"));
	assert_non_null(
		strstr(look(world)->head, "POST /v1/messages?beta=true HTTP/1.1"));
	assert_non_null(strcasestr(look(world)->head, "x-api-key: " KEY "\r\n"));
	assert_non_null(strcasestr(look(world)->head, "anthropic-version: 2023-06-01"));
	assert_null(strstr(look(world)->head, "stolen"));
	assert_null(strcasestr(look(world)->head, "cookie"));
	assert_null(strcasestr(look(world)->head, "forwarded"));
	assert_string_equal(look(world)->body, ask_body);
	relay_lease_usage(lease, &usage);
	assert_int_equal(usage.calls, 1);
	assert_int_equal(usage.input_tokens, 100);
	assert_int_equal(usage.output_tokens, 40);
	assert_int_equal(usage.cost_microusd, 100 * 5 + 40 * 25);
	assert_int_equal(look(world)->told, 1);
	close(fd);
}

static void two_providers_on_one_connection(void **state)
{
	struct world *world = *state;
	CLEANUP(relay_lease) struct relay_lease *lease = lease_of(world, 0);
	int fd = dial(lease);

	for (int i = 0; i < 6; i++) {
		CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
		world->mode = i % 2 ? OPENAI : JSON;
		post(fd, i % 2 ? "/responses" : "/v1/messages", ask_body);
		assert_true(hear(fd, &answer, NULL));
		assert_int_equal(status_of(&answer), 200);
		assert_non_null(strcasestr(look(world)->head,
			i % 2 ? "authorization: Bearer " KEY : "x-api-key: " KEY));
		assert_non_null(strstr(look(world)->head,
			i % 2 ? "POST /v1/responses " : "POST /v1/messages "));
	}
	assert_int_equal(look(world)->last.cached_tokens, 900);
	assert_int_equal(look(world)->last.input_tokens, 100);
	close(fd);
}

static void chunked_and_expected_bodies(void **state)
{
	struct world *world = *state;
	CLEANUP(relay_lease) struct relay_lease *lease = lease_of(world, 0);
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	int fd = dial(lease);

	world->mode = GOOD;
	say(fd, "POST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
		"Expect: 100-continue\r\nConnection: close\r\n\r\n");
	assert_true(hear(fd, &answer, "HTTP/1.1 100 Continue\r\n\r\n"));
	say(fd, "6\r\n{\"mode\r\n");
	say(fd, "6\r\nl\":\"m\"\r\n1\r\n}\r\n0\r\n\r\n");
	strbuf_reset(&answer);
	assert_true(hear(fd, &answer, NULL));
	assert_string_equal(look(world)->body, "{\"model\":\"m\"}");
	assert_non_null(strstr(answer.data, "connection: close\r\n"));
	assert_false(hear(fd, &answer, "never"));
	close(fd);
}

static void only_some_paths_are_offered(void **state)
{
	struct world *world = *state;
	struct relay_lease_spec spec = {.allow = {[RELAY_OPENAI] = true}};
	CLEANUP(relay_lease) struct relay_lease *lease = lease_of(world, 0);
	CLEANUP(relay_lease)
	struct relay_lease *narrow = relay_lease_new(world->relay, &spec);
	static const struct {
		const char *line;
		int status;
	} cases[] = {{"HEAD / ", 200}, {"GET / ", 405}, {"GET /v1/messages ", 405},
		{"GET /v1/files ", 404}, {"DELETE /v1/messages ", 405},
		{"POST /v1/messages/batches ", 404}, {"POST /v1/messages/ ", 404},
		{"POST /v1//messages ", 404}, {"POST /v1/../v1/messages ", 404},
		{"POST /v1/v1/messages ", 404}, {"POST /v1/messages?beta=true&x=1 ", 404},
		{"GET /v1/organizations/api_keys ", 404}, {"POST /v1/embeddings ", 404},
		{"OPTIONS /v1/messages ", 405}, {"GET /v1 ", 404}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
		int fd = dial(lease);
		say(fd, cases[i].line);
		say(fd, "HTTP/1.1\r\nHost: x\r\n\r\n");
		hear(fd, &answer, NULL);
		if (status_of(&answer) != cases[i].status)
			fail_msg("%s: %d", cases[i].line, status_of(&answer));
		close(fd);
	}
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	assert_int_equal(ask(narrow, "/v1/messages", &answer), 403);
	assert_non_null(strstr(answer.data, "permission_error"));
	int fd = dial(lease);
	strbuf_reset(&answer);
	say(fd, "GET /v1/responses HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
		"Upgrade: websocket\r\n\r\n");
	hear(fd, &answer, NULL);
	assert_int_equal(status_of(&answer), 426);
	close(fd);
	assert_int_equal(look(world)->asked, 0);
}

static void hostile_requests_are_refused_and_go_nowhere(void **state)
{
	struct world *world = *state;
	CLEANUP(relay_lease) struct relay_lease *lease = lease_of(world, 0);
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{"\x16\x03\x01\x02", 0}, /* TLS; the box then closes */
		{"nonsense\r\n\r\n", 400},
		{"POST /v1/messages HTTP/1.0\r\nHost: x\r\n\r\n", 505},
		{"PRI * HTTP/2.0\r\n\r\n", 505},
		{"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
			400},
		{"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
		 "Content-Length: 4\r\n\r\n{}",
			400},
		{"POST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
		 "chunked\r\n\r\nzz\r\n",
			400},
		{"POST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n"
		 "ffffffff\r\n",
			0}, /* waits for 4 GiB; the box closes */
		{"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: "
		 "67108865\r\n\r\n",
			413},
		{"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\ncut",
			0},
		{"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
		 "Content-Length: 2\r\n\r\nxx",
			415},
		{"POST /v1/messages HTTP/1.1\r\nHost: x\r\nEvil: \x01\r\nContent-Length: "
		 "0\r\n\r\n",
			400},
		{"GET /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nxx",
			400},
		{"POST http://evil/v1/messages HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
		int fd = dial(lease);
		say(fd, cases[i].text);
		shutdown(fd, SHUT_WR);
		hear(fd, &answer, "never");
		int status = status_of(&answer);
		/* What was cut off is answered or not; it is never sent on. */
		if (cases[i].status ? status != cases[i].status
				    : status != 0 && status != 400)
			fail_msg("case %zu: %s", i, strbuf_str(&answer));
		close(fd);
	}
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(mem) char *endless = mem_zalloc(LIMIT_RELAY_HEAD + 10);
	memset(endless, 'a', LIMIT_RELAY_HEAD + 9);
	int fd = dial(lease);
	say(fd, endless);
	hear(fd, &answer, NULL);
	assert_int_equal(status_of(&answer), 431);
	close(fd);
	assert_int_equal(look(world)->asked, 0);
}

static bool say_reach(void *arg)
{
	return *(bool *)arg;
}

static void what_the_provider_reaches_follows_the_network(void **state)
{
	static const char search[] = "{\"model\":\"claude-opus-4-8\",\"tools\":[{"
				     "\"type\":\"web_search_20250305\"}]}";
	struct world *world = *state;
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	bool reaches = false;
	struct relay_lease_spec spec = {
		.allow = {true}, .reaches_all = say_reach, .reach_arg = &reaches};
	CLEANUP(relay_lease)
	struct relay_lease *lease = relay_lease_new(world->relay, &spec);

	world->mode = GOOD;
	for (int i = 0; i < 2; i++) {
		int fd = dial(lease);
		post(fd, i ? "/v1/messages" : "/v1/messages/count_tokens", search);
		strbuf_reset(&answer);
		hear(fd, &answer, NULL);
		assert_int_equal(status_of(&answer), 403);
		assert_non_null(strstr(answer.data, "web_search_20250305"));
		/* The connection goes on. */
		post(fd, "/v1/messages", "{\"tools\":");
		strbuf_reset(&answer);
		hear(fd, &answer, NULL);
		assert_int_equal(status_of(&answer), 400);
		close(fd);
	}
	assert_int_equal(look(world)->asked, 0);
	/* The policy of a box may change while its agent works. */
	reaches = true;
	int fd = dial(lease);
	post(fd, "/v1/messages", search);
	strbuf_reset(&answer);
	hear(fd, &answer, NULL);
	assert_int_equal(status_of(&answer), 200);
	close(fd);
	assert_int_equal(look(world)->asked, 1);
}

static void a_spent_budget_refuses_at_once(void **state)
{
	struct world *world = *state;
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(relay_lease) struct relay_lease *lease = lease_of(world, 2000);

	/* Each call costs 1,500: the second passes 2,000, the third is not made. */
	world->mode = GOOD;
	assert_int_equal(ask(lease, "/v1/messages", &answer), 200);
	assert_int_equal(ask(lease, "/v1/messages", &answer), 200);
	assert_int_equal(ask(lease, "/v1/messages", &answer), 402);
	assert_non_null(strstr(answer.data, "\"billing_error\""));
	assert_non_null(
		strstr(answer.data, "the budget of task-1 is spent: $0.0030 of $0.0020"));
	assert_non_null(strstr(answer.data, "x-should-retry: false"));
	assert_int_equal(ask(lease, "/v1/responses", &answer), 402);
	assert_non_null(strstr(answer.data, "insufficient_quota"));
	/* Counting is free, and more money helps. */
	world->mode = JSON;
	assert_int_equal(ask(lease, "/v1/messages/count_tokens", &answer), 200);
	relay_lease_budget(lease, 4000);
	assert_int_equal(ask(lease, "/v1/messages", &answer), 200);
	assert_int_equal(look(world)->told, 3);
	/* What earlier runs spent counts too. */
	struct relay_lease_spec spec = {.allow = {true},
		.budget_microusd = 10,
		.spent = {.calls = 1, .cost_microusd = 10}};
	CLEANUP(relay_lease)
	struct relay_lease *later = relay_lease_new(world->relay, &spec);
	assert_int_equal(ask(later, "/v1/messages", &answer), 402);
}

static void calls_under_way_are_reserved(void **state)
{
	struct world *world = *state;
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf first = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(relay_lease) struct relay_lease *lease = lease_of(world, 2000);
	int fd = dial(lease);

	world->mode = WAIT_BETWEEN;
	post(fd, "/v1/messages", ask_body);
	assert_true(hear(fd, &first, "message_start"));
	assert_int_equal(ask(lease, "/v1/messages", &answer), 402);
	assert_non_null(strstr(answer.data, "still under way"));
	assert_int_equal(write(world->go_write, "x", 1), 1);
	assert_true(hear(fd, &first, NULL));
	close(fd);
	world->mode = GOOD;
	assert_int_equal(ask(lease, "/v1/messages", &answer), 200);
}

static void failures_have_the_providers_shape(void **state)
{
	struct world *world = *state;
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(relay_lease) struct relay_lease *lease = lease_of(world, 0);

	world->mode = ECHO_KEY;
	assert_int_equal(ask(lease, "/v1/messages", &answer), 500);
	assert_non_null(strstr(answer.data, "your key *** made us fail"));
	world->mode = REFUSE_KEY;
	assert_int_equal(ask(lease, "/v1/responses", &answer), 401);
	assert_non_null(strstr(answer.data, "model.openai.key_file"));
	world->mode = REDIRECT;
	assert_int_equal(ask(lease, "/v1/messages", &answer), 502);
	assert_null(strstr(answer.data, "evil"));
	assert_non_null(strstr(answer.data, "{\"type\":\"error\",\"error\":{"));
	world->mode = PACKED;
	assert_int_equal(ask(lease, "/v1/messages", &answer), 502);
	assert_int_equal(look(world)->told, 0);
	/* Half an answer has no last chunk, and is paid for. */
	world->mode = CUT;
	assert_int_equal(ask(lease, "/v1/messages", &answer), 200);
	assert_false(str_ends(answer.data, "0\r\n\r\n"));
	assert_int_equal(look(world)->told, 1);
	assert_int_equal(look(world)->last.estimated, 1);
	assert_int_equal(look(world)->last.input_tokens, 100);
}

static void no_provider_and_no_key(void **state)
{
	struct world *world = *state;
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	struct relay *relay = NULL;
	struct err err = {0};
	struct relay_options options = {
		.providers = {[RELAY_ANTHROPIC] = {.base_url = "http://127.0.0.1:1",
				      .key = &world->key,
				      .plain_http = true}}};
	struct relay_lease_spec spec = {.allow = {true, true}};

	assert_int_equal(relay_open(&relay, &options, &err), 0);
	struct relay_lease *lease = relay_lease_new(relay, &spec);
	assert_int_equal(ask(lease, "/v1/messages", &answer), 503);
	assert_non_null(strstr(answer.data, "cannot be reached"));
	assert_int_equal(ask(lease, "/v1/responses", &answer), 403);
	assert_non_null(
		strstr(answer.data, "the operator has to set model.openai.key_file"));
	relay_lease_free(lease);
	relay_close(relay);
}

/* A key that the caller brought: it alone goes out, and a refusal names it and no setting. */
static void a_lease_brings_its_own_key(void **state)
{
	static const char own_text[] = "sk-own-0123456789abcdef";
	struct world *world = *state;
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(secret) struct secret own = {0};

	secret_set(&own, own_text, strlen(own_text));
	struct relay_lease_spec spec = {
		.allow = {true, true}, .key = {[RELAY_ANTHROPIC] = &own}};
	CLEANUP(relay_lease)
	struct relay_lease *lease = relay_lease_new(world->relay, &spec);
	assert_true(relay_has_key(world->relay, RELAY_OPENAI));
	assert_int_equal(ask(lease, "/v1/messages", &answer), 200);
	assert_non_null(strstr(look(world)->head, own_text));
	assert_null(strstr(look(world)->head, KEY));
	world->mode = OPENAI;
	assert_int_equal(ask(lease, "/v1/responses", &answer), 200);
	assert_non_null(strstr(look(world)->head, KEY));
	assert_null(strstr(look(world)->head, own_text));
	world->mode = REFUSE_KEY;
	assert_int_equal(ask(lease, "/v1/messages", &answer), 401);
	assert_non_null(strstr(answer.data, "the box's own key"));
	assert_null(strstr(answer.data, "key_file"));
}

static void a_cancel_ends_calls_at_once(void **state)
{
	struct world *world = *state;
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct relay_lease_spec spec = {.allow = {true, true}, .cancel = cancel};
	CLEANUP(relay_lease)
	struct relay_lease *lease = relay_lease_new(world->relay, &spec);
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	int hanging = dial(lease);
	int idle = dial(lease);

	world->mode = HANG;
	post(hanging, "/v1/messages", ask_body);
	for (int i = 0; i < 1000; i++) {
		if (look(world)->asked)
			break;
		usleep(5000);
	}
	int64_t start = clock_mono_ms();
	cancel_fire(cancel, "cancelled by a test");
	assert_false(hear(hanging, &answer, "never"));
	assert_false(hear(idle, &answer, "never"));
	assert_true(clock_mono_ms() - start < 400);
	assert_int_equal(answer.len, 0);
	close(hanging);
	close(idle);
}

static void a_box_has_only_so_many_connections(void **state)
{
	struct world *world = *state;
	struct relay_lease *lease = lease_of(world, 0);
	CLEANUP(relay_lease) struct relay_lease *other = lease_of(world, 0);
	CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
	int fds[LIMIT_RELAY_LEASE_CONNECTIONS + 1];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = dial(lease);
	assert_false(hear(fds[LIMIT_RELAY_LEASE_CONNECTIONS], &answer, "never"));
	/* Others do not suffer. */
	world->mode = GOOD;
	assert_int_equal(ask(other, "/v1/messages", &answer), 200);
	int64_t start = clock_mono_ms();
	relay_lease_free(lease);
	assert_true(clock_mono_ms() - start < 1000);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

/* Two of the largest at a time is what one task may hold. */
static void bodies_are_bounded_together(void **state)
{
	struct world *world = *state;
	CLEANUP(relay_lease) struct relay_lease *lease = lease_of(world, 0);
	int fds[3];
	int refused = 0;

	for (int i = 0; i < 3; i++) {
		fds[i] = dial(lease);
		say(fds[i], "POST /v1/messages HTTP/1.1\r\nHost: x\r\n"
			    "Content-Length: 67108864\r\n\r\n{");
	}
	for (int i = 0; i < 100 && refused == 0; i++) {
		for (int k = 0; k < 3; k++) {
			CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT(LIMIT_MIB);
			struct pollfd pfd = {.fd = fds[k], .events = POLLIN};
			if (poll(&pfd, 1, 20) <= 0)
				continue;
			hear(fds[k], &answer, NULL);
			assert_int_equal(status_of(&answer), 503);
			refused++;
		}
	}
	assert_int_equal(refused, 1);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

int main(void)
{
#define RELAY_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		RELAY_TEST(the_key_is_added_and_the_answer_streams),
		RELAY_TEST(two_providers_on_one_connection),
		RELAY_TEST(chunked_and_expected_bodies),
		RELAY_TEST(only_some_paths_are_offered),
		RELAY_TEST(hostile_requests_are_refused_and_go_nowhere),
		RELAY_TEST(what_the_provider_reaches_follows_the_network),
		RELAY_TEST(a_spent_budget_refuses_at_once),
		RELAY_TEST(calls_under_way_are_reserved),
		RELAY_TEST(failures_have_the_providers_shape),
		RELAY_TEST(no_provider_and_no_key),
		RELAY_TEST(a_lease_brings_its_own_key),
		RELAY_TEST(a_cancel_ends_calls_at_once),
		RELAY_TEST(a_box_has_only_so_many_connections),
		RELAY_TEST(bodies_are_bounded_together),
	};
	struct err err = {0};

	if (http_global_init(&err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_global_cleanup();
	return failed;
}
