/* SPDX-License-Identifier: MIT */
/*
 * Git in a box, shared by git*.c.
 *
 * A job is one verb at work: its box is held awake, and it has a deadline of its own.  Its
 * commands get the box's variables and identity, ask nobody, and reach GitHub through the
 * relay once git_job_relay() has opened it.
 */
#ifndef SERVICE_BOX_GIT_INTERNAL_H
#define SERVICE_BOX_GIT_INTERNAL_H

#include "service/box/box_git.h"
#include "service/box/boxes-internal.h"
#include "service/box/git_url.h"
#include "service/relay/git_relay.h"

struct git_job {
	struct boxes *boxes;
	struct box_work work;
	const json_t *args;
	struct cancel *cancel; /* the caller's, with the deadline */
	char *folder;          /* where git runs */
	char **env;
	/* Of the relay; NULL without one. */
	struct git_relay *relay;
	uint16_t port;
	char *relay_url, *spelled; /* what git sees, and what people wrote */
	char *config[2];           /* its settings for git */
};

int git_job_begin(struct git_job *job, struct boxes *boxes, const struct box_caller *who,
	const char *box, enum box_work_kind kind, const json_t *args,
	struct cancel *cancel, struct err *err);
void git_job_end(struct git_job *job);
DEFINE_CLEANUP(git_job, struct git_job, git_job_end(value))

/* ---- arguments (git_args.c) ------------------------------------------------------------ */

/* Text without control characters but line ends and tabs when `lines`, of at most `max`
 * bytes; missing or null is NULL in *ret. */
int git_arg(const json_t *args, const char *member, size_t max, bool lines,
	const char **ret, struct err *err);
/* A branch that git would make and that is no option; missing is NULL in *ret. */
int git_arg_branch(
	const json_t *args, const char *member, const char **ret, struct err *err);

/* ---- commands (git_run.c) -------------------------------------------------------------- */

struct git_said {
	int exit_code;
	struct strbuf out; /* stdout */
	struct strbuf all; /* with stderr, in the order in which it came */
};
void git_said_release(struct git_said *said);
DEFINE_CLEANUP(git_said, struct git_said, git_said_release(value))

/* `git ARGS...` in `folder` (NULL: the job's), args NULL-ended.  A failure of git is a
 * success of the call.  `input` may be NULL.  `progress`: what it says of it goes to the
 * box's log now and then. */
struct git_command {
	const char *const *args;
	const char *folder;
	const char *input;
	const char *const *env; /* NULL-ended, over the job's; may be NULL */
	bool progress;
};
int git_job_run(struct git_job *job, const struct git_command *command,
	struct git_said *ret_said, struct err *err);

/* Its words, with the address that people wrote in the place of the relay's. */
void git_named(
	const struct git_job *job, struct strbuf *out, const char *text, size_t len);

/* Runs; when git ends with other than 0: ERR_UNABLE with its own words, or with what GitHub
 * said to the relay. */
int git_must(struct git_job *job, const char *what, const struct git_command *command,
	struct git_said *ret_said, struct err *err);
/* Runs and takes stdout without its last line end; a failure of git is git_failed(). */
int git_ask(struct git_job *job, const char *what, const char *const *args,
	char **ret_text, struct err *err);
/* The branch that is checked out; ERR_INPUT when there is none. */
int git_branch(struct git_job *job, char **ret_branch, struct err *err);
/* The address of the remote `origin`: parsed when it is one that we know, else hosted is
 * false. */
int git_origin(struct git_job *job, bool push, char **ret_spelled,
	struct git_url *ret_url, struct err *err);

/* ---- GitHub with a token (git_token.c) ------------------------------------------------- */

/* The one of the request, the one in the address, or the box's; unset when there is none. */
int git_token(struct git_job *job, const struct git_url *url, struct secret *ret_token,
	struct err *err);
/* Keeps it with the box for later calls. */
int git_token_keep(struct git_job *job, const struct secret *token, struct err *err);
/* From now on what git does with the address `spelled` goes through the host, with the
 * token; until the job ends. */
int git_job_relay(struct git_job *job, const struct git_url *url, const char *spelled,
	const struct secret *token, bool push, struct err *err);
void git_job_unrelay(struct git_job *job);
/* Whether a policy, as the row has it, lets a box reach the host. */
bool git_policy_allows(const char *network, const char *host);

/* ---- verbs ----------------------------------------------------------------------------- */

int git_clone(struct git_job *job, json_t **ret, struct err *err);     /* git_clone.c */
int git_push(struct git_job *job, json_t **ret, struct err *err);      /* git_push.c */
int git_exec(struct git_job *job, json_t **ret, struct err *err);      /* git_exec.c */
int git_create_pr(struct git_job *job, json_t **ret, struct err *err); /* git_pull.c */

#endif
