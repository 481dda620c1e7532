/* SPDX-License-Identifier: MIT */
/* Secrets stay inside: redaction in each form, and log lines that nobody can forge. */
#include "boxcore/base/file.h"
#include "boxcore/base/secret.h"
#include "boxcore/base/str.h"
#define LOG_MODULE "test"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const char key[] = "sk-test/+aBc_123=xyz";

static void redacts_to(const char *text, size_t len, const char *expect)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(100000);

	secret_redact(&out, text, len);
	assert_string_equal(strbuf_str(&out), expect);
}

static void nothing_known_nothing_changed(void **state)
{
	(void)state;
	redacts_to(key, strlen(key), key);
}

static void the_value_itself(void **state)
{
	CLEANUP(secret) struct secret s = {0};
	char text[100];

	(void)state;
	assert_false(secret_is_set(&s));
	secret_set(&s, key, strlen(key));
	assert_true(secret_is_set(&s));
	redacts_to(key, strlen(key), "***");
	snprintf(text, sizeof text, "a %s b %s%s", key, key, key);
	redacts_to(text, strlen(text), "a *** b ******");
	redacts_to(key, strlen(key) - 1, "sk-test/+aBc_123=xy"); /* not all of it */
	snprintf(text, sizeof text, "sk-sk-test%s", key);
	redacts_to(text, strlen(text), "sk-sk-test***");
}

static void base64_wherever_it_stands(void **state)
{
	CLEANUP(secret) struct secret s = {0};

	(void)state;
	secret_set(&s, key, strlen(key));
	for (size_t before = 0; before < 7; before++) {
		for (size_t behind = 0; behind < 4; behind++) {
			for (int url = 0; url < 2; url++) {
				CLEANUP(strbuf) struct strbuf plain = STRBUF_INIT(100);
				CLEANUP(strbuf) struct strbuf coded = STRBUF_INIT(200);
				CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(200);
				strbuf_add(&plain, "xxxxxxx", before);
				strbuf_adds(&plain, key);
				strbuf_add(&plain, "yyyy", behind);
				(url ? str_base64url : str_base64)(
					&coded, plain.data, plain.len);
				secret_redact(&out, coded.data, coded.len);
				if (!strstr(strbuf_str(&out), "***"))
					fail_msg("%s came through", coded.data);
				/* What is left of it is less than four characters. */
				assert_true(out.len <= (before + behind) * 2 + 12);
			}
		}
	}
}

static void encoded_for_urls_and_json(void **state)
{
	static const char pem[] = "-----BEGIN KEY-----\nabc\"\\def\n-----END KEY-----";
	CLEANUP(secret) struct secret s = {0};
	CLEANUP(secret) struct secret p = {0};

	(void)state;
	secret_set(&s, key, strlen(key));
	secret_set(&p, pem, strlen(pem));
	CLEANUP(strbuf) struct strbuf url = STRBUF_INIT(200);
	strbuf_adds(&url, "https://x?key=");
	str_url_encode(&url, key, false);
	strbuf_adds(&url, "&a=b");
	redacts_to(url.data, url.len, "https://x?key=***&a=b");
	const char *json =
		"{\"key\":\"-----BEGIN KEY-----\\nabc\\\"\\\\def\\n-----END KEY-----\"}";
	redacts_to(json, strlen(json), "{\"key\":\"***\"}");
}

static void short_values_are_left_alone(void **state)
{
	CLEANUP(secret) struct secret s = {0};

	(void)state;
	secret_set(&s, "1234567", 7);
	redacts_to("1234567", 7, "1234567");
}

static void the_longer_of_two_wins_and_uses_are_counted(void **state)
{
	CLEANUP(secret) struct secret a = {0};
	CLEANUP(secret) struct secret b = {0};
	CLEANUP(secret) struct secret copy = {0};

	(void)state;
	secret_set(&a, "password", 8);
	secret_set(&b, "password-longer", 15);
	redacts_to("password-longer", 15, "***");
	secret_copy(&copy, &b);
	secret_release(&b);
	redacts_to("password-longer", 15, "***");
	secret_set(&copy, "something else", 14);
	redacts_to("password-longer", 15, "***-longer");
	secret_set(&copy, copy.value, copy.len); /* itself */
	assert_string_equal(copy.value, "something else");
	secret_copy(&copy, &b);
	assert_false(secret_is_set(&copy));
	secret_release(&a);
	redacts_to("password something else", 23, "password something else");
}

static void nul_bytes_in_foreign_text(void **state)
{
	CLEANUP(secret) struct secret s = {0};
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(100);

	(void)state;
	secret_set(&s, "password", 8);
	secret_redact(&out, "a\0password\0b", 12);
	assert_int_equal(out.len, 7);
	assert_memory_equal(out.data, "a\0***\0b", 7);
}

