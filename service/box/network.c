/* SPDX-License-Identifier: MIT */
/* A box's network policy: from the client's words to boxcore's. */
#include "service/box/boxes-internal.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/box/parts.h"

#include <string.h>

static const char *const members[3] = {
	"allowed_domains", "allowed_cidrs", "denied_cidrs"};

void network_release(struct network *network)
{
	for (int i = 0; i < 3; i++)
		free(network->lists[i]);
	*network = (struct network){0};
}

static int read_list(
	const json_t *json, const char *member, const char ***ret_list, struct err *err)
{
	const json_t *list = json_object_get(json, member);
	size_t count = json_array_size(list);

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return err_set(err, ERR_INPUT,
			"`network_policy.%s` must be a list of texts", member);
	if (count > LIMIT_BOX_NETWORK)
		return err_set(err, ERR_LIMIT,
			"`network_policy.%s` has more than %d entries", member,
			LIMIT_BOX_NETWORK);
	const char **texts = mem_array(count + 1, sizeof *texts);
	*ret_list = texts;
	for (size_t i = 0; i < count; i++) {
		const json_t *entry = json_array_get(list, i);

		texts[i] = json_string_value(entry);
		if (!texts[i] || strlen(texts[i]) != json_string_length(entry))
			return err_set(err, ERR_INPUT,
				"`network_policy.%s` must be a list of texts", member);
	}
	return 0;
}

static int read_mode(const json_t *json, struct network *network, struct err *err)
{
	const char *mode = json_string_value(json_object_get(json, "mode"));

	network->policy.mode = BOX_NETWORK_GATED;
	if (str_eq(mode, "allow-all"))
		network->policy.mode = BOX_NETWORK_ALL;
	else if (str_eq(mode, "custom"))
		return 1;
	else if (!str_eq(mode, "deny-all"))
		return err_set(err, ERR_INPUT,
			"`network_policy.mode` must be allow-all, deny-all or custom");
	return 0;
}

int network_read(const json_t *json, struct network *ret, struct err *err)
{
	CLEANUP(network) struct network network = {.policy = {.mode = BOX_NETWORK_ALL}};
	int custom = 0;

	if (json && !json_is_null(json)) {
		if (!json_is_object(json))
			return err_set(
				err, ERR_INPUT, "`network_policy` must be an object");
		custom = read_mode(json, &network, err);
	}
	if (custom < 0)
		return -1;
	for (int i = 0; custom && i < 3; i++) {
		if (read_list(json, members[i], &network.lists[i], err) < 0)
			return -1;
	}
	network.policy.allowed_domains = network.lists[0];
	network.policy.allowed_cidrs = network.lists[1];
	network.policy.denied_cidrs = network.lists[2];
	if (box_policy_check(&network.policy, err) < 0)
		return err_wrap(err, "`network_policy`");
	*ret = network;
	memset(&network, 0, sizeof network);
	return 0;
}

char *network_text(const json_t *json)
{
	CLEANUP(json) json_t *kept = json_object();
	const char *mode = json_or_string(json, "mode", "allow-all");

	json_put(kept, "mode", json_str(mode));
	for (int i = 0; i < 3 && str_eq(mode, "custom"); i++) {
		json_t *list = json_object_get(json, members[i]);

		if (json_is_array(list))
			json_put(kept, members[i], json_incref(list));
	}
	return json_dumps(kept, JSON_COMPACT);
}

int box_apply_network(struct boxes *boxes, const struct store_box *row,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(json)
	json_t *json = json_parse(row->network, strlen(row->network), err);
	CLEANUP(network) struct network network = {0};

	if (!json || network_read(json, &network, err) < 0)
		return -1;
	return box_network_set(
		boxes->options.core, row->id, &network.policy, cancel, err);
}

/* What was written last is what boxcore hears last: the row is read while nobody else may. */
int box_renew_network(struct boxes *boxes, const char *id, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};

	if (active_seize(boxes->active, id, false, boxes->stop, err) < 0)
		return -1;
	int rc = store_box_get(boxes->options.store, id, &row, err);
	if (rc == 0)
		rc = box_apply_network(boxes, &row, boxes->stop, err);
	active_yield(boxes->active, id);
	return rc;
}
