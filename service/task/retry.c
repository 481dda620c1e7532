/* SPDX-License-Identifier: MIT */
/* Retries by the kind of error alone. */
#include "service/task/retry.h"

#define WRITE_FIRST_MS 500
#define WRITE_MAX_MS 30000

static bool worth_again(enum err_kind kind)
{
	switch (kind) {
	case ERR_TRANSIENT: return true;
	case ERR_NONE:
	case ERR_INPUT:
	case ERR_DENIED:
	case ERR_NOT_FOUND:
	case ERR_CONFLICT:
	case ERR_LIMIT:
	case ERR_UNABLE:
	case ERR_QUOTA:
	case ERR_UNSUPPORTED:
	case ERR_CANCELLED:
	case ERR_INTERNAL: return false;
	}
	return false;
}

struct retry retry_decide(const struct err *err, int64_t attempt, int64_t attempts,
	int64_t first_ms, uint32_t spread)
{
	bool limited = err->kind == ERR_TRANSIENT && err->limited;
	struct retry retry = {
		.again = limited || (worth_again(err->kind) && attempt < attempts),
		.counted = !limited};

	if (!retry.again)
		return retry;
	if (limited)
		attempt = 1;
	int64_t wait = first_ms;
	for (int64_t i = 1; i < attempt && wait < RETRY_WAIT_MAX_MS; i++)
		wait *= 2;
	wait += wait / 4 * (int64_t)(spread % 100) / 100;
	if (err->retry_after_s > 0 && wait < (int64_t)err->retry_after_s * 1000)
		wait = (int64_t)err->retry_after_s * 1000;
	retry.wait_ms = wait > RETRY_WAIT_MAX_MS ? RETRY_WAIT_MAX_MS : wait;
	return retry;
}

bool retry_write(const struct err *err, int64_t *wait_ms, struct cancel *stop)
{
	struct err stopped = {0};

	if (!worth_again(err->kind))
		return false;
	*wait_ms = *wait_ms == 0 ? WRITE_FIRST_MS : *wait_ms * 2;
	if (*wait_ms > WRITE_MAX_MS)
		*wait_ms = WRITE_MAX_MS;
	return cancel_sleep(stop, *wait_ms, &stopped) == 0;
}
