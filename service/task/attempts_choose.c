/* SPDX-License-Identifier: MIT */
/* Which of several attempts is published. */
#include "service/task/attempts_choose.h"

static bool better(const struct attempt_facts *a, const struct attempt_facts *b)
{
	if (a->failed != b->failed)
		return a->failed < b->failed;
	if (a->lines != b->lines)
		return a->lines < b->lines;
	return a->files < b->files;
}

int attempts_choose(const struct attempt_facts *facts, size_t count)
{
	int best = -1;

	for (size_t i = 0; i < count; i++)
		if (facts[i].result && (best < 0 || better(&facts[i], &facts[best])))
			best = (int)i;
	return best;
}
