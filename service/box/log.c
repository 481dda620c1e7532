/* SPDX-License-Identifier: MIT */
/* A line of a box's log. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store_box_log.h"

#include <string.h>

void boxes_log(struct boxes *boxes, const char *box_id, const char *level,
	const char *source, const char *fmt, ...)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	CLEANUP(mem) char *given_level = mem_strdup(level);
	CLEANUP(mem) char *given_source = mem_strdup(source);
	va_list ap;

	va_start(ap, fmt);
	CLEANUP(mem) char *text = mem_vprintf(fmt, ap);
	va_end(ap);
	size_t len = strlen(text);
	if (len > LIMIT_BOX_LOG)
		len = str_utf8_cut(text, LIMIT_BOX_LOG);
	secret_redact(&clean, text, len);
	CLEANUP(mem) char *message = strbuf_take(&clean);
	struct store_box_log line = {
		.at_ms = clock_wall_ms(),
		.level = given_level,
		.source = given_source,
		.message = message ? message : text,
	};
	store_box_log_append(boxes->options.store, box_id, &line);
}
