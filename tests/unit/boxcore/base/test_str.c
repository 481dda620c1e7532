/* SPDX-License-Identifier: MIT */
/* String helpers, table by table: numbers, hex, base64, UTF-8, URLs. */
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

static void comparisons(void **state)
{
	(void)state;
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq(NULL, ""));
	assert_false(str_eq("a", NULL));
	assert_true(str_eq("a", "a"));
	assert_true(str_eq_nocase("Content-Length", "content-length"));
	assert_false(str_eq_nocase("a", NULL));
	assert_true(str_starts("abc", ""));
	assert_true(str_starts("abc", "ab"));
	assert_false(str_starts("a", "ab"));
	assert_false(str_starts(NULL, ""));
	assert_true(str_ends("abc", "bc"));
	assert_false(str_ends("c", "bc"));
	assert_false(str_ends(NULL, ""));
	assert_true(str_empty(NULL));
	assert_true(str_empty(""));
	assert_false(str_empty(" "));
}

static void copy_cuts_at_a_character(void **state)
{
	char small[6];

	(void)state;
	assert_true(str_copy(small, sizeof small, "12345"));
	assert_string_equal(small, "12345");
	assert_false(str_copy(small, sizeof small, "123456"));
	assert_string_equal(small, "12345");
	assert_false(str_copy(small, sizeof small, "1234\xc3\xa9"));
	assert_string_equal(small, "1234");
	assert_false(str_copy(small, sizeof small,
		"12\xe2\x82\xac"
		"456"));
	assert_string_equal(small, "12\xe2\x82\xac");
	assert_false(str_copy(small, 1, "x"));
	assert_string_equal(small, "");
	assert_false(str_copy(small, 0, ""));
}

static void numbers(void **state)
{
	uint64_t u = 0;
	int64_t i = 0;
	double d = 0;

	(void)state;
	static const char *const bad[] = {"", " 1", "1 ", "+1", "0x1", "1e3", "--1", "-",
		"18446744073709551616", "a", "1.0", NULL};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		assert_false(str_to_u64(bad[k], 0, UINT64_MAX, &u));
		assert_false(str_to_i64(bad[k], INT64_MIN, INT64_MAX, &i));
	}
	assert_false(str_to_u64("-1", 0, UINT64_MAX, &u));
	assert_true(str_to_u64("18446744073709551615", 0, UINT64_MAX, &u));
	assert_true(u == UINT64_MAX);
	assert_false(str_to_u64("11", 0, 10, &u));
	assert_true(u == UINT64_MAX); /* untouched */
	assert_true(str_to_i64("-9223372036854775808", INT64_MIN, 0, &i));
	assert_true(i == INT64_MIN);
	assert_false(str_to_i64("9223372036854775808", INT64_MIN, INT64_MAX, &i));
	assert_true(str_to_i64("0042", 0, 100, &i));
	assert_int_equal(i, 42);
	const char *at = "7:013, x";
	assert_true(str_take_i64(&at, 9, &i) && i == 7);
	assert_false(str_take_i64(&at, 9, &i));
	assert_true(str_take(&at, ":"));
	assert_false(str_take_i64(&at, 12, &i)); /* beyond: unmoved */
	assert_true(str_take_i64(&at, 13, &i) && i == 13);
	assert_false(str_take(&at, ", y"));
	assert_true(str_take(&at, ", "));
	assert_string_equal(at, "x");
	static const char *const bad_double[] = {"", "inf", "-inf", "nan", "0x10", "1,5",
		" 1", "1 ", "1e999", "+1", "-", NULL};
	for (size_t k = 0; k < sizeof bad_double / sizeof *bad_double; k++)
		assert_false(str_to_double(bad_double[k], -INFINITY, INFINITY, &d));
	assert_true(str_to_double("-1.5e2", -1000, 1000, &d));
	assert_true(d <= -150 && d >= -150);
	assert_false(str_to_double("1001", -1000, 1000, &d));
}

