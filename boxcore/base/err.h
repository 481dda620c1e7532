/* SPDX-License-Identifier: MIT */
/*
 * The one way to report a failure.
 *
 * A function that can fail takes a `struct err *` as its last argument, never NULL, and
 * returns 0 or -1 (or a count, or a pointer and NULL).  On success it leaves the error
 * untouched.  The error is a plain value on the caller's stack: nothing to free, nothing
 * to leak, and it works when memory is short.  Start with `struct err err = {0};`.
 *
 * The kind alone decides what happens next: whether a task is tried again, and which HTTP
 * status an API answer gets.  The text is for people: a whole sentence that names the
 * thing that failed, the limit it broke and what to do.  It is never compared.
 *
 * A function returns an error or logs it, never both.  It is logged once, where the chain
 * ends: by the worker after a step, by the server after a request, by main.
 */
#ifndef BOXCORE_BASE_ERR_H
#define BOXCORE_BASE_ERR_H

#include <stdbool.h>

enum err_kind {
	ERR_NONE = 0,
	ERR_INPUT,       /* what was asked is malformed; asking again is useless (400) */
	ERR_DENIED,      /* the caller, or our credential, may not (401, 403) */
	ERR_NOT_FOUND,   /* no such thing (404) */
	ERR_CONFLICT,    /* not in its present state; somebody else was first (409) */
	ERR_LIMIT,       /* a named maximum was passed (413) */
	ERR_UNABLE,      /* well formed, but not to be had here: a size, a state (422) */
	ERR_QUOTA,       /* too many at a time; fewer, or later (429) */
	ERR_UNSUPPORTED, /* known, and not built (501) */
	ERR_TRANSIENT,   /* may work later: network, engine away, rate limit (503) */
	ERR_CANCELLED,   /* the caller's `struct cancel` fired (499) */
	ERR_INTERNAL,    /* our own mistake, or a peer that breaks its contract (500) */
};

struct err {
	enum err_kind kind;
	int retry_after_s; /* 0: the retry strategy decides */
	bool limited;      /* put off by a peer's limit: a retry that is not counted */
	char text[480];    /* NUL-terminated, cut at a character of UTF-8 */
};

/* Sets kind and text, resets all else.  Always returns -1: `return err_set(...)`. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what: " before the text, keeps the kind.  Always returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As err_set with ": strerror(errnum)" behind; the kind follows from errnum
 * (ENOENT: not found, EACCES: denied, ENOSPC and the like: transient, else internal). */
int err_errno(struct err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "input", "denied", ...: the word used in logs, rows and the API's `code`. */
const char *err_kind_name(enum err_kind kind);

#endif
