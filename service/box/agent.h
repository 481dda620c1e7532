/* SPDX-License-Identifier: MIT */
/* What the files of agent runs share. */
#ifndef SERVICE_BOX_AGENT_H
#define SERVICE_BOX_AGENT_H

#include "boxcore/agent/harness.h"
#include "boxcore/base/json.h"
#include "service/box/drive.h"

#define AGENT_PORT 7332 /* the first of LIMIT_BOX_AGENTS, in the box, on its loopback */

struct agent_drive {
	const struct harness *harness; /* NULL: fail says why */
	char *fail;   /* why it cannot be run here at all; told by an `error` event */
	char *prompt; /* with the files' names; NULL after a restart */
	json_t *detail; /* {harness, model, provider, folder, schema, options}, as the row's */
	char *session; /* to go on with, or NULL */
	bool attached; /* taken up from a former process */
	int attempt;   /* 0, or 1 after an answer that did not keep to the schema */
	struct agent_reader *reader;
	struct relay_lease *lease;
	struct agent_money *money; /* of the lease, when it has the server's key */
	uint16_t port;             /* of the lease, once it is listened to */
	struct relay_usage spent;  /* by a former process */
	struct drive_sink *sink;   /* while it is pumped */
	struct strbuf said;        /* all texts of this attempt, for a long answer */
	int64_t saved_ms;
	bool told_end; /* AGENT_DONE or AGENT_ERROR has come */
	int stderr_lines;
	char reported[400]; /* the error in the agent's own words */
};

/* ---- agent_model.c: pure --------------------------------------------------------------- */

/* "anthropic/claude-x" for a harness: what the program is given and whose API it is.
 * *ret_provider is "anthropic", "openai" or "" (any); both point into `model` or are
 * constant.  ERR_UNSUPPORTED when the model's provider is none that is relayed. */
int agent_model(const char *harness, const char *model, const char **ret_model,
	const char **ret_provider, struct err *err);

/* ---- agent_frames.c: pure -------------------------------------------------------------- */

/* One frame: "event: NAME\ndata: JSON\n\n". */
void agent_frame(struct strbuf *out, const char *name, const json_t *data);
/* What clients see of an event of the agent; nothing is appended for most others. */
void agent_frame_event(struct strbuf *out, const struct agent_event *event);

/* ---- agent_schema.c: pure -------------------------------------------------------------- */

/* The JSON text in an answer, without code fences or words around it; NULL and ERR_INPUT
 * when there is none or it does not keep to the schema's types, required members, enums and
 * items.  Compact; free() it. */
char *agent_schema_answer(const char *answer, const json_t *schema, struct err *err);
/* 0, or ERR_INPUT naming the place. */
int agent_schema_check(const json_t *value, const json_t *schema, struct err *err);

/* ---- agent_money.c --------------------------------------------------------------------- */

/* ERR_QUOTA when the account has spent what the server's key may cost it in a day. */
int agent_money_check(struct boxes *boxes, const char *account, struct err *err);
/* Of one run: put into the lease's spec, told the lease, freed after the lease. */
struct agent_money *agent_money_new(
	struct boxes *boxes, const char *account, int64_t spent_microusd);
void agent_money_put(
	struct agent_money *money, bool nothing_left, struct relay_lease_spec *spec);
void agent_money_lease(struct agent_money *money, struct relay_lease *lease);
void agent_money_free(struct agent_money *money);

/* ---- agent_start.c --------------------------------------------------------------------- */

/* Opens the way to the model, writes the harness's files, starts the run. */
int agent_start(struct box_drive *drive, struct err *err);
/* The way to the model alone: of a run that is taken up. */
int agent_listen(struct box_drive *drive, uint16_t port, struct err *err);
void agent_hang_up(struct box_drive *drive);

#endif
