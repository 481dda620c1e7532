/* SPDX-License-Identifier: MIT */
/*
 * Agent programs: what to start in a box, and what their output means.
 *
 * A harness is a row of a table.  It builds a command (harness_plan) and reads lines
 * (struct agent_reader); it never starts anything and does no I/O, so all of it is tested
 * without a box.  The caller writes the plan's files into the box, starts the run with
 * the plan's argv, environment, folder and input, and feeds the run's stdout to a reader:
 *
 *	const struct harness *harness = harness_find("claude-code");
 *	harness_plan(harness, &request, &plan, &err);
 *	... box_file_put() each plan.files[i]; run_start(argv, env, cwd, keep = true) ...
 *	struct agent_reader *reader = agent_reader_new(harness, NULL);
 *	while (run_read(run, &event, cancel, &err) == 0 && event.kind != RUN_EXIT)
 *		agent_feed(reader, event.kind == RUN_STDOUT ? event.data : NULL,
 *			event.kind == RUN_STDOUT ? event.len : 0, event.offset, on_event,
 * arg); agent_finish(reader, event.exit_code, &result, &err);
 *
 * What the caller must see to, because a harness cannot: an outer deadline, a limit on
 * silence (an agent may sit on a stalled stream without end), reading to the end of the
 * output and not only to the last event, and ending all processes of the box's run on a
 * cancel (agents start their tools in sessions of their own): run_stop(), whose first
 * signal lets Claude Code write its last line.  Stderr is never read for success.
 *
 * The model is reached at http://127.0.0.1:<relay_port> inside the box; the key that the
 * agent is given is a dummy.  Nothing in the repository configures an agent: its
 * settings, hooks and servers are switched off here, and its AGENTS.md or CLAUDE.md
 * arrives only as agent_request.instructions, read by the caller from the base commit.
 *
 * Thread rule: harnesses are constant; plans and readers belong to one thread at a time.
 */
#ifndef BOXCORE_AGENT_HARNESS_H
#define BOXCORE_AGENT_HARNESS_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/err.h"
#include "boxcore/base/json.h"
#include "boxcore/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the table ------------------------------------------------------------------------
 */

struct harness;

/* "claude-code", "codex", "opencode", "custom"; NULL when there is none of that name. */
const struct harness *harness_find(const char *name);
/* The i-th of the table, NULL behind the last: for lists and messages. */
const struct harness *harness_at(size_t i);
const char *harness_name(const struct harness *harness);
/* The API that the program speaks: "anthropic", "openai", or "" (any). */
const char *harness_provider(const struct harness *harness);
/* The program that must be in the image ("claude", "codex", "opencode"); NULL for custom. */
const char *harness_program(const struct harness *harness);

/* ---- the command
 * ----------------------------------------------------------------------- */

struct agent_request {
	const char *prompt; /* UTF-8, at most LIMIT_PROMPT; custom: LIMIT_AGENT_ARG */
	const char *model;  /* NULL: the program's own default (custom: "custom") */
	const char *
		session_id; /* of an earlier run in this box, to go on with it; or NULL */
	const char *folder; /* absolute, the working folder in the box */
	const char *home;   /* NULL: /home/boxuser; settings go below HOME/.boxwright */
	uint16_t relay_port; /* where the relay listens inside the box */
	int max_turns; /* 0: none; Claude Code only, the relay's budget serves all */
	double max_cost_usd;        /* 0: none; Claude Code only, as above */
	const char *instructions;   /* text of AGENTS.md and the like; cut at 64 KiB */
	const char *const *command; /* custom only: argv, NULL-ended */
	const char *const *env;     /* further "K=V", NULL-ended; wins over ours */
	/* OpenCode only: the API to speak to the relay, "anthropic" or "openai" (chat
	 * completions).  NULL: by the model's name, claude* is "anthropic". */
	const char *provider;
	/* The text of a JSON Schema, at most LIMIT_AGENT_SCHEMA: agent_result.answer shall be
	 * JSON that keeps to it.  Claude Code and Codex are told by their own options, others
	 * by the prompt; nobody but Claude Code checks it, so parse and check the answer. */
	const char *json_schema;
	/* An object of the harness's own options, or NULL; borrowed.  A key that the harness
	 * does not know is ignored, a value of a wrong type is ERR_INPUT naming the key:
	 *	claude-code  maxTurns maxBudgetUsd effort thinking disallowedTools agents
	 *	             fallbackModel systemPrompt
	 *	codex        model_reasoning_effort model_reasoning_summary personality web_search
	 *	opencode     reasoningEffort textVerbosity reasoningSummary thinking
	 *	custom       none */
	const json_t *options;
	/* MCP servers, or NULL; borrowed: [{name, source: "npm"|"url", package_or_url, args?: [],
	 * headers?: {}}].  Custom: written to a file that $BOXWRIGHT_MCP names. */
	const json_t *mcp;
};

/* Checks options and servers as harness_plan() would, for an answer at the time that they are
 * configured.  Either may be NULL. */
int harness_check(const struct harness *harness, const json_t *options, const json_t *mcp,
	struct err *err);
/* The box API's rule for the program of a custom harness: a bare name, or an absolute path
 * below /workspace/home or /home/boxuser (or /work). */
int harness_check_command(const char *command, struct err *err);

struct agent_file {
	char *path; /* absolute, in the box */
	uint32_t mode;
	char *content;
	size_t len;
};

struct agent_plan {
	char **argv; /* NULL-ended */
	char **env;  /* NULL-ended, over the box's defaults */
	char *cwd;
	struct agent_file *files; /* write these first */
	size_t nfiles;
	char *input; /* for stdin, then close it; NULL: /dev/null, never an open pipe */
	size_t input_len;
};

