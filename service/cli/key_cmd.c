/* SPDX-License-Identifier: MIT */
/* boxwright key ...: keys of the API. */
#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/cli/api.h"
#include "service/cli/box_cmd.h"
#include "service/cli/cli.h"
#include "service/cli/options.h"

#include <stdio.h>

static int key_create(const char *name, const char *account, bool read_only, bool json)
{
	struct err err = {0};
	CLEANUP(json) json_t *body = json_object();

	json_put(body, "name", json_str(name));
	json_put(body, "scope", json_str(read_only ? "read" : "full"));
	if (account)
		json_put(body, "account", json_str(account));
	CLEANUP(json)
	json_t *answer = cli_ask("POST", "/v1/keys", body, &err);
	if (!answer)
		return cli_fail(&err);
	if (json)
		return cli_print_json(answer);
	/* The key alone on stdout, so that it can go into a file. */
	printf("%s\n", json_or_string(answer, "key", "?"));
	fprintf(stderr, "key %s of account %s; it is not shown again\n",
		json_or_string(answer, "id", "?"),
		json_or_string(answer, "account", "?"));
	return CLI_OK;
}

static void key_row(const json_t *key)
{
	char made[CLOCK_ISO_SIZE], used[CLOCK_ISO_SIZE];
	int64_t used_s = json_or_int(key, "used_at", 0);

	printf("%-20s %-16s %-5s %-6s %-20s %-20s %s%s\n", json_or_string(key, "id", "?"),
		json_or_string(key, "account", "?"), json_or_string(key, "scope", "?"),
		json_or_string(key, "hint", ""),
		clock_iso(json_or_int(key, "created_at", 0), made, sizeof made),
		used_s ? clock_iso(used_s, used, sizeof used) : "never",
		json_or_string(key, "name", ""),
		json_or_int(key, "revoked_at", 0) ? " (revoked)" : "");
}

static int key_list(bool json)
{
	return cli_list("/v1/keys", "keys", json,
		"KEY                  ACCOUNT          SCOPE ENDS   CREATED  "
		"            USED                 NAME",
		key_row);
}

int cli_key(int argc, char **argv)
{
	const char *account = NULL;
	bool read_only = false, json = false;
	struct words w;
	const struct option_def defs[] = {{"account", OPTION_TEXT, &account},
		{"read-only", OPTION_FLAG, &read_only}, {"json", OPTION_FLAG, &json},
		{NULL, OPTION_FLAG, NULL}};
	int rc = options_read(argc, argv, defs, -1, &w);

	if (rc != 0)
		return rc;
	const char *verb = w.count > 0 ? w.items[0] : "list";
	if (str_eq(verb, "list") && w.count <= 1)
		return key_list(json);
	if (str_eq(verb, "create") && w.count == 2)
		return key_create(w.items[1], account, read_only, json);
	if (str_eq(verb, "revoke") && w.count == 2) {
		CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(LIMIT_PATH);
		strbuf_adds(&path, "/v1/keys/");
		api_segment(&path, w.items[1]);
		return box_call(
			"DELETE", strbuf_str(&path), NULL, json, "revoked", w.items[1]);
	}
	return cli_usage(
		"key create NAME [--account A] [--read-only] | list | revoke ID");
}
