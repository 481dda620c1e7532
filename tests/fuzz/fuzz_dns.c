/* SPDX-License-Identifier: MIT */
/*
 * A question of names from a box, as boxinit reads it.  A name that is given out is a
 * host's, the answer fits and begins as the question does.
 */
#include "boxcore/init/dns.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	size_t label = 0;

	if (strlen(name) >= DNS_NAME_SIZE)
		abort();
	for (; *name; name++) {
		label = *name == '.' ? 0 : label + 1;
		if (label > 63 || (*name != '.' && name_letter((uint8_t)*name) != *name))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_question question;
	uint8_t out[DNS_MESSAGE];
	uint32_t address = 0xc6120001;

	if (!dns_read(data, size, &question))
		return 0;
	if (question.rcode == DNS_OK)
		check_name(question.name);
	if (question.address && !question.name[0])
		abort();
	size_t len = dns_write(data, &question, question.address ? &address : NULL, out);
	if (len < HEADER || len > sizeof out || memcmp(out, data, 2) != 0)
		abort();
	return 0;
}
