/* SPDX-License-Identifier: MIT */
/* Set-up commands in the box of the checks. */
#include "service/task/verify_setup.h"

#include "boxcore/base/mem.h"
#include "service/task/prepared.h"

static bool is_wanted(const struct task_ctx *ctx)
{
	return ctx->file.check_setup && ctx->file.setup.count > 0;
}

const struct box_policy *verify_setup_policy(const struct task_ctx *ctx)
{
	static const struct box_policy open = {.mode = BOX_NETWORK_ALL};

	return is_wanted(ctx) ? &open : NULL;
}

int verify_setup_run(struct task_ctx *ctx, const char *box, struct err *err)
{
	/* Gated with nothing listed: nothing is reached. */
	static const struct box_policy none = {.mode = BOX_NETWORK_GATED};
	CLEANUP(cancel) struct cancel *limit = cancel_new(ctx->cancel);

	if (!is_wanted(ctx))
		return 0;
	cancel_deadline(limit, ctx->env->config->task_minutes * 60000,
		"the limit for setting the box of the checks up");
	for (size_t i = 0; i < ctx->file.setup.count; i++) {
		CLEANUP(mem) char *said = NULL;

		if (prepared_setup(ctx, box, "verify", ctx->file.setup.items[i], limit,
			    &said, err) < 0)
			return -1;
		if (said)
			return err_set(err, ERR_INPUT,
				"on this commit, the set-up command %s", said);
	}
	if (box_network_set(ctx->env->core, box, &none, ctx->cancel, err) < 0)
		return err_wrap(err, "take the network from the box of the checks");
	return 0;
}
