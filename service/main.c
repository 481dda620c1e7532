/* SPDX-License-Identifier: MIT */
/* Where the program begins: what must happen before any thread, then the command line. */
#include "boxcore/base/json.h"
#include "boxcore/base/log.h"
#include "boxcore/net/http_client.h"
#include "service/cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* A core file would hold every key; a debugger of another user could read them. */
static void keep_memory_private(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

int main(int argc, char **argv)
{
	struct err err = {0};

	keep_memory_private();
	signal(SIGPIPE, SIG_IGN);
	log_open();
	json_object_seed(0); /* jansson asks for it before threads start */
	if (http_global_init(&err) < 0)
		return cli_fail(&err);
	int code = cli_main(argc, argv);
	http_global_cleanup();
	return code;
}
