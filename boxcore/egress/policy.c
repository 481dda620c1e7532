/* SPDX-License-Identifier: MIT */
/* The lists of a policy: reading, comparing; addresses that no list opens. */
#include "boxcore/egress/policy.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define CIDR_TEXT_MAX 64 /* longer than any */

const struct egress_range egress_refused_v4[] = {
	{0x00000000, 8},  /* this network */
	{0x0a000000, 8},  /* private */
	{0x64400000, 10}, /* carriers' NAT; some clouds' metadata */
	{0x7f000000, 8},  /* loopback */
	{0xa9fe0000, 16}, /* link-local; metadata */
	/* Azure: its wire server, a public address that answers guests */
	{0xa83f8110, 32}, {0xac100000, 12}, /* private */
	{0xc0000000, 24},                   /* protocol assignments */
	{0xc0a80000, 16},                   /* private */
	{0xc6120000, 15},                   /* benchmarks; names of gated boxes */
	{0xe0000000, 4},                    /* multicast */
	{0xf0000000, 4},                    /* reserved, broadcast */
};
const size_t egress_refused_v4_count = ARRAY_LEN(egress_refused_v4);

struct cidr {
	struct egress_address address; /* bits behind are zero */
	int bits;                      /* of 128 */
};

struct list {
	struct cidr *items;
	size_t count;
};

struct egress_policy {
	int owners;
	char **names; /* in order; "*.x" as ".x" */
	size_t name_count;
	struct list allowed, denied;
};

/* ---- addresses ------------------------------------------------------------------------- */

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct egress_address egress_address_v4(uint32_t host_order)
{
	struct egress_address address;
	uint32_t big = htonl(host_order);

	memcpy(address.bytes, mapped, sizeof mapped);
	memcpy(address.bytes + sizeof mapped, &big, sizeof big);
	return address;
}

bool egress_address_is_v4(const struct egress_address *address)
{
	return memcmp(address->bytes, mapped, sizeof mapped) == 0;
}

static uint32_t v4_of(const struct egress_address *address)
{
	uint32_t big;

	memcpy(&big, address->bytes + sizeof mapped, sizeof big);
	return ntohl(big);
}

bool egress_address_parse(const char *text, struct egress_address *ret_address)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ret_address = egress_address_v4(ntohl(v4.s_addr));
		return true;
	}
	return inet_pton(AF_INET6, text, ret_address->bytes) == 1;
}

void egress_address_print(
	const struct egress_address *address, char ret_text[EGRESS_ADDRESS_TEXT])
{
	bool v4 = egress_address_is_v4(address);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? sizeof mapped : 0),
		    ret_text, EGRESS_ADDRESS_TEXT))
		ret_text[0] = '\0';
}

