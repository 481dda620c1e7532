/* SPDX-License-Identifier: MIT */
/* Secrets and the list of forms under which they are recognised in foreign text. */
#include "boxcore/base/secret.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <string.h>

enum { FORMS = 3, SHORTEST = 8 };

struct known {
	struct known *next;
	size_t uses; /* the same value may be set in several places */
	char *form[FORMS];
	size_t len[FORMS];
};

static struct lock known_lock = LOCK_INIT;
static struct known *known_list;

static struct known *known_find(const char *value, size_t len)
{
	for (struct known *k = known_list; k; k = k->next)
		if (k->len[0] == len && memcmp(k->form[0], value, len) == 0)
			return k;
	return NULL;
}

static void known_add(const char *value, size_t len)
{
	if (len < SHORTEST)
		return;
	LOCKED(&known_lock);
	struct known *k = known_find(value, len);
	if (k) {
		k->uses++;
		return;
	}
	struct strbuf base64 = STRBUF_INIT(LIMIT_SECRET * 2);
	struct strbuf url = STRBUF_INIT(LIMIT_SECRET * 4);
	str_base64(&base64, value, len);
	/* The last group depends on what follows the value: leave it out. */
	size_t stable = len / 3 * 4;
	str_url_encode(&url, value, false);
	k = mem_zalloc(sizeof *k);
	k->uses = 1;
	k->form[0] = mem_strndup(value, len);
	k->len[0] = len;
	k->len[1] = stable;
	k->form[1] = strbuf_take(&base64);
	k->len[2] = url.len;
	k->form[2] = strbuf_take(&url);
	k->next = known_list;
	known_list = k;
}

static void known_remove(const char *value, size_t len)
{
	if (len < SHORTEST)
		return;
	LOCKED(&known_lock);
	struct known *k = known_find(value, len);
	if (!k || --k->uses > 0)
		return;
	for (struct known **at = &known_list; *at; at = &(*at)->next) {
		if (*at == k) {
			*at = k->next;
			break;
		}
	}
	for (int i = 0; i < FORMS; i++) {
		mem_wipe(k->form[i], k->len[i]);
		free(k->form[i]);
	}
	free(k);
}

void secret_set(struct secret *s, const char *value, size_t len)
{
	struct secret fresh = {.value = mem_strndup(value, len)};

	fresh.len = strlen(fresh.value);
	known_add(fresh.value, fresh.len);
	secret_release(s);
	*s = fresh;
}

void secret_copy(struct secret *dst, const struct secret *src)
{
	if (secret_is_set(src))
		secret_set(dst, src->value, src->len);
	else
		secret_release(dst);
}

void secret_release(struct secret *s)
{
	if (s->value) {
		known_remove(s->value, s->len);
		mem_wipe(s->value, s->len);
		free(s->value);
	}
	*s = (struct secret){0};
}

bool secret_is_set(const struct secret *s)
{
	return s && s->value && s->len > 0;
}

int secret_read_file(struct secret *s, const char *path, struct err *err)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_SECRET);

	if (file_read(&text, path, err) < 0)
		return -1;
	size_t len = text.len;
	if (len > 0 && text.data[len - 1] == '\n')
		len--;
	if (len == 0)
		return err_set(
			err, ERR_INPUT, "%s is empty; put the secret into it", path);
	secret_set(s, text.data, len);
	mem_wipe(text.data, text.len);
	return 0;
}

/* Length of the longest known form that starts at text, 0 for none. */
static size_t match_at(const char *text, size_t len)
{
	size_t longest = 0;

	for (const struct known *k = known_list; k; k = k->next)
		for (int i = 0; i < FORMS; i++)
			if (k->len[i] > longest && k->len[i] <= len &&
				k->form[i][0] == text[0] &&
				memcmp(k->form[i], text, k->len[i]) == 0)
				longest = k->len[i];
	return longest;
}

void secret_redact(struct strbuf *out, const char *text, size_t len)
{
	LOCKED(&known_lock);
	if (!known_list) {
		strbuf_add(out, text, len);
		return;
	}
	size_t clean = 0;
	for (size_t i = 0; i < len;) {
		size_t n = match_at(text + i, len - i);
		if (n == 0) {
			i++;
			continue;
		}
		strbuf_add(out, text + clean, i - clean);
		strbuf_adds(out, "***");
		i += n;
		clean = i;
	}
	strbuf_add(out, text + clean, len - clean);
}
