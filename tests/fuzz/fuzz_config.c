/* SPDX-License-Identifier: MIT */
/*
 * The service's file: a refusal names it, and what is accepted can be shown and keeps the
 * bounds that the table states.
 */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/config/config-internal.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(config) struct config config = {0};
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(16 * LIMIT_MIB);
	struct err err = {0};

	if (config_parse(&config, "b.yml", size ? (const char *)data : "", size, &err) <
		0) {
		if (!str_starts(err.text, "b.yml:") || config.listen)
			abort();
		return 0;
	}
	for (size_t i = 0; i < config_settings_count; i++) {
		const struct setting *row = &config_settings[i];
		const char *at = (const char *)&config + row->offset;
		double number = row->min;

		if (row->type == SETTING_INT)
			number = (double)*(const int64_t *)(const void *)at;
		if (row->type == SETTING_REAL)
			number = *(const double *)(const void *)at;
		/* A default may lie outside: 0 stands for "not set". */
		if ((number < row->min || number > row->max) &&
			(number < row->number || number > row->number))
			abort();
	}
	config_dump(&config, &out);
	if (strbuf_failed(&out))
		abort();
	return 0;
}
