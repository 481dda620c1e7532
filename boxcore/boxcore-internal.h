/* SPDX-License-Identifier: MIT */
/*
 * What the files of boxcore/ share and those who embed it never see: the core itself and
 * its table of links.
 *
 * There is at most one link for a box.  It is made when somebody needs it (which is also
 * how a box is taken over after a restart of ours), pinned while it is used, and made
 * anew after it was lost.  Making one is serialised per box; no lock is held over I/O.
 */
#ifndef BOXCORE_BOXCORE_INTERNAL_H
#define BOXCORE_BOXCORE_INTERNAL_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/boxcore.h"

#include <stdbool.h>
#include <stddef.h>

struct boxcore;
struct link;
struct link_loop;
struct tunnels;

/* The box's link, pinned until core_link_put().  A paused box is started when `wake`,
 * else it is ERR_CONFLICT; an unknown one is ERR_NOT_FOUND.  A link that proves to be
 * lost is simply put back: the next call makes another. */
int core_link_get(struct boxcore *core, const char *box, bool wake,
	struct link **ret_link, struct cancel *cancel, struct err *err);
void core_link_put(struct boxcore *core, struct link *link);

/* The one epoll thread that moves the bytes of all links. */
struct link_loop *core_loop(struct boxcore *core);

/* The table of box_listen() handlers; made by tunnels_new() in boxcore_open(), freed by
 * tunnels_free() after the last link (tunnel.c). */
struct tunnels *core_tunnels(struct boxcore *core);

#endif
