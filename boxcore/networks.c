/* SPDX-License-Identifier: MIT */
/*
 * Which policy each box has, and the gate's stream of its link.
 *
 * What is remembered is changed within the box's gate alone, so there is one at a time who
 * speaks with a box about its network; the lock guards the list for those who look at other
 * boxes, and is not held over a call to the link or the gate of connections.
 */
#include "boxcore/networks-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/boxcore-internal.h"
#include "boxcore/egress/egress.h"
#include "boxcore/link/link.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct network {
	struct network *next;
	struct boxcore *core;
	char box[64];
	enum box_network mode;
	struct egress_policy *policy; /* GATED */
	bool known;                   /* mode and policy were said in this process */
	struct link *link;            /* that it was brought to; NULL: none */
	struct stream *gate;          /* of that link */
	bool forgotten;               /* freed with its link */
};

struct networks {
	struct egress *egress;
	struct lock lock;
	struct network *list;
};

int networks_new(struct networks **ret_networks, const struct boxcore_options *options,
	struct err *err)
{
	struct networks *networks = mem_zalloc(sizeof *networks);
	struct egress_options gate = {
		.on_verdict = options->on_egress, .arg = options->on_egress_arg};

	lock_init(&networks->lock);
	if (egress_new(&networks->egress, &gate, err) < 0) {
		networks_free(networks);
		return -1;
	}
	*ret_networks = networks;
	return 0;
}

static void network_free(struct network *network)
{
	egress_policy_drop(network->policy);
	free(network);
}

void networks_free(struct networks *networks)
{
	if (!networks)
		return;
	egress_free(networks->egress);
	while (networks->list) {
		struct network *network = networks->list;

		networks->list = network->next;
		network_free(network);
	}
	lock_release(&networks->lock);
	free(networks);
}

struct egress *networks_egress(struct networks *networks)
{
	return networks->egress;
}

/* ---- the list -------------------------------------------------------------------------- */

static struct network *find(struct networks *networks, const char *box)
{
	LOCKED(&networks->lock);
	for (struct network *at = networks->list; at; at = at->next)
		if (!at->forgotten && str_eq(at->box, box))
			return at;
	return NULL;
}

static struct network *find_or_add(struct boxcore *core, const char *box)
{
	struct networks *networks = core->networks;
	struct network *network = find(networks, box);

	if (network)
		return network;
	network = mem_zalloc(sizeof *network);
	network->core = core;
	str_copy(network->box, sizeof network->box, box);
	LOCKED(&networks->lock);
	network->next = networks->list;
	networks->list = network;
	return network;
}

static void remove_network(struct networks *networks, struct network *network)
{
	LOCKED(&networks->lock);
	for (struct network **at = &networks->list; *at; at = &(*at)->next) {
		if (*at == network) {
			*at = network->next;
			break;
		}
	}
	network_free(network);
}

/* ---- the gate's stream ----------------------------------------------------------------- */

/* On the link's thread. */
static void on_gate(void *arg, int fd, const struct link_target *from)
{
	struct network *network = arg;
	struct egress_target target = {
		.address = egress_address_v4(from->address), .port = from->port};

	/* boxinit gives only plain names addresses; but it is the box that says so. */
	if (from->name[0] &&
		!egress_name_normalize(from->name, strlen(from->name), target.name)) {
		close(fd);
		return;
	}
	egress_accept(network->core->networks->egress, network->box, fd, &target);
}

static void close_gate(struct networks *networks, struct network *network)
{
	lock_take(&networks->lock);
	struct stream *gate = TAKE(network->gate);
	lock_give(&networks->lock);
	if (gate)
		stream_close(gate);
}

static int open_gate(struct network *network, struct link *link, struct cancel *cancel,
	struct err *err)
{
	struct stream *gate = NULL;

	if (network->gate)
		return 0;
	if (stream_gate(link, on_gate, network, &gate, cancel, err) < 0)
		return err_wrap(err, "open the gate of box %s", network->box);
	LOCKED(&network->core->networks->lock);
	network->gate = gate;
	return 0;
}

/* ---- to the box ------------------------------------------------------------------------ */

static int bring_all(struct network *network, struct link *link, struct cancel *cancel,
	struct err *err)
{
	struct networks *networks = network->core->networks;

	if (link_network_gated(link) || !link_network_ready(link)) {
		if (box_network_all(network->core, link, cancel, err) < 0)
			return -1;
	}
	close_gate(networks, network);
	egress_set(networks->egress, network->box, NULL);
	return 0;
}

static int bring_gated(struct network *network, struct link *link, struct cancel *cancel,
	struct err *err)
{
	if ((!link_network_gated(link) || !link_network_ready(link)) &&
		link_network_setup(link, PROTO_NETWORK_GATED, NULL, cancel, err) < 0)
		return -1;
	return network->known ? open_gate(network, link, cancel, err) : 0;
}

