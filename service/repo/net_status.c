/* SPDX-License-Identifier: MIT */
/* HTTP statuses of a forge as errors. */
#include "service/repo/net_status.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <string.h>

/* The host of an absolute URL and nothing else of it: a query may hold a credential. */
static void host_of(const char *url, char *ret, size_t size)
{
	const char *at = strstr(url, "://");
	size_t n = 0;

	at = at ? at + 3 : "";
	size_t len = strcspn(at, "/?#");
	for (size_t i = 0; i < len; i++)
		if (at[i] == '@') {
			at += i + 1;
			len -= i + 1;
			i = 0;
		}
	for (; n < len && n + 1 < size && at[n] > ' ' && at[n] < 0x7f; n++)
		ret[n] = at[n];
	ret[n] = '\0';
}

static void first_line(struct strbuf *out, const char *body)
{
	str_clean_utf8(out, body, strcspn(body, "\r\n"), false);
	if (out->len > 200)
		out->data[str_utf8_cut(out->data, 200)] = '\0';
}

int net_status_error(int status, const char *location, int retry_after_s,
	const char *body, struct err *err)
{
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	char host[128];

	first_line(&line, body);
	const char *said = strbuf_str(&line), *colon = *said ? ": " : "";
	if (status >= 300 && status < 400) {
		host_of(location, host, sizeof host);
		return err_set(err, ERR_TRANSIENT,
			"the forge redirects (%d) to %s; redirects are not followed with "
			"a "
			"credential: has the repository been renamed?",
			status, *host ? host : "another place");
	}
	if (status == 401)
		return err_set(err, ERR_TRANSIENT,
			"the forge refused the credential (401)%s%s", colon, said);
	if (status == 429 || status >= 500 || (status == 403 && retry_after_s > 0)) {
		err_set(err, ERR_TRANSIENT, "the forge answered %d%s%s", status, colon,
			said);
		err->retry_after_s = retry_after_s;
		return -1;
	}
	if (status == 403)
		return err_set(
			err, ERR_DENIED, "the forge forbids it (403)%s%s", colon, said);
	if (status == 404 || status == 410)
		return err_set(err, ERR_NOT_FOUND,
			"the forge knows no such repository, or the credential may not "
			"see it "
			"(%d)",
			status);
	if (status == 413)
		return err_set(
			err, ERR_LIMIT, "the forge finds the push too large (413)");
	return err_set(
		err, ERR_INTERNAL, "the forge answered %d%s%s", status, colon, said);
}
