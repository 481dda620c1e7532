/* SPDX-License-Identifier: MIT */
/* Whatever we say on GitHub passes here: no secret of ours, no broken bytes, no excess. */
#include "service/github/publish.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"

#include <string.h>

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
