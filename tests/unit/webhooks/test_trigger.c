/* SPDX-License-Identifier: MIT */
/* webhooks/trigger*.c: tables of events and what each means. */
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/trigger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* Bodies are JSON with ' for ": decide() puts them right. */
#define REPO                                                                             \
	"'repository':{'id':5,'name':'r','full_name':'o/"                                \
	"r','owner':{'id':6,'login':'o'},"                                               \
	"'default_branch':'main'},"
#define INST "'installation':{'id':7},"
#define SENDER "'sender':{'id':8,'login':'octocat','type':'User'},"
#define OURSELVES "'sender':{'id':1000,'login':'boxwright[bot]','type':'Bot'},"
#define BOT(id) "'sender':{'id':" #id ",'login':'some[bot]','type':'Bot'},"
#define ORIGIN REPO INST SENDER
#define DID(action) "{'action':'" action "',"
#define CREATED DID("created")
#define END "'x':1}"

#define ISSUE "'issue':{'number':12,'state':'open'},"
#define PULL "'issue':{'number':12,'state':'open','pull_request':{'url':'x'}},"
#define CLOSED "'issue':{'number':12,'state':'closed'},"
#define CLOSED_PULL "'issue':{'number':12,'state':'closed','pull_request':{'url':'x'}},"
#define COMMENT(text) "'comment':{'id':77,'body':'" text "','user':{'id':8}},"
#define SAID(text) CREATED ORIGIN ISSUE COMMENT(text) END
#define SAID_ON(issue, text) CREATED ORIGIN issue COMMENT(text) END
#define OPENED(text)                                                                     \
	DID("opened")                                                                    \
	ORIGIN "'issue':{'number':12,'body':'" text "','user':{'id':8}}}"
#define LABELED(issue, label) DID("labeled") ORIGIN issue "'label':{'name':'" label "'}}"

/* Labelled by its author: the time of day at which it was opened is 10:00:00. */
#define LABELED_AT(time, text)                                                           \
	LABELED("'issue':{'number':12,'state':'open','body':'" text "','user':{'id':8}," \
		"'created_at':'2026-11-22T10:00:00Z','updated_at':'2026-11-22T" time     \
		"Z'},",                                                                  \
		"boxwright")
#define PR_STATE(state, body, head)                                                      \
	"'pull_request':{'number':3,'state':'" state "','body':'" body                   \
	"','merged':true,"                                                               \
	"'head':{'ref':'b','sha':'cafe','repo':{'id':" head "}},"                        \
	"'base':{'ref':'main','sha':'beef'},'user':{'id':8}},"
#define PR PR_STATE("open", "", "5")
#define REVIEW_BY(id, state, text)                                                       \
	"'review':{'id':44,'state':'" state "','body':" text ",'user':{'id':" id "}},"
#define REVIEW(state, text) REVIEW_BY("8", state, text)
#define LINE(text)                                                                       \
	"'comment':{'id':77,'body':'" text                                               \
	"','user':{'id':8},'path':'src/a.c','line':9,'side':'RIGHT',"                    \
	"'diff_hunk':'@@ -1 +1 @@\\n-a\\n+b','in_reply_to_id':70,"                       \
	"'pull_request_review_id':44},"

#define PULLS(number) "'pull_requests':[{'number':" number ",'base':{'repo':{'id':5}}}]"
#define RUN(conclusion, branch, app, pulls)                                              \
	"'check_run':{'id':31,'name':'unit','html_url':'https://x/"                      \
	"31','head_sha':'cafe',"                                                         \
	"'conclusion':" conclusion ",'check_suite':{'head_branch':" branch "},"          \
	"'app':{'id':" app "}," pulls "},"
#define FAILED RUN("'failure'", "'b'", "9", PULLS("3"))
#define SUITE(conclusion, runs) SUITE_OF("9", conclusion, runs)
#define SUITE_OF(app, conclusion, runs)                                                  \
	"'check_suite':{'id':32,'head_sha':'cafe','head_branch':'b','conclusion':"       \
	"'" conclusion "','app':{'id':" app                                              \
	",'name':'CI'},'latest_check_runs_count':" runs "," PULLS("3") "},"
#define WORKFLOW(conclusion, head)                                                       \
	"'workflow_run':{'id':33,'name':'ci','head_sha':'cafe','head_branch':'b',"       \
	"'conclusion':'" conclusion "','head_repository':{'id':" head "},"               \
	"'pull_requests':[]},"
#define PUSH(ref, deleted)                                                               \
	"'ref':'" ref "','before':'beef','after':'cafe','deleted':" deleted ","          \
	"'commits':[{'modified':['a.c']}],"
#define ACCOUNT "'installation':{'id':7,'account':{'id':6,'login':'o'}},"

#define MARK "<!-- boxwright:dashboard -->"
#define BOARD(was, now)                                                                  \
	DID("edited")                                                                    \
	ORIGIN "'issue':{'number':2,'body':'" MARK "\\n" now "','user':{'id':1000}},"    \
	       "'changes':{'body':{'from':'" MARK "\\n" was "'}}}"
#define BOX(x, name) "- [" x "] **" name "** <!-- job:" name " -->\\n"

static const int64_t bots[] = {500, 501};