static bool within(const struct cidr *cidr, const struct egress_address *address)
{
	int whole = cidr->bits / 8, rest = cidr->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (memcmp(cidr->address.bytes, address->bytes, (size_t)whole) != 0)
		return false;
	return rest == 0 ||
	       ((cidr->address.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

static const char *v4_refused(uint32_t address)
{
	for (size_t i = 0; i < egress_refused_v4_count; i++) {
		const struct egress_range *range = &egress_refused_v4[i];

		if ((address ^ range->address) >> (32 - range->bits) == 0)
			return "it is a private, link-local or reserved address";
	}
	return NULL;
}

/* Of IPv6 only what is routed outside, and of that nothing that may carry an IPv4 address
 * within (6to4, Teredo; NAT64 lies outside of 2000::/3). */
static const char *v6_refused(const uint8_t *bytes)
{
	static const struct cidr not_these[] = {
		{{{0x20, 0x01}}, 23},             /* Teredo, protocol assignments */
		{{{0x20, 0x01, 0x0d, 0xb8}}, 32}, /* documentation */
		{{{0x20, 0x02}}, 16},             /* 6to4 */
		{{{0x3f, 0xff}}, 20},             /* documentation */
	};
	struct egress_address address;

	memcpy(address.bytes, bytes, sizeof address.bytes);
	bool fine = (bytes[0] & 0xe0) == 0x20;
	for (size_t i = 0; i < ARRAY_LEN(not_these); i++)
		fine = fine && !within(&not_these[i], &address);
	return fine ? NULL : "it is a private, link-local or reserved address";
}

const char *egress_address_refused(const struct egress_address *address,
	const struct egress_address *host, size_t host_count)
{
	for (size_t i = 0; i < host_count; i++)
		if (memcmp(host[i].bytes, address->bytes, sizeof address->bytes) == 0)
			return "it is an address of this host";
	return egress_address_is_v4(address) ? v4_refused(v4_of(address))
					     : v6_refused(address->bytes);
}

/* ---- names ----------------------------------------------------------------------------- */

static char name_letter(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		    c == '_' || c == '.';
	return fine ? c : '\0';
}

bool egress_name_normalize(
	const char *text, size_t len, char ret_name[LIMIT_EGRESS_NAME + 1])
{
	size_t label = 0;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > LIMIT_EGRESS_NAME)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name_letter(text[i]);

		label = c == '.' ? 0 : label + 1;
		if (!c || label > 63 || (c == '.' && (i == 0 || ret_name[i - 1] == '.')))
			return false;
		ret_name[i] = c;
	}
	ret_name[len] = '\0';
	return ret_name[len - 1] != '.';
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has(const struct egress_policy *policy, const char *name)
{
	return policy->name_count > 0 && bsearch(&name, policy->names, policy->name_count,
						 sizeof *policy->names, compare_names);
}

bool egress_policy_has_name(const struct egress_policy *policy, const char *name)
{
	if (has(policy, name))
		return true;
	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
		if (dot != name && has(policy, dot))
			return true;
	return false;
}

/* ---- reading --------------------------------------------------------------------------- */

static int read_name(const char *entry, char **ret, struct err *err)
{
	char name[LIMIT_EGRESS_NAME + 1];
	struct egress_address address;
	bool below = str_starts(entry, "*.");
	const char *rest = below ? entry + 2 : entry;

	if (egress_address_parse(entry, &address) || strchr(entry, '/'))
		return err_set(err, ERR_INPUT,
			"allowed_domains: `%.100s` is no domain name; addresses and "
			"ranges belong into allowed_cidrs",
			entry);
	if (!egress_name_normalize(rest, strlen(rest), name))
		return err_set(err, ERR_INPUT,
			"allowed_domains: `%.100s` is no domain name: `example.com` or "
			"`*.example.com` of letters, digits, - and _ (write others as "
			"xn--...)",
			entry);
	*ret = mem_printf("%s%s", below ? "." : "", name);
	return 0;
}

static size_t length(const char *const *list)
{
	size_t count = 0;

	while (list && list[count] && count <= LIMIT_EGRESS_RULES)
		count++;
	return count;
}

static int check_length(const char *const *list, const char *what, struct err *err)
{
	if (length(list) > LIMIT_EGRESS_RULES)
		return err_set(err, ERR_LIMIT, "%s has more than %d entries", what,
			LIMIT_EGRESS_RULES);
	return 0;
}

static int read_names(
	struct egress_policy *policy, const char *const *list, struct err *err)
{
	size_t count = length(list);

	if (check_length(list, "allowed_domains", err) < 0)
		return -1;
	policy->names = mem_array(count + 1, sizeof *policy->names);
	for (size_t i = 0; i < count; i++) {
		if (read_name(list[i], &policy->names[i], err) < 0)
			return -1;
		policy->name_count = i + 1;
	}
	if (count > 0)
		qsort(policy->names, count, sizeof *policy->names, compare_names);
	return 0;
}

/* "10.0.0.0/8", "2001:db8::/32", or an address alone. */
static bool read_cidr(const char *entry, struct cidr *ret)
{
	char text[CIDR_TEXT_MAX];
	const char *slash = strchr(entry, '/');
	size_t len = slash ? (size_t)(slash - entry) : strlen(entry);
	uint64_t bits = 0;

	if (len >= sizeof text)
		return false;
	memcpy(text, entry, len);
	text[len] = '\0';
	if (!egress_address_parse(text, &ret->address))
		return false;
	uint64_t most = strchr(text, ':') ? 128 : 32;
	if (slash && !str_to_u64(slash + 1, 0, most, &bits))
		return false;
	ret->bits = (int)(slash ? bits : most) + (most == 32 ? 96 : 0);
	for (int bit = ret->bits; bit < 128; bit++)
		ret->address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	return true;
}

static int read_cidrs(
	struct list *ret_list, const char *const *list, const char *what, struct err *err)
{
	size_t count = length(list);

	if (check_length(list, what, err) < 0)
		return -1;
	ret_list->items = mem_array(count + 1, sizeof *ret_list->items);
	ret_list->count = count;
	for (size_t i = 0; i < count; i++)
		if (!read_cidr(list[i], &ret_list->items[i]))
			return err_set(err, ERR_INPUT,
				"%s: `%.100s` is no range of addresses "
				"(`203.0.113.0/24`, "
				"`2001:db8::/32` or an address)",
				what, list[i]);
	return 0;
}

int egress_policy_new(struct egress_policy **ret_policy, const struct box_policy *policy,
	struct err *err)
{
	CLEANUP(egress_policy) struct egress_policy *made = mem_zalloc(sizeof *made);

	made->owners = 1;
	if (read_names(made, policy->allowed_domains, err) < 0 ||
		read_cidrs(&made->allowed, policy->allowed_cidrs, "allowed_cidrs", err) <
			0 ||
		read_cidrs(&made->denied, policy->denied_cidrs, "denied_cidrs", err) < 0)
		return -1;
	*ret_policy = TAKE(made);
	return 0;
}

struct egress_policy *egress_policy_take(struct egress_policy *policy)
{
	if (policy)
		__atomic_add_fetch(&policy->owners, 1, __ATOMIC_RELAXED);
	return policy;
}

void egress_policy_drop(struct egress_policy *policy)
{
	if (!policy || __atomic_sub_fetch(&policy->owners, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < policy->name_count; i++)
		free(policy->names[i]);
	free(policy->names);
	free(policy->allowed.items);
	free(policy->denied.items);
	free(policy);
}

/* ---- asking ---------------------------------------------------------------------------- */

static bool any_within(const struct list *list, const struct egress_address *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (within(&list->items[i], address))
			return true;
	return false;
}

bool egress_policy_has_cidrs(const struct egress_policy *policy)
{
	return policy->allowed.count > 0;
}

bool egress_policy_allows(
	const struct egress_policy *policy, const struct egress_address *address)
{
	return any_within(&policy->allowed, address);
}

bool egress_policy_denies(
	const struct egress_policy *policy, const struct egress_address *address)
{
	return any_within(&policy->denied, address);
}

static bool equal_lists(const struct list *a, const struct list *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (a->items[i].bits != b->items[i].bits ||
			memcmp(a->items[i].address.bytes, b->items[i].address.bytes,
				sizeof a->items[i].address.bytes) != 0)
			return false;
	return a->count == b->count;
}

bool egress_policy_equal(const struct egress_policy *a, const struct egress_policy *b)
{
	if (!a || !b || a->name_count != b->name_count)
		return a == b;
	for (size_t i = 0; i < a->name_count; i++)
		if (!str_eq(a->names[i], b->names[i]))
			return false;
	return equal_lists(&a->allowed, &b->allowed) &&
	       equal_lists(&a->denied, &b->denied);
}
