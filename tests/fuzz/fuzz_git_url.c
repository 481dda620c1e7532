/* SPDX-License-Identifier: MIT */
/*
 * Addresses of repositories: what is taken is no option, no helper and no path, has no
 * password in it, and is taken again as the same.
 */
#include "service/box/git_url.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	if (!*name || *name == '-' || strchr(name, '/') || str_eq(name, ".") ||
		str_eq(name, ".."))
		abort();
}

static void check_same(const struct git_url *url, const char *web_url)
{
	CLEANUP(git_url) struct git_url again = {0};
	struct err err = {0};

	if (git_url_parse(url->url, "repo", web_url, &again, &err) < 0 ||
		!str_eq(again.url, url->url) || !str_eq(again.host, url->host) ||
		!str_eq(again.dir, url->dir) || again.hosted != url->hosted ||
		!str_eq(again.owner, url->owner) || !str_eq(again.name, url->name) ||
		secret_is_set(&again.password))
		abort();
}

static void try_url(const char *text, const char *web_url)
{
	CLEANUP(git_url) struct git_url url = {0};
	struct err err = {0};

	if (git_url_parse(text, "repo", web_url, &url, &err) < 0) {
		if (err.kind != ERR_INPUT || !err.text[0])
			abort();
		return;
	}
	if (url.url[0] == '-' || url.url[0] == '/' || url.url[0] == '.' ||
		str_starts(url.url, "file:") || strchr(url.url, ' '))
		abort();
	check_name(url.dir);
	if (url.hosted) {
		check_name(url.owner);
		check_name(url.name);
	}
	check_same(&url, web_url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(mem) char *text = mem_strndup((const char *)data, size);

	if (size > 2 * GIT_URL_MAX)
		return 0;
	try_url(text, "https://github.com");
	try_url(text, "http://127.0.0.1:8080");
	return 0;
}
