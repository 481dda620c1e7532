/* SPDX-License-Identifier: MIT */
/* service/http/multipart.c: forms as clients write them, and as nobody should. */
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"
#include "service/http/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

/* ---- a source that gives pieces of a fixed size ------------------------------------------ */

struct feed {
	const char *at;
	size_t left, piece;
	bool fails;
};

static ssize_t feed(void *arg, void *buf, size_t size, struct err *err)
{
	struct feed *f = arg;
	size_t n = f->left < f->piece ? f->left : f->piece;

	if (f->left == 0 && f->fails)
		return err_set(err, ERR_CANCELLED, "gone");
	n = n < size ? n : size;
	memcpy(buf, f->at, n);
	f->at += n;
	f->left -= n;
	return (ssize_t)n;
}

/* "name|filename|type=bytes;" for each part, or "error" behind what came before it. */
static enum err_kind read_all(struct feed *f, size_t take, struct strbuf *out)
{
	CLEANUP(multipart) struct multipart *m = multipart_new("XX", feed, f);
	struct multipart_part part;
	struct err err = {0};
	char buf[128];
	int rc;

	while ((rc = multipart_next(m, &part, &err)) > 0) {
		ssize_t n;
		strbuf_addf(out, "%s|%s|%s=", part.name,
			part.is_file ? part.filename : "-", part.type);
		while ((n = multipart_read(m, buf, take, &err)) > 0)
			strbuf_add(out, buf, (size_t)n);
		if (n < 0)
			return err.kind;
		strbuf_addc(out, ';');
	}
	if (rc == 0) /* and it stays at its end */
		assert_int_equal(multipart_next(m, &part, &err), 0);
	return rc < 0 ? err.kind : ERR_NONE;
}

#define TEXT(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART(name)                                                                  \
	"Content-Disposition: form-data; name=\"files\"; filename=\"" name "\"\r\n"      \
	"Content-Type: application/octet-stream\r\n\r\n"

static const struct {
	const char *in;
	enum err_kind kind;
	const char *out;
} cases[] = {
	/* As undici writes them, with and without a last line end. */
	{"--XX\r\n" TEXT("paths") "/work/a\r\n--XX\r\n" FILE_PART(
		 "a b\xc3\xa9") "one\r\n--XX--",
		ERR_NONE,
		"paths|-|=/work/a;files|a b\xc3\xa9|application/octet-stream=one;"},
	{"--XX\r\n" TEXT("a") "\r\n--XX--\r\n", ERR_NONE, "a|-|=;"},
	{"--XX\r\n" TEXT("a") "\r\n\r\n--XX--\r\n", ERR_NONE, "a|-|=\r\n;"},
	{"--XX--\r\n", ERR_NONE, ""},
	/* Bytes that look like boundaries and are none. */
	{"--XX\r\n" TEXT("a") "\r\n--X\r\n--XY\n--XX\r\n--XX--", ERR_NONE,
		"a|-|=\r\n--X\r\n--XY\n--XX;"},
	{"--XX\r\n" TEXT("a") "\r\r\n--XX--", ERR_NONE, "a|-|=\r;"},
	/* Headers in any order and case, quotes within quotes, words nobody knows. */
	{"--XX\r\nCONTENT-TYPE:text/x\r\nX-Other: y\r\ncontent-disposition: FORM-DATA; "
	 "filename=\"q\\\"\\\\z\"; x=\"y\"; filename*=UTF-8''q; "
	 "name=\"n\"\r\n\r\nv\r\n--XX--",
		ERR_NONE, "n|q\"\\z|text/x=v;"},
	{"--XX\r\nContent-Disposition: form-data; name=\"n\"; "
	 "filename=\"\"\r\n\r\nv\r\n--XX--",
		ERR_NONE, "n||=v;"},
	/* Refused. */
	{"", ERR_INPUT, ""},
	{"--XX", ERR_INPUT, ""},
	{"junk\r\n--XX\r\n" TEXT("a") "b\r\n--XX--", ERR_INPUT, ""},
	{"--XXY\r\n" TEXT("a") "b\r\n--XX--", ERR_INPUT, ""},
	{"--XX\r\n" TEXT("a") "b\r\n--XX", ERR_INPUT, "a|-|=b;"},
	{"--XX\r\n" TEXT("a") "b\r\n--X", ERR_INPUT, NULL},
	{"--XX\r\n" TEXT("a") "b", ERR_INPUT, NULL},
	{"--XX\r\n" TEXT("a") "b\r\n--XX  \r\n", ERR_INPUT, "a|-|=b;"},
	{"--XX\r\n" TEXT("") "b\r\n--XX--", ERR_INPUT, ""},
	{"--XX\r\nContent-Type: x\r\n\r\nb\r\n--XX--", ERR_INPUT, ""},
	{"--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nb\r\n--XX--",
		ERR_INPUT, ""},
	{"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--XX--", ERR_INPUT,
		""},
	{"--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--XX--", ERR_INPUT,
		""},
	{"--XX\r\nno colon\r\n\r\nb\r\n--XX--", ERR_INPUT, ""},
	{"--XX\r\n\r\nb\r\n--XX--", ERR_INPUT, ""},
};

