/* SPDX-License-Identifier: MIT */
/* `make test-one T=file N=case`: runs only the cases of a cmocka program that match $N. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

void test_filter_start(void);

/* Linked into every test program by `-u test_filter_start`, runs before its main(). */
__attribute__((constructor)) void test_filter_start(void)
{
	static char pattern[256];
	const char *wanted = getenv("TEST_CASE");

	if (!wanted || !*wanted)
		return;
	snprintf(pattern, sizeof pattern, "*%s*", wanted);
	cmocka_set_test_filter(pattern);
}
