/* SPDX-License-Identifier: MIT */
/*
 * Git on the host: mirrors, packs to and from boxes, commits, pushes.
 *
 * A repository of GitHub has one bare mirror, <state>/mirrors/<numeric id>.git.  What a
 * box gets and what it gives back are packs; no `.git` of a box is ever opened here, no
 * work tree is ever checked out, no hook, filter or helper is ever run.
 *
 * Every verb runs in a child process of its own (worker.h): the service executes itself
 * with the verb "git-worker".  The child has limits on memory, CPU time, file size and
 * wall time, no descriptor and no environment of ours, and dies with us.  The request and
 * the token go in by a pipe.  So a hostile pack that crashes, hangs or blows up libgit2
 * is an error of one call (ERR_INTERNAL or ERR_LIMIT, naming the verb), and a cancel is a
 * SIGKILL: the call returns within milliseconds.  A killed child leaves a mirror that the
 * next call can use.
 *
 * All verbs block and may be called from any thread at the same time; calls that write
 * the same mirror wait for each other (flock), readers go side by side.
 *
 * Strings given are borrowed for the call.  Object names are 40 lower-case hex digits, in
 * buffers of REPO_OID_SIZE.  Errors: ERR_INPUT (malformed request, malformed or hostile
 * bytes), ERR_NOT_FOUND (no such mirror, commit, branch, file), ERR_DENIED (credential
 * refused; policy, ours or the server's), ERR_LIMIT, ERR_CONFLICT (lease), ERR_TRANSIENT
 * (network, a mirror found damaged: it is cloned anew by the next repo_mirror_update()),
 * ERR_CANCELLED, ERR_INTERNAL.
 */
#ifndef SERVICE_REPO_REPO_H
#define SERVICE_REPO_REPO_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/strbuf.h"
#include "service/repo/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPO_OID_SIZE 41

/* Of libgit2, as it runs: "1.5.1".  Thread-safe; writes at most size bytes. */
void repo_library_version(char *buf, size_t size);

/* No commit; as an expected old head: "the branch must not exist". */
#define REPO_OID_ZERO "0000000000000000000000000000000000000000"

struct repos;

struct repos_options {
	const char *state_dir; /* absolute; mirrors/ and git-tmp/ are made below it */
	const char *worker;    /* program to execute; NULL: /proc/self/exe */
	const char *ca_file;   /* PEM bundle for the forge; NULL: the system's */
	bool plain_http;    /* allow http:// to 127.0.0.1, [::1] and localhost (tests) */
	int64_t silence_ms; /* a server that says nothing; 0: 30 s */
	int64_t fetch_ms;   /* a whole mirror update; 0: 30 min */
	int64_t push_ms;    /* a push; 0: as any other verb */
	int64_t verb_ms;    /* any other verb; 0: 5 min */
	size_t fetch_bytes; /* of one answer of the forge; 0: LIMIT_REPO_FETCH */
	size_t memory;      /* address space of a child; 0: LIMIT_REPO_MEMORY */
};

/* Makes the folders, removes what an earlier process left in git-tmp/: one process at a
 * time owns a state folder.  Strings are copied. */
struct repos *repos_new(const struct repos_options *config, struct err *err);
void repos_free(struct repos *repos); /* after every call has returned */
DEFINE_CLEANUP(repos, struct repos *, repos_free(*value))

/* Where a repository lives. */
struct repo_remote {
	int64_t repo_id; /* GitHub's numeric id: survives renames */
	const char *url; /* https://github.com/o/r.git, without user or token */
	const struct secret *token; /* NULL or not set: anonymous */
};

/* ---- 1. the mirror ---- */

struct repo_mirror {
	char branch[256]; /* the branch asked for, or the remote's default branch */
	char commit[REPO_OID_SIZE];
	bool cloned;  /* the mirror was made, or made anew */
	bool changed; /* the branch stands elsewhere than in the mirror before */
	int64_t received_bytes;
	int64_t received_objects;
	int64_t mirror_bytes; /* all packs together */
	int packs;
};

