/* SPDX-License-Identifier: MIT */
/* The host's end against a box that is written here, honest or hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/clock.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/thread.h"
#include "boxcore/link/link.h"
#include "tests/lib/init_box.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the box --------------------------------------------------------------------------- */

struct peer {
	int fd, far;
	struct frame_decoder decoder;
	uint8_t *kept;
	uint8_t in[256 * 1024];
	const uint8_t *at;
	size_t left;
	uint32_t session;
	bool stdcopy;
};

static struct peer *peer_new(bool stdcopy)
{
	struct peer *peer = mem_zalloc(sizeof *peer);
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	peer->fd = fds[0];
	peer->far = fds[1];
	peer->kept = mem_alloc(FRAME_SIZE_MAX);
	peer->stdcopy = stdcopy;
	frame_decoder_init(&peer->decoder, peer->kept, PROTO_HELLO);
	return peer;
}

static void peer_free(struct peer *peer)
{
	close(peer->fd);
	free(peer->kept);
	free(peer);
}

static void peer_bytes(struct peer *peer, const void *data, size_t len)
{
	uint8_t head[8] = {1, 0, 0, 0, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
		(uint8_t)(len >> 8), (uint8_t)len};

	if (peer->stdcopy)
		send(peer->fd, head, sizeof head, MSG_NOSIGNAL);
	send(peer->fd, data, len, MSG_NOSIGNAL); /* the host may be gone already */
}

static void peer_frame(struct peer *peer, enum proto_type type, uint8_t flags,
	uint32_t stream, const void *payload, size_t len)
{
	uint8_t *bytes = mem_alloc(FRAME_HEADER_SIZE + len);
	struct frame frame = {.session = peer->session,
		.type = (uint8_t)type,
		.flags = flags,
		.stream = stream,
		.len = (uint32_t)len,
		.payload = payload};

	frame_header(bytes, &frame);
	if (len > 0)
		memcpy(bytes + FRAME_HEADER_SIZE, payload, len);
	peer_bytes(peer, bytes, FRAME_HEADER_SIZE + len);
	free(bytes);
}

/* The next frame of the host; false at the end. */
static bool peer_next(struct peer *peer, struct frame *ret)
{
	for (;;) {
		enum frame_result result =
			frame_decode(&peer->decoder, &peer->at, &peer->left, ret);

		if (result == FRAME_GOT)
			return true;
		if (result == FRAME_LOST)
			continue;
		ssize_t n = recv(peer->fd, peer->in, sizeof peer->in, 0);
		if (n <= 0)
			return false;
		peer->at = peer->in;
		peer->left = (size_t)n;
	}
}

static void peer_greet(struct peer *peer)
{
	uint8_t ack[39] = {0};
	struct frame frame;

	assert_true(peer_next(peer, &frame));
	assert_int_equal(frame.type, PROTO_HELLO);
	peer->session = frame.session;
	wire_set_u16(ack, PROTO_VERSION);
	memcpy(ack + 2, frame.payload + 2, PROTO_NONCE_SIZE);
	memset(ack + 18, 0xab, 16);
	wire_set_u32(ack + 34, 0x1234);
	ack[38] = 1;
	peer_frame(peer, PROTO_HELLO_ACK, 0, 0, ack, sizeof ack);
}

static void *greet_thread(void *arg)
{
	peer_greet(arg);
	return NULL;
}

/* ---- the host -------------------------------------------------------------------------- */

static struct link_loop *loop;

static int setup(void **state)
{
	struct err err = {0};

	(void)state;
	return link_loop_new(&loop, &err);
}

static int teardown(void **state)
{
	(void)state;
	link_loop_free(loop);
	return 0;
}

static struct link *attach(struct peer *peer, void *(*greet)(void *))
{
	struct link_options options = {
		.name = "b1", .stdcopy = peer->stdcopy, .hello_ms = 5000};
	struct link_io io = init_box_io(peer->far);
	struct link *link = NULL;
	struct err err = {0};
	pthread_t thread;

