/* SPDX-License-Identifier: MIT */
/* What to do next, by machine word; and addresses of GitHub's pages. */
#include "service/http/why.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

static const struct {
	const char *code, *next; /* next NULL: nothing is to be done */
} words[] = {
	/* Deliveries that started nothing: webhooks/trigger.c, and the store. */
	{"event_unused", NULL},
	{"no_repository", NULL},
	{"no_installation",
		"Install the App on the repository; events of a webhook that the "
		"repository has of its own do not count."},
	{"repository_archived", "Unarchive the repository, then ask again."},
	{"no_sender", NULL},
	{"own_sender", NULL},
	{"bot_sender",
		"To let this bot ask, add its user number to github.allow_bots of the "
		"service."},
	{"not_author", NULL},
	{"action_unused", NULL},
	{"edited", "Write a new comment."},
	{"label_other", "Use the label of github.label, or a comment with a command."},
	{"text_counts", NULL},
	{"no_subject", NULL},
	{"no_command", "Begin a new comment with `/boxwright <verb>` or a mention of the "
		       "App, as "
		       "its very first word: not in a quote, a list or a code block."},
	{"issue_closed", "Open it again, then write a new comment."},
	{"review_no_command",
		"Request changes with the review, or begin it with a command."},
	{"review_counts", NULL},
	{"reviewer_other", NULL},
	{"noted", NULL},
	{"check_passed", NULL},
	{"other_check", NULL},
	{"own_check", NULL},
	{"check_suite_counts_its_runs", NULL},
	{"fork_check", NULL},
	{"check_nowhere", NULL},
	{"not_a_branch", NULL},
	{"branch_deleted", NULL},
	{"own_branch", NULL},
	{"nothing_ticked", NULL},
	{"not_ours", "Only pull requests that the service opened are repaired and "
		     "listened to; "
		     "on any other one write a command."},
	{"waiting_already",
		"Wait for the task that is waiting; `boxwright task list` shows it."},
	{"unparsed", "The body is kept as it came; report it with its delivery id."},

	/* Tasks that were not started: service/task/gate.c and its helpers. */
	{"refused_role",
		"Somebody with the role may ask, or `allow:` in .github/boxwright.yml "
		"may be changed."},
	{"refused_off", "`allow:` in .github/boxwright.yml switches the verb off."},
	{"refused_bot", "Add the bot's number to `allow: {bots: [...]}` in "
			".github/boxwright.yml and to github.allow_bots of the service."},
	{"refused_own", NULL},
	{"refused_closed", "Open it again, then write a new comment."},
	{"refused_archived", "Unarchive the repository, then ask again."},
	{"refused_limit", "Ask again when the day is over (UTC), or raise `limits:`."},
	{"refused_verb", "Ask in the place that the verb is for."},
	{"refused_fork", "Work on a branch of the repository itself."},
	{"refused_default", "Ask on an issue, or on a pull request of another branch."},
	{"refused_gone", NULL},
	{"refused_config",
		"Repair .github/boxwright.yml on the default branch: `boxwright schema "
		"--check FILE` looks at it, then ask again."},
	{"refused_stale", NULL},
	{"refused_tries", "A person's word, like `/boxwright fix`, gives it new tries."},
	{"refused_undo", NULL},

	/* Tasks that ended without what was asked for. */
	{"failed_config",
		"Repair .github/boxwright.yml on the default branch: `boxwright schema "
		"--check FILE` looks at it, then `/boxwright retry`."},
	{"failed_setup", "Repair the `setup` commands, then `/boxwright retry`."},
	{"failed_checks",
		"Look at the checks' output in the comment, then `/boxwright retry` or "
		"`/boxwright fix <what else>`."},
	{"failed_crash", "The service's log tells more; `/boxwright retry` tries again."},
	{"failed_result",
		"The change breaks a rule that the comment names: ask for another one."},
	{"failed_agent",
		"`/boxwright retry` tries again; the log has what the agent said."},
	{"failed_attempts", "Look at the attempts' reasons, then ask again."},
	{"failed_job",
		"The dashboard and `boxwright schedule show` tell what the job said."},
	{"failed_time", "Ask for less at once, or raise `limits: {minutes: ...}`."},
	{"stopped_closed", "Open it again, then write a new comment."},
	{"stopped_person", "Look at the commits that came in between, then ask again."},
	{"cancelled", "`/boxwright retry` begins it again."},
	{"crashed", "The service's log tells more; `/boxwright retry` tries again."},
};

const char *why_next(const char *code)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(words[i].code, code))
			return words[i].next;
	return str_starts(code, "failed_") ? "`/boxwright retry` tries again; `boxwright "
					     "task logs` has the rest."
					   : NULL;
}

bool why_known(const char *code)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(words[i].code, code))
			return true;
	return false;
}

/* ---- addresses ---------------------------------------------------------------------------- */

/* Tabs of a pull request's page. */
static size_t without_tab(const char *url, size_t len)
{
	static const char *const tabs[] = {"/files", "/changes", "/commits", "/checks"};

	while (len > 0 && url[len - 1] == '/')
		len--;
	for (size_t i = 0; i < ARRAY_LEN(tabs); i++) {
		size_t n = strlen(tabs[i]);

		if (len > n && !memcmp(url + len - n, tabs[i], n))
			return len - n;
	}
	return len;
}

bool why_url(struct strbuf *out, const char *url)
{
	size_t path = strcspn(url, "?#");
	const char *fragment = strchr(url, '#');

	if (!str_starts(url, "https://") && !str_starts(url, "http://"))
		return false;
	strbuf_add(out, url, without_tab(url, path));
	if (!fragment || !fragment[1])
		return true;
	/* The tab of files calls a review comment #r123, its event #discussion_r123. */
	if (fragment[1] == 'r' && fragment[2] >= '0' && fragment[2] <= '9')
		strbuf_addf(out, "#discussion_%s", fragment + 1);
	else
		strbuf_adds(out, fragment);
	return true;
}

static bool take_part(const char **at, char part[128])
{
	size_t len = strcspn(*at, "/#?");

	if (len == 0 || len >= 128)
		return false;
	memcpy(part, *at, len);
	part[len] = '\0';
	*at += len + ((*at)[len] == '/');
	return true;
}

bool why_repository(const char *url, char owner[128], char name[128])
{
	const char *at = strstr(url, "://");
	char host[128];

	if (!at)
		return false;
	at += 3;
	return take_part(&at, host) && take_part(&at, owner) && take_part(&at, name);
}
