/* SPDX-License-Identifier: MIT */
/* Verb: objects out of a box, checked, into the mirror. */
#include "service/repo/diff.h"
#include "service/repo/git.h"
#include "service/repo/oid_set.h"
#include "service/repo/tree_check.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <git2/sys/odb_backend.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PACK_HEAD 12 /* "PACK", version, number of objects */

struct import {
	struct job *job;
	struct mirror mirror;
	git_odb *known;       /* the mirror's objects alone */
	git_repository *repo; /* throw-away; the mirror is its alternate */
	git_odb *odb;
	struct oid_set fresh; /* what the result needs and the mirror lacks */
	git_packbuilder *builder;
};

static void import_release(struct import *m)
{
	git_packbuilder_free(m->builder);
	oid_set_release(&m->fresh);
	git_odb_free(m->odb);
	git_repository_free(m->repo);
	git_odb_free(m->known);
	mirror_close(&m->mirror);
}
DEFINE_CLEANUP(import, struct import, import_release(value))

/* ---- the throw-away store ---- */

static int open_store(struct import *m, struct err *err)
{
	const char *folder = json_need_string(m->job->request, "tmp", err);
	CLEANUP(mem) char *objects = mem_printf("%s/objects", m->mirror.path);
	git_repository_init_options options;
	int rc;

	if (!folder)
		return -1;
	git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR;
	options.mode = 0700;
	rc = git_repository_init_ext(&m->repo, folder, &options);
	if (rc == 0)
		rc = git_configure(m->repo);
	if (rc == 0)
		rc = git_repository_odb(&m->odb, m->repo);
	if (rc == 0)
		rc = git_odb_add_disk_alternate(m->odb, objects);
	if (rc < 0)
		return git_fail(err, rc, "make a throw-away store");
	rc = git_repository_odb(&m->known, m->mirror.repo);
	return rc < 0 ? mirror_fail(&m->mirror, err, rc, "open the mirror's objects") : 0;
}

/* The head of the pack, before libgit2 reserves memory for what it announces. */
static int check_head(int fd, uint32_t *ret_objects, struct err *err)
{
	uint8_t head[PACK_HEAD];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "look at the pack");
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "the pack is not a regular file");
	if ((uint64_t)st.st_size > LIMIT_RESULT_PACK)
		return err_set(err, ERR_LIMIT,
			"the pack has %lld bytes, at most %lu are taken",
			(long long)st.st_size, LIMIT_RESULT_PACK);
	if (pread(fd, head, sizeof head, 0) != sizeof head ||
		memcmp(head, "PACK", 4) != 0)
		return err_set(err, ERR_INPUT, "the box did not send a pack");
	if (memcmp(head + 4, "\0\0\0\2", 4) != 0)
		return err_set(err, ERR_INPUT, "the pack is not of version 2");
	*ret_objects = (uint32_t)head[8] << 24 | (uint32_t)head[9] << 16 |
		       (uint32_t)head[10] << 8 | head[11];
	if (*ret_objects > LIMIT_RESULT_OBJECTS)
		return err_set(err, ERR_LIMIT,
			"the pack holds %u objects, at most %d are taken", *ret_objects,
			LIMIT_RESULT_OBJECTS);
	return 0;
}

static int feed_pack(int fd, git_odb_writepack *writer, struct err *err)
{
	git_indexer_progress stats = {0};
	char chunk[65536];
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "read the pack");
		rc = writer->append(writer, chunk, (size_t)n, &stats);
	}
	if (rc == 0)
		rc = writer->commit(writer, &stats);
	if (rc < 0) {
		git_fail(err, rc, "the pack from the box");
		if (err->kind != ERR_LIMIT)
			err->kind = ERR_INPUT;
		return -1;
	}
	return 0;
}

static int take_pack(struct import *m, struct err *err)
{
	const char *file = json_need_string(m->job->request, "file", err);
	CLEANUP(fd) int fd = -1;
	git_odb_writepack *writer = NULL;
	uint32_t objects;

	if (!file)
		return -1;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, errno, "open %s", file);
	if (check_head(fd, &objects, err) < 0)
		return -1;
	if (objects == 0)
		return 0;
	int rc = git_odb_write_pack(&writer, m->odb, NULL, NULL);
	if (rc < 0)
		return git_fail(err, rc, "take in the pack");
	rc = feed_pack(fd, writer, err);
	writer->free(writer);
	if (rc < 0)
		return -1;
	rc = git_odb_refresh(m->odb);
	return rc < 0 ? git_fail(err, rc, "take in the pack") : 0;
}

