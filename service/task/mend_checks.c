/* SPDX-License-Identifier: MIT */
/*
 * Failed checks: which they are, and what they said.
 *
 * A job of GitHub Actions has a log; any other check has only what its App wrote into it.
 * One that cannot be read costs no repair: the others and the name are still there.
 */
#include "service/task/mend_checks.h"

#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/untrusted.h"
#include "service/task/about.h"
#include "service/task/mend_log.h"

#include <string.h>

#define ANNOTATIONS_MAX (8 * LIMIT_KIB)

static bool has_failed(const struct github_check *check)
{
	static const char *const words[] = {"failure", "timed_out", "startup_failure"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(check->conclusion, words[i]))
			return true;
	return false;
}

static size_t count_failed(const struct github_checks *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		n += has_failed(&list->rows[i]);
	return n;
}

/* A part of the event's check. */
static char *of_event(const struct task_ctx *ctx, const char *path)
{
	struct err ignored = {0};
	const char *about = ctx->task->about;
	CLEANUP(json)
	json_t *json =
		str_empty(about) ? NULL : json_parse(about, strlen(about), &ignored);

	return mem_strdup(json_or_string(json, path, ""));
}

static int load(struct task_ctx *ctx, struct github_checks *ret, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	CLEANUP(mem) char *head = about_text(ctx->task->about, "head");

	if (str_empty(head))
		return 0;
	if (github_checks_get(ctx->env->github, &repo, head, ret, ctx->cancel, err) < 0)
		return err_wrap(err, "read the checks of %.12s", head);
	return 0;
}

int mend_checks_fail(struct task_ctx *ctx, bool *ret, struct err *err)
{
	CLEANUP(github_checks) struct github_checks list = {0};
	CLEANUP(mem) char *kind = of_event(ctx, "check.kind");

	if (load(ctx, &list, err) < 0)
		return -1;
	*ret = count_failed(&list) > 0 || !str_eq(kind, "check_run");
	return 0;
}

/* Never an error but for a cancel or a GitHub that may answer later. */
static int read_log(struct task_ctx *ctx, const struct github_check *check,
	struct strbuf *ret, struct err *err)
{
	struct github_repo repo = context_repo(ctx);
	struct err why = {0};

	if (check->actions &&
		github_job_log(ctx->env->github, &repo, check->id, LIMIT_MEND_RAW, ret,
			ctx->cancel, &why) == 0 &&
		ret->len > 0)
		return 0;
	if (why.kind == ERR_CANCELLED) {
		*err = why;
		return -1;
	}
	strbuf_reset(ret);
	strbuf_adds(ret, check->output);
	strbuf_addc(ret, '\n');
	why = (struct err){0};
	if (github_check_annotations(ctx->env->github, &repo, check->id, ANNOTATIONS_MAX,
		    ret, ctx->cancel, &why) < 0 &&
		why.kind == ERR_CANCELLED) {
		*err = why;
		return -1;
	}
	return 0;
}

static int quote_one(struct task_ctx *ctx, const struct github_check *check, size_t share,
	struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT(LIMIT_MEND_RAW + LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_MEND_LOG * 2);
	CLEANUP(strbuf) struct strbuf name = STRBUF_INIT(LIMIT_KIB * 8);

	if (read_log(ctx, check, &raw, err) < 0)
		return -1;
	mend_log_clean(strbuf_str(&raw), raw.len, share, &text);
	if (text.len == 0)
		strbuf_adds(&text, "(It says nothing about why.)\n");
	prompt_clean_untrusted(&name, check->name, strlen(check->name));
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.data[i] < ' ' || name.data[i] == '"')
			name.data[i] = ' ';
	CLEANUP(mem)
	char *what = mem_printf("log of the failed check \"%.*s\" (%s)",
		(int)str_utf8_cut(strbuf_str(&name), name.len < 150 ? name.len : 150),
		strbuf_str(&name), check->conclusion);
	struct prompt_source source = {.what = what};
	if (prompt_quote(out, &source, strbuf_str(&text), text.len, LIMIT_MEND_LOG * 2,
		    err) < 0)
		return -1;
	strbuf_addc(out, '\n');
	return 0;
}

/* Nothing that GitHub lists has failed: what the event itself told. */
static int quote_event(struct task_ctx *ctx, struct strbuf *out, struct err *err)
{
	CLEANUP(mem) char *name = of_event(ctx, "check.name");
	CLEANUP(mem) char *conclusion = of_event(ctx, "check.conclusion");
	CLEANUP(mem)
	char *text =
		mem_printf("%.200s: %.40s. No log of it can be read.", name, conclusion);
	struct prompt_source source = {.what = "failed check"};

	return prompt_quote(out, &source, text, strlen(text), LIMIT_MEND_LOG, err);
}

int mend_checks_quote(struct task_ctx *ctx, struct strbuf *out, struct err *err)
{
	CLEANUP(github_checks) struct github_checks list = {0};
	size_t failed, shown = 0;

	if (load(ctx, &list, err) < 0)
		return -1;
	failed = count_failed(&list);
	if (failed == 0)
		return quote_event(ctx, out, err);
	size_t logs = failed < LIMIT_MEND_CHECKS ? failed : LIMIT_MEND_CHECKS;
	for (size_t i = 0; i < list.count && shown < logs; i++) {
		if (!has_failed(&list.rows[i]))
			continue;
		shown++;
		if (quote_one(ctx, &list.rows[i], LIMIT_MEND_LOG / logs, out, err) < 0)
			return -1;
	}
	if (failed > logs)
		strbuf_addf(out, "%zu more checks failed.\n", failed - logs);
	return 0;
}