	assert_int_equal(thread_start(&thread, "peer", greet, peer, &err), 0);
	if (link_open(loop, &io, &options, &link, NULL, &err) < 0)
		fail_msg("%s", err.text);
	thread_join(thread);
	return link;
}

static struct stream *open_stream(struct link *link, struct peer *peer, uint32_t *ret_id)
{
	struct stream *stream = NULL;
	struct frame frame;
	struct err err = {0};

	assert_int_equal(stream_open(link, PROTO_START, "x", 1, &stream, &err), 0);
	do
		assert_true(peer_next(peer, &frame));
	while (frame.type != PROTO_START);
	*ret_id = frame.stream;
	return stream;
}

static void test_attach(void **state)
{
	char boot[LINK_BOOT_HEX];

	for (int stdcopy = 0; stdcopy < 2; stdcopy++) {
		struct peer *peer = peer_new(stdcopy);

		(void)state;
		struct link *link = attach(peer, greet_thread);
		link_boot_id(link, boot);
		assert_string_equal(boot, "abababababababababababababababab");
		assert_int_equal(link_init_crc(link), 0x1234);
		assert_true(link_network_ready(link));
		link_close(link);
		peer_free(peer);
	}
}

/* Noise, half a frame, a greeting for another nonce, and frames of a former attach. */
static void *noisy_greet(void *arg)
{
	struct peer *peer = arg;
	uint8_t ack[39] = {1, 0, 0xff};
	uint8_t noise[3000];

	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (uint8_t)(i * 7);
	peer->session = 99;
	peer_bytes(peer, noise, sizeof noise);
	peer_frame(peer, PROTO_DATA, 0, 5, noise, sizeof noise);
	peer_frame(peer, PROTO_HELLO_ACK, 0, 0, ack, sizeof ack);
	peer_bytes(peer, "\x42\x58\x77\x31 half", 9);
	peer_greet(peer);
	return NULL;
}

static void test_attach_through_noise(void **state)
{
	struct peer *peer = peer_new(true);
	struct link *link = attach(peer, noisy_greet);

	(void)state;
	assert_false(link_lost(link));
	link_close(link);
	peer_free(peer);
}

static void *late_greet(void *arg)
{
	struct peer *peer = arg;
	struct frame frame;

	assert_true(peer_next(peer, &frame)); /* is lost */
	peer_greet(peer);
	return NULL;
}

static void test_greeting_is_repeated(void **state)
{
	struct peer *peer = peer_new(false);

	(void)state;
	link_close(attach(peer, late_greet));
	peer_free(peer);
}

