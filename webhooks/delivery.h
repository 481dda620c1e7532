/* SPDX-License-Identifier: MIT */
/*
 * The headers of a delivery.  Pure and thread-safe.
 */
#ifndef WEBHOOKS_DELIVERY_H
#define WEBHOOKS_DELIVERY_H

#include "boxcore/base/err.h"
#include "boxcore/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* As they came, NULL when absent.  Borrowed. */
struct delivery_headers {
	const char *id;           /* X-GitHub-Delivery */
	const char *event;        /* X-GitHub-Event */
	const char *target_type;  /* X-GitHub-Hook-Installation-Target-Type */
	const char *target_id;    /* X-GitHub-Hook-Installation-Target-ID */
	const char *content_type; /* Content-Type */
};

struct delivery {
	char id[LIMIT_DELIVERY_ID + 1];   /* GUID-like: [0-9a-fA-F-]{8,64} */
	char event[LIMIT_EVENT_NAME + 1]; /* [a-z0-9_]{1,64}; need not be one we know */
	int64_t target_id; /* the App's id when target_type is integration, or 0 */
};

enum delivery_content {
	DELIVERY_JSON,  /* application/json, with or without charset=utf-8 */
	DELIVERY_FORM,  /* application/x-www-form-urlencoded: GitHub's other setting */
	DELIVERY_OTHER, /* anything else, also none */
};

enum delivery_content delivery_content(const char *content_type);

/* Fills *ret, or ERR_INPUT naming the header and what it should be.  The content type is
 * not looked at. */
int delivery_parse(
	const struct delivery_headers *headers, struct delivery *ret, struct err *err);

#endif
