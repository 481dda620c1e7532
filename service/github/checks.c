/* SPDX-License-Identifier: MIT */
/* Check runs: ours on a commit, and what others say about one. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/list.h"
#include "service/github/parse.h"
#include "service/github/publish.h"

#include <string.h>

enum {
	LABEL_MAX = 20, /* GitHub's, of a button */
	DESCRIPTION_MAX = 40,
	IDENTIFIER_MAX = 20,
	TITLE_MAX = 255,
	CHECKS_MAX = 100,
	ANNOTATION_PAGES = 5,
};

static int checks_path(struct call *call, const struct github_repo *repo,
	const char *rest, struct err *err)
{
	call->purpose = GITHUB_CHECK;
	if (call_path_repo(call, repo, err) < 0)
		return -1;
	call_path(call, rest);
	return 0;
}

/* ---- ours --------------------------------------------------------------------------- */

static json_t *output_of(const struct github_check_new *what)
{
	json_t *output = json_object();
	json_t *list = json_array();

	publish_cut(output, "title", what->title ? what->title : what->name, TITLE_MAX);
	publish_cut(
		output, "summary", what->summary ? what->summary : "", LIMIT_CHECK_TEXT);
	if (what->text)
		publish_cut(output, "text", what->text, LIMIT_CHECK_TEXT);
	for (size_t i = 0; i < what->nannotations; i++) {
		const struct github_annotation *from = &what->annotations[i];
		json_t *one = json_object();

		json_array_append_new(list, one);
		json_put(one, "path", json_str(from->path));
		json_put(one, "start_line", json_integer(from->line));
		json_put(one, "end_line", json_integer(from->line));
		if (from->column > 0) {
			json_put(one, "start_column", json_integer(from->column));
			json_put(one, "end_column", json_integer(from->column));
		}
		json_put(one, "annotation_level",
			json_str(from->failure ? "failure" : "warning"));
		publish_cut(one, "message", from->message, LIMIT_CHECK_TEXT);
		if (from->title)
			publish_cut(one, "title", from->title, TITLE_MAX);
	}
	if (what->nannotations > 0)
		json_put(output, "annotations", list);
	else
		json_decref(list);
	return output;
}

static json_t *buttons_of(const struct github_check_new *what)
{
	json_t *list = json_array();

	for (size_t i = 0; i < what->nbuttons; i++) {
		json_t *one = json_object();

		json_array_append_new(list, one);
		publish_cut(one, "label", what->buttons[i].label, LABEL_MAX);
		publish_cut(one, "description", what->buttons[i].description,
			DESCRIPTION_MAX);
		publish_cut(
			one, "identifier", what->buttons[i].identifier, IDENTIFIER_MAX);
	}
	return list;
}

/* What would be refused as a whole, told by name instead. */
static int check_what(const struct github_check_new *what, struct err *err)
{
	if (str_empty(what->name) || str_empty(what->status))
		return err_set(err, ERR_INPUT, "a check run needs a name and a status");
	if (str_eq(what->status, "completed") != !str_empty(what->conclusion))
		return err_set(err, ERR_INPUT,
			"a completed check run has a conclusion, another has none");
	if (what->nbuttons > GITHUB_BUTTONS_MAX)
		return err_set(err, ERR_LIMIT,
			"a check run has at most %d buttons, not %zu", GITHUB_BUTTONS_MAX,
			what->nbuttons);
	if (what->nannotations > GITHUB_ANNOTATIONS_MAX)
		return err_set(err, ERR_LIMIT,
			"one call takes at most %d annotations, not %zu",
			GITHUB_ANNOTATIONS_MAX, what->nannotations);
	return 0;
}

static json_t *check_json(const struct github_check_new *what)
{
	json_t *json = json_object();

	json_put(json, "name", json_str(what->name));
	json_put(json, "status", json_str(what->status));
	if (what->conclusion && what->conclusion[0])
		json_put(json, "conclusion", json_str(what->conclusion));
	if (what->details_url)
		json_put(json, "details_url", json_str(what->details_url));
	json_put(json, "output", output_of(what));
	json_put(json, "actions", buttons_of(what));
	return json;
}