static const struct trigger_config config = {
	.slug = "boxwright",
	.app_id = 4242,
	.bot_user_id = 1000,
	.label = "boxwright",
	.listen = TRIGGER_REVIEWS,
	.branch_prefix = "boxwright/",
	.bots = bots,
	.bot_count = ARRAY_LEN(bots),
};

static void decide(const struct trigger_config *how, const char *name, const char *body,
	struct event *event, struct trigger *ret)
{
	CLEANUP(mem) char *json = mem_strdup(body);
	struct err err = {0};

	for (char *at = json; *at; at++)
		if (*at == '\'')
			*at = '"';
	if (event_parse(name, json, strlen(json), event, &err) != EVENT_OK)
		fail_msg("%s: %s", json, err.text);
	trigger_decide(how, event, ret);
}

/* ---- what becomes of it ------------------------------------------------------------------ */

struct good {
	const char *event, *body;
	enum trigger_outcome outcome;
	const char *verb, *reason;
	const char *about; /* in it; NULL: it is empty */
};

static const struct good goods[] = {
	/* Every verb, in a comment on an issue */
	{"issue_comment", SAID("/boxwright fix it"), TRIGGER_TASK, "fix", "comment",
		NULL},
	{"issue_comment", SAID("/boxwright fix x3 it"), TRIGGER_TASK, "fix", "comment",
		NULL},
	{"issue_comment", SAID("@boxwright do it"), TRIGGER_TASK, "fix", "comment", NULL},
	{"issue_comment", SAID("@boxwright ask why?"), TRIGGER_TASK, "ask", "comment",
		NULL},
	{"issue_comment", SAID("/boxwright plan"), TRIGGER_TASK, "plan", "comment", NULL},
	{"issue_comment", SAID("/boxwright review"), TRIGGER_TASK, "review", "comment",
		NULL},
	{"issue_comment", SAID("/boxwright test"), TRIGGER_TASK, "test", "comment", NULL},
	{"issue_comment", SAID("/boxwright rebase"), TRIGGER_TASK, "rebase", "comment",
		NULL},
	{"issue_comment", SAID("/boxwright undo"), TRIGGER_TASK, "undo", "comment", NULL},
	{"issue_comment", SAID("/boxwright approve"), TRIGGER_COMMAND, "approve",
		"comment", NULL},
	{"issue_comment", SAID("/boxwright reject no"), TRIGGER_COMMAND, "reject",
		"comment", NULL},
	{"issue_comment", SAID("/boxwright retry"), TRIGGER_COMMAND, "retry", "comment",
		NULL},
	{"issue_comment", SAID("/boxwright retry from Verify"), TRIGGER_COMMAND, "retry",
		"comment", "{'step':'verify'}"},
	{"issue_comment", SAID("/boxwright cancel"), TRIGGER_COMMAND, "cancel", "comment",
		NULL},
	{"issue_comment", SAID("/boxwright status"), TRIGGER_COMMAND, "status", "comment",
		NULL},
	{"issue_comment", SAID("/boxwright budget +2.50"), TRIGGER_COMMAND, "budget",
		"comment", "{'amount':2.5}"},
	{"issue_comment", SAID("/boxwright budget +lots"), TRIGGER_COMMAND, "unknown",
		"comment", NULL},
	{"issue_comment", SAID("/boxwright"), TRIGGER_COMMAND, "help", "comment", NULL},
	{"issue_comment", SAID("/boxwright dance"), TRIGGER_COMMAND, "unknown", "comment",
		NULL},
	/* On a pull request, on what is closed */
	{"issue_comment", SAID_ON(PULL, "/boxwright fix"), TRIGGER_TASK, "fix", "comment",
		NULL},
	{"issue_comment", SAID_ON(CLOSED, "/boxwright cancel"), TRIGGER_COMMAND, "cancel",
		"comment", NULL},
	{"issue_comment", SAID_ON(CLOSED, "/boxwright ask why"), TRIGGER_TASK, "ask",
		"comment", NULL},
	{"issue_comment", SAID_ON(CLOSED_PULL, "/boxwright help"), TRIGGER_COMMAND,
		"help", "comment", NULL},
	/* A bot by its number */
	{"issue_comment",
		CREATED REPO INST BOT(501) ISSUE "'comment':{'id':7,'body':'/boxwright "
						 "fix','user':{'id':501,'type':'Bot'}}}",
		TRIGGER_TASK, "fix", "comment", NULL},
	/* Issues */
	{"issues", OPENED("/boxwright fix"), TRIGGER_TASK, "fix", "issue", NULL},
	{"issues", OPENED("/boxwright plan it"), TRIGGER_TASK, "plan", "issue", NULL},
	{"issues", LABELED(ISSUE, "boxwright"), TRIGGER_TASK, "fix", "label", NULL},
	{"issues", LABELED(ISSUE, "Boxwright"), TRIGGER_TASK, "fix", "label", NULL},
	{"issues", LABELED(PULL, "boxwright"), TRIGGER_TASK, "fix", "label", NULL},
	{"issues", DID("closed") ORIGIN CLOSED END, TRIGGER_COMMAND, "closed", "closed",
		NULL},
	{"issues", DID("closed") REPO INST BOT(9) CLOSED END, TRIGGER_COMMAND, "closed",
		"closed", NULL},
	{"issues", DID("deleted") ORIGIN ISSUE END, TRIGGER_COMMAND, "closed", "closed",
		NULL},
	{"issues", DID("transferred") ORIGIN ISSUE END, TRIGGER_COMMAND, "closed",
		"closed", NULL},
	{"issues", DID("reopened") ORIGIN ISSUE END, TRIGGER_COMMAND, "reopened",
		"reopened", NULL},
	{"issues", BOARD(BOX(" ", "a") BOX("x", "b"), BOX("x", "a") BOX("x", "b")),
		TRIGGER_COMMAND, "dashboard", "dashboard", "{'ticked':['a']}"},
	{"issues", BOARD(BOX(" ", "a") BOX(" ", "b"), BOX("X", "a") BOX("x", "b")),
		TRIGGER_COMMAND, "dashboard", "dashboard", "{'ticked':['a','b']}"},
	{"issues", BOARD("", BOX("x", "a")), TRIGGER_COMMAND, "dashboard", "dashboard",
		"{'ticked':['a']}"},
	/* Pull requests */
	{"pull_request",
		DID("opened") ORIGIN PR_STATE("open", "/boxwright review", "5") END,
		TRIGGER_TASK, "review", "pull_request", "{'head':'cafe','branch':'b'}"},
	{"pull_request",
		DID("opened") ORIGIN PR_STATE("open", "/boxwright review", "6") END,
		TRIGGER_TASK, "review", "pull_request", "{'head':'cafe'}"},
	{"pull_request", DID("labeled") ORIGIN PR "'label':{'name':'boxwright'}}",
		TRIGGER_TASK, "fix", "label", "{'head':'cafe','branch':'b'}"},
	/* Opened without a request for work, or labelled only later */
	{"issues", LABELED_AT("10:00:00", "It is broken."), TRIGGER_TASK, "fix", "label",
		NULL},
	{"issues", LABELED_AT("10:00:00", "/boxwright help"), TRIGGER_TASK, "fix",
		"label", NULL},
	{"issues", LABELED_AT("10:01:01", "/boxwright fix"), TRIGGER_TASK, "fix", "label",
		NULL},
	{"issues", LABELED_AT("tomorrow", "/boxwright fix"), TRIGGER_TASK, "fix", "label",
		NULL},
	{"pull_request",
		DID("review_requested") ORIGIN PR "'requested_reviewer':{'id':1000}}",
		TRIGGER_TASK, "review", "review_requested",
		"{'head':'cafe','branch':'b'}"},
	{"pull_request", DID("closed") ORIGIN PR_STATE("closed", "", "5") END,
		TRIGGER_COMMAND, "closed", "closed",
		"{'head':'cafe','branch':'b','merged':true}"},
	{"pull_request", DID("closed") REPO INST BOT(9) PR_STATE("closed", "", "5") END,
		TRIGGER_COMMAND, "closed", "closed",
		"{'head':'cafe','branch':'b','merged':true}"},
	{"pull_request", DID("reopened") ORIGIN PR END, TRIGGER_COMMAND, "reopened",
		"reopened", "{'head':'cafe','branch':'b'}"},
	/* Reviews */
	{"pull_request_review",
		DID("submitted") ORIGIN PR REVIEW("commented", "'/boxwright test'") END,
		TRIGGER_TASK, "test", "review",
		"{'head':'cafe','branch':'b','review':44,'review_state':'commented'}"},
	{"pull_request_review",
		DID("submitted") ORIGIN PR REVIEW("changes_requested", "'Rename it.'")
			END,
		TRIGGER_TASK, "fix", "review",
		"{'head':'cafe','branch':'b','review':44,"
		"'review_state':'changes_requested'}"},
	{"pull_request_review",
		DID("submitted") ORIGIN PR REVIEW("CHANGES_REQUESTED", "null") END,
		TRIGGER_TASK, "fix", "review",
		"{'head':'cafe','branch':'b','review':44,"
		"'review_state':'changes_requested'}"},
	{"pull_request_review_comment", CREATED ORIGIN PR LINE("/boxwright fix this") END,
		TRIGGER_TASK, "fix", "review_comment",
		"{'head':'cafe','branch':'b','path':'src/a.c','line':9,'side':'RIGHT',"
		"'hunk':'@@ -1 +1 @@\\n-a\\n+b','in_reply_to':70}"},
	/* Checks */
	{"check_run", DID("completed") ORIGIN FAILED END, TRIGGER_TASK, "repair",
		"check_failed",
		"{'check':{'kind':'check_run','id':31,'name':'unit','url':'https://x/31',"
		"'app':9,'conclusion':'failure'},'head':'cafe','branch':'b'}"},
	{"check_run", DID("completed") REPO INST BOT(9) FAILED END, TRIGGER_TASK,
		"repair", "check_failed",
		"{'check':{'kind':'check_run','id':31,'name':'unit','url':'https://x/31',"
		"'app':9,'conclusion':'failure'},'head':'cafe','branch':'b'}"},
	/* GitHub's word for whoever pushed: of our own pull requests the App itself. */
	{"check_run", DID("completed") REPO INST OURSELVES FAILED END, TRIGGER_TASK,
		"repair", "check_failed",
		"{'check':{'kind':'check_run','id':31,'name':'unit','url':'https://x/31',"
		"'app':9,'conclusion':'failure'},'head':'cafe','branch':'b'}"},
	{"check_suite", DID("completed") ORIGIN SUITE("timed_out", "0") END, TRIGGER_TASK,
		"repair", "check_failed",
		"{'check':{'kind':'check_suite','id':32,'name':'CI','app':9,"
		"'conclusion':'timed_out'},'head':'cafe','branch':'b'}"},
	{"workflow_run", DID("completed") ORIGIN WORKFLOW("failure", "5") END,
		TRIGGER_TASK, "repair", "check_failed",
		"{'check':{'kind':'workflow_run','id':33,'name':'ci',"
		"'conclusion':'failure'},'head':'cafe','branch':'b'}"},
	{"check_run",
		DID("requested_action") ORIGIN RUN("null", "'b'", "4242",
			PULLS("3")) "'requested_action':{'identifier':'stop'}}",
		TRIGGER_COMMAND, "button", "button",
		"{'check':{'kind':'check_run','id':31,'name':'unit','url':'https://x/31',"
		"'app':4242},'head':'cafe','branch':'b','button':'stop'}"},
	{"check_run",
		DID("rerequested") ORIGIN RUN("'success'", "'b'", "4242", PULLS("3")) END,
		TRIGGER_COMMAND, "button", "button",
		"{'check':{'kind':'check_run','id':31,'name':'unit','url':'https://x/31',"
		"'app':4242,'conclusion':'success'},'head':'cafe','branch':'b',"
		"'button':'rerun'}"},
	{"check_run",
		DID("rerequested") ORIGIN "'check_run':{'id':31,'head_sha':'cafe',"
					  "'external_id':'task-41','app':{'id':4242}},"
					  "'x':1}",
		TRIGGER_COMMAND, "button", "button",
		"{'check':{'kind':'check_run','id':31,'app':4242,"
		"'external_id':'task-41'},'head':'cafe','button':'rerun'}"},
	{"check_suite", DID("rerequested") ORIGIN SUITE_OF("4242", "failure", "1") END,
		TRIGGER_COMMAND, "button", "button",
		"{'check':{'kind':'check_suite','id':32,'name':'CI','app':4242,"
		"'conclusion':'failure'},'head':'cafe','branch':'b','button':'rerun'}"},
	/* Pushes */
	{"push", "{" ORIGIN PUSH("refs/heads/main", "false") END, TRIGGER_COMMAND,
		"pushed", "push",
		"{'branch':'main','head':'cafe','before':'beef','rules':false}"},
	{"push", "{" REPO INST BOT(9) PUSH("refs/heads/a/b", "false") END,
		TRIGGER_COMMAND, "pushed", "push",
		"{'branch':'a/b','head':'cafe','before':'beef','rules':false}"},
	/* Installations */
	{"installation",
		CREATED SENDER ACCOUNT "'repositories':[{'id':5,'full_name':'o/r'}]}",
		TRIGGER_COMMAND, "installed", "installed",
		"{'repositories':[{'id':5,'owner':'o','name':'r'}],'removed':[]}"},
	{"installation", DID("unsuspend") SENDER ACCOUNT END, TRIGGER_COMMAND,
		"installed", "installed", "{'repositories':[],'removed':[],'more':true}"},
	{"installation", DID("new_permissions_accepted") SENDER ACCOUNT END,
		TRIGGER_COMMAND, "installed", "installed",
		"{'repositories':[],'removed':[],'more':true}"},
	{"installation",
		DID("deleted") SENDER ACCOUNT
		"'repositories':[{'id':5,'full_name':'o/r'}]}",
		TRIGGER_COMMAND, "removed", "removed",
		"{'removed':[{'id':5,'owner':'o','name':'r'}],'all':true}"},
	{"installation", DID("suspend") SENDER ACCOUNT END, TRIGGER_COMMAND, "removed",
		"removed", "{'removed':[],'all':true}"},
	{"installation_repositories",
		DID("added") SENDER ACCOUNT "'repositories_added':[{'id':5,'full_name':'"
					    "o/r'}],'repositories_removed':[]}",
		TRIGGER_COMMAND, "installed", "installed",
		"{'repositories':[{'id':5,'owner':'o','name':'r'}],'removed':[]}"},
	{"installation_repositories",
		DID("removed") SENDER ACCOUNT
		"'repositories_added':[],'repositories_removed':[{'id':5,'full_name':'o/"
		"r'},"
		"{'id':0,'full_name':'o/x'},{'id':6,'full_name':'x'}]}",
		TRIGGER_COMMAND, "removed", "removed",
		"{'removed':[{'id':5,'owner':'o','name':'r'}]}"},
};

