/* SPDX-License-Identifier: MIT */
/*
 * Tab completion: `boxwright completion SHELL` prints a script for the shell, which asks
 * `boxwright complete WORD...` what may stand where the last word is.
 */
#include "boxcore/base/str.h"
#include "service/cli/api.h"
#include "service/cli/box_cmd.h"
#include "service/cli/cli.h"

#include <stdio.h>
#include <string.h>

static const char bash_script[] = "_boxwright() {\n"
				  "  local IFS=$'\\n'\n"
				  "  COMPREPLY=($(boxwright complete "
				  "\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null))\n"
				  "}\n"
				  "complete -o default -F _boxwright boxwright\n";
static const char zsh_script[] = "#compdef boxwright\n"
				 "_boxwright() {\n"
				 "  local -a found\n"
				 "  found=(${(f)\"$(boxwright complete "
				 "\"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
				 "  compadd -a found\n"
				 "}\n"
				 "compdef _boxwright boxwright\n";
static const char fish_script[] = "complete -c boxwright -f -a "
				  "'(boxwright complete (commandline -opc)[2..-1] "
				  "(commandline -ct) 2>/dev/null)'\n";

int cli_completion(int argc, char **argv)
{
	const char *shell = argc > 0 ? argv[0] : "";

	if (str_eq(shell, "bash"))
		fputs(bash_script, stdout);
	else if (str_eq(shell, "zsh"))
		fputs(zsh_script, stdout);
	else if (str_eq(shell, "fish"))
		fputs(fish_script, stdout);
	else
		return cli_usage("completion is there for bash, zsh and fish");
	return CLI_OK;
}

static void offer(const char *word, const char *begun)
{
	if (str_starts(word, begun))
		puts(word);
}

static void offer_words(const char *words, const char *begun)
{
	char word[64];

	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		if (n < sizeof word) {
			memcpy(word, words, n);
			word[n] = '\0';
			offer(word, begun);
		}
	}
}

/* Ids and names of the boxes that are there; nothing when no service answers. */
static void offer_boxes(const char *begun)
{
	struct err ignored = {0};
	CLEANUP(api) struct api *api = api_open(&ignored);
	CLEANUP(json)
	json_t *boxes = api ? api_call(api, "GET", "/v2/box", NULL, &ignored) : NULL;
	size_t i;
	json_t *box;

	json_array_foreach (boxes, i, box) {
		const char *id = json_or_string(box, "id", "");
		const char *name = json_or_string(box, "name", id);

		offer(id, begun);
		if (!str_eq(name, id))
			offer(name, begun);
	}
}

static const struct box_command *find(const char *name)
{
	const struct box_command *c;

	for (size_t i = 0; (c = box_command_at(i)); i++)
		if (str_eq(c->name, name))
			return c;
	return NULL;
}

/* `box VERB ...`: its options, verbs of its own, boxes. */
static void complete_box(int argc, char **argv, const char *begun)
{
	const struct box_command *c = argc > 2 ? find(argv[1]) : NULL;

	if (argc == 2)
		for (size_t i = 0; (c = box_command_at(i)); i++)
			offer(c->name, begun);
	else if (c && str_starts(begun, "--"))
		offer_words(c->options, begun);
	else if (c && argc == 4 && str_eq(c->name, "git"))
		offer_words("clone status diff commit push checkout pr exec", begun);
	else if (c) {
		if (argc == 3 && c->verbs)
			offer_words(c->verbs, begun);
		if (c->takes_box)
			offer_boxes(begun);
	}
}

/* `schedule VERB JOB`: verbs, then the names of the jobs that there are. */
static void complete_schedule(int argc, char **argv, const char *begun)
{
	struct err ignored = {0};
	size_t i;
	json_t *job;

	if (argc == 2)
		offer_words("list show run pause resume when", begun);
	if (argc != 3 || str_eq(argv[1], "list") || str_eq(argv[1], "when"))
		return;
	CLEANUP(api) struct api *api = api_open(&ignored);
	CLEANUP(json)
	json_t *answer =
		api ? api_call(api, "GET", "/v1/schedules?limit=500", NULL, &ignored)
		    : NULL;
	json_array_foreach (json_object_get(answer, "schedules"), i, job)
		offer(json_or_string(job, "name", ""), begun);
}

int cli_complete(int argc, char **argv)
{
	const char *begun = argc > 0 ? argv[argc - 1] : "";

	if (argc <= 1)
		offer_words("serve task schedule box key doctor completion version help",
			begun);
	else if (str_eq(argv[0], "box"))
		complete_box(argc, argv, begun);
	else if (str_eq(argv[0], "task") && argc == 2)
		offer_words("list show logs cancel retry", begun);
	else if (str_eq(argv[0], "schedule"))
		complete_schedule(argc, argv, begun);
	else if (str_eq(argv[0], "key") && argc == 2)
		offer_words("create list revoke", begun);
	else if (str_eq(argv[0], "completion") && argc == 2)
		offer_words("bash zsh fish", begun);
	return CLI_OK;
}
