/* SPDX-License-Identifier: MIT */
/*
 * Git in a box, by the box's own git, as its user.
 *
 * A token never enters the box: for clone and push the host listens on the box's loopback
 * through the link, adds the token to what belongs to that one repository, and stops
 * listening when the command ends (service/relay/git_relay.h).
 */
#ifndef SERVICE_BOX_BOX_GIT_H
#define SERVICE_BOX_BOX_GIT_H

#include "service/box/boxes.h"

/* `verb`: clone, status, diff, commit, push, create-pr, exec, checkout.  `args` is the body,
 * or the query as an object.  The answer is the contract's, never NULL. */
int boxes_git(struct boxes *boxes, const struct box_caller *who, const char *box,
	const char *verb, const json_t *args, json_t **ret, struct cancel *cancel,
	struct err *err);

#endif
