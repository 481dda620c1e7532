/* SPDX-License-Identifier: MIT */
/* Verb: a change merged with another base into a tree; conflicts become marked files. */
#include "service/repo/git.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <string.h>

DEFINE_CLEANUP(git_index, git_index *, git_index_free(*value))
DEFINE_CLEANUP(git_index_conflict_iterator, git_index_conflict_iterator *,
	git_index_conflict_iterator_free(*value))
DEFINE_CLEANUP(
	git_merge_file_result, git_merge_file_result, git_merge_file_result_free(value))

/* One side of a conflict, copied out of the index. */
struct side {
	char *path; /* NULL: the file is not there on this side */
	git_index_entry entry;
};

struct conflict {
	struct side base, ours, theirs;
};

struct merging {
	struct mirror mirror;
	git_index *index;
	struct conflict *conflicts;
	size_t count;
	struct strbuf told;
};

static void merging_release(struct merging *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->conflicts[i].base.path);
		free(m->conflicts[i].ours.path);
		free(m->conflicts[i].theirs.path);
	}
	free(m->conflicts);
	strbuf_release(&m->told);
	git_index_free(m->index);
	mirror_close(&m->mirror);
}
DEFINE_CLEANUP(merging, struct merging, merging_release(value))

/* ---- whose commits --------------------------------------------------------------------- */

static bool is_ours(const git_commit *commit, const char *email)
{
	return email && str_eq(git_commit_author(commit)->email, email) &&
	       str_eq(git_commit_committer(commit)->email, email);
}

static void note_person(struct job *job, const git_commit *commit)
{
	char hex[GIT_OID_HEXSZ + 1];
	CLEANUP(strbuf) struct strbuf name = STRBUF_INIT(LIMIT_KIB * 4);
	const char *author = git_commit_author(commit)->name;

	str_clean_utf8(&name, author, str_utf8_cut(author, strnlen(author, 100)), false);
	json_put(job->result, "person_commit",
		json_str(git_oid_tostr(hex, sizeof hex, git_commit_id(commit))));
	json_put(job->result, "person", json_text(strbuf_str(&name), name.len));
}

/* Of the commits that `onto` does not have; too many to look at are taken for a person's. */
static int look_at_commits(struct job *job, struct merging *m, const git_oid *onto,
	const git_oid *change, struct err *err)
{
	CLEANUP(git_revwalk) git_revwalk *walk = NULL;
	const char *email = json_or_string(job->request, "own_email", NULL);
	int64_t count = 0;
	bool person = false;
	git_oid oid;
	int rc = git_revwalk_new(&walk, m->mirror.repo);

	if (rc == 0)
		rc = git_revwalk_push(walk, change);
	if (rc == 0)
		rc = git_revwalk_hide(walk, onto);
	while (rc == 0 && (rc = git_revwalk_next(&oid, walk)) == 0) {
		CLEANUP(git_commit) git_commit *commit = NULL;

		if (mirror_commit(&m->mirror, &oid, &commit, err) < 0)
			return -1;
		count++;
		if (!person &&
			(!is_ours(commit, email) || count > LIMIT_REPLAY_COMMITS)) {
			note_person(job, commit);
			person = true;
		}
		if (count > LIMIT_REPLAY_COMMITS)
			break;
	}
	if (rc < 0 && rc != GIT_ITEROVER)
		return mirror_fail(&m->mirror, err, rc, "walk the history");
	json_put(job->result, "commits", json_integer(count));
	return 0;
}

/* ---- conflicts ------------------------------------------------------------------------- */

static void copy_side(struct side *side, const git_index_entry *entry)
{
	if (!entry)
		return;
	side->path = mem_strdup(entry->path);
	side->entry = (git_index_entry){
		.mode = entry->mode, .id = entry->id, .path = side->path};
}

