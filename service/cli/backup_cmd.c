/* SPDX-License-Identifier: MIT */
/* boxwright backup: what a state folder must not lose, into a folder that can stand in for it. */
#include "service/cli/cli.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/app/app.h"
#include "service/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without it the secrets that callers of the box API left in the database stay sealed. */
static int copy_seal_key(const char *from, const char *to, struct err *err)
{
	CLEANUP(mem) char *old = mem_printf("%s/box.key", from);
	CLEANUP(mem) char *copy = mem_printf("%s/box.key", to);
	CLEANUP(strbuf) struct strbuf key = STRBUF_INIT(LIMIT_SECRET);

	if (!file_exists(old))
		return 0;
	int rc = file_read(&key, old, err);
	if (rc == 0)
		rc = file_write(copy, key.data, key.len, 0600, err);
	if (key.data)
		mem_wipe(key.data, key.len);
	return rc;
}

static int copy_state(const char *from, const char *to, struct err *err)
{
	CLEANUP(mem) char *database = mem_printf("%s/boxwright.db", to);

	if (mkdir(to, 0700) < 0)
		return err_errno(err, errno, "make the folder %s", to);
	int rc = store_backup(from, database, err);
	if (rc == 0)
		rc = copy_seal_key(from, to, err);
	if (rc < 0) {
		/* Half of it must not pass for a copy, nor be in the way of the next try. */
		(void)unlink(database);
		(void)rmdir(to);
	}
	return rc;
}

int cli_backup(int argc, char **argv)
{
	CLEANUP(config) struct config config = {0};
	const char *path;
	struct err err = {0};

	if (argc < 1 || argv[0][0] == '-')
		return cli_usage("name the folder to make: backup FOLDER");
	int usage = cli_config_option(argc - 1, argv + 1, &path);
	if (usage != CLI_OK)
		return usage;
	if (config_load(&config, path, &err) < 0)
		return cli_fail(&err);
	CLEANUP(mem) char *state = app_state_dir(&config);
	if (copy_state(state, argv[0], &err) < 0)
		return cli_fail(&err);
	printf("%s is a copy of %s: a service whose state_dir it is goes on from here\n",
		argv[0], state);
	return CLI_OK;
}
