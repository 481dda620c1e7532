/* SPDX-License-Identifier: MIT */
/*
 * GitHub with a token that the box does not see: whose token, whether the box may reach the
 * host at all, and a port of its loopback for each command.
 *
 * What goes through the relay is the box's traffic: its network policy must allow the host,
 * as if the box connected by itself.
 */
#include "service/box/git-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- the token ------------------------------------------------------------------------- */

static int stored_token(struct git_job *job, struct secret *ret_token, struct err *err)
{
	CLEANUP(json)
	json_t *secrets = boxes_unseal(job->boxes, job->work.row.sealed, err);
	const char *text = json_string_value(json_object_get(secrets, "github_token"));

	if (!secrets)
		return -1;
	if (!str_empty(text))
		secret_set(ret_token, text, strlen(text));
	return 0;
}

int git_token(struct git_job *job, const struct git_url *url, struct secret *ret_token,
	struct err *err)
{
	const char *text;

	if (git_arg(job->args, "github_token", LIMIT_SECRET, false, &text, err) < 0)
		return -1;
	if (!str_empty(text))
		secret_set(ret_token, text, strlen(text));
	else if (url && secret_is_set(&url->password))
		secret_copy(ret_token, &url->password);
	else
		return stored_token(job, ret_token, err);
	return 0;
}

int git_token_keep(struct git_job *job, const struct secret *token, struct err *err)
{
	struct boxes *boxes = job->boxes;
	CLEANUP(store_box) struct store_box row = {0};

	/* As it is now: it may have been changed since the job began. */
	if (store_box_get(boxes->options.store, job->work.row.id, &row, err) < 0)
		return -1;
	CLEANUP(json) json_t *secrets = boxes_unseal(boxes, row.sealed, err);
	if (!secrets)
		return -1;
	const char *old = json_string_value(json_object_get(secrets, "github_token"));
	if (str_eq(old, token->value))
		return 0;
	json_put(secrets, "github_token", json_str(token->value));
	CLEANUP(mem) char *sealed = boxes_seal(boxes, secrets);
	if (!sealed)
		return err_set(err, ERR_LIMIT, "the secrets of the box are too many");
	return store_box_set_sealed(
		boxes->options.store, row.id, sealed, clock_wall_ms(), job->cancel, err);
}

/* ---- the policy ------------------------------------------------------------------------ */

static bool domain_fits(const char *pattern, const char *host)
{
	size_t n = strlen(host);

	if (pattern[0] != '*')
		return str_eq_nocase(pattern, host);
	size_t suffix = strlen(pattern + 1);
	return pattern[1] == '.' && n > suffix &&
	       str_eq_nocase(pattern + 1, host + n - suffix);
}

bool git_policy_allows(const char *network, const char *host)
{
	struct err ignored = {0};
	CLEANUP(json)
	json_t *json = str_empty(network)
			       ? json_object()
			       : json_parse(network, strlen(network), &ignored);
	const char *mode = json_or_string(json, "mode", json ? "allow-all" : "");
	const json_t *domains = json_object_get(json, "allowed_domains");
	const json_t *domain;
	size_t i;

	if (str_eq(mode, "allow-all"))
		return true;
	if (!str_eq(mode, "custom"))
		return false;
	json_array_foreach (domains, i, domain) {
		const char *pattern = json_string_value(domain);

		if (pattern && domain_fits(pattern, host))
			return true;
	}
	return false;
}

static int check_policy(struct git_job *job, const char *host, struct err *err)
{
	if (git_policy_allows(job->work.row.network, host))
		return 0;
	return err_set(err, ERR_DENIED,
		"the network policy of the box does not allow %.200s: allow it with mode "
		"custom and allowed_domains",
		host);
}

/* ---- ports ----------------------------------------------------------------------------- */

/* Which ports commands of which boxes listen on now. */
struct port_use {
	struct port_use *next;
	char box[64];
	uint16_t port;
};
static struct lock ports_lock = LOCK_INIT;
static struct port_use *ports;