static void a_secret_from_a_file(void **state)
{
	char path[] = "/tmp/boxwright-test.XXXXXX";
	CLEANUP(fd) int fd = mkstemp(path);
	CLEANUP(secret) struct secret s = {0};
	struct err err = {0};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(secret_read_file(&s, path, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT); /* empty */
	assert_int_equal(file_write(path, "from-a-file\n", 12, 0600, &err), 0);
	assert_int_equal(secret_read_file(&s, path, &err), 0);
	assert_string_equal(s.value, "from-a-file");
	CLEANUP(mem) char *large = mem_zalloc(20000);
	memset(large, 'x', 20000);
	assert_int_equal(file_write(path, large, 20000, 0600, &err), 0);
	assert_int_equal(secret_read_file(&s, path, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	unlink(path);
	assert_int_equal(secret_read_file(&s, path, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* What log calls write to stderr between the two. */
static int saved_stderr = -1, log_file = -1;

static void catch_log(void)
{
	fflush(stderr);
	saved_stderr = dup(2);
	log_file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	assert_true(saved_stderr >= 0 && log_file >= 0);
	dup2(log_file, 2);
}

static void caught(struct strbuf *out)
{
	char buf[100000];

	dup2(saved_stderr, 2);
	close(saved_stderr);
	ssize_t n = pread(log_file, buf, sizeof buf, 0);
	assert_true(n >= 0);
	strbuf_add(out, buf, (size_t)n);
	close(log_file);
}

static size_t lines_of(const struct strbuf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

static void foreign_text_forges_no_line(void **state)
{
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(100000);

	(void)state;
	catch_log();
	log_push("task", "41\n2026-01-01T00:00:00.000Z BROKEN forged");
	log_warn("title %s", "x\r\n2026-01-01T00:00:00.000Z error forged \x1b[2J\xc2\x9b"
			     "2J\x7f\xff");
	log_pop();
	caught(&log);
	assert_int_equal(lines_of(&log), 1);
	for (size_t i = 0; i + 1 < log.len; i++) {
		unsigned char c = (unsigned char)log.data[i];
		assert_true(c >= 0x20 && c != 0x7f);
		assert_false(c == 0xc2 && (unsigned char)log.data[i + 1] < 0xa0);
	}
	assert_true(str_is_utf8(log.data, log.len));
	assert_non_null(strstr(log.data, "title x\\x0d\\n2026"));
	assert_non_null(strstr(log.data, " task=41\\n2026"));
	assert_non_null(strstr(log.data, "\\x1b[2J\\x9b2J\\x7f\xef\xbf\xbd"));
}

static void a_key_of_several_lines_is_redacted(void **state)
{
	static const char pem[] = "-----BEGIN KEY-----\nabcdef\n-----END KEY-----\n";
	CLEANUP(secret) struct secret s = {0};
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(100000);

	(void)state;
	secret_set(&s, pem, strlen(pem));
	catch_log();
	log_push("key", pem);
	log_error("the answer was %s.", pem);
	log_pop();
	caught(&log);
	assert_null(strstr(log.data, "abcdef"));
	assert_non_null(strstr(log.data, "the answer was ***. key=***\n"));
}

static void a_long_line_is_cut_and_ends(void **state)
{
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(100000);
	CLEANUP(mem) char *text = mem_zalloc(60001);

	(void)state;
	memset(text, '\x01', 60000); /* each is four characters when escaped */
	catch_log();
	log_warn("%s", text);
	caught(&log);
	assert_int_equal(lines_of(&log), 1);
	assert_int_equal(log.data[log.len - 1], '\n');
	assert_true(log.len < 40000);
}

static void levels_by_module(void **state)
{
	CLEANUP(strbuf) struct strbuf log = STRBUF_INIT(100000);

	(void)state;
	setenv("LOG", "http=debug,store=error,warn", 1);
	log_open();
	assert_true(log_enabled(LOG_DEBUG, "http"));
	assert_false(log_enabled(LOG_WARN, "store"));
	assert_true(log_enabled(LOG_BROKEN, "store"));
	assert_false(log_enabled(LOG_INFO, "other"));
	assert_true(log_enabled(LOG_WARN, "other"));
	setenv("LOG", "nonsense", 1);
	catch_log();
	log_open();
	caught(&log);
	assert_non_null(strstr(log.data, "unknown level"));
	unsetenv("LOG");
	log_open();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_known_nothing_changed),
		cmocka_unit_test(the_value_itself),
		cmocka_unit_test(base64_wherever_it_stands),
		cmocka_unit_test(encoded_for_urls_and_json),
		cmocka_unit_test(short_values_are_left_alone),
		cmocka_unit_test(the_longer_of_two_wins_and_uses_are_counted),
		cmocka_unit_test(nul_bytes_in_foreign_text),
		cmocka_unit_test(a_secret_from_a_file),
		cmocka_unit_test(foreign_text_forges_no_line),
		cmocka_unit_test(a_key_of_several_lines_is_redacted),
		cmocka_unit_test(a_long_line_is_cut_and_ends),
		cmocka_unit_test(levels_by_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