static bool same_json(const char *about, const char *wanted)
{
	CLEANUP(mem) char *text = mem_strdup(wanted);
	struct err err = {0};

	for (char *at = text; *at; at++)
		if (*at == '\'')
			*at = '"';
	CLEANUP(json) json_t *a = json_parse(about, strlen(about), &err);
	CLEANUP(json) json_t *b = json_parse(text, strlen(text), &err);
	return a && b && json_equal(a, b);
}

static void test_goods(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		CLEANUP(event) struct event event = {0};
		CLEANUP(trigger) struct trigger t = {0};
		const struct good *good = &goods[i];
		decide(&config, good->event, good->body, &event, &t);
		if (t.outcome != good->outcome || !str_eq(t.verb, good->verb) ||
			!str_eq(t.reason, good->reason))
			fail_msg("%s %s: %s, %s, %s", good->event, good->body,
				trigger_outcome_name(t.outcome), t.verb ? t.verb : "-",
				t.reason);
		if (good->about ? !same_json(t.about, good->about) : t.about[0] != '\0')
			fail_msg("%s %s: about %s", good->event, good->body, t.about);
		assert_true(t.text && t.lane[0] && t.attempts >= 1);
		assert_true(t.sentence[0] && t.sentence[strlen(t.sentence) - 1] == '.');
	}
}

