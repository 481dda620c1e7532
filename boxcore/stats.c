/* SPDX-License-Identifier: MIT */
/* What a box has used, as its boxinit reads it from the control group. */
#include "boxcore/boxcore-internal.h"

#include "boxcore/link/link.h"

int box_link_stats(struct link *link, struct box_stats *ret_stats, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(strbuf) struct strbuf reply = STRBUF_INIT(256);

	if (link_call(link, PROTO_STATS, NULL, 0, &reply, cancel, err) < 0)
		return -1;
	struct wire wire = {.at = (const uint8_t *)strbuf_str(&reply), .left = reply.len};
	struct box_stats stats = {
		.cpu_us = (int64_t)wire_u64(&wire),
		.memory_bytes = (int64_t)wire_u64(&wire),
		.memory_peak_bytes = (int64_t)wire_u64(&wire),
		.processes = (int)wire_u32(&wire),
	};
	if (wire.bad || stats.cpu_us < 0 || stats.memory_bytes < 0 ||
		stats.memory_peak_bytes < 0 || stats.processes < 0)
		return err_set(err, ERR_INTERNAL, "the box sent malformed statistics");
	link_boot_id(link, stats.boot);
	*ret_stats = stats;
	return 0;
}

int box_stats(struct boxcore *core, const char *box, struct box_stats *ret_stats,
	struct cancel *cancel, struct err *err)
{
	struct link *link;

	if (core_link_get(core, box, false, &link, cancel, err) < 0)
		return -1;
	int rc = box_link_stats(link, ret_stats, cancel, err);
	core_link_put(core, link);
	return rc < 0 ? err_wrap(err, "box %s", box) : 0;
}
