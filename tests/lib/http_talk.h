/* SPDX-License-Identifier: MIT */
/* A client that says HTTP byte by byte, for tests of servers.  Fails the test when nothing
 * comes for ten seconds. */
#ifndef TESTS_LIB_HTTP_TALK_H
#define TESTS_LIB_HTTP_TALK_H

#include "boxcore/base/strbuf.h"

int talk_dial(int port); /* to 127.0.0.1 */
/* What the far side does not take is dropped: its answer tells. */
void talk_put(int fd, const void *data, size_t len);
void talk_say(int fd, const char *text);
/* Reads until `until` is in the text; NULL: to the end of the connection. */
void talk_hear(int fd, struct strbuf *in, const char *until);
/* Says, hears to the end; the status, or -1. */
int talk_ask(int port, const char *text, struct strbuf *in);

#endif
