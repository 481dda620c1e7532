/* SPDX-License-Identifier: MIT */
/*
 * A repository's rules: its `.github/boxwright.yml` over its owner's defaults (the same file
 * in the repository `<owner>/.github`, when the App may read it), within the service's bounds.
 *
 * The texts that GitHub's API gave are remembered for github.rules_cache_s seconds, at most
 * LIMIT_RULES_CACHED of them.  Any thread.
 */
#ifndef SERVICE_RULES_RULES_H
#define SERVICE_RULES_RULES_H

#include "service/config/repo_config.h"
#include "service/github/github.h"
#include "service/repo/repo.h"

/* Borrowed for each call. */
struct rules_from {
	const struct config *config;
	struct github *github;
	struct repos *repos; /* NULL: nothing is read from a mirror */
};

/* The rules at the commit `oid` of the mirror; oid NULL: of the default branch, by GitHub's
 * API.  ERR_INPUT when a file is wrong: it names the file, with line and column, and the
 * owner's with its repository. */
int rules_read(const struct rules_from *from, const struct github_repo *repo,
	const char *oid, struct repo_config *ret, struct cancel *cancel, struct err *err);

/* As above for a text that is at hand (NULL: there is no file). */
int rules_over_owner(const struct rules_from *from, const struct github_repo *repo,
	const char *text, size_t len, struct repo_config *ret, struct cancel *cancel,
	struct err *err);

/* What is remembered of owner/name is stale: it was pushed to. */
void rules_forget(const char *owner, const char *name);

#endif
