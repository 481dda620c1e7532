/* SPDX-License-Identifier: MIT */
/* A plan under construction: growing argv, environment and files. */
#include "boxcore/agent/impl.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

static size_t list_len(char **list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static void list_add(char ***list, char *owned)
{
	size_t n = list_len(*list);

	*list = mem_grow(*list, n + 2, sizeof **list);
	(*list)[n] = owned;
	(*list)[n + 1] = NULL;
}

void plan_arg(struct agent_plan *plan, const char *arg)
{
	list_add(&plan->argv, mem_strdup(arg));
}

void plan_option(struct agent_plan *plan, const char *flag, const char *value)
{
	if (str_empty(value))
		return;
	plan_arg(plan, flag);
	plan_arg(plan, value);
}

void plan_env(struct agent_plan *plan, const char *name, const char *value)
{
	size_t n = strlen(name);

	for (char **env = plan->env; env && *env; env++) {
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=') {
			free(*env);
			*env = mem_printf("%s=%s", name, value);
			return;
		}
	}
	list_add(&plan->env, mem_printf("%s=%s", name, value));
}

void plan_file(struct agent_plan *plan, char *path, uint32_t mode, const char *content,
	size_t len)
{
	plan->files = mem_grow(plan->files, plan->nfiles + 1, sizeof *plan->files);
	plan->files[plan->nfiles++] = (struct agent_file){
		.path = path,
		.mode = mode,
		.content = mem_strndup(content, len),
		.len = len,
	};
}

int plan_json_file(struct agent_plan *plan, char *path, json_t *owned, struct err *err)
{
	CLEANUP(json) json_t *json = owned;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_AGENT_STATE);

	if (json_print(&text, json, err) < 0) {
		free(path);
		return -1;
	}
	plan_file(plan, path, 0600, strbuf_str(&text), text.len);
	return 0;
}

void plan_input(struct agent_plan *plan, const char *text)
{
	plan->input_len = strlen(text);
	plan->input = mem_strdup(text);
}

const char *plan_home(const struct agent_request *request)
{
	return request->home ? request->home : "/home/boxuser";
}

char *plan_instructions(const struct agent_request *request)
{
	const char *text = request->instructions;

	if (str_empty(text))
		return NULL;
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_PROMPT);
	size_t len = strlen(text);
	bool cut = len > LIMIT_AGENT_EVENT;
	if (cut)
		len = str_utf8_cut(text, LIMIT_AGENT_EVENT);
	str_clean_utf8(&clean, text, len, false);
	if (cut)
		strbuf_adds(
			&clean, "\n\n[The rest of these instructions was cut off.]\n");
	return strbuf_take(&clean);
}

void agent_plan_release(struct agent_plan *plan)
{
	for (char **arg = plan->argv; arg && *arg; arg++)
		free(*arg);
	for (char **env = plan->env; env && *env; env++)
		free(*env);
	for (size_t i = 0; i < plan->nfiles; i++) {
		free(plan->files[i].path);
		free(plan->files[i].content);
	}
	free(plan->argv);
	free(plan->env);
	free(plan->files);
	free(plan->cwd);
	free(plan->input);
	*plan = (struct agent_plan){0};
}