/* ---- what comes to nothing --------------------------------------------------------------- */

static const struct {
	const char *event, *body, *reason;
} bads[] = {
	{"fork", "{" ORIGIN END, "event_unused"},
	{"never_heard_of", "{}", "event_unused"},
	{"issues", "{}", "no_repository"},
	{"issues", "{'repository':{'id':5},'x':1}", "no_repository"},
	{"issue_comment", CREATED REPO SENDER ISSUE COMMENT("/boxwright fix") END,
		"no_installation"},
	{"issue_comment",
		CREATED
		"'repository':{'id':5,'name':'r','full_name':'o/r','archived':true,"
		"'owner':{'login':'o'}}," INST SENDER ISSUE COMMENT("/boxwright fix") END,
		"repository_archived"},
	{"issue_comment", CREATED REPO INST ISSUE COMMENT("/boxwright fix") END,
		"no_sender"},
	{"issue_comment", CREATED REPO INST OURSELVES ISSUE COMMENT("/boxwright fix") END,
		"own_sender"},
	{"issue_comment",
		CREATED ORIGIN ISSUE
		"'comment':{'id':77,'body':'/boxwright fix','user':{'id':1000}}}",
		"own_sender"},
	{"issue_comment",
		CREATED ORIGIN ISSUE
		"'comment':{'id':77,'body':'/boxwright fix','user':{'id':8},"
		"'performed_via_github_app':{'id':4242}}}",
		"own_sender"},
	{"issues",
		DID("opened") ORIGIN
		"'issue':{'number':1,'body':'/boxwright fix','user':{'id':8},"
		"'performed_via_github_app':{'id':4242}}}",
		"own_sender"},
	{"pull_request", DID("synchronize") REPO INST OURSELVES PR END, "own_sender"},
	{"push", "{" REPO INST OURSELVES PUSH("refs/heads/main", "false") END,
		"own_sender"},
	{"issue_comment", CREATED REPO INST BOT(9) ISSUE COMMENT("/boxwright fix") END,
		"bot_sender"},
	{"issues", DID("labeled") REPO INST BOT(9) ISSUE "'label':{'name':'boxwright'}}",
		"bot_sender"},
	{"pull_request",
		DID("review_requested") REPO INST BOT(9) PR
		"'requested_reviewer':{'id':1000}}",
		"bot_sender"},
	{"check_run",
		DID("rerequested") REPO INST BOT(9)
			RUN("'success'", "'b'", "4242", PULLS("3")) END,
		"bot_sender"},
	{"issue_comment",
		CREATED ORIGIN ISSUE
		"'comment':{'id':77,'body':'/boxwright fix','user':{'id':9}}}",
		"not_author"},
	{"pull_request_review",
		DID("submitted") ORIGIN PR REVIEW_BY("9", "commented", "'/boxwright fix'")
			END,
		"not_author"},
	{"issue_comment", DID("deleted") ORIGIN ISSUE COMMENT("/boxwright fix") END,
		"action_unused"},
	{"issues", DID("assigned") ORIGIN ISSUE END, "action_unused"},
	{"issues", LABELED_AT("10:00:00", "/boxwright fix"), "text_counts"},
	{"issues", LABELED_AT("10:01:00", "@boxwright plan it"), "text_counts"},
	{"issues", DID("unlabeled") ORIGIN ISSUE "'label':{'name':'boxwright'}}",
		"action_unused"},
	{"issues", "{" ORIGIN ISSUE END, "action_unused"},
	{"pull_request", DID("locked") ORIGIN PR END, "action_unused"},
	{"pull_request_review", DID("dismissed") ORIGIN PR REVIEW("dismissed", "''") END,
		"action_unused"},
	{"pull_request_review_comment", DID("deleted") ORIGIN PR LINE("x") END,
		"action_unused"},
	{"check_run", CREATED ORIGIN FAILED END, "action_unused"},
	{"check_run", DID("requested_action") ORIGIN FAILED END, "action_unused"},
	{"check_suite", DID("requested") ORIGIN SUITE("failure", "0") END,
		"action_unused"},
	{"workflow_run", DID("requested") ORIGIN WORKFLOW("failure", "5") END,
		"action_unused"},
	{"installation", DID("unheard_of") SENDER ACCOUNT END, "action_unused"},
	{"issue_comment", DID("edited") ORIGIN ISSUE COMMENT("/boxwright fix") END,
		"edited"},
	{"issues", DID("edited") ORIGIN ISSUE END, "edited"},
	{"pull_request", DID("edited") ORIGIN PR_STATE("open", "/boxwright fix", "5") END,
		"edited"},
	{"pull_request_review",
		DID("edited") ORIGIN PR REVIEW("changes_requested", "'/boxwright fix'")
			END,
		"edited"},
	{"pull_request_review_comment",
		DID("edited") ORIGIN PR LINE("/boxwright fix") END, "edited"},
	{"issues", LABELED(ISSUE, "bug"), "label_other"},
	{"pull_request", DID("labeled") ORIGIN PR "'label':{'name':'bug'}}",
		"label_other"},
	{"issues", DID("opened") ORIGIN END, "no_subject"},
	{"issue_comment", CREATED ORIGIN COMMENT("/boxwright fix") END, "no_subject"},
	{"issue_comment", CREATED ORIGIN ISSUE END, "no_subject"},
	{"pull_request", DID("opened") ORIGIN END, "no_subject"},
	{"pull_request_review", DID("submitted") ORIGIN PR END, "no_subject"},
	{"pull_request_review_comment", CREATED ORIGIN PR COMMENT("/boxwright fix") END,
		"no_subject"},
	{"check_run", DID("completed") ORIGIN END, "no_subject"},
	{"push", "{" ORIGIN END, "no_subject"},
	{"installation", CREATED SENDER INST END, "no_subject"},
	{"issues", OPENED("It is broken"), "no_command"},
	{"issue_comment", SAID("thanks @boxwright"), "no_command"},
	{"issue_comment", SAID("> /boxwright fix"), "no_command"},
	{"issue_comment", SAID("/fix it"), "no_command"},
	{"issue_comment", SAID_ON(PULL, "Rename it."), "no_command"},
	{"pull_request", DID("opened") ORIGIN PR END, "no_command"},
	{"issue_comment", SAID_ON(CLOSED, "/boxwright fix"), "issue_closed"},
	{"issue_comment", SAID_ON(CLOSED, "/boxwright plan"), "issue_closed"},
	{"issue_comment", SAID_ON(CLOSED, "/boxwright retry"), "issue_closed"},
	{"issue_comment", SAID_ON(CLOSED, "/boxwright approve"), "issue_closed"},
	{"issue_comment", SAID_ON(CLOSED_PULL, "/boxwright undo"), "issue_closed"},
	{"issues", LABELED(CLOSED, "boxwright"), "issue_closed"},
	{"pull_request_review",
		DID("submitted") ORIGIN PR_STATE("closed", "", "5")
			REVIEW("changes_requested", "'x'") END,
		"issue_closed"},
	{"pull_request",
		DID("review_requested") ORIGIN PR_STATE(
			"closed", "", "5") "'requested_reviewer':{'id':1000}}",
		"issue_closed"},
	{"pull_request_review",
		DID("submitted") ORIGIN PR REVIEW("approved", "'Good.'") END,
		"review_no_command"},
	{"pull_request_review",
		DID("submitted") ORIGIN PR REVIEW("commented", "null") END,
		"review_no_command"},
	{"pull_request_review_comment", CREATED ORIGIN PR LINE("Rename it.") END,
		"review_counts"},
	{"pull_request",
		DID("review_requested") ORIGIN PR "'requested_reviewer':{'id':8}}",
		"reviewer_other"},
	{"pull_request",
		DID("review_requested") ORIGIN PR "'requested_team':{'id':1000}}",
		"reviewer_other"},
	{"pull_request", DID("synchronize") ORIGIN PR END, "noted"},
	{"check_run",
		DID("completed") ORIGIN RUN("'success'", "'b'", "9", PULLS("3")) END,
		"check_passed"},
	{"check_run",
		DID("completed") ORIGIN RUN("'action_required'", "'b'", "9", PULLS("3"))
			END,
		"check_passed"},
	{"check_suite", DID("completed") ORIGIN SUITE("cancelled", "0") END,
		"check_passed"},
	{"workflow_run", DID("completed") ORIGIN WORKFLOW("skipped", "5") END,
		"check_passed"},
	{"check_run",
		DID("completed") ORIGIN RUN("'failure'", "'b'", "4242", PULLS("3")) END,
		"own_check"},
	{"check_run",
		DID("completed") REPO INST OURSELVES RUN(
			"'failure'", "'b'", "4242", PULLS("3")) END,
		"own_check"},
	{"check_run",
		DID("rerequested") REPO INST OURSELVES RUN(
			"'failure'", "'b'", "4242", PULLS("3")) END,
		"own_sender"},
	{"check_suite", DID("completed") ORIGIN SUITE("failure", "2") END,
		"check_suite_counts_its_runs"},
	{"check_suite", DID("rerequested") ORIGIN SUITE("failure", "2") END,
		"other_check"},
	{"workflow_run", DID("completed") ORIGIN WORKFLOW("failure", "6") END,
		"fork_check"},
	{"check_run",
		DID("completed")
			ORIGIN RUN("'failure'", "null", "9", "'pull_requests':[]") END,
		"check_nowhere"},
	{"push", "{" ORIGIN PUSH("refs/tags/v1", "false") END, "not_a_branch"},
	{"push", "{" ORIGIN PUSH("refs/heads/old", "true") END, "branch_deleted"},
	{"push", "{" ORIGIN PUSH("refs/heads/boxwright/issue-3", "false") END,
		"own_branch"},
	{"issues", BOARD(BOX("x", "a"), BOX("x", "a")), "nothing_ticked"},
	{"issues", BOARD(BOX("x", "a"), BOX(" ", "a")), "nothing_ticked"},
	{"issues", BOARD("", "- [x] a <!-- job: -->\\n- [x] b <!-- job:b"),
		"nothing_ticked"},
	{"issues", BOARD("", "> - [x] a <!-- job:a -->"), "nothing_ticked"},
};

