/* SPDX-License-Identifier: MIT */
/* Rows of checks: effects of a kind of their own, with the result as what was wanted. */
#include "service/task/checks.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/task/effects.h"

#include <string.h>

#define KIND "check"
#define SLOT_SIZE 32

void checks_key(const struct task_ctx *ctx, char ret[CHECKS_KEY_SIZE])
{
	const struct store_task *task = ctx->task;
	CLEANUP(mem)
	char *all = mem_printf("1\n%s\n%s\n%s", task->tree_oid ? task->tree_oid : "",
		task->base_oid ? task->base_oid : "",
		task->prepared_key ? task->prepared_key : "");
	char hex[SHA256_HEX_SIZE];

	crypto_sha256_hex(all, strlen(all), hex);
	memcpy(ret, hex, CHECKS_KEY_SIZE - 1);
	ret[CHECKS_KEY_SIZE - 1] = '\0';
}

static const char *slot_of(const struct task_ctx *ctx, size_t index, char slot[SLOT_SIZE])
{
	char key[CHECKS_KEY_SIZE];

	checks_key(ctx, key);
	snprintf(slot, SLOT_SIZE, "%s-%02zu", key, index);
	return slot;
}

int checks_load(struct task_ctx *ctx, struct checks *ret, struct err *err)
{
	CLEANUP(store_effects) struct store_effects list = {0};
	CLEANUP(checks) struct checks found = {0};
	char key[CHECKS_KEY_SIZE];

	/* `test` has no result of its own: its checks are of the commit that is there. */
	if (str_empty(ctx->task->tree_oid) && !str_eq(ctx->task->verb, "test"))
		return 0;
	checks_key(ctx, key);
	if (store_effect_list(ctx->env->store, ctx->task->id, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		CLEANUP(check) struct check check = {0};

		if (!str_eq(list.rows[i].kind, KIND) ||
			!str_starts(list.rows[i].slot, key))
			continue;
		if (check_parse(list.rows[i].want, &check, err) < 0)
			return err_wrap(err, "check %s", list.rows[i].slot);
		checks_add(&found, &check);
	}
	*ret = found;
	found = (struct checks){0};
	return 0;
}

int checks_keep(
	struct task_ctx *ctx, size_t index, const struct check *check, struct err *err)
{
	CLEANUP(strbuf) struct strbuf row = STRBUF_INIT(LIMIT_STORE_TEXT);
	char slot[SLOT_SIZE], words[100];
	struct store_effect_key key = effect_key(ctx, KIND, slot_of(ctx, index, slot));

	if (check_print(check, &row, err) < 0 ||
		store_effect_plan(ctx->env->store, &key, strbuf_str(&row), NULL,
			ctx->cancel, err) < 0)
		return -1;
	check_words(check, words);
	return store_effect_done(ctx->env->store, &key, words, NULL, ctx->cancel, err);
}

bool checks_known(struct task_ctx *ctx, size_t index)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	char slot[SLOT_SIZE];
	struct err ignored = {0};

	return effect_find(ctx, KIND, slot_of(ctx, index, slot), &row, &ignored) > 0;
}

char *checks_box(const struct task_ctx *ctx)
{
	return mem_printf("task-%lld" TASK_CHECK_BOX, (long long)ctx->task->id);
}

int checks_box_remove(struct task_ctx *ctx, struct err *err)
{
	CLEANUP(mem) char *box = checks_box(ctx);
	struct err gone = {0};

	if (box_delete(ctx->env->core, box, ctx->cancel, &gone) == 0 ||
		gone.kind == ERR_NOT_FOUND)
		return 0;
	*err = gone;
	return err_wrap(err, "delete the box of the checks");
}