/* ERR_INPUT names the member that is wrong, ERR_LIMIT the one that is too long. */
int harness_plan(const struct harness *harness, const struct agent_request *request,
	struct agent_plan *ret_plan, struct err *err);
void agent_plan_release(struct agent_plan *plan);
DEFINE_CLEANUP(agent_plan, struct agent_plan, agent_plan_release(value))

/* ---- the lines
 * ------------------------------------------------------------------------- */

enum agent_event_kind {
	AGENT_START,       /* session_id, text: the model's name if told */
	AGENT_TEXT,        /* text: what the agent says */
	AGENT_THINKING,    /* text */
	AGENT_TOOL,        /* tool, tool_id, text: one line for people, input: JSON */
	AGENT_TOOL_RESULT, /* tool_id, text, is_error */
	AGENT_USAGE,       /* usage: so far */
	AGENT_NOTICE,      /* text: a retry, a warning, a line that was cut; not an end */
	AGENT_ERROR,       /* text: why the agent gave up */
	AGENT_DONE,        /* text: the final answer, session_id, usage */
	AGENT_OTHER, /* custom only, an event of its own: tool is its name, input its
			      JSON */
};

/* "start", "text", ...: the word used in rows and streams. */
const char *agent_event_name(enum agent_event_kind kind);

struct agent_usage {
	int64_t input_tokens; /* without the cached ones */
	int64_t output_tokens;
	int64_t cached_tokens;      /* input read from the provider's cache */
	int64_t cache_write_tokens; /* input written to it */
	double cost_usd; /* as the program reckons; the relay's figure is what counts */
};

/* All pointers are borrowed until the callback returns; never NULL, "" when there is
 * nothing; valid UTF-8 without NUL, at most LIMIT_AGENT_EVENT bytes each. */
struct agent_event {
	enum agent_event_kind kind;
	const char *text;
	const char *tool;
	const char *tool_id;
	const char *input; /* compact JSON; "" when it is longer than LIMIT_AGENT_EVENT */
	const char *session_id;
	struct agent_usage usage;
	bool is_error;
	bool nested; /* by a sub-agent */
};

typedef void (*agent_on_event)(void *arg, const struct agent_event *event);

struct agent_reader;

/* `earlier` (may be NULL): what earlier runs of the same session used.  Codex reports
 * totals of the whole session; this is taken off. */
struct agent_reader *agent_reader_new(
	const struct harness *harness, const struct agent_usage *earlier);
void agent_reader_free(struct agent_reader *reader);
DEFINE_CLEANUP(agent_reader, struct agent_reader *, agent_reader_free(*value))

/* Takes output as it comes, in pieces of any size, and calls on_event for what it means.
 * `offset` is the run's spool offset behind these bytes (run_event.offset); call it with
 * len 0 for an event of stderr.  Never fails: lines that are no JSON, of unknown type or
 * longer than LIMIT_AGENT_LINE become nothing or an AGENT_NOTICE. */
void agent_feed(struct agent_reader *reader, const char *data, size_t len,
	uint64_t offset, agent_on_event on_event, void *arg);

/* A line of stderr: without NUL, valid UTF-8, cut at LIMIT_AGENT_STDERR, borrowed. */
typedef void (*agent_on_stderr)(void *arg, const char *line);

/* Takes stderr in pieces of any size; agent_feed() gets its offset.  Programs warn there
 * when all is well, so nothing in it decides; but one that ends without a result has its
 * last words, the last line that speaks of an error, in agent_finish()'s text.  on_stderr
 * may be NULL.  After a restart a line may come again. */
void agent_feed_stderr(struct agent_reader *reader, const char *data, size_t len,
	agent_on_stderr on_stderr, void *arg);

/*
 * Going on after a restart.  Between two calls of agent_feed(), agent_reader_save()
 * appends all that the reader knows as a line of JSON (at most LIMIT_AGENT_STATE bytes).
 * Store it in the same transaction as the events of that feed; after a restart
 * agent_reader_load() gives the reader back, and agent_reader_offset() is what
 * run_attach() (and, once stored, run_ack()) takes.  Half a line is not kept: the offset
 * stands before it, and the reader skips by itself what it has already read behind that
 * offset.
 */
void agent_reader_save(const struct agent_reader *reader, struct strbuf *out);
struct agent_reader *agent_reader_load(
	const struct harness *harness, const char *saved, struct err *err);
uint64_t agent_reader_offset(const struct agent_reader *reader);
/* The same without a restart: the link was lost, and run_attach() will be called with
 * agent_reader_offset().  Half a line is forgotten; it comes again. */
void agent_reader_rewind(struct agent_reader *reader);

/* Whether it has given its last word, AGENT_DONE or AGENT_ERROR: what comes behind it
 * changes nothing, and a program that does not go then may be stopped. */
bool agent_ended(const struct agent_reader *reader);

struct agent_result {
	char *answer; /* the agent's last word; "" when there is none.  Untrusted text */
	char *session_id;
	struct agent_usage usage;
	int turns; /* model answers, where the program tells; else 0 */
};

/* Decides how it ended, after all output was fed.  0 when the agent did its work.  -1
 * with why: ERR_DENIED (key refused), ERR_LIMIT (turns, money, context), ERR_TRANSIENT
 * (model overloaded or away, killed from outside), ERR_INPUT (could not start, bad
 * options, model refused), ERR_INTERNAL (ended without saying so).  The result is filled
 * either way. */
int agent_finish(struct agent_reader *reader, int exit_code,
	struct agent_result *ret_result, struct err *err);
void agent_result_release(struct agent_result *result);
DEFINE_CLEANUP(agent_result, struct agent_result, agent_result_release(value))

#endif
