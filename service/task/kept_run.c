/* SPDX-License-Identifier: MIT */
/* Kept runs and their links. */
#include "service/task/kept_run.h"

#include "boxcore/base/cancel.h"
#include "boxcore/base/mem.h"

#define LINK_RETRIES 5     /* in a row, without a byte between */
#define LINK_PAUSE_MS 200L /* before the first; doubles */
#define STOP_GRACE_MS 2000
#define STOP_MS 30000 /* for stopping one */

void kept_run_release(struct kept_run *kept)
{
	run_close(TAKE(kept->run));
}

int kept_run_take_up(
	struct kept_run *kept, uint64_t offset, struct cancel *cancel, struct err *err)
{
	if (run_attach(kept->core, kept->box, kept->name, offset, &kept->run, cancel,
		    err) == 0)
		return 0;
	kept->gone = err->kind == ERR_NOT_FOUND;
	return -1;
}

int kept_run_read(struct kept_run *kept, uint64_t offset, struct run_event *ret_event,
	struct cancel *cancel, struct err *err)
{
	kept->anew = false;
	/* One that always has output at hand never waits. */
	if (cancel_check(cancel, err) < 0)
		return -1;
	for (int tries = 0;; tries++) {
		struct err why = {0};

		if (kept->run && run_read(kept->run, ret_event, cancel, err) == 0)
			return 0;
		if (err->kind != ERR_TRANSIENT || cancel_fired(cancel) ||
			tries == LINK_RETRIES)
			return -1;
		run_close(TAKE(kept->run));
		if (cancel_sleep(cancel, LINK_PAUSE_MS << tries, err) < 0)
			return -1;
		kept->anew = true;
		if (kept_run_take_up(kept, offset, cancel, &why) < 0 &&
			why.kind != ERR_TRANSIENT)
			return err_set(err, kept->gone ? ERR_TRANSIENT : why.kind,
				"%s was lost: %s", kept->what, why.text);
	}
}

void kept_run_end(const struct kept_run *kept, struct cancel *stop)
{
	CLEANUP(cancel) struct cancel *closing = cancel_new(stop);
	struct err ignored = {0};

	if (!kept->name) /* none was begun */
		return;
	cancel_deadline(closing, STOP_MS, "the limit for stopping a run");
	run_stop(kept->core, kept->box, kept->name, STOP_GRACE_MS, closing, &ignored);
}
