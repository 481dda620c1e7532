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
 *	allow: {fix: maintain, ask: read, outsiders: [ask], bots: [49699333]}
 *	repair: {checks: true, conflicts: true, tries: 3}
 *	schedules: ...                 # see schedule_config.h
 *
 * The owner's defaults have the same form and lie beneath it: a key that both have is the
 * repository's, lists are replaced.
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
#define REPO_CONFIG_OPEN_PRS 10 /* when the file does not say */
#define REPO_CONFIG_BOTS_MAX 50

/* "" stands for "not said"; "nobody" switches a verb off. */
#define REPO_CONFIG_ROLES "|read|triage|write|maintain|admin|nobody"

/* The verbs that `allow` knows, in the order of its keys. */
enum repo_config_verb {
	REPO_CONFIG_FIX,
	REPO_CONFIG_ASK,
	REPO_CONFIG_PLAN,
	REPO_CONFIG_REVIEW,
	REPO_CONFIG_TEST,
	REPO_CONFIG_REBASE,
	REPO_CONFIG_UNDO,
	REPO_CONFIG_APPROVE, /* and reject */
	REPO_CONFIG_BUDGET,
	REPO_CONFIG_CANCEL,
	REPO_CONFIG_RETRY,
	REPO_CONFIG_DASHBOARD,
	REPO_CONFIG_STATUS,
	REPO_CONFIG_HELP,
	REPO_CONFIG_VERBS,
};

struct repo_config {
	bool present; /* false: there was no file */
	char *broken; /* NULL; else why the file cannot be read: see repo_config_lock() */
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
	int64_t open_prs;    /* most open pull requests of scheduled jobs; 0: no limit */
	struct config_schedules schedules;
	bool dashboard; /* the issue that lists them is wanted */

	/* Who may: a role's word ("none", "read", ..., "admin") for each verb */
	char *roles[REPO_CONFIG_VERBS]; /* see repo_config_role() */
	struct config_list outsiders;   /* read-only verbs for people without a role */
	struct config_list bots;        /* user ids in digits */

	/* A day's limits in this repository; 0: none */
	int64_t runs_per_person_day, runs_per_day;
	double cost_usd_per_person_day, cost_usd_per_day;

	bool repair_checks;    /* a failed check on our pull request */
	bool repair_conflicts; /* a conflict of ours with its base */
	int64_t repair_tries;  /* a head */

	bool check_run;   /* a check run on the head of the pull request */
	bool check_setup; /* the setup commands are run again before the checks */
};

void repo_config_release(struct repo_config *rc); /* zeroed is fine */
DEFINE_CLEANUP(repo_config, struct repo_config, repo_config_release(value))

/* Parses the file (text NULL: there is none) over the service's settings.  What the file
 * leaves out is the service's; limits above the service's are lowered to it.  A file of
 * another version, or one that names an image where the service allows none, is an
 * error. */
int repo_config_parse(struct repo_config *ret, const struct config *service,
	const char *text, size_t len, struct err *err);

/* A text and the name that its errors begin with; text NULL: there is none. */
struct repo_config_source {
	const char *name;
	const char *text;
	size_t len;
};
/* As above with the owner's defaults beneath. */
int repo_config_merge(struct repo_config *ret, const struct config *service,
	const struct repo_config_source *owner, const struct repo_config_source *own,
	struct err *err);

/* The role that a verb needs, as a word: "read", "write", ...; "nobody": nobody may.  A verb
 * that is unknown (or an unknown command) needs what help needs; one that the service does by
 * itself (repair, job) what fix needs. */
const char *repo_config_role(const struct repo_config *rc, const char *verb);
/* For rules that stand in for a file that cannot be read (`why`: its error): what it allowed is
 * not known and may have been less than the service allows, so every verb needs admin at least,
 * and neither outsiders nor bots may use any. */
void repo_config_lock(struct repo_config *rc, const char *why);
/* Whether people without a role may use it. */
bool repo_config_outsider_may(const struct repo_config *rc, const char *verb);
bool repo_config_bot_may(const struct repo_config *rc, int64_t user_id);

/* Where an error of the parser points to: "name:line:column: rest".  False: nowhere.  *ret_text
 * is what follows. */
bool repo_config_error_place(const char *text, const char *name, int *ret_line,
	int *ret_column, const char **ret_text);

/* Appends the JSON Schema of the file (draft 2020-12): what it refuses the parser refuses. */
void repo_config_schema(struct strbuf *out);

/* SHA-256 in hex over the setup commands and `image` (as it will be run: name or digest),
 * told apart by their lengths: the part of a prepared snapshot's key that changes when the
 * preparation would. */
void repo_config_setup_hash(
	const struct repo_config *rc, const char *image, char ret_hex[SHA256_HEX_SIZE]);

#endif
