/* SPDX-License-Identifier: MIT */
/*
 * Money that is not the caller's: what runs may spend with the server's own key for models.
 *
 * A run has a budget, which its lease keeps.  An account has one for the UTC day: what stands
 * in its usage, and what its runs that have not ended have spent by now.  After each call that
 * sum is looked at, so it is overrun by at most about one call of each run under way.
 */
#include "service/box/agent.h"

#include "service/store/store_account.h"

#include <string.h>

#define DAY_SIZE 11 /* "2026-01-31" */

struct agent_money {
	struct agent_money *next;
	struct boxes *boxes;
	char *account;
	struct relay_lease *lease; /* set before its first call */
	int64_t microusd;          /* by this run, not in the account's usage yet */
};

static struct lock running_lock = LOCK_INIT;
static struct agent_money *running;

static int64_t microusd(double usd)
{
	return (int64_t)(usd * 1e6);
}

/* The day's sum; 0 when it cannot be read, for then nothing is settled either. */
static int64_t spent_today(struct boxes *boxes, const char *account)
{
	CLEANUP(store_usages) struct store_usages days = {0};
	char day[CLOCK_ISO_SIZE];
	struct err ignored = {0};
	int64_t sum = 0;

	clock_iso(clock_wall_s(), day, sizeof day);
	day[DAY_SIZE - 1] = '\0';
	if (store_account_usage_list(
		    boxes->options.store, account, day, day, &days, &ignored) == 0)
		for (size_t i = 0; i < days.count; i++)
			sum += microusd(days.rows[i].tokens_usd);
	LOCKED(&running_lock);
	for (struct agent_money *at = running; at; at = at->next)
		if (at->boxes == boxes && str_eq(at->account, account))
			sum += at->microusd;
	return sum;
}

static int64_t day_limit(const struct boxes *boxes)
{
	return microusd(boxes->options.config->box_agent_cost_usd_day);
}

int agent_money_check(struct boxes *boxes, const char *account, struct err *err)
{
	int64_t most = day_limit(boxes);
	int64_t spent = most > 0 ? spent_today(boxes, account) : 0;

	if (most == 0 || spent < most)
		return 0;
	return err_set(err, ERR_QUOTA,
		"the account has spent $%.2f on models today, and the server's key is "
		"for "
		"$%.2f in a UTC day (box.agent_cost_usd_day): give the box a key of its "
		"own "
		"(agent_api_key), or come back tomorrow",
		(double)spent / 1e6, (double)most / 1e6);
}

struct agent_money *agent_money_new(
	struct boxes *boxes, const char *account, int64_t spent_microusd)
{
	struct agent_money *money = mem_zalloc(sizeof *money);

	money->boxes = boxes;
	money->account = mem_strdup(account);
	money->microusd = spent_microusd;
	LOCKED(&running_lock);
	money->next = running;
	running = money;
	return money;
}

void agent_money_free(struct agent_money *money)
{
	if (!money)
		return;
	lock_take(&running_lock);
	struct agent_money **at = &running;
	while (*at != money)
		at = &(*at)->next;
	*at = money->next;
	lock_give(&running_lock);
	free(money->account);
	free(money);
}

static void on_usage(void *arg, const char *model, const struct relay_usage *call,
	const struct relay_usage *total)
{
	struct agent_money *money = arg;
	int64_t most = day_limit(money->boxes);

	(void)model;
	lock_take(&running_lock);
	money->microusd += call->cost_microusd;
	lock_give(&running_lock);
	if (most > 0 && spent_today(money->boxes, money->account) >= most)
		relay_lease_budget(money->lease,
			total->cost_microusd > 0 ? total->cost_microusd : 1);
}

void agent_money_put(
	struct agent_money *money, bool nothing_left, struct relay_lease_spec *spec)
{
	double most = money->boxes->options.config->box_agent_cost_usd;

	spec->budget_microusd = nothing_left ? -1 : microusd(most);
	spec->on_usage = on_usage;
	spec->arg = money;
}

void agent_money_lease(struct agent_money *money, struct relay_lease *lease)
{
	money->lease = lease;
}