static void test_bads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		CLEANUP(event) struct event event = {0};
		CLEANUP(trigger) struct trigger t = {0};
		decide(&config, bads[i].event, bads[i].body, &event, &t);
		if (t.outcome != TRIGGER_NONE || !str_eq(t.reason, bads[i].reason))
			fail_msg("%s %s: %s, %s", bads[i].event, bads[i].body,
				trigger_outcome_name(t.outcome), t.reason);
		assert_true(!t.verb && !t.text && !t.about);
		assert_true(t.sentence[0] && t.sentence[strlen(t.sentence) - 1] == '.');
	}
}

static void test_every_reason_has_a_case(void **state)
{
	(void)state;
	for (const struct trigger_reason *r = trigger_reasons; r->word; r++) {
		bool found = false;
		for (size_t i = 0; i < ARRAY_LEN(bads); i++)
			found = found || str_eq(bads[i].reason, r->word);
		if (!found)
			fail_msg("no case for %s", r->word);
		assert_true(
			strlen(r->sentence) < sizeof(((struct trigger *)0)->sentence));
	}
}

/* ---- who is listened to ------------------------------------------------------------------ */

static void test_listen(void **state)
{
	static const struct {
		const char *event, *body;
		/* the reason with commands, reviews, all */
		const char *reasons[3];
	} cases[] = {
		{"issue_comment", SAID("Rename it."),
			{"no_command", "no_command", "no_command"}},
		{"issue_comment", SAID_ON(PULL, "Rename it."),
			{"no_command", "no_command", "comment"}},
		{"issue_comment", SAID_ON(CLOSED_PULL, "Rename it."),
			{"no_command", "no_command", "issue_closed"}},
		{"issue_comment", SAID_ON(PULL, "/boxwright fix"),
			{"comment", "comment", "comment"}},
		{"pull_request_review",
			DID("submitted") ORIGIN PR REVIEW("changes_requested", "null")
				END,
			{"review_no_command", "review", "review"}},
		{"pull_request_review",
			DID("submitted") ORIGIN PR REVIEW("commented", "null") END,
			{"review_no_command", "review_no_command", "review"}},
		{"pull_request_review",
			DID("submitted") ORIGIN PR REVIEW("approved", "null") END,
			{"review_no_command", "review_no_command", "review_no_command"}},
		{"pull_request_review",
			DID("submitted") ORIGIN PR REVIEW("approved", "'But rename it.'")
				END,
			{"review_no_command", "review_no_command", "review"}},
		{"pull_request_review_comment", CREATED ORIGIN PR LINE("Rename it.") END,
			{"no_command", "review_counts", "review_counts"}},
		{"pull_request_review_comment",
			CREATED ORIGIN PR LINE("@boxwright it") END,
			{"review_comment", "review_comment", "review_comment"}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int listen = TRIGGER_COMMANDS; listen <= TRIGGER_ALL; listen++) {
			CLEANUP(event) struct event event = {0};
			CLEANUP(trigger) struct trigger t = {0};
			struct trigger_config how = config;
			how.listen = (enum trigger_listen)listen;
			decide(&how, cases[i].event, cases[i].body, &event, &t);
			if (!str_eq(t.reason, cases[i].reasons[listen]))
				fail_msg("%s %s, listening %d: %s", cases[i].event,
					cases[i].body, listen, t.reason);
			/* What is no command counts on our own pull requests alone. */
			if (t.outcome != TRIGGER_NONE)
				assert_int_equal(t.only_ours,
					!strstr(cases[i].body, "boxwright "));
		}
	}
}

