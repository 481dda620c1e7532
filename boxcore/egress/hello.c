/* SPDX-License-Identifier: MIT */
/* The first bytes of a connection: the hello of TLS (RFC 8446, RFC 6066), HTTP's methods. */
#include "boxcore/egress/hello.h"

#include "boxcore/base/str.h"
#include "boxcore/egress/policy.h"

#include <stdbool.h>
#include <string.h>

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_HEADER = 5,
	RECORD_MAX = 16384,
	CLIENT_HELLO = 1,
	HANDSHAKE_HEADER = 4,
	EXTENSION_SERVER_NAME = 0,
	NAME_HOST = 0,
};

/* Fields in order; a short message sets `bad`, which sticks, and yields zeros. */
struct fields {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static size_t number(struct fields *fields, int bytes)
{
	size_t value = 0;

	if (fields->left < (size_t)bytes) {
		fields->bad = true;
		fields->left = 0;
		return 0;
	}
	for (int i = 0; i < bytes; i++)
		value = value << 8 | fields->at[i];
	fields->at += bytes;
	fields->left -= (size_t)bytes;
	return value;
}

static struct fields part(struct fields *fields, size_t len)
{
	struct fields inner = {.at = fields->at, .left = len};

	if (fields->bad || fields->left < len) {
		fields->bad = true;
		return (struct fields){.bad = true};
	}
	fields->at += len;
	fields->left -= len;
	return inner;
}

static struct fields counted(struct fields *fields, int bytes)
{
	return part(fields, number(fields, bytes));
}

/* ---- the hello ------------------------------------------------------------------------- */

static bool read_server_name(struct fields *extension, char *ret_name)
{
	struct fields list = counted(extension, 2);
	size_t kind = number(&list, 1);
	struct fields name = counted(&list, 2);

	/* One host: more than one name, or another kind, is in no client's hello. */
	if (extension->bad || list.bad || name.bad || list.left > 0 ||
		extension->left > 0 || kind != NAME_HOST)
		return false;
	return egress_name_normalize((const char *)name.at, name.left, ret_name);
}

static bool read_extensions(struct fields *extensions, char *ret_name)
{
	bool seen = false;

	while (!extensions->bad && extensions->left > 0) {
		size_t type = number(extensions, 2);
		struct fields extension = counted(extensions, 2);

		if (extension.bad)
			return false;
		if (type != EXTENSION_SERVER_NAME)
			continue;
		if (seen || !read_server_name(&extension, ret_name))
			return false;
		seen = true;
	}
	return !extensions->bad;
}

static enum hello read_client_hello(const uint8_t *data, size_t len, char *ret_name)
{
	struct fields hello = {.at = data, .left = len};

	part(&hello, 2 + 32); /* version, random */
	counted(&hello, 1);   /* session */
	counted(&hello, 2);   /* ciphers */
	counted(&hello, 1);   /* compression */
	if (hello.bad)
		return HELLO_BAD;
	if (hello.left == 0)
		return HELLO_TLS; /* of old, without extensions */
	struct fields extensions = counted(&hello, 2);
	if (extensions.bad || hello.left > 0 || !read_extensions(&extensions, ret_name)) {
		ret_name[0] = '\0';
		return HELLO_BAD;
	}
	return HELLO_TLS;
}

/* The handshake's bytes out of the records, which may cut it anywhere. */
static enum hello gather(
	const uint8_t *data, size_t len, uint8_t *buf, size_t *ret_len, size_t *ret_want)
{
	size_t have = 0;

	*ret_want = HANDSHAKE_HEADER;
	while (have < *ret_want) {
		if (len < RECORD_HEADER)
			return HELLO_MORE;
		size_t size = (size_t)data[3] << 8 | data[4];
		if (data[0] != RECORD_HANDSHAKE || data[1] != 3 || size == 0 ||
			size > RECORD_MAX)
			return HELLO_BAD;
		size_t there = len - RECORD_HEADER < size ? len - RECORD_HEADER : size;
		if (have + there > LIMIT_EGRESS_HELLO)
			return HELLO_BAD;
		memcpy(buf + have, data + RECORD_HEADER, there);
		have += there;
		if (have > 0 && buf[0] != CLIENT_HELLO)
			return HELLO_BAD;
		if (have >= HANDSHAKE_HEADER) {
			*ret_want = HANDSHAKE_HEADER +
				    ((size_t)buf[1] << 16 | (size_t)buf[2] << 8 | buf[3]);
			if (*ret_want > LIMIT_EGRESS_HELLO)
				return HELLO_BAD;
		}
		data += RECORD_HEADER + there;
		len -= RECORD_HEADER + there;
		if (there < size && have < *ret_want)
			return HELLO_MORE;
	}
	*ret_len = have;
	return HELLO_TLS;
}

static enum hello read_tls(const uint8_t *data, size_t len, char *ret_name)
{
	uint8_t buf[LIMIT_EGRESS_HELLO];
	size_t have = 0, want = 0;
	enum hello result = gather(data, len, buf, &have, &want);

	if (result == HELLO_TLS)
		result = read_client_hello(
			buf + HANDSHAKE_HEADER, want - HANDSHAKE_HEADER, ret_name);
	return result == HELLO_MORE && len >= LIMIT_EGRESS_HELLO ? HELLO_BAD : result;
}

/* ---- all ------------------------------------------------------------------------------- */

static enum hello read_method(const uint8_t *data, size_t len)
{
	static const char *const methods[] = {"GET ", "POST ", "HEAD ", "PUT ", "DELETE ",
		"PATCH ", "OPTIONS ", "CONNECT ", "TRACE ", "PRI ", "PROPFIND ",
		"PROPPATCH ", "MKCOL ", "COPY ", "MOVE ", "LOCK ", "UNLOCK ", "REPORT ",
		"SEARCH ", "PURGE "};
	enum hello result = HELLO_OTHER;

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		size_t size = strlen(methods[i]);
		size_t most = len < size ? len : size;

		if (memcmp(data, methods[i], most) != 0)
			continue;
		if (most == size)
			return HELLO_HTTP;
		result = HELLO_MORE;
	}
	return result;
}

enum hello hello_read(
	const uint8_t *data, size_t len, char ret_name[LIMIT_EGRESS_NAME + 1])
{
	ret_name[0] = '\0';
	if (len == 0)
		return HELLO_MORE;
	if (data[0] != RECORD_HANDSHAKE)
		return read_method(data, len);
	if (len == 1)
		return HELLO_MORE;
	return data[1] == 3 ? read_tls(data, len, ret_name) : HELLO_OTHER;
}
