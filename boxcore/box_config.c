/* SPDX-License-Identifier: MIT */
/* What a box is to the engine: the body of the create call, hardened. */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/link/proto.h"
#include "boxcore/netpolicy.h"

#include <string.h>

#define DEFAULT_CPUS 2.0
#define DEFAULT_MEMORY (4LL << 30)
#define DEFAULT_PIDS 2048
#define LEAST_MEMORY                                                                     \
	(16LL << 20)           /* boxinit and a shell; the engine's own least is 6 MiB */
#define SHM_SIZE (256LL << 20) /* browsers crash on the usual 64 MiB */
#define OPEN_FILES 16384       /* an engine that may not raise its own limit had 20,000 */
#define STOP_GRACE_S 7         /* boxinit ends its runs within 5 */

/*
 * ALL is dropped; this is what stays.  Root in the box needs the first eight to install
 * packages by sudo, and no-new-privileges is left out for the same: sudo is a set-uid
 * program.  boxinit alone uses NET_ADMIN and SETPCAP: it sets up the box's own network and
 * then takes NET_ADMIN out of the bounding set of all that it starts.
 */
static const char *const capabilities[] = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID",
	"KILL", "SETGID", "SETUID", "NET_BIND_SERVICE", "NET_ADMIN", "SETPCAP", NULL};

static json_t *strings(const char *const *list)
{
	json_t *array = json_array();

	for (; *list; list++)
		json_array_append_new(array, json_str(*list));
	return array;
}

static json_t *one_string(const char *text)
{
	const char *const list[] = {text, NULL};

	return strings(list);
}

static json_t *ulimit(const char *name, int value)
{
	json_t *limit = json_object();

	json_put(limit, "Name", json_str(name));
	json_put(limit, "Soft", json_integer(value));
	json_put(limit, "Hard", json_integer(value));
	return limit;
}

static bool box_disk_limited(const struct boxcore *core)
{
	const char *driver = core->info.storage_driver;

	return str_eq(driver, "btrfs") || str_eq(driver, "zfs") ||
	       (str_eq(driver, "overlay2") && str_eq(core->info.backing_fs, "xfs"));
}

/* ---- labels ---------------------------------------------------------------------------- */

static int add_label(json_t *labels, const char *label, struct err *err)
{
	char key[128];
	const char *equals = strchr(label, '=');
	size_t len = equals ? (size_t)(equals - label) : 0;

	if (len == 0 || len >= sizeof key)
		return err_set(err, ERR_INPUT,
			"label `%.100s` is not key=value with a key of 1 to %zu bytes",
			label, sizeof key - 1);
	if (str_starts(label, "boxwright."))
		return err_set(
			err, ERR_INPUT, "label `%.100s`: boxwright. is our own", label);
	memcpy(key, label, len);
	key[len] = '\0';
	if (!str_is_utf8(key, len))
		return err_set(err, ERR_INPUT, "a label's key is not UTF-8");
	json_put(labels, key, json_str(equals + 1));
	return 0;
}

static int add_labels(struct boxcore *core, const struct box_spec *spec,
	const char *nonce, json_t *labels, struct err *err)
{
	for (const char *const *label = spec->labels; label && *label; label++) {
		if (add_label(labels, *label, err) < 0)
			return -1;
	}
	json_put(labels, LABEL_INSTANCE, json_str(core->instance));
	json_put(labels, LABEL_BOX, json_str(spec->id));
	json_put(labels, LABEL_NONCE, json_str(nonce));
	json_put(labels, LABEL_NETWORK,
		json_str(spec->policy                       ? "policy"
			 : spec->network == BOX_NETWORK_ALL ? "all"
							    : "tunnel"));
	return 0;
}

/* ---- the host's side ------------------------------------------------------------------- */

static int check_spec(const struct box_spec *spec, struct err *err)
{
	if (core_check_id(spec->id, "a box's id", err) < 0)
		return -1;
	if (str_empty(spec->image) || strlen(spec->image) > 255)
		return err_set(
			err, ERR_INPUT, "a box needs an image (at most 255 bytes)");
	if (spec->cpus < 0 || spec->cpus > 1024)
		return err_set(err, ERR_INPUT, "`cpus` is outside 0 to 1024");
	if (spec->memory_bytes != 0 && spec->memory_bytes < LEAST_MEMORY)
		return err_set(err, ERR_INPUT, "`memory_bytes` is less than 16 MiB");
	if (spec->policy && box_policy_check(spec->policy, err) < 0)
		return -1;
	if (spec->policy ? spec->network == BOX_NETWORK_TUNNEL
			 : spec->network == BOX_NETWORK_GATED)
		return err_set(err, ERR_INPUT,
			"a gated box needs a policy, and one without a network none");
	if (spec->pids_max < 0 || spec->disk_bytes < 0)
		return err_set(err, ERR_INPUT, "`pids_max` or `disk_bytes` is negative");
	return 0;
}

