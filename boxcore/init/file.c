/* SPDX-License-Identifier: MIT */
/*
 * `boxinit file ...`: the file verbs, as a program that runs as the box's user or root.
 *
 *	read PATH OFFSET LENGTH    bytes to stdout; LENGTH -1: to the end
 *	fetch PATH OFFSET LENGTH   as read, with the file's record before the bytes; of a
 *	                           folder that alone
 *	write PATH MODE            stdin to a file beside, then renamed over; octal mode,
 *	                           0: as it was, or 644; makes parents
 *	stat PATH   lstat PATH   list PATH
 *	                           records: mode (octal), size, mtime in seconds, its
 *	                           nanoseconds, inode, path; a NUL behind each
 *	mkdir PATH [one]           with parents; "one": without
 *	rename FROM TO             makes parents of TO
 *	remove PATH [recursive]
 *
 * A failure is one line "ERRNONAME path: text" on stderr and PROTO_FILE_EXIT plus its
 * class as exit code.
 */
#include "boxcore/init/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	int errnum;
	const char *name;
} names[] = {
	{ENOENT, "ENOENT"},
	{EACCES, "EACCES"},
	{EPERM, "EPERM"},
	{EEXIST, "EEXIST"},
	{ENOTDIR, "ENOTDIR"},
	{EISDIR, "EISDIR"},
	{ENOTEMPTY, "ENOTEMPTY"},
	{ENOSPC, "ENOSPC"},
	{EDQUOT, "EDQUOT"},
	{EROFS, "EROFS"},
	{ELOOP, "ELOOP"},
	{ENAMETOOLONG, "ENAMETOOLONG"},
	{EXDEV, "EXDEV"},
	{EBUSY, "EBUSY"},
	{EINVAL, "EINVAL"},
	{EFBIG, "EFBIG"},
	{EMFILE, "EMFILE"},
	{EIO, "EIO"},
};

static int fail(const char *path)
{
	int errnum = errno;
	const char *name = "EOTHER";

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].errnum == errnum)
			name = names[i].name;
	dprintf(2, "%s %s: %s\n", name, path, strerror(errnum));
	return PROTO_FILE_EXIT + (int)fail_of_errno(errnum);
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

#define PIPE_BYTES (1024 * 1024)
static char buf[256 * 1024];

static void record(const char *dir, const char *name, const struct stat *st)
{
	size_t len = strlen(dir);

	printf("%o%c%lld%c%lld%c%ld%c%llu%c%s%s%s%c", (unsigned)st->st_mode, 0,
		(long long)st->st_size, 0, (long long)st->st_mtim.tv_sec, 0,
		st->st_mtim.tv_nsec, 0, (unsigned long long)st->st_ino, 0, dir,
		*name && (len == 0 || dir[len - 1] != '/') ? "/" : "", name, 0);
}

static int file_read(const char *path, int64_t offset, int64_t length, bool fetch)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(path);
	bool folder = S_ISDIR(st.st_mode);
	if (!S_ISREG(st.st_mode) && !(fetch && folder)) {
		/* A FIFO would be waited for, a device never ends. */
		errno = folder ? EISDIR : EINVAL;
		return fail(path);
	}
	if (fetch) {
		record(path, "", &st);
		if (fflush(stdout) != 0)
			return fail("stdout");
		if (folder)
			return 0;
	}
	fcntl(1, F_SETPIPE_SZ, PIPE_BYTES); /* fewer turns; a smaller one works too */
	if (offset > 0 && lseek(fd, offset, SEEK_SET) < 0)
		return fail(path);
	while (length != 0) {
		size_t most = length > 0 && length < (int64_t)sizeof buf ? (size_t)length
									 : sizeof buf;
		ssize_t n = read(fd, buf, most);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(path);
		if (n == 0)
			break;
		if (!write_all(1, buf, (size_t)n))
			return fail("stdout");
		if (length > 0)
			length -= n;
	}
	return 0;
}

/* Makes path up to its last '/', or all of it. */
static int make_folders(const char *path, bool whole)
{
	char part[LIMIT_PATH];
	size_t len = strlen(path);

	if (len >= sizeof part) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (size_t i = 1; i <= len; i++) {
		bool last = i == len;

		if ((path[i] != '/' && !last) || (last && !whole))
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0777) < 0 && errno != EEXIST && errno != EISDIR &&
			(last || errno != EROFS))
			return -1;
	}
	struct stat st;
	if (whole && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))) {
		errno = EEXIST;
		return -1;
	}
	return 0;
}

static int copy_stdin(int fd)
{
	for (;;) {
		ssize_t n = read(0, buf, sizeof buf);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		if (!write_all(fd, buf, (size_t)n))
			return -1;
	}
}

/* The file that is being written; "" while it has no name. */
static char temp[LIMIT_PATH + 64];

static void on_term(int signal)
{
	(void)signal;
	if (temp[0])
		unlink(temp);
	_exit(1);
}

/* The next free name beside `path` into temp: 0 when `make` has made it. */
static int name_beside(const char *path, int (*make)(int fd), int fd)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;
	int rc = -1;

	for (int i = 0; i < 100 && rc < 0; i++) {
		int n = snprintf(temp, sizeof temp, "%.*s.boxwright-%d-%d.tmp", dir, path,
			(int)getpid(), i);

		if (n < 0 || (size_t)n >= sizeof temp) {
			errno = ENAMETOOLONG;
			break;
		}
		rc = make(fd);
		if (rc < 0 && errno != EEXIST)
			break;
	}
	if (rc < 0)
		temp[0] = '\0'; /* what has that name is not ours */
	return rc;
}

