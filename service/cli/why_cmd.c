/* SPDX-License-Identifier: MIT */
/* boxwright why: what became of a comment, issue, pull request or delivery. */
#include "service/cli/cli.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"
#include "service/cli/api.h"

#include <stdio.h>

static void print_lines(const json_t *lines)
{
	size_t i;
	json_t *line;

	json_array_foreach (lines, i, line)
		printf("%s\n", json_string_value(line));
}

static void print_answers(const json_t *body)
{
	const json_t *answers = json_at(body, "answers");
	size_t i;
	json_t *answer;

	if (json_array_size(answers) > 0 && !json_or_bool(body, "exact", true))
		printf("Nothing is known of that comment itself; of its issue or pull "
		       "request:\n\n");
	json_array_foreach (answers, i, answer) {
		print_lines(json_at(answer, "story"));
		printf("\n");
	}
	print_lines(json_at(body, "causes"));
}

int cli_why(int argc, char **argv)
{
	CLEANUP(api) struct api *api = NULL;
	CLEANUP(strbuf) struct strbuf path = STRBUF_INIT(LIMIT_PATH * 4);
	struct err err = {0};
	bool as_json = argc == 2 && str_eq(argv[1], "--json");

	if (argc < 1 || (argc > 1 && !as_json) || str_empty(argv[0]))
		return cli_usage("why needs the address of a comment, issue or pull "
				 "request, or the id of a delivery");
	api = api_open(&err);
	if (!api)
		return cli_fail(&err);
	strbuf_adds(
		&path, str_starts(argv[0], "http://") || str_starts(argv[0], "https://")
			       ? "/v1/why?url="
			       : "/v1/why?delivery=");
	api_segment(&path, argv[0]);
	CLEANUP(json) json_t *body = api_call(api, "GET", strbuf_str(&path), NULL, &err);
	if (!body)
		return cli_fail(&err);
	if (as_json) {
		json_dumpf(body, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_answers(body);
	}
	return CLI_OK;
}
