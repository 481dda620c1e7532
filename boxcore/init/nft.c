/* SPDX-License-Identifier: MIT */
/*
 * The packet rules of a gated box, in its own network namespace, by the kernel's nf_tables:
 * one transaction that is there as a whole or not at all.  The netlink structures are
 * written out here because musl has no kernel headers.
 *
 * What goes out of the box is not decided here (its interface is down then); the rules only
 * bring each TCP connection to the gate and questions of names to boxinit, and keep the
 * engine's own resolver, which asks outside, from being reached.
 */
#include "boxcore/init/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TABLE "boxwright"
#define ENGINE_RESOLVER 0x7f00000bu /* 127.0.0.11 */
#define BATCH_MAX 8192

enum {
	NL_NETFILTER = 12,
	NL_ERROR = 2,
	NL_REQUEST = 1,
	NL_ACK = 4,
	NL_CREATE = 0x400,
	NL_APPEND = 0x800,
	BATCH_BEGIN = 0x10,
	BATCH_END = 0x11,
	SUBSYSTEM = 10, /* NFNL_SUBSYS_NFTABLES */
	NEW_TABLE = 0,
	DEL_TABLE = 2,
	NEW_CHAIN = 3,
	NEW_RULE = 6,
	FAMILY_IPV4 = 2,
	HOOK_OUTPUT = 3,
	NESTED = 0x8000,
	REG_VERDICT = 0,
	REG_1 = 1,
	REG_2 = 2,
	VERDICT_DROP = 0,
	VERDICT_ACCEPT = 1,
	OFFSET_DESTINATION = 16, /* in the IPv4 header */
	OFFSET_PORT = 2,         /* of the destination, in TCP's and UDP's */
};

struct batch {
	uint8_t buf[BATCH_MAX];
	size_t len;
	size_t message; /* where the present one began */
	uint32_t seq;
	uint32_t first_seq;
};

/* ---- messages and attributes ----------------------------------------------------------- */

static void put(struct batch *batch, const void *data, size_t len)
{
	static const uint8_t zero[4];
	size_t pad = (4 - len % 4) % 4;

	if (batch->len + len + pad > BATCH_MAX)
		return; /* sized for all that is made here; the kernel would refuse the rest */
	if (len > 0)
		memcpy(batch->buf + batch->len, data, len);
	memcpy(batch->buf + batch->len + len, zero, pad);
	batch->len += len + pad;
}

static void message(struct batch *batch, int type, int flags, int family, int resource)
{
	struct {
		uint32_t len;
		uint16_t type, flags;
		uint32_t seq, pid;
		uint8_t family, version;
		uint16_t resource;
	} head = {.type = (uint16_t)type,
		.flags = (uint16_t)(NL_REQUEST | flags),
		.seq = batch->seq++,
		.family = (uint8_t)family,
		.resource = htons((uint16_t)resource)};

	batch->message = batch->len;
	put(batch, &head, sizeof head);
}

static void message_end(struct batch *batch)
{
	uint32_t len = (uint32_t)(batch->len - batch->message);

	memcpy(batch->buf + batch->message, &len, sizeof len);
}

static void attr(struct batch *batch, int type, const void *data, size_t len)
{
	uint16_t head[2] = {(uint16_t)(len + 4), (uint16_t)type};

	put(batch, head, sizeof head);
	put(batch, data, len);
}

static void attr_text(struct batch *batch, int type, const char *text)
{
	attr(batch, type, text, strlen(text) + 1);
}

static void attr_u32(struct batch *batch, int type, uint32_t value)
{
	uint32_t big = htonl(value);

	attr(batch, type, &big, sizeof big);
}

static size_t nest(struct batch *batch, int type)
{
	size_t at = batch->len;

	attr(batch, type | NESTED, NULL, 0);
	return at;
}

static void nest_end(struct batch *batch, size_t at)
{
	uint16_t len = (uint16_t)(batch->len - at);

	memcpy(batch->buf + at, &len, sizeof len);
}

/* ---- expressions ----------------------------------------------------------------------- */

struct nested {
	size_t element, data;
};

static struct nested expression(struct batch *batch, const char *name)
{
	struct nested nested = {.element = nest(batch, 1)};

	attr_text(batch, 1, name);
	nested.data = nest(batch, 2);
	return nested;
}

static void expression_end(struct batch *batch, struct nested nested)
{
	nest_end(batch, nested.data);
	nest_end(batch, nested.element);
}

