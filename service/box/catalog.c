/* SPDX-License-Identifier: MIT */
/* Sizes and runtimes on offer. */
#include "service/box/catalog.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"
#include "boxcore/runtime.h"

#include <string.h>

#define SIZES_MAX 32
#define LIST_MAX 4096 /* of names, in an error */
#define GIB (1LL << 30)
/* An Engine tells a little less than the machine's maker does. */
#define MEMORY_SLACK 0.94

struct catalog_runtime {
	char *name, *image;
};

struct catalog {
	struct catalog_size sizes[SIZES_MAX];
	size_t nsizes;
	struct catalog_runtime *runtimes;
	size_t nruntimes;
};

static const struct catalog_size built_in[] = {
	{"small", 2, 4 * GIB, 5 * GIB},
	{"medium", 4, 8 * GIB, 10 * GIB},
	{"large", 8, 16 * GIB, 20 * GIB},
};

/* ---- settings -------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t len)
{
	return len > 0 && len < sizeof built_in[0].name &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") >= len;
}

/* "processors:memory:disk"; text is changed. */
static bool read_amounts(char *text, struct catalog_size *size)
{
	char *memory = strchr(text, ':');
	char *disk = memory ? strchr(memory + 1, ':') : NULL;

	if (!disk)
		return false;
	*memory++ = '\0';
	*disk++ = '\0';
	return str_to_double(text, 0.1, 1024, &size->cpus) &&
	       str_to_bytes(memory, &size->memory_bytes) &&
	       str_to_bytes(disk, &size->disk_bytes) && size->memory_bytes >= GIB / 16 &&
	       size->disk_bytes >= 0;
}

static struct catalog_size *place_of(struct catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->nsizes; i++) {
		if (str_eq(catalog->sizes[i].name, name))
			return &catalog->sizes[i];
	}
	if (catalog->nsizes == SIZES_MAX)
		return NULL;
	return &catalog->sizes[catalog->nsizes++];
}

static int add_size(struct catalog *catalog, const char *item, struct err *err)
{
	size_t len = strcspn(item, "=");
	struct catalog_size size = {0}, *place;

	if (item[len] && is_name(item, len)) {
		CLEANUP(mem) char *amounts = mem_strdup(item + len + 1);

		memcpy(size.name, item, len);
		place = read_amounts(amounts, &size) ? place_of(catalog, size.name)
						     : NULL;
		if (place) {
			*place = size;
			return 0;
		}
	}
	return err_set(err, ERR_INPUT,
		"box.sizes: \"%.100s\" must be name=processors:memory:disk, like "
		"small=2:4g:5g, with at least 64m of memory",
		item);
}

static int add_runtime(struct catalog *catalog, const char *item, struct err *err)
{
	size_t len = strcspn(item, "=");

	if (!item[len] || !is_name(item, len) || str_empty(item + len + 1))
		return err_set(err, ERR_INPUT,
			"box.runtimes: \"%.100s\" must be name=image, with a name of "
			"a-z, "
			"0-9, '.' and '-'",
			item);
	catalog->runtimes = mem_grow(
		catalog->runtimes, catalog->nruntimes + 1, sizeof *catalog->runtimes);
	catalog->runtimes[catalog->nruntimes++] = (struct catalog_runtime){
		mem_strndup(item, len), mem_strdup(item + len + 1)};
	return 0;
}

int catalog_new(
	struct catalog **ret_catalog, const struct config *config, struct err *err)
{
	struct catalog *catalog = mem_zalloc(sizeof *catalog);
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(built_in); i++)
		catalog->sizes[catalog->nsizes++] = built_in[i];
	for (size_t i = 0; rc == 0 && i < config->box_sizes.count; i++)
		rc = add_size(catalog, config->box_sizes.items[i], err);
	for (size_t i = 0; rc == 0 && i < config->box_runtimes.count; i++)
		rc = add_runtime(catalog, config->box_runtimes.items[i], err);
	if (rc < 0) {
		catalog_free(catalog);
		return -1;
	}
	*ret_catalog = catalog;
	return 0;
}

void catalog_free(struct catalog *catalog)
{
	if (!catalog)
		return;
	for (size_t i = 0; i < catalog->nruntimes; i++) {
		free(catalog->runtimes[i].name);
		free(catalog->runtimes[i].image);
	}
	free(catalog->runtimes);
	free(catalog);
}

/* ---- sizes ----------------------------------------------------------------------------- */

int catalog_size(const struct catalog *catalog, const char *name,
	struct catalog_size *ret, struct err *err)
{
	CLEANUP(strbuf) struct strbuf names = STRBUF_INIT(LIST_MAX);

	for (size_t i = 0; i < catalog->nsizes; i++) {
		if (str_eq(catalog->sizes[i].name, name)) {
			*ret = catalog->sizes[i];
			return 0;
		}
		strbuf_addf(&names, "%s%s", i ? ", " : "", catalog->sizes[i].name);
	}
	return err_set(err, ERR_INPUT, "`size` must be one of %s", strbuf_str(&names));
}

int catalog_fits(const struct catalog_size *size, int host_cpus, int64_t host_memory,
	struct err *err)
{
	bool cpus = host_cpus <= 0 || size->cpus <= host_cpus;
	bool memory = host_memory <= 0 ||
		      (double)size->memory_bytes * MEMORY_SLACK <= (double)host_memory;

	if (cpus && memory)
		return 0;
	return err_set(err, ERR_UNABLE,
		"size %s needs %g processors and %.1f GiB of memory, and this host has "
		"%d "
		"and %.1f GiB",
		size->name, size->cpus, (double)size->memory_bytes / (double)GIB,
		host_cpus, (double)host_memory / (double)GIB);
}

/* ---- runtimes -------------------------------------------------------------------------- */

const char *catalog_image(const struct catalog *catalog, const char *runtime)
{
	for (size_t i = 0; i < catalog->nruntimes; i++) {
		if (str_eq(catalog->runtimes[i].name, runtime))
			return catalog->runtimes[i].image;
	}
	return NULL;
}

int catalog_runtime(const struct catalog *catalog, const char *name, struct err *err)
{
	CLEANUP(strbuf) struct strbuf names = STRBUF_INIT(LIST_MAX);
	const struct runtime *runtime;

	if (catalog_image(catalog, name) || runtime_find(name))
		return 0;
	for (size_t i = 0; (runtime = runtime_at(i)); i++)
		strbuf_addf(&names, "%s%s", i ? ", " : "", runtime->name);
	for (size_t i = 0; i < catalog->nruntimes; i++)
		strbuf_addf(&names, ", %s", catalog->runtimes[i].name);
	return err_set(err, ERR_INPUT,
		"`runtime` must be one of %s (further ones are set by box.runtimes)",
		strbuf_str(&names));
}
