/* SPDX-License-Identifier: MIT */
/* Secrets and the list of forms under which they are recognised in foreign text. */
#include "boxcore/base/secret.h"

#include "boxcore/base/file.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/thread.h"

#include <string.h>

/* The value; its base64 at each of the three places that it can have in a group, in both
 * alphabets; its percent-encoding; as JSON writes it. */
enum { FORMS = 9, SHORTEST = 8 };

struct known {
	struct known *next;
	size_t uses;       /* the same value may be set in several places */
	char *form[FORMS]; /* NULL from the first that is not used */
	size_t len[FORMS];
};

static struct lock known_lock = LOCK_INIT;
static struct known *known_list;
/* How many forms begin with a byte: most bytes of a text are passed by one look. */
static unsigned known_first[256];

static struct known *known_find(const char *value, size_t len)
{
	for (struct known *k = known_list; k; k = k->next)
		if (k->len[0] == len && memcmp(k->form[0], value, len) == 0)
			return k;
	return NULL;
}

static void add_form(struct known *k, const char *text, size_t len)
{
	int i = 0;

	for (; i < FORMS && k->form[i]; i++)
		if (k->len[i] == len && memcmp(k->form[i], text, len) == 0)
			return;
	if (i == FORMS || len < SHORTEST)
		return;
	k->form[i] = mem_strndup(text, len);
	k->len[i] = len;
	known_first[(unsigned char)text[0]]++;
}

/* A form that was built in a buffer: the buffer is wiped. */
static void add_built(struct known *k, struct strbuf *text, size_t from, size_t to)
{
	if (to > from && to <= text->len && !strbuf_failed(text))
		add_form(k, text->data + from, to - from);
	mem_wipe(text->data, text->cap);
	strbuf_release(text);
}

static void add_base64(struct known *k, const char *value, size_t len, size_t before)
{
	CLEANUP(strbuf) struct strbuf plain = STRBUF_INIT(LIMIT_SECRET + 3);
	struct strbuf usual = STRBUF_INIT(LIMIT_SECRET * 2);
	struct strbuf url = STRBUF_INIT(LIMIT_SECRET * 2);
	/* The first characters depend on the bytes before the value, the last group on
	 * those behind it: left out. */
	size_t from = before ? before + 1 : 0;
	size_t to = (before + len) / 3 * 4;

	strbuf_add(&plain, "..", before);
	strbuf_add(&plain, value, len);
	str_base64(&usual, strbuf_str(&plain), plain.len);
	str_base64url(&url, strbuf_str(&plain), plain.len);
	add_built(k, &usual, from, to);
	add_built(k, &url, from, to);
	mem_wipe(plain.data, plain.cap);
}

static void add_forms(struct known *k, const char *value, size_t len)
{
	struct strbuf url = STRBUF_INIT(LIMIT_SECRET * 4);
	struct strbuf json = STRBUF_INIT(LIMIT_SECRET * 2);

	add_form(k, value, len);
	for (size_t before = 0; before < 3; before++)
		add_base64(k, value, len, before);
	str_url_encode(&url, value, false);
	add_built(k, &url, 0, url.len);
	for (size_t i = 0; i < len; i++) {
		if (value[i] == '\n')
			strbuf_adds(&json, "\\n");
		else if (value[i] == '"' || value[i] == '\\')
			strbuf_addf(&json, "\\%c", value[i]);
		else
			strbuf_addc(&json, value[i]);
	}
	add_built(k, &json, 0, json.len);
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
	k = mem_zalloc(sizeof *k);
	k->uses = 1;
	add_forms(k, value, len);
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
	for (int i = 0; i < FORMS && k->form[i]; i++) {
		known_first[(unsigned char)k->form[i][0]]--;
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

	if (!known_first[(unsigned char)text[0]])
		return 0;
	for (const struct known *k = known_list; k; k = k->next)
		for (int i = 0; i < FORMS && k->form[i]; i++)
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
