/* SPDX-License-Identifier: MIT */
/* Opening and closing the store: the folder is ours alone, the file is up to date. */
#include "service/store/store.h"

#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"
#include "service/store/store-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Not in <linux/magic.h> of all kernels. */
#define MAGIC_CIFS 0xff534d42UL
#define MAGIC_LUSTRE 0x0bd00bd0UL
#define MAGIC_GFS2 0x01161970UL
#define MAGIC_GPFS 0x47504653UL

/* The write-ahead log is shared memory: it works on one machine's own disk only. */
static int refuse_network(const char *dir, struct err *err)
{
	static const unsigned long magics[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,
		SMB2_SUPER_MAGIC, MAGIC_CIFS, CODA_SUPER_MAGIC, AFS_SUPER_MAGIC,
		AFS_FS_MAGIC, CEPH_SUPER_MAGIC, V9FS_MAGIC, OCFS2_SUPER_MAGIC,
		MAGIC_LUSTRE, MAGIC_GFS2, MAGIC_GPFS};
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return err_errno(err, errno, "statfs %s", dir);
	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (((unsigned long)fs.f_type & 0xffffffffUL) == magics[i])
			return err_set(err, ERR_INPUT,
				"%s is on a network file system, where the database is "
				"not safe: set state_dir to a folder of a local disk",
				dir);
	return 0;
}

static int lock_folder(struct store *store, struct err *err)
{
	CLEANUP(mem) char *path = mem_printf("%s/lock", store->dir);

	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0)
		return err_errno(err, errno, "open %s", path);
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_errno(err, errno, "lock %s", path);
	return err_set(err, ERR_CONFLICT,
		"another boxwright runs with the folder %s: stop it, or set another "
		"state_dir",
		store->dir);
}

/* Before SQLite does, so that it is 0600 from the first moment; the log and its index
 * take the same mode. */
static int make_file(struct store *store, struct err *err)
{
	CLEANUP(fd)
	int fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, errno, "open %s", store->path);
	if (fchmod(fd, 0600) < 0)
		return err_errno(err, errno, "chmod %s", store->path);
	return 0;
}

static struct store *store_new(const char *state_dir)
{
	struct store *store = mem_zalloc(sizeof *store);

	store->dir = mem_strdup(state_dir);
	store->path = mem_printf("%s/boxwright.db", state_dir);
	store->lock_fd = -1;
	store->queue_tail = &store->queue_head;
	lock_init(&store->queue_lock);
	cond_init(&store->queue_work);
	lock_init(&store->readers_lock);
	cond_init(&store->readers_free);
	return store;
}

static int open_all(struct store *store, struct err *err)
{
	if (file_mkdirs(store->dir, 0700, err) < 0 ||
		refuse_network(store->dir, err) < 0 || lock_folder(store, err) < 0 ||
		make_file(store, err) < 0 ||
		conn_open(&store->writer, store->path, true, err) < 0 ||
		migrations_run(&store->writer, migrations_count, err) < 0 ||
		conn_prepare(&store->writer, WRITER, err) < 0 ||
		readers_open(store, err) < 0)
		return -1;
	return writer_start(store, err);
}

int store_open(struct store **ret_store, const char *state_dir, struct err *err)
{
	CLEANUP(store) struct store *store = store_new(state_dir);

	if (open_all(store, err) < 0)
		return err_wrap(err, "store");
	*ret_store = TAKE(store);
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	writer_stop(store);
	readers_close(store); /* before the writer: the last to close checkpoints */
	if (store->writer.db)
		sqlite3_wal_checkpoint_v2(
			store->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	conn_close(&store->writer);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	lock_release(&store->queue_lock);
	cond_release(&store->queue_work);
	lock_release(&store->readers_lock);
	cond_release(&store->readers_free);
	delivery_packer_free(store);
	free(store->changes);
	free(store->path);
	free(store->dir);
	free(store);
}

const char *store_dir(const struct store *store)
{
	return store->dir;
}

void store_on_change(struct store *store, store_change_fn fn, void *arg)
{
	if (store->nlisteners == STORE_LISTENERS_MAX)
		abort(); /* a mistake of ours, at start */
	store->listeners[store->nlisteners++] = (struct listener){fn, arg};
}

const char *store_library_version(void)
{
	return sqlite3_libversion();
}
