/* SPDX-License-Identifier: MIT */
/* What boxes use, in their rows and in their account's, by day. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/store/store-internal.h"
#include "service/store/store_box.h"

void store_box_touch(struct store *store, const char *id, int64_t active_ms)
{
	store_update_later(store, QUERY(STMT_BOX_TOUCH, V_INT(active_ms), V_TEXT(id)),
		"note a box's activity");
}

/* What the row says, before it is changed. */
struct seen {
	char *account, *boot;
	int64_t boot_cpu_us, disk_bytes, disk_ms;
};

static void seen_release(struct seen *seen)
{
	free(seen->account);
	free(seen->boot);
}
DEFINE_CLEANUP(seen, struct seen, seen_release(value))

static int read_seen(struct conn *conn, const char *id, struct seen *ret, struct err *err)
{
	CLEANUP(stmt)
	struct stmt q = query_use(conn, QUERY(STMT_BOX_METER_READ, V_TEXT(id)));
	int rc = stmt_step(&q, err);

	if (rc <= 0)
		return rc < 0 ? -1 : err_set(err, ERR_NOT_FOUND, "no such box");
	ret->account = stmt_get_text(&q);
	ret->boot = stmt_get_text(&q);
	ret->boot_cpu_us = stmt_get_int(&q);
	ret->disk_bytes = stmt_get_int(&q);
	ret->disk_ms = stmt_get_int(&q);
	return 0;
}

struct reading {
	char *id, *boot;
	struct store_box_meter meter;
	int64_t disk_bytes;
};

static void reading_free(void *arg)
{
	struct reading *reading = arg;

	free(reading->id);
	free(reading->boot);
	free(reading);
}

/* ---- processor and memory -------------------------------------------------------------- */

static int run_meter(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct reading *reading = arg;
	const struct store_box_meter *meter = &reading->meter;
	CLEANUP(seen) struct seen seen = {0};
	struct store_usage usage = {0};
	int64_t known = 0;

	(void)store;
	if (read_seen(conn, reading->id, &seen, err) < 0)
		return -1;
	if (str_eq(seen.boot, reading->boot))
		known = seen.boot_cpu_us;
	/* A reading that was overtaken by a later one brings nothing. */
	if (meter->boot_cpu_us > known)
		usage.cpu_us = meter->boot_cpu_us - known;
	usage.compute_usd = (double)usage.cpu_us * meter->usd_per_cpu_us;
	if (query_run(conn,
		    QUERY(STMT_BOX_METER, V_TEXT(reading->boot),
			    V_INT(known + usage.cpu_us), V_INT(usage.cpu_us),
			    V_REAL(usage.compute_usd), V_INT(meter->memory_peak),
			    V_TEXT(reading->id)),
		    err) < 0)
		return -1;
	if (usage.cpu_us == 0)
		return 0;
	return account_usage_insert(conn, seen.account, &usage, meter->now_ms, err);
}

void store_box_meter(
	struct store *store, const char *id, const struct store_box_meter *meter)
{
	struct reading *reading = mem_zalloc(sizeof *reading);

	reading->id = mem_strdup(id);
	reading->boot = mem_strdup(str_or_empty(meter->boot));
	reading->meter = *meter;
	store_queue(store, "note what a box used", run_meter, reading, reading_free,
		sizeof *reading);
}

/* ---- disk ------------------------------------------------------------------------------ */

static int run_disk(struct store *store, struct conn *conn, void *arg, struct err *err)
{
	const struct reading *reading = arg;
	int64_t now_ms = reading->meter.now_ms;
	CLEANUP(seen) struct seen seen = {0};
	struct store_usage usage = {0};

	(void)store;
	if (read_seen(conn, reading->id, &seen, err) < 0)
		return -1;
	if (now_ms < seen.disk_ms)
		return 0; /* overtaken by a later one */
	if (seen.disk_ms > 0)
		usage.storage_mb_s = (int64_t)((double)seen.disk_bytes / LIMIT_MIB *
					       (double)(now_ms - seen.disk_ms) / 1000);
	if (query_run(conn,
		    QUERY(STMT_BOX_DISK, V_INT(reading->disk_bytes), V_INT(now_ms),
			    V_TEXT(reading->id)),
		    err) < 0)
		return -1;
	if (usage.storage_mb_s == 0)
		return 0;
	return account_usage_insert(conn, seen.account, &usage, now_ms, err);
}

void store_box_set_disk(
	struct store *store, const char *id, int64_t bytes, int64_t now_ms)
{
	struct reading *reading = mem_zalloc(sizeof *reading);

	reading->id = mem_strdup(id);
	reading->disk_bytes = bytes;
	reading->meter.now_ms = now_ms;
	store_queue(store, "note a box's disk", run_disk, reading, reading_free,
		sizeof *reading);
}
