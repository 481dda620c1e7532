/* SPDX-License-Identifier: MIT */
/* What a killed child leaves in a mirror besides packs: lock files of refs, half objects. */
#ifndef SERVICE_REPO_LEFTOVERS_H
#define SERVICE_REPO_LEFTOVERS_H

#include "boxcore/base/err.h"

/* Removes them; only under the write lock, when nobody else writes.  Missing is fine. */
int leftovers_clean(const char *mirror, struct err *err);

#endif
