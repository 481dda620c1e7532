/* SPDX-License-Identifier: MIT */
/* Foreign text: cleaning is final and leaves no comment. */
#include "prompts/untrusted.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct strbuf once = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	struct strbuf twice = STRBUF_INIT(LIMIT_TEXT_CLEAN);

	if (size > 64 * LIMIT_KIB)
		return 0;
	prompt_clean_untrusted(&once, text, size);
	if (!str_is_utf8(strbuf_str(&once), once.len) ||
		strlen(strbuf_str(&once)) != once.len ||
		strstr(strbuf_str(&once), "<!--"))
		abort();
	if (prompt_clean_untrusted(&twice, strbuf_str(&once), once.len) != 0 ||
		strcmp(strbuf_str(&once), strbuf_str(&twice)) != 0)
		abort();
	strbuf_release(&once);
	strbuf_release(&twice);
	return 0;
}
