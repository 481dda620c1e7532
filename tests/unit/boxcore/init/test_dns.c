/* SPDX-License-Identifier: MIT */
/* Questions of names as boxinit reads and answers them; the file is compiled in, for boxinit
 * is a program of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boxcore/init/dns.c"

#include <stdlib.h>

static uint8_t message[2000];

/* A question for a dotted name: its length. */
static size_t ask(const char *name, unsigned type)
{
	size_t len = HEADER;

	memset(message, 0, sizeof message);
	set_u16(message, 0x1234);
	message[2] = 1;
	set_u16(message + 4, 1);
	while (*name) {
		size_t label = strcspn(name, ".");

		message[len++] = (uint8_t)label;
		memcpy(message + len, name, label);
		len += label;
		name += label + (name[label] == '.');
	}
	message[len++] = 0;
	set_u16(message + len, type);
	set_u16(message + len + 2, CLASS_IN);
	return len + 4;
}

static bool read_exactly(size_t len, struct dns_question *question)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, message, len);
	bool result = dns_read(copy, len, question);
	free(copy);
	return result;
}

static void test_question_and_answer(void **state)
{
	struct dns_question question;
	uint8_t out[DNS_MESSAGE];
	uint32_t address = 0xc6120001;
	size_t len = ask("WWW.Example-1.com", TYPE_A);

	(void)state;
	assert_true(read_exactly(len, &question));
	assert_int_equal(question.rcode, DNS_OK);
	assert_true(question.address);
	assert_string_equal(question.name, "www.example-1.com");
	size_t size = dns_write(message, &question, &address, out);
	assert_int_equal(size, len + 16);
	assert_memory_equal(out, "\x12\x34\x81\x80\0\1\0\1\0\0\0\0", 12);
	assert_memory_equal(out + 12, message + 12, len - 12); /* as it was asked */
	assert_memory_equal(out + len, "\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4\xc6\x12\0\1", 16);
	size = dns_write(message, &question, NULL, out);
	assert_int_equal(size, len);
	assert_int_equal(get_u16(out + 6), 0);
}

static void test_others_have_no_records(void **state)
{
	static const unsigned types[] = {28, 15, 16, 12, 255, 65};
	struct dns_question question;

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		assert_true(read_exactly(ask("example.com", types[i]), &question));
		assert_int_equal(question.rcode, DNS_OK);
		assert_false(question.address);
	}
	assert_true(read_exactly(ask("", TYPE_A), &question)); /* the root */
	assert_false(question.address);
}

static void test_names_that_are_none(void **state)
{
	static const char *const names[] = {
		"a b.com", "a@b", "\xc3\xa4.de", "a/b", "*.a"};
	struct dns_question question;
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_true(read_exactly(ask(names[i], TYPE_A), &question));
		assert_int_equal(question.rcode, DNS_NO_NAME);
	}
	memset(longest, 'a', sizeof longest);
	for (size_t i = 50; i < sizeof longest; i += 51)
		longest[i] = '.';
	longest[253] = '\0';
	assert_true(read_exactly(ask(longest, TYPE_A), &question));
	assert_int_equal(question.rcode, DNS_OK);
	assert_string_equal(question.name, longest);
	longest[253] = 'a';
	longest[260] = '\0';
	assert_true(read_exactly(ask(longest, TYPE_A), &question));
	assert_int_equal(question.rcode, DNS_FORMAT);
}

static void test_malformed(void **state)
{
	struct dns_question question;
	size_t len = ask("www.example.com", TYPE_A);
	uint8_t out[DNS_MESSAGE];

	(void)state;
	for (size_t cut = 0; cut < HEADER; cut++)
		assert_false(read_exactly(cut, &question));
	for (size_t cut = HEADER; cut < len; cut++) {
		assert_true(read_exactly(cut, &question));
		assert_int_equal(question.rcode, DNS_FORMAT);
		assert_int_equal(dns_write(message, &question, NULL, out), HEADER);
		assert_int_equal(out[3] & 15, DNS_FORMAT);
	}
	message[HEADER] = 0xc0; /* a pointer, to itself */
	message[HEADER + 1] = HEADER;
	assert_true(read_exactly(len, &question));
	assert_int_equal(question.rcode, DNS_FORMAT);
	ask("www.example.com", TYPE_A);
	message[5] = 2;
	assert_true(read_exactly(len, &question));
	assert_int_equal(question.rcode, DNS_FORMAT);
	message[5] = 1;
	message[2] = 0x80; /* an answer: none to it, or two would talk for ever */
	assert_false(read_exactly(len, &question));
	message[2] = 0x28;
	assert_true(read_exactly(len, &question));
	assert_int_equal(question.rcode, DNS_NOT_BUILT);
	message[2] = 1;
	assert_true(read_exactly(DNS_MESSAGE + 1, &question));
	assert_int_equal(question.rcode, DNS_FORMAT);
}

/* As resolvers ask today: a record behind the question. */
static void test_edns(void **state)
{
	struct dns_question question;
	size_t len = ask("example.com", TYPE_A);
	uint8_t out[DNS_MESSAGE];

	(void)state;
	message[11] = 1;
	memcpy(message + len, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
	assert_true(read_exactly(len + 11, &question));
	assert_int_equal(question.rcode, DNS_OK);
	assert_int_equal(dns_write(message, &question, NULL, out), len);
	assert_int_equal(get_u16(out + 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question_and_answer),
		cmocka_unit_test(test_others_have_no_records),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_edns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
