/* SPDX-License-Identifier: MIT */
/* From a delivery's row to what became of it. */
#include "service/http/why.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/http/rows.h"

#include <stdarg.h>
#include <string.h>

static void say(json_t *story, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(json_t *story, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	CLEANUP(mem) char *text = mem_vprintf(fmt, ap);
	va_end(ap);
	json_array_append_new(story, json_str(text));
}

static const char *when(int64_t ms, char buf[CLOCK_ISO_SIZE])
{
	return clock_iso(ms / 1000, buf, CLOCK_ISO_SIZE);
}

static void say_next(json_t *story, const char *code)
{
	const char *next = code ? why_next(code) : NULL;

	if (next)
		say(story, "What to do: %s", next);
}

/* ---- a task that waits -------------------------------------------------------------------- */

/* The task of the lane that is being worked on, or that waits for its attempts; 0: none. */
static int lane_holder(struct store *store, const struct store_task *task, int64_t *ret,
	bool *ret_waits, struct err *err)
{
	CLEANUP(store_tasks) struct store_tasks lane = {0};

	*ret = 0;
	if (store_lane_tasks(store, task->lane, &lane, err) < 0)
		return -1;
	for (size_t i = 0; i < lane.count; i++) {
		const struct store_task *other = &lane.rows[i];

		if (other->id == task->id ||
			(other->state != STORE_TASK_RUNNING && !other->waits))
			continue;
		*ret = other->id;
		*ret_waits = other->waits;
	}
	return 0;
}

/* How many stand before it in the queue of all lanes. */
static int queue_place(
	struct store *store, const struct store_task *task, int64_t *ret, struct err *err)
{
	struct store_task_filter filter = {.state = "ready", .limit = STORE_PAGE_MAX};
	CLEANUP(store_tasks) struct store_tasks ready = {0};

	*ret = 0;
	if (store_task_list(store, &filter, &ready, err) < 0)
		return -1;
	for (size_t i = 0; i < ready.count; i++) {
		const struct store_task *other = &ready.rows[i];

		*ret += other->run_at_ms < task->run_at_ms ||
			(other->run_at_ms == task->run_at_ms && other->id < task->id);
	}
	return 0;
}

static int say_ready(struct store *store, const struct store_task *task, json_t *story,
	struct err *err)
{
	char at[CLOCK_ISO_SIZE];
	int64_t holder, place;
	bool waits = false;

	if (task->waits) {
		say(story, "It waits for its attempts, which run side by side.");
		return 0;
	}
	if (task->run_at_ms > clock_wall_ms()) {
		say(story, "It is tried again at %s%s%s.", when(task->run_at_ms, at),
			str_empty(task->last_error) ? "" : ", because: ",
			str_empty(task->last_error) ? "" : task->last_error);
		return 0;
	}
	if (lane_holder(store, task, &holder, &waits, err) < 0 ||
		queue_place(store, task, &place, err) < 0)
		return -1;
	if (holder > 0)
		say(story, "It waits for task %lld of the same conversation%s.",
			(long long)holder, waits ? ", which waits for its attempts" : "");
	else
		say(story,
			"It waits for a free worker; %lld tasks stand before it in the "
			"queue (task.workers says how many run at once).",
			(long long)place);
	return 0;
}

/* ---- a task ------------------------------------------------------------------------------- */

static void say_steps(const struct store_steps *steps, json_t *story)
{
	for (size_t i = 0; i < steps->count; i++) {
		const struct store_step *step = &steps->rows[i];
		int64_t end = step->finished_ms ? step->finished_ms : clock_wall_ms();

		say(story, "  %s: %s, %.1f s%s%s", step->name,
			store_step_state_name(step->state),
			(double)(end - step->started_ms) / 1000,
			str_empty(step->detail) ? "" : ": ", step->detail);
	}
}

static int say_state(struct store *store, const struct store_task *task, json_t *story,
	struct err *err)
{
	char at[CLOCK_ISO_SIZE];

	switch (task->state) {
	case STORE_TASK_READY: return say_ready(store, task, story, err);
	case STORE_TASK_RUNNING:
		say(story, "It is running since %s, in the step %s.",
			when(task->started_ms, at), task->step);
		return 0;
	case STORE_TASK_DONE:
	case STORE_TASK_FAILED:
	case STORE_TASK_CANCELLED:
	case STORE_TASK_REFUSED: break;
	}
	if (task->taken_by > 0) {
		say(story,
			"Task %lld, which was running then, took it up and answered it.",
			(long long)task->taken_by);
		return 0;
	}
	say(story, "It ended %s at %s: %s", store_task_state_name(task->state),
		when(task->finished_ms, at),
		str_empty(task->outcome) ? "no reason was stored" : task->outcome);
	if (!str_empty(task->pr_url))
		say(story, "Pull request: %s", task->pr_url);
	if (task->cost_usd > 0)
		say(story, "It cost $%.4f.", task->cost_usd);
	say_next(story, task->outcome_code);
	return 0;
}

static int tell_task(struct store *store, const char *reason, int64_t id, json_t *answer,
	json_t *story, struct err *err)
{
	CLEANUP(store_task) struct store_task task = {0};
	CLEANUP(store_steps) struct store_steps steps = {0};

	if (store_task_get(store, id, &task, err) < 0 ||
		store_step_list(store, id, &steps, err) < 0)
		return -1;
	say(story, "It became task %lld (%s): %s", (long long)id, task.verb, reason);
	if (say_state(store, &task, story, err) < 0)
		return -1;
	say_steps(&steps, story);
	json_t *row = row_task(&task), *list = json_array();
	for (size_t i = 0; i < steps.count; i++)
		json_array_append_new(list, row_step(&steps.rows[i]));
	json_put(row, "taken_by",
		task.taken_by ? json_integer(task.taken_by) : json_null());
	json_put(row, "steps", list);
	json_put(answer, "task", row);
	return 0;
}

/* ---- a command ---------------------------------------------------------------------------- */

static int tell_command(struct store *store, const struct store_delivery *delivery,
	json_t *answer, json_t *story, struct err *err)
{
	CLEANUP(store_command) struct store_command command = {0};
	char at[CLOCK_ISO_SIZE];

	if (store_delivery_command(store, delivery->id, &command, err) < 0)
		return -1;
	say(story, "It became a command (%s): %s", command.verb, delivery->reason);
	if (command.finished_ms > 0)
		say(story, "It was answered at %s: %s", when(command.finished_ms, at),
			str_empty(command.outcome) ? "done" : command.outcome);
	else if (command.run_at_ms > clock_wall_ms())
		say(story, "It is tried again at %s.", when(command.run_at_ms, at));
	else
		say(story, "It waits for its answer.");
	json_t *row = json_object();
	json_put(row, "id", json_integer(command.id));
	json_put(row, "verb", json_str(command.verb));
	json_put(row, "word", json_str(command.word));
	json_put(row, "outcome", json_str(command.outcome));
	json_put(row, "finished_ms",
		command.finished_ms ? json_integer(command.finished_ms) : json_null());
	json_put(answer, "command", row);
	return 0;
}

static int tell(struct store *store, const struct store_delivery *delivery,
	json_t *answer, json_t *story, struct err *err)
{
	switch (delivery->state) {
	case STORE_DELIVERY_TASK:
		return tell_task(
			store, delivery->reason, delivery->task_id, answer, story, err);
	case STORE_DELIVERY_COMMAND:
		return tell_command(store, delivery, answer, story, err);
	case STORE_DELIVERY_IGNORED:
		say(story, "It started nothing: %s", delivery->reason);
		say_next(story, delivery->reason_code);
		return 0;
	case STORE_DELIVERY_UNPARSED:
		say(story, "It could not be read: %s", delivery->reason);
		say_next(story, "unparsed");
		return 0;
	}
	return 0;
}

int why_delivery(struct store *store, const struct store_delivery *delivery, json_t **ret,
	struct err *err)
{
	CLEANUP(json) json_t *answer = json_object();
	json_t *story = json_array();
	char at[CLOCK_ISO_SIZE];

	json_put(answer, "delivery", row_delivery(delivery));
	json_put(answer, "story", story);
	say(story, "Delivery %s, event %s%s%s, came at %s; its signature was right.",
		delivery->id, delivery->event, delivery->action ? " " : "",
		delivery->action ? delivery->action : "",
		when(delivery->received_ms, at));
	if (tell(store, delivery, answer, story, err) < 0)
		return -1;
	*ret = json_incref(answer);
	return 0;
}
