/* SPDX-License-Identifier: MIT */
/* Verbs that are answered in words: status, help, budget, and words that are no verbs. */
#include "service/task/command_ctx.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"
#include "service/github/text.h"
#include "service/store/store_effect.h"
#include "service/task/quiet.h"
#include "webhooks/command.h"

#include <string.h>

#define STATUS_TASKS 10 /* newest of the lane */
#define OUTCOME_SHOWN 200

/* The one list of verbs, as webhooks/command.h has it. */
static const struct {
	const char *word, *form, *sentence;
} verbs[] = {
#define X(name, word, form, sentence) {word, form, sentence},
	COMMAND_VERBS(X)
#undef X
};

/* ---- status ---------------------------------------------------------------------------- */

static void add_task(
	struct command_ctx *c, const struct store_task *t, struct strbuf *out)
{
	const char *url = c->env->config->public_url;

	strbuf_addf(out, "- task %lld, `%s`: %s", (long long)t->id, t->verb,
		t->waits ? "waits for its attempts" : store_task_state_name(t->state));
	if (t->state == STORE_TASK_RUNNING)
		strbuf_addf(out, ", step %s", t->step);
	if (t->cost_usd > 0)
		strbuf_addf(out, ", $%.2f", t->cost_usd);
	if (!str_empty(t->pr_url))
		strbuf_addf(out, ", %s", t->pr_url);
	if (!str_empty(url))
		strbuf_addf(
			out, ", [log](%s/v1/tasks/%lld/events)", url, (long long)t->id);
	if (!str_empty(t->outcome) && t->state != STORE_TASK_DONE) {
		strbuf_adds(out, " (");
		github_text_inline(out, t->outcome, strlen(t->outcome), OUTCOME_SHOWN);
		strbuf_addc(out, ')');
	}
	strbuf_addc(out, '\n');
}

static void add_talk(const struct store_conversation *talk, struct strbuf *out)
{
	strbuf_addc(out, '\n');
	if (talk->pr_number > 0)
		strbuf_addf(out, "- pull request: #%lld%s\n", (long long)talk->pr_number,
			talk->ours ? "" : ", a person's");
	if (str_eq(talk->plan_state, "waiting"))
		strbuf_adds(out, "- a plan waits for `/boxwright approve` or "
				 "`/boxwright reject`\n");
	if (talk->repairs_off)
		strbuf_adds(out, "- repairs are stopped until somebody asks for work "
				 "again\n");
	else if (talk->repairs > 0)
		strbuf_addf(out, "- repairs in a row: %lld\n", (long long)talk->repairs);
	if (talk->budget_usd > 0)
		strbuf_addf(out, "- added to the budget: $%.2f\n", talk->budget_usd);
	strbuf_addf(out, "- box: %s\n",
		str_empty(talk->box_id) ? "none, the next run makes one"
					: "kept, the next run goes on in it");
}

int command_status(struct command_ctx *c, struct err *err)
{
	struct store_task_filter filter = {
		.lane = c->command->lane, .limit = STATUS_TASKS};
	CLEANUP(store_tasks) struct store_tasks tasks = {0};
	CLEANUP(store_conversation) struct store_conversation talk = {0};
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT);

	if (store_task_list(c->env->store, &filter, &tasks, err) < 0)
		return -1;
	if (tasks.count == 0)
		return command_say(c, "+1", "there is no task here yet.", err);
	int rc = command_talk(c, &talk, err);
	if (rc < 0)
		return -1;
	strbuf_adds(&text, "tasks here, newest first:\n\n");
	for (size_t i = 0; i < tasks.count; i++)
		add_task(c, &tasks.rows[i], &text);
	if (rc > 0)
		add_talk(&talk, &text);
	return command_say(c, "+1", strbuf_str(&text), err);
}

/* ---- help ------------------------------------------------------------------------------ */

