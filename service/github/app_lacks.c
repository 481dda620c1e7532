/* SPDX-License-Identifier: MIT */
/* What the App's settings at GitHub lack: permissions and events that the service uses. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"

static const struct {
	const char *name, *level, *use;
} permissions[] = {
	{"contents", "write", "cloning and pushing"},
	{"issues", "write", "comments"},
	{"pull_requests", "write", "pull requests and reviews"},
	{"checks", "write", "check runs and their buttons"},
	{"actions", "read", "logs of failed checks"},
};

static const struct {
	const char *name, *use;
} events[] = {
	{"issues", "labels and closed issues"},
	{"issue_comment", "commands in comments"},
	{"pull_request", "pull requests"},
	{"pull_request_review", "reviews"},
	{"pull_request_review_comment", "comments on lines"},
	{"check_run", "repairs and buttons"},
	{"check_suite", "repairs"},
	{"workflow_run", "repairs"},
	{"push", "configuration, schedules and conflicts"},
};

static int rank(const char *level)
{
	return str_eq(level, "admin")   ? 3
	       : str_eq(level, "write") ? 2
	       : str_eq(level, "read")  ? 1
					: 0;
}

static void add(struct strbuf *out, const char *kind, const char *name, const char *level,
	const char *use)
{
	strbuf_addf(out, "%s%s %s%s%s (%s)", out->len ? ", " : "", kind, name,
		level ? ": " : "", level ? level : "", use);
}

static bool has_event(const json_t *list, const char *name)
{
	size_t i;
	json_t *one;

	json_array_foreach (list, i, one)
		if (str_eq(json_string_value(one), name))
			return true;
	return false;
}

int github_app_lacks(
	struct github *gh, struct strbuf *out, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_APP);
	CLEANUP(reply) struct reply reply = {0};

	call_path(&call, "/app");
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "the App's permissions");
	const json_t *held = json_at(reply.json, "permissions");
	for (size_t i = 0; i < ARRAY_LEN(permissions); i++)
		if (rank(json_or_string(held, permissions[i].name, "")) <
			rank(permissions[i].level))
			add(out, "permission", permissions[i].name, permissions[i].level,
				permissions[i].use);
	const json_t *told = json_at(reply.json, "events");
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (!has_event(told, events[i].name))
			add(out, "event", events[i].name, NULL, events[i].use);
	return 0;
}
