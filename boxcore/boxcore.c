/* SPDX-License-Identifier: MIT */
/* Opening and closing the core: the engine, the box network, boxinit on the engine. */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/link/link.h"
#include "boxcore/net/http_client.h"
#include "boxcore/networks-internal.h"
#include "boxcore/tunnel-internal.h"

#include <string.h>

int core_check_id(const char *id, const char *what, struct err *err)
{
	size_t len = id ? strlen(id) : 0;

	if (len == 0 || len > 63 ||
		strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		return err_set(err, ERR_INPUT,
			"%s `%.80s` is not of 1 to 63 letters a-z, digits and -", what,
			id ? id : "");
	return 0;
}

const char *core_label(const json_t *labels, const char *name)
{
	return json_string_value(json_object_get(labels, name));
}

/* ---- the box network ------------------------------------------------------------------- */

static json_t *network_config(const struct boxcore *core)
{
	json_t *config = json_object(), *options = json_object(), *labels = json_object();

	json_put(options, "com.docker.network.bridge.enable_icc", json_str("false"));
	json_put(options, "com.docker.network.bridge.enable_ip_masquerade",
		json_str("true"));
	/* Shared by all instances on the engine, so it carries no instance's name. */
	json_put(labels, "boxwright.role", json_str("box-network"));
	json_put(config, "Name", json_str(core->network));
	json_put(config, "CheckDuplicate", json_true());
	json_put(config, "Driver", json_str("bridge"));
	json_put(config, "EnableIPv6", json_false());
	json_put(config, "Options", options);
	json_put(config, "Labels", labels);
	return config;
}

static int ensure_network(struct boxcore *core, struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *config = NULL;
	struct engine_network network = {0};
	struct err missing = {0};

	if (engine_network_inspect(
		    core->engine, core->network, &network, cancel, &missing) < 0) {
		if (missing.kind != ERR_NOT_FOUND) {
			*err = missing;
			return -1;
		}
		config = network_config(core);
		/* A conflict is another process that was faster: look at what it made. */
		missing = (struct err){0};
		if (engine_network_create(core->engine, config, cancel, &missing) < 0 &&
			missing.kind != ERR_CONFLICT) {
			*err = missing;
			return -1;
		}
		if (engine_network_inspect(
			    core->engine, core->network, &network, cancel, err) < 0)
			return -1;
	}
	if (!str_eq(network.driver, "bridge") || network.icc || network.ipv6)
		return err_set(err, ERR_CONFLICT,
			"the network %s is not ours: boxes need a bridge without IPv6 "
			"and "
			"with enable_icc=false; remove it or set another box network",
			core->network);
	if (!core->info.bridge_filters)
		return err_set(err, ERR_CONFLICT,
			"the engine's host does not filter bridges, so boxes could reach "
			"each other: modprobe br_netfilter and set "
			"net.bridge.bridge-nf-call-iptables=1");
	str_copy(core->subnet, sizeof core->subnet, network.subnet);
	str_copy(core->gateway, sizeof core->gateway, network.gateway);
	return 0;
}

/* ---- open and close -------------------------------------------------------------------- */

static int set_options(
	struct boxcore *core, const struct boxcore_options *options, struct err *err)
{
	const char *network = options->box_network ? options->box_network : "boxwright";
	const char *instance = options->instance ? options->instance : "default";

	if (core_check_id(instance, "the instance", err) < 0 ||
		core_check_id(network, "the box network", err) < 0)
		return -1;
	if (strlen(instance) > 32)
		return err_set(err, ERR_INPUT,
			"the instance `%s` has more than 32 letters", instance);
	str_copy(core->instance, sizeof core->instance, instance);
	str_copy(core->network, sizeof core->network, network);
	core->runtime = mem_strdup(options->runtime);
	return 0;
}

static int open_parts(struct boxcore *core, const struct boxcore_options *options,
	struct cancel *cancel, struct err *err)
{
	if (set_options(core, options, err) < 0 ||
		engine_open(&core->engine, options->engine, options->tls_dir, cancel,
			err) < 0 ||
		engine_info(core->engine, &core->info, cancel, err) < 0 ||
		ensure_network(core, cancel, err) < 0 ||
		initvol_ensure(core, cancel, err) < 0 ||
		link_loop_new(&core->loop, err) < 0 ||
		networks_new(&core->networks, options, err) < 0)
		return -1;
	snapshots_sweep(core, cancel);
	core->tunnels = tunnels_new();
	return 0;
}

int boxcore_open(struct boxcore **ret_core, const struct boxcore_options *options,
	struct cancel *cancel, struct err *err)
{
	if (http_global_init(err) < 0)
		return -1;
	struct boxcore *core = mem_zalloc(sizeof *core);
	lock_init(&core->lock);
	cond_init(&core->changed);
	if (open_parts(core, options, cancel, err) < 0) {
		boxcore_close(core);
		return -1;
	}
	*ret_core = core;
	return 0;
}

void boxcore_close(struct boxcore *core)
{
	if (!core)
		return;
	core_links_close(core);
	if (core->tunnels)
		tunnels_free(core->tunnels);
	networks_free(core->networks);
	if (core->loop)
		link_loop_free(core->loop);
	engine_close(core->engine);
	cond_release(&core->changed);
	lock_release(&core->lock);
	free(core->runtime);
	free(core);
	http_global_cleanup();
}

struct engine *boxcore_engine(struct boxcore *core)
{
	return core->engine;
}

const char *boxcore_instance(const struct boxcore *core)
{
	return core->instance;
}
