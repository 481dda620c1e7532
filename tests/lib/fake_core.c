/* SPDX-License-Identifier: MIT */
/* A core of one box that is a process of this machine: see init_box.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/init_box.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"
#include "boxcore/boxcore-internal.h"
#include "boxcore/tunnel-internal.h"

#include <stdlib.h>

struct fake_core {
	struct init_box box;
	struct link_loop *loop;
	struct tunnels *tunnels;
	struct lock lock;
	struct link *link;
	int pins;
};

static struct fake_core *fake_of(struct boxcore *core)
{
	return (struct fake_core *)(void *)core;
}

struct boxcore *fake_core(struct fake_core *fake)
{
	return (struct boxcore *)(void *)fake;
}

struct init_box *fake_core_box(struct fake_core *fake)
{
	return &fake->box;
}

struct fake_core *fake_core_new(void)
{
	struct fake_core *fake = mem_zalloc(sizeof *fake);
	struct err err = {0};

	lock_init(&fake->lock);
	fake->tunnels = tunnels_new();
	if (link_loop_new(&fake->loop, &err) < 0)
		fail_msg("%s", err.text);
	init_box_start(&fake->box);
	return fake;
}

static void close_link(struct fake_core *fake)
{
	if (!fake->link)
		return;
	tunnel_detach(fake_core(fake), "test", fake->link);
	link_close(fake->link);
	fake->link = NULL;
}

void fake_core_lose_link(struct fake_core *fake)
{
	assert_int_equal(fake->pins, 0);
	close_link(fake);
}

void fake_core_free(struct fake_core *fake)
{
	close_link(fake);
	tunnels_free(fake->tunnels);
	link_loop_free(fake->loop);
	init_box_end(&fake->box);
	lock_release(&fake->lock);
	free(fake);
}

/* ---- what boxcore.c and links.c have in the real core ---------------------------------- */

int core_link_get(struct boxcore *core, const char *box, bool wake,
	struct link **ret_link, struct cancel *cancel, struct err *err)
{
	struct fake_core *fake = fake_of(core);

	(void)wake;
	LOCKED(&fake->lock);
	if (fake->link && fake->pins == 0 && link_lost(fake->link))
		close_link(fake);
	if (!fake->link) {
		fake->link = init_box_link(&fake->box, fake->loop);
		if (tunnel_restore(core, box, fake->link, cancel, err) < 0)
			return -1;
	}
	fake->pins++;
	*ret_link = fake->link;
	return 0;
}

void core_link_put(struct boxcore *core, struct link *link)
{
	struct fake_core *fake = fake_of(core);

	(void)link;
	LOCKED(&fake->lock);
	fake->pins--;
}

struct tunnels *core_tunnels(struct boxcore *core)
{
	return fake_of(core)->tunnels;
}

int core_check_id(const char *id, const char *what, struct err *err)
{
	return id[0] ? 0 : err_set(err, ERR_INPUT, "%s is empty", what);
}
