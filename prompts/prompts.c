/* SPDX-License-Identifier: MIT */
/* The texts, compiled in, and the one pass that fills them. */
#include "prompts/prompts.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/str.h"

#include <stdbool.h>
#include <string.h>

/* The assembler reads the files; paths are from the top of the checkout. */
#define PROMPT(name, vars)                                                               \
	__asm__(".pushsection .rodata\n"                                                 \
		".hidden prompt_" #name "_start\n"                                       \
		".globl prompt_" #name "_start\n"                                        \
		"prompt_" #name "_start: .incbin \"prompts/" #name ".md\"\n"             \
		".byte 0\n"                                                              \
		".popsection\n");                                                        \
	extern const char prompt_##name##_start[];
#include "prompts/prompts.def"
#undef PROMPT

#define PROMPT(name, vars) {#name, vars, prompt_##name##_start},
static const struct prompt_info prompts[] = {
#include "prompts/prompts.def"
};
#undef PROMPT

const struct prompt_info *prompt_at(size_t i)
{
	return i < ARRAY_LEN(prompts) ? &prompts[i] : NULL;
}

#define VARS_MAX 32

struct render {
	const struct prompt_var *vars;
	size_t nvars;
	bool used[VARS_MAX];
	struct strbuf *out;
};

/* At "{{": the variable and the length of its mark, or -1 for an error. */
static int find_var(struct render *render, const char *mark, size_t left,
	const char **ret_value, size_t *ret_len, struct err *err)
{
	const char *end = memmem(mark, left, "}}", 2);
	size_t n = end ? (size_t)(end - mark) - 2 : 0;

	if (!end || n == 0 || n > 64)
		return err_set(err, ERR_INTERNAL, "template: {{ without a name and }}");
	for (size_t i = 0; i < render->nvars; i++) {
		const char *name = render->vars[i].name;
		if (strlen(name) != n || memcmp(name, mark + 2, n) != 0)
			continue;
		render->used[i] = true;
		*ret_value = render->vars[i].value ? render->vars[i].value : "";
		*ret_len = n + 4;
		return 0;
	}
	return err_set(err, ERR_INTERNAL, "template: nobody gave a value for {{%.*s}}",
		(int)n, mark + 2);
}

static bool at_blank_line(const struct strbuf *out)
{
	return out->len == 0 || (out->len >= 2 && out->data[out->len - 2] == '\n');
}

/* A line that was only an empty variable goes, with the blank line that it leaves. */
static size_t drop_line(const struct strbuf *out, const char *text, size_t left)
{
	size_t n = left > 0 ? 1 : 0;

	if (at_blank_line(out) && left > n && text[n] == '\n')
		n++;
	return n;
}

static int fill(struct render *render, const char *text, size_t len, struct err *err)
{
	size_t at = 0;

	while (at < len) {
		const char *mark = memmem(text + at, len - at, "{{", 2);
		size_t plain = mark ? (size_t)(mark - text) - at : len - at;
		const char *value = NULL;
		size_t mark_len = 0;

		strbuf_add(render->out, text + at, plain);
		at += plain;
		if (!mark)
			break;
		if (find_var(render, mark, len - at, &value, &mark_len, err) < 0)
			return -1;
		bool alone = (at == 0 || text[at - 1] == '\n') &&
			     (at + mark_len == len || text[at + mark_len] == '\n');
		at += mark_len;
		strbuf_adds(render->out, value);
		if (alone && !*value)
			at += drop_line(render->out, text + at, len - at);
	}
	return 0;
}

int prompt_render_text(const char *text, size_t len, const struct prompt_var *vars,
	size_t nvars, struct strbuf *out, struct err *err)
{
	struct render render = {.vars = vars, .nvars = nvars, .out = out};

	if (nvars > VARS_MAX)
		return err_set(
			err, ERR_INTERNAL, "template: more than %d variables", VARS_MAX);
	if (fill(&render, text, len, err) < 0)
		return -1;
	for (size_t i = 0; i < nvars; i++) {
		if (!render.used[i])
			return err_set(err, ERR_INTERNAL,
				"template: {{%s}} was given and is nowhere in the text",
				vars[i].name);
	}
	return strbuf_check(out, "a text made from a template", err);
}

int prompt_render(const char *name, const struct prompt_var *vars, size_t nvars,
	struct strbuf *out, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(prompts); i++) {
		if (!str_eq(prompts[i].name, name))
			continue;
		if (prompt_render_text(prompts[i].text, strlen(prompts[i].text), vars,
			    nvars, out, err) < 0)
			return err_wrap(err, "prompts/%s.md", name);
		return 0;
	}
	return err_set(err, ERR_INTERNAL, "there is no text `%s` in prompts/", name);
}
