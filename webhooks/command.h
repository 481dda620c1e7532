/* SPDX-License-Identifier: MIT */
/*
 * What a person asks for in a comment: `/boxwright <verb> [text]`, or `@<slug> [verb]
 * [text]`, as the first word of the text.
 *
 * Pure and thread-safe.  The first word is the first one that a reader of the rendered
 * text sees as plain words: white space and HTML comments before it are passed over; a
 * quote, a list, a heading, a code block (fenced or indented), a code span or a URL is
 * not a command, wherever else in the text one may stand.  Names match without regard to
 * ASCII case and as whole words: neither `/boxwrights`, `@boxwright-ci` nor `x@boxwright`
 * is one.
 */
#ifndef WEBHOOKS_COMMAND_H
#define WEBHOOKS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The one list of verbs that people may write: enum, parser, names in rows, help. */
#define COMMAND_VERBS(X)                                                                 \
	X(FIX, "fix", "fix [xN] [text]",                                                 \
		"work on it and open, or bring up to date, a pull request")              \
	X(ASK, "ask", "ask <question>", "an answer in a comment; nothing is changed")    \
	X(PLAN, "plan", "plan [text]",                                                   \
		"a plan in a comment, which waits for `approve` or `reject`")            \
	X(APPROVE, "approve", "approve [text]", "carry out the plan")                    \
	X(REJECT, "reject", "reject [why]",                                              \
		"drop the plan; with a reason, make another one")                        \
	X(REVIEW, "review", "review [text]",                                             \
		"a review of the pull request with comments on its lines")               \
	X(TEST, "test", "test", "run the repository's checks")                           \
	X(REBASE, "rebase", "rebase", "replay the pull request on the newest base")      \
	X(RETRY, "retry", "retry [from <step>]", "the last task once more")              \
	X(UNDO, "undo", "undo", "box and branch back to before the last run")            \
	X(CANCEL, "cancel", "cancel", "stop what runs or waits here")                    \
	X(STATUS, "status", "status", "what runs, waits and was done here")              \
	X(BUDGET, "budget", "budget +<amount>",                                          \
		"more money for the work here, in dollars")                              \
	X(HELP, "help", "help", "this list")

enum command_verb {
#define X(name, word, form, sentence) COMMAND_##name,
	COMMAND_VERBS(X)
#undef X
	/* A slash command with a word that is no verb, or a verb whose argument is none:
	 * `fix x0` and `fix x6` to `fix x9`, `budget` without an amount, `retry from` nothing */
	COMMAND_UNKNOWN,
};

#define COMMAND_WORD_MAX 32
#define COMMAND_ATTEMPTS_MAX 5
#define COMMAND_CENTS_MAX 100000 /* $1,000 in one word is a slip of the finger */

struct command {
	enum command_verb verb;
	/* The verb as it was written, cut; "" if there was none.  Of an unknown one with what
	 * made it unknown: "fix x9", "budget -3", "retry from". */
	char word[COMMAND_WORD_MAX + 1];
	/* What follows, without white space around it; in the body given.  Of `fix x3` it is
	 * what stands behind x3. */
	const char *text;
	size_t text_len;
	int attempts; /* of `fix xN`: 1 to COMMAND_ATTEMPTS_MAX; else 1 */
	char step[COMMAND_WORD_MAX +
		  1];  /* of `retry from <step>` in small letters; else "" */
	int64_t cents; /* of `budget +<amount>`: 1 to COMMAND_CENTS_MAX; else 0 */
};

struct command_names {
	const char *slug;           /* of the App: "boxwright"; NULL: no mention counts */
	const char *const *aliases; /* further names for mentions; may be NULL */
	size_t alias_count;
	bool bare_verbs; /* "/fix" counts as "/boxwright fix"; "/nonsense" counts as nothing */
};

/* True and *ret when the text begins with a command.  A mention whose next word is no
 * verb is `fix` with all of the text; a slash command without a verb is `help`. */
bool command_parse(const struct command_names *names, const char *body, size_t len,
	struct command *ret);

const char *command_verb_name(enum command_verb verb); /* "fix", ... */

#endif