static int gather_conflicts(struct merging *m, struct err *err)
{
	CLEANUP(git_index_conflict_iterator) git_index_conflict_iterator *each = NULL;
	const git_index_entry *base, *ours, *theirs;
	size_t room = 0;
	int rc = git_index_conflict_iterator_new(&each, m->index);

	while (rc == 0 &&
		(rc = git_index_conflict_next(&base, &ours, &theirs, each)) == 0) {
		if (m->count == LIMIT_RESULT_FILES)
			return err_set(err, ERR_LIMIT,
				"more than %d files are in conflict", LIMIT_RESULT_FILES);
		if (m->count == room) {
			room = room ? room * 2 : 16;
			m->conflicts = mem_grow(m->conflicts, room, sizeof *m->conflicts);
		}
		struct conflict *c = &m->conflicts[m->count++];
		*c = (struct conflict){0};
		copy_side(&c->base, base);
		copy_side(&c->ours, ours);
		copy_side(&c->theirs, theirs);
	}
	return rc == GIT_ITEROVER ? 0 : git_fail(err, rc, "read the conflicts");
}

static bool is_regular(const struct side *side)
{
	return side->path && (side->entry.mode & 0170000) == 0100000;
}

/* A line for people and agents: a path may hold anything. */
static void tell(struct merging *m, size_t index, const char *path, const char *what)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_PATH * 4);

	if (index >= LIMIT_REPLAY_SHOWN)
		return;
	str_clean_utf8(&clean, path, strnlen(path, LIMIT_PATH), false);
	for (size_t i = 0; i < clean.len; i++)
		if (clean.data[i] == '\n' || clean.data[i] == '\t')
			clean.data[i] = '?';
	strbuf_addf(&m->told, "%s: %s\n", strbuf_str(&clean), what);
}

/* A file where the other side has a folder of that name, or the other way round. */
static bool is_in_the_way(struct merging *m, const char *path)
{
	CLEANUP(mem) char *below = mem_printf("%s/", path);
	CLEANUP(mem) char *above = mem_strdup(path);
	size_t at;

	if (git_index_find_prefix(&at, m->index, below) == 0)
		return true;
	for (char *slash = strrchr(above, '/'); slash; slash = strrchr(above, '/')) {
		*slash = '\0';
		if (git_index_get_bypath(m->index, above, 0))
			return true;
	}
	return false;
}

static int put_entry(struct merging *m, git_index_entry entry, struct err *err)
{
	CLEANUP(mem) char *aside = NULL;

	if (is_in_the_way(m, entry.path)) {
		aside = mem_printf("%s.conflict", entry.path);
		for (char *c = aside; *c; c++)
			if (*c == '/')
				*c = '_';
		entry.path = aside;
	}
	int rc = git_index_add(m->index, &entry);
	return rc < 0 ? git_fail(err, rc, "merge %.200s", entry.path) : 0;
}

/* Both sides between markers.  1: done; 0: the file is none of lines. */
static int put_marked(struct merging *m, const struct conflict *c, struct err *err)
{
	CLEANUP(git_merge_file_result) git_merge_file_result merged = {0};
	git_merge_file_options options = {.version = GIT_MERGE_FILE_OPTIONS_VERSION};
	git_index_entry entry = c->theirs.entry;

	options.ancestor_label = "before both";
	options.our_label = "the new base";
	options.their_label = "this pull request";
	int rc = git_merge_file_from_index(&merged, m->mirror.repo,
		is_regular(&c->base) ? &c->base.entry : NULL, &c->ours.entry,
		&c->theirs.entry, &options);
	if (rc < 0)
		return mirror_fail(&m->mirror, err, rc, "merge %.200s", c->theirs.path);
	if (!merged.ptr)
		return 0;
	rc = git_blob_create_from_buffer(
		&entry.id, m->mirror.repo, merged.ptr, merged.len);
	if (rc < 0)
		return git_fail(err, rc, "write %.200s", c->theirs.path);
	if (merged.mode)
		entry.mode = merged.mode;
	return put_entry(m, entry, err) < 0 ? -1 : 1;
}

static const char *what_of(const struct conflict *c)
{
	if (!c->ours.path && !c->theirs.path)
		return "renamed in two ways";
	if (!c->ours.path)
		return c->base.path ? "deleted in the new base, changed in this pull "
				      "request; it is kept"
				    : "moved by one of both; it is kept";
	if (!c->theirs.path)
		return c->base.path ? "changed in the new base, deleted in this pull "
				      "request; it is kept"
				    : "moved by one of both; it is kept";
	return "no text on both sides; the version of this pull request is there";
}

