/* SPDX-License-Identifier: MIT */
/* Reading addresses of repositories. */
#include "service/box/git_url.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdlib.h>
#include <string.h>

void git_url_release(struct git_url *url)
{
	free(url->url);
	secret_release(&url->password);
	*url = (struct git_url){0};
}

/* Pieces of one address: [p, p + n). */
struct piece {
	const char *p;
	size_t n;
};

struct parts {
	const char *scheme; /* "https", "http", "ssh", "git"; "" for user@host:path */
	struct piece user;  /* with the password */
	struct piece host;  /* with the port */
	struct piece path;  /* without its first slash */
};

static int refuse(const char *member, const char *why, struct err *err)
{
	return err_set(err, ERR_INPUT, "`%s` %s", member, why);
}

/* ---- splitting ------------------------------------------------------------------------- */

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/* name, name:port or [address]:port */
static bool is_host(struct piece host)
{
	size_t i = 0;

	if (host.n == 0 || host.n > 255 || host.p[0] == '-')
		return false;
	if (host.p[0] == '[') {
		for (i = 1; i < host.n && host.p[i] != ']'; i++)
			if (!strchr("0123456789abcdefABCDEF:.", host.p[i]))
				return false;
		if (i == host.n)
			return false;
		i++;
	} else {
		while (i < host.n && is_host_char(host.p[i]))
			i++;
	}
	if (i == host.n)
		return i > 0;
	if (host.p[i++] != ':' || i == host.n || host.n - i > 5)
		return false;
	for (; i < host.n; i++)
		if (host.p[i] < '0' || host.p[i] > '9')
			return false;
	return true;
}

/* [user@]host/path */
static bool split_authority(const char *text, struct parts *parts)
{
	size_t len = strcspn(text, "/");
	const char *at = memrchr(text, '@', len);

	if (at) {
		parts->user = (struct piece){text, (size_t)(at - text)};
		len -= parts->user.n + 1;
		text = at + 1;
	}
	parts->host = (struct piece){text, len};
	if (text[len] != '/')
		return false;
	parts->path = (struct piece){text + len + 1, strlen(text + len + 1)};
	return is_host(parts->host);
}

/* user@host:path, where the path does not begin with a port. */
static bool split_scp(const char *text, struct parts *parts)
{
	const char *colon = strchr(text, ':');
	const char *at = strchr(text, '@');

	if (!colon || !at || at == text || at > colon ||
		strcspn(text, "/") < (size_t)(colon - text))
		return false;
	parts->scheme = "";
	parts->user = (struct piece){text, (size_t)(at - text)};
	parts->host = (struct piece){at + 1, (size_t)(colon - at - 1)};
	parts->path = (struct piece){colon + 1, strlen(colon + 1)};
	return is_host(parts->host) && !memchr(parts->host.p, '[', parts->host.n);
}

static bool split_scheme(const char *text, struct parts *parts)
{
	static const char *const schemes[] = {"https", "http", "ssh", "git"};
	const char *end = strstr(text, "://");

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		if ((size_t)(end - text) == strlen(schemes[i]) &&
			strncasecmp(text, schemes[i], strlen(schemes[i])) == 0) {
			parts->scheme = schemes[i];
			return split_authority(end + 3, parts);
		}
	}
	return false;
}

static bool split(
	const char *text, const char *web_url, char **ret_made, struct parts *parts)
{
	const char *slash = strchr(text, '/');
	const char *helper = strstr(text, "::"); /* git would run it */

	*parts = (struct parts){.scheme = "https"};
	if (strchr("/.~-", text[0]) ||
		(helper && (size_t)(helper - text) < strcspn(text, "/[")))
		return false;
	if (strstr(text, "://"))
		return split_scheme(text, parts);
	if (split_scp(text, parts))
		return true;
	if (!slash || memchr(text, '@', (size_t)(slash - text)))
		return false;
	/* A first part without a dot or a port is an owner on GitHub. */
	if (!memchr(text, '.', (size_t)(slash - text)) &&
		!memchr(text, ':', (size_t)(slash - text))) {
		*ret_made = mem_printf("%s/%s", web_url, text);
		return split_scheme(*ret_made, parts);
	}
	return split_authority(text, parts);
}

/* ---- meaning --------------------------------------------------------------------------- */

static bool is_name(struct piece name)
{
	if (name.n == 0 || name.n >= GIT_URL_NAME || name.p[0] == '-' ||
		(name.n == 1 && name.p[0] == '.') ||
		(name.n == 2 && name.p[0] == '.' && name.p[1] == '.'))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is_host_char(name.p[i]))
			return false;
	return true;
}

static void trim_path(struct piece *path)
{
	while (path->n > 0 && path->p[path->n - 1] == '/')
		path->n--;
	if (path->n > 4 && memcmp(path->p + path->n - 4, ".git", 4) == 0)
		path->n -= 4;
	while (path->n > 0 && path->p[0] == '/') {
		path->p++;
		path->n--;
	}
}

static void copy_piece(char *to, size_t size, struct piece piece)
{
	size_t n = piece.n < size ? piece.n : size - 1;

	memcpy(to, piece.p, n);
	to[n] = '\0';
}