static void test_cases_in_any_pieces(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 100000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
			struct feed f = {cases[i].in, strlen(cases[i].in), pieces[p], 0};
			CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_MIB);
			size_t take = p % 2 ? 1 : 128;
			enum err_kind kind = read_all(&f, take, &out);
			if (kind != cases[i].kind ||
				(cases[i].out && !str_eq(strbuf_str(&out), cases[i].out)))
				fail_msg("case %zu in pieces of %zu: %d %s", i, pieces[p],
					kind, strbuf_str(&out));
		}
}

static void test_a_nul_and_large_heads(void **state)
{
	static const char nul[] =
		"--XX\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\n"
		"b\r\n--XX--";
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_MIB);
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(LIMIT_MIB);
	struct feed f = {nul, sizeof(nul) - 1, 9, false};

	(void)state;
	assert_int_equal(read_all(&f, 10, &out), ERR_INPUT);
	strbuf_adds(&in, "--XX\r\nX-Long: ");
	for (int i = 0; i < 20000; i++)
		strbuf_addc(&in, 'x');
	f = (struct feed){in.data, in.len, 4096, false};
	assert_int_equal(read_all(&f, 10, &out), ERR_LIMIT);
	strbuf_reset(&in);
	strbuf_adds(&in, "--XX\r\nContent-Disposition: form-data; name=\"");
	for (int i = 0; i < 200; i++)
		strbuf_addc(&in, 'x');
	strbuf_adds(&in, "\"\r\n\r\nb\r\n--XX--");
	f = (struct feed){in.data, in.len, 4096, false};
	assert_int_equal(read_all(&f, 10, &out), ERR_LIMIT);
}

/* A part that is larger than the window comes whole; one may also be passed over. */
static void test_a_large_part(void **state)
{
	enum { SIZE = 3 * 1000 * 1000 };
	CLEANUP(strbuf) struct strbuf in = STRBUF_INIT(4 * LIMIT_MIB);
	struct multipart_part part;
	struct err err = {0};
	char buf[100];
	size_t got = 0;
	ssize_t n;

	(void)state;
	strbuf_adds(&in, "--XX\r\n" TEXT("big"));
	for (size_t i = 0; i < SIZE; i++)
		strbuf_addc(&in, "\r\n--XY"[i % 6]);
	strbuf_adds(&in, "\r\n--XX\r\n" TEXT("small") "end\r\n--XX--");
	for (int skip = 0; skip < 2; skip++) {
		struct feed f = {in.data, in.len, 10007, false};
		CLEANUP(multipart) struct multipart *m = multipart_new("XX", feed, &f);
		assert_int_equal(multipart_next(m, &part, &err), 1);
		while (!skip && (n = multipart_read(m, buf, sizeof(buf), &err)) > 0) {
			for (ssize_t i = 0; i < n; i++)
				assert_int_equal(
					buf[i], "\r\n--XY"[(got + (size_t)i) % 6]);
			got += (size_t)n;
		}
		assert_int_equal(multipart_next(m, &part, &err), 1);
		assert_string_equal(part.name, "small");
		assert_int_equal(multipart_read(m, buf, sizeof(buf), &err), 3);
		assert_int_equal(multipart_next(m, &part, &err), 0);
	}
	assert_int_equal(got, SIZE);
}

static void test_a_source_that_fails(void **state)
{
	static const char in[] = "--XX\r\n" TEXT("a") "b\r\n--XX--";

	(void)state;
	for (size_t len = 0; len < sizeof(in) - 1; len++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(1024);
		struct feed f = {in, len, 3, true};
		assert_int_equal(read_all(&f, 10, &out), ERR_CANCELLED);
	}
}

static void test_boundaries(void **state)
{
	static const struct {
		const char *type, *boundary;
	} types[] = {
		{"multipart/form-data; boundary=----formdata-undici-0498",
			"----formdata-undici-0498"},
		{"Multipart/Form-Data; Boundary=\"a b\"", NULL},
		{"multipart/form-data; charset=x; boundary=\"a(b)\"", "a(b)"},
		{"multipart/form-data;boundary=a; x=y", "a"},
		{"multipart/form-data", NULL},
		{"multipart/form-data; boundary=", NULL},
		{"multipart/form-data; boundary=\"a", NULL},
		{"multipart/form-data; boundary=a\"b", NULL},
		{"multipart/mixed; boundary=a", NULL},
		{"application/json", NULL},
		{NULL, NULL},
		{"multipart/form-data; boundary="
		 "0123456789012345678901234567890123456789012345678901234567890123456789",
			"0123456789012345678901234567890123456789012345678901234567890123"
			"456"
			"789"},
		{"multipart/form-data; boundary="
		 "0123456789012345678901234567890123456789012345678901234567890123456789"
		 "0",
			NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		char boundary[MULTIPART_BOUNDARY_MAX + 1] = "";
		bool ok = multipart_boundary(types[i].type, boundary);
		if (ok != (types[i].boundary != NULL) ||
			(ok && !str_eq(boundary, types[i].boundary)))
			fail_msg("%s: %d %s", types[i].type, ok, boundary);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases_in_any_pieces),
		cmocka_unit_test(test_a_nul_and_large_heads),
		cmocka_unit_test(test_a_large_part),
		cmocka_unit_test(test_a_source_that_fails),
		cmocka_unit_test(test_boundaries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
