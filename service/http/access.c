/* SPDX-License-Identifier: MIT */
/* Who may: looking at a request's head before anything else does; see server.h. */
#include "service/http/internal.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/box/box_keys.h"
#include "service/http/guard.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* ---- the form of the head ---------------------------------------------------------------- */

/* Debian 12's library replaces each line end by NULs in its buffer and gives C strings into
 * it, so that what follows a NUL in a header is lost to us.  There, and only there, one
 * line must end exactly where the next one begins: value, NUL, NUL, name, NUL, value. */
struct head_walk {
	struct guard guard;
	const char *expect; /* where the next name must stand */
	bool plain;
};

static bool keeps_buffer(void)
{
	return strcmp(MHD_get_version(), "0.9.76") < 0;
}

static enum MHD_Result walk_header(void *arg, enum MHD_ValueKind kind, const char *name,
	size_t name_len, const char *value, size_t value_len)
{
	struct head_walk *walk = arg;

	(void)kind;
	if (!value)
		return MHD_YES;
	guard_header(&walk->guard, name, name_len, value, value_len);
	if (!keeps_buffer() || !walk->plain)
		return MHD_YES;
	walk->plain =
		name == walk->expect && value > name && value[value_len + 1] == '\0';
	walk->expect = value + value_len + 2;
	return MHD_YES;
}

/* "GET", a space, the target, a space, the version: nothing between them. */
static bool line_is_plain(const struct request *request, const char *version)
{
	const char *method = request->method;

	return method + strlen(method) + 1 == request->raw_at &&
	       request->raw_at + strlen(request->raw) + 1 == version;
}

static void refuse_head(struct request *request, int status, const char *sentence)
{
	atomic_fetch_add(&request->server->refused_heads, 1);
	request->close = true;
	reply_error(request, status, "malformed", "%s", sentence);
}

void head_check(struct request *request, const char *version)
{
	struct head_walk walk = {.guard = GUARD_INIT, .plain = true};
	struct err err = {0};
	int status;

	walk.expect = version + strlen(version) + 2;
	MHD_get_connection_values_n(
		request->connection, MHD_HEADER_KIND, walk_header, &walk);
	status = guard_finish(&walk.guard, request->method, version);
	if (status != 0) {
		refuse_head(request, status, walk.guard.err.text);
		return;
	}
	if (keeps_buffer() && (!walk.plain || !line_is_plain(request, version))) {
		refuse_head(request, 400,
			"The head has a NUL, a folded line, or a line that does not end "
			"in CR LF");
		return;
	}
	if (target_parse(&request->target, request->raw, strlen(request->raw), &err)) {
		refuse_head(request, err.kind == ERR_LIMIT ? 414 : 400, err.text);
		return;
	}
	request->content_length = walk.guard.content_length;
}

/* ---- keys -------------------------------------------------------------------------------- */

static bool is_operators(const struct http_app *app, const char *given)
{
	uint8_t claimed[SHA256_SIZE], ours[SHA256_SIZE];
	bool fits = false;

	/* Digests have one length, so that the time tells nothing of a key's. */
	crypto_sha256(given, strlen(given), claimed);
	for (size_t i = 0; i < app->key_count; i++) {
		crypto_sha256(app->keys[i].value, app->keys[i].len, ours);
		bool same = crypto_equal(claimed, ours, SHA256_SIZE);
		fits = fits || (same && secret_is_set(&app->keys[i]));
	}
	return fits;
}

/* A key of a row, by its digest; nothing of its own bytes is compared. */
static bool is_accounts(struct request *request, const char *given)
{
	struct boxes *boxes = request->server->app->boxes;
	char hex[SHA256_HEX_SIZE];
	struct err ignored = {0};

	if (!boxes)
		return false;
	crypto_sha256_hex(given, strlen(given), hex);
	if (boxes_key_owner(boxes, hex, &request->owner, &ignored))
		return false;
	request->caller = (struct box_caller){.account = request->owner.account,
		.write = request->owner.write,
		.operator= str_eq(request->owner.account, BOX_OPERATOR)};
	return true;
}

static const char *given_key(const struct request *request)
{
	static const char bearer[] = "Bearer ";
	const char *key = request_header(request, "X-Box-Api-Key");
	const char *authorization = request_header(request, "Authorization");

	if (key)
		return key;
	if (authorization && strncasecmp(authorization, bearer, sizeof(bearer) - 1) == 0)
		return authorization + sizeof(bearer) - 1;
	return NULL;
}

/* ---- programs of this machine ------------------------------------------------------------ */

static bool is_loopback_name(const char *host, size_t len)
{
	char name[64];
	struct in_addr v4;

	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (str_eq_nocase(name, "localhost") || str_eq(name, "[::1]"))
		return true;
	return inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* "host", "host:port", "[v6]:port". */
static bool is_loopback_authority(const char *text)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
	size_t len = end ? (size_t)(end + 1 - text) : strcspn(text, ":");

	if (text[len] != '\0' && text[len] != ':')
		return false;
	return is_loopback_name(text, len);
}

/* A page in this machine's browser can send requests here: under a name of its own that
 * points to loopback (Host), or from its own origin (Origin): another one than ours is refused
 * also when it is of loopback, for so are the public URLs of boxes.  A proxy that says so is
 * no program of this machine. */
static bool is_local(const struct request *request)
{
	static const char *const relayed[] = {
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"};
	static const char http[] = "http://";
	const char *host = request_header(request, "Host");
	const char *origin = request_header(request, "Origin");

	for (size_t i = 0; i < ARRAY_LEN(relayed); i++)
		if (request_header(request, relayed[i]))
			return false;
	if (!host || !is_loopback_authority(host))
		return false;
	if (!origin || cors_names(request->server->app, origin))
		return true;
	return str_starts(origin, http) && str_eq_nocase(origin + sizeof(http) - 1, host);
}

static const char no_key[] =
	"Invalid box API key: send a configured one in X-Box-Api-Key "
	"or as Authorization: Bearer.";

/* Keys that were made here look so; what does not is no key of ours. */
static bool looks_made(const char *key)
{
	return key && str_starts(key, "box_") && strlen(key) == 47;
}

/* Who calls, or a refusal. */
static void know_caller(struct request *request)
{
	const struct http_app *app = request->server->app;
	const char *key = given_key(request);

	request->caller = (struct box_caller){
		.account = BOX_OPERATOR, .write = true, .operator= true };
	if (key && app->key_count > 0 && is_operators(app, key))
		return;
	if (key && is_accounts(request, key))
		return;
	/* One that was revoked does not become the operator's. */
	if (app->key_count > 0 || looks_made(key)) {
		reply_error(request, 401, "key", "%s", no_key);
		return;
	}
	if (!request->server->local || !is_local(request))
		reply_error(request, 401, "key",
			"No API key is configured, so only programs of this machine may "
			"call; configure one to call from elsewhere or through a proxy.");
}

void access_check(struct request *request)
{
	const struct route *route = request->found.route;

	if (route->access != ACCESS_KEY && route->access != ACCESS_OPERATOR)
		return;
	know_caller(request);
	if (reply_given(request))
		return;
	if (route->access == ACCESS_OPERATOR && !request->caller.operator)
		reply_error(request, 403, "denied",
			"This is the operator's: the key of another account may not.");
	else if (!request->caller.write && !str_eq(request->method, "GET"))
		reply_error(request, 403, "denied",
			"This key may only look: its scope is \"read\".");
}