static void test_no_answer(void **state)
{
	struct peer *peer = peer_new(false);
	struct link_options options = {.name = "b1", .hello_ms = 50};
	struct link_io io = init_box_io(peer->far);
	struct link *link = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(link_open(loop, &io, &options, &link, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	cancel_fire(cancel, "no more");
	struct peer *second = peer_new(false);
	io = init_box_io(second->far);
	assert_int_equal(link_open(loop, &io, &options, &link, cancel, &err), -1);
	assert_int_equal(err.kind, ERR_CANCELLED);
	peer_free(peer);
	peer_free(second);
}

/* ---- a hostile box --------------------------------------------------------------------- */

struct offence {
	const char *what; /* must stand in the error */
	void (*commit)(struct peer *peer, uint32_t stream);
};

static void unknown_stream(struct peer *peer, uint32_t stream)
{
	peer_frame(peer, PROTO_DATA, 0, stream + 2, "x", 1);
}
static void never_opened_reply(struct peer *peer, uint32_t stream)
{
	peer_frame(peer, PROTO_REPLY, 0, stream + 100, "x", 1);
}
static void odd_accept(struct peer *peer, uint32_t stream)
{
	uint8_t listener[4];

	wire_set_u32(listener, stream);
	peer_frame(peer, PROTO_ACCEPT, 0, 901, listener, 4);
}
/* As of a gate: u32 address, u16 port, text name. */
static void accept_for(
	struct peer *peer, uint32_t stream, const char *name, size_t name_len, size_t cut)
{
	uint8_t payload[14 + 300] = {0};

	wire_set_u32(payload, stream);
	wire_set_u16(payload + 8, 443);
	wire_set_u32(payload + 10, (uint32_t)name_len);
	memcpy(payload + 14, name, name_len);
	peer_frame(peer, PROTO_ACCEPT, 0, 2, payload, 14 + name_len - cut);
}
static void accept_for_an_escape(struct peer *peer, uint32_t stream)
{
	accept_for(peer, stream, "a\033[0m", 5, 0);
}
static void accept_for_half_a_name(struct peer *peer, uint32_t stream)
{
	accept_for(peer, stream, "a.example", 9, 1);
}
static void accept_for_a_long_name(struct peer *peer, uint32_t stream)
{
	char name[300];

	memset(name, 'a', sizeof name);
	accept_for(peer, stream, name, LIMIT_EGRESS_NAME + 1, 0);
}
static void too_much_data(struct peer *peer, uint32_t stream)
{
	static uint8_t data[60000];

	for (size_t sum = 0; sum <= LIMIT_STREAM_CREDIT; sum += sizeof data)
		peer_frame(peer, PROTO_OUT, 0, stream, data, sizeof data);
}
static void many_small_data(struct peer *peer, uint32_t stream)
{
	for (size_t i = 0; i <= LIMIT_STREAM_CREDIT / (FRAME_HEADER_SIZE + 1); i++)
		peer_frame(peer, PROTO_OUT, 0, stream, "y", 1);
}
static void endless_reply(struct peer *peer, uint32_t stream)
{
	static uint8_t data[60000];

	for (size_t sum = 0; sum <= LIMIT_LINK_REPLY; sum += sizeof data)
		peer_frame(peer, PROTO_REPLY, FRAME_MORE, stream, data, sizeof data);
}
static void opened_twice(struct peer *peer, uint32_t stream)
{
	peer_frame(peer, PROTO_OPENED, 0, stream, NULL, 0);
	peer_frame(peer, PROTO_OPENED, 0, stream, NULL, 0);
}
static void data_after_end(struct peer *peer, uint32_t stream)
{
	peer_frame(peer, PROTO_CLOSE, 0, stream, "\0", 1);
	peer_frame(peer, PROTO_DATA, 0, stream, "x", 1);
}
static void data_after_eof(struct peer *peer, uint32_t stream)
{
	peer_frame(peer, PROTO_EOF, 0, stream, NULL, 0);
	peer_frame(peer, PROTO_DATA, 0, stream, "x", 1);
}
static void impossible_credit(struct peer *peer, uint32_t stream)
{
	for (int i = 0; i < 3; i++)
		peer_frame(peer, PROTO_CREDIT, 0, stream, "\xff\xff\xff\x7f", 4);
}
static void other_session(struct peer *peer, uint32_t stream)
{
	peer->session++;
	peer_frame(peer, PROTO_OUT, 0, stream, "x", 1);
}
static void spoilt_frame(struct peer *peer, uint32_t stream)
{
	uint8_t bytes[100] = "\x42\x58\x77\x31";

	(void)stream;
	peer_bytes(peer, bytes, sizeof bytes);
}
static void second_greeting(struct peer *peer, uint32_t stream)
{
	uint8_t ack[39] = {0};

	(void)stream;
	peer_frame(peer, PROTO_HELLO_ACK, 0, 0, ack, sizeof ack);
}
static void strange_type(struct peer *peer, uint32_t stream)
{
	peer_frame(peer, 222, 0, stream, "x", 1);
}
static void lost_with_escape(struct peer *peer, uint32_t stream)
{
	(void)stream;
	peer_frame(peer, PROTO_LOST, 0, 0, "\x04\0\0\0a\x1b[b", 8);
}
static void spoilt_stdcopy(struct peer *peer, uint32_t stream)
{
	(void)stream;
	send(peer->fd, "\x09\0\0\0\0\0\0\x01z", 9, MSG_NOSIGNAL);
}
static void hang_up(struct peer *peer, uint32_t stream)
{
	(void)stream;
	shutdown(peer->fd, SHUT_RDWR);
}

static void test_offences(void **state)
{
	static const struct offence offences[] = {
		{"not open", unknown_stream},
		{"not open", never_opened_reply},
		{"may not", odd_accept},
		{"may not", accept_for_an_escape},
		{"may not", accept_for_half_a_name},
		{"may not", accept_for_a_long_name},
		{"more on stream", too_much_data},
		{"more on stream", many_small_data},
		{"pass", endless_reply},
		{"out of order", opened_twice},
		{"out of order", data_after_end},
		{"out of order", data_after_eof},
		{"impossible", impossible_credit},
		{"another session", other_session},
		{"malformed frame", spoilt_frame},
		{"second greeting", second_greeting},
		{"out of order", strange_type},
		{"a?[b", lost_with_escape},
		{"engine's stream", spoilt_stdcopy},
		{"closed", hang_up},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offences); i++) {
		struct peer *peer = peer_new(true);
		struct link *link = attach(peer, greet_thread);
		struct err err = {0};
		struct stream_event event;
		uint32_t id;
		struct stream *stream = open_stream(link, peer, &id);

		offences[i].commit(peer, id);
		while (!link_lost(link))
			poll(NULL, 0, 1);
		while (stream_read(stream, &event, NULL, &err) == 0)
			continue;
		/* What came before the offence may be read, then comes why. */
		if (err.kind != ERR_TRANSIENT && err.kind != ERR_INTERNAL)
			fail_msg("%zu: %s", i, err.text);
		assert_int_equal(
			link_call(link, PROTO_STATS, NULL, 0, NULL, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_TRANSIENT);
		assert_non_null(strstr(err.text, "link to box lost"));
		if (!strstr(err.text, offences[i].what))
			fail_msg("%zu: %s", i, err.text);
		stream_close(stream);
		link_close(link);
		peer_free(peer);
	}
}

/* ---- credit and cancel ----------------------------------------------------------------- */

/* What the host sends on a stream, up to its CLOSE. */
struct sum {
	struct peer *peer;
	size_t bytes;
};

static void *sum_data(void *arg)
{
	struct sum *sum = arg;
	struct frame frame;

	do {
		assert_true(peer_next(sum->peer, &frame));
		if (frame.type == PROTO_DATA)
			sum->bytes += frame.len + FRAME_HEADER_SIZE;
	} while (frame.type != PROTO_CLOSE);
	return NULL;
}

/* The box reads, but grants nothing: a writer stops at what it was given. */
static void test_writer_waits(void **state)
{
	struct peer *peer = peer_new(false);
	struct link *link = attach(peer, greet_thread);
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct err err = {0};
	static uint8_t data[3 * LIMIT_STREAM_CREDIT];
	struct sum sum = {.peer = peer};
	pthread_t thread;
	uint32_t id;
	struct stream *stream = open_stream(link, peer, &id);

	(void)state;
	assert_int_equal(thread_start(&thread, "sum", sum_data, &sum, &err), 0);
	cancel_deadline(cancel, 300, "the test's patience");
	assert_int_equal(stream_write(stream, data, sizeof data, cancel, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	stream_close(stream);
	thread_join(thread);
	assert_true(sum.bytes <= LIMIT_STREAM_CREDIT);
	assert_true(sum.bytes > LIMIT_STREAM_CREDIT - 8192);
	link_close(link);
	peer_free(peer);
}

/* The box does not even read: little is queued, and the writer waits. */
static void test_queue_is_short(void **state)
{
	struct peer *peer = peer_new(false);
	struct link *link = attach(peer, greet_thread);
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	struct err err = {0};
	static uint8_t data[LIMIT_STREAM_CREDIT - LIMIT_FRAME];
	struct sum sum = {.peer = peer};
	uint32_t id;
	struct stream *stream = open_stream(link, peer, &id);

	(void)state;
	cancel_deadline(cancel, 100, "the test's patience");
	assert_int_equal(stream_write(stream, data, sizeof data, cancel, &err), -1);
	assert_int_equal(err.kind, ERR_TRANSIENT);
	assert_false(link_lost(link));
	stream_close(stream);
	sum_data(&sum);
	assert_true(sum.bytes < sizeof data);
	link_close(link);
	peer_free(peer);
}

struct firing {
	struct cancel *cancel;
	int64_t at_us;
};

static void *fire(void *arg)
{
	struct firing *firing = arg;

	poll(NULL, 0, 20);
	firing->at_us = clock_mono_us();
	cancel_fire(firing->cancel, "stop");
	return NULL;
}

static void test_cancel_is_quick(void **state)
{
	struct peer *peer = peer_new(false);
	struct link *link = attach(peer, greet_thread);
	int64_t best = INT64_MAX;
	uint32_t id;
	struct stream *stream = open_stream(link, peer, &id);

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct firing firing = {.cancel = cancel_new(NULL)};
		struct stream_event event;
		struct err err = {0};
		pthread_t thread;

		assert_int_equal(thread_start(&thread, "fire", fire, &firing, &err), 0);
		assert_int_equal(stream_read(stream, &event, firing.cancel, &err), -1);
		int64_t took = clock_mono_us() - firing.at_us;
		assert_int_equal(err.kind, ERR_CANCELLED);
		thread_join(thread);
		cancel_free(firing.cancel);
		if (took < best)
			best = took;
	}
	assert_true(best < 1000);
	stream_close(stream);
	link_close(link);
	peer_free(peer);
}

/* A closed stream's late data are dropped until the box confirms. */
static void test_late_data(void **state)
{
	struct peer *peer = peer_new(false);
	struct link *link = attach(peer, greet_thread);
	struct err err = {0};
	struct frame frame;
	uint32_t id;
	struct stream *stream = open_stream(link, peer, &id);

	(void)state;
	stream_close(stream);
	peer_frame(peer, PROTO_OUT, 0, id, "12345678late", 12);
	peer_frame(peer, PROTO_CLOSE, 0, id, "\0", 1);
	do
		assert_true(peer_next(peer, &frame));
	while (frame.type != PROTO_CLOSE);
	stream = open_stream(link, peer, &id);
	peer_frame(peer, PROTO_FAIL, 0, id, "\x03\x05\0\0\0no\x01t!", 10);
	struct stream_event event;
	assert_int_equal(stream_read(stream, &event, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err.text, "no?t!");
	stream_close(stream);
	link_close(link);
	peer_free(peer);
}

/* ---- sockets --------------------------------------------------------------------------- */

static void test_sockets_end_with_link(void **state)
{
	struct peer *peer = peer_new(false);
	struct link *link = attach(peer, greet_thread);
	struct err err = {0};
	char byte;
	uint32_t id;
	int fd = -1;
	struct stream *stream = open_stream(link, peer, &id);

	(void)state;
	peer_frame(peer, PROTO_DATA, 0, id, "early", 5);
	assert_int_equal(stream_socket(stream, &fd, &err), 0);
	char text[6] = "";
	assert_int_equal(recv(fd, text, 5, MSG_WAITALL), 5);
	assert_string_equal(text, "early");
	shutdown(peer->fd, SHUT_RDWR);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
	link_close(link);
	peer_free(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_attach_through_noise),
		cmocka_unit_test(test_greeting_is_repeated),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_offences),
		cmocka_unit_test(test_writer_waits),
		cmocka_unit_test(test_queue_is_short),
		cmocka_unit_test(test_cancel_is_quick),
		cmocka_unit_test(test_late_data),
		cmocka_unit_test(test_sockets_end_with_link),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