/* Without a port that goes without saying, in small letters. */
static void copy_host(
	const char *scheme, struct piece host, bool port, char *to, size_t size)
{
	const char *standard = str_eq(scheme, "http") ? ":80" : ":443";

	copy_piece(to, size, host);
	for (char *c = to; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	char *colon = strrchr(to, ':');
	if (colon && !strchr(colon, ']') && (!port || str_eq(colon, standard)))
		*colon = '\0';
}

bool git_url_host(const char *web_url, char *ret_host, size_t size)
{
	struct parts parts = {0};
	CLEANUP(mem) char *full = mem_printf("%s/", web_url);

	if (!strstr(full, "://") || !split_scheme(full, &parts))
		return false;
	copy_host(parts.scheme, parts.host, false, ret_host, size);
	return true;
}

/* The address is that of OWNER/NAME on the configured GitHub. */
static bool find_hosted(
	const struct parts *parts, const char *web_url, struct git_url *ret)
{
	CLEANUP(mem) char *full = mem_printf("%s/", web_url);
	struct parts web = {0};
	char ours[256], theirs[256];
	struct piece path = parts->path;
	bool http = str_starts(parts->scheme, "http");

	if (str_eq(parts->scheme, "git") || !strstr(full, "://") ||
		!split_scheme(full, &web))
		return false;
	/* What is spoken over SSH has a port of its own. */
	copy_host(web.scheme, web.host, http, ours, sizeof ours);
	copy_host(parts->scheme, parts->host, http, theirs, sizeof theirs);
	trim_path(&path);
	const char *slash = memchr(path.p, '/', path.n);
	if (!str_eq(ours, theirs) || !slash)
		return false;
	struct piece owner = {path.p, (size_t)(slash - path.p)};
	struct piece name = {slash + 1, path.n - owner.n - 1};
	if (!is_name(owner) || !is_name(name))
		return false;
	copy_piece(ret->owner, sizeof ret->owner, owner);
	copy_piece(ret->name, sizeof ret->name, name);
	return true;
}

/* "user:password", or for GitHub a token in the place of the user. */
static bool take_password(struct piece user, bool hosted, struct secret *ret)
{
	const char *colon = user.n ? memchr(user.p, ':', user.n) : NULL;
	struct piece word = user;

	if (colon)
		word = (struct piece){colon + 1, user.n - (size_t)(colon + 1 - user.p)};
	else if (!hosted || user.n < 20)
		return false; /* a name is no secret */
	if (word.n == 0)
		return false;
	char *text = mem_strndup(word.p, word.n);
	if (str_url_decode(text, false))
		secret_set(ret, text, strlen(text));
	mem_wipe(text, word.n);
	free(text);
	return true;
}

static void find_dir(const struct parts *parts, struct git_url *ret)
{
	struct piece path = parts->path;

	trim_path(&path);
	const char *slash = memrchr(path.p, '/', path.n);
	if (slash)
		path = (struct piece){slash + 1, path.n - (size_t)(slash + 1 - path.p)};
	if (is_name(path))
		copy_piece(ret->dir, sizeof ret->dir, path);
}

static int is_plain(const char *text, const char *member, struct err *err)
{
	if (str_empty(text))
		return refuse(member, "must be the address of a repository", err);
	if (strlen(text) > GIT_URL_MAX)
		return err_set(err, ERR_INPUT, "`%s` has more than %d bytes", member,
			GIT_URL_MAX);
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("\"'\\`<>^{}|", *c))
			return refuse(member,
				"holds a character that no address of a repository has",
				err);
	return 0;
}

int git_url_parse(const char *text, const char *member, const char *web_url,
	struct git_url *ret, struct err *err)
{
	CLEANUP(git_url) struct git_url url = {0};
	CLEANUP(mem) char *made = NULL;
	struct parts parts;

	if (is_plain(text, member, err) < 0)
		return -1;
	if (!split(text, web_url, &made, &parts) || parts.path.n == 0 ||
		parts.path.p[0] == '-' || (parts.user.n > 0 && parts.user.p[0] == '-'))
		return refuse(member,
			"must be like https://github.com/owner/name (http, https, ssh or "
			"git; github.com/owner/name is enough)",
			err);
	url.hosted = find_hosted(&parts, web_url, &url);
	find_dir(&parts, &url);
	copy_host(parts.scheme, parts.host, false, url.host, sizeof url.host);
	bool secret = str_starts(parts.scheme, "http") &&
		      take_password(parts.user, url.hosted, &url.password);
	if (secret && !url.hosted)
		return refuse(
			member, "holds a password, which would stay in the box", err);
	if (!url.dir[0])
		return refuse(member, "does not end in the name of a repository", err);
	bool scp = !parts.scheme[0];
	bool user = parts.user.n > 0 && !secret;
	url.url = mem_printf("%s%s%.*s%s%.*s%c%.*s", parts.scheme, scp ? "" : "://",
		user ? (int)parts.user.n : 0, user ? parts.user.p : "", user ? "@" : "",
		(int)parts.host.n, parts.host.p, scp ? ':' : '/', (int)parts.path.n,
		parts.path.p);
	*ret = url;
	url = (struct git_url){0};
	return 0;
}
