/* SPDX-License-Identifier: MIT */
/*
 * Deliveries: what GitHub sent, as it came, and what became of it.
 *
 * One transaction stores the delivery and the task or command that it makes.  A delivery
 * is known by its id for ever: a second one of the same id changes nothing.  Bodies are
 * kept compressed.  See store.h for errors, memory and threads.
 */
#ifndef SERVICE_STORE_STORE_DELIVERY_H
#define SERVICE_STORE_STORE_DELIVERY_H

#include "service/store/store.h"
#include "service/store/store_command.h"
#include "service/store/store_task.h"

#define STORE_DELIVERY_STATES(X)                                                         \
	X(TASK, "task")         /* it made a task */                                     \
	X(COMMAND, "command")   /* it made a command for a lane */                       \
	X(IGNORED, "ignored")   /* nothing to do; reason_code tells why */               \
	X(UNPARSED, "unparsed") /* JSON beyond the parser, kept as it came */

enum store_delivery_state {
#define X(name, word) STORE_DELIVERY_##name,
	STORE_DELIVERY_STATES(X)
#undef X
};

const char *store_delivery_state_name(enum store_delivery_state state);

/* All borrowed. */
struct store_delivery_new {
	const char *id;     /* at most LIMIT_DELIVERY_ID bytes */
	const char *event;  /* at most LIMIT_EVENT_NAME bytes */
	const char *action; /* NULL: none */
	int64_t received_ms;
	const void *body; /* at most LIMIT_DELIVERY_BODY bytes */
	size_t body_len;
	const char *reason_code; /* "comment", "sender_is_bot", ... */
	const char *reason;      /* a sentence */
	bool unparsed;           /* the state, when there is neither task nor command */
	const struct store_task_new *task;       /* NULL: none */
	const struct store_command_new *command; /* NULL: none; not both */

	/* Of comment, review, issue or pull request for people; NULL: none.  One of more than
	 * LIMIT_DELIVERY_URL bytes is not kept. */
	const char *url;
	/* Which conversation it belongs to.  When the task's or command's repository has one
	 * whose pull request has this number (or, with number 0, this branch), lane and
	 * conversation_id are its; a task or command of number 0 gets its pull request's. */
	int64_t pull_number; /* 0: unknown */
	const char *branch;  /* NULL: unknown */
	/* Only for a pull request that the service opened (or, for a task of verb "repair",
	 * has pushed to): without one the delivery is stored as ignored with reason "not_ours",
	 * and there is neither task nor command. */
	bool only_ours;
	/* One waiting task of this lane, verb and about."head" is enough: a further one is
	 * stored as ignored with reason "waiting_already". */
	bool coalesce;
};

struct store_delivery_added {
	bool duplicate;                  /* the id was there: nothing has changed */
	enum store_delivery_state state; /* as stored, now or then */
	int64_t task_id;                 /* of the delivery's task; 0: none */
	const char *
		reason_code; /* static; NULL: as it was given (see only_ours, coalesce) */
	const char *reason;  /* likewise */
};

/* For tests: blocks until the delivery is on the disk. */
int store_delivery_add(struct store *store, const struct store_delivery_new *delivery,
	struct store_delivery_added *ret, struct cancel *cancel, struct err *err);

/* As above without waiting: everything is copied, `done` is called once on the store's
 * thread after the commit (err NULL) or the failure (added NULL).  It must return at once
 * and call no verb.  Returns -1 without calling `done` when more than
 * LIMIT_STORE_QUEUE_BYTES wait already (ERR_TRANSIENT) or the input is malformed. */
typedef void (*store_delivery_done_fn)(
	void *arg, const struct store_delivery_added *added, const struct err *err);
int store_delivery_add_async(struct store *store,
	const struct store_delivery_new *delivery, store_delivery_done_fn done, void *arg,
	struct err *err);

struct store_delivery {
	char *id, *event, *action; /* action (null) */
	int64_t received_ms;
	enum store_delivery_state state;
	char *reason_code, *reason;
	int64_t task_id;       /* 0: none */
	int64_t body_raw_size; /* bytes of the body as it came */
	char *body; /* (null) unless asked for; NUL behind body_raw_size bytes */
};

void store_delivery_release(struct store_delivery *delivery);
DEFINE_CLEANUP(store_delivery, struct store_delivery, store_delivery_release(value))

/* ERR_NOT_FOUND. */
int store_delivery_get(struct store *store, const char *id, bool with_body,
	struct store_delivery *ret, struct err *err);

struct store_deliveries {
	struct store_delivery *rows;
	size_t count;
};
void store_deliveries_release(struct store_deliveries *list);
DEFINE_CLEANUP(store_deliveries, struct store_deliveries, store_deliveries_release(value))

/* Newest first, without bodies; page on with the last row's received_ms and id (0, NULL:
 * from the newest). */
int store_delivery_list(struct store *store, int64_t before_ms, const char *before_id,
	int limit, struct store_deliveries *ret, struct err *err);

/* Deliveries at an address (struct store_delivery_new.url) and, for one without a fragment,
 * at all its fragments: an issue with its comments.  Newest first, without bodies. */
int store_delivery_list_url(struct store *store, const char *url, int limit,
	struct store_deliveries *ret, struct err *err);
/* What a delivery's command came to: ERR_NOT_FOUND when it made none. */
int store_delivery_command(
	struct store *store, const char *id, struct store_command *ret, struct err *err);

#endif
