/* SPDX-License-Identifier: MIT */
/* webhooks/trigger.c: one table of events and what each means. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "webhooks/trigger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define REPO "\"repository\":{\"id\":5,\"full_name\":\"o/r\"},"
#define INST "\"installation\":{\"id\":7},"
#define SENDER "\"sender\":{\"id\":8,\"login\":\"octocat\",\"type\":\"User\"},"
#define ORIGIN REPO INST SENDER
#define ISSUE "\"issue\":{\"number\":12,\"state\":\"open\"},"
#define PULL "\"issue\":{\"number\":12,\"pull_request\":{\"url\":\"x\"}},"
#define CLOSED "\"issue\":{\"number\":12,\"state\":\"closed\"},"
#define COMMENT(text) "\"comment\":{\"id\":77,\"body\":\"" text "\",\"user\":{\"id\":8}}"
#define CREATED "{\"action\":\"created\","
#define OPENED(text)                                                                     \
	"{\"action\":\"opened\"," ORIGIN "\"issue\":{\"number\":12,\"body\":\"" text     \
	"\",\"user\":{\"id\":8}}}"
#define LABELED(issue, label)                                                            \
	"{\"action\":\"labeled\"," ORIGIN issue "\"label\":{\"name\":\"" label "\"}}"

static const struct trigger_config config = {
	.slug = "boxwright",
	.app_id = 4242,
	.bot_user_id = 1000,
	.label = "boxwright",
};

static const struct {
	const char *event, *body;
	enum trigger_outcome outcome;
	const char *reason;
} cases[] = {
	{"issue_comment", CREATED ORIGIN ISSUE COMMENT("/boxwright fix it") "}",
		TRIGGER_TASK, "comment"},
	{"issue_comment", CREATED ORIGIN ISSUE COMMENT("@boxwright do it") "}",
		TRIGGER_TASK, "comment"},
	{"issue_comment", CREATED ORIGIN ISSUE COMMENT("/boxwright cancel") "}",
		TRIGGER_CANCEL, "comment"},
	{"issue_comment", CREATED ORIGIN ISSUE COMMENT("/boxwright status") "}",
		TRIGGER_STATUS, "comment"},
	{"issue_comment", CREATED ORIGIN ISSUE COMMENT("/boxwright") "}", TRIGGER_HELP,
		"comment"},
	{"issue_comment", CREATED ORIGIN ISSUE COMMENT("/boxwright retry") "}",
		TRIGGER_RETRY, "comment"},
	{"issue_comment", CREATED ORIGIN ISSUE COMMENT("/boxwright dance") "}",
		TRIGGER_UNKNOWN_VERB, "comment"},
	{"issues", OPENED("/boxwright fix"), TRIGGER_TASK, "issue"},
	{"issues", LABELED(ISSUE, "boxwright"), TRIGGER_TASK, "label"},
	{"issues", LABELED(ISSUE, "Boxwright"), TRIGGER_TASK, "label"},
	{"issue_comment", CREATED ORIGIN PULL COMMENT("/boxwright status") "}",
		TRIGGER_STATUS, "comment"},
	{"issue_comment", CREATED ORIGIN CLOSED COMMENT("/boxwright cancel") "}",
		TRIGGER_CANCEL, "comment"},

	{"push", "{" ORIGIN "\"ref\":\"x\"}", TRIGGER_NONE, "event_unused"},
	{"never_heard_of", "{}", TRIGGER_NONE, "event_unused"},
	{"issues", "{}", TRIGGER_NONE, "no_repository"},
	{"issue_comment", CREATED REPO SENDER ISSUE COMMENT("/boxwright fix") "}",
		TRIGGER_NONE, "no_installation"},
	{"issue_comment",
		CREATED
		"\"repository\":{\"id\":5,\"full_name\":\"o/r\",\"archived\":true}," INST
			SENDER ISSUE COMMENT("/boxwright fix") "}",
		TRIGGER_NONE, "repository_archived"},
	{"issue_comment", CREATED REPO INST ISSUE COMMENT("/boxwright fix") "}",
		TRIGGER_NONE, "no_sender"},
	{"issue_comment",
		CREATED REPO INST
		"\"sender\":{\"id\":1000,\"login\":\"boxwright[bot]\",\"type\":"
		"\"Bot\"}," ISSUE COMMENT("/boxwright fix") "}",
		TRIGGER_NONE, "own_sender"},
	{"issue_comment",
		CREATED ORIGIN ISSUE "\"comment\":{\"id\":77,\"body\":\"/boxwright "
				     "fix\",\"user\":{\"id\":1000}}}",
		TRIGGER_NONE, "own_sender"},
	{"issue_comment",
		CREATED ORIGIN ISSUE
		"\"comment\":{\"id\":77,\"body\":\"/boxwright fix\",\"user\":{\"id\":8},"
		"\"performed_via_github_app\":{\"id\":4242}}}",
		TRIGGER_NONE, "own_sender"},
	{"issue_comment",
		CREATED REPO INST
		"\"sender\":{\"id\":9,\"login\":\"dependabot[bot]\",\"type\":"
		"\"Bot\"}," ISSUE COMMENT("/boxwright fix") "}",
		TRIGGER_NONE, "bot_sender"},
	{"issue_comment",
		CREATED ORIGIN ISSUE "\"comment\":{\"id\":77,\"body\":\"/boxwright "
				     "fix\",\"user\":{\"id\":9}}}",
		TRIGGER_NONE, "not_author"},
	{"issue_comment",
		"{\"action\":\"deleted\"," ORIGIN ISSUE COMMENT("/boxwright fix") "}",
		TRIGGER_NONE, "action_unused"},
	{"issue_comment",
		"{\"action\":\"edited\"," ORIGIN ISSUE COMMENT("/boxwright fix") "}",
		TRIGGER_NONE, "edited"},
	{"issues", "{\"action\":\"edited\"," ORIGIN ISSUE "\"x\":1}", TRIGGER_NONE,
		"edited"},
	{"issues", "{\"action\":\"closed\"," ORIGIN ISSUE "\"x\":1}", TRIGGER_NONE,
		"action_unused"},
	{"issues", "{" ORIGIN ISSUE "\"x\":1}", TRIGGER_NONE, "action_unused"},
	{"issues", LABELED(ISSUE, "bug"), TRIGGER_NONE, "label_other"},
	{"issues", LABELED(PULL, "boxwright"), TRIGGER_NONE, "pull_request"},
	{"issues", LABELED(CLOSED, "boxwright"), TRIGGER_NONE, "issue_closed"},
	{"issues", OPENED("It is broken"), TRIGGER_NONE, "no_command"},
	{"issue_comment", CREATED ORIGIN COMMENT("/boxwright fix") "}", TRIGGER_NONE,
		"no_subject"},
	{"issue_comment", CREATED ORIGIN ISSUE "\"x\":1}", TRIGGER_NONE, "no_subject"},
	{"issue_comment", CREATED ORIGIN ISSUE COMMENT("thanks @boxwright") "}",
		TRIGGER_NONE, "no_command"},
	{"issue_comment", CREATED ORIGIN PULL COMMENT("/boxwright fix") "}", TRIGGER_NONE,
		"pull_request"},
	{"issue_comment", CREATED ORIGIN CLOSED COMMENT("/boxwright fix") "}",
		TRIGGER_NONE, "issue_closed"},
};

static void decide(const char *name, const char *body, struct trigger *ret)
{
	CLEANUP(event) struct event event = {0};
	struct err err = {0};

	if (event_parse(name, body, strlen(body), &event, &err) != EVENT_OK)
		fail_msg("%s: %s", body, err.text);
	trigger_decide(&config, &event, ret);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(trigger) struct trigger t = {0};
		decide(cases[i].event, cases[i].body, &t);
		if (t.outcome != cases[i].outcome || !str_eq(t.reason, cases[i].reason))
			fail_msg("%s %s: %s, %s", cases[i].event, cases[i].body,
				trigger_outcome_name(t.outcome), t.reason);
		assert_true(t.sentence[0] && t.sentence[strlen(t.sentence) - 1] == '.');
	}
}

static void test_every_reason_has_a_case(void **state)
{
	(void)state;
	for (const struct trigger_reason *r = trigger_reasons; r->word; r++) {
		bool found = false;
		for (size_t i = 0; i < ARRAY_LEN(cases); i++)
			found = found || (cases[i].outcome == TRIGGER_NONE &&
						 str_eq(cases[i].reason, r->word));
		if (!found)
			fail_msg("no case for %s", r->word);
		assert_true(
			strlen(r->sentence) < sizeof(((struct trigger *)0)->sentence));
	}
}

static void test_a_tasks_fields(void **state)
{
	CLEANUP(trigger) struct trigger t = {0};

	(void)state;
	decide("issue_comment", CREATED ORIGIN ISSUE COMMENT("/boxwright FIX it all") "}",
		&t);
	assert_string_equal(t.word, "FIX");
	assert_string_equal(t.text, "it all");
	assert_int_equal(t.number, 12);
	assert_string_equal(t.lane, "5/12");
	assert_int_equal(t.requester.id, 8);
	assert_string_equal(t.requester.login, "octocat");
	assert_int_equal(t.comment_id, 77);
	assert_false(t.on_pull_request);
}

static void test_ids_unknown_match_nobody(void **state)
{
	static const struct trigger_config bare = {.slug = "boxwright"};
	CLEANUP(event) struct event event = {0};
	CLEANUP(trigger) struct trigger t = {0};
	struct err err = {0};
	static const char body[] = LABELED(ISSUE, "boxwright");

	(void)state;
	assert_int_equal(
		event_parse("issues", body, strlen(body), &event, &err), EVENT_OK);
	trigger_decide(&bare, &event, &t);
	assert_string_equal(t.reason, "label_other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_every_reason_has_a_case),
		cmocka_unit_test(test_a_tasks_fields),
		cmocka_unit_test(test_ids_unknown_match_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
