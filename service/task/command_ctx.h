/* SPDX-License-Identifier: MIT */
/*
 * What the verbs of commands.h share: one command, who asked, and how it is answered.
 * Internal to service/task; the commands' thread alone.
 *
 * A command may be begun again after a crash at any line.  So an answer is looked for before
 * it is made a second time, a task that a command makes carries the command's number in its
 * `about`, and sums are written as what they are to be.
 */
#ifndef SERVICE_TASK_COMMAND_CTX_H
#define SERVICE_TASK_COMMAND_CTX_H

#include "service/store/store_command.h"
#include "service/store/store_conversation.h"
#include "service/task/gate.h"
#include "service/task/task.h"

struct command_ctx {
	struct task_env *env;
	const struct store_command *command;
	struct cancel *cancel;
	struct github_repo repo;
	struct gate_answer may; /* of the person who asked; zeroed when nobody did */
};

typedef int (*command_fn)(struct command_ctx *c, struct err *err);

/* ---- answering ------------------------------------------------------------------------- */

/* On the comment, or on the issue; nothing for what came without words (a button). */
int command_react(struct command_ctx *c, const char *content, struct err *err);
/* One comment for a command, in the thread of an inline comment if it came there. */
int command_comment(struct command_ctx *c, const char *body, struct err *err);
/* "@who: text", and the reaction. */
int command_say(
	struct command_ctx *c, const char *content, const char *text, struct err *err);

/* ---- rows ------------------------------------------------------------------------------ */

/* 1 and the lane's conversation, 0 when there is none yet, -1. */
int command_talk(struct command_ctx *c, struct store_conversation *ret, struct err *err);
/* 1 and the task that this very command has made already, 0, -1. */
int command_made(struct command_ctx *c, int64_t *ret_id, struct err *err);
/* 1 and the task of this lane on whose check run the button stands that was pressed; of a whole
 * suite that was asked for again the newest with a check run on that head.  0: none, or it was
 * no button.  -1. */
int command_pressed(struct command_ctx *c, struct store_task *ret, struct err *err);
/* A task in the lane of this command, like `from` (its issue), asked for by the person of this
 * command, whose number it carries. */
struct command_task {
	const char *verb, *text;
	const char *flag; /* set true in `about`; NULL: none */
	bool again;       /* the same request: place, thread and attempts are `from`'s */
};
int command_make(struct command_ctx *c, const struct store_task *from,
	const struct command_task *what, int64_t *ret_id, struct err *err);
/* Ends all that runs or waits in the lane; *ret_running: how many have not ended yet. */
int command_stop(struct command_ctx *c, const char *reason, size_t *ret_stopped,
	size_t *ret_running, struct err *err);

/* ---- the verbs, by file ---------------------------------------------------------------- */

int command_cancel(struct command_ctx *c, struct err *err); /* command_task.c */
int command_retry(struct command_ctx *c, struct err *err);
int command_button(struct command_ctx *c, struct err *err);

int command_approve(struct command_ctx *c, struct err *err); /* command_plan.c */
int command_reject(struct command_ctx *c, struct err *err);

int command_status(struct command_ctx *c, struct err *err); /* command_words.c */
int command_help(struct command_ctx *c, struct err *err);
int command_unknown(struct command_ctx *c, struct err *err);
int command_budget(struct command_ctx *c, struct err *err);

int command_closed(struct command_ctx *c, struct err *err); /* command_repo.c */
int command_reopened(struct command_ctx *c, struct err *err);
int command_pushed(struct command_ctx *c, struct err *err);
int command_installed(struct command_ctx *c, struct err *err);
int command_removed(struct command_ctx *c, struct err *err);
int command_dashboard(struct command_ctx *c, struct err *err);

#endif