/* Told at most five times a second, on the calling thread. `total` is 0 until known. */
typedef void (*repo_progress)(
	void *arg, int64_t bytes, int64_t objects, int64_t total_objects);

/*
 * Brings the mirror to the remote's state of one branch (NULL: the default branch; a full
 * name as "refs/pull/12/head" is taken as it is).  Cleans up after a killed call, clones
 * anew once when the mirror is damaged, and merges small packs when there are more than
 * LIMIT_REPO_PACKS.  ERR_NOT_FOUND: no such repository (404) or branch, or an empty one.
 * ERR_DENIED: 403.  ERR_TRANSIENT: also 401, and a redirect (never followed: a token must not
 * travel; the text names the new place's host), which a fresh token and a fresh URL may cure.
 * A mirror that was made anew (`cloned`) has lost commits of ours that were not pushed: what
 * needs one gets ERR_NOT_FOUND and imports again.
 */
int repo_mirror_update(struct repos *repos, const struct repo_remote *remote,
	const char *branch, repo_progress progress, void *progress_arg,
	struct repo_mirror *ret, struct cancel *cancel, struct err *err);

/* Removes the mirror: the App was uninstalled, or the disk is full.  The next update
 * clones again.  Commits that were made here and not pushed are gone. */
int repo_mirror_drop(
	struct repos *repos, int64_t repo_id, struct cancel *cancel, struct err *err);

/* Repositories whose mirror nobody wrote since before_s (repo_mirror_update() and all else that
 * makes objects): up to `max` of their ids, in no order. */
int repo_mirrors_idle(struct repos *repos, int64_t before_s, int64_t *ret_ids, size_t max,
	size_t *ret_count, struct err *err);

/* Where one ref of the remote stands (ls-remote); REPO_OID_ZERO when it does not exist.
 * `ref` is a full name, "refs/heads/main".  Needs no mirror. */
int repo_remote_ref(struct repos *repos, const struct repo_remote *remote,
	const char *ref, char ret_oid[REPO_OID_SIZE], struct cancel *cancel,
	struct err *err);

/* ---- 2. reading ---- */

/* Appends the file `path` of a commit (or tree).  Regular files only: a folder, symlink or
 * submodule is ERR_INPUT; larger than `max` is ERR_LIMIT; missing is ERR_NOT_FOUND. */
int repo_file_read(struct repos *repos, int64_t repo_id, const char *commit,
	const char *path, size_t max, struct strbuf *out, struct cancel *cancel,
	struct err *err);

/* Unified diff of two trees (or commits) for people: valid UTF-8, at most `max` bytes
 * (then a last line says how much is missing), binary files as one line. */
int repo_diff_text(struct repos *repos, int64_t repo_id, const char *from, const char *to,
	size_t max, struct strbuf *out, struct cancel *cancel, struct err *err);

/* ---- 3. into the box ---- */

struct repo_pack {
	int64_t objects; /* 0: `have` has all of it, the file is a valid empty pack */
	int64_t bytes;
	int64_t commits;
	char *shallow; /* "" or the content of .git/shallow, see below; free() */
};
void repo_pack_release(struct repo_pack *pack);
DEFINE_CLEANUP(repo_pack, struct repo_pack, repo_pack_release(value))

/*
 * Writes a pack of everything that `want` needs beyond `have` (NULL: the box is empty) to
 * `file`.  History is whole, since agents read it, unless more than `max_commits` (0:
 * LIMIT_REPO_HISTORY) lie between: then the newest ones are sent, and `shallow` names the
 * commits whose parents are missing.
 *
 * In the box, each an argv, no shell, `pack` on standard input where told:
 *
 *	git init -q DIR
 *	git -C DIR symbolic-ref HEAD refs/heads/BRANCH
 *	write pack.shallow to DIR/.git/shallow           (only if not "")
 *	git -C DIR index-pack --stdin --fix-thin < pack  (not if pack.objects is 0)
 *	git -C DIR update-ref refs/heads/BRANCH WANT
 *	git -C DIR reset -q --hard
 *
 * and for newer commits in a restored box: index-pack, update-ref, reset --hard (then
 * `clean -fdq` if the snapshot may have left files).  No remote is set: there is nothing
 * that the box could push to.
 */
