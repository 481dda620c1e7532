/* SPDX-License-Identifier: MIT */
/* Whole files: bounded reads, atomic writes. */
#include "boxcore/base/file.h"

#include "boxcore/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int file_read(struct strbuf *sb, const char *path, struct err *err)
{
	CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "%s is not a regular file", path);
	for (;;) {
		size_t left = sb->max - sb->len;
		size_t want = left < 65536 ? left + 1 : 65536;
		char chunk[65536];
		ssize_t n = read(fd, chunk, want > sizeof chunk ? sizeof chunk : want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "read %s", path);
		if (n == 0)
			return 0;
		strbuf_add(sb, chunk, (size_t)n);
		if (strbuf_failed(sb))
			return strbuf_check(sb, path, err);
	}
}

int file_write_all(int fd, const void *data, size_t len, struct err *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "write");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_parent(const char *path, struct err *err)
{
	CLEANUP(mem) char *copy = mem_strdup(path);
	CLEANUP(fd) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_errno(err, errno, "fsync the folder of %s", path);
	return 0;
}

int file_write(
	const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	CLEANUP(mem) char *beside = mem_printf("%s.XXXXXX", path);
	CLEANUP(fd) int fd = mkostemp(beside, O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "create %s", beside);
	if (file_write_all(fd, data, len, err) < 0) {
		unlink(beside);
		return err_wrap(err, "%s", path);
	}
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(beside, path) < 0) {
		err_errno(err, errno, "write %s", path);
		unlink(beside);
		return -1;
	}
	return sync_parent(path, err);
}

int file_mkdirs(const char *path, mode_t mode, struct err *err)
{
	CLEANUP(mem) char *copy = mem_strdup(path);

	if (!*path)
		return err_set(err, ERR_INPUT, "the path of a folder is empty");
	for (char *at = copy + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return err_errno(err, errno, "mkdir %s", copy);
		*at = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return err_errno(err, errno, "mkdir %s", copy);
	struct stat st;
	if (stat(copy, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_CONFLICT, "%s is not a folder", path);
	return 0;
}

static int remove_entry(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int file_remove_tree(const char *path, struct err *err)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 &&
		errno != ENOENT)
		return err_errno(err, errno, "remove %s", path);
	return 0;
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}
