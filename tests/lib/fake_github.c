/* SPDX-License-Identifier: MIT */
/* The scripted GitHub: tokens by rule, everything else by the test's list. */
#include "tests/lib/fake_github.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/json.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void http_date(int64_t at, char buf[64])
{
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(buf, 64, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static int64_t now_of(struct fake_github *fake)
{
	return clock_wall_s() + fake->skew_s;
}

static void send_answer(struct fake_github *fake, int fd, int status, const char *headers,
	const char *body)
{
	char date[64];

	http_date(now_of(fake), date);
	peer_printf(fd,
		"HTTP/1.1 %d X\r\nDate: %s\r\nContent-Type: application/json\r\n%s"
		"Content-Length: %zu\r\n\r\n%s",
		status, date, headers ? headers : "", strlen(body), body);
}

/* By our clock: not from the future, not over, at most ten minutes ahead. */
static bool jwt_valid(struct fake_github *fake, const char *auth)
{
	struct err err = {0};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(4096);
	const char *dot = strchr(auth, '.');
	const char *end = dot ? strchr(dot + 1, '.') : NULL;
	char part[1024];

	if (!str_starts(auth, "Bearer eyJ") || !end)
		return false;
	snprintf(part, sizeof part, "%.*s", (int)(end - dot - 1), dot + 1);
	for (char *c = part; *c; c++)
		*c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
	size_t len = strlen(part);
	while (len % 4 && len + 1 < sizeof part)
		part[len++] = '=';
	if (!str_unbase64(&text, part, len))
		return false;
	CLEANUP(json) json_t *claims = json_parse(strbuf_str(&text), text.len, &err);
	int64_t now = now_of(fake);
	int64_t iat = json_or_int(claims, "iat", 0);
	int64_t exp = json_or_int(claims, "exp", 0);
	return iat > 0 && iat <= now && exp > now && exp <= now + 600 &&
	       str_eq(json_or_string(claims, "iss", ""), "4242");
}

static void mint(struct fake_github *fake, const struct peer_request *request, int fd)
{
	char body[512];
	char expires[CLOCK_ISO_SIZE];

	if (fake->strict_jwt && !jwt_valid(fake, fake->mint_auth)) {
		send_answer(fake, fd, 401, NULL,
			"{\"message\":\"'Issued at' claim ('iat') must be past\"}");
		return;
	}
	str_copy(fake->mint_body, sizeof fake->mint_body, request->body);
	if (fake->no_grant > 0) {
		fake->no_grant--;
		send_answer(fake, fd, 422, NULL,
			"{\"message\":\"The permissions requested are not granted to "
			"this installation.\"}");
		return;
	}
	fake->mints++;
	clock_iso(now_of(fake) + fake->life_s, expires, sizeof expires);
	snprintf(body, sizeof body,
		"{\"token\":\"%s%d\",\"expires_at\":\"%s\",\"permissions\":{}}",
		fake->token_prefix, fake->mints, expires);
	send_answer(fake, fd, 201, NULL, body);
}

/* false ends the connection. */
static bool handle_one(
	struct fake_github *fake, const struct peer_request *request, int fd)
{
	LOCKED(&fake->lock);
	char auth[4096] = "";

	peer_header(request, "authorization", auth, sizeof auth);
	if (str_ends(request->target, "/access_tokens")) {
		str_copy(fake->mint_auth, sizeof fake->mint_auth, auth);
		mint(fake, request, fd);
		return true;
	}
	if (str_eq(request->target, "/installation/token")) {
		fake->revocations++;
		str_copy(fake->revoked, sizeof fake->revoked, auth);
		send_answer(fake, fd, 204, NULL, "");
		return true;
	}
	fake->requests++;
	str_copy(fake->method, sizeof fake->method, request->method);
	str_copy(fake->target, sizeof fake->target, request->target);
	str_copy(fake->auth, sizeof fake->auth, auth);
	fake->etag[0] = '\0';
	peer_header(request, "if-none-match", fake->etag, sizeof fake->etag);
	str_copy(fake->body, sizeof fake->body, request->body ? request->body : "");
	if (fake->nanswers == 0) {
		send_answer(fake, fd, 500, NULL, "{\"message\":\"nothing queued\"}");
		return true;
	}
	const struct fake_answer *answer = &fake->answers[fake->used];
	if (fake->used + 1 < fake->nanswers)
		fake->used++;
	if (!answer->body)
		return false;
	send_answer(fake, fd, answer->status, answer->headers, answer->body);
	return true;
}

static void handle(void *arg, struct peer *peer, int fd)
{
	struct peer_request r;

	(void)peer;
	while (peer_request(fd, &r)) {
		CLEANUP(peer_request) struct peer_request request = r;
		if (!handle_one(arg, &request, fd))
			return;
	}
}

void fake_github_start(struct fake_github *fake)
{
	memset(fake, 0, sizeof *fake);
	lock_init(&fake->lock);
	fake->life_s = 3600;
	str_copy(fake->token_prefix, sizeof fake->token_prefix, "ghs_tok-0123456789-");
	fake->peer = peer_start(NULL, handle, fake);
}

void fake_github_stop(struct fake_github *fake)
{
	peer_stop(fake->peer);
	lock_release(&fake->lock);
}

void fake_github_url(const struct fake_github *fake, char *buf, size_t size)
{
	snprintf(buf, size, "http://127.0.0.1:%u", (unsigned)peer_port(fake->peer));
}

void fake_github_answers(struct fake_github *fake, const struct fake_answer *answers)
{
	LOCKED(&fake->lock);
	fake->nanswers = 0;
	fake->used = 0;
	while (answers[fake->nanswers].status != 0) {
		fake->answers[fake->nanswers] = answers[fake->nanswers];
		fake->nanswers++;
	}
}

void fake_github_answer(
	struct fake_github *fake, int status, const char *headers, const char *body)
{
	const struct fake_answer answers[] = {{status, headers, body}, {0, NULL, NULL}};

	fake_github_answers(fake, answers);
}

int fake_github_requests(struct fake_github *fake)
{
	LOCKED(&fake->lock);
	return fake->requests;
}

int fake_github_mints(struct fake_github *fake)
{
	LOCKED(&fake->lock);
	return fake->mints;
}