static int bring(struct network *network, struct link *link, struct cancel *cancel,
	struct err *err)
{
	bool gated = network->mode == BOX_NETWORK_GATED;

	if (!network->known)
		gated = !link_network_ready(link) || link_network_gated(link);
	return gated ? bring_gated(network, link, cancel, err)
		     : bring_all(network, link, cancel, err);
}

int networks_attach(struct boxcore *core, const char *box, struct link *link,
	struct cancel *cancel, struct err *err)
{
	struct network *network = find_or_add(core, box);

	close_gate(core->networks, network); /* of a link that is lost */
	lock_take(&core->networks->lock);
	network->link = link;
	lock_give(&core->networks->lock);
	return bring(network, link, cancel, err);
}

/* The one that this link was brought to, without it. */
static struct network *take_link(struct networks *networks, struct link *link)
{
	LOCKED(&networks->lock);
	for (struct network *at = networks->list; at; at = at->next) {
		if (at->link == link) {
			at->link = NULL;
			return at;
		}
	}
	return NULL;
}

void networks_detach(struct boxcore *core, struct link *link)
{
	struct network *network = take_link(core->networks, link);

	if (!network)
		return;
	close_gate(core->networks, network);
	if (network->forgotten)
		remove_network(core->networks, network);
}

void networks_forget(struct boxcore *core, const char *box)
{
	struct networks *networks = core->networks;
	struct network *network = find(networks, box);

	if (!network)
		return;
	egress_set(networks->egress, box, NULL);
	lock_take(&networks->lock);
	bool linked = network->link;
	network->forgotten = true;
	lock_give(&networks->lock);
	if (!linked)
		remove_network(networks, network);
}

/* ---- what others say ------------------------------------------------------------------- */

int box_policy_check(const struct box_policy *policy, struct err *err)
{
	CLEANUP(egress_policy) struct egress_policy *made = NULL;

	if (policy->mode == BOX_NETWORK_TUNNEL)
		return err_set(err, ERR_INPUT,
			"a policy's mode is allow-all, deny-all or custom");
	return egress_policy_new(&made, policy, err);
}

int networks_remember(struct boxcore *core, const char *box,
	const struct box_policy *policy, struct err *err)
{
	CLEANUP(egress_policy) struct egress_policy *made = NULL;

	if (box_policy_check(policy, err) < 0 ||
		egress_policy_new(&made, policy, err) < 0)
		return -1;
	struct network *network = find_or_add(core, box);
	/* Before the box is told: what is open under the former one is cut at once. */
	egress_set(core->networks->egress, box,
		policy->mode == BOX_NETWORK_GATED ? made : NULL);
	egress_policy_drop(network->policy);
	network->policy = TAKE(made);
	network->mode = policy->mode;
	network->known = true;
	return 0;
}

/* Its container says whether it was made with a policy; one that runs is brought to it. */
static int set_unlinked(struct boxcore *core, const char *box,
	const struct box_policy *policy, struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_container) struct engine_container container = {0};
	struct link *link = NULL;

	if (box_inspect(core, box, &container, cancel, err) < 0)
		return -1;
	if (!str_eq(core_label(container.labels, LABEL_NETWORK), "policy"))
		return err_set(err, ERR_CONFLICT,
			"it was made without a network policy, for good");
	if (networks_remember(core, box, policy, err) < 0)
		return -1;
	if (container.state != ENGINE_RUNNING && container.state != ENGINE_PAUSED)
		return 0;
	if (core_link_attach(core, box, false, &link, cancel, err) < 0)
		return -1;
	core_link_put(core, link);
	return 0;
}

static int set_gated(struct boxcore *core, const char *box,
	const struct box_policy *policy, struct cancel *cancel, struct err *err)
{
	struct link *link = core_link_living(core, box);
	struct network *network = find(core->networks, box);

	if (!link || !network) {
		if (link)
			core_link_put(core, link);
		return set_unlinked(core, box, policy, cancel, err);
	}
	int rc = networks_remember(core, box, policy, err);
	if (rc == 0)
		rc = bring(network, link, cancel, err);
	core_link_put(core, link);
	return rc;
}

int box_network_set(struct boxcore *core, const char *box,
	const struct box_policy *policy, struct cancel *cancel, struct err *err)
{
	if (box_policy_check(policy, err) < 0 ||
		core_check_id(box, "a box's id", err) < 0 ||
		core_gate_enter(core, box, cancel, err) < 0)
		return -1;
	int rc = set_gated(core, box, policy, cancel, err);
	core_gate_leave(core, box);
	return rc < 0 ? err_wrap(err, "network of box %s", box) : 0;
}
