/* SPDX-License-Identifier: MIT */
/*
 * What a repository says about itself: `.github/boxwright.yml` of its default branch.
 *
 *	version: 1
 *	runtime: node                  # or image: ghcr.io/me/ci@sha256:...
 *	setup: [npm ci]                # run once, its result is kept as a snapshot
 *	check: [npm test]              # run on the result, in a second box without network
 *	check_required: true
 *	agent: {harness: codex, model: gpt-5}
 *	limits: {minutes: 30, cost_usd: 2.5, files: 100}
 *	pr: {draft: true, labels: [bot], branch_prefix: boxwright/}
 *	protect: ["infra/", "*.lock"]
 *
 * The bytes come from people with write access at best, so they are hostile: size, depth,
 * counts and lengths are bounded, anchors and aliases are refused, an unknown key is an
 * error.  Errors are ERR_INPUT (or ERR_LIMIT) with line and column, in words that can be
 * shown to the person who wrote the file.  Pure and thread-safe.
 */
#ifndef SERVICE_CONFIG_REPO_CONFIG_H
#define SERVICE_CONFIG_REPO_CONFIG_H

#include "boxcore/base/crypto.h"
#include "service/config/config.h"

#define REPO_CONFIG_PATH ".github/boxwright.yml"

#define REPO_CONFIG_COMMANDS_MAX 50
#define REPO_CONFIG_COMMAND_SIZE 8192
#define REPO_CONFIG_PROTECT_MAX 200
#define REPO_CONFIG_LABELS_MAX 20

struct repo_config {
	bool present; /* false: there was no file */
	char *image;  /* never NULL: the file's, or the service's default */
	char *runtime; /* "node", "python", ...: then image is "boxwright/<runtime>"; NULL */
	struct config_list setup; /* shell commands, in order */
	struct config_list check;
	bool check_required;        /* a failed check: no pull request */
	struct config_list protect; /* globs of paths that a change may not touch */
	char *harness;              /* never NULL */
	char *model;                /* never NULL; "": the agent's own */
	struct config_list command; /* argv of the custom agent */
	int64_t minutes;
	double cost_usd; /* 0: no limit */
	int64_t files;
	bool draft;
	struct config_list labels;
	char *branch_prefix; /* never NULL */
};

void repo_config_release(struct repo_config *rc); /* zeroed is fine */
DEFINE_CLEANUP(repo_config, struct repo_config, repo_config_release(value))

/* Parses the file (text NULL: there is none) over the service's settings.  What the file
 * leaves out is the service's; limits above the service's are lowered to it.  A file of
 * another version, or one that names an image where the service allows none, is an
 * error. */
int repo_config_parse(struct repo_config *ret, const struct config *service,
	const char *text, size_t len, struct err *err);

/* SHA-256 in hex over the setup commands and `image` (as it will be run: name or digest),
 * told apart by their lengths: the part of a prepared snapshot's key that changes when the
 * preparation would. */
void repo_config_setup_hash(
	const struct repo_config *rc, const char *image, char ret_hex[SHA256_HEX_SIZE]);

#endif