static void test_bare_verbs(void **state)
{
	struct trigger_config how = config;
	CLEANUP(event) struct event event = {0};
	CLEANUP(trigger) struct trigger t = {0};

	(void)state;
	how.bare_verbs = true;
	decide(&how, "issue_comment", SAID("/ask why"), &event, &t);
	assert_string_equal(t.verb, "ask");
}

/* ---- fields ------------------------------------------------------------------------------ */

static void test_a_tasks_fields(void **state)
{
	CLEANUP(event) struct event event = {0};
	CLEANUP(trigger) struct trigger t = {0};

	(void)state;
	decide(&config, "issue_comment",
		CREATED ORIGIN PULL
		"'comment':{'id':77,'body':'/boxwright FIX x2 it all',"
		"'user':{'id':8},'html_url':'https://x/77'}}",
		&event, &t);
	assert_string_equal(t.word, "FIX");
	assert_string_equal(t.verb, "fix");
	assert_string_equal(t.text, "it all");
	assert_int_equal(t.attempts, 2);
	assert_int_equal(t.number, 12);
	assert_string_equal(t.lane, "5/12");
	assert_int_equal(t.requester.id, 8);
	assert_string_equal(t.requester.login, "octocat");
	assert_int_equal(t.comment_id, 77);
	assert_string_equal(t.url, "https://x/77");
	assert_true(t.on_pull_request);
	assert_false(t.only_ours || t.coalesce);
}

