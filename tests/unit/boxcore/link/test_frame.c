/* SPDX-License-Identifier: MIT */
/* Frames: every way to cut the bytes, every way to spoil them, search, fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/base/mem.h"
#include "boxcore/link/frame.h"

#include <stdlib.h>
#include <string.h>

#define SYNC 2

static uint8_t kept[FRAME_SIZE_MAX];

static size_t put(
	uint8_t *out, uint8_t type, uint32_t stream, const void *payload, size_t len)
{
	struct frame frame = {.session = 7,
		.type = type,
		.stream = stream,
		.len = (uint32_t)len,
		.payload = payload};

	frame_header(out, &frame);
	if (len > 0)
		memcpy(out + FRAME_HEADER_SIZE, payload, len);
	return FRAME_HEADER_SIZE + len;
}

/* A sync frame, an empty one, one with text, one of the largest size. */
static size_t put_stream(uint8_t *out)
{
	static uint8_t large[LIMIT_FRAME];
	size_t len = put(out, SYNC, 0, "hello", 5);

	memset(large, 'B', sizeof large);
	len += put(out + len, 9, 1, NULL, 0);
	len += put(out + len, 10, 2, "some text", 9);
	return len + put(out + len, 11, 3, large, sizeof large);
}

/* Decodes all of data, in pieces of at most `step`; returns the types that came. */
static void decode_all(struct frame_decoder *decoder, const uint8_t *data, size_t len,
	size_t step, char *types)
{
	while (len > 0) {
		size_t part = step < len ? step : len;
		uint8_t *copy = mem_dup(data, part); /* reading past it is seen by asan */
		const uint8_t *at = copy;
		size_t left = part;
		struct frame frame;
		enum frame_result result;

		while ((result = frame_decode(decoder, &at, &left, &frame)) !=
			FRAME_NEED) {
			*types++ = result == FRAME_LOST ? '!' : (char)('a' + frame.type);
			/* Touches all of the payload, and each largest one is ours. */
			for (uint32_t i = 0; result == FRAME_GOT && i < frame.len; i++)
				assert_true(frame.payload[i] == 'B' ||
					    frame.len < LIMIT_FRAME);
		}
		assert_int_equal(left, 0);
		free(copy);
		data += part;
		len -= part;
	}
	*types = '\0';
}

static void test_all_cuts(void **state)
{
	uint8_t *data = mem_alloc(FRAME_SIZE_MAX * 2);
	size_t len = put_stream(data);
	size_t head = len - FRAME_SIZE_MAX;
	char types[64];

	(void)state;
	for (size_t cut = 1; cut < head + FRAME_HEADER_SIZE + 10; cut++) {
		struct frame_decoder decoder;

		frame_decoder_init(&decoder, kept, SYNC);
		decode_all(&decoder, data, cut, cut, types);
		size_t before = strlen(types);
		decode_all(&decoder, data + cut, len - cut, len, types + before);
		assert_string_equal(types, "cjkl");
	}
	for (size_t step = 1; step < 40; step++) {
		struct frame_decoder decoder;

		frame_decoder_init(&decoder, kept, SYNC);
		decode_all(&decoder, data, len, step, types);
		assert_string_equal(types, "cjkl");
	}
	free(data);
}

/* Each bit of a frame, flipped, is noticed, and nothing of it is given out. */
static void test_all_flips(void **state)
{
	uint8_t data[256];
	size_t first = put(data, SYNC, 0, "hello", 5);
	size_t second = put(data + first, 10, 2, "some text", 9);
	size_t third = put(data + first + second, SYNC, 0, "again", 5);
	char types[64];

	(void)state;
	for (size_t bit = 0; bit < second * 8; bit++) {
		struct frame_decoder decoder;
		uint8_t bad[sizeof data];

		memcpy(bad, data, sizeof bad);
		bad[first + bit / 8] ^= (uint8_t)(1 << bit % 8);
		frame_decoder_init(&decoder, kept, SYNC);
		decode_all(&decoder, bad, first + second + third, sizeof bad, types);
		assert_string_equal(types, "c!c");
	}
}

/* The writer dies at each byte of a frame; the next one's preamble of zeros brings the
 * decoder to its greeting, and what the dead one carried is never taken for a frame. */