int github_check_create(struct github *gh, const struct github_repo *repo,
	const struct github_check_new *what, int64_t *ret_id, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("POST", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	*ret_id = 0;
	if (check_what(what, err) < 0 || checks_path(&call, repo, "/check-runs", err) < 0)
		return -1;
	CLEANUP(json) json_t *json = check_json(what);
	json_put(json, "head_sha", json_str(what->head));
	if (what->external_id)
		json_put(json, "external_id", json_str(what->external_id));
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0 ||
		parse_id(reply.json, "id", ret_id, err) < 0)
		return err_wrap(err, "check run %s", what->name);
	return 0;
}

int github_check_update(struct github *gh, const struct github_repo *repo, int64_t id,
	const struct github_check_new *what, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("PATCH", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};

	if (check_what(what, err) < 0 ||
		checks_path(&call, repo, "/check-runs/", err) < 0)
		return -1;
	CLEANUP(json) json_t *json = check_json(what);
	call_path_number(&call, id);
	call.body = json;
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "check run %lld", (long long)id);
	return 0;
}

struct finding {
	int64_t app_id;
	const char *external_id;
	int64_t found;
};

static int find_item(void *arg, const json_t *item, struct err *err)
{
	struct finding *finding = arg;

	if (json_or_int(item, "app.id", 0) != finding->app_id ||
		!str_eq(json_or_string(item, "external_id", ""), finding->external_id))
		return 1;
	return parse_id(item, "id", &finding->found, err);
}

/* "/repos/O/N/commits/HEAD/check-runs?per_page=100&filter=..." */
static int commit_path(struct call *call, const struct github_repo *repo,
	const char *head, const char *filter, struct err *err)
{
	if (str_empty(head))
		return err_set(err, ERR_INPUT, "check runs are those of a commit");
	if (checks_path(call, repo, "/commits/", err) < 0)
		return -1;
	call_path_text(call, head);
	call_path(call, "/check-runs?per_page=100&filter=");
	call_path(call, filter);
	return 0;
}

int github_check_find(struct github *gh, const struct github_repo *repo, const char *head,
	const char *name, const char *external_id, int64_t *ret_id, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	struct finding finding = {.app_id = gh->app_id, .external_id = external_id};

	*ret_id = 0;
	if (str_empty(external_id))
		return err_set(err, ERR_INPUT,
			"looking for a check run of ours needs its external id");
	/* All of them: a newer one of the same name may be another task's. */
	if (commit_path(&call, repo, head, "all&check_name=", err) < 0)
		return -1;
	call_path_text(&call, name);
	if (list_each(gh, &call, "check_runs", GITHUB_PAGES_MAX, find_item, &finding,
		    cancel, err) < 0)
		return err_wrap(err, "check runs of %s", head);
	if (finding.found == 0)
		return err_set(err, ERR_NOT_FOUND,
			"commit %s has no check run %s of ours", head, external_id);
	*ret_id = finding.found;
	return 0;
}

/* ---- those of others ---------------------------------------------------------------- */

static void check_release(struct github_check *check)
{
	free(check->output);
	*check = (struct github_check){0};
}

void github_checks_release(struct github_checks *list)
{
	for (size_t i = 0; i < list->count; i++)
		check_release(&list->rows[i]);
	free(list->rows);
	*list = (struct github_checks){0};
}

static char *output_text(const json_t *item)
{
	static const char *const parts[] = {
		"output.title", "output.summary", "output.text"};
	struct strbuf text = STRBUF_INIT(LIMIT_TEXT_CLEAN);

	strbuf_adds(&text, "");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		CLEANUP(mem) char *part = parse_body(item, parts[i]);

		if (part[0] && text.len > 0)
			strbuf_adds(&text, "\n\n");
		strbuf_adds(&text, part);
	}
	return strbuf_take(&text);
}

