/* SPDX-License-Identifier: MIT */
/* Deliveries that GitHub recorded, and asking for one again. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/parse.h"

#include <string.h>

static int delivery_read(const json_t *json, struct github_delivery *ret, struct err *err)
{
	*ret = (struct github_delivery){0};
	if (parse_id(json, "id", &ret->id, err) < 0 ||
		parse_text(json, "guid", ret->guid, sizeof ret->guid, err) < 0 ||
		parse_text(json, "event", ret->event, sizeof ret->event, err) < 0 ||
		parse_time(json, "delivered_at", &ret->delivered_s, err) < 0)
		return -1;
	int64_t status = json_or_int(json, "status_code", 0);
	ret->status_code = status >= 0 && status < 1000 ? (int)status : 0;
	ret->ok = ret->status_code >= 200 && ret->status_code < 300;
	ret->redelivery = json_or_bool(json, "redelivery", false);
	return 0;
}

/* The value of `cursor` in the next page's address, still encoded. */
static void next_cursor(const char *next, char cursor[GITHUB_CURSOR_SIZE])
{
	const char *at = strstr(next, "cursor=");

	cursor[0] = '\0';
	if (!at)
		return;
	at += strlen("cursor=");
	size_t len = strcspn(at, "&");
	if (len >= GITHUB_CURSOR_SIZE)
		return;
	memcpy(cursor, at, len);
	cursor[len] = '\0';
	if (!str_url_decode(cursor, true))
		cursor[0] = '\0';
}

int github_deliveries(struct github *gh, bool failed_only,
	char cursor[GITHUB_CURSOR_SIZE], struct github_delivery *ret, size_t max,
	size_t *ret_count, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_APP);
	CLEANUP(reply) struct reply reply = {0};
	const json_t *item;
	size_t i;

	*ret_count = 0;
	if (max == 0)
		return 0;
	call_path(&call, "/app/hook/deliveries?per_page=");
	call_path_number(&call, max < 100 ? (int64_t)max : 100);
	if (failed_only)
		call_path(&call, "&status=failure");
	if (cursor[0] != '\0') {
		call_path(&call, "&cursor=");
		call_path_text(&call, cursor);
	}
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "the list of deliveries");
	if (!json_is_array(reply.json))
		return err_set(
			err, ERR_INTERNAL, "GitHub's answer: deliveries must be a list");
	json_array_foreach (reply.json, i, item) {
		if (*ret_count == max)
			break;
		if (delivery_read(item, &ret[*ret_count], err) < 0)
			return err_wrap(err, "the list of deliveries");
		++*ret_count;
	}
	next_cursor(reply.next, cursor);
	return 0;
}

int github_redeliver(
	struct github *gh, int64_t delivery_id, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_APP);
	CLEANUP(reply) struct reply reply = {0};

	call_path(&call, "/app/hook/deliveries/");
	call_path_number(&call, delivery_id);
	call_path(&call, "/attempts");
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "redelivery of %lld", (long long)delivery_id);
	return 0;
}