static void test_torn_writer(void **state)
{
	uint8_t *data = mem_zalloc(FRAME_SIZE_MAX * 3);
	uint8_t forged[FRAME_HEADER_SIZE + 64];
	size_t sync = put(data, SYNC, 0, "hello", 5);
	size_t forged_len = put(forged, SYNC, 0, "forged", 6);
	size_t torn = put(data + sync, 10, 2, forged, forged_len);
	char types[64];

	(void)state;
	for (size_t cut = 0; cut < torn; cut++) {
		struct frame_decoder decoder;

		memset(data + sync + cut, 0, FRAME_SIZE_MAX);
		size_t end = sync + cut + FRAME_SIZE_MAX;
		end += put(data + end, SYNC, 0, "anew!", 5);
		end += put(data + end, 20, 1, NULL, 0);
		frame_decoder_init(&decoder, kept, SYNC);
		decode_all(&decoder, data, end, 65536, types);
		assert_string_equal(types, "c!cu");
		put(data + sync, 10, 2, forged, forged_len);
	}
	free(data);
}

static void test_search(void **state)
{
	uint8_t data[2048];
	char types[64];
	struct frame_decoder decoder;
	size_t len = 0;

	(void)state;
	/* Noise full of first bytes, frames of other types, a sync frame that is too long. */
	memset(data, 0x42, 300);
	len = 300;
	len += put(data + len, 10, 2, "not it", 6);
	uint8_t large[FRAME_SYNC_MAX + 1] = {0};
	len += put(data + len, SYNC, 0, large, sizeof large);
	memcpy(data + len, "\x42\x58\x77\x31\x42\x58", 6);
	len += 6;
	len += put(data + len, SYNC, 0, "here", 4);
	len += put(data + len, 10, 2, "data", 4);
	for (size_t step = 1; step < 64; step++) {
		frame_decoder_init(&decoder, kept, SYNC);
		decode_all(&decoder, data, len, step, types);
		assert_string_equal(types, "ck");
	}
}

/* A length is believed only when the header's CRC is right, and never beyond the limit. */
static void test_length(void **state)
{
	struct frame frame = {.session = 7, .type = 10, .len = LIMIT_FRAME + 1};
	uint8_t data[256];
	size_t first = put(data, SYNC, 0, "hello", 5);
	static uint8_t payload[LIMIT_FRAME + 1];
	struct frame_decoder decoder;
	char types[64];

	(void)state;
	frame.payload = payload;
	frame_header(data + first, &frame);
	frame_decoder_init(&decoder, kept, SYNC);
	decode_all(&decoder, data, first + FRAME_HEADER_SIZE, sizeof data, types);
	assert_string_equal(types, "c!");
}

static void test_crc(void **state)
{
	uint8_t zeros[32] = {0};

	(void)state;
	/* RFC 3720, B.4 */
	assert_int_equal(frame_crc(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(frame_crc(0, "123456789", 9), 0xe3069283);
	assert_int_equal(frame_crc(frame_crc(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void test_fields(void **state)
{
	uint8_t data[64];
	char text[4];

	(void)state;
	wire_set_u32(data, 3);
	memcpy(data + 4, "abc", 3);
	struct wire wire = {.at = data, .left = 7};
	wire_string(&wire, text, sizeof text);
	assert_string_equal(text, "abc");
	assert_true(wire_end(&wire));
	assert_int_equal(wire_u8(&wire), 0);
	assert_true(wire.bad);
	/* Too long for the buffer; a NUL within; a length beyond the payload. */
	wire_set_u32(data, 4);
	wire = (struct wire){.at = data, .left = 8};
	wire_string(&wire, text, sizeof text);
	assert_true(wire.bad);
	wire_set_u32(data, 2);
	data[4] = 0;
	wire = (struct wire){.at = data, .left = 6};
	wire_string(&wire, text, sizeof text);
	assert_true(wire.bad);
	wire_set_u32(data, 0xffffffff);
	wire = (struct wire){.at = data, .left = 8};
	wire_string(&wire, text, sizeof text);
	assert_true(wire.bad);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_cuts),
		cmocka_unit_test(test_all_flips),
		cmocka_unit_test(test_torn_writer),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
