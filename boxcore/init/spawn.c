/* SPDX-License-Identifier: MIT */
/*
 * Executing a run: who, where, with which environment and which rights.
 *
 * spawn_execute() uses vfork(): the child works in our memory until it has executed, so
 * the reaper learns of success or failure without another pipe.  Hence nothing is
 * allocated in the child and users are changed by bare system calls.
 */
#include "boxcore/init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BOX_USER 1000
#define USERS_FILE_MAX (1 * LIMIT_MIB)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- rights ---------------------------------------------------------------------------- */

static struct rlimit files_limit;

void spawn_limits(void)
{
	struct rlimit more;

	if (getrlimit(RLIMIT_NOFILE, &files_limit) < 0)
		return;
	more = files_limit;
	more.rlim_cur = more.rlim_max;
	setrlimit(RLIMIT_NOFILE, &more); /* five for each run */
}

/* What root in a box may keep: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID
 * NET_BIND_SERVICE SYS_CHROOT AUDIT_WRITE SETFCAP, as far as the container has it. */
#define CAPS_KEPT                                                                        \
	(1ULL << 0 | 1ULL << 1 | 1ULL << 3 | 1ULL << 4 | 1ULL << 5 | 1ULL << 6 |         \
		1ULL << 7 | 1ULL << 10 | 1ULL << 18 | 1ULL << 29 | 1ULL << 31)

void spawn_capabilities(void)
{
	struct {
		uint32_t version;
		int pid;
	} head = {.version = 0x20080522};
	struct {
		uint32_t effective, permitted, inheritable;
	} caps[2] = {{0}};

	for (unsigned long cap = 0; cap < 64; cap++)
		if (!(CAPS_KEPT >> cap & 1) && prctl(PR_CAPBSET_READ, cap) == 1 &&
			prctl(PR_CAPBSET_DROP, cap) < 0) {
			init_log("cannot drop a capability; the box needs SETPCAP",
				strerror(errno));
			_exit(71);
		}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &head, caps) < 0)
		return;
	caps[0].inheritable = caps[1].inheritable = 0;
	syscall(SYS_capset, &head, caps);
}

/* ---- users ----------------------------------------------------------------------------- */

struct user {
	uid_t uid;
	gid_t gid;
	char name[64], home[256], shell[256];
	gid_t groups[64];
	size_t group_count;
};

/* The box's root may have put anything there; a FIFO is not waited for. */
static char *read_users_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		text = init_alloc(USERS_FILE_MAX + 1);
		n = read(fd, text, USERS_FILE_MAX);
	}
	close(fd);
	if (text && n >= 0)
		text[n] = '\0';
	return text;
}

/* The next of the fields that ':' separates; never NULL. */
static char *field(char **rest)
{
	char *at = strsep(rest, ":");
	static char none[1];

	return at ? at : none;
}

static void copy_field(char *dst, size_t size, const char *value)
{
	if (value[0])
		snprintf(dst, size, "%s", value);
}

static void find_user(struct user *user)
{
	char *text = read_users_file("/etc/passwd");
	char *lines = text, *line;

	while ((line = strsep(&lines, "\n"))) {
		char *rest = line;
		char *name = field(&rest);

		field(&rest);
		char *uid = field(&rest);
		char *gid = field(&rest);
		if (!uid[0] || strtoul(uid, NULL, 10) != user->uid)
			continue;
		user->gid = (gid_t)strtoul(gid, NULL, 10);
		copy_field(user->name, sizeof user->name, name);
		field(&rest);
		copy_field(user->home, sizeof user->home, field(&rest));
		copy_field(user->shell, sizeof user->shell, field(&rest));
		break;
	}
	free(text);
}

static bool names_user(char *members, const char *name)
{
	char *member;

	while ((member = strsep(&members, ",")))
		if (strcmp(member, name) == 0)
			return true;
	return false;
}

static void find_groups(struct user *user)
{
	char *text = read_users_file("/etc/group");
	char *lines = text, *line;

	user->groups[user->group_count++] = user->gid;
	while ((line = strsep(&lines, "\n")) && user->group_count < 64) {
		char *rest = line;

		field(&rest);
		field(&rest);
		char *gid = field(&rest);
		if (gid[0] && names_user(field(&rest), user->name))
			user->groups[user->group_count++] = (gid_t)strtoul(gid, NULL, 10);
	}
	free(text);
}

static void user_init(struct user *user, bool root)
{
	*user = (struct user){.uid = root ? 0 : BOX_USER, .gid = root ? 0 : BOX_USER};
	snprintf(user->name, sizeof user->name, root ? "root" : "boxuser");
	snprintf(user->home, sizeof user->home, root ? "/root" : "/home/boxuser");
	snprintf(user->shell, sizeof user->shell, "/bin/sh");
	find_user(user);
	find_groups(user);
}

/* ---- environment ----------------------------------------------------------------------- */

struct environment {
	char **list;
	size_t count, cap;
};

static void env_put(struct environment *env, char *entry)
{
	size_t name = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < env->count; i++) {
		if (strncmp(env->list[i], entry, name) == 0) {
			env->list[i] = entry;
			return;
		}
	}
	if (env->count + 2 > env->cap) {
		env->cap = env->cap * 2 + 32;
		env->list = realloc(env->list, env->cap * sizeof *env->list);
		if (!env->list)
			_exit(70);
	}
	env->list[env->count++] = entry;
	env->list[env->count] = NULL;
}

