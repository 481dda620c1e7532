/* SPDX-License-Identifier: MIT */
/*
 * A small world for tests of service/repo: a forge with one repository, a seed to commit
 * from, the repos under test, and a box that is only a folder.
 *
 * The test program is its own git child: its main() is WORLD_MAIN.
 */
#ifndef TESTS_LIB_REPO_WORLD_H
#define TESTS_LIB_REPO_WORLD_H

#include "tests/lib/git_server.h"
#include "tests/lib/git_tool.h"

#include "service/repo/repo.h"

#define WORLD_TOKEN "ghs_worldtoken0123456789"
#define WORLD_ID 4711

struct world {
	char dir[64];
	char *root;  /* of the forge: holds r.git */
	char *bare;  /* <root>/r.git */
	char *seed;  /* a work tree whose origin is r.git (by path) */
	char *state; /* of the repos */
	char *box;   /* a work tree made from packs alone */
	char *url;
	char base[REPO_OID_SIZE]; /* the first commit */
	struct git_server *server;
	struct repos *repos;
	struct secret token;
	struct repo_remote remote;
};

/* `tweak` may change the options before repos_new(). */
void world_start(struct world *w, void (*tweak)(struct repos_options *options));
void world_stop(struct world *w);

/* Commits all of the seed and pushes it by path; ret may be NULL. */
void world_commit(struct world *w, const char *message, char ret[REPO_OID_SIZE]);

/* Mirror up to date; ends the test when it fails. */
void world_update(struct world *w, struct repo_mirror *ret);

/* Makes the box from a pack of `commit`, with the sequence of repo.h. */
void world_box(struct world *w, const char *commit);

/* What a box does at the end: *ret_pack is a file in the world's folder. */
void world_collect(struct world *w, const char *folder, const char *base,
	char ret_tree[REPO_OID_SIZE], char **ret_pack);

/* For main(): the child's verb goes to the child. */
int world_main(int argc, char **argv, int (*tests)(void));
#define WORLD_MAIN(run)                                                                  \
	int main(int argc, char **argv)                                                  \
	{                                                                                \
		return world_main(argc, argv, run);                                      \
	}

#endif
