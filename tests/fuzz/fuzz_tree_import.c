/* SPDX-License-Identifier: MIT */
/*
 * The walk over a claimed tree, on plain bytes.
 *
 * The input is a list of objects: a byte of kind (tree or blob), two of length, the bytes.
 * An object's name is its number: the first byte of an oid, modulo their count.  Object 0 is
 * the base, object 1 the claimed tree.  Trees are given as text ("mode name\0" and one byte
 * for the number), from which true tree bytes are made, so that the fuzzer finds its way
 * into deep structures.  What is accepted must keep the promises.
 */
#include "service/repo/tree_check.h"
#include "service/repo/tree_rules.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define OBJECTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct object {
	bool tree;
	struct strbuf bytes;
};

struct store {
	struct object objects[OBJECTS_MAX];
	size_t n;
	int64_t taken;
};

static struct object *find(struct store *s, const uint8_t *oid)
{
	return &s->objects[oid[0] % s->n];
}

static int give(struct store *s, const uint8_t *oid, bool tree, struct strbuf *ret,
	struct err *err)
{
	struct object *o = find(s, oid);

	if (o->tree != tree)
		return err_set(err, ERR_INPUT, "of another type");
	strbuf_add(ret, strbuf_str(&o->bytes), o->bytes.len);
	return strbuf_check(ret, "an object", err);
}

static int give_tree(void *arg, const uint8_t *oid, struct strbuf *ret, struct err *err)
{
	return give(arg, oid, true, ret, err);
}

static int give_blob(void *arg, const uint8_t *oid, struct strbuf *ret, struct err *err)
{
	return give(arg, oid, false, ret, err);
}

static int give_size(void *arg, const uint8_t *oid, int64_t *ret, struct err *err)
{
	struct object *o = find(arg, oid);

	if (o->tree)
		return err_set(err, ERR_INPUT, "of another type");
	*ret = (int64_t)o->bytes.len;
	return 0;
}

/* The promise: what came through strict parsing is printed again byte by byte. */
static int rebuild(
	void *arg, const uint8_t *oid, const struct tree_list *list, struct err *err)
{
	struct object *o = find(arg, oid);
	size_t bytes = 0;

	(void)err;
	for (size_t i = 0; i < list->n; i++) {
		const struct tree_entry *e = &list->entries[i];
		bytes += (e->mode == TREE_MODE_DIR ? 5 : 6) + 1 + e->name_len + 1 +
			 TREE_OID_RAW;
		if (e->name_len == 0 || memchr(e->name, 0, e->name_len))
			abort();
		for (size_t j = 0; j < i && list->n < 50; j++)
			if (tree_name_compare(e, &list->entries[j]) == 0)
				abort();
	}
	if (bytes != o->bytes.len)
		abort();
	return 0;
}

static int take(void *arg, const uint8_t *oid, struct err *err)
{
	struct store *s = arg;

	(void)oid;
	(void)err;
	s->taken++;
	return 0;
}

/* "mode name\0n" -> "mode name\0" and 20 bytes that begin with n. */
static void make_tree(struct strbuf *out, const uint8_t *text, size_t len)
{
	static const uint8_t rest[TREE_OID_RAW - 1];

	while (len > 0) {
		const uint8_t *nul = memchr(text, 0, len);
		size_t n = nul ? (size_t)(nul - text) + 1 : len;
		strbuf_add(out, text, n);
		text += n;
		len -= n;
		if (len == 0)
			return;
		strbuf_add(out, text, 1);
		strbuf_add(out, rest, sizeof rest);
		text++;
		len--;
	}
}

static void load(struct store *s, const uint8_t *data, size_t size)
{
	while (size >= 3 && s->n < OBJECTS_MAX) {
		struct object *o = &s->objects[s->n++];
		size_t len = (size_t)data[1] << 8 | data[2];
		o->tree = data[0] % 2 == 0;
		strbuf_init(&o->bytes, LIMIT_MIB);
		data += 3;
		size -= 3;
		len = len > size ? size : len;
		if (o->tree)
			make_tree(&o->bytes, data, len);
		else
			strbuf_add(&o->bytes, data, len);
		data += len;
		size -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t base[TREE_OID_RAW] = {0}, tree[TREE_OID_RAW] = {1};
	struct store s = {0};
	struct tree_source source = {
		.arg = &s,
		.tree = give_tree,
		.blob = give_blob,
		.blob_size = give_size,
		.rebuild = rebuild,
		.take = take,
	};
	struct tree_totals totals;
	struct err err = {0};

	load(&s, data, size);
	if (s.n >= 2) {
		int rc = tree_check(&source, base, tree, NULL, &totals, &err);
		if (rc == 0 && totals.files > LIMIT_RESULT_FILES)
			abort();
		if (rc < 0 && (err.kind == ERR_NONE || err.kind == ERR_INTERNAL))
			abort();
	}
	for (size_t i = 0; i < s.n; i++)
		strbuf_release(&s.objects[i].bytes);
	return 0;
}
