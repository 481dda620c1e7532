/* SPDX-License-Identifier: MIT */
/* boxinit, compiled in: one program brings everything that a box needs. */
#include "boxcore/boxcore-internal.h"

/* clang-format off */
__asm__(".pushsection .rodata\n"
	".balign 16\n"
	".global boxinit_blob_start\n"
	"boxinit_blob_start:\n"
	".incbin \"" BOXINIT_PATH "\"\n"
	".global boxinit_blob_end\n"
	"boxinit_blob_end:\n"
	".byte 0\n"
	".popsection\n");
/* clang-format on */

extern const char boxinit_blob_start[], boxinit_blob_end[];

const void *boxinit_blob(size_t *ret_len)
{
	*ret_len = (size_t)(boxinit_blob_end - boxinit_blob_start);
	return boxinit_blob_start;
}