static void env_set(struct environment *env, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	char *entry = init_alloc(size);

	snprintf(entry, size, "%s=%s", name, value);
	env_put(env, entry);
}

static const char *env_get(char *const *list, const char *name)
{
	size_t len = strlen(name);

	for (; *list; list++)
		if (strncmp(*list, name, len) == 0 && (*list)[len] == '=')
			return *list + len + 1;
	return NULL;
}

/* The container's own environment, what belongs to the user, then what the run says. */
static char **env_build(const struct spawn *spawn, const struct user *user)
{
	struct environment env = {0};

	env_set(&env, "PATH", DEFAULT_PATH);
	env_set(&env, "LANG", "C.UTF-8");
	if (spawn->pty)
		env_set(&env, "TERM", "xterm-256color");
	for (char **at = environ; *at; at++)
		env_put(&env, *at);
	env_set(&env, "HOME", user->home);
	env_set(&env, "USER", user->name);
	env_set(&env, "LOGNAME", user->name);
	env_set(&env, "SHELL", user->shell);
	for (char **at = spawn->env; *at; at++)
		env_put(&env, *at);
	return env.list;
}

/* ---- the request ----------------------------------------------------------------------- */

static char **parse_list(struct wire *wire)
{
	uint32_t count = wire_u32(wire);

	if (wire->bad || count > wire->left / 4) {
		wire->bad = true;
		return NULL;
	}
	char **list = init_alloc((count + 1) * sizeof *list);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t len;
		const char *text = wire_text(wire, &len);

		if (!text || memchr(text, '\0', len)) {
			wire->bad = true;
			return NULL;
		}
		list[i] = init_alloc(len + 1);
		memcpy(list[i], text, len);
	}
	return list;
}

bool spawn_parse(struct wire *wire, struct spawn *spawn)
{
	uint8_t flags = wire_u8(wire);

	wire_u16(wire);
	wire_u16(wire);
	wire_string(wire, spawn->cwd, sizeof spawn->cwd);
	spawn->argv = parse_list(wire);
	spawn->env = parse_list(wire);
	spawn->root = flags & PROTO_RUN_ROOT;
	spawn->pty = flags & PROTO_RUN_PTY;
	spawn->self = flags & PROTO_RUN_SELF;
	return wire_end(wire) && spawn->argv[0];
}

/* ---- the child ------------------------------------------------------------------------- */

static volatile int child_errno; /* the child writes, we read: one memory */
static const char *volatile child_what;

/* Looks argv[0] up as a shell does: the first that can be executed, else why not. */
static void search_path(struct spawn *spawn, char **env)
{
	static char path[LIMIT_PATH];
	const char *at = env_get(env, "PATH");
	int errnum = ENOENT;

	for (;;) {
		size_t len = at ? strcspn(at, ":") : 0;

		snprintf(path, sizeof path, "%.*s/%s", (int)len, len ? at : ".",
			spawn->argv[0]);
		if (len)
			execve(path, spawn->argv, env);
		int why = errno;
		/* A folder that this user may not enter does not have it. */
		if (len && why != ENOENT && why != ENOTDIR && access(path, F_OK) == 0)
			errnum = why;
		if (!at || !at[len])
			break;
		at += len + 1;
	}
	errno = errnum;
}

static _Noreturn void child_fail(const char *what)
{
	child_errno = errno;
	child_what = what;
	_exit(127);
}

static void become(const struct user *user)
{
	if (syscall(SYS_setgroups, user->group_count, user->groups) < 0 ||
		syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
		syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
		child_fail("become the box's user");
}

static void enter(const struct spawn *spawn)
{
	if (spawn->cwd[0]) {
		if (chdir(spawn->cwd) < 0)
			child_fail("enter the run's folder");
	} else if (chdir(PROTO_HOME) < 0 && chdir("/") < 0) {
		child_fail("enter the run's folder");
	}
}

/* Who started us may have left any of the 64 ignored (glibc's posix_spawn leaves two of its
 * own), and libc's sigaction() will not touch those: so by the system call. */
static void default_signals(void)
{
	static const char action[32]; /* the kernel's: SIG_DFL, no flags, an empty mask */
	sigset_t none;

	for (int i = 1; i <= 64; i++)
		syscall(SYS_rt_sigaction, i, action, NULL, 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child(struct spawn *spawn, const struct user *user, char **env)
{
	setsid();
	if (spawn->pty && ioctl(0, TIOCSCTTY, 0) < 0)
		child_fail("take the terminal");
	if (files_limit.rlim_max)
		setrlimit(RLIMIT_NOFILE, &files_limit);
	default_signals();
	become(user);
	enter(spawn);
	if (spawn->self)
		syscall(SYS_execveat, init_self_fd, "", spawn->argv, env, AT_EMPTY_PATH);
	else if (strchr(spawn->argv[0], '/'))
		execve(spawn->argv[0], spawn->argv, env);
	else
		search_path(spawn, env);
	child_fail("execute the program");
}

pid_t spawn_execute(struct spawn *spawn, const char **ret_what)
{
	struct user user;

	user_init(&user, spawn->root);
	char **env = env_build(spawn, &user);
	child_errno = 0;
	pid_t pid = vfork();
	if (pid == 0)
		child(spawn, &user, env);
	if (pid < 0) {
		*ret_what = "start a process";
		return -1;
	}
	if (child_errno == 0)
		return pid;
	*ret_what = child_what;
	errno = child_errno;
	return -1;
}