int repo_pack(struct repos *repos, int64_t repo_id, const char *want, const char *have,
	const char *file, int64_t max_commits, struct repo_pack *ret,
	struct cancel *cancel, struct err *err);

/* ---- 4. out of the box ---- */

enum repo_status {
	REPO_ADDED,
	REPO_MODIFIED,
	REPO_DELETED,
	REPO_RENAMED,
	REPO_MODE, /* the executable bit alone, or file <-> symlink */
};
const char *repo_status_name(enum repo_status status); /* "added", ... */

struct repo_change {
	char *path;     /* valid UTF-8 */
	char *old_path; /* of a rename, else NULL */
	enum repo_status status;
	unsigned old_mode; /* 0100644, 0100755, 0120000; 0: was not there */
	unsigned new_mode;
	int64_t added; /* lines; 0 for a binary file */
	int64_t deleted;
	bool binary;
};

struct repo_result {
	char tree[REPO_OID_SIZE];
	bool no_change; /* the tree is the base's */
	struct repo_change *changes;
	size_t nchanges;
	int64_t added; /* lines, all files */
	int64_t deleted;
};
void repo_result_release(struct repo_result *result);
DEFINE_CLEANUP(repo_result, struct repo_result, repo_result_release(value))

/* What lies between two trees (or commits) of the mirror; ret->tree is `to`'s tree. */
int repo_compare(struct repos *repos, int64_t repo_id, const char *from, const char *to,
	struct repo_result *ret, struct cancel *cancel, struct err *err);

/*
 * Takes the objects of a box's work.  `pack_file` and `tree` are claims of the box:
 * hostile.  They go into a throw-away store first.  The claimed tree is walked against the
 * base commit's; every tree that differs is parsed strictly and rebuilt, and must come out
 * with the same name; every entry that differs is held against the rules of tree_rules.h
 * and the policy.  Only then do the objects move into the mirror.  The error names the
 * entry.  ERR_DENIED: a protected path.  ERR_INPUT: everything hostile or malformed.
 * ERR_LIMIT: LIMIT_RESULT_*.  Names that the base already has, unchanged, are not judged.
 *
 * In the box, each an argv, no shell, all in the folder DIR.  The agent's own index and
 * configuration are not trusted, so the environment of all is
 *
 *	GIT_DIR=DIR/.git GIT_WORK_TREE=DIR GIT_INDEX_FILE=/tmp/boxwright-index
 *	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1
 *	GIT_TERMINAL_PROMPT=0 GIT_NO_REPLACE_OBJECTS=1 LC_ALL=C
 *
 * and the arguments before the command ("...") are
 *
 *	git -c core.hooksPath=/dev/null -c core.fsmonitor=false
 *	    -c core.fileMode=true -c core.symlinks=true
 *	    -c core.sparseCheckout=false -c core.excludesFile=/dev/null
 *	    -c core.autocrlf=false -c core.safecrlf=false -c gc.auto=0
 *	    -c advice.addEmbeddedRepo=false
 *
 *	rm -f /tmp/boxwright-index
 *	... read-tree BASE_COMMIT
 *	... add -A -- .
 *	... write-tree                       out: TREE, 41 bytes
 *	... pack-objects --revs --stdout -q  in: "TREE\n^BASE_COMMIT\n", out: the pack
 *
 * Give each a deadline and cap the output at LIMIT_RESULT_PACK.  Whatever a hostile box
 * does instead only changes the bytes that are checked here.  An agent that cloned
 * something inside the work tree makes a submodule entry, which is refused by name.
 */