/* The rule goes on where the register is (or is not) this. */
static void compare(struct batch *batch, bool equal, const void *value, size_t len)
{
	struct nested nested = expression(batch, "cmp");

	attr_u32(batch, 1, REG_1);
	attr_u32(batch, 2, equal ? 0 : 1);
	size_t data = nest(batch, 3);
	attr(batch, 1, value, len);
	nest_end(batch, data);
	expression_end(batch, nested);
}

static void if_protocol(struct batch *batch, uint8_t protocol, bool equal)
{
	struct nested nested = expression(batch, "meta");

	attr_u32(batch, 1, REG_1);
	attr_u32(batch, 2, 16); /* NFT_META_L4PROTO */
	expression_end(batch, nested);
	compare(batch, equal, &protocol, 1);
}

static void load(struct batch *batch, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nested nested = expression(batch, "payload");

	attr_u32(batch, 1, REG_1);
	attr_u32(batch, 2, base); /* 1: the network header, 2: the transport's */
	attr_u32(batch, 3, offset);
	attr_u32(batch, 4, len);
	expression_end(batch, nested);
}

static void if_destination(struct batch *batch, uint32_t address, bool equal)
{
	uint32_t big = htonl(address);

	load(batch, 1, OFFSET_DESTINATION, 4);
	compare(batch, equal, &big, sizeof big);
}

static void if_loopback(struct batch *batch, bool equal)
{
	uint8_t net = 127;

	load(batch, 1, OFFSET_DESTINATION, 1);
	compare(batch, equal, &net, 1);
}

static void if_port(struct batch *batch, uint16_t port)
{
	uint16_t big = htons(port);

	load(batch, 2, OFFSET_PORT, 2);
	compare(batch, true, &big, sizeof big);
}

static void immediate(struct batch *batch, uint32_t reg, const void *value, size_t len)
{
	struct nested nested = expression(batch, "immediate");

	attr_u32(batch, 1, reg);
	size_t data = nest(batch, 2);
	attr(batch, 1, value, len);
	nest_end(batch, data);
	expression_end(batch, nested);
}

static void verdict(struct batch *batch, uint32_t code)
{
	struct nested nested = expression(batch, "immediate");

	attr_u32(batch, 1, REG_VERDICT);
	size_t data = nest(batch, 2), inner = nest(batch, 2);
	attr_u32(batch, 1, code);
	nest_end(batch, inner);
	nest_end(batch, data);
	expression_end(batch, nested);
}

static void send_to(struct batch *batch, uint16_t port)
{
	uint32_t address = htonl(INADDR_LOOPBACK);
	uint16_t big = htons(port);

	immediate(batch, REG_1, &address, sizeof address);
	immediate(batch, REG_2, &big, sizeof big);
	struct nested nested = expression(batch, "nat");
	attr_u32(batch, 1, 1); /* the destination */
	attr_u32(batch, 2, FAMILY_IPV4);
	attr_u32(batch, 3, REG_1);
	attr_u32(batch, 5, REG_2);
	expression_end(batch, nested);
}

/* ---- the table ------------------------------------------------------------------------- */

static void table(struct batch *batch, int type, int flags)
{
	message(batch, SUBSYSTEM << 8 | type, flags | NL_ACK, FAMILY_IPV4, 0);
	attr_text(batch, 1, TABLE);
	message_end(batch);
}

static void chain(struct batch *batch, const char *name, const char *type, int priority)
{
	message(batch, SUBSYSTEM << 8 | NEW_CHAIN, NL_CREATE | NL_ACK, FAMILY_IPV4, 0);
	attr_text(batch, 1, TABLE);
	attr_text(batch, 3, name);
	size_t hook = nest(batch, 4);
	attr_u32(batch, 1, HOOK_OUTPUT);
	attr_u32(batch, 2, (uint32_t)priority);
	nest_end(batch, hook);
	attr_text(batch, 7, type);
	message_end(batch);
}

static size_t rule(struct batch *batch, const char *of)
{
	message(batch, SUBSYSTEM << 8 | NEW_RULE, NL_CREATE | NL_APPEND | NL_ACK,
		FAMILY_IPV4, 0);
	attr_text(batch, 1, TABLE);
	attr_text(batch, 2, of);
	return nest(batch, 4);
}

static void rule_end(struct batch *batch, size_t at)
{
	nest_end(batch, at);
	message_end(batch);
}

