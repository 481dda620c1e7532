/* SPDX-License-Identifier: MIT */
/*
 * The table of box_listen() handlers, and how it is brought back after a link was made
 * anew.  boxcore.c calls these; everybody else uses boxcore.h.
 */
#ifndef BOXCORE_TUNNEL_INTERNAL_H
#define BOXCORE_TUNNEL_INTERNAL_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"

struct boxcore;
struct link;
struct tunnels;

struct tunnels *tunnels_new(void);
void tunnels_free(struct tunnels *tunnels); /* after the last link was closed */

/* After each attach, before the link is given to others (and after
 * link_network_setup()): makes the box listen again on each port of its handlers. */
int tunnel_restore(struct boxcore *core, const char *box, struct link *link,
	struct cancel *cancel, struct err *err);
/* Before link_close(): ends the link and its listening streams; the handlers stay, and the
 * box's ports too: who connects waits for the next link. */
void tunnel_detach(struct boxcore *core, const char *box, struct link *link);
/* The box is deleted: its handlers are forgotten. */
void tunnel_forget(struct boxcore *core, const char *box);

#endif
