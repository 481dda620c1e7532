/* SPDX-License-Identifier: MIT */
/* From a container in any state to a link: thaw, start, attach, network, tunnels. */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/link/link.h"
#include "boxcore/net/http_client.h"
#include "boxcore/netpolicy.h"
#include "boxcore/networks-internal.h"
#include "boxcore/tunnel-internal.h"

#include <stdio.h>

/* ---- the connection beneath ------------------------------------------------------------ */

static ssize_t io_read(void *arg, void *buf, size_t size)
{
	return http_duplex_read(arg, buf, size);
}

static ssize_t io_write(void *arg, const void *data, size_t len)
{
	return http_duplex_write(arg, data, len);
}

static void io_close(void *arg)
{
	http_duplex_free(arg);
}

static int attach(struct boxcore *core, const char *id, const char *container,
	struct link **ret_link, struct cancel *cancel, struct err *err)
{
	CLEANUP(http_duplex) struct http_duplex *duplex = NULL;
	struct link_options options = {.name = id, .stdcopy = true};

	if (engine_container_attach(core->engine, container, &duplex, cancel, err) < 0)
		return -1;
	struct link_io io = {.fd = http_duplex_fd(duplex),
		.read = io_read,
		.write = io_write,
		.close = io_close};
	io.arg = TAKE(duplex);
	return link_open(core->loop, &io, &options, ret_link, cancel, err);
}

/* ---- the network ----------------------------------------------------------------------- */

int box_network_all(
	struct boxcore *core, struct link *link, struct cancel *cancel, struct err *err)
{
	struct netpolicy policy;

	if (netpolicy_gather(&policy, engine_is_local(core->engine), err) < 0)
		return -1;
	CLEANUP(mem) char **cidrs = netpolicy_cidrs(&policy, core->subnet, core->gateway);
	return link_network_setup(
		link, PROTO_NETWORK_ALL, (const char *const *)cidrs, cancel, err);
}

static int set_up_network(struct boxcore *core, const char *id,
	const struct engine_container *container, struct link *link,
	struct cancel *cancel, struct err *err)
{
	static const char *const none[] = {NULL};
	/* Without the label (which we always set) the safest. */
	const char *mode = core_label(container->labels, LABEL_NETWORK);

	if (mode && str_eq(mode, "policy"))
		return networks_attach(core, id, link, cancel, err);
	if (link_network_ready(link))
		return 0;
	if (!mode || !str_eq(mode, "all"))
		return link_network_setup(link, PROTO_NETWORK_TUNNEL, none, cancel, err);
	return box_network_all(core, link, cancel, err);
}

/* ---- all of it ------------------------------------------------------------------------- */

/* The volume with boxinit may have been pruned while no box used it: the engine then mounts
 * an empty one and the start fails.  Fill it and try once more. */
static int start(struct boxcore *core, const char *container, struct cancel *cancel,
	struct err *err)
{
	struct err why = {0};

	if (engine_container_start(core->engine, container, cancel, &why) == 0)
		return 0;
	if (why.kind != ERR_INPUT && why.kind != ERR_NOT_FOUND) {
		*err = why;
		return -1;
	}
	if (initvol_ensure(core, cancel, err) < 0)
		return -1;
	return engine_container_start(core->engine, container, cancel, err);
}

static int bring_up(struct boxcore *core, const char *id,
	const struct engine_container *container, bool wake, struct cancel *cancel,
	struct err *err)
{
	switch (container->state) {
	case ENGINE_RUNNING: return 0;
	case ENGINE_PAUSED:
		/* We are within the gate, so no commit of ours is under way: one was cut off. */
		return engine_container_unpause(core->engine, container->id, cancel, err);
	case ENGINE_CREATED:
	case ENGINE_EXITED:
		if (!wake)
			return err_set(err, ERR_CONFLICT, "box %s is paused", id);
		if (core_starts_enter(core, cancel, err) < 0)
			return -1;
		int rc = start(core, container->id, cancel, err);
		core_starts_leave(core);
		return rc;
	case ENGINE_OTHER: break;
	}
	return err_set(err, ERR_TRANSIENT, "box %s is being removed or restarted", id);
}

int box_attach(struct boxcore *core, const char *id, bool wake, struct link **ret_link,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_container) struct engine_container container = {0};
	CLEANUP(link) struct link *link = NULL;

	if (box_inspect(core, id, &container, cancel, err) < 0)
		return -1;
	if (bring_up(core, id, &container, wake, cancel, err) < 0 ||
		attach(core, id, container.id, &link, cancel, err) < 0)
		return err_wrap(err, "box %s", id);
	if (set_up_network(core, id, &container, link, cancel, err) < 0 ||
		tunnel_restore(core, id, link, cancel, err) < 0) {
		tunnel_detach(core, id, link);
		networks_detach(core, link);
		return err_wrap(err, "box %s", id);
	}
	*ret_link = TAKE(link);
	return 0;
}