int command_help(struct command_ctx *c, struct err *err)
{
	CLEANUP(mem) char *requester = mem_printf("@%s", c->command->requester_login);
	CLEANUP(repo_config) struct repo_config rules = {0};
	CLEANUP(strbuf) struct strbuf list = STRBUF_INIT(LIMIT_COMMENT);
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(LIMIT_COMMENT);

	if (rules_now(c->env, &c->repo, &rules, c->cancel, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		strbuf_addf(&list, "| `/boxwright %s` | %s | %s |\n", verbs[i].form,
			verbs[i].sentence, repo_config_role(&rules, verbs[i].word));
	struct prompt_var vars[] = {{"requester", requester},
		{"commands", strbuf_str(&list)}, {"app", c->env->slug}};
	if (prompt_render("help", vars, ARRAY_LEN(vars), &body, err) < 0 ||
		command_react(c, "+1", err) < 0)
		return -1;
	return command_comment(c, strbuf_str(&body), err);
}

/* ---- unknown --------------------------------------------------------------------------- */

/* The verb that a word begins with, whose argument was wrong; NULL: no verb at all. */
static const char *form_of(const char *word)
{
	size_t len = strcspn(word, " ");

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strlen(verbs[i].word) == len &&
			strncasecmp(verbs[i].word, word, len) == 0)
			return verbs[i].form;
	return NULL;
}

/* Words once a lane, or a conversation of bots would have no end: whichever command came
 * first has them. */
static int is_first(struct command_ctx *c, bool *ret, struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	CLEANUP(mem) char *own = mem_printf("%lld", (long long)c->command->id);
	struct store_effect_key key = {.kind = "unknown", .slot = c->command->lane};

	if (store_effect_plan(c->env->store, &key, own, &row, c->cancel, err) < 0)
		return -1;
	*ret = str_eq(row.want, own);
	return 0;
}

int command_unknown(struct command_ctx *c, struct err *err)
{
	const char *form = form_of(c->command->word);
	CLEANUP(strbuf) struct strbuf word = STRBUF_INIT(LIMIT_KIB);
	bool first;

	if (is_first(c, &first, err) < 0)
		return -1;
	if (!first && !quiet_unknown(c->env->github, c->repo.id, c->command->requester_id,
			      clock_mono_ms())) {
		str_copy(c->may.why, sizeof c->may.why, QUIET_UNKNOWN);
		return 0;
	}
	if (!first)
		return command_react(c, "confused", err);
	for (const char *s = c->command->word; *s; s++)
		strbuf_addc(&word, *s == '`' || (unsigned char)*s < ' ' ? '\'' : *s);
	CLEANUP(mem)
	char *text = form ? mem_printf("`%s` is not understood: it is `/boxwright %s`. "
				       "`/boxwright help` lists what there is.",
				    strbuf_str(&word), form)
			  : mem_printf("`%s` is no command. "
				       "`/boxwright help` lists what there is.",
				    strbuf_str(&word));
	return command_say(c, "confused", text, err);
}

/* ---- budget ---------------------------------------------------------------------------- */

/* The sum that it is to be is noted first, so a second attempt adds nothing. */
static int add_budget(struct command_ctx *c, const struct store_conversation *talk,
	double amount, double *ret_sum, struct err *err)
{
	CLEANUP(store_effect) struct store_effect row = {0};
	CLEANUP(mem) char *want = mem_printf("%.2f", talk->budget_usd + amount);
	struct store_effect_key key = {.task_id = -c->command->id, .kind = "budget"};
	double sum;

	if (store_effect_plan(c->env->store, &key, want, &row, c->cancel, err) < 0)
		return -1;
	if (!str_to_double(row.want, 0, 1e9, &sum))
		return err_set(err, ERR_INTERNAL, "budget: %s is no sum", row.want);
	*ret_sum = sum;
	if (sum - talk->budget_usd < 0.005) /* it stands already */
		return 0;
	return store_conversation_budget(
		c->env->store, talk->id, sum - talk->budget_usd, ret_sum, c->cancel, err);
}

int command_budget(struct command_ctx *c, struct err *err)
{
	struct err ignored = {0};
	CLEANUP(json)
	json_t *about =
		json_parse(c->command->about, strlen(c->command->about), &ignored);
	CLEANUP(store_conversation) struct store_conversation talk = {0};
	double amount = json_or_real(about, "amount", 0), sum;
	int rc = command_talk(c, &talk, err);

	if (rc < 0)
		return -1;
	if (!(amount > 0) || amount > COMMAND_CENTS_MAX / 100.0)
		return command_unknown(c, err);
	if (rc == 0)
		return command_say(c, "confused",
			"there is no work here yet that could have a budget.", err);
	if (add_budget(c, &talk, amount, &sum, err) < 0)
		return -1;
	CLEANUP(mem)
	char *text = mem_printf("$%.2f more for each run to come here; $%.2f were added "
				"in all. Limits of a day hold nevertheless.",
		amount, sum);
	return command_say(c, "+1", text, err);
}
