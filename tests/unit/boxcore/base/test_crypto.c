/* SPDX-License-Identifier: MIT */
/* boxcore/base/crypto.c: known answers, and sealed texts that nobody else opens. */
#include "boxcore/base/crypto.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t key[CRYPTO_KEY_SIZE] = "0123456789abcdef0123456789abcde";

static void test_known_answers(void **state)
{
	char hex[SHA256_HEX_SIZE];
	uint8_t mac[SHA256_SIZE];
	char mac_hex[SHA256_HEX_SIZE];

	(void)state;
	crypto_sha256_hex("abc", 3, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	/* RFC 4231, case 2 */
	crypto_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
	str_hex(mac, sizeof mac, mac_hex);
	assert_string_equal(mac_hex,
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void seal_and_open(const void *data, size_t len)
{
	CLEANUP(mem) char *sealed = crypto_seal(key, data, len);
	struct err err = {0};
	size_t got_len = 99;
	CLEANUP(mem) char *got = crypto_open(key, sealed, &got_len, &err);

	if (!got)
		fail_msg("%s", err.text);
	assert_int_equal(got_len, len);
	if (len)
		assert_memory_equal(got, data, len);
	assert_int_equal(got[len], '\0');
	assert_true(str_starts(sealed, CRYPTO_SEAL_PREFIX));
	assert_true(str_is_utf8(sealed, strlen(sealed)));
	if (len > 8)
		assert_null(memmem(sealed, strlen(sealed), data, len));
}

static void test_sealed_and_opened(void **state)
{
	char bytes[1000];

	(void)state;
	seal_and_open("", 0);
	seal_and_open("x", 1);
	seal_and_open("{\"env\":{\"TOKEN\":\"secret\"}}", 26);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	for (size_t len = 0; len < 70; len++)
		seal_and_open(bytes, len);
	seal_and_open(bytes, sizeof bytes);
}

static void test_never_the_same_twice(void **state)
{
	CLEANUP(mem) char *one = crypto_seal(key, "same", 4);
	CLEANUP(mem) char *two = crypto_seal(key, "same", 4);

	(void)state;
	assert_string_not_equal(one, two);
}

static void expect_refused(const uint8_t *with, const char *sealed, enum err_kind kind)
{
	struct err err = {0};
	size_t len = 7;

	assert_null(crypto_open(with, sealed, &len, &err));
	assert_int_equal(err.kind, kind);
	assert_null(strstr(err.text, "secret"));
	assert_int_equal(len, 7);
}

static void test_another_key_does_not_open(void **state)
{
	CLEANUP(mem) char *sealed = crypto_seal(key, "secret", 6);
	uint8_t other[CRYPTO_KEY_SIZE];

	(void)state;
	for (size_t bit = 0; bit < 8 * sizeof other; bit++) {
		memcpy(other, key, sizeof other);
		other[bit / 8] ^= (uint8_t)(1 << bit % 8);
		expect_refused(other, sealed, ERR_DENIED);
	}
}

/* Every bit of nonce, ciphertext and tag. */
static void test_no_bit_may_be_changed(void **state)
{
	CLEANUP(mem) char *sealed = crypto_seal(key, "secret", 6);
	CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT(1000);
	size_t prefix = strlen(CRYPTO_SEAL_PREFIX);

	(void)state;
	assert_true(str_unbase64(&raw, sealed + prefix, strlen(sealed) - prefix));
	assert_int_equal(raw.len, 12 + 6 + 16);
	for (size_t bit = 0; bit < 8 * raw.len; bit++) {
		CLEANUP(strbuf) struct strbuf changed = STRBUF_INIT(1000);

		raw.data[bit / 8] ^= (char)(1 << bit % 8);
		strbuf_adds(&changed, CRYPTO_SEAL_PREFIX);
		str_base64(&changed, raw.data, raw.len);
		expect_refused(key, strbuf_str(&changed), ERR_DENIED);
		raw.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t len = 0; len < raw.len; len++) { /* nor may any be left out */
		CLEANUP(strbuf) struct strbuf shorter = STRBUF_INIT(1000);

		strbuf_adds(&shorter, CRYPTO_SEAL_PREFIX);
		str_base64(&shorter, raw.data, len);
		expect_refused(key, strbuf_str(&shorter),
			len < 12 + 16 ? ERR_INPUT : ERR_DENIED);
	}
}

static void test_text_of_no_known_form(void **state)
{
	static const char *const bad[] = {"", "s1", "s1.", "s1.====", "s1.%%%%",
		"s2.QUJD", "QUJD", "S1.QUJD", "s1.QUJ", "s1.QUJD\n"};
	CLEANUP(mem) char *sealed = crypto_seal(key, "secret", 6);
	CLEANUP(mem) char *longer = mem_printf("%sAAAA", sealed);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_refused(key, bad[i], ERR_INPUT);
	struct err err = {0};
	size_t len;
	assert_null(crypto_open(key, longer, &len, &err));
}

static void test_random(void **state)
{
	char a[33], b[33];

	(void)state;
	crypto_random_hex(a, 16);
	crypto_random_hex(b, 16);
	assert_int_equal(strlen(a), 32);
	assert_string_not_equal(a, b);
	assert_true(crypto_equal(a, a, 32));
	assert_false(crypto_equal(a, b, 32));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_sealed_and_opened),
		cmocka_unit_test(test_never_the_same_twice),
		cmocka_unit_test(test_another_key_does_not_open),
		cmocka_unit_test(test_no_bit_may_be_changed),
		cmocka_unit_test(test_text_of_no_known_form),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
