/* SPDX-License-Identifier: MIT */
/*
 * The log: one line each of time, level, module, message and key=value pairs, to stderr.
 *
 *	2026-11-22T20:35:01.123Z info  workers   task done task=41 step=publish ms=812
 *
 * A source file that logs says `#define LOG_MODULE "workers"` before including this
 *header. Text from outside is escaped, so a value can never forge a line; every line
 *passes through secret_redact().  LOG=http=debug,store=info in the environment selects by
 *module, a bare level sets the rest.  Thread-safe; each line is one write().
 *
 * Levels: debug (for us), info (what happened), warn (a person should look sometime),
 *error (something was given up), broken (must not happen: a test that prints one fails).
 *
 * Libraries (boxcore, webhooks, prompts, store, github, repo) return errors and do not
 *log, but for debug and broken.
 */
#ifndef BOXCORE_BASE_LOG_H
#define BOXCORE_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_BROKEN };

void log_open(void); /* reads $LOG; main calls it first */
bool log_enabled(enum log_level level, const char *module);
void log_line(enum log_level level, const char *module, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Pairs that stand on every line of this thread until they are taken off again; nested at
 * most 8 deep.  Key and value are copied (value cut at 80 bytes). */
void log_push(const char *key, const char *value);
void log_pop(void);

#define LOG_AT(level, ...)                                                               \
	do {                                                                             \
		if (log_enabled(level, LOG_MODULE))                                      \
			log_line(level, LOG_MODULE, __VA_ARGS__);                        \
	} while (0)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
#define log_broken(...) LOG_AT(LOG_BROKEN, __VA_ARGS__)

#endif
