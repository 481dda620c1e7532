/* SPDX-License-Identifier: MIT */
/*
 * The gate of a box whose network is judged: where the packet rules (nft.c) bring its TCP
 * connections and its questions of names.
 *
 * A name gets an address of 198.18.0.0/15, in ascending order, and keeps it for as long as
 * it is among the last LIMIT_GATE_NAMES that were given out; an address is given to another
 * name only after all others were.  So one that a program still holds leads to the name it
 * asked for, or nowhere.
 *
 * Connections wait in the kernel's queue until the host asks for them (PROTO_GATE).
 */
#include "boxcore/init/dns.h"
#include "boxcore/init/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAMES_NET 0xc6120000u /* 198.18.0.0/15 */
#define NAMES_LAST 0x1ffffu
#define ORIGINAL_DST 80 /* of SOL_IP: the destination before it was turned */
#define BACKLOG 512
#define DNS_A_ROUND 64

struct gate_name {
	uint32_t address;
	uint32_t hash;
	char *text;
};

static struct {
	struct source tcp, dns;
	bool dns_readable, tcp_readable;
	uint16_t tcp_port, dns_port;
	struct stream *host;      /* that asked for connections; NULL: none */
	int count;                /* of connections that the host was offered */
	int waiting[BACKLOG / 4]; /* offered to a host that died before it took them */
	int waiting_count;
	struct gate_name *names; /* the one of address a is at a % LIMIT_GATE_NAMES */
	uint32_t next;
} gate = {.tcp = {.fd = -1}, .dns = {.fd = -1}};

/* ---- names ----------------------------------------------------------------------------- */

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return hash;
}

static struct gate_name *give_address(const char *text, uint32_t hash)
{
	gate.next = gate.next % (NAMES_LAST - 1) + 1; /* neither .0 nor the last */
	uint32_t address = NAMES_NET + gate.next;
	struct gate_name *name = &gate.names[address % LIMIT_GATE_NAMES];

	free(name->text);
	*name = (struct gate_name){
		.address = address, .hash = hash, .text = init_alloc(strlen(text) + 1)};
	memcpy(name->text, text, strlen(text));
	return name;
}

static uint32_t address_of(const char *text)
{
	uint32_t hash = hash_of(text);

	for (size_t i = 0; i < LIMIT_GATE_NAMES; i++) {
		struct gate_name *name = &gate.names[i];

		if (name->hash == hash && name->text && strcmp(name->text, text) == 0)
			return name->address;
	}
	return give_address(text, hash)->address;
}

static const char *name_of(uint32_t address)
{
	const struct gate_name *name = &gate.names[address % LIMIT_GATE_NAMES];

	return name->text && name->address == address ? name->text : NULL;
}

/* ---- questions ------------------------------------------------------------------------- */

static void answer(const uint8_t *message, size_t len, const struct sockaddr_in *from)
{
	struct dns_question question;
	uint8_t out[DNS_MESSAGE];
	uint32_t address = 0;

	if (!dns_read(message, len, &question))
		return;
	bool has = question.rcode == DNS_OK && question.address;
	if (has)
		address = address_of(question.name);
	size_t size = dns_write(message, &question, has ? &address : NULL, out);
	sendto(gate.dns.fd, out, size, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)from, sizeof *from);
}

/* Some a round, so that a flood of them does not hold up the rest. */
static void read_questions(void)
{
	uint8_t message[DNS_MESSAGE + 1];
	struct sockaddr_in from;

	for (int i = 0; i < DNS_A_ROUND; i++) {
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(gate.dns.fd, message, sizeof message, MSG_DONTWAIT,
			(struct sockaddr *)&from, &size);

		if (n < 0 && errno == EAGAIN) {
			gate.dns_readable = false;
			return;
		}
		if (n > 0 && size == sizeof from)
			answer(message, (size_t)n, &from);
	}
}

static void on_dns(struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	gate.dns_readable = true;
}

/* ---- connections ----------------------------------------------------------------------- */

/* Where the connection was to go; false when it was made to the gate's own port. */
static bool original(int fd, struct sockaddr_in *ret_to)
{
	socklen_t size = sizeof *ret_to;

	return getsockopt(fd, IPPROTO_IP, ORIGINAL_DST, ret_to, &size) == 0 &&
	       !(ntohl(ret_to->sin_addr.s_addr) == INADDR_LOOPBACK &&
		       ntohs(ret_to->sin_port) == gate.tcp_port);
}