static void test_a_repairs_fields(void **state)
{
	CLEANUP(event) struct event event = {0};
	CLEANUP(trigger) struct trigger t = {0};

	(void)state;
	decide(&config, "check_run", DID("completed") ORIGIN FAILED END, &event, &t);
	assert_int_equal(t.number, 3);
	assert_string_equal(t.lane, "5/3");
	assert_string_equal(t.branch, "b");
	assert_string_equal(t.url, "https://x/31");
	assert_int_equal(t.requester.id, 0);
	assert_null(t.requester.login);
	assert_true(t.only_ours && t.coalesce && t.on_pull_request);
	assert_int_equal(t.attempts, 1);
}

/* Of several pull requests of a commit the branch tells which; others' do not count. */
static void test_a_repairs_pull_request(void **state)
{
	static const struct {
		const char *pulls;
		int64_t number;
	} cases[] = {
		{"'pull_requests':[{'number':3},{'number':4}]", 0},
		{"'pull_requests':[{'number':9,'base':{'repo':{'id':6}}},{'number':4}]",
			4},
		{"'pull_requests':[]", 0},
		{"'pull_requests':{}", 0},
		{"'pull_requests':[3]", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(event) struct event event = {0};
		CLEANUP(trigger) struct trigger t = {0};
		CLEANUP(mem)
		char *body = mem_printf("%s%s%s",
			DID("completed") ORIGIN
			"'check_run':{'id':31,'head_sha':'cafe','conclusion':'failure',"
			"'check_suite':{'head_branch':'b'},",
			cases[i].pulls, "}}");
		decide(&config, "check_run", body, &event, &t);
		assert_string_equal(t.verb, "repair");
		assert_int_equal(t.number, cases[i].number);
		assert_string_equal(t.branch, "b");
	}
}

static void test_lanes_without_a_number(void **state)
{
	CLEANUP(event) struct event push = {0}, came = {0};
	CLEANUP(trigger) struct trigger t = {0}, u = {0};

	(void)state;
	decide(&config, "push", "{" ORIGIN PUSH("refs/heads/main", "false") END, &push,
		&t);
	assert_string_equal(t.lane, "5/0");
	assert_true(t.coalesce);
	assert_null(t.branch);
	decide(&config, "installation", CREATED SENDER ACCOUNT END, &came, &u);
	assert_string_equal(u.lane, "installation/7");
}

/* The rest of the words of `about` are bounded too: whatever comes, it fits or is left out. */
static void test_about_is_bounded(void **state)
{
	CLEANUP(strbuf) struct strbuf body = STRBUF_INIT(8 * LIMIT_MIB);
	CLEANUP(event) struct event event = {0};
	CLEANUP(trigger) struct trigger t = {0};

	(void)state;
	strbuf_adds(&body, CREATED ORIGIN PR
		"'comment':{'id':7,'body':'/boxwright fix','user':{'id':8},'path':'");
	for (int i = 0; i < 100000; i++)
		strbuf_adds(&body, "p/");
	strbuf_adds(&body, "','diff_hunk':'");
	for (int i = 0; i < 100000; i++)
		strbuf_adds(&body, "\\\\\\n");
	strbuf_adds(&body, "the last line'}}");
	decide(&config, "pull_request_review_comment", strbuf_str(&body), &event, &t);
	assert_string_equal(t.verb, "fix");
	assert_in_range(strlen(t.about), 5000, LIMIT_TASK_ABOUT);
	assert_non_null(strstr(t.about, "the last line\""));
}

static void test_ids_unknown_match_nobody(void **state)
{
	static const struct trigger_config bare = {.slug = "boxwright"};
	CLEANUP(event) struct event event = {0}, other = {0};
	CLEANUP(trigger) struct trigger t = {0}, u = {0};

	(void)state;
	decide(&bare, "issues", LABELED(ISSUE, "boxwright"), &event, &t);
	assert_string_equal(t.reason, "label_other");
	decide(&bare, "pull_request", DID("review_requested") ORIGIN PR END, &other, &u);
	assert_string_equal(u.reason, "reviewer_other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goods),
		cmocka_unit_test(test_bads),
		cmocka_unit_test(test_every_reason_has_a_case),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_bare_verbs),
		cmocka_unit_test(test_a_tasks_fields),
		cmocka_unit_test(test_a_repairs_fields),
		cmocka_unit_test(test_a_repairs_pull_request),
		cmocka_unit_test(test_lanes_without_a_number),
		cmocka_unit_test(test_about_is_bounded),
		cmocka_unit_test(test_ids_unknown_match_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