int parse_check(const json_t *item, struct github_check *ret, struct err *err)
{
	*ret = (struct github_check){0};
	if (parse_id(item, "id", &ret->id, err) < 0 ||
		parse_text(item, "name", ret->name, sizeof ret->name, err) < 0 ||
		parse_text_or_empty(item, "conclusion", ret->conclusion,
			sizeof ret->conclusion, err) < 0 ||
		parse_text_or_empty(item, "html_url", ret->url, sizeof ret->url, err) < 0)
		return -1;
	ret->app_id = json_or_int(item, "app.id", 0);
	ret->actions = str_eq(json_or_string(item, "app.slug", ""), "github-actions");
	ret->output = output_text(item);
	return 0;
}

struct gathering {
	int64_t own_app;
	struct github_checks *list;
};

static int gather_item(void *arg, const json_t *item, struct err *err)
{
	struct gathering *gathering = arg;
	struct github_checks *list = gathering->list;
	struct github_check check = {0};

	if (list->count == CHECKS_MAX)
		return 0;
	if (parse_check(item, &check, err) < 0)
		return -1;
	if (check.app_id == gathering->own_app) {
		check_release(&check);
		return 1;
	}
	/* The newest has the highest id. */
	for (size_t i = 0; i < list->count; i++) {
		struct github_check *old = &list->rows[i];

		if (old->app_id != check.app_id || !str_eq(old->name, check.name))
			continue;
		struct github_check drop = old->id < check.id ? *old : check;
		if (old->id < check.id)
			*old = check;
		check_release(&drop);
		return 1;
	}
	list->rows = mem_grow(list->rows, list->count + 1, sizeof *list->rows);
	list->rows[list->count++] = check;
	return 1;
}

int github_checks_get(struct github *gh, const struct github_repo *repo, const char *head,
	struct github_checks *ret, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	struct gathering gathering = {.own_app = gh->app_id, .list = ret};

	*ret = (struct github_checks){0};
	if (commit_path(&call, repo, head, "latest", err) < 0)
		return -1;
	if (list_each(gh, &call, "check_runs", GITHUB_PAGES_MAX, gather_item, &gathering,
		    cancel, err) < 0) {
		github_checks_release(ret);
		return err_wrap(err, "check runs of %s", head);
	}
	return 0;
}

struct noting {
	struct strbuf *out;
	size_t max;
	size_t start;
};

static int note_item(void *arg, const json_t *item, struct err *err)
{
	struct noting *noting = arg;

	(void)err;
	if (!str_eq(json_or_string(item, "annotation_level", ""), "failure"))
		return 1;
	CLEANUP(mem) char *path = parse_body(item, "path");
	CLEANUP(mem) char *message = parse_body(item, "message");
	CLEANUP(mem)
	char *line = mem_printf("%s:%lld: %s\n", path,
		(long long)json_or_int(item, "start_line", 0), message);
	size_t len = strlen(line);
	size_t left = noting->max - (noting->out->len - noting->start);

	strbuf_add(noting->out, line, len <= left ? len : str_utf8_cut(line, left));
	return len < left;
}

int github_check_annotations(struct github *gh, const struct github_repo *repo,
	int64_t id, size_t max, struct strbuf *out, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	struct noting noting = {.out = out, .max = max, .start = out->len};

	if (max == 0)
		return 0;
	if (checks_path(&call, repo, "/check-runs/", err) < 0)
		return -1;
	call_path_number(&call, id);
	call_path(&call, "/annotations?per_page=100");
	if (list_each(gh, &call, NULL, ANNOTATION_PAGES, note_item, &noting, cancel,
		    err) < 0)
		return err_wrap(err, "annotations of check run %lld", (long long)id);
	return strbuf_check(out, "annotations", err);
}
