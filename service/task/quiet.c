/* SPDX-License-Identifier: MIT */
/* One table of who was reacted to how often within the hour. */
#include "service/task/quiet.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"

#include <stddef.h>

enum { HOUR_MS = 3600000, ASK_MS = 60000, EVERYBODY = 0 };

enum kind { NOBODY, STRANGER, UNKNOWN };

static const int most[] = {
	[STRANGER] = LIMIT_STRANGER_REACTIONS,
	[UNKNOWN] = LIMIT_UNKNOWN_REACTIONS,
};

struct person {
	enum kind kind;              /* NOBODY: a free place */
	const struct github *github; /* of which service of this process */
	int64_t repo, user;
	int64_t since_ms; /* of the hour */
	int64_t heard_ms;
	int64_t asked_ms; /* beyond the bound: when GitHub was asked last */
	int count;
};

static struct lock lock = LOCK_INIT;
static struct person people[LIMIT_QUIET_PEOPLE];

static struct person *find(
	enum kind kind, const struct github *github, int64_t repo, int64_t user)
{
	for (size_t i = 0; i < ARRAY_LEN(people); i++)
		if (people[i].kind == kind && people[i].user == user &&
			people[i].repo == repo && people[i].github == github)
			return &people[i];
	return NULL;
}

/* Theirs, or a new one in the place of the longest unheard; a new hour begins at zero. */
static struct person *get(enum kind kind, const struct github *github, int64_t repo,
	int64_t user, int64_t now)
{
	struct person *person = find(kind, github, repo, user);

	if (!person) {
		person = &people[0];
		for (size_t i = 1; i < ARRAY_LEN(people); i++)
			if (people[i].kind == NOBODY
					? person->kind != NOBODY
					: person->kind != NOBODY &&
						  people[i].heard_ms < person->heard_ms)
				person = &people[i];
		*person = (struct person){.kind = kind,
			.github = github,
			.repo = repo,
			.user = user,
			.since_ms = now};
	}
	if (now - person->since_ms >= HOUR_MS) {
		person->since_ms = now;
		person->count = 0;
	}
	person->heard_ms = now;
	return person;
}

bool quiet_known(
	const struct github *github, int64_t repo_id, int64_t user_id, int64_t now_ms)
{
	LOCKED(&lock);
	struct person *person = find(STRANGER, github, repo_id, user_id);

	if (!person || now_ms - person->since_ms >= HOUR_MS ||
		person->count < most[STRANGER])
		return false;
	if (now_ms - person->asked_ms < ASK_MS)
		return true;
	person->asked_ms = now_ms;
	return false;
}

void quiet_forget(const struct github *github, int64_t repo_id, int64_t user_id)
{
	LOCKED(&lock);
	struct person *person = find(STRANGER, github, repo_id, user_id);

	if (person)
		*person = (struct person){.kind = NOBODY};
}

bool quiet_stranger(
	const struct github *github, int64_t repo_id, int64_t user_id, int64_t now_ms)
{
	LOCKED(&lock);
	struct person *person = get(STRANGER, github, repo_id, user_id, now_ms);

	person->asked_ms = now_ms;
	if (person->count >= most[STRANGER])
		return false;
	person->count++;
	struct person *all = get(STRANGER, github, repo_id, EVERYBODY, now_ms);
	if (all->count >= LIMIT_STRANGERS_REACTIONS)
		return false;
	all->count++;
	return true;
}

bool quiet_unknown(
	const struct github *github, int64_t repo_id, int64_t user_id, int64_t now_ms)
{
	LOCKED(&lock);
	struct person *person = get(UNKNOWN, github, repo_id, user_id, now_ms);

	if (person->count >= most[UNKNOWN])
		return false;
	person->count++;
	return true;
}
