/* SPDX-License-Identifier: MIT */
/*
 * What the service and its git child say to each other over two pipes: frames of one letter,
 * four bytes of length (little endian) and a payload.
 */
#ifndef SERVICE_REPO_WIRE_H
#define SERVICE_REPO_WIRE_H

#include "boxcore/base/err.h"
#include "boxcore/base/strbuf.h"

#include <stdint.h>

enum wire_type {
	WIRE_REQUEST = 'J',  /* to the child: JSON */
	WIRE_TOKEN = 'T',    /* to the child: the credential's bytes */
	WIRE_PROGRESS = 'P', /* from the child: JSON */
	WIRE_DATA = 'D',     /* from the child: bytes of a file or diff */
	WIRE_RESULT = 'R',   /* from the child, last: JSON */
	WIRE_ERROR = 'E',    /* from the child, last: JSON with kind, text, retry_after */
};

#define WIRE_HEAD 5

void wire_head(uint8_t ret[WIRE_HEAD], enum wire_type type, size_t len);

/* Blocking. */
int wire_write(
	int fd, enum wire_type type, const void *data, size_t len, struct err *err);

/* The frame at the front of `in`: 1 and where its payload is, 0 when it is not whole yet, -1
 * (ERR_INTERNAL) when it is none or longer than `max`.  Drop it with strbuf_consume(in,
 * WIRE_HEAD + *ret_len). */
int wire_next(const struct strbuf *in, size_t max, char *ret_type, const char **ret_data,
	size_t *ret_len, struct err *err);

#endif
