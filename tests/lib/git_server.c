/* SPDX-License-Identifier: MIT */
/* git http-backend as a CGI program. */
#include "tests/lib/git_server.h"

#include "tests/lib/git_tool.h"
#include "tests/lib/peer.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct git_server {
	struct peer *peer;
	char *root;
	char *basic; /* the header's value that is wanted, or NULL */

	struct lock lock;
	enum git_fault fault;
	char where[64];
	int times;
	void (*before_push)(void *arg);
	void *before_push_arg;
	int requests;
	int refused;
	size_t received;
};

/* ---- faults ---- */

static enum git_fault next_fault(struct git_server *s, const char *target)
{
	LOCKED(&s->lock);
	if (s->fault == GIT_FAULT_NONE || !strstr(target, s->where))
		return GIT_FAULT_NONE;
	enum git_fault fault = s->fault;
	if (s->times > 0 && --s->times == 0)
		s->fault = GIT_FAULT_NONE;
	return fault;
}

static void flood(int fd, const char *type)
{
	char block[65536];

	memset(block, '0', sizeof block);
	peer_printf(fd, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n", type);
	while (peer_write(fd, block, sizeof block))
		continue;
}

/* Answers in git's place; false when the request should go on. */
static bool answer_fault(
	struct git_server *s, int fd, enum git_fault fault, const struct peer_request *r)
{
	const char *type = strstr(r->target, "upload-pack")
				   ? "application/x-git-upload-pack-advertisement"
				   : "application/x-git-receive-pack-advertisement";

	(void)s;
	switch (fault) {
	case GIT_FAULT_REDIRECT:
		peer_printf(fd,
			"HTTP/1.1 301 Moved\r\nLocation: http://elsewhere.example/x\r\n"
			"Content-Length: 0\r\n\r\n");
		return true;
	case GIT_FAULT_SILENT: peer_hang(fd); return true;
	case GIT_FAULT_FLOOD: flood(fd, type); return true;
	case GIT_FAULT_BUSY:
		peer_printf(fd, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n"
				"Content-Length: 8\r\n\r\ncome back");
		return true;
	case GIT_FAULT_FORBIDDEN:
		peer_answer(fd, 403, "text/plain",
			"Resource not accessible by integration\n");
		return true;
	case GIT_FAULT_HTML:
		peer_answer(fd, 200, "text/html", "<html>sign in</html>");
		return true;
	case GIT_FAULT_GARBAGE:
		peer_answer(fd, 200, type, "zzzz not a pkt-line");
		return true;
	case GIT_FAULT_NONE:
	case GIT_FAULT_CUT:
	case GIT_FAULT_STALL:
	case GIT_FAULT_FLIP: return false;
	}
	return false;
}

/* ---- the CGI call ---- */

static int body_file(const struct peer_request *r)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	for (size_t at = 0; fd >= 0 && at < r->body_len;) {
		ssize_t n = pwrite(fd, r->body + at, r->body_len - at, (off_t)at);
		if (n <= 0)
			abort();
		at += (size_t)n;
	}
	return fd;
}

static char *call_backend(
	struct git_server *s, const struct peer_request *r, size_t *ret_len)
{
	static const char *const argv[] = {"git", "http-backend", NULL};
	CLEANUP(fd) int input = body_file(r);
	const char *query = strchr(r->target, '?');
	int path_len = query ? (int)(query - r->target) : (int)strlen(r->target);
	char type[128] = "", *env[16] = {0}, *out = NULL;
	size_t n = 0;

	peer_header(r, "content-type", type, sizeof type);
	env[n++] = mem_strdup("PATH=/usr/local/bin:/usr/bin:/bin");
	env[n++] = mem_strdup("GIT_HTTP_EXPORT_ALL=1");
	env[n++] = mem_strdup("GIT_CONFIG_GLOBAL=/dev/null");
	env[n++] = mem_strdup("GIT_CONFIG_NOSYSTEM=1");
	env[n++] = mem_strdup("GIT_CONFIG_COUNT=1");
	env[n++] = mem_strdup("GIT_CONFIG_KEY_0=safe.directory");
	env[n++] = mem_strdup("GIT_CONFIG_VALUE_0=*");
	env[n++] = mem_printf("GIT_PROJECT_ROOT=%s", s->root);
	env[n++] = mem_printf("PATH_INFO=%.*s", path_len, r->target);
	env[n++] = mem_printf("QUERY_STRING=%s", query ? query + 1 : "");
	env[n++] = mem_printf("REQUEST_METHOD=%s", r->method);
	env[n++] = mem_printf("CONTENT_TYPE=%s", type);
	env[n++] = mem_printf("CONTENT_LENGTH=%zu", r->body_len);
	env[n++] = mem_strdup("REMOTE_USER=app");
	env[n++] = mem_strdup("REMOTE_ADDR=127.0.0.1");
	tool_run(argv, (const char *const *)env, input, 1, &out, ret_len);
	for (size_t i = 0; i < n; i++)
		free(env[i]);
	return out;
}

