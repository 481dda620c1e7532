/* SPDX-License-Identifier: MIT */
/* Sizes and runtimes on offer: the built-in ones and those of the settings. */
#ifndef SERVICE_BOX_CATALOG_H
#define SERVICE_BOX_CATALOG_H

#include "boxcore/base/err.h"
#include "service/config/config.h"

#include <stdbool.h>
#include <stdint.h>

struct boxcore;
struct cancel;
struct catalog;

struct catalog_size {
	char name[32];
	double cpus;
	int64_t memory_bytes, disk_bytes;
};

/* ERR_INPUT names the setting and its entry. */
int catalog_new(
	struct catalog **ret_catalog, const struct config *config, struct err *err);
void catalog_free(struct catalog *catalog); /* NULL is fine */

/* ERR_INPUT with the sizes that there are. */
int catalog_size(const struct catalog *catalog, const char *name,
	struct catalog_size *ret, struct err *err);
/* ERR_UNABLE, saying what the host has; 0: what it has is not known. */
int catalog_fits(const struct catalog_size *size, int host_cpus, int64_t host_memory,
	struct err *err);

/* ERR_INPUT with the runtimes that there are. */
int catalog_runtime(const struct catalog *catalog, const char *name, struct err *err);
/* The operator's image of that name, or NULL: then it is one of boxcore/runtime.h. */
const char *catalog_image(const struct catalog *catalog, const char *runtime);

#endif
