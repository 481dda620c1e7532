/* SPDX-License-Identifier: MIT */
/* Inside service/github: where installation tokens are kept; see call.h for taking one. */
#ifndef SERVICE_GITHUB_TOKEN_H
#define SERVICE_GITHUB_TOKEN_H

struct token_cache;
struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *cache); /* wipes */

#endif
