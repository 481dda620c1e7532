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

enum command_verb {
	COMMAND_FIX,
	COMMAND_CANCEL,
	COMMAND_STATUS,
	COMMAND_HELP, /* also a slash command without a verb */
	COMMAND_RETRY,
	COMMAND_UNKNOWN, /* a slash command with a word that is no verb */
};

#define COMMAND_WORD_MAX 32

struct command {
	enum command_verb verb;
	char word[COMMAND_WORD_MAX +
		  1]; /* the verb as it was written, cut; "" if there was none */
	const char *
		text; /* what follows, without white space around it; in the body given */
	size_t text_len;
};

struct command_names {
	const char *slug;           /* of the App: "boxwright"; NULL: no mention counts */
	const char *const *aliases; /* further names for mentions; may be NULL */
	size_t alias_count;
};

/* True and *ret when the text begins with a command.  A mention whose next word is no
 * verb is `fix` with all of the text. */
bool command_parse(const struct command_names *names, const char *body, size_t len,
	struct command *ret);

const char *command_verb_name(enum command_verb verb); /* "fix", ... */

#endif
