/* SPDX-License-Identifier: MIT */
/* webhooks/signature.c: GitHub's own vector, rotation, and every other form refused. */
#include "boxcore/base/crypto.h"
#include "boxcore/base/str.h"
#include "webhooks/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define BODY "Hello, World!"
#define VECTOR "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define KEY "It's a Secret to Everybody"

static enum signature_result check(
	const char *header, const char *first, const char *second)
{
	struct secret secrets[SIGNATURE_SECRETS_MAX] = {0};
	enum signature_result result;

	if (first)
		secret_set(&secrets[0], first, strlen(first));
	if (second)
		secret_set(&secrets[1], second, strlen(second));
	result = signature_check(header, NULL, BODY, strlen(BODY), secrets, 2);
	secret_release(&secrets[0]);
	secret_release(&secrets[1]);
	return result;
}

static void test_githubs_vector_fits(void **state)
{
	(void)state;
	assert_int_equal(check(VECTOR, KEY, NULL), SIGNATURE_OK);
}

static void test_either_secret_fits(void **state)
{
	(void)state;
	assert_int_equal(check(VECTOR, "another secret", KEY), SIGNATURE_OK);
	assert_int_equal(check(VECTOR, KEY, "another secret"), SIGNATURE_OK);
	assert_int_equal(check(VECTOR, NULL, KEY), SIGNATURE_OK);
	assert_int_equal(check(VECTOR, "another", "and another"), SIGNATURE_WRONG);
	assert_int_equal(check(VECTOR, NULL, NULL), SIGNATURE_WRONG);
}

static void test_other_forms_are_malformed(void **state)
{
	static const char *const forms[] = {
		"",
		"sha256=",
		"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
		"SHA256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
		"sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17",
		"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1",
		"sha256="
		"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e171",
		"sha256= 57107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
		"sha256=g57107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
		"sha1=7571075710757107571075710757107571075710",
		VECTOR " ",
		VECTOR "," VECTOR,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (check(forms[i], KEY, NULL) != SIGNATURE_MALFORMED)
			fail_msg("not malformed: %s", forms[i]);
}

static void test_absence_is_told_apart(void **state)
{
	(void)state;
	assert_int_equal(
		signature_check(NULL, NULL, BODY, 13, NULL, 0), SIGNATURE_MISSING);
	assert_int_equal(
		signature_check(NULL, "sha1=00", BODY, 13, NULL, 0), SIGNATURE_SHA1_ONLY);
}

/* Each changed bit of body or header must be refused. */
static void test_no_mutation_passes(void **state)
{
	CLEANUP(secret) struct secret secret = {0};
	char header[] = VECTOR, body[] = BODY;
	size_t tried = 0;

	(void)state;
	secret_set(&secret, KEY, strlen(KEY));
	for (size_t i = 0; i < strlen(VECTOR) * 8; i++, tried++) {
		header[i / 8] ^= (char)(1 << i % 8);
		assert_int_not_equal(signature_check(header, NULL, BODY, 13, &secret, 1),
			SIGNATURE_OK);
		header[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t i = 0; i < strlen(BODY) * 8; i++, tried++) {
		body[i / 8] ^= (char)(1 << i % 8);
		assert_int_equal(signature_check(VECTOR, NULL, body, 13, &secret, 1),
			SIGNATURE_WRONG);
		body[i / 8] ^= (char)(1 << i % 8);
	}
	for (int i = 0; i < 100000; i++, tried++) {
		uint8_t mac[SHA256_SIZE];
		char random[8 + 2 * SHA256_SIZE] = "sha256=";
		crypto_random(mac, sizeof(mac));
		str_hex(mac, sizeof(mac), random + 7);
		assert_int_equal(signature_check(random, NULL, BODY, 13, &secret, 1),
			SIGNATURE_WRONG);
	}
	assert_int_equal(
		signature_check(header, NULL, body, 13, &secret, 1), SIGNATURE_OK);
	assert_true(tried > 100000);
}

static void test_words_and_sentences_differ(void **state)
{
	(void)state;
	for (int i = SIGNATURE_OK; i <= SIGNATURE_WRONG; i++)
		for (int k = SIGNATURE_OK; k < i; k++) {
			assert_string_not_equal(signature_word((enum signature_result)i),
				signature_word((enum signature_result)k));
			assert_string_not_equal(
				signature_sentence((enum signature_result)i),
				signature_sentence((enum signature_result)k));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_githubs_vector_fits),
		cmocka_unit_test(test_either_secret_fits),
		cmocka_unit_test(test_other_forms_are_malformed),
		cmocka_unit_test(test_absence_is_told_apart),
		cmocka_unit_test(test_no_mutation_passes),
		cmocka_unit_test(test_words_and_sentences_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
