/* SPDX-License-Identifier: MIT */
/* Questions of the domain name system: read one, answer it. */
#include "boxcore/init/dns.h"

#include <string.h>

enum { HEADER = 12, CLASS_IN = 1, TYPE_A = 1 };

static unsigned get_u16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void set_u16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A character of a host's name in small letters; 0 for any other. */
static char name_letter(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	bool fine =
		(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
	return fine ? (char)c : 0;
}

/* The labels from `at`: the offset behind them, or 0 when they are malformed.  *ret_plain
 * says whether all are a host's. */
static size_t read_labels(
	const uint8_t *message, size_t len, size_t at, char *name, bool *ret_plain)
{
	size_t used = 0;

	*ret_plain = true;
	while (at < len && message[at] != 0) {
		size_t label = message[at++];

		/* Above 63 it would be a pointer, which a question has no use for. */
		if (label > 63 || label >= len - at || used + label + 1 >= DNS_NAME_SIZE)
			return 0;
		if (used > 0)
			name[used++] = '.';
		for (size_t i = 0; i < label; i++) {
			char c = name_letter(message[at + i]);

			if (!c)
				*ret_plain = false;
			name[used++] = c ? c : '?';
		}
		at += label;
	}
	name[used] = '\0';
	return at < len ? at + 1 : 0;
}

bool dns_read(const uint8_t *message, size_t len, struct dns_question *ret_question)
{
	bool plain = false;

	*ret_question = (struct dns_question){.rcode = DNS_FORMAT, .end = HEADER};
	if (len < HEADER || message[2] & 0x80)
		return false;
	if (message[2] & 0x78) {
		ret_question->rcode = DNS_NOT_BUILT;
		return true;
	}
	if (len > DNS_MESSAGE || get_u16(message + 4) != 1 || get_u16(message + 6) != 0)
		return true;
	size_t end = read_labels(message, len, HEADER, ret_question->name, &plain);
	if (end == 0 || len - end < 4)
		return true;
	ret_question->end = end + 4;
	ret_question->rcode = plain ? DNS_OK : DNS_NO_NAME;
	ret_question->address = ret_question->name[0] &&
				get_u16(message + end) == TYPE_A &&
				get_u16(message + end + 2) == CLASS_IN;
	return true;
}

size_t dns_write(const uint8_t *message, const struct dns_question *question,
	const uint32_t *address, uint8_t *out)
{
	/* The name is that of the question, by a pointer to it. */
	uint8_t record[16] = {
		0xc0, HEADER, 0, TYPE_A, 0, CLASS_IN, 0, 0, 0, DNS_TTL_S, 0, 4};
	size_t len = question->end;
	bool asked = len > HEADER;

	if (len > DNS_MESSAGE - sizeof record)
		return 0; /* a question ends at 12 + 255 + 4 */
	memcpy(out, message, len);
	/* An answer, recursion available, as asked for. */
	out[2] = (uint8_t)(0x80 | (message[2] & 0x79));
	out[3] = (uint8_t)(0x80 | question->rcode);
	memset(out + 4, 0, 8);
	set_u16(out + 4, asked);
	if (!asked || !address || question->rcode != DNS_OK)
		return len;
	set_u16(out + 6, 1);
	set_u16(record + 12, *address >> 16);
	set_u16(record + 14, *address & 0xffff);
	memcpy(out + len, record, sizeof record);
	return len + sizeof record;
}