/* ---- the source of tree_check() ---- */

static void name_of(const uint8_t *raw, git_oid *ret, char hex[GIT_OID_HEXSZ + 1])
{
	git_oid_fromraw(ret, raw);
	git_oid_tostr(hex, GIT_OID_HEXSZ + 1, ret);
}

/* An object that cannot be read: ours if the mirror has it, else the box's fault. */
static int unreadable(struct import *m, const git_oid *oid, int rc, struct err *err)
{
	char hex[GIT_OID_HEXSZ + 1];

	git_oid_tostr(hex, sizeof hex, oid);
	if (rc == GIT_ENOTFOUND)
		return err_set(err, ERR_INPUT, "object %s is missing in the pack", hex);
	if (git_odb_exists(m->known, oid))
		return mirror_fail(&m->mirror, err, rc, "object %s", hex);
	git_fail(err, rc, "object %s", hex);
	if (err->kind != ERR_LIMIT)
		err->kind = ERR_INPUT;
	return -1;
}

static int read_object(struct import *m, const uint8_t *raw, git_object_t want,
	struct strbuf *ret, struct err *err)
{
	CLEANUP(git_odb_object) git_odb_object *object = NULL;
	char hex[GIT_OID_HEXSZ + 1];
	git_oid oid;
	size_t size;
	git_object_t type;

	name_of(raw, &oid, hex);
	int rc = git_odb_read_header(&size, &type, m->odb, &oid);
	if (rc < 0)
		return unreadable(m, &oid, rc, err);
	if (type != want)
		return err_set(err, ERR_INPUT, "object %s is a %s, not a %s", hex,
			git_object_type2string(type), git_object_type2string(want));
	if (size > ret->max)
		return err_set(err, ERR_LIMIT, "object %s has %zu bytes, more than %zu",
			hex, size, ret->max);
	rc = git_odb_read(&object, m->odb, &oid);
	if (rc < 0)
		return unreadable(m, &oid, rc, err);
	strbuf_add(ret, git_odb_object_data(object), git_odb_object_size(object));
	return 0;
}

static int source_tree(void *arg, const uint8_t *oid, struct strbuf *ret, struct err *err)
{
	return read_object(arg, oid, GIT_OBJECT_TREE, ret, err);
}

static int source_blob(void *arg, const uint8_t *oid, struct strbuf *ret, struct err *err)
{
	return read_object(arg, oid, GIT_OBJECT_BLOB, ret, err);
}

static int source_blob_size(void *arg, const uint8_t *raw, int64_t *ret, struct err *err)
{
	struct import *m = arg;
	char hex[GIT_OID_HEXSZ + 1];
	git_oid oid;
	size_t size;
	git_object_t type;

	name_of(raw, &oid, hex);
	int rc = git_odb_read_header(&size, &type, m->odb, &oid);
	if (rc < 0)
		return unreadable(m, &oid, rc, err);
	if (type != GIT_OBJECT_BLOB)
		return err_set(err, ERR_INPUT, "object %s is no blob", hex);
	*ret = (int64_t)size;
	return 0;
}

/* Builds the tree again with libgit2, which has rules of its own about names and order, and
 * demands the same name. */
static int source_rebuild(
	void *arg, const uint8_t *raw, const struct tree_list *list, struct err *err)
{
	struct import *m = arg;
	CLEANUP(git_treebuilder) git_treebuilder *builder = NULL;
	char hex[GIT_OID_HEXSZ + 1], shown[TREE_SHOWN_SIZE];
	git_oid claimed, built;
	int rc = git_treebuilder_new(&builder, m->repo, NULL);

	name_of(raw, &claimed, hex);
	for (size_t i = 0; rc == 0 && i < list->n; i++) {
		const struct tree_entry *e = &list->entries[i];
		CLEANUP(mem) char *name = mem_strndup(e->name, e->name_len);
		git_oid oid;
		git_oid_fromraw(&oid, e->oid);
		rc = git_treebuilder_insert(
			NULL, builder, name, &oid, (git_filemode_t)e->mode);
		if (rc < 0) {
			git_fail(err, rc, "\"%s\" is refused by git",
				tree_show(e->name, e->name_len, shown));
			err->kind = ERR_INPUT;
			return -1;
		}
	}
	if (rc == 0)
		rc = git_treebuilder_write(&built, builder);
	if (rc < 0)
		return git_fail(err, rc, "build tree %s again", hex);
	if (!git_oid_equal(&built, &claimed))
		return err_set(
			err, ERR_INPUT, "tree %s is not what git would write", hex);
	return 0;
}

