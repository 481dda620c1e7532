/* SPDX-License-Identifier: MIT */
/* Kept answers, as text: each caller makes a tree of its own. */
#include "service/github/etag.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <string.h>

enum { ANSWERS_MAX = 64, ANSWER_MAX = 64 * 1024 };

struct answer {
	int64_t installation;
	char *path; /* NULL: a free place */
	char *body;
	size_t len;
	char name[ETAG_SIZE];
	int64_t used; /* counts up */
};

struct etags {
	struct lock lock;
	struct answer answers[ANSWERS_MAX];
	int64_t uses;
};

struct etags *etags_new(void)
{
	struct etags *etags = mem_zalloc(sizeof *etags);

	lock_init(&etags->lock);
	return etags;
}

static void forget(struct answer *answer)
{
	free(answer->path);
	free(answer->body);
	*answer = (struct answer){0};
}

void etags_free(struct etags *etags)
{
	if (!etags)
		return;
	for (size_t i = 0; i < ANSWERS_MAX; i++)
		forget(&etags->answers[i]);
	lock_release(&etags->lock);
	free(etags);
}

static struct answer *find(struct etags *etags, int64_t installation, const char *path)
{
	lock_assert_held(&etags->lock);
	for (size_t i = 0; i < ANSWERS_MAX; i++) {
		struct answer *answer = &etags->answers[i];

		if (answer->path && answer->installation == installation &&
			str_eq(answer->path, path)) {
			answer->used = ++etags->uses;
			return answer;
		}
	}
	return NULL;
}

char *etags_get(struct etags *etags, int64_t installation, const char *path,
	char ret_name[ETAG_SIZE], size_t *ret_len)
{
	LOCKED(&etags->lock);
	const struct answer *answer = find(etags, installation, path);

	str_copy(ret_name, ETAG_SIZE, answer ? answer->name : "");
	*ret_len = answer ? answer->len : 0;
	return answer ? mem_strndup(answer->body, answer->len) : NULL;
}

void etags_keep(struct etags *etags, int64_t installation, const char *path,
	const char *name, const char *body, size_t len)
{
	if (name[0] == '\0' || strlen(name) >= ETAG_SIZE || len > ANSWER_MAX)
		return;
	LOCKED(&etags->lock);
	struct answer *answer = find(etags, installation, path);

	if (!answer) {
		answer = &etags->answers[0];
		for (size_t i = 1; i < ANSWERS_MAX; i++)
			if (etags->answers[i].used < answer->used)
				answer = &etags->answers[i];
	}
	forget(answer);
	*answer = (struct answer){.installation = installation,
		.path = mem_strdup(path),
		.body = mem_strndup(body, len),
		.len = len,
		.used = ++etags->uses};
	str_copy(answer->name, sizeof answer->name, name);
}