/* From CGI's head to HTTP's. */
static void send_answer(int fd, enum git_fault fault, char *out, size_t len)
{
	char *body = memmem(out, len, "\r\n\r\n", 4);
	const char *status = "200 OK";

	if (!body) {
		peer_answer(fd, 500, "text/plain", "no CGI answer");
		return;
	}
	*body = '\0';
	body += 4;
	size_t body_len = len - (size_t)(body - out);
	if (str_starts(out, "Status: "))
		status = out + 8;
	peer_printf(fd, "HTTP/1.1 %.*s\r\nContent-Length: %zu\r\n%s\r\n\r\n",
		(int)strcspn(status, "\r\n"), status, body_len, out);
	char *pack = memmem(body, body_len, "PACK", 4);
	if (fault == GIT_FAULT_FLIP && pack && body_len - (size_t)(pack - body) > 100)
		pack[40] ^= 0x10;
	if (fault != GIT_FAULT_CUT && fault != GIT_FAULT_STALL) {
		peer_write(fd, body, body_len);
		return;
	}
	peer_write(fd, body, body_len / 2);
	if (fault == GIT_FAULT_STALL)
		peer_hang(fd);
}

static bool allowed(struct git_server *s, const struct peer_request *r)
{
	char value[1024] = "";

	if (!s->basic)
		return true;
	return peer_header(r, "authorization", value, sizeof value) &&
	       str_eq(value, s->basic);
}

static bool serve(struct git_server *s, int fd, const struct peer_request *r)
{
	enum git_fault fault = next_fault(s, r->target);
	void (*before)(void *) = NULL;
	size_t len;

	lock_take(&s->lock);
	s->requests++;
	s->received += r->body_len;
	if (r->body_len > 4 && strstr(r->target, "git-receive-pack"))
		before = s->before_push;
	lock_give(&s->lock);
	if (answer_fault(s, fd, fault, r))
		return false;
	if (!allowed(s, r)) {
		lock_take(&s->lock);
		s->refused++;
		lock_give(&s->lock);
		return peer_answer(fd, 401, "text/plain", "Bad credentials\n");
	}
	if (before)
		before(s->before_push_arg);
	CLEANUP(mem) char *out = call_backend(s, r, &len);
	send_answer(fd, fault, out, len);
	return fault == GIT_FAULT_NONE;
}

static void handle(void *arg, struct peer *peer, int fd)
{
	struct git_server *s = arg;
	bool more = true;

	(void)peer;
	while (more) {
		CLEANUP(peer_request) struct peer_request r = {0};
		more = peer_request(fd, &r) && serve(s, fd, &r);
	}
}

/* ---- from outside ---- */

struct git_server *git_server_start(const char *root, const char *token)
{
	struct git_server *s = mem_zalloc(sizeof *s);

	lock_init(&s->lock);
	s->root = mem_strdup(root);
	if (token) {
		CLEANUP(mem) char *plain = mem_printf("x-access-token:%s", token);
		struct strbuf coded = STRBUF_INIT(4096);
		strbuf_adds(&coded, "Basic ");
		str_base64(&coded, plain, strlen(plain));
		s->basic = strbuf_take(&coded);
	}
	s->peer = peer_start(NULL, handle, s);
	return s;
}

void git_server_stop(struct git_server *s)
{
	peer_stop(s->peer);
	lock_release(&s->lock);
	free(s->root);
	free(s->basic);
	free(s);
}

char *git_server_url(const struct git_server *s, const char *name)
{
	return mem_printf("http://127.0.0.1:%u/%s", (unsigned)peer_port(s->peer), name);
}

void git_server_fault(
	struct git_server *s, enum git_fault fault, const char *where, int times)
{
	LOCKED(&s->lock);
	s->fault = fault;
	s->times = times;
	str_copy(s->where, sizeof s->where, where ? where : "");
}

void git_server_before_push(struct git_server *s, void (*fn)(void *arg), void *arg)
{
	LOCKED(&s->lock);
	s->before_push = fn;
	s->before_push_arg = arg;
}

int git_server_requests(struct git_server *s)
{
	LOCKED(&s->lock);
	return s->requests;
}

int git_server_refused(struct git_server *s)
{
	LOCKED(&s->lock);
	return s->refused;
}

size_t git_server_received(struct git_server *s)
{
	LOCKED(&s->lock);
	return s->received;
}
