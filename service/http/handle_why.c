/* SPDX-License-Identifier: MIT */
/*
 * /v1/why: what became of a delivery, or of what stands at an address of GitHub's.
 *
 * For an address that no delivery was about, GitHub is asked whether the App is installed
 * there, what it lacks, and which deliveries did not arrive.
 */
#include "service/http/handlers.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/github.h"
#include "service/http/rows.h"
#include "service/http/why.h"

#include <string.h>

enum {
	ANSWERS_MAX = 20,
	FAILED_MAX = 5,     /* of GitHub's failed deliveries that are told */
	GITHUB_MS = 20000,  /* for all questions to GitHub */
	DELIVERY_PAGE = 50, /* of GitHub's log */
};

/* ---- what is known ------------------------------------------------------------------------ */

static int add_answer(struct store *store, const struct store_delivery *delivery,
	json_t *answers, struct err *err)
{
	json_t *answer = NULL;

	if (why_delivery(store, delivery, &answer, err) < 0)
		return -1;
	json_array_append_new(answers, answer);
	return 0;
}

static int look_url(
	struct store *store, const char *url, json_t *answers, struct err *err)
{
	CLEANUP(store_deliveries) struct store_deliveries found = {0};

	if (store_delivery_list_url(store, url, ANSWERS_MAX, &found, err) < 0)
		return -1;
	for (size_t i = 0; i < found.count; i++)
		if (add_answer(store, &found.rows[i], answers, err) < 0)
			return -1;
	return 0;
}

/* GitHub shows a pull request below /issues/ too, and the other way round. */
static char *other_kind(const char *url)
{
	const char *at = strstr(url, "/pull/");

	if (at)
		return mem_printf("%.*s/issues/%s", (int)(at - url), url, at + 6);
	at = strstr(url, "/issues/");
	return at ? mem_printf("%.*s/pull/%s", (int)(at - url), url, at + 8)
		  : mem_strdup(url);
}

static int look_both(
	struct store *store, const char *url, json_t *answers, struct err *err)
{
	CLEANUP(mem) char *other = other_kind(url);

	if (look_url(store, url, answers, err) < 0)
		return -1;
	if (json_array_size(answers) > 0 || str_eq(other, url))
		return 0;
	return look_url(store, other, answers, err);
}

/* *ret_exact false: nothing of that comment, but of its issue as a whole. */
static int look(struct store *store, const char *url, json_t *answers, bool *ret_exact,
	struct err *err)
{
	CLEANUP(mem) char *whole = mem_strndup(url, strcspn(url, "#"));

	*ret_exact = true;
	if (look_both(store, url, answers, err) < 0)
		return -1;
	if (json_array_size(answers) > 0 || str_eq(whole, url))
		return 0;
	*ret_exact = false;
	return look_both(store, whole, answers, err);
}

/* ---- what is not -------------------------------------------------------------------------- */

static void add_cause(json_t *causes, char *text)
{
	json_array_append_new(causes, json_str(text));
	free(text);
}

static void ask_installed(
	struct github *gh, const char *url, json_t *causes, struct cancel *cancel)
{
	char owner[128], name[128];
	struct err err = {0};
	int64_t id;

	if (!why_repository(url, owner, name))
		return;
	if (github_installation_find(gh, owner, name, &id, cancel, &err) == 0)
		return;
	if (err.kind == ERR_NOT_FOUND)
		add_cause(causes,
			mem_printf("The App is not installed on %s/%s: install it there.",
				owner, name));
	else
		add_cause(causes,
			mem_printf("Whether the App is installed on %s/%s could not be "
				   "asked: %s",
				owner, name, err.text));
}