int repo_import(struct repos *repos, int64_t repo_id, const char *base_commit,
	const char *pack_file, const char *tree, const struct repo_policy *policy,
	struct repo_result *ret, struct cancel *cancel, struct err *err);

/* ---- 5. the commit ---- */

struct repo_trailer {
	const char *key;   /* "Co-authored-by" */
	const char *value; /* "Octo Cat <1+octocat@users.noreply.github.com>", one line */
};

struct repo_commit {
	int64_t repo_id;
	const char *task;  /* names refs/boxwright/<task>: [A-Za-z0-9_-], at most 64 */
	const char *base;  /* the parent */
	const char *merge; /* a second parent; NULL: none */
	const char *tree;  /* from repo_import() */
	const char *author_name; /* also the committer */
	const char *author_email;
	int64_t time_s;      /* Unix; written as +0000 */
	const char *message; /* UTF-8; trailing space is cut */
	const struct repo_trailer *trailers;
	size_t ntrailers;
};

/* Same input, same commit: a replay after a crash makes the same object again. */
int repo_commit(struct repos *repos, const struct repo_commit *commit,
	char ret_oid[REPO_OID_SIZE], struct cancel *cancel, struct err *err);

/* ---- 6. a change on another base ---- */

struct repo_replay {
	int64_t repo_id;
	const char *onto; /* commit: the new base */
	const char
		*change; /* commit: what lies between it and the merge base is merged */
	const char *own_email; /* whose commits are ours; NULL: nobody's are */
};

struct repo_replayed {
	char base[REPO_OID_SIZE]; /* the merge base */
	char tree[REPO_OID_SIZE]; /* the merged one; files in conflict hold markers */
	bool up_to_date;          /* `onto` is in the change already */
	bool empty;               /* nothing of the change is left: tree is onto's */
	bool clean;               /* no conflict */
	int64_t nconflicts;
	char *conflicts; /* "path: what", a line each, the first LIMIT_REPLAY_SHOWN; free() */
	int64_t commits; /* of the change */
	/* The first commit of the change whose author or committer has another address; "" */
	char person_commit[REPO_OID_SIZE];
	char *person; /* its author's name, cleaned; free() */
};
void repo_replayed_release(struct repo_replayed *replayed);
DEFINE_CLEANUP(repo_replayed, struct repo_replayed, repo_replayed_release(value))

/*
 * Merges a change with a new base, three ways, into a tree of the mirror; no work tree, no
 * driver or filter of the repository's.  Files that conflict hold both sides between markers;
 * where that makes no sense (binary files, links, submodules, deleted on one side) the
 * change's version stands, or the one that there is.  ERR_NOT_FOUND when the two have no
 * common commit.
 */
int repo_replay(struct repos *repos, const struct repo_replay *replay,
	struct repo_replayed *ret, struct cancel *cancel, struct err *err);

/* ---- 7. the push ---- */

struct repo_push {
	const struct repo_remote *remote;
	const char *commit; /* of the mirror; REPO_OID_ZERO: the branch goes */
	const char *branch; /* "boxwright/issue-12-..." without refs/heads/ */
	const char *
		expected; /* where the branch must stand; REPO_OID_ZERO: must not exist */
};

struct repo_pushed {
	bool already;              /* the branch stood at our commit before */
	char found[REPO_OID_SIZE]; /* where the branch stood; also set with ERR_CONFLICT
				    */
};

/*
 * Force with lease: the branch moves only from `expected`, compared here and again by the
 * server.  ERR_CONFLICT: it stands elsewhere, nothing was changed.  ERR_DENIED: the
 * server refused (push protection, workflow permission, protected branch, 401, 403): its
 * cleaned words are the text; asking again is useless.  ERR_TRANSIENT: outcome unknown or
 * nothing happened; ask again with the same arguments, it is then found as `already`.
 */
int repo_push(struct repos *repos, const struct repo_push *push, struct repo_pushed *ret,
	struct cancel *cancel, struct err *err);

#endif