static void durations_and_sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
		int64_t bytes;
	} table[] = {{"90", 90, 90}, {"90s", 90, -1}, {"30m", 1800, 30LL << 20},
		{"6h", 21600, -1}, {"2d", 172800, -1}, {"2D", 172800, -1},
		{"64k", -1, 65536}, {"8M", 480, 8LL << 20}, {"2g", -1, 2LL << 30},
		{"", -1, -1}, {"m", -1, -1}, {"1mm", -1, -1}, {"-1m", -1, -1},
		{"1.5h", -1, -1}, {"9223372036854775807d", -1, -1},
		{"9223372036854775808", -1, -1}, {"1 m", -1, -1}};

	(void)state;
	for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
		int64_t got = -1;
		bool ok = str_to_seconds(table[k].text, &got);
		assert_int_equal(ok ? got : -1, table[k].seconds);
		got = -1;
		ok = str_to_bytes(table[k].text, &got);
		assert_int_equal(ok ? got : -1, table[k].bytes);
	}
}

static void hex_both_ways(void **state)
{
	char text[9];
	uint8_t data[4] = {0};

	(void)state;
	str_hex("\x00\xff\x10\xa5", 4, text);
	assert_string_equal(text, "00ff10a5");
	assert_true(str_unhex("00FF10a5", 8, data));
	assert_memory_equal(data, "\x00\xff\x10\xa5", 4);
	assert_false(str_unhex("0", 1, data));
	assert_false(str_unhex("0g", 2, data));
	assert_false(str_unhex("g0", 2, data));
}

static void base64_vectors_of_rfc4648(void **state)
{
	static const char *const table[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "+//+"}};

	(void)state;
	for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
		CLEANUP(strbuf) struct strbuf to = STRBUF_INIT(100);
		CLEANUP(strbuf) struct strbuf back = STRBUF_INIT(100);
		str_base64(&to, table[k][0], strlen(table[k][0]));
		assert_string_equal(strbuf_str(&to), table[k][1]);
		assert_true(str_unbase64(&back, table[k][1], strlen(table[k][1])));
		assert_string_equal(strbuf_str(&back), table[k][0]);
	}
	CLEANUP(strbuf) struct strbuf url = STRBUF_INIT(100);
	str_base64url(&url, "\xfb\xff\xfe\xfb", 4);
	assert_string_equal(strbuf_str(&url), "-__--w");
}

static void base64_refuses_what_is_not_canonical(void **state)
{
	static const char *const bad[] = {"Zg",
		"Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "Zm9v=", "Zm 9", "Zm9v\n",
		"Zg==Zg==", "Zm9-", "=Zm9", "Zm=v"};

	(void)state;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(100);
		if (str_unbase64(&out, bad[k], strlen(bad[k])))
			fail_msg("%s was accepted", bad[k]);
	}
	CLEANUP(strbuf) struct strbuf small = STRBUF_INIT(2);
	assert_false(str_unbase64(&small, "Zm9v", 4));
}

static void base64_of_every_length_comes_back(void **state)
{
	uint8_t data[100];

	(void)state;
	for (size_t n = 0; n < sizeof data; n++) {
		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(i * 37 + n);
		CLEANUP(strbuf) struct strbuf to = STRBUF_INIT(200);
		CLEANUP(strbuf) struct strbuf back = STRBUF_INIT(200);
		str_base64(&to, data, n);
		assert_true(str_unbase64(&back, strbuf_str(&to), to.len));
		assert_int_equal(back.len, n);
		assert_memory_equal(strbuf_str(&back), data, n);
	}
}

static const struct {
	const char *bytes;
	bool valid;
} utf8_table[] = {
	{"", true},
	{"abc", true},
	{"\xc3\xa9", true},
	{"\xe2\x82\xac", true},
	{"\xf0\x9f\x98\x80", true},
	{"\xf4\x8f\xbf\xbf", true},
	{"\xef\xbf\xbf", true},
	{"\xed\x9f\xbf", true},
	{"\xee\x80\x80", true},
	{"\xc0\xaf", false},
	{"\xc1\xbf", false},
	{"\xe0\x80\xaf", false}, /* overlong */
	{"\xf0\x80\x80\xaf", false},
	{"\xe0\x9f\xbf", false},
	{"\xf0\x8f\xbf\xbf", false},
	{"\xed\xa0\x80", false},
	{"\xed\xbf\xbf", false}, /* surrogates */
	{"\xf4\x90\x80\x80", false},
	{"\xf5\x80\x80\x80", false},
	{"\xff", false},
	{"\x80", false},
	{"\xc3", false},
	{"\xe2\x82", false},
	{"\xf0\x9f\x98", false},
	{"a\xc3(", false},
};