static int source_take(void *arg, const uint8_t *raw, struct err *err)
{
	struct import *m = arg;
	git_oid oid;

	(void)err;
	git_oid_fromraw(&oid, raw);
	if (!git_odb_exists(m->known, &oid))
		oid_set_add(&m->fresh, &oid);
	return 0;
}

/* ---- policy from the request ---- */

struct patterns {
	const char **list;
	size_t n;
};

static struct patterns read_patterns(const json_t *array)
{
	struct patterns p = {0};
	size_t n = json_array_size(array);

	p.list = mem_array(n + 1, sizeof *p.list);
	for (size_t i = 0; i < n; i++)
		if (json_is_string(json_array_get(array, i)))
			p.list[p.n++] = json_string_value(json_array_get(array, i));
	return p;
}

static int check(
	struct import *m, const git_oid *base, const git_oid *tree, struct err *err)
{
	struct patterns protect = read_patterns(json_at(m->job->request, "protect"));
	struct patterns allow = read_patterns(json_at(m->job->request, "allow"));
	struct repo_policy policy = {
		.protect = protect.list,
		.nprotect = protect.n,
		.allow = allow.list,
		.nallow = allow.n,
	};
	struct tree_source source = {
		.arg = m,
		.tree = source_tree,
		.blob = source_blob,
		.blob_size = source_blob_size,
		.rebuild = source_rebuild,
		.take = source_take,
	};
	struct tree_totals totals;
	int rc = tree_check(&source, base->id, tree->id, &policy, &totals, err);

	free(protect.list);
	free(allow.list);
	return rc;
}

/* ---- into the mirror ---- */

static int move_objects(struct import *m, struct err *err)
{
	CLEANUP(mem) char *folder = mem_printf("%s/objects/pack", m->mirror.path);
	int rc;

	if (m->fresh.used == 0)
		return 0;
	rc = git_packbuilder_new(&m->builder, m->repo);
	if (rc == 0)
		git_packbuilder_set_threads(m->builder, 0);
	for (size_t i = 0; rc == 0 && i < m->fresh.size; i++)
		if (!git_oid_is_zero(&m->fresh.slots[i]))
			rc = git_packbuilder_insert(m->builder, &m->fresh.slots[i], NULL);
	if (rc == 0)
		rc = git_packbuilder_write(m->builder, folder, 0, NULL, NULL);
	return rc < 0 ? git_fail(err, rc, "store the result") : 0;
}

static int list_changes(
	struct import *m, git_tree *base, const git_oid *tree_oid, struct err *err)
{
	CLEANUP(git_tree) git_tree *tree = NULL;
	CLEANUP(git_diff) git_diff *diff = NULL;
	int rc = git_tree_lookup(&tree, m->repo, tree_oid);

	if (rc == 0)
		rc = diff_trees(&diff, m->repo, base, tree);
	if (rc == 0)
		rc = diff_changes(m->job->result, diff);
	return rc < 0 ? git_fail(err, rc, "compare the result with its base") : 0;
}

static int import(
	struct import *m, const git_oid *base, const git_oid *tree, struct err *err)
{
	CLEANUP(git_commit) git_commit *commit = NULL;
	CLEANUP(git_tree) git_tree *base_tree = NULL;

	if (mirror_commit(&m->mirror, base, &commit, err) < 0)
		return -1;
	int rc = git_commit_tree(&base_tree, commit);
	if (rc < 0)
		return mirror_fail(&m->mirror, err, rc, "the base's tree");
	bool same = git_oid_equal(git_tree_id(base_tree), tree);
	json_put(m->job->result, "no_change", json_boolean(same));
	if (same)
		return 0;
	if (open_store(m, err) < 0 || take_pack(m, err) < 0 ||
		check(m, git_tree_id(base_tree), tree, err) < 0 ||
		list_changes(m, base_tree, tree, err) < 0)
		return -1;
	return move_objects(m, err);
}

int job_import(struct job *job, struct err *err)
{
	CLEANUP(import) struct import m = {.job = job, .mirror = MIRROR_NONE};
	git_oid base, tree;

	/* A delta may promise any size; nothing larger than a file's limit is unpacked. */
	if (git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)LIMIT_RESULT_OBJECTS) <
		0)
		return git_fail(err, -1, "set up libgit2");
	if (job_oid(job, "base", &base, err) < 0 ||
		job_oid(job, "tree", &tree, err) < 0 ||
		mirror_open(job, MIRROR_READ, &m.mirror, err) < 0)
		return -1;
	return import(&m, &base, &tree, err);
}
