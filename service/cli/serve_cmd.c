/* SPDX-License-Identifier: MIT */
/* boxwright serve: the configuration, then the service. */
#define LOG_MODULE "serve"
#include "service/cli/cli.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/log.h"
#include "boxcore/base/str.h"
#include "service/app/app.h"

#include <stdio.h>

int cli_config_option(int argc, char **argv, const char **ret_path)
{
	*ret_path = NULL;
	for (int i = 0; i < argc; i++) {
		if (str_eq(argv[i], "--config") && i + 1 < argc)
			*ret_path = argv[++i];
		else
			return cli_usage("unknown option \"%s\"", argv[i]);
	}
	return CLI_OK;
}

static int help(void)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);

	printf("usage: boxwright serve [--config FILE]\n\n"
	       "Settings stand in a YAML file (--config, else $BOXWRIGHT_CONFIG, else\n"
	       "./boxwright.yml, else /etc/boxwright/boxwright.yml); the environment "
	       "goes\n"
	       "before the file.\n\n");
	config_help(&text);
	fputs(strbuf_str(&text), stdout);
	return CLI_OK;
}

int cli_serve(int argc, char **argv)
{
	CLEANUP(config) struct config config = {0};
	CLEANUP(strbuf) struct strbuf dump = STRBUF_INIT(LIMIT_CONFIG);
	const char *path;
	struct err err = {0};

	if (argc > 0 && (str_eq(argv[0], "--help") || str_eq(argv[0], "-h")))
		return help();
	int usage = cli_config_option(argc, argv, &path);
	if (usage != CLI_OK)
		return usage;
	if (config_load(&config, path, &err) < 0)
		return cli_fail(&err);
	config_dump(&config, &dump);
	log_debug("configuration:\n%s", strbuf_str(&dump));
	if (app_run(&config, BOXWRIGHT_VERSION, &err) < 0)
		return cli_fail(&err);
	return CLI_OK;
}
