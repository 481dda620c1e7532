/* SPDX-License-Identifier: MIT */
/* The rows of public URLs and the API's verbs; see preview.h. */
#define LOG_MODULE "preview"
#include "service/preview/preview.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/log.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/preview/preview-internal.h"

#include <string.h>

#define SECRET_BYTES 32
#define SECRET_TEXT 48 /* base64url of it: 43 characters */

/* ---- settings -------------------------------------------------------------------------- */

/* "7400-7499", or one number. */
static int read_ports(struct previews *p, const char *text, struct err *err)
{
	CLEANUP(mem) char *copy = mem_strdup(text);
	char *dash = strchr(copy, '-');
	uint64_t from, to;

	if (dash)
		*dash++ = '\0';
	if (!str_to_u64(copy, 1, 65535, &from) ||
		!str_to_u64(dash ? dash : copy, 1, 65535, &to) || to < from)
		return err_set(err, ERR_INPUT,
			"preview.ports is \"%s\"; it has to be a range, like 7400-7499",
			text);
	p->port_min = (int)from;
	p->port_max = (int)to;
	return 0;
}

/* "https://preview.example.com" */
static void read_domain(struct previews *p, const char *url)
{
	const char *name = strstr(url, "://");

	if (str_empty(url))
		return;
	p->scheme = name ? mem_strndup(url, (size_t)(name - url)) : mem_strdup("https");
	name = name ? name + 3 : url;
	p->domain = mem_strndup(name, strcspn(name, "/"));
}

static char *url_of(const struct previews *p, const struct store_box_preview *row)
{
	bool v6 = strchr(p->host, ':') != NULL;

	if (p->domain)
		return mem_printf("%s://%s-%lld.%s", p->scheme, row->box_id,
			(long long)row->port, p->domain);
	return mem_printf("http://%s%s%s:%lld", v6 ? "[" : "", p->host, v6 ? "]" : "",
		(long long)row->listen_port);
}

/* ---- opening --------------------------------------------------------------------------- */

static int listen_all(struct previews *p, struct err *err)
{
	CLEANUP(store_box_previews) struct store_box_previews rows = {0};
	struct err each = {0};

	if (p->domain && door_listen(p, p->port_min, err) < 0)
		return -1;
	if (store_box_preview_list(p->options.store, NULL, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.count && !p->domain; i++)
		if (rows.rows[i].listen_port > 0 &&
			door_listen(p, (int)rows.rows[i].listen_port, &each) < 0)
			log_warn("the public URL of box=%s port=%lld is not there: %s",
				rows.rows[i].box_id, (long long)rows.rows[i].port,
				each.text);
	return 0;
}

int previews_open(struct previews **ret_previews, const struct preview_options *options,
	struct err *err)
{
	const struct config *config = options->config;
	struct previews *p = mem_zalloc(sizeof *p);

	p->options = *options;
	p->stop = cancel_new(options->stop);
	p->epoll = -1;
	p->address = mem_strdup(config->preview_listen);
	p->host = mem_strdup(str_empty(config->preview_host) ? config->preview_listen
							     : config->preview_host);
	read_domain(p, config->preview_domain);
	if (door_open(p, err) < 0 || read_ports(p, config->preview_ports, err) < 0 ||
		listen_all(p, err) < 0) {
		previews_close(p);
		return -1;
	}
	*ret_previews = p;
	return 0;
}

void previews_close(struct previews *p)
{
	if (!p)
		return;
	cancel_fire(p->stop, "the service stops");
	door_close(p);
	cancel_free(p->stop);
	free(p->address);
	free(p->host);
	free(p->domain);
	free(p->scheme);
	free(p);
}

/* ---- finding --------------------------------------------------------------------------- */

int preview_of_visit(struct previews *p, const struct visit *visit, const char *box,
	int port, struct store_box_preview *ret, struct err *err)
{
	if (box)
		return store_box_preview_get(p->options.store, box, port, ret, err);
	int rc = store_box_preview_by_listen(
		p->options.store, visit->listen_port, ret, err);
	/* The box went, and its rows with it. */
	if (rc < 0 && err->kind == ERR_NOT_FOUND)
		door_unlisten(p, visit->listen_port);
	return rc;
}

/* ---- making ---------------------------------------------------------------------------- */

/* A fresh secret as text, its digest into `ret_hash`. */
static char *make_secret(char ret_hash[SHA256_HEX_SIZE])
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(SECRET_TEXT);
	uint8_t random[SECRET_BYTES];

	crypto_random(random, sizeof random);
	str_base64url(&text, random, sizeof random);
	crypto_sha256_hex(strbuf_str(&text), text.len, ret_hash);
	mem_wipe(random, sizeof random);
	return strbuf_take(&text);
}

