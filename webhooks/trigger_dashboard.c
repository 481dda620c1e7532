/* SPDX-License-Identifier: MIT */
/* Which boxes a person ticked in the dashboard issue, from its text before and after. */
#include "boxcore/base/str.h"
#include "webhooks/decide.h"

#include <string.h>

#define MARK "<!-- boxwright:dashboard"
#define JOB_OPEN "<!-- job:"
#define JOB_CLOSE " -->"
#define NAME_MAX_LEN 100
#define TICKED_MAX 50

bool decide_is_dashboard(struct decision *d)
{
	const struct event_issue *issue = &d->event->issue;

	return decide_is_ours(d, &issue->author) && issue->body &&
	       strstr(issue->body, MARK);
}

static bool is_name(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == '>' || name[i] == '<')
			return false;
	return true;
}

/* The next line "- [x] ... <!-- job:NAME -->" at or behind *at: its name, or NULL. */
static const char *next_ticked(const char **at, size_t *ret_len)
{
	while (*at && **at) {
		const char *line = *at, *end = strchrnul(line, '\n');
		*at = *end ? end + 1 : end;
		if (strncmp(line, "- [x] ", 6) != 0 && strncmp(line, "- [X] ", 6) != 0)
			continue;
		const char *open =
			memmem(line, (size_t)(end - line), JOB_OPEN, strlen(JOB_OPEN));
		if (!open)
			continue;
		const char *name = open + strlen(JOB_OPEN);
		const char *close =
			memmem(name, (size_t)(end - name), JOB_CLOSE, strlen(JOB_CLOSE));
		if (!close || !is_name(name, (size_t)(close - name)))
			continue;
		*ret_len = (size_t)(close - name);
		return name;
	}
	return NULL;
}

static bool was_ticked(const char *before, const char *name, size_t len)
{
	const char *other;
	size_t other_len;

	while ((other = next_ticked(&before, &other_len)))
		if (other_len == len && memcmp(other, name, len) == 0)
			return true;
	return false;
}

static json_t *list_ticked(const char *before, const char *now)
{
	json_t *list = json_array();
	const char *name;
	size_t len;

	while (json_array_size(list) < TICKED_MAX && (name = next_ticked(&now, &len)))
		if (!was_ticked(before, name, len))
			json_array_append_new(list, json_text(name, len));
	return list;
}

void decide_dashboard(struct decision *d)
{
	const struct event_issue *issue = &d->event->issue;
	const char *refused = decide_refuse_person(d, NULL, 0);

	if (refused || !issue->was_body) {
		decide_none(d, refused ? refused : "edited");
		return;
	}
	CLEANUP(json) json_t *ticked = list_ticked(issue->was_body, issue->body);
	if (json_array_size(ticked) == 0) {
		decide_none(d, "nothing_ticked");
		return;
	}
	json_put(decide_about(d), "ticked", json_incref(ticked));
	d->ret->number = issue->number;
	decide_accept(d, TRIGGER_COMMAND, "dashboard", "dashboard",
		"A box of the dashboard was ticked.");
}
