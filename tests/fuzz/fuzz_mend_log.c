/* SPDX-License-Identifier: MIT */
/* Logs of checks: whatever comes in, valid UTF-8 of at most the size goes out, as lines
 * without controls. */
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/task/mend_log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_MIB);

	if (size < 2 || size > 64 * LIMIT_KIB)
		return 0;
	size_t max = (size_t)data[0] * 32 + data[1];
	mend_log_clean((const char *)data + 2, size - 2, max, &out);
	if (out.len > max || strbuf_failed(&out) ||
		!str_is_utf8(strbuf_str(&out), out.len))
		abort();
	for (size_t i = 0; i < out.len; i++)
		if ((unsigned char)out.data[i] < 0x20 && !strchr("\n\t", out.data[i]))
			abort();
	return 0;
}
