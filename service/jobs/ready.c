/* SPDX-License-Identifier: MIT */
/* The ready jobs, out of their texts. */
#include "service/jobs/ready.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "prompts/prompts.h"

#include <string.h>

#define FENCE "\n```sh\n"

void ready_commands_release(struct ready_commands *commands)
{
	for (size_t i = 0; i < commands->count; i++) {
		free(commands->items[i]);
		free(commands->shown[i]);
	}
	free(commands->items);
	free(commands->shown);
	for (size_t i = 0; i < commands->nenv; i++)
		free(commands->env[i]);
	free(commands->env);
	memset(commands, 0, sizeof *commands);
}

static char *one_line(const char *text)
{
	return mem_strndup(text, strcspn(text, "\n"));
}

/* `licence-headers` is prompts/job_licence_headers.md. */
static const char *find_text(const char *use)
{
	CLEANUP(mem) char *name = mem_printf("job_%s", use);

	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	for (size_t i = 0; prompt_at(i); i++)
		if (str_eq(prompt_at(i)->name, name))
			return prompt_at(i)->text;
	return NULL;
}

/* The one block of code. */
static char *script_of(const char *use, struct err *err)
{
	const char *text = find_text(use), *from = text ? strstr(text, FENCE) : NULL;
	const char *to = from ? strstr(from + strlen(FENCE), "\n```\n") : NULL;

	if (to)
		return mem_strndup(
			from + strlen(FENCE), (size_t)(to - from) - strlen(FENCE) + 1);
	err_set(err, ERR_INTERNAL, "the ready job %s has no commands", use);
	return NULL;
}

static void add_env(struct ready_commands *commands, const char *name, const char *value)
{
	char *variable = mem_printf("JOB_%s=%s", name, value);

	for (char *c = variable; *c != '='; c++)
		*c = *c == '-' ? '_'
			       : (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	commands->env[commands->nenv++] = variable;
}

static int ready_script(
	const struct spec *spec, struct ready_commands *ret, struct err *err)
{
	char *script = script_of(spec->use, err);
	const char *name;
	json_t *value;

	if (!script)
		return -1;
	ret->items[0] = script;
	ret->shown[0] = mem_printf("the ready job %s", spec->use);
	ret->count = 1;
	json_object_foreach ((json_t *)(uintptr_t)spec->options, name, value)
		add_env(ret, name, json_string_value(value));
	return 0;
}

int ready_commands(const struct spec *spec, struct ready_commands *ret, struct err *err)
{
	size_t count = spec->run ? json_array_size(spec->run) : 1, i;
	json_t *item;

	if (spec_has_agent(spec))
		return err_set(err, ERR_INTERNAL, "an agent's job has no commands");
	ret->items = mem_array(count + 1, sizeof *ret->items);
	ret->shown = mem_array(count + 1, sizeof *ret->shown);
	ret->env = mem_array(json_object_size(spec->options) + 2, sizeof *ret->env);
	ret->env[ret->nenv++] = mem_strdup("BOXWRIGHT_SUMMARY=" READY_SUMMARY);
	if (spec->use)
		return ready_script(spec, ret, err);
	json_array_foreach (spec->run, i, item) {
		ret->items[i] = mem_strdup(json_string_value(item));
		ret->shown[i] = one_line(ret->items[i]);
		ret->count = i + 1;
	}
	return 0;
}

char *ready_request(const struct spec *spec, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_PROMPT);
	const char *paths = spec->use ? spec_option(spec, "paths") : NULL;
	struct prompt_var vars[] = {
		{"change", spec->use ? spec_option(spec, "change") : ""},
		{"paths", paths ? paths : "all files that it applies to"}};

	if (spec->prompt)
		return mem_strdup(spec->prompt);
	if (prompt_render("job_codemod", vars, ARRAY_LEN(vars), &text, err) < 0)
		return NULL;
	return strbuf_take(&text);
}