static void ask_failed(struct github *gh, json_t *causes, struct cancel *cancel)
{
	struct github_delivery rows[DELIVERY_PAGE];
	char cursor[GITHUB_CURSOR_SIZE] = "", at[CLOCK_ISO_SIZE];
	struct err err = {0};
	size_t count = 0;

	if (github_deliveries(
		    gh, true, cursor, rows, DELIVERY_PAGE, &count, cancel, &err) < 0) {
		add_cause(causes, mem_printf("GitHub's log of deliveries could not be "
					     "read: %s",
					  err.text));
		return;
	}
	for (size_t i = 0; i < count && i < FAILED_MAX; i++)
		add_cause(causes,
			rows[i].status_code > 0
				? mem_printf("GitHub's delivery %s (%s) of %s got the "
					     "answer %d; it is asked for again.",
					  rows[i].guid, rows[i].event,
					  clock_iso(rows[i].delivered_s, at, sizeof at),
					  rows[i].status_code)
				: mem_printf(
					  "GitHub's delivery %s (%s) of %s did not "
					  "arrive: is the webhook's address right, and "
					  "reachable from outside?",
					  rows[i].guid, rows[i].event,
					  clock_iso(rows[i].delivered_s, at, sizeof at)));
	if (count == 0)
		add_cause(causes,
			mem_strdup("GitHub's log shows no delivery that failed."));
}

static void ask_lacks(struct github *gh, json_t *causes, struct cancel *cancel)
{
	CLEANUP(strbuf) struct strbuf lacks = STRBUF_INIT(LIMIT_LOG_LINE * 4);
	struct err err = {0};

	if (github_app_lacks(gh, &lacks, cancel, &err) == 0 && lacks.len > 0)
		add_cause(
			causes, mem_printf("The App lacks, by its settings at GitHub: %s",
					strbuf_str(&lacks)));
}

static json_t *find_causes(struct request *request, const char *url)
{
	struct github *gh = request_app(request)->github;
	CLEANUP(cancel) struct cancel *limit = cancel_new(request_cancel(request));
	json_t *causes = json_array();

	add_cause(causes,
		mem_strdup("No delivery was about this address (or it is older than "
			   "store.keep_days, or an edit, which starts nothing)."));
	if (!gh)
		return causes;
	cancel_deadline(limit, GITHUB_MS, "the limit for asking GitHub");
	ask_installed(gh, url, causes, limit);
	ask_lacks(gh, causes, limit);
	ask_failed(gh, causes, limit);
	return causes;
}

/* ---- the route ---------------------------------------------------------------------------- */

static void reply_url(struct request *request, const char *asked)
{
	CLEANUP(strbuf) struct strbuf url = STRBUF_INIT(LIMIT_PATH);
	CLEANUP(json) json_t *body = json_object();
	json_t *answers = json_array();
	struct err err = {0};
	bool exact = true;

	json_put(body, "asked", json_str(asked));
	json_put(body, "answers", answers);
	if (!why_url(&url, asked) || strbuf_check(&url, "`url`", &err) < 0)
		reply_error(request, 400, "input",
			"`url` must be the address of a comment, issue or pull request");
	else if (look(request_app(request)->store, strbuf_str(&url), answers, &exact,
			 &err) < 0)
		reply_err(request, &err);
	else {
		json_put(body, "exact", json_boolean(exact));
		json_put(body, "causes",
			json_array_size(answers) > 0 && exact
				? json_array()
				: find_causes(request, strbuf_str(&url)));
		reply_json(request, 200, json_incref(body));
	}
}

static void reply_delivery(struct request *request, const char *id)
{
	CLEANUP(store_delivery) struct store_delivery delivery = {0};
	CLEANUP(json) json_t *body = json_object();
	struct store *store = request_app(request)->store;
	json_t *answers = json_array();
	struct err err = {0};

	json_put(body, "asked", json_str(id));
	json_put(body, "answers", answers);
	json_put(body, "exact", json_true());
	json_put(body, "causes", json_array());
	if (store_delivery_get(store, id, false, &delivery, &err) < 0 ||
		add_answer(store, &delivery, answers, &err) < 0)
		reply_err(request, &err);
	else
		reply_json(request, 200, json_incref(body));
}

void handle_why(struct request *request)
{
	const char *delivery = request_query(request, "delivery");
	const char *url = request_query(request, "url");

	if (!delivery == !url)
		reply_error(request, 400, "input", "give one of `delivery` and `url`");
	else if (delivery)
		reply_delivery(request, delivery);
	else
		reply_url(request, url);
}
