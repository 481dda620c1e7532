/* SPDX-License-Identifier: MIT */
/* Errors as values: formatting, wrapping, and the kind that an errno stands for. */
#include "boxcore/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* vsnprintf may cut in the middle of a character; take the torn bytes off again. */
static void trim_torn_utf8(char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len + 1 < size)
		return;
	size_t start = len;
	while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0xc0)
		text[start - 1] = '\0';
}

__attribute__((format(printf, 3, 0))) static void format_into(
	char *text, size_t size, const char *fmt, va_list ap)
{
	if (vsnprintf(text, size, fmt, ap) < 0)
		text[0] = '\0';
	trim_torn_utf8(text, size);
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	char text[sizeof err->text]; /* err->text itself may be an argument */
	va_list ap;

	va_start(ap, fmt);
	format_into(text, sizeof text, fmt, ap);
	va_end(ap);
	err->kind = kind;
	err->retry_after_s = 0;
	err->limited = false;
	memcpy(err->text, text, strlen(text) + 1);
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char old[sizeof err->text];
	char what[sizeof err->text];
	va_list ap;

	memcpy(old, err->text, sizeof old);
	va_start(ap, fmt);
	format_into(what, sizeof what, fmt, ap);
	va_end(ap);
	if (snprintf(err->text, sizeof err->text, "%s: %s", what, old) < 0)
		memcpy(err->text, old, sizeof old);
	trim_torn_utf8(err->text, sizeof err->text);
	if (err->kind == ERR_NONE)
		err->kind = ERR_INTERNAL;
	return -1;
}

static enum err_kind kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
	case ESRCH: return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS: return ERR_DENIED;
	case EEXIST:
	case EBUSY: return ERR_CONFLICT;
	case EINVAL:
	case ENAMETOOLONG: return ERR_INPUT;
	case EFBIG:
	case E2BIG: return ERR_LIMIT;
	case EAGAIN:
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case EPIPE:
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ETIMEDOUT: return ERR_TRANSIENT;
	case ECANCELED: return ERR_CANCELLED;
	default: return ERR_INTERNAL;
	}
}

int err_errno(struct err *err, int errnum, const char *fmt, ...)
{
	char what[sizeof err->text];
	char reason[128];
	va_list ap;

	va_start(ap, fmt);
	format_into(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(err, kind_of_errno(errnum), "%s: %s", what,
		strerror_r(errnum, reason, sizeof reason));
}

const char *err_kind_name(enum err_kind kind)
{
	switch (kind) {
	case ERR_NONE: return "none";
	case ERR_INPUT: return "input";
	case ERR_DENIED: return "denied";
	case ERR_NOT_FOUND: return "not_found";
	case ERR_CONFLICT: return "conflict";
	case ERR_LIMIT: return "limit";
	case ERR_UNABLE: return "unable";
	case ERR_QUOTA: return "quota";
	case ERR_UNSUPPORTED: return "not_supported";
	case ERR_TRANSIENT: return "transient";
	case ERR_CANCELLED: return "cancelled";
	case ERR_INTERNAL: return "internal";
	}
	return "unknown";
}
