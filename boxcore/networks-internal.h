/* SPDX-License-Identifier: MIT */
/*
 * The policies of boxes, and how they are brought to a link: box.c and links.c call these;
 * everybody else uses boxcore.h.
 */
#ifndef BOXCORE_NETWORKS_INTERNAL_H
#define BOXCORE_NETWORKS_INTERNAL_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/boxcore.h"

struct link;
struct networks;

/* With the gate and its thread; freed after the last link. */
int networks_new(struct networks **ret_networks, const struct boxcore_options *options,
	struct err *err);
void networks_free(struct networks *networks);             /* NULL is fine */
struct egress *networks_egress(struct networks *networks); /* for tests */

/* A box that is about to be made with a policy; within its gate. */
int networks_remember(struct boxcore *core, const char *box,
	const struct box_policy *policy, struct err *err);
/* Within the gate of a box that was made with a policy: brings a new link, before it is
 * given to others, to what is remembered.  Nothing remembered: a box that was just started
 * is gated, another one stays as it is; its connections wait. */
int networks_attach(struct boxcore *core, const char *box, struct link *link,
	struct cancel *cancel, struct err *err);
/* After the link has ended, before link_close(). */
void networks_detach(struct boxcore *core, struct link *link);
/* The box is deleted. */
void networks_forget(struct boxcore *core, const char *box);

/* PROTO_NETWORK_ALL with the ranges that are refused on this host (box_attach.c). */
int box_network_all(
	struct boxcore *core, struct link *link, struct cancel *cancel, struct err *err);

#endif
