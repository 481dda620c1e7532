/* SPDX-License-Identifier: MIT */
/*
 * boxinit as a real process, PID 1 of namespaces of its own, without a container engine:
 * its files are this machine's.  Needs root and util-linux's unshare.
 *
 * The box is the far end of a socket pair.  init_box_link() attaches with a duplicate of
 * the near end, so links can be made one after the other, as the Engine allows; what was
 * written in between stays in the socket and must be survived.
 */
#ifndef TESTS_LIB_INIT_BOX_H
#define TESTS_LIB_INIT_BOX_H

#include "boxcore/boxcore.h"
#include "boxcore/link/link.h"

#include <sys/types.h>

struct init_box {
	pid_t pid; /* of unshare */
	int fd;    /* the host's end */
};

/* false when this machine or user cannot (the test is skipped then). */
bool init_box_possible(void);
void init_box_start(struct init_box *box);
void init_box_end(struct init_box *box); /* kills it with all in it */

/* A plain io over a descriptor, which it owns. */
struct link_io init_box_io(int fd);
/* Attaches and sets up the network; fails the test when that fails. */
struct link *init_box_link(struct init_box *box, struct link_loop *loop);

/* A struct boxcore of one box, whose links come from init_box_link(): with the functions
 * core_link_get(), core_link_put(), core_tunnels() and core_check_id() that go with it, a
 * test runs run.c, files.c, tunnel.c and stats.c without an engine. */
struct fake_core;
struct fake_core *fake_core_new(void);
void fake_core_free(struct fake_core *fake);
struct boxcore *fake_core(struct fake_core *fake);
struct init_box *fake_core_box(struct fake_core *fake);
/* As a service that is killed and started again: the link is gone, the box is not. */
void fake_core_lose_link(struct fake_core *fake);

#endif