static int make_file(int fd)
{
	(void)fd;
	return open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int make_link(int fd)
{
	char opened[40];

	snprintf(opened, sizeof opened, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, opened, AT_FDCWD, temp, AT_SYMLINK_FOLLOW);
}

/* A file without a name leaves nothing behind when we are killed; where the file system has
 * none, it has a name from the start. */
static int open_beside(const char *path)
{
	char dir[LIMIT_PATH];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n >= sizeof dir) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(dir, path, n);
	dir[n] = '\0';
	int fd = open(n ? dir : "/", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : name_beside(path, make_file, -1);
}

/* Gives the file its name; nobody ever sees half of it. */
static int put_in_place(int fd, const char *path, mode_t mode)
{
	if (fchmod(fd, mode) < 0)
		return -1;
	if (!temp[0] && name_beside(path, make_link, fd) < 0)
		return -1;
	return close(fd) < 0 ? -1 : rename(temp, path);
}

static int file_write(const char *given, mode_t mode)
{
	char resolved[PATH_MAX];
	/* A link stays, its target is written. */
	const char *real = realpath(given, resolved);
	const char *path = real ? real : given;
	struct stat st;

	signal(SIGTERM, on_term);
	fcntl(0, F_SETPIPE_SZ, PIPE_BYTES);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return fail(path);
	}
	if (mode == 0)
		mode = real && stat(path, &st) == 0 ? st.st_mode & 07777 : 0644;
	if (make_folders(path, false) < 0)
		return fail(path);
	int fd = open_beside(path);
	if (fd < 0)
		return fail(path);
	if (copy_stdin(fd) == 0 && put_in_place(fd, path, mode) == 0)
		return 0;
	int code = fail(path);
	if (temp[0])
		unlink(temp);
	return code;
}

static int file_stat(const char *path, bool follow)
{
	struct stat st;

	/* A link to nothing is told as what it is. */
	if ((!follow || stat(path, &st) < 0) && lstat(path, &st) < 0)
		return fail(path);
	record(path, "", &st);
	return fflush(stdout) == 0 ? 0 : fail("stdout");
}

static int file_list(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat st;

	if (!dir)
		return fail(path);
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		/* A link is told as what it leads to, as by stat. */
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 ||
			fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			record(path, entry->d_name, &st);
	}
	closedir(dir);
	return fflush(stdout) == 0 ? 0 : fail("stdout");
}

static int file_rename(const char *from, const char *to)
{
	if (make_folders(to, false) < 0)
		return fail(to);
	if (rename(from, to) == 0)
		return 0;
	if (errno != EXDEV)
		return fail(from);
	/* Another file system, or a folder of the image, which an overlay cannot move: mv
	 * copies it. */
	const char *argv[] = {"mv", "-f", "-T", "--", from, to, NULL};
	execve("/bin/mv", (char *const *)(uintptr_t)argv, environ);
	errno = EXDEV;
	return fail(from);
}

/* Everything in the folder, which `at` opens; never follows a link. */
static int remove_inside(int at)
{
	DIR *dir = fdopendir(at);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		close(at);
		return -1;
	}
	while (rc == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(at, entry->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR && errno != EPERM) {
			rc = -1;
			break;
		}
		int below = openat(at, entry->d_name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		rc = below < 0 ? -1 : remove_inside(below);
		if (rc == 0)
			rc = unlinkat(at, entry->d_name, AT_REMOVEDIR);
	}
	int errnum = errno;
	closedir(dir);
	errno = errnum;
	return rc;
}

static int file_remove(const char *path, bool recursive)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return fail(path);
	if (!S_ISDIR(st.st_mode))
		return unlink(path) == 0 ? 0 : fail(path);
	if (recursive) {
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 || remove_inside(fd) < 0)
			return fail(path);
	}
	return rmdir(path) == 0 ? 0 : fail(path);
}

/* argv: file VERB ... */
int file_main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "read") == 0 && argc == 5)
		return file_read(argv[2], strtoll(argv[3], NULL, 10),
			strtoll(argv[4], NULL, 10), false);
	if (strcmp(verb, "fetch") == 0 && argc == 5)
		return file_read(argv[2], strtoll(argv[3], NULL, 10),
			strtoll(argv[4], NULL, 10), true);
	if (strcmp(verb, "write") == 0 && argc == 4)
		return file_write(argv[2], (mode_t)strtoul(argv[3], NULL, 8) & 07777);
	if (strcmp(verb, "stat") == 0 && argc == 3)
		return file_stat(argv[2], true);
	if (strcmp(verb, "lstat") == 0 && argc == 3)
		return file_stat(argv[2], false);
	if (strcmp(verb, "list") == 0 && argc == 3)
		return file_list(argv[2]);
	if (strcmp(verb, "mkdir") == 0 && argc == 4)
		return mkdir(argv[2], 0777) == 0 ? 0 : fail(argv[2]);
	if (strcmp(verb, "mkdir") == 0 && argc == 3)
		return make_folders(argv[2], true) == 0 ? 0 : fail(argv[2]);
	if (strcmp(verb, "rename") == 0 && argc == 4)
		return file_rename(argv[2], argv[3]);
	if (strcmp(verb, "remove") == 0 && (argc == 3 || argc == 4))
		return file_remove(argv[2], argc == 4);
	dprintf(2, "EINVAL boxinit: unknown file verb\n");
	return PROTO_FILE_EXIT + PROTO_FAIL_INPUT;
}
