/* SPDX-License-Identifier: MIT */
/*
 * The decoder of frames: whatever comes, in whatever pieces, gives the same frames, each
 * within its limit and correct.
 */
#include "boxcore/link/frame.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A digest of all that is given out for data in pieces of `step`. */
static uint32_t decode(const uint8_t *data, size_t size, size_t step, uint8_t *buf)
{
	struct frame_decoder decoder;
	uint32_t sum = 0;

	frame_decoder_init(&decoder, buf, 1);
	while (size > 0) {
		size_t part = step < size ? step : size, left = part;
		const uint8_t *at = data;
		struct frame frame;
		enum frame_result result;

		while ((result = frame_decode(&decoder, &at, &left, &frame)) !=
			FRAME_NEED) {
			if (result == FRAME_LOST)
				continue;
			if (frame.len > LIMIT_FRAME)
				abort();
			sum = frame_crc(sum, &frame.stream, sizeof frame.stream);
			sum = frame_crc(sum, frame.payload, frame.len);
		}
		if (left != 0 || decoder.len > FRAME_SIZE_MAX)
			abort();
		data += part;
		size -= part;
	}
	return sum;
}

/* So that the fuzzer gets past the checks: a byte 0xfe in the input starts a correct frame
 * of up to 63 of the bytes behind it. */
static size_t build(const uint8_t *data, size_t size, uint8_t *out, size_t room)
{
	size_t len = 0;

	for (size_t i = 0; i < size && len + 128 < room;) {
		if (data[i] != 0xfe || size - i < 4) {
			out[len++] = data[i++];
			continue;
		}
		struct frame frame = {.type = data[i + 1] & 3, .stream = data[i + 2]};
		frame.len = data[i + 3] & 63;
		i += 4;
		if (frame.len > size - i)
			frame.len = (uint32_t)(size - i);
		frame.payload = data + i;
		frame_header(out + len, &frame);
		len += FRAME_HEADER_SIZE;
		memcpy(out + len, data + i, frame.len);
		len += frame.len;
		i += frame.len;
	}
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[FRAME_SIZE_MAX], stream[128 * 1024];
	size_t len = build(data, size, stream, sizeof stream);
	uint32_t once = decode(stream, len, SIZE_MAX, buf);

	/* Where a search begins after a bad frame may depend on the pieces; what is before
	 * the first one may not.  So only streams without a bad frame are compared. */
	struct frame_decoder decoder;
	const uint8_t *at = stream;
	size_t left = len;
	struct frame frame;
	enum frame_result result;

	frame_decoder_init(&decoder, buf, 1);
	do
		result = frame_decode(&decoder, &at, &left, &frame);
	while (result == FRAME_GOT);
	for (size_t step = 1; step < 40; step += 6)
		if (decode(stream, len, step, buf) != once && result != FRAME_LOST)
			abort();
	return 0;
}
