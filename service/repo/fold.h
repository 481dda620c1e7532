/* SPDX-License-Identifier: MIT */
/*
 * When two file names are one.
 *
 * Some file systems take names for equal that differ in case, in Unicode form (é as one
 * character or as two) or in characters nobody sees.  Two names clash when their folded
 * forms are equal bytes.  The folded form is canonical decomposition, full case folding,
 * marks in one order, invisible characters left out; it is a key, not for showing.  It
 * errs towards "equal".  Pure, thread-safe.
 */
#ifndef SERVICE_REPO_FOLD_H
#define SERVICE_REPO_FOLD_H

#include "boxcore/base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

/* Appends the folded form; a byte that is not UTF-8 is kept as it is. */
void fold_add(struct strbuf *out, const char *text, size_t len);

/* The next code point and how many bytes it takes (1 and -1 for a bad byte); len > 0. */
int32_t fold_decode(const char *text, size_t len, size_t *ret_used);

#endif