static void to_the_gate(struct batch *batch, const struct nft_gate *gate)
{
	size_t at = rule(batch, "gate");

	if_protocol(batch, IPPROTO_UDP, true);
	if_destination(batch, ENGINE_RESOLVER, true);
	if_port(batch, 53);
	send_to(batch, gate->dns_port);
	rule_end(batch, at);

	at = rule(batch, "gate");
	if_protocol(batch, IPPROTO_TCP, true);
	if_destination(batch, ENGINE_RESOLVER, true);
	send_to(batch, gate->tcp_port);
	rule_end(batch, at);

	at = rule(batch, "gate");
	if_protocol(batch, IPPROTO_TCP, true);
	if_loopback(batch, false);
	for (size_t i = 0; i < gate->own_count; i++)
		if_destination(batch, gate->own[i], false);
	send_to(batch, gate->tcp_port);
	rule_end(batch, at);
}

/* Behind the translation of addresses, the engine's too: where it really goes to. */
static void guard(struct batch *batch, const struct nft_gate *gate)
{
	size_t at = rule(batch, "guard");

	if_destination(batch, ENGINE_RESOLVER, true);
	verdict(batch, VERDICT_DROP);
	rule_end(batch, at);

	at = rule(batch, "guard");
	if_loopback(batch, true);
	verdict(batch, VERDICT_ACCEPT);
	rule_end(batch, at);

	for (size_t i = 0; i < gate->own_count; i++) {
		at = rule(batch, "guard");
		if_destination(batch, gate->own[i], true);
		verdict(batch, VERDICT_ACCEPT);
		rule_end(batch, at);
	}
	/* TCP that was not turned is of a connection from before; the box's own kernel, which
	 * is what it reaches now, resets it. */
	at = rule(batch, "guard");
	if_protocol(batch, IPPROTO_TCP, false);
	verdict(batch, VERDICT_DROP);
	rule_end(batch, at);
}

static void begin(struct batch *batch)
{
	batch->seq = batch->first_seq = 1;
	message(batch, BATCH_BEGIN, 0, 0, SUBSYSTEM);
	message_end(batch);
}

static void drop_table(struct batch *batch)
{
	/* Made first, so that there always is one to remove. */
	table(batch, NEW_TABLE, NL_CREATE);
	table(batch, DEL_TABLE, 0);
}

static void end(struct batch *batch)
{
	message(batch, BATCH_END, 0, 0, SUBSYSTEM);
	message_end(batch);
}

/* ---- the kernel's answer --------------------------------------------------------------- */

/* 0, or -1 with errno: of the first message that was refused.  The kernel answers each
 * within send(), so what is not there then does not come. */
static int answers(int fd)
{
	uint8_t buf[BATCH_MAX];
	int errnum = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
		int32_t error;
		uint16_t type;

		if (n < 20)
			continue;
		memcpy(&type, buf + 4, sizeof type);
		memcpy(&error, buf + 16, sizeof error);
		if (type == NL_ERROR && error != 0 && errnum == 0)
			errnum = -error;
	}
	errno = errnum;
	return errnum == 0 ? 0 : -1;
}

static int transact(struct batch *batch)
{
	struct {
		uint16_t family, pad;
		uint32_t pid, groups;
	} kernel = {.family = AF_NETLINK};
	int room = 256 * 1024;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NL_NETFILTER);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	int rc = connect(fd, (void *)&kernel, sizeof kernel);
	if (rc == 0)
		rc = send(fd, batch->buf, batch->len, 0) < 0 ? -1 : answers(fd);
	int errnum = errno;
	close(fd);
	errno = errnum;
	return rc;
}

int nft_gate(const struct nft_gate *gate)
{
	struct batch *batch = init_alloc(sizeof *batch);

	begin(batch);
	drop_table(batch);
	table(batch, NEW_TABLE, NL_CREATE);
	chain(batch, "gate", "nat", -150); /* before the engine's own, at -100 */
	chain(batch, "guard", "filter", 0);
	to_the_gate(batch, gate);
	guard(batch, gate);
	end(batch);
	int rc = transact(batch);
	init_free_later(batch);
	return rc;
}

int nft_clear(void)
{
	struct batch *batch = init_alloc(sizeof *batch);

	begin(batch);
	drop_table(batch);
	end(batch);
	int rc = transact(batch);
	init_free_later(batch);
	return rc;
}
