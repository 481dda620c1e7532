/* SPDX-License-Identifier: MIT */
/* The table of runtimes, and the Dockerfile of those that need an image of their own. */
#include "boxcore/runtime.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/str.h"

#include <string.h>

#define ALPINE "-alpine"

static const char *const node_check[] = {"node", "--version", NULL};
static const char *const python_check[] = {"python3", "--version", NULL};
static const char *const golang_check[] = {"go", "version", NULL};
static const char *const ruby_check[] = {"ruby", "--version", NULL};
static const char *const rust_check[] = {"cargo", "--version", NULL};

static const struct runtime runtimes[] = {
	{"node", false, node_check},
	{"python", false, python_check},
	{"golang", true, golang_check},
	{"ruby", true, ruby_check},
	{"rust", true, rust_check},
};

const struct runtime *runtime_at(size_t i)
{
	return i < ARRAY_LEN(runtimes) ? &runtimes[i] : NULL;
}

/* The name without "-alpine": its length. */
static size_t stem_of(const char *name)
{
	size_t len = strlen(name), end = strlen(ALPINE);

	return len > end && str_eq(name + len - end, ALPINE) ? len - end : len;
}

const struct runtime *runtime_find(const char *name)
{
	if (!name)
		return NULL;
	size_t len = stem_of(name);
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		if (strlen(runtimes[i].name) == len &&
			memcmp(runtimes[i].name, name, len) == 0)
			return &runtimes[i];
	}
	return NULL;
}

bool runtime_is_substitute(const char *name)
{
	return runtime_find(name) && name[stem_of(name)] != '\0';
}

/* clang-format off */
__asm__(".pushsection .rodata\n"
	".global runtime_dockerfile_start\n"
	"runtime_dockerfile_start:\n"
	".incbin \"deploy/images/runtime.Dockerfile\"\n"
	".global runtime_dockerfile_end\n"
	"runtime_dockerfile_end:\n"
	".byte 0\n"
	".popsection\n");
/* clang-format on */

extern const char runtime_dockerfile_start[], runtime_dockerfile_end[];

const char *runtime_dockerfile(size_t *ret_len)
{
	*ret_len = (size_t)(runtime_dockerfile_end - runtime_dockerfile_start);
	return runtime_dockerfile_start;
}