static void offer(int fd)
{
	uint8_t payload[4 + 4 + 2 + 4 + DNS_NAME_SIZE];
	struct sockaddr_in to = {0};

	if (!original(fd, &to)) {
		close(fd);
		return;
	}
	uint32_t address = ntohl(to.sin_addr.s_addr);
	const char *name = name_of(address);
	uint32_t len = name ? (uint32_t)strlen(name) : 0;
	wire_set_u32(payload, gate.host->id);
	wire_set_u32(payload + 4, name ? 0 : address);
	wire_set_u16(payload + 8, ntohs(to.sin_port));
	wire_set_u32(payload + 10, len);
	memcpy(payload + 14, name ? name : "", len);
	if (tcp_offer(fd, payload, 14 + len, true))
		gate.count++;
}

static bool accept_one(void)
{
	int one = 1;
	int fd = accept4(gate.tcp.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		gate.tcp_readable = errno != EAGAIN;
		return errno == EINTR || errno == ECONNABORTED;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	offer(fd);
	return true;
}

static void on_tcp(struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	gate.tcp_readable = true; /* gate_work() follows */
}

/* A program that keeps what was refused must not keep itself from what is allowed. */
static bool room(void)
{
	return gate.count < LIMIT_EGRESS_CONNECTIONS || tcp_end_stale();
}

void gate_work(void)
{
	if (gate.dns_readable)
		read_questions();
	if (!gate.host)
		return;
	while (gate.waiting_count > 0 && room())
		offer(gate.waiting[--gate.waiting_count]);
	while (gate.tcp_readable && !out_stuck() && room() && accept_one())
		continue;
}

bool gate_work_left(void)
{
	return gate.dns_readable;
}

void gate_ended(void)
{
	gate.count--;
}

bool gate_keep(int fd)
{
	if (gate.tcp.fd < 0 ||
		gate.waiting_count == (int)(sizeof gate.waiting / sizeof(int)))
		return false;
	gate.waiting[gate.waiting_count++] = fd;
	return true;
}

void gate_listen(uint32_t id)
{
	if (gate.tcp.fd < 0) {
		out_fail(id, PROTO_FAIL_CONFLICT, "the box's network is not gated");
		return;
	}
	if (gate.host) {
		out_fail(id, PROTO_FAIL_CONFLICT, "the gate has a host already");
		return;
	}
	gate.host = stream_new(id, STREAM_GATE);
	if (!gate.host) {
		out_fail(
			id, PROTO_FAIL_LIMIT, "more than %d streams", LIMIT_LINK_STREAMS);
		return;
	}
	out_frame(PROTO_OPENED, id, NULL, 0);
}

void gate_drop(void)
{
	gate.host = NULL;
}

/* ---- open and close -------------------------------------------------------------------- */

static int bind_loopback(int type, uint16_t *ret_port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
		(type == SOCK_DGRAM || listen(fd, BACKLOG) == 0) &&
		getsockname(fd, (struct sockaddr *)&at, &size) == 0) {
		*ret_port = ntohs(at.sin_port);
		return fd;
	}
	int errnum = errno;
	close(fd);
	errno = errnum;
	return -1;
}

int gate_open(uint16_t *ret_tcp_port, uint16_t *ret_dns_port)
{
	if (gate.tcp.fd < 0) {
		int tcp = bind_loopback(SOCK_STREAM, &gate.tcp_port);
		int dns = tcp < 0 ? -1 : bind_loopback(SOCK_DGRAM, &gate.dns_port);

		if (dns < 0) {
			if (tcp >= 0)
				close(tcp);
			return -1;
		}
		source_add(&gate.tcp, tcp, on_tcp);
		source_add(&gate.dns, dns, on_dns);
		if (!gate.names)
			gate.names = init_alloc(LIMIT_GATE_NAMES * sizeof *gate.names);
	}
	*ret_tcp_port = gate.tcp_port;
	*ret_dns_port = gate.dns_port;
	return 0;
}

void gate_close(void)
{
	source_close(&gate.tcp);
	source_close(&gate.dns);
	gate.dns_readable = gate.tcp_readable = false;
	while (gate.waiting_count > 0)
		close(gate.waiting[--gate.waiting_count]);
}