static void add_limits(
	const struct boxcore *core, const struct box_spec *spec, json_t *host)
{
	double cpus = spec->cpus > 0 ? spec->cpus : DEFAULT_CPUS;
	int64_t memory = spec->memory_bytes ? spec->memory_bytes : DEFAULT_MEMORY;
	json_t *ulimits = json_array();

	/* The engine refuses more than the host has. */
	if (core->info.cpus > 0 && cpus > core->info.cpus)
		cpus = core->info.cpus;
	json_put(host, "NanoCpus", json_integer((json_int_t)(cpus * 1e9)));
	json_put(host, "Memory", json_integer(memory));
	json_put(host, "MemorySwap", json_integer(memory)); /* equal: no swap */
	json_put(host, "PidsLimit",
		json_integer(spec->pids_max ? spec->pids_max : DEFAULT_PIDS));
	json_put(host, "ShmSize", json_integer(SHM_SIZE));
	json_put(host, "OomScoreAdj", json_integer(500)); /* boxes before the service */
	json_array_append_new(ulimits, ulimit("nofile", OPEN_FILES));
	json_array_append_new(ulimits, ulimit("core", 0));
	json_put(host, "Ulimits", ulimits);
	if (spec->disk_bytes > 0 && box_disk_limited(core)) {
		char size[24];
		json_t *options = json_object();
		snprintf(size, sizeof size, "%lld", (long long)spec->disk_bytes);
		json_put(options, "size", json_str(size));
		json_put(host, "StorageOpt", options);
	}
}

static json_t *init_mounts(const struct boxcore *core)
{
	json_t *mounts = json_array(), *mount = json_object(), *options = json_object();
	char folder[64];

	str_copy(folder, sizeof folder, PROTO_INIT_PATH);
	*strrchr(folder, '/') = '\0';
	json_put(options, "NoCopy", json_true());
	json_put(mount, "Type", json_str("volume"));
	json_put(mount, "Source", json_str(core->init_volume));
	json_put(mount, "Target", json_str(folder));
	json_put(mount, "ReadOnly", json_true());
	json_put(mount, "VolumeOptions", options);
	json_array_append_new(mounts, mount);
	return mounts;
}

static int add_network(
	struct boxcore *core, const struct box_spec *spec, json_t *host, struct err *err)
{
	struct netpolicy policy;
	char dns[NETPOLICY_RESOLVERS][NETPOLICY_DNS_SIZE];
	json_t *list = json_array();
	size_t count = 0;

	json_put(host, "Dns", list);
	if (spec->network == BOX_NETWORK_TUNNEL) {
		/* With a network the engine itself writes the box's name; without it sudo
		 * and others complain that they cannot resolve it. */
		CLEANUP(mem) char *self = mem_printf("%s:127.0.1.1", spec->id);

		json_put(host, "ExtraHosts", one_string(self));
		json_put(host, "NetworkMode", json_str("none"));
		return 0;
	}
	if (netpolicy_gather(&policy, engine_is_local(core->engine), err) < 0)
		return -1;
	netpolicy_dns(&policy, dns, &count);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_str(dns[i]));
	json_put(host, "NetworkMode", json_str(core->network));
	return 0;
}

static int host_config(
	struct boxcore *core, const struct box_spec *spec, json_t *host, struct err *err)
{
	json_t *log = json_object(), *restart = json_object();

	json_put(log, "Type", json_str("none")); /* what a box says is ours to bound */
	json_put(restart, "Name", json_str("no"));
	json_put(host, "LogConfig", log);
	json_put(host, "RestartPolicy", restart);
	json_put(host, "AutoRemove", json_false());
	json_put(host, "Init", json_false()); /* boxinit is PID 1 and reaps */
	json_put(host, "CapDrop", one_string("ALL"));
	json_put(host, "CapAdd", strings(capabilities));
	json_put(host, "IpcMode", json_str("private"));
	json_put(host, "CgroupnsMode", json_str("private"));
	json_put(host, "Mounts", init_mounts(core));
	if (core->runtime)
		json_put(host, "Runtime", json_str(core->runtime));
	add_limits(core, spec, host);
	return add_network(core, spec, host, err);
}

json_t *box_config(struct boxcore *core, const struct box_spec *spec, const char *nonce,
	struct err *err)
{
	CLEANUP(json) json_t *config = json_object();
	json_t *labels = json_object(), *host = json_object(), *health = json_object();

	json_put(config, "Labels", labels);
	json_put(config, "HostConfig", host);
	json_put(config, "Healthcheck", health);
	if (check_spec(spec, err) < 0 || add_labels(core, spec, nonce, labels, err) < 0 ||
		host_config(core, spec, host, err) < 0)
		return NULL;
	/* What the image says of these is for its own program, not for boxinit. */
	json_put(health, "Test", one_string("NONE"));
	json_put(config, "Image", json_str(spec->image));
	json_put(config, "Hostname", json_str(spec->id));
	json_put(config, "Entrypoint", one_string(PROTO_INIT_PATH));
	json_put(config, "Cmd", json_array());
	json_put(config, "User", json_str("0:0"));
	json_put(config, "WorkingDir", json_str("/"));
	json_put(config, "StopSignal", json_str("SIGTERM"));
	json_put(config, "StopTimeout", json_integer(STOP_GRACE_S));
	json_put(config, "Tty", json_false());
	json_put(config, "OpenStdin", json_true());
	json_put(config, "StdinOnce", json_false());
	json_put(config, "AttachStdin", json_true());
	json_put(config, "AttachStdout", json_true());
	json_put(config, "AttachStderr", json_true());
	return TAKE(config);
}
