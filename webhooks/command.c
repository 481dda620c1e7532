/* SPDX-License-Identifier: MIT */
/* Finds the command that a comment begins with; see command.h. */
#include "webhooks/command.h"

#include "boxcore/base/cleanup.h"

#include <string.h>
#include <strings.h>

#define SLASH_NAME "boxwright"
#define COMMENT_OPEN "<!--"
#define COMMENT_CLOSE "-->"
#define CODE_INDENT 4 /* Markdown's columns that make a line code */

static const struct {
	const char *name;
	enum command_verb verb;
} verbs[] = {
	{"fix", COMMAND_FIX},
	{"cancel", COMMAND_CANCEL},
	{"status", COMMAND_STATUS},
	{"help", COMMAND_HELP},
	{"retry", COMMAND_RETRY},
};

struct reader {
	const char *at, *end;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_punctuation(char c)
{
	return c != '\0' && strchr(",:;.!?", c);
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end && is_space(*r->at))
		r->at++;
}

static bool take(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || strncasecmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

/* To the first word that a reader sees; false when there is none, or it is code. */
static bool skip_unseen(struct reader *r)
{
	int column = 0;

	while (r->at < r->end) {
		if (take(r, COMMENT_OPEN)) {
			const char *close = memmem(r->at, (size_t)(r->end - r->at),
				COMMENT_CLOSE, strlen(COMMENT_CLOSE));
			if (!close)
				return false;
			r->at = close + strlen(COMMENT_CLOSE);
			column = 0;
			continue;
		}
		if (!is_space(*r->at))
			return column < CODE_INDENT;
		if (*r->at == '\n')
			column = 0;
		else
			column += *r->at == '\t' ? CODE_INDENT : 1;
		r->at++;
	}
	return false;
}

/* Punctuation and then white space or the end must follow a name or verb. */
static bool take_boundary(struct reader *r)
{
	struct reader ahead = *r;

	while (ahead.at < ahead.end && is_punctuation(*ahead.at))
		ahead.at++;
	if (ahead.at < ahead.end && !is_space(*ahead.at))
		return false;
	*r = ahead;
	return true;
}

static bool take_mention(struct reader *r, const char *name)
{
	struct reader ahead = *r;

	if (!name || !*name || !take(&ahead, name))
		return false;
	take(&ahead, "[bot]"); /* as GitHub shows an App's login */
	if (!take_boundary(&ahead))
		return false;
	*r = ahead;
	return true;
}

static bool take_any_mention(struct reader *r, const struct command_names *names)
{
	struct reader ahead = *r;
	bool found;

	if (!take(&ahead, "@"))
		return false;
	found = take_mention(&ahead, names->slug);
	for (size_t i = 0; !found && i < names->alias_count; i++)
		found = take_mention(&ahead, names->aliases[i]);
	if (found)
		*r = ahead;
	return found;
}

static bool take_slash(struct reader *r)
{
	struct reader ahead = *r;

	if (!take(&ahead, "/" SLASH_NAME) || !take_boundary(&ahead))
		return false;
	*r = ahead;
	return true;
}

static bool take_verb(struct reader *r, enum command_verb *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		struct reader ahead = *r;
		if (!take(&ahead, verbs[i].name) || !take_boundary(&ahead))
			continue;
		*ret = verbs[i].verb;
		*r = ahead;
		return true;
	}
	return false;
}

static void copy_word(struct command *command, const struct reader *r)
{
	size_t n = 0;

	while (r->at + n < r->end && is_word(r->at[n]) && n < COMMAND_WORD_MAX)
		n++;
	memcpy(command->word, r->at, n);
	command->word[n] = '\0';
}

static void set_text(struct command *command, struct reader *r)
{
	skip_space(r);
	while (r->end > r->at && is_space(r->end[-1]))
		r->end--;
	command->text = r->at;
	command->text_len = (size_t)(r->end - r->at);
}

/* A slash command's word that is no verb, or none at all. */
static void take_unknown(struct command *command, struct reader *r)
{
	command->verb = r->at == r->end ? COMMAND_HELP : COMMAND_UNKNOWN;
	while (r->at < r->end && !is_space(*r->at))
		r->at++;
}

bool command_parse(const struct command_names *names, const char *body, size_t len,
	struct command *ret)
{
	struct reader r = {.at = body, .end = body + len};
	struct command command = {0};
	bool mention;

	if (!skip_unseen(&r))
		return false;
	mention = take_any_mention(&r, names);
	if (!mention && !take_slash(&r))
		return false;
	skip_space(&r);
	struct reader word = r;
	if (take_verb(&r, &command.verb)) {
		copy_word(&command, &word);
	} else if (mention) {
		command.verb = COMMAND_FIX;
	} else {
		copy_word(&command, &word);
		take_unknown(&command, &r);
	}
	set_text(&command, &r);
	*ret = command;
	return true;
}

const char *command_verb_name(enum command_verb verb)
{
	switch (verb) {
	case COMMAND_FIX: return "fix";
	case COMMAND_CANCEL: return "cancel";
	case COMMAND_STATUS: return "status";
	case COMMAND_HELP: return "help";
	case COMMAND_RETRY: return "retry";
	case COMMAND_UNKNOWN: return "unknown";
	}
	return "unknown";
}