/* Takes a port of ours for the row: the one that it had, else the first that is free. */
static int put_row(struct previews *p, struct store_box_preview *row,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box_preview) struct store_box_preview former = {0};
	struct err none = {0};
	int first = p->port_min;

	if (p->domain)
		return store_box_preview_put(p->options.store, row, cancel, err);
	if (store_box_preview_get(
		    p->options.store, row->box_id, row->port, &former, &none) == 0 &&
		former.listen_port > 0 &&
		door_listen(p, (int)former.listen_port, &none) == 0) {
		row->listen_port = former.listen_port;
		return store_box_preview_put(p->options.store, row, cancel, err);
	}
	for (int port = first; port <= p->port_max; port++) {
		CLEANUP(store_box_preview) struct store_box_preview other = {0};

		if (store_box_preview_by_listen(p->options.store, port, &other, &none) ==
				0 ||
			door_listen(p, port, &none) < 0)
			continue;
		row->listen_port = port;
		if (store_box_preview_put(p->options.store, row, cancel, err) == 0)
			return 0;
		if (err->kind != ERR_CONFLICT) {
			door_unlisten(p, port);
			return -1;
		}
	}
	return err_set(err, ERR_QUOTA,
		"no port is free for another public URL: preview.ports is %d-%d",
		p->port_min, p->port_max);
}

static int read_flag(const json_t *body, const char *name, bool *ret, struct err *err)
{
	const json_t *flag = json_object_get(body, name);

	*ret = json_is_true(flag);
	if (flag && !json_is_boolean(flag) && !json_is_null(flag))
		return err_set(err, ERR_INPUT, "`%s` must be true or false", name);
	return 0;
}

struct wanted {
	int64_t port;
	bool bearer, basic;
};

static int read_wanted(const json_t *body, struct wanted *ret, struct err *err)
{
	if (json_need_int(body, "port", 1, 65535, &ret->port, err) < 0)
		return -1;
	return read_flag(body, "bearer_token", &ret->bearer, err) < 0 ||
			       read_flag(body, "basic_auth", &ret->basic, err) < 0
		       ? -1
		       : 0;
}

int preview_create(struct previews *p, const struct box_caller *who, const char *box,
	const json_t *body, json_t **ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(box_work) struct box_work work = {0};
	CLEANUP(mem) char *token = NULL, *password = NULL;
	char token_hash[SHA256_HEX_SIZE], password_hash[SHA256_HEX_SIZE];
	struct wanted wanted;

	if (boxes_may_write(who, err) < 0 || read_wanted(body, &wanted, err) < 0 ||
		box_work_begin(p->options.boxes, who, box, BOX_WORK_QUIET,
			"its public URL was made", &work, cancel, err) < 0)
		return -1;
	struct store_box_preview row = {.box_id = work.row.id,
		.port = wanted.port,
		.account = work.row.account,
		.created_ms = clock_wall_ms()};
	if (wanted.bearer) {
		token = make_secret(token_hash);
		row.token_hash = token_hash;
	}
	if (wanted.basic) {
		password = make_secret(password_hash);
		row.password_hash = password_hash;
	}
	if (put_row(p, &row, cancel, err) < 0)
		return -1;
	CLEANUP(mem) char *url = url_of(p, &row);
	json_t *answer = json_object();
	json_put(answer, "url", json_str(url));
	json_put(answer, "port", json_integer(wanted.port));
	if (token)
		json_put(answer, "token", json_str(token));
	if (password) {
		json_put(answer, "username", json_str("user"));
		json_put(answer, "password", json_str(password));
	}
	*ret = answer;
	return 0;
}

/* ---- listing and deleting -------------------------------------------------------------- */

static json_t *row_json(const struct previews *p, const struct store_box_preview *row)
{
	CLEANUP(mem) char *url = url_of(p, row);
	CLEANUP(mem)
	char *id = mem_printf("%s-%lld", row->box_id, (long long)row->port);
	json_t *o = json_object();

	json_put(o, "id", json_str(id));
	json_put(o, "port", json_integer(row->port));
	json_put(o, "url", json_str(url));
	json_put(o, "created_at", json_integer(row->created_ms / 1000));
	json_put(o, "basic_auth", json_boolean(row->password_hash != NULL));
	json_put(o, "bearer_token", json_boolean(row->token_hash != NULL));
	return o;
}

int preview_list(struct previews *p, const struct box_caller *who, const char *box,
	json_t **ret, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_previews) struct store_box_previews rows = {0};

	if (boxes_find(p->options.boxes, who, box, &row, err) < 0 ||
		store_box_preview_list(p->options.store, row.id, &rows, err) < 0)
		return -1;
	json_t *list = json_array();
	for (size_t i = 0; i < rows.count; i++)
		json_array_append_new(list, row_json(p, &rows.rows[i]));
	*ret = json_object();
	json_put(*ret, "previews", list);
	return 0;
}

int preview_delete(struct previews *p, const struct box_caller *who, const char *box,
	int port, struct cancel *cancel, struct err *err)
{
	CLEANUP(store_box) struct store_box row = {0};
	CLEANUP(store_box_preview) struct store_box_preview preview = {0};

	if (boxes_may_write(who, err) < 0 ||
		boxes_find(p->options.boxes, who, box, &row, err) < 0)
		return -1;
	if (store_box_preview_get(p->options.store, row.id, port, &preview, err) < 0)
		return err_set(err, err->kind, "box %s has no public URL of port %d",
			row.id, port);
	if (store_box_preview_delete(p->options.store, row.id, port, cancel, err) < 0)
		return -1;
	if (preview.listen_port > 0)
		door_unlisten(p, (int)preview.listen_port);
	door_cut(p, row.id, port, "its public URL was deleted");
	return 0;
}
