/* SPDX-License-Identifier: MIT */
/*
 * What the files of boxcore/agent share: the row of the table, the plan under construction,
 * the inside of a reader.  Nobody else includes this.
 */
#ifndef BOXCORE_AGENT_IMPL_H
#define BOXCORE_AGENT_IMPL_H

#include "boxcore/agent/harness.h"
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"

struct harness {
	const char *name;
	const char *provider;
	const char *program;
	int (*plan)(const struct agent_request *request, struct agent_plan *plan,
		struct err *err);
	/* One line without its newline, valid UTF-8. */
	void (*line)(struct agent_reader *reader, const char *line, size_t len);
	int (*finish)(const struct agent_reader *reader, int exit_code, struct err *err);
};

extern const struct harness harness_claude;
extern const struct harness harness_codex;
extern const struct harness harness_opencode;
extern const struct harness harness_custom;

/* ---- plans (plan.c) -------------------------------------------------------------------- */

void plan_arg(struct agent_plan *plan, const char *arg);
/* "--flag value" as two arguments, nothing when value is NULL or empty. */
void plan_option(struct agent_plan *plan, const char *flag, const char *value);
/* Replaces an earlier value of the same name. */
void plan_env(struct agent_plan *plan, const char *name, const char *value);
void plan_file(struct agent_plan *plan, char *path, uint32_t mode, const char *content,
	size_t len);
void plan_input(struct agent_plan *plan, const char *text);
/* The home of the request, or the default. */
const char *plan_home(const struct agent_request *request);
/* The instructions, cut at LIMIT_AGENT_EVENT with a note; free() it.  NULL for none. */
char *plan_instructions(const struct agent_request *request);

/* The prompt, with the schema's text behind it if there is one; free() it. */
char *plan_prompt(const struct agent_request *request);
/* A file of JSON; takes the reference. */
int plan_json_file(struct agent_plan *plan, char *path, json_t *owned, struct err *err);

/* ---- options and servers (options.c) ---------------------------------------------------- */

/* Each: nothing (NULL, 0, an empty text) when the key is not there or null; ERR_INPUT that
 * names the key when the value is of a wrong type. */
const json_t *option_get(const json_t *options, const char *key);
int option_text(
	const json_t *options, const char *key, const char **ret_text, struct err *err);
/* A text that may become an argument or a value of a configuration. */
int option_word(
	const json_t *options, const char *key, const char **ret_word, struct err *err);
int option_number(const json_t *options, const char *key, double least, double most,
	double *ret_number, struct err *err);
/* A list of texts, joined by commas. */
int option_words(const json_t *options, const char *key, struct strbuf *ret_joined,
	struct err *err);
/* An object, printed. */
int option_object(
	const json_t *options, const char *key, struct strbuf *ret_text, struct err *err);

struct mcp_server { /* all borrowed */
	const char *name;
	const char *target; /* npm package or URL */
	bool local;
	const json_t *args, *headers; /* NULL: none */
};
/* Checks and reads agent_request.mcp; free() the array. */
int mcp_read(const json_t *mcp, struct mcp_server **ret_servers, size_t *ret_count,
	struct err *err);
json_t *mcp_command(const struct mcp_server *server); /* the arguments of npx */
json_t *mcp_headers(const struct mcp_server *server);
/* {"mcpServers": {...}}: the form that most programs read. */
json_t *mcp_common(const struct mcp_server *servers, size_t count);

/* ---- readers (reader.c) ---------------------------------------------------------------- */

enum agent_end { AGENT_OPEN, AGENT_ENDED_WELL, AGENT_ENDED_BADLY };

struct agent_reader {
	const struct harness *harness;
	agent_on_event on_event; /* during agent_feed() */
	void *on_event_arg;

	/* Where we are; see agent_feed() in harness.h. */
	struct strbuf line;
	bool discarding;  /* inside a line that was too long */
	uint64_t anchor;  /* spool offset that a restart attaches at */
	uint64_t skip;    /* bytes of stdout behind it that are done with */
	uint64_t to_skip; /* of those, not yet seen again after a restart */
	uint64_t fed;     /* spool offset behind all that was fed */

	/* What was understood. */
	char session_id[128];
	struct strbuf answer;
	struct strbuf reason; /* why it ended badly, or the last thing that went wrong */
	enum err_kind reason_kind;
	enum agent_end end;
	bool started;   /* custom: AGENT_START was sent */
	char frame[32]; /* custom: the name of the event whose data comes next */
	int turns;
	struct agent_usage usage;
	struct agent_usage earlier;

	/* Of stderr; see stderr.c. */
	struct strbuf stderr_line;
	char last_words[240]; /* the last line, or the last one that speaks of an error */
	bool told_error;
};

/* A text for an event: valid UTF-8, no NUL, cut at LIMIT_AGENT_EVENT.  Lives in a strbuf
 * that the caller releases. */
void reader_text(struct strbuf *out, const char *text, size_t len);
void reader_json_text(struct strbuf *out, const json_t *string);

void reader_emit(struct agent_reader *reader, struct agent_event *event);
/* An event that is no more than a text. */
void reader_say(struct agent_reader *reader, enum agent_event_kind kind, const char *text,
	bool is_error);
void reader_tool(struct agent_reader *reader, const char *id, const char *tool,
	const json_t *input, bool nested);
void reader_tool_result(struct agent_reader *reader, const char *id, const char *text,
	bool is_error, bool nested);

void reader_set_session(struct agent_reader *reader, const char *id);
void reader_set_answer(struct agent_reader *reader, const char *text);
/* Keeps the reason; the kind decides what agent_finish() returns. */
void reader_set_reason(struct agent_reader *reader, enum err_kind kind, const char *text);
/* Sends AGENT_USAGE and AGENT_DONE, or AGENT_ERROR with the reason. */
void reader_end(struct agent_reader *reader, enum agent_end end);

/* ERR_DENIED for 401 and 403, ERR_LIMIT for 402, ...; 0 is "no status": transient. */
enum err_kind reader_status_kind(int status);
/* The end of a sentence on why a program ended without a word of its own. */
const char *reader_last_words(const struct agent_reader *reader);
/* How a program ended that gave no result: always -1. */
int reader_no_result(const struct agent_reader *reader, const char *name, int exit_code,
	struct err *err);
/* Parses a line; mends lone surrogates.  NULL when it is no JSON object. */
json_t *reader_parse(const char *line, size_t len);

#endif
