/* SPDX-License-Identifier: MIT */
/* A set of object names: open addressing, since the names are random already. */
#ifndef SERVICE_REPO_OID_SET_H
#define SERVICE_REPO_OID_SET_H

#include <git2.h>

#include <stdbool.h>
#include <stddef.h>

struct oid_set {
	git_oid *slots; /* all zero: free; the zero name itself is never added */
	size_t size;    /* a power of two */
	size_t used;
};

bool oid_set_add(struct oid_set *set, const git_oid *oid); /* false: it was there */
bool oid_set_has(const struct oid_set *set, const git_oid *oid);
void oid_set_release(struct oid_set *set);

#endif
