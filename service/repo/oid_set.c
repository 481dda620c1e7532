/* SPDX-License-Identifier: MIT */
/* The set behind walks over history. */
#include "service/repo/oid_set.h"

#include "boxcore/base/mem.h"

#include <stdlib.h>
#include <string.h>

static git_oid *slot_for(const struct oid_set *set, const git_oid *oid)
{
	size_t at;

	memcpy(&at, oid->id, sizeof at);
	for (;; at++) {
		git_oid *slot = &set->slots[at & (set->size - 1)];
		if (git_oid_is_zero(slot) || git_oid_equal(slot, oid))
			return slot;
	}
}

static void grow(struct oid_set *set)
{
	struct oid_set larger = {
		.size = set->size ? 2 * set->size : 256, .used = set->used};

	larger.slots = mem_array(larger.size, sizeof *larger.slots);
	for (size_t i = 0; i < set->size; i++)
		if (!git_oid_is_zero(&set->slots[i]))
			*slot_for(&larger, &set->slots[i]) = set->slots[i];
	free(set->slots);
	*set = larger;
}

bool oid_set_add(struct oid_set *set, const git_oid *oid)
{
	git_oid *slot;

	if (2 * (set->used + 1) > set->size)
		grow(set);
	slot = slot_for(set, oid);
	if (!git_oid_is_zero(slot))
		return false;
	*slot = *oid;
	set->used++;
	return true;
}

bool oid_set_has(const struct oid_set *set, const git_oid *oid)
{
	return set->size > 0 && !git_oid_is_zero(slot_for(set, oid));
}

void oid_set_release(struct oid_set *set)
{
	free(set->slots);
	*set = (struct oid_set){0};
}
