/* SPDX-License-Identifier: MIT */
/* Heads that pass a public URL: credentials, names, what is passed on and what is not. */
#include "service/preview/preview_head.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void parse(const char *text, struct relay_head *head)
{
	struct err err = {0};

	assert_int_equal(relay_head_length(text, strlen(text)), strlen(text));
	assert_int_equal(relay_head_parse(text, strlen(text), head, &err), 0);
}

static struct preview_claim claim_of(const char *authorization)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_RELAY_HEAD);
	struct relay_head head;
	struct preview_claim claim;

	strbuf_addf(&text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", authorization);
	parse(strbuf_str(&text), &head);
	preview_claim_read(&head, &claim);
	return claim;
}

static void claims_are_digests(void **state)
{
	char token[SHA256_HEX_SIZE], password[SHA256_HEX_SIZE];
	struct preview_claim claim;

	(void)state;
	crypto_sha256_hex("s3cret", 6, token);
	crypto_sha256_hex("pa:ss", 5, password);
	claim = claim_of("Authorization: Bearer s3cret\r\n");
	assert_string_equal(claim.token, token);
	assert_string_equal(claim.password, "");
	claim = claim_of("authorization: bearer s3cret\r\n");
	assert_string_equal(claim.token, token);
	claim = claim_of("Authorization: Basic dXNlcjpwYTpzcw==\r\n"); /* user:pa:ss */
	assert_string_equal(claim.password, password);
	assert_string_equal(claim.token, "");
}

static void other_claims_are_none(void **state)
{
	static const char *const none[] = {"", "Authorization: Bearer\r\n",
		"Authorization: Basic cm9vdDpwYTpzcw==\r\n", /* root:pa:ss */
		"Authorization: Basic !!!\r\n", "Authorization: Digest s3cret\r\n",
		"Authorization: Bearers3cret\r\n",
		"Authorization: Bearer s3cret\r\nAuthorization: Bearer s3cret\r\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct preview_claim claim = claim_of(none[i]);

		assert_string_equal(claim.token, "");
		assert_string_equal(claim.password, "");
	}
}

static void names_tell_box_and_port(void **state)
{
	static const struct {
		const char *host, *box; /* NULL: refused */
		int port;
	} cases[] = {
		{"sweet-shark-26021-3000.preview.example.com", "sweet-shark-26021", 3000},
		{"A-1.PREVIEW.example.com:8443", "a", 1},
		{"a-65535.preview.example.com", "a", 65535},
		{"a-65536.preview.example.com", NULL, 0},
		{"a-0.preview.example.com", NULL, 0},
		{"a-.preview.example.com", NULL, 0},
		{"-80.preview.example.com", NULL, 0},
		{"a80.preview.example.com", NULL, 0},
		{"a-80.example.com", NULL, 0},
		{"a-80.preview.example.com.evil.org", NULL, 0},
		{"a-80", NULL, 0},
		{"", NULL, 0},
		{"a23456789012345678901234567890123456789012345678901234567890123456-80."
		 "preview.example.com",
			NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice host = {cases[i].host, strlen(cases[i].host)};
		char box[PREVIEW_BOX_SIZE];
		int port = 0;
		bool good = preview_host_split(host, "preview.example.com", box, &port);

		assert_int_equal(good, cases[i].box != NULL);
		if (!good)
			continue;
		assert_string_equal(box, cases[i].box);
		assert_int_equal(port, cases[i].port);
	}
}

static void requests_lose_what_is_not_the_boxes(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_RELAY_HEAD);
	struct relay_head head;

	(void)state;
	parse("POST /a%20b?c=d HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\n"
	      "Connection: keep-alive, foo\r\nX-Forwarded-For: 6.6.6.6\r\nX-Own: 1\r\n"
	      "Content-Length: 3\r\n\r\n",
		&head);
	preview_request_head(&out, &head, true, "127.0.0.1");
	assert_string_equal(strbuf_str(&out),
		"POST /a%20b?c=d HTTP/1.1\r\nHost: h\r\nX-Own: 1\r\nContent-Length: 3\r\n"
		"X-Forwarded-For: 127.0.0.1\r\nConnection: close\r\n\r\n");
	strbuf_reset(&out);
	preview_request_head(&out, &head, false, "::1");
	assert_non_null(strstr(strbuf_str(&out), "\r\nAuthorization: Bearer x\r\n"));
}

static void upgrades_pass(void **state)
{
	CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_RELAY_HEAD);
	struct relay_head head;

	(void)state;
	parse("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
	      "Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n",
		&head);
	preview_request_head(&out, &head, false, "127.0.0.1");
	assert_string_equal(strbuf_str(&out),
		"GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\n"
		"X-Forwarded-For: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: "
		"websocket\r\n\r\n");
}

static void answers_end_their_connection(void **state)
{
	static const struct {
		const char *in, *out;
		int status;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nA: b\r\nKeep-Alive: "
		 "5\r\n\r\n",
			"HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n", 200},
		{"HTTP/1.0 404\r\n\r\n", "HTTP/1.0 404\r\nConnection: close\r\n\r\n",
			404},
		{"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\n\r\n",
			"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\n\r\n", 101},
		{"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n",
			"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n", 103},
		{"HTTP/2 200 OK\r\n\r\n", "", 0},
		{"HTTP/1.1 099 No\r\n\r\n", "", 0},
		{"HTTP/1.1 2000 No\r\n\r\n", "", 0},
		{"SSH-2.0-OpenSSH\r\n\r\n", "", 0},
		{"\r\n\r\n", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(strbuf) struct strbuf out = STRBUF_INIT(LIMIT_RELAY_HEAD);

		assert_int_equal(
			preview_answer_head(&out, cases[i].in, strlen(cases[i].in)),
			cases[i].status);
		assert_string_equal(strbuf_str(&out), cases[i].out);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_are_digests),
		cmocka_unit_test(other_claims_are_none),
		cmocka_unit_test(names_tell_box_and_port),
		cmocka_unit_test(requests_lose_what_is_not_the_boxes),
		cmocka_unit_test(upgrades_pass),
		cmocka_unit_test(answers_end_their_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
