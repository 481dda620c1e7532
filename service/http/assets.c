/* SPDX-License-Identifier: MIT */
/* Files that are compiled in and served as they are. */
#include "service/http/assets.h"

#include "service/http/handlers.h"

__asm__(".section .rodata\n"
	".global asset_openapi, asset_openapi_end\n"
	"asset_openapi: .incbin \"service/http/openapi.json\"\n"
	"asset_openapi_end: .byte 0\n"
	".previous\n");

extern const char asset_openapi[], asset_openapi_end[];

const char *assets_openapi(size_t *ret_len)
{
	*ret_len = (size_t)(asset_openapi_end - asset_openapi);
	return asset_openapi;
}

void handle_openapi(struct request *request)
{
	size_t len;
	const char *text = assets_openapi(&len);

	reply_text(request, 200, "application/json; charset=utf-8", text, len);
}
