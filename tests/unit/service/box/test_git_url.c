/* SPDX-License-Identifier: MIT */
/* Addresses of repositories, good and hostile. */
#include "service/box/git_url.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
	static const struct {
		const char *text, *url, *repo, *dir, *password;
	} cases[] = {
		{"https://github.com/o/r", "https://github.com/o/r", "o/r", "r", NULL},
		{"https://github.com/o/r.git", "https://github.com/o/r.git", "o/r", "r",
			NULL},
		{"https://github.com/o/r/", "https://github.com/o/r/", "o/r", "r", NULL},
		{"HTTPS://GitHub.COM:443/o/r", "https://GitHub.COM:443/o/r", "o/r", "r",
			NULL},
		{"http://github.com/o/r", "http://github.com/o/r", "o/r", "r", NULL},
		{"github.com/o/r", "https://github.com/o/r", "o/r", "r", NULL},
		{"o/r", "https://github.com/o/r", "o/r", "r", NULL},
		{"o/r.js.git", "https://github.com/o/r.js.git", "o/r.js", "r.js", NULL},
		{"git@github.com:o/r.git", "git@github.com:o/r.git", "o/r", "r", NULL},
		{"ssh://git@github.com/o/r", "ssh://git@github.com/o/r", "o/r", "r",
			NULL},
		{"ssh://git@github.com:22/o/r", "ssh://git@github.com:22/o/r", "o/r", "r",
			NULL},
		{"https://x-access-token:ghp_abc%2Bdef@github.com/o/r",
			"https://github.com/o/r", "o/r", "r", "ghp_abc+def"},
		{"https://ghp_0123456789abcdefghij@github.com/o/r",
			"https://github.com/o/r", "o/r", "r", "ghp_0123456789abcdefghij"},
		{"https://me@github.com/o/r", "https://me@github.com/o/r", "o/r", "r",
			NULL},
		{"https://gitlab.com/a/b/c.git", "https://gitlab.com/a/b/c.git", NULL,
			"c", NULL},
		{"gitlab.com/a/b", "https://gitlab.com/a/b", NULL, "b", NULL},
		{"127.0.0.1:3000/a/b", "https://127.0.0.1:3000/a/b", NULL, "b", NULL},
		{"http://[::1]:8080/a/b", "http://[::1]:8080/a/b", NULL, "b", NULL},
		{"git://example.com/x.git", "git://example.com/x.git", NULL, "x", NULL},
		{"https://github.com:8443/o/r", "https://github.com:8443/o/r", NULL, "r",
			NULL},
		{"https://github.com/o/r/wiki", "https://github.com/o/r/wiki", NULL,
			"wiki", NULL},
		{"https://github.com.evil.example/o/r",
			"https://github.com.evil.example/o/r", NULL, "r", NULL},
		{"https://evil.example/github.com/o/r",
			"https://evil.example/github.com/o/r", NULL, "r", NULL},
		{"https://github.com@evil.example/o/r",
			"https://github.com@evil.example/o/r", NULL, "r", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(git_url) struct git_url url = {0};
		struct err err = {0};
		char repo[300];

		if (git_url_parse(
			    cases[i].text, "repo", "https://github.com", &url, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		snprintf(repo, sizeof repo, "%s/%s", url.owner, url.name);
		if (strcmp(url.url, cases[i].url) != 0 ||
			url.hosted != (cases[i].repo != NULL) ||
			(url.hosted && strcmp(repo, cases[i].repo) != 0) ||
			strcmp(url.dir, cases[i].dir) != 0 ||
			!str_eq(url.password.value, cases[i].password))
			fail_msg("%s: %s %s %s %s", cases[i].text, url.url,
				url.hosted ? repo : "elsewhere", url.dir,
				url.password.value ? url.password.value : "-");
	}
}

static void test_bad(void **state)
{
	static const char *const bad[] = {"", "r", "/tmp/r", "./r", "../r", "~/r",
		"file:///tmp/r", "FILE:///tmp/r", "ext::sh -c id", "ext::sh%20-c%20id",
		"fd::17/x", "https::github.com/o/r", "ftp://github.com/o/r",
		"--upload-pack=id", "-u/x", "ssh://-oProxyCommand=id/x",
		"ssh://-oProxyCommand=id@host/x", "-oProxyCommand=id@host:x",
		"git@-oProxyCommand=id:x", "git@github.com:-x", "https://github.com/-r",
		"https://github.com", "https://github.com/", "https:///o/r",
		"https://github.com/o/r name", "https://github.com/o/r\n", "o/r\x80",
		"https://github.com/o/..", "https://github.com/o/r\"", "o/`id`",
		"o/$(id)", "https://user:pass@gitlab.com/a/b",
		"https://a b@github.com/o/r", "https://github.com:port/o/r",
		"https://git hub.com/o/r", "o/r|x", "https://github.com:443:1/o/r",
		"github.com:o/r"};
	CLEANUP(mem) char *long_text = mem_zalloc(GIT_URL_MAX + 100);

	(void)state;
	memset(long_text, 'a', GIT_URL_MAX + 50);
	memcpy(long_text, "https://github.com/o/", 21);
	for (size_t i = 0; i <= ARRAY_LEN(bad); i++) {
		const char *text = i < ARRAY_LEN(bad) ? bad[i] : long_text;
		CLEANUP(git_url) struct git_url url = {0};
		struct err err = {0};

		if (git_url_parse(text, "repo", "https://github.com", &url, &err) == 0)
			fail_msg("taken: %s as %s", text, url.url);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, "`repo`"));
	}
}

static void test_other_github(void **state)
{
	CLEANUP(git_url) struct git_url url = {0};
	CLEANUP(git_url) struct git_url ours = {0};
	CLEANUP(git_url) struct git_url short_form = {0};
	struct err err = {0};
	char host[64];

	(void)state;
	assert_int_equal(git_url_parse("https://github.com/o/r", "repo",
				 "http://127.0.0.1:8080", &url, &err),
		0);
	assert_false(url.hosted);
	assert_int_equal(git_url_parse("http://127.0.0.1:8080/o/r", "repo",
				 "http://127.0.0.1:8080", &ours, &err),
		0);
	assert_true(ours.hosted);
	assert_int_equal(
		git_url_parse("o/r", "repo", "http://127.0.0.1:8080", &short_form, &err),
		0);
	assert_true(short_form.hosted);
	assert_string_equal(short_form.url, "http://127.0.0.1:8080/o/r");
	assert_true(git_url_host("https://GHE.example:8443", host, sizeof host));
	assert_string_equal(host, "ghe.example");
	assert_false(git_url_host("nonsense", host, sizeof host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_other_github),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
