/* SPDX-License-Identifier: MIT */
/* libgit2's settings and errors. */
#include "service/repo/git.h"

#include "service/repo/repo.h"

#include "service/repo/net.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <git2/sys/transport.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WINDOW (32 * LIMIT_MIB)  /* mapped at a time of one pack */
#define MAPPED (256 * LIMIT_MIB) /* of all packs */
#define CACHED (64 * LIMIT_MIB)  /* unpacked objects kept */

/* No configuration but the repository's own: a stray ~/.gitconfig may hold a proxy or an
 * insteadOf. */
static int forget_configuration(const char *state)
{
	static const int levels[] = {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
		GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_PROGRAMDATA};
	CLEANUP(mem) char *empty = mem_printf("%s/git-empty", state);

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], empty) < 0)
			return -1;
	return git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, empty);
}

int git_setup(const char *state, struct err *err)
{
	if (git_libgit2_init() < 0 || forget_configuration(state) < 0 ||
		git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)WINDOW) < 0 ||
		git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)MAPPED) < 0 ||
		git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, (size_t)128) < 0 ||
		git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)CACHED) < 0 ||
		git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 1) < 0 ||
		git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1) < 0 ||
		git_libgit2_opts(GIT_OPT_ENABLE_STRICT_SYMBOLIC_REF_CREATION, 1) < 0 ||
		git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1) < 0 ||
		/* Only folders that we made are opened, whoever owns the volume. */
		git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0) < 0)
		return git_fail(err, -1, "set up libgit2");
	return 0;
}

int git_configure(git_repository *repo)
{
	static const struct {
		const char *name;
		int64_t value;
	} table[] = {
		{"core.protectHFS", 1},
		{"core.protectNTFS", 1},
		{"gc.auto", 0},
		{"core.bigFileThreshold", 16 << 20}, /* no delta is looked for above */
		{"pack.windowMemory", 96 << 20},     /* of each thread */
		{"pack.deltaCacheSize", 64 << 20},
	};
	CLEANUP(git_config) git_config *config = NULL;
	int rc = git_repository_config(&config, repo);

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(table); i++)
		rc = git_config_set_int64(config, table[i].name, table[i].value);
	return rc;
}

static enum err_kind kind_of(int code, int class)
{
	if (class == GIT_ERROR_NOMEMORY)
		return ERR_LIMIT;
	switch (code) {
	case GIT_ENOTFOUND: return ERR_NOT_FOUND;
	case GIT_EEXISTS:
	case GIT_ECONFLICT:
	case GIT_ELOCKED: return ERR_CONFLICT;
	case GIT_EAMBIGUOUS:
	case GIT_EINVALIDSPEC:
	case GIT_EPEEL: return ERR_INPUT;
	case GIT_EAUTH: return ERR_DENIED;
	default: break;
	}
	/* A wrong answer of a server, or one that was cut. */
	return class == GIT_ERROR_NET || class == GIT_ERROR_HTTP ||
			       class == GIT_ERROR_INDEXER
		       ? ERR_TRANSIENT
		       : ERR_INTERNAL;
}

static int fail_as(struct err *err, enum err_kind kind, int retry_after_s,
	const char *why, const char *what)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_TEXT_CLEAN);

	str_clean_utf8(&clean, why, strlen(why), false);
	err_set(err, kind, "%s: %s", what, strbuf_str(&clean));
	err->retry_after_s = retry_after_s;
	return -1;
}

__attribute__((format(printf, 3, 0))) static int vfail(
	struct err *err, int code, const char *fmt, va_list ap)
{
	CLEANUP(mem) char *what = mem_vprintf(fmt, ap);
	const git_error *last = git_error_last();
	const struct err *network = net_error();

	if (network)
		return fail_as(
			err, network->kind, network->retry_after_s, network->text, what);
	if (!last || !last->message)
		return err_set(err, kind_of(code, 0), "%s: libgit2 said %d", what, code);
	return fail_as(err, kind_of(code, last->klass), 0, last->message, what);
}

int git_fail(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(err, code, fmt, ap);
	va_end(ap);
	return -1;
}

bool git_error_is_damage(int code)
{
	const git_error *last = git_error_last();

	if (net_error())
		return false;
	if (code == GIT_EMISMATCH || code == GIT_ENOTFOUND)
		return true;
	switch (last ? last->klass : 0) {
	case GIT_ERROR_ODB:
	case GIT_ERROR_ZLIB:
	case GIT_ERROR_OBJECT:
	case GIT_ERROR_TREE:
	case GIT_ERROR_REFERENCE:
	case GIT_ERROR_REPOSITORY:
	case GIT_ERROR_CONFIG:
	case GIT_ERROR_INDEXER:
	case GIT_ERROR_SHA: return true;
	default: return false;
	}
}

void repo_library_version(char *buf, size_t size)
{
	int major = 0, minor = 0, patch = 0;

	git_libgit2_version(&major, &minor, &patch);
	snprintf(buf, size, "%d.%d.%d", major, minor, patch);
}
