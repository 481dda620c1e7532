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

static const char *const verbs[] = {
#define X(name, word, form, sentence) [COMMAND_##name] = word,
	COMMAND_VERBS(X)
#undef X
};

struct reader {
	const char *at, *end;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_word(char c)
{
	char lower = ascii_lower(c);

	return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '-' || c == '_';
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

static bool take_verb(struct reader *r, enum command_verb *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		struct reader ahead = *r;
		if (!take(&ahead, verbs[i]) || !take_boundary(&ahead))
			continue;
		*ret = (enum command_verb)i;
		*r = ahead;
		return true;
	}
	return false;
}

/* "/boxwright", or the slash alone before a verb where bare ones count. */
static bool take_slash(struct reader *r, bool bare_verbs)
{
	struct reader ahead = *r, verb;
	enum command_verb ignored;

	if (!take(&ahead, "/"))
		return false;
	verb = ahead;
	if (!take(&ahead, SLASH_NAME) || !take_boundary(&ahead)) {
		ahead = verb;
		if (!bare_verbs || !take_verb(&verb, &ignored))
			return false;
	}
	*r = ahead;
	return true;
}

static void add_word(struct command *command, const struct reader *r)
{
	size_t n = strlen(command->word);

	if (n > 0 && n < COMMAND_WORD_MAX)
		command->word[n++] = ' ';
	for (const char *at = r->at; at < r->end && n < COMMAND_WORD_MAX; at++) {
		if (!is_word(*at) && !strchr("+$.", *at))
			break;
		command->word[n++] = *at;
	}
	command->word[n] = '\0';
}

/* ---- arguments --------------------------------------------------------------------------- */

/* The argument at r is none that the verb has. */
static void refuse_argument(struct command *command, const struct reader *r)
{
	command->verb = COMMAND_UNKNOWN;
	if (r->at < r->end && strlen(command->word) < COMMAND_WORD_MAX)
		add_word(command, r);
}

/* x1 to x5.  x0 and x6 to x9 are none; x86 is a word of the text. */
static void take_attempts(struct command *command, struct reader *r)
{
	struct reader ahead = *r;

	command->attempts = 1;
	if (!take(&ahead, "x") || ahead.at == ahead.end || !is_digit(*ahead.at))
		return;
	int count = *ahead.at++ - '0';
	if (!take_boundary(&ahead))
		return;
	if (count < 1 || count > COMMAND_ATTEMPTS_MAX) {
		refuse_argument(command, r);
		return;
	}
	command->attempts = count;
	*r = ahead;
}

static void take_step(struct command *command, struct reader *r)
{
	struct reader ahead = *r;
	size_t n = 0;

	if (!take(&ahead, "from") || !take_boundary(&ahead))
		return;
	skip_space(&ahead);
	while (ahead.at < ahead.end && is_word(*ahead.at) && n < COMMAND_WORD_MAX)
		command->step[n++] = ascii_lower(*ahead.at++);
	command->step[n] = '\0';
	if (n == 0 || !take_boundary(&ahead)) {
		command->step[0] = '\0';
		refuse_argument(command, r);
		return;
	}
	*r = ahead;
}

/* Whole dollars of at most 4 digits; cents are counted, since money is no fraction. */
static bool take_cents(struct reader *r, int64_t *ret)
{
	int digits = 0;
	int64_t cents = 0;

	for (; r->at < r->end && is_digit(*r->at) && digits < 5; r->at++, digits++)
		cents = cents * 10 + (*r->at - '0');
	cents *= 100;
	if (r->end - r->at > 1 && *r->at == '.' && is_digit(r->at[1])) {
		r->at++;
		for (int64_t worth = 10; r->at < r->end && is_digit(*r->at) && worth > 0;
			r->at++, worth /= 10)
			cents += worth * (*r->at - '0');
	}
	*ret = cents;
	return digits > 0 && digits < 5 && cents > 0 && cents <= COMMAND_CENTS_MAX;
}

static void take_amount(struct command *command, struct reader *r)
{
	struct reader ahead = *r;
	bool plus = take(&ahead, "+");

	take(&ahead, "$");
	if (plus && take_cents(&ahead, &command->cents) &&
		(ahead.at == ahead.end || is_space(*ahead.at))) {
		*r = ahead;
		return;
	}
	command->cents = 0;
	refuse_argument(command, r);
}

static void take_arguments(struct command *command, struct reader *r)
{
	skip_space(r);
	if (command->verb == COMMAND_FIX)
		take_attempts(command, r);
	else if (command->verb == COMMAND_RETRY)
		take_step(command, r);
	else if (command->verb == COMMAND_BUDGET)
		take_amount(command, r);
}

/* ---- the whole --------------------------------------------------------------------------- */

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
	add_word(command, r);
	while (r->at < r->end && !is_space(*r->at))
		r->at++;
}

bool command_parse(const struct command_names *names, const char *body, size_t len,
	struct command *ret)
{
	struct reader r = {.at = body, .end = body + len};
	struct command command = {.attempts = 1};
	bool mention;

	if (!skip_unseen(&r))
		return false;
	mention = take_any_mention(&r, names);
	if (!mention && !take_slash(&r, names->bare_verbs))
		return false;
	skip_space(&r);
	struct reader word = r;
	if (take_verb(&r, &command.verb)) {
		word.end = word.at + strlen(verbs[command.verb]);
		add_word(&command, &word);
		take_arguments(&command, &r);
	} else if (mention) {
		command.verb = COMMAND_FIX;
	} else {
		take_unknown(&command, &r);
	}
	set_text(&command, &r);
	*ret = command;
	return true;
}

const char *command_verb_name(enum command_verb verb)
{
	return (size_t)verb < ARRAY_LEN(verbs) ? verbs[verb] : "unknown";
}
