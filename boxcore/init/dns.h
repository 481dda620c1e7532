/* SPDX-License-Identifier: MIT */
/*
 * Questions of the domain name system, as boxinit answers them for a gated box.  Pure code:
 * the asker is hostile, nothing is read beyond `len` and nothing kept.
 *
 * One question of the ordinary class is understood.  Its name is given out in small letters
 * without the last dot; what is no host's name (letters, digits, - and _ in labels of 1 to
 * 63) is answered with NXDOMAIN and never given out.
 */
#ifndef BOXCORE_INIT_DNS_H
#define BOXCORE_INIT_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_SIZE 254 /* with NUL; DNS allows 253 */
#define DNS_MESSAGE 512   /* more than any single question, and every answer of ours */
#define DNS_TTL_S 10      /* short: the names of a box are few and may move */

enum dns_rcode { DNS_OK = 0, DNS_FORMAT = 1, DNS_NO_NAME = 3, DNS_NOT_BUILT = 4 };

struct dns_question {
	enum dns_rcode rcode; /* not DNS_OK: answer that at once */
	bool address; /* an IPv4 address is asked for; else there are no records */
	char name[DNS_NAME_SIZE];
	size_t end; /* of the question in the message */
};

/* false: no answer at all (too short, or itself an answer). */
bool dns_read(const uint8_t *message, size_t len, struct dns_question *ret_question);
/* The answer into out (DNS_MESSAGE bytes), with the address (host byte order) if not NULL;
 * returns its length. */
size_t dns_write(const uint8_t *message, const struct dns_question *question,
	const uint32_t *address, uint8_t *out);

#endif
