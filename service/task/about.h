/* SPDX-License-Identifier: MIT */
/*
 * Reading what a trigger was about: the JSON object STORE_ABOUT of store_task.h.  Internal to
 * service/task.  Pure; `about` may be "" or anything else, which then holds nothing.
 */
#ifndef SERVICE_TASK_ABOUT_H
#define SERVICE_TASK_ABOUT_H

#include <stdbool.h>
#include <stdint.h>

/* A string member, "" when it is not there; free(). */
char *about_text(const char *about, const char *key);
/* A whole number from 1 on; 0 when it is not there. */
int64_t about_number(const char *about, const char *key);
bool about_flag(const char *about, const char *key);
/* The request came as an inline comment on a pull request's line, or as an answer to one. */
bool about_is_inline(const char *about);

#endif
