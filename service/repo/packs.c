/* SPDX-License-Identifier: MIT */
/* Care for the packs of a mirror. */
#include "service/repo/packs.h"

#include "service/repo/git.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define TRAILER 20 /* SHA-1 at the end of a pack; an index ends with that and its own */

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
DEFINE_CLEANUP(dir, DIR *, close_dir(value))

static bool is_pack(const char *name)
{
	return str_starts(name, "pack-") && str_ends(name, ".pack");
}

/* pack-<40 hex>.pack and .idx are whole: they are renamed into place. */
static bool is_finished(const char *name)
{
	return str_starts(name, "pack-") &&
	       (str_ends(name, ".pack") || str_ends(name, ".idx") ||
		       str_ends(name, ".keep"));
}

static char *index_of(const char *folder, const char *pack)
{
	return mem_printf("%s/%.*s.idx", folder, (int)strlen(pack) - 5, pack);
}

int packs_measure(const char *mirror, int *ret_packs, int64_t *ret_bytes, struct err *err)
{
	CLEANUP(mem) char *folder = mem_printf("%s/objects/pack", mirror);
	CLEANUP(dir) DIR *dir = opendir(folder);
	struct stat st;

	*ret_packs = 0;
	*ret_bytes = 0;
	if (!dir)
		return err_errno(err, errno, "open %s", folder);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st, 0) < 0)
			continue;
		*ret_bytes += st.st_size;
		*ret_packs += is_pack(e->d_name);
	}
	return 0;
}

int packs_clean(const char *mirror, struct err *err)
{
	CLEANUP(mem) char *folder = mem_printf("%s/objects/pack", mirror);
	CLEANUP(dir) DIR *dir = opendir(folder);

	if (!dir)
		return err_errno(err, errno, "open %s", folder);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		CLEANUP(mem) char *index = NULL;
		if (e->d_name[0] == '.')
			continue;
		if (is_pack(e->d_name))
			index = index_of(folder, e->d_name);
		/* A pack without an index is invisible to git: killed between two renames. */
		if (is_finished(e->d_name) && (!index || access(index, F_OK) == 0))
			continue;
		if (unlinkat(dirfd(dir), e->d_name, 0) < 0)
			return err_errno(err, errno, "remove %s/%s", folder, e->d_name);
	}
	return 0;
}

static int read_at_end(
	const char *path, off_t before, uint8_t ret[TRAILER], struct err *err)
{
	CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open %s", path);
	if (st.st_size < before ||
		pread(fd, ret, TRAILER, st.st_size - before) != TRAILER)
		return err_set(err, ERR_INTERNAL, "%s is cut", path);
	return 0;
}

int packs_check(const char *mirror, struct err *err)
{
	CLEANUP(mem) char *folder = mem_printf("%s/objects/pack", mirror);
	CLEANUP(dir) DIR *dir = opendir(folder);

	if (!dir)
		return err_errno(err, errno, "open %s", folder);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		uint8_t in_pack[TRAILER], in_index[TRAILER];
		if (e->d_name[0] == '.' || !str_ends(e->d_name, ".idx"))
			continue;
		CLEANUP(mem) char *index = mem_printf("%s/%s", folder, e->d_name);
		CLEANUP(mem)
		char *pack = mem_printf(
			"%s/%.*s.pack", folder, (int)strlen(e->d_name) - 4, e->d_name);
		if (read_at_end(pack, TRAILER, in_pack, err) < 0 ||
			read_at_end(index, 2 * TRAILER, in_index, err) < 0)
			return -1;
		if (memcmp(in_pack, in_index, TRAILER) != 0)
			return err_set(err, ERR_INTERNAL,
				"%s does not belong to its index", pack);
	}
	return 0;
}

/* ---- merging ---- */

struct merge {
	char **packs; /* names, the largest apart */
	size_t n;
	git_packbuilder *builder;
};

static void merge_release(struct merge *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->packs[i]);
	free(m->packs);
	git_packbuilder_free(m->builder);
}
DEFINE_CLEANUP(merge, struct merge, merge_release(value))

static int list_packs(struct merge *m, const char *folder, struct err *err)
{
	CLEANUP(dir) DIR *dir = opendir(folder);
	size_t largest = 0;
	off_t most = -1;
	struct stat st;

	if (!dir)
		return err_errno(err, errno, "open %s", folder);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (!is_pack(e->d_name) || fstatat(dirfd(dir), e->d_name, &st, 0) < 0)
			continue;
		if (st.st_size > most) {
			most = st.st_size;
			largest = m->n;
		}
		m->packs = mem_grow(m->packs, m->n + 1, sizeof *m->packs);
		m->packs[m->n++] = mem_strdup(e->d_name);
	}
	if (m->n > 0) {
		free(m->packs[largest]);
		m->packs[largest] = m->packs[--m->n];
	}
	return 0;
}

static int insert_one(const git_oid *oid, void *arg)
{
	struct merge *m = arg;

	return git_packbuilder_insert(m->builder, oid, NULL);
}

static int gather(struct merge *m, const char *folder, const char *pack, struct err *err)
{
	CLEANUP(mem) char *index = index_of(folder, pack);
	CLEANUP(git_odb) git_odb *odb = NULL;
	git_odb_backend *backend = NULL;
	int rc = git_odb_new(&odb);

	if (rc == 0)
		rc = git_odb_backend_one_pack(&backend, index);
	if (rc == 0)
		rc = git_odb_add_backend(odb, backend, 1);
	if (rc == 0)
		rc = git_odb_foreach(odb, insert_one, m);
	return rc < 0 ? git_fail(err, rc, "read %s", pack) : 0;
}

int packs_merge(git_repository *repo, const char *mirror, struct err *err)
{
	CLEANUP(mem) char *folder = mem_printf("%s/objects/pack", mirror);
	CLEANUP(merge) struct merge m = {0};
	int rc = git_packbuilder_new(&m.builder, repo);

	if (rc < 0)
		return git_fail(err, rc, "merge packs");
	git_packbuilder_set_threads(m.builder, 0);
	if (list_packs(&m, folder, err) < 0)
		return -1;
	for (size_t i = 0; i < m.n; i++)
		if (gather(&m, folder, m.packs[i], err) < 0)
			return -1;
	if (m.n < 2)
		return 0;
	rc = git_packbuilder_write(m.builder, NULL, 0, NULL, NULL);
	if (rc < 0)
		return git_fail(err, rc, "merge packs");
	const char *made = git_packbuilder_name(m.builder);
	for (size_t i = 0; i < m.n; i++) {
		CLEANUP(mem) char *pack = mem_printf("%s/%s", folder, m.packs[i]);
		CLEANUP(mem) char *index = index_of(folder, m.packs[i]);
		if (made && strstr(m.packs[i], made))
			continue; /* the same objects as one of the old */
		/* The index first: a pack without one is cleaned up later. */
		if (unlink(index) < 0 || unlink(pack) < 0)
			return err_errno(err, errno, "remove %s", pack);
	}
	return 0;
}
