/* SPDX-License-Identifier: MIT */
/* boxwright schema: the form of .github/boxwright.yml for editors, and a look at one file. */
#include "service/cli/cli.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/config/repo_config.h"

static int check_file(const char *path)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);
	CLEANUP(config) struct config service = {0};
	CLEANUP(repo_config) struct repo_config parsed = {0};
	struct err err = {0};

	if (file_read(&text, path, &err) < 0)
		return cli_fail(&err);
	config_defaults(&service);
	struct repo_config_source own = {path, strbuf_str(&text), text.len};
	if (repo_config_merge(&parsed, &service, NULL, &own, &err) < 0)
		return cli_fail(&err);
	printf("%s: fine\n", path);
	return CLI_OK;
}

int cli_schema(int argc, char **argv)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);

	if (argc == 2 && str_eq(argv[0], "--check"))
		return check_file(argv[1]);
	if (argc > 0)
		return cli_usage("schema takes --check FILE or nothing");
	repo_config_schema(&text);
	fwrite(strbuf_str(&text), 1, text.len, stdout);
	return CLI_OK;
}
