/* SPDX-License-Identifier: MIT */
/* Clearing a mirror of a killed child's lock files. */
#include "service/repo/leftovers.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define DEPTH_MAX 8 /* refs are flat; objects are two deep */

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
DEFINE_CLEANUP(dir, DIR *, close_dir(value))

static int clean(int parent, const char *name, int depth, struct err *err)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct stat st;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		return err_errno(err, errno, "open the mirror's folder %s", name);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") ||
			fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			if (clean(fd, e->d_name, depth + 1, err) < 0)
				return -1;
		} else if (str_ends(e->d_name, ".lock") ||
			   str_starts(e->d_name, "tmp_object")) {
			if (unlinkat(fd, e->d_name, 0) < 0 && errno != ENOENT)
				return err_errno(err, errno, "remove %s", e->d_name);
		}
	}
	return 0;
}

int leftovers_clean(const char *mirror, struct err *err)
{
	return clean(AT_FDCWD, mirror, 0, err);
}