static void utf8_validity(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof utf8_table / sizeof *utf8_table; k++) {
		const char *s = utf8_table[k].bytes;
		if (str_is_utf8(s, strlen(s)) != utf8_table[k].valid)
			fail_msg("row %zu", k);
		CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(100);
		str_clean_utf8(&clean, s, strlen(s), false);
		assert_true(str_is_utf8(strbuf_str(&clean), clean.len));
		if (utf8_table[k].valid)
			assert_string_equal(strbuf_str(&clean), s);
		else
			assert_non_null(strstr(strbuf_str(&clean), "\xef\xbf\xbd"));
	}
	assert_true(str_is_utf8("a\0b", 3));
	assert_false(str_is_utf8("\xe2\x82\xac", 2)); /* cut by its length */
}

static void cleaning_takes_control_characters(void **state)
{
	CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT(100);

	(void)state;
	str_clean_utf8(&clean,
		"a\n\t\x1b[1m\x7f\xc2\x9b"
		"b\r",
		12, false);
	assert_string_equal(strbuf_str(&clean),
		"a\n\t\xef\xbf\xbd[1m\xef\xbf\xbd\xef\xbf\xbd"
		"b\xef\xbf\xbd");
	strbuf_reset(&clean);
	str_clean_utf8(&clean, "a\x1b\r\xff", 4, true);
	assert_string_equal(strbuf_str(&clean), "a\x1b\r\xef\xbf\xbd");
}

static void cut_never_splits_and_never_looks_behind(void **state)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
	static const size_t expect[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};

	(void)state;
	for (size_t n = 0; n < sizeof expect / sizeof *expect; n++) {
		/* A copy without anything behind it: a sanitizer sees a look beyond. */
		char *exact = malloc(n ? n : 1);
		assert_non_null(exact);
		memcpy(exact, text, n);
		assert_int_equal(str_utf8_cut(exact, n), expect[n]);
		free(exact);
	}
	/* What is no UTF-8 loses at most three bytes. */
	assert_true(str_utf8_cut("\x80\x80\x80\x80\x80\x80", 6) >= 3);
}

static void url_encoding(void **state)
{
	CLEANUP(strbuf) struct strbuf sb = STRBUF_INIT(200);

	(void)state;
	str_url_encode(&sb, "aZ09-._~/ ?#[]%+\xc3\xa9", false);
	assert_string_equal(strbuf_str(&sb), "aZ09-._~%2F%20%3F%23%5B%5D%25%2B%C3%A9");
	strbuf_reset(&sb);
	str_url_encode(&sb, "a/b c", true);
	assert_string_equal(strbuf_str(&sb), "a/b%20c");
}

static void url_decoding(void **state)
{
	static const struct {
		const char *in;
		bool plus;
		const char *out; /* NULL: refused */
	} table[] = {{"a%20b", false, "a b"}, {"a+b", false, "a+b"}, {"a+b", true, "a b"},
		{"%2f%2F", false, "//"}, {"%252e", false, "%2e"}, {"%", false, NULL},
		{"%4", false, NULL}, {"%zz", false, NULL}, {"%00", false, NULL},
		{"a%00b", true, NULL}, {"", false, ""}, {"%C3%A9", false, "\xc3\xa9"}};

	(void)state;
	for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
		char buf[32];
		assert_true(str_copy(buf, sizeof buf, table[k].in));
		assert_int_equal(
			str_url_decode(buf, table[k].plus), table[k].out != NULL);
		if (table[k].out)
			assert_string_equal(buf, table[k].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparisons),
		cmocka_unit_test(copy_cuts_at_a_character),
		cmocka_unit_test(numbers),
		cmocka_unit_test(durations_and_sizes),
		cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(base64_vectors_of_rfc4648),
		cmocka_unit_test(base64_refuses_what_is_not_canonical),
		cmocka_unit_test(base64_of_every_length_comes_back),
		cmocka_unit_test(utf8_validity),
		cmocka_unit_test(cleaning_takes_control_characters),
		cmocka_unit_test(cut_never_splits_and_never_looks_behind),
		cmocka_unit_test(url_encoding),
		cmocka_unit_test(url_decoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
