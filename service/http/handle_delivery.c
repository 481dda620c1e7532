/* SPDX-License-Identifier: MIT */
/* /v1/deliveries: what came from GitHub, and why it did what it did. */
#include "service/http/handlers.h"

#include "service/http/rows.h"

enum { PAGE = 50 };

void handle_delivery_list(struct request *request)
{
	CLEANUP(store_deliveries) struct store_deliveries deliveries = {0};
	struct err err = {0};
	int64_t limit;

	if (request_query_int(request, "limit", 1, STORE_PAGE_MAX, PAGE, &limit, &err) ||
		store_delivery_list(request_app(request)->store, 0, NULL, (int)limit,
			&deliveries, &err)) {
		reply_err(request, &err);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < deliveries.count; i++)
		json_array_append_new(list, row_delivery(&deliveries.rows[i]));
	json_t *body = json_object();
	json_put(body, "deliveries", list);
	reply_json(request, 200, body);
}

/* The delivery with the command that it made, null when it made none. */
void handle_delivery_get(struct request *request)
{
	CLEANUP(store_delivery) struct store_delivery delivery = {0};
	CLEANUP(store_command) struct store_command command = {0};
	struct store *store = request_app(request)->store;
	const char *id = request_param(request, 0);
	struct err err = {0}, none = {0};
	bool found;

	if (store_delivery_get(store, id, false, &delivery, &err)) {
		reply_err(request, &err);
		return;
	}
	found = store_delivery_command(store, id, &command, &none) == 0;
	if (!found && none.kind != ERR_NOT_FOUND) {
		reply_err(request, &none);
		return;
	}
	json_t *body = row_delivery(&delivery);
	json_put(body, "command", found ? row_command(&command) : json_null());
	reply_json(request, 200, body);
}
