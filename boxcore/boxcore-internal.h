/* SPDX-License-Identifier: MIT */
/*
 * What the files of boxcore/ share and those who embed it never see: the core itself, its
 * table of links, and the pieces that a box is made of.
 *
 * There is at most one link for a box.  It is made when somebody needs it (which is also how
 * a box is taken over after a restart of ours), pinned while it is used, and made anew after
 * it was lost.  Making one, and all that changes a box's container, happens within the box's
 * gate: one at a time for a box, with no lock held over I/O.
 */
#ifndef BOXCORE_BOXCORE_INTERNAL_H
#define BOXCORE_BOXCORE_INTERNAL_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/json.h"
#include "boxcore/base/thread.h"
#include "boxcore/boxcore.h"
#include "boxcore/engine/engine.h"

#include <stdbool.h>
#include <stddef.h>

struct link;
struct link_loop;
struct tunnels;
struct networks;

/* ---- links (links.c) ------------------------------------------------------------------- */

/* The box's link, pinned until core_link_put().  A paused box is started when `wake`, else it
 * is ERR_CONFLICT; an unknown one is ERR_NOT_FOUND.  A link that proves to be lost is simply
 * put back: the next call makes another. */
int core_link_get(struct boxcore *core, const char *box, bool wake,
	struct link **ret_link, struct cancel *cancel, struct err *err);
void core_link_put(struct boxcore *core, struct link *link);

/* The table of box_listen() handlers; made by tunnels_new() in boxcore_open(), freed by
 * tunnels_free() after the last link (tunnel.c). */
struct tunnels *core_tunnels(struct boxcore *core);

/* ---- within boxcore.c, links.c, box.c and snapshot.c ----------------------------------- */

struct link_entry;
struct gate;
struct start_waiter;

struct boxcore {
	struct engine *engine;
	struct engine_info info;
	struct link_loop *loop;
	struct tunnels *tunnels;
	struct networks *networks;
	char instance[40];
	char *runtime; /* NULL: the engine's default */
	char network[64];
	char subnet[64]; /* of the box network */
	char gateway[64];
	char init_volume[40];

	struct lock lock; /* the two lists */
	struct cond changed;
	struct link_entry *links;
	struct gate *gates;
	struct start_waiter *starts; /* in line, the longest waiting first */
	int starting;
};

/* As core_link_get(), by one who is within the box's gate. */
int core_link_attach(struct boxcore *core, const char *box, bool wake,
	struct link **ret_link, struct cancel *cancel, struct err *err);
/* The box's link if there is one that lives, pinned; else NULL. */
struct link *core_link_living(struct boxcore *core, const char *box);
/* Ends and forgets the box's link, with the reason for those who wait on it. */
void core_link_drop(struct boxcore *core, const char *box, const char *reason);
void core_links_close(struct boxcore *core);

/* The box's gate; returned from when we are alone in it. */
int core_gate_enter(
	struct boxcore *core, const char *box, struct cancel *cancel, struct err *err);
bool core_gate_try(struct boxcore *core, const char *box);
void core_gate_leave(struct boxcore *core, const char *box);

/* Starting containers is the Engine's dearest work and it fails under too much of it: callers
 * stand in line, first come first served, LIMIT_BOX_STARTS at a time.  A leaf: whoever has
 * entered waits for no gate (starts.c). */
int core_starts_enter(struct boxcore *core, struct cancel *cancel, struct err *err);
void core_starts_leave(struct boxcore *core);

/* [a-z0-9-]{1,63}: ERR_INPUT names `what`. */
int core_check_id(const char *id, const char *what, struct err *err);

#define BOX_CONTAINER_SIZE 128
void box_container_name(
	const struct boxcore *core, const char *id, char ret_name[BOX_CONTAINER_SIZE]);
/* The box's container; ERR_NOT_FOUND when there is none or it is not ours. */
int box_inspect(struct boxcore *core, const char *id,
	struct engine_container *ret_container, struct cancel *cancel, struct err *err);
/* The statistics over a link that the caller holds (stats.c). */
int box_link_stats(struct link *link, struct box_stats *ret_stats, struct cancel *cancel,
	struct err *err);
/* Within the gate: starts it if it does not run and `wake`, thaws it if a commit was cut
 * off, attaches, sets up the network. */
int box_attach(struct boxcore *core, const char *id, bool wake, struct link **ret_link,
	struct cancel *cancel, struct err *err);

/* The body of the engine's create call (box_config.c). */
json_t *box_config(struct boxcore *core, const struct box_spec *spec, const char *nonce,
	struct err *err);

#define LABEL_INSTANCE "boxwright.instance"
#define LABEL_BOX "boxwright.box"
#define LABEL_NETWORK "boxwright.network" /* "all", "tunnel" or "policy" */
#define LABEL_NONCE "boxwright.nonce"     /* tells our own create from another's */
#define LABEL_SNAPSHOT "boxwright.snapshot"
/* The value of a label, or NULL (their names hold dots: no paths of json_at()). */
const char *core_label(const json_t *labels, const char *name);

/* Removes images without a name that commits of a former process left (snapshot.c).  Best
 * effort: one that a box still uses stays. */
void snapshots_sweep(struct boxcore *core, struct cancel *cancel);

/* boxinit as a file on the engine (initvol.c): a volume that is filled and verified. */
int initvol_ensure(struct boxcore *core, struct cancel *cancel, struct err *err);
/* The work of it, for a volume of any name: makes it hold "boxinit" with these bytes. */
int initvol_fill(struct engine *engine, const char *volume, const void *bytes, size_t len,
	struct cancel *cancel, struct err *err);

/* Appends a tar archive of one executable file of root's, with its end. */
void core_tar_file(struct strbuf *tar, const char *name, const void *data, size_t len);

/* The bytes of boxinit (boxinit_blob.c). */
const void *boxinit_blob(size_t *ret_len);

#endif