static int settle(struct merging *m, size_t index, struct err *err)
{
	const struct conflict *c = &m->conflicts[index];
	const struct side *shown = c->theirs.path ? &c->theirs
				   : c->ours.path ? &c->ours
						  : &c->base;
	bool same =
		c->ours.path && c->theirs.path && str_eq(c->ours.path, c->theirs.path);
	int done = 0;

	if (same && is_regular(&c->ours) && is_regular(&c->theirs))
		done = put_marked(m, c, err);
	if (done > 0)
		tell(m, index, shown->path,
			c->base.path ? "changed on both sides" : "added on both sides");
	if (done != 0)
		return done < 0 ? -1 : 0;
	tell(m, index, shown->path, what_of(c));
	if (c->theirs.path && put_entry(m, c->theirs.entry, err) < 0)
		return -1;
	return c->ours.path && !same ? put_entry(m, c->ours.entry, err) : 0;
}

static int settle_all(struct merging *m, struct err *err)
{
	int rc = git_index_conflict_cleanup(m->index);

	if (rc < 0)
		return git_fail(err, rc, "leave the conflicts");
	for (size_t i = 0; i < m->count; i++)
		if (settle(m, i, err) < 0)
			return -1;
	return 0;
}

/* ---- the merge ------------------------------------------------------------------------- */

static int merge(struct merging *m, git_commit *onto, git_commit *change, git_oid *ret,
	struct err *err)
{
	git_merge_options options = {.version = GIT_MERGE_OPTIONS_VERSION};

	options.flags = GIT_MERGE_FIND_RENAMES | GIT_MERGE_SKIP_REUC;
	int rc = git_merge_commits(&m->index, m->mirror.repo, onto, change, &options);
	if (rc < 0)
		return mirror_fail(&m->mirror, err, rc, "merge");
	if (git_index_has_conflicts(m->index) &&
		(gather_conflicts(m, err) < 0 || settle_all(m, err) < 0))
		return -1;
	rc = git_index_write_tree_to(ret, m->index, m->mirror.repo);
	return rc < 0 ? git_fail(err, rc, "write the merged tree") : 0;
}

int job_replay(struct job *job, struct err *err)
{
	CLEANUP(merging)
	struct merging m = {.mirror = MIRROR_NONE, .told = STRBUF_INIT(2 * LIMIT_MIB)};
	CLEANUP(git_commit) git_commit *onto = NULL;
	CLEANUP(git_commit) git_commit *change = NULL;
	char hex[GIT_OID_HEXSZ + 1];
	git_oid onto_oid, change_oid, base, tree;

	if (job_oid(job, "onto", &onto_oid, err) < 0 ||
		job_oid(job, "change", &change_oid, err) < 0 ||
		mirror_open(job, MIRROR_WRITE, &m.mirror, err) < 0 ||
		mirror_commit(&m.mirror, &onto_oid, &onto, err) < 0 ||
		mirror_commit(&m.mirror, &change_oid, &change, err) < 0)
		return -1;
	int rc = git_merge_base(&base, m.mirror.repo, &onto_oid, &change_oid);
	if (rc == GIT_ENOTFOUND)
		return err_set(err, ERR_NOT_FOUND,
			"the change and the new base have no commit in common");
	if (rc < 0)
		return mirror_fail(&m.mirror, err, rc, "find the common commit");
	if (look_at_commits(job, &m, &onto_oid, &change_oid, err) < 0 ||
		merge(&m, onto, change, &tree, err) < 0)
		return -1;
	json_put(job->result, "base", json_str(git_oid_tostr(hex, sizeof hex, &base)));
	json_put(job->result, "tree", json_str(git_oid_tostr(hex, sizeof hex, &tree)));
	json_put(
		job->result, "up_to_date", json_boolean(git_oid_equal(&base, &onto_oid)));
	json_put(job->result, "empty",
		json_boolean(git_oid_equal(&tree, git_commit_tree_id(onto))));
	json_put(job->result, "nconflicts", json_integer((json_int_t)m.count));
	json_put(job->result, "conflicts", json_text(strbuf_str(&m.told), m.told.len));
	return 0;
}
