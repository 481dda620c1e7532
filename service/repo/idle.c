/* SPDX-License-Identifier: MIT */
/* Mirrors that nobody has brought up to date for long, found by the time of their lock file and,
 * as older versions did not touch it, of their packs. */
#include "service/repo/repo-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
DEFINE_CLEANUP(dir, DIR *, close_dir(value))

/* "123.lock"; 0: something else. */
static int64_t repo_of_lock(const char *name)
{
	const char *end = strstr(name, ".lock");
	char number[24];
	int64_t id;

	if (!end || end[5] || (size_t)(end - name) >= sizeof number)
		return 0;
	memcpy(number, name, (size_t)(end - name));
	number[end - name] = '\0';
	return str_to_i64(number, 1, INT64_MAX, &id) ? id : 0;
}

int repo_mirrors_idle(struct repos *repos, int64_t before_s, int64_t *ret_ids, size_t max,
	size_t *ret_count, struct err *err)
{
	CLEANUP(mem) char *folder = mem_printf("%s/mirrors", repos->state);
	CLEANUP(dir) DIR *dir = opendir(folder);
	struct dirent *entry;

	*ret_count = 0;
	if (!dir)
		return err_errno(err, errno, "open %s", folder);
	while (*ret_count < max && (entry = readdir(dir))) {
		int64_t id = repo_of_lock(entry->d_name);
		struct stat lock, packs;

		if (id == 0 || fstatat(dirfd(dir), entry->d_name, &lock, 0) < 0 ||
			lock.st_mtim.tv_sec >= before_s)
			continue;
		CLEANUP(mem)
		char *path = mem_printf("%lld.git/objects/pack", (long long)id);
		if (fstatat(dirfd(dir), path, &packs, 0) == 0 &&
			packs.st_mtim.tv_sec < before_s)
			ret_ids[(*ret_count)++] = id;
	}
	return 0;
}
