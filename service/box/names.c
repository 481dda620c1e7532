/* SPDX-License-Identifier: MIT */
/* Names of boxes. */
#include "service/box/names.h"

#include "boxcore/base/cleanup.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* 64 of each: six bits choose one without favour. */
static const char *const qualities[64] = {"agile", "amber", "ample", "bold", "brave",
	"breezy", "bright", "brisk", "calm", "candid", "clear", "clever", "cosy", "crisp",
	"daring", "deft", "eager", "early", "earnest", "fair", "fleet", "fond", "frank",
	"fresh", "gentle", "glad", "golden", "grand", "hardy", "honest", "humble",
	"jolly", "keen", "kind", "lively", "loyal", "lucid", "mellow", "merry", "mild",
	"neat", "nimble", "noble", "patient", "placid", "plucky", "prime", "proud",
	"quick", "quiet", "rapid", "ready", "robust", "rosy", "serene", "sharp", "silver",
	"snug", "solid", "spry", "steady", "sunny", "sweet", "tidy"};
static const char *const animals[64] = {"badger", "beaver", "bison", "bobcat", "camel",
	"caribou", "cheetah", "condor", "cougar", "coyote", "crane", "curlew", "dolphin",
	"eagle", "egret", "elk", "falcon", "ferret", "finch", "fox", "gannet", "gazelle",
	"gecko", "gull", "hare", "hawk", "heron", "ibex", "jackal", "jaguar", "kestrel",
	"kiwi", "koala", "lark", "lemur", "lion", "llama", "lynx", "marten", "mole",
	"moose", "newt", "ocelot", "orca", "osprey", "otter", "owl", "panda", "parrot",
	"pelican", "plover", "puffin", "puma", "quail", "rabbit", "raven", "robin",
	"seal", "shark", "stork", "swan", "tapir", "walrus", "wren"};

void name_make(char ret_id[BOX_ID_SIZE])
{
	uint32_t dice[3];

	crypto_random(dice, sizeof dice);
	snprintf(ret_id, BOX_ID_SIZE, "%s-%s-%05u", qualities[dice[0] % 64],
		animals[dice[1] % 64], 10000 + dice[2] % 90000);
}

int name_check(const char *name, struct err *err)
{
	static const char *const reserved[] = {"snapshots", "settings", "from-snapshot",
		"logs", "github", "agent-credentials", "usage", "keys"};
	size_t len = strlen(name);

	if (len == 0 || len > LIMIT_BOX_NAME ||
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		return err_set(err, ERR_INPUT,
			"`name` must have 1 to %d characters of a-z, 0-9 and -",
			LIMIT_BOX_NAME);
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		if (str_eq(name, reserved[i]))
			return err_set(err, ERR_INPUT,
				"`name` cannot be %s: it stands for something else in "
				"URLs",
				name);
	}
	if (str_starts(name, "task-") || str_starts(name, "prep-") ||
		str_starts(name, "conv-"))
		return err_set(err, ERR_INPUT,
			"`name` cannot begin with task-, prep- or conv-: boxes of tasks "
			"do");
	return 0;
}
