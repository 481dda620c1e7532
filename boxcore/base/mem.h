/* SPDX-License-Identifier: MIT */
/*
 * Allocation that cannot fail: out of memory ends the process.
 *
 * The supervisor starts it again and leases hand the work back, so no caller has a path
 * for a NULL.  In exchange every input is bounded (limits.h) before anything is allocated
 * for it.  All results are released with free().
 */
#ifndef BOXCORE_BASE_MEM_H
#define BOXCORE_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *mem_alloc(size_t size);               /* contents undefined; size 0 gives 1 byte */
void *mem_zalloc(size_t size);              /* zeroed */
void *mem_array(size_t count, size_t size); /* zeroed; overflow of the product ends us */
void *mem_grow(void *p, size_t count, size_t size); /* realloc; overflow ends us */
void *mem_dup(const void *p, size_t size);
char *mem_strdup(const char *s);            /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n); /* at most n bytes, NUL added */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* Overwrites with zeros in a way that the compiler keeps. */
void mem_wipe(void *p, size_t size);

#endif
