/* SPDX-License-Identifier: MIT */
/* Log lines: built in one buffer, escaped, redacted, written at once. */
#include "boxcore/base/log.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MODULES_MAX = 32, CONTEXT_MAX = 8 };

static const char *const level_names[] = {"debug", "info", "warn", "error", "BROKEN"};

static struct {
	char module[24];
	enum log_level level;
} selected[MODULES_MAX];
static int nselected;
static enum log_level rest = LOG_INFO;

static __thread struct {
	char key[24];
	char value[80];
} context[CONTEXT_MAX];
static __thread int depth;

static bool level_of(const char *name, enum log_level *ret)
{
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
		if (str_eq_nocase(name, level_names[i])) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static void select_one(char *word)
{
	char *equals = strchr(word, '=');
	enum log_level level;

	if (equals)
		*equals = '\0';
	if (!level_of(equals ? equals + 1 : word, &level)) {
		log_line(LOG_WARN, "log",
			"LOG: unknown level in \"%s\"; use debug, info, "
			"warn or error",
			word);
		return;
	}
	if (!equals) {
		rest = level;
	} else if (nselected < MODULES_MAX) {
		str_copy(selected[nselected].module, sizeof selected->module, word);
		selected[nselected++].level = level;
	}
}

void log_open(void)
{
	CLEANUP(mem) char *spec = mem_strdup(getenv("LOG"));
	char *at = NULL;

	nselected = 0;
	for (char *w = spec ? strtok_r(spec, ",", &at) : NULL; w;
		w = strtok_r(NULL, ",", &at))
		select_one(w);
}

bool log_enabled(enum log_level level, const char *module)
{
	for (int i = 0; i < nselected; i++)
		if (str_eq(selected[i].module, module))
			return level >= selected[i].level;
	return level >= rest;
}

/* Control characters would let foreign text forge a line or drive a terminal. */
static void add_escaped(struct strbuf *line, const char *s)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_LOG_LINE * 4);

	str_clean_utf8(&clean, s, strnlen(s, LIMIT_LOG_LINE), true);
	for (size_t i = 0; i < clean.len; i++) {
		unsigned char c = (unsigned char)clean.data[i];
		if (c == 0xc2 && (unsigned char)clean.data[i + 1] < 0xa0)
			/* C1 controls: terminals obey U+009B as they do ESC [ */
			strbuf_addf(line, "\\x%02x", (unsigned char)clean.data[++i]);
		else if (c == '\n')
			strbuf_adds(line, "\\n");
		else if (c < 0x20 || c == 0x7f)
			strbuf_addf(line, "\\x%02x", c);
		else
			strbuf_addc(line, (char)c);
	}
}

/* Redacted first: once escaped, a key of several lines would not be recognised. */
static void add_clean(struct strbuf *line, const char *text)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(LIMIT_LOG_LINE * 2);
	size_t len = strlen(text);

	/* Beyond the cut only as far as a secret that begins before it may reach. */
	secret_redact(&clean, text, len < LIMIT_LOG_LINE * 2 ? len : LIMIT_LOG_LINE * 2);
	add_escaped(line, strbuf_str(&clean));
}

void log_line(enum log_level level, const char *module, const char *fmt, ...)
{
	CLEANUP(strbuf) struct strbuf line = STRBUF_INIT(LIMIT_LOG_LINE * 8);
	int64_t now = clock_wall_ms();
	char when[CLOCK_ISO_SIZE];
	va_list ap;

	clock_iso(now / 1000, when, sizeof when);
	when[19] = '\0';
	strbuf_addf(&line, "%s.%03dZ %-6s %-9s ", when, (int)(now % 1000),
		level_names[level], module);
	va_start(ap, fmt);
	CLEANUP(mem) char *text = mem_vprintf(fmt, ap);
	va_end(ap);
	add_clean(&line, text);
	for (int i = 0; i < depth; i++) {
		strbuf_addf(&line, " %s=", context[i].key);
		add_clean(&line, context[i].value);
	}
	strbuf_addc(&line, '\n');
	if (write(STDERR_FILENO, strbuf_str(&line), line.len) < 0)
		return; /* nowhere left to say so */
}

void log_push(const char *key, const char *value)
{
	if (depth >= CONTEXT_MAX)
		abort();
	str_copy(context[depth].key, sizeof context->key, key);
	str_copy(context[depth].value, sizeof context->value, value);
	depth++;
}

void log_pop(void)
{
	if (depth <= 0)
		abort();
	depth--;
}
