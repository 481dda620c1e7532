/* SPDX-License-Identifier: MIT */
/* What may pass the git relay: git's smart HTTP of one repository. */
#include "service/relay/git_impl.h"

#include <string.h>

static bool take_word(struct slice *rest, const char *word)
{
	size_t n = strlen(word);

	if (rest->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char a = rest->p[i], b = word[i];

		if (a >= 'A' && a <= 'Z')
			a = (char)(a - 'A' + 'a');
		if (b >= 'A' && b <= 'Z')
			b = (char)(b - 'A' + 'a');
		if (a != b)
			return false;
	}
	rest->p += n;
	rest->n -= n;
	return true;
}

/* Below our one repository?  Names are compared as GitHub does, without their case. */
static bool is_ours(const struct git_relay *relay, struct slice *path)
{
	if (!take_word(path, "/") || !take_word(path, relay->owner) ||
		!take_word(path, "/") || !take_word(path, relay->name))
		return false;
	take_word(path, ".git");
	return path->n > 0 && path->p[0] == '/';
}

static int check_body(const struct relay_head *head, struct err *err)
{
	const struct slice *coding = relay_head_find(head, "content-encoding");

	if (slice_eq(head->method, "GET") && (head->chunked || head->content_length)) {
		err_set(err, ERR_INPUT, "a GET has no body");
		return 400;
	}
	if (coding && !slice_eq(*coding, "gzip") && !slice_eq(*coding, "identity")) {
		err_set(err, ERR_INPUT, "git packs its requests with gzip alone");
		return 415;
	}
	return 0;
}

/* 0, or the status that the request deserves, with why. */
int git_route_find(const struct git_relay *relay, struct git_call *call, struct err *err)
{
	static const struct {
		const char *method, *path, *query, *out;
		bool write;
	} routes[] = {
		{"GET", "/info/refs", "service=git-upload-pack",
			"/info/refs?service=git-upload-pack", false},
		{"GET", "/info/refs", "service=git-receive-pack",
			"/info/refs?service=git-receive-pack", true},
		{"POST", "/git-upload-pack", "", "/git-upload-pack", false},
		{"POST", "/git-receive-pack", "", "/git-receive-pack", true},
	};
	struct slice rest = call->head.path;

	if (!is_ours(relay, &rest)) {
		err_set(err, ERR_DENIED,
			"only %s/%s passes here, for as long as one git "
			"command runs",
			relay->owner, relay->name);
		return 403;
	}
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!slice_eq(call->head.method, routes[i].method) ||
			!slice_eq(rest, routes[i].path) ||
			!slice_eq(call->head.query, routes[i].query))
			continue;
		if (routes[i].write && !relay->push) {
			err_set(err, ERR_DENIED, "this command may only read %s/%s",
				relay->owner, relay->name);
			return 403;
		}
		call->rest = routes[i].out;
		return check_body(&call->head, err);
	}
	err_set(err, ERR_NOT_FOUND, "nothing but git's smart HTTP passes here");
	return 404;
}
