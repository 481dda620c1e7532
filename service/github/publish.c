/* SPDX-License-Identifier: MIT */
/* Whatever we say on GitHub passes here: no secret of ours, no broken bytes, no excess. */
#include "service/github/publish.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "service/github/text.h"

#include <string.h>

enum { NOTICE_ABOVE = 1000 }; /* a title has no room for a notice */

int publish_text(json_t *json, const char *key, const char *text, struct err *err)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf safe = STRBUF_INIT(LIMIT_COMMENT);

	str_clean_utf8(&clean, text, strlen(text), false);
	if (strbuf_check(&clean, key, err) < 0)
		return -1;
	secret_redact(&safe, strbuf_str(&clean), clean.len);
	if (strbuf_check(&safe, key, err) < 0)
		return -1;
	json_put(json, key, json_text(strbuf_str(&safe), safe.len));
	return 0;
}

void publish_cut(json_t *json, const char *key, const char *text, size_t max)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	CLEANUP(strbuf) struct strbuf safe = STRBUF_INIT(LIMIT_TEXT_CLEAN);

	str_clean_utf8(&clean, text, strlen(text), false);
	/* First what must not leave, so that no cut hides a part of it. */
	secret_redact(&safe, strbuf_str(&clean), clean.len);
	if (safe.len > max)
		github_text_cut(&safe, max, max > NOTICE_ABOVE ? "It was cut." : NULL);
	json_put(json, key, json_text(strbuf_str(&safe), safe.len));
}
