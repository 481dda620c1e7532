/* SPDX-License-Identifier: MIT */
/*
 * Whether a model request makes the provider itself go to the network: tools that run on the
 * provider's side (web search, remote MCP servers, code execution), and pictures or files
 * that it fetches from an address.  All of them carry data of a box out past any network
 * policy, as the request's writer chooses where they go.
 */
#ifndef SERVICE_RELAY_HOSTED_H
#define SERVICE_RELAY_HOSTED_H

#include "boxcore/base/err.h"

#include <stddef.h>

/* 0: the provider only thinks.  ERR_DENIED names what would go out; ERR_INPUT: the text is no
 * JSON object that can be judged.  What is not known is refused: of tools those pass that the
 * box runs.  Every one of equal members is judged, in letters of any case, so it does not
 * matter which of them the provider's parser takes.  Pure; no copy of the text is made. */
int relay_hosted_check(const char *text, size_t len, struct err *err);

#endif
