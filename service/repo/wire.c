/* SPDX-License-Identifier: MIT */
/* Frames between the service and its git child. */
#include "service/repo/wire.h"

#include "boxcore/base/file.h"

#include <string.h>

void wire_head(uint8_t ret[WIRE_HEAD], enum wire_type type, size_t len)
{
	ret[0] = (uint8_t)type;
	for (int i = 0; i < 4; i++)
		ret[1 + i] = (uint8_t)(len >> (8 * i));
}

int wire_write(int fd, enum wire_type type, const void *data, size_t len, struct err *err)
{
	uint8_t head[WIRE_HEAD];

	wire_head(head, type, len);
	if (file_write_all(fd, head, sizeof head, err) < 0)
		return -1;
	return file_write_all(fd, data, len, err);
}

int wire_next(const struct strbuf *in, size_t max, char *ret_type, const char **ret_data,
	size_t *ret_len, struct err *err)
{
	const uint8_t *p = (const uint8_t *)strbuf_str(in);
	size_t len = 0;

	if (in->len < WIRE_HEAD)
		return 0;
	for (int i = 0; i < 4; i++)
		len |= (size_t)p[1 + i] << (8 * i);
	if (!memchr("JTPDRE", p[0], 6) || len > max)
		return err_set(err, ERR_INTERNAL,
			"the git child sent what is no frame (type %u, %zu bytes)", p[0],
			len);
	if (in->len - WIRE_HEAD < len)
		return 0;
	*ret_type = (char)p[0];
	*ret_data = (const char *)p + WIRE_HEAD;
	*ret_len = len;
	return 1;
}
