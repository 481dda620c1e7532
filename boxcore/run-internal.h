/* SPDX-License-Identifier: MIT */
/* What files.c needs of run.c beside boxcore.h. */
#ifndef BOXCORE_RUN_INTERNAL_H
#define BOXCORE_RUN_INTERNAL_H

#include "boxcore/boxcore.h"

/* As run_start(); with `self`, boxinit itself is executed with that argv. */
int run_begin(struct boxcore *core, const char *box, const struct run_spec *spec,
	bool self, struct run **ret_run, struct cancel *cancel, struct err *err);

#endif
