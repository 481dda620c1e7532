/* SPDX-License-Identifier: MIT */
/*
 * An unchanged program that dies at a chosen one of its calls to the system: loaded before the
 * C library, it counts what the program does to the outside, by kind, in the file
 * $BOXWRIGHT_TEST_DEATH, and ends it by SIGKILL when a count comes to where that file says:
 * before the call, in its middle (half of the bytes), or behind it.
 *
 *	row     what a database does to its files
 *	net     bytes and connections to peers
 *	file    files made, renamed, removed, written otherwise
 *	child   processes
 *
 * Standard output and error are no outside: they are the log.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { ROW, NET, FILES, CHILD, KINDS };
enum moment { BEFORE, MIDDLE, BEHIND };

static struct death {
	_Atomic int64_t count[KINDS];
	_Atomic int64_t at[KINDS]; /* 0: never */
	_Atomic int64_t moment;
} none, *death = &none;

__attribute__((constructor)) static void open_file(void)
{
	const char *path = getenv("BOXWRIGHT_TEST_DEATH");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED
			  : mmap(NULL, sizeof *death, PROT_READ | PROT_WRITE, MAP_SHARED,
				    fd, 0);

	if (at != MAP_FAILED)
		death = at;
	if (fd >= 0)
		close(fd);
}

static void die(void)
{
	for (int i = 0; i < KINDS; i++)
		death->at[i] = 0;
	syscall(SYS_kill, getpid(), SIGKILL);
}

/* Counts one call; true when its program ends with it, by now at the latest. */
static int now(enum kind kind)
{
	int64_t n = ++death->count[kind];

	if (death->at[kind] == 0 || n != death->at[kind])
		return 0;
	if (death->moment == BEFORE)
		die();
	return 1;
}

static size_t part(int dies, size_t size)
{
	return dies && death->moment == MIDDLE && size > 1 ? size / 2 : size;
}

static long behind(int dies, long rc)
{
	if (dies)
		die();
	return rc;
}

static int is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* ---- bytes ------------------------------------------------------------------------------- */

ssize_t write(int fd, const void *data, size_t size)
{
	if (fd <= 2)
		return syscall(SYS_write, fd, data, size);
	int dies = now(is_socket(fd) ? NET : FILES);
	return behind(dies, syscall(SYS_write, fd, data, part(dies, size)));
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	if (fd <= 2)
		return syscall(SYS_writev, fd, parts, count);
	int dies = now(is_socket(fd) ? NET : FILES);
	return behind(dies, syscall(SYS_writev, fd, parts, count));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	int dies = now(ROW);
	return behind(dies, syscall(SYS_pwrite64, fd, data, part(dies, size), at));
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
	__attribute__((alias("pwrite64")));

ssize_t sendto(int fd, const void *data, size_t size, int flags,
	const struct sockaddr *to, socklen_t tolen)
{
	int dies = now(NET);
	return behind(
		dies, syscall(SYS_sendto, fd, data, part(dies, size), flags, to, tolen));
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	return sendto(fd, data, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	int dies = now(NET);
	return behind(dies, syscall(SYS_sendmsg, fd, message, flags));
}

int connect(int fd, const struct sockaddr *to, socklen_t tolen)
{
	int dies = now(NET);
	return (int)behind(dies, syscall(SYS_connect, fd, to, tolen));
}

/* ---- files ------------------------------------------------------------------------------- */

int fsync(int fd)
{
	int dies = now(ROW);
	return (int)behind(dies, syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
	int dies = now(ROW);
	return (int)behind(dies, syscall(SYS_fdatasync, fd));
}

int ftruncate64(int fd, off64_t size)
{
	int dies = now(ROW);
	return (int)behind(dies, syscall(SYS_ftruncate, fd, size));
}
int ftruncate(int fd, off_t size) __attribute__((alias("ftruncate64")));

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int dies = now(FILES);
	return (int)behind(dies, syscall(SYS_renameat, from_dir, from, to_dir, to));
}

int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int dir, const char *path, int flags)
{
	int dies = now(FILES);
	return (int)behind(dies, syscall(SYS_unlinkat, dir, path, flags));
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	int dies = now(FILES);
	return (int)behind(dies, syscall(SYS_mkdirat, dir, path, mode));
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	int dies = flags & O_CREAT && now(FILES);
	return (int)behind(dies, syscall(SYS_openat, dir, path, flags, mode));
}
int openat(int dir, const char *path, int flags, ...) __attribute__((alias("openat64")));

int open64(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return openat64(AT_FDCWD, path, flags, mode);
}
int open(const char *path, int flags, ...) __attribute__((alias("open64")));

/* ---- processes --------------------------------------------------------------------------- */

pid_t fork(void)
{
	static pid_t (*real)(void);
	int dies = now(CHILD);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fork");
	pid_t pid = real();
	return pid == 0 ? 0 : (pid_t)behind(dies, pid);
}
