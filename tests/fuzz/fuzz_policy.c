/* SPDX-License-Identifier: MIT */
/*
 * A policy: lines of names, allowed and denied ranges ("n:", "a:", "d:" in front).  What is
 * taken can be asked, an address that no list opens stays refused, and the same again is
 * equal.
 */
#include "boxcore/base/mem.h"
#include "boxcore/egress/judge.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST (LIMIT_EGRESS_RULES + 2)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *lists[3][MOST + 1];
	size_t counts[3] = {0};
	CLEANUP(mem) char *text = mem_strndup((const char *)data, size);
	CLEANUP(egress_policy) struct egress_policy *made = NULL, *again = NULL;
	struct egress_address inner, outer;
	struct egress_host host = {NULL, 0};
	struct err err = {0};
	char *save = NULL;

	memset(lists, 0, sizeof lists);
	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		int which = *line == 'a' ? 1 : *line == 'd' ? 2 : 0;

		if (strlen(line) >= 2 && counts[which] < MOST)
			lists[which][counts[which]++] = line + 2;
	}
	struct box_policy policy = {.mode = BOX_NETWORK_GATED,
		.allowed_domains = lists[0],
		.allowed_cidrs = lists[1],
		.denied_cidrs = lists[2]};
	if (egress_policy_new(&made, &policy, &err) < 0) {
		if ((err.kind != ERR_INPUT && err.kind != ERR_LIMIT) || !err.text[0])
			abort();
		return 0;
	}
	if (egress_policy_new(&again, &policy, &err) < 0 ||
		!egress_policy_equal(made, again))
		abort();
	egress_address_parse("169.254.169.254", &inner);
	egress_address_parse("9.9.9.9", &outer);
	for (enum judge by = JUDGE_ADDRESS; by <= JUDGE_CIDR; by++)
		if (!judge_address(made, by, &inner, &host))
			abort();
	if (egress_policy_denies(made, &outer) &&
		!judge_address(made, JUDGE_NAME, &outer, &host))
		abort();
	return 0;
}