static bool take_port(const char *box, uint16_t port)
{
	LOCKED(&ports_lock);
	for (struct port_use *at = ports; at; at = at->next)
		if (at->port == port && str_eq(at->box, box))
			return false;
	struct port_use *use = mem_zalloc(sizeof *use);
	use->port = port;
	str_copy(use->box, sizeof use->box, box);
	use->next = ports;
	ports = use;
	return true;
}

static void give_port(const char *box, uint16_t port)
{
	LOCKED(&ports_lock);
	for (struct port_use **at = &ports; *at; at = &(*at)->next) {
		struct port_use *use = *at;

		if (use->port != port || !str_eq(use->box, box))
			continue;
		*at = use->next;
		free(use);
		return;
	}
}

/* The first port that neither another command nor a program of the box has. */
static int listen_somewhere(struct git_job *job, struct err *err)
{
	const char *box = job->work.row.id;

	for (uint16_t i = 0; i < LIMIT_GIT_RELAY_PORTS; i++) {
		uint16_t port = (uint16_t)(GIT_RELAY_PORT + i);
		struct err failed = {0};

		if (!take_port(box, port))
			continue;
		if (box_listen(job->boxes->options.core, box, port, git_relay_accept,
			    job->relay, job->cancel, &failed) == 0) {
			job->port = port;
			return 0;
		}
		give_port(box, port);
		if (failed.kind != ERR_CONFLICT) {
			*err = failed;
			return -1;
		}
	}
	return err_set(err, ERR_QUOTA,
		"the ports %d to %d of the box are all taken: fewer git commands with a "
		"token at a time, please",
		GIT_RELAY_PORT, GIT_RELAY_PORT + LIMIT_GIT_RELAY_PORTS - 1);
}

/* ---- the relay ------------------------------------------------------------------------- */

int git_job_relay(struct git_job *job, const struct git_url *url, const char *spelled,
	const struct secret *token, bool push, struct err *err)
{
	const struct config *config = job->boxes->options.config;
	char host[256];

	if (!git_url_host(config->github_web_url, host, sizeof host))
		return err_set(err, ERR_UNABLE, "github.web_url is no address");
	if (check_policy(job, host, err) < 0)
		return -1;
	struct git_relay_spec spec = {
		.web_url = config->github_web_url,
		.owner = url->owner,
		.name = url->name,
		.token = token,
		.push = push,
		.ca_file = str_empty(config->ca_bundle) ? NULL : config->ca_bundle,
		.plain_http = str_starts(config->github_web_url, "http://"),
		.cancel = job->cancel,
	};
	job->relay = git_relay_new(&spec);
	if (listen_somewhere(job, err) < 0) {
		git_relay_free(TAKE(job->relay));
		return -1;
	}
	/* The box's own git config names the repository: let it be seen which. */
	boxes_log(job->boxes, job->work.row.id, "info", "system",
		"git may %s %s/%s with a token while its command runs",
		push ? "write to" : "read", url->owner, url->name);
	job->spelled = mem_strdup(spelled);
	job->relay_url = mem_printf(
		"http://127.0.0.1:%d/%s/%s.git", job->port, url->owner, url->name);
	job->config[0] = mem_printf("url.%s.insteadOf=%s", job->relay_url, spelled);
	/* A proxy of the box's own has no business with its loopback. */
	job->config[1] = mem_printf("http.http://127.0.0.1:%d/.proxy=", job->port);
	return 0;
}

void git_job_unrelay(struct git_job *job)
{
	if (!job->relay)
		return;
	box_unlisten(job->boxes->options.core, job->work.row.id, job->port);
	give_port(job->work.row.id, job->port);
	git_relay_free(TAKE(job->relay));
	free(TAKE(job->spelled));
	free(TAKE(job->relay_url));
	for (size_t i = 0; i < ARRAY_LEN(job->config); i++)
		free(TAKE(job->config[i]));
}
