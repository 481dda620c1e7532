/* SPDX-License-Identifier: MIT */
/* Set-up commands in the box of the checks. */
#include "service/task/verify_setup.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

#define SAID_MAX 1500 /* bytes of a failed command's end */

static bool is_wanted(const struct task_ctx *ctx)
{
	return ctx->file.check_setup && ctx->file.setup.count > 0;
}

const struct box_policy *verify_setup_policy(const struct task_ctx *ctx)
{
	static const struct box_policy open = {.mode = BOX_NETWORK_ALL};

	return is_wanted(ctx) ? &open : NULL;
}

static int run_one(struct task_ctx *ctx, const char *box, const char *dir,
	const char *command, struct cancel *limit, struct err *err)
{
	const char *const argv[] = {"sh", "-c", command, NULL};
	const char *const env[] = {"CI=true", "DEBIAN_FRONTEND=noninteractive", NULL};
	CLEANUP(run_result)
	struct run_result result = {.out = STRBUF_INIT(LIMIT_SETUP_OUTPUT),
		.err_out = STRBUF_INIT(LIMIT_SETUP_OUTPUT)};
	struct run_spec spec = {.argv = argv, .env = env, .cwd = dir};
	int64_t began = clock_mono_ms();

	if (run_capture(ctx->env->core, box, &spec, NULL, 0, &result, limit, err) < 0)
		return err_wrap(err, "set-up command `%.80s`", command);
	if (context_say(ctx, "verify", err, "set-up $ %.300s: exit %d in %lld ms",
		    command, result.exit_code, (long long)(clock_mono_ms() - began)) < 0)
		return -1;
	if (result.exit_code == 0)
		return 0;
	const char *said =
		strbuf_str(result.err_out.len > 0 ? &result.err_out : &result.out);
	size_t len = strlen(said);
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(SAID_MAX * 6);
	const char *end = len > SAID_MAX ? said + len - SAID_MAX : said;
	str_clean_utf8(&clean, end, strlen(end), false);
	return err_set(err, ERR_INPUT,
		"the set-up command `%.200s` ended with %d on this commit: %s", command,
		result.exit_code, strbuf_str(&clean));
}

int verify_setup_run(
	struct task_ctx *ctx, const char *box, const char *dir, struct err *err)
{
	/* Gated with nothing listed: nothing is reached. */
	static const struct box_policy none = {.mode = BOX_NETWORK_GATED};
	CLEANUP(cancel) struct cancel *limit = cancel_new(ctx->cancel);

	if (!is_wanted(ctx))
		return 0;
	cancel_deadline(limit, ctx->env->config->task_minutes * 60000,
		"the limit for setting the box of the checks up");
	for (size_t i = 0; i < ctx->file.setup.count; i++)
		if (run_one(ctx, box, dir, ctx->file.setup.items[i], limit, err) < 0)
			return -1;
	if (box_network_set(ctx->env->core, box, &none, ctx->cancel, err) < 0)
		return err_wrap(err, "take the network from the box of the checks");
	return 0;
}
