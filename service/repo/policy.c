/* SPDX-License-Identifier: MIT */
/* Protected paths: the built-in list and the matching. */
#include "service/repo/policy.h"

#include "service/repo/fold.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <string.h>

const char *const repo_policy_default[] = {
	/* runs with secrets, or decides what does */
	".github/workflows/",
	".github/actions/",
	"**/action.yml",
	"**/action.yaml",
	".github/dependabot.yml",
	".github/dependabot.yaml",
	".gitlab-ci.yml",
	".gitlab/",
	".circleci/",
	".travis.yml",
	".drone.yml",
	".woodpecker.yml",
	".woodpecker/",
	".buildkite/",
	".azure-pipelines/",
	"azure-pipelines.yml",
	"bitbucket-pipelines.yml",
	"Jenkinsfile",
	"**/Jenkinsfile",
	/* decides who reviews, and what we are told to do */
	"CODEOWNERS",
	".github/CODEOWNERS",
	".gitlab/CODEOWNERS",
	"docs/CODEOWNERS",
	".github/boxwright.yml",
	".github/boxwright.yaml",
	/* brings in or runs foreign code on a developer's machine */
	".gitmodules",
	"**/.gitmodules",
	".pre-commit-config.yaml",
	".pre-commit-hooks.yaml",
	".husky/",
	".githooks/",
	"lefthook.yml",
	".vscode/",
	".idea/",
	".devcontainer/",
	".devcontainer.json",
	".envrc",
	"**/.envrc",
	/* steers the next agent */
	"**/AGENTS.md",
	"**/CLAUDE.md",
	"**/GEMINI.md",
	".github/copilot-instructions.md",
	".github/instructions/",
	".claude/",
	".codex/",
	".cursor/",
	".cursorrules",
	".mcp.json",
	NULL,
};

/* One component without slashes: `*` and `?`.  Linear with one point to go back to. */
static bool component_match(const char *p, size_t plen, const char *s, size_t slen)
{
	size_t pi = 0, si = 0, star = SIZE_MAX, mark = 0;

	while (si < slen) {
		if (pi < plen && p[pi] == '*') {
			star = pi++;
			mark = si;
		} else if (pi < plen && (p[pi] == s[si] || p[pi] == '?')) {
			bool any = p[pi] == '?';
			pi++;
			si++;
			while (any && si < slen && ((unsigned char)s[si] & 0xc0) == 0x80)
				si++; /* a character, not a byte */
		} else if (star != SIZE_MAX) {
			pi = star + 1;
			si = ++mark;
		} else {
			return false;
		}
	}
	while (pi < plen && p[pi] == '*')
		pi++;
	return pi == plen;
}

/* Components from left to right; `**` goes back at most as often as the path has
 * components, since the last `**` alone needs to be taken up again. */
static bool path_match(const char *p, const char *s)
{
	const char *back_p = NULL, *back_s = NULL;

	for (;;) {
		size_t plen = strcspn(p, "/"), slen = strcspn(s, "/");
		if (*p == '\0') /* "folder/": all below it */
			return true;
		if (plen == 2 && p[0] == '*' && p[1] == '*') {
			if (p[2] == '\0')
				return true;
			back_p = p = p + 3;
			back_s = s;
			continue;
		}
		bool same = component_match(p, plen, s, slen);
		if (same && p[plen] == '\0' && s[slen] == '\0')
			return true;
		/* The folder itself, as a file or link in its place, counts too. */
		if (same && p[plen] == '/' && p[plen + 1] == '\0')
			return true;
		if (same && p[plen] == '/' && s[slen] == '/') {
			p += plen + 1;
			s += slen + 1;
			continue;
		}
		if (!back_p || !strchr(back_s, '/'))
			return false;
		s = back_s = strchr(back_s, '/') + 1;
		p = back_p;
	}
}

/* Both sides folded: case, Unicode form and invisible characters do not matter. */
static bool folded_match(const char *pattern, const char *folded_path)
{
	CLEANUP(strbuf) struct strbuf p = STRBUF_INIT(4 * REPO_PATTERN_MAX);

	while (*pattern == '/')
		pattern++;
	fold_add(&p, pattern, strlen(pattern));
	return !strbuf_failed(&p) && *strbuf_str(&p) &&
	       path_match(strbuf_str(&p), folded_path);
}

bool repo_pattern_match(const char *pattern, const char *path)
{
	CLEANUP(strbuf) struct strbuf s = STRBUF_INIT(4 * LIMIT_PATH);

	fold_add(&s, path, strlen(path));
	return folded_match(pattern, strbuf_str(&s));
}

static int check_list(
	const char *what, const char *const *list, size_t n, struct err *err)
{
	if (n > REPO_PATTERNS_MAX)
		return err_set(err, ERR_INPUT,
			"%s has %zu patterns, at most %d are allowed", what, n,
			REPO_PATTERNS_MAX);
	for (size_t i = 0; i < n; i++) {
		const char *at = list[i];
		size_t len = strlen(at);
		if (len == 0 || len > REPO_PATTERN_MAX || !str_is_utf8(at, len))
			return err_set(err, ERR_INPUT,
				"%s: pattern %zu must be 1 to %d bytes of UTF-8", what,
				i + 1, REPO_PATTERN_MAX);
		for (; *at; at++)
			if ((unsigned char)*at < 0x20 || *at == 0x7f)
				return err_set(err, ERR_INPUT,
					"%s: pattern %zu holds a control character", what,
					i + 1);
	}
	return 0;
}

int repo_policy_check(const struct repo_policy *policy, struct err *err)
{
	if (!policy)
		return 0;
	if (check_list("protect", policy->protect, policy->nprotect, err) < 0)
		return -1;
	return check_list("allow", policy->allow, policy->nallow, err);
}

const char *repo_policy_protects(const struct repo_policy *policy, const char *path)
{
	CLEANUP(strbuf) struct strbuf folded = STRBUF_INIT(4 * LIMIT_PATH);
	const char *found = NULL;

	fold_add(&folded, path, strlen(path));
	const char *s = strbuf_str(&folded);
	for (size_t i = 0; !found && repo_policy_default[i]; i++)
		if (folded_match(repo_policy_default[i], s))
			found = repo_policy_default[i];
	for (size_t i = 0; policy && !found && i < policy->nprotect; i++)
		if (folded_match(policy->protect[i], s))
			found = policy->protect[i];
	for (size_t i = 0; policy && found && i < policy->nallow; i++)
		if (folded_match(policy->allow[i], s))
			return NULL;
	return found;
}
