/* SPDX-License-Identifier: MIT */
/* The log of an Actions job: GitHub names an address elsewhere, where nobody is to see our
 * token, and the end of a log of any length is what tells the failure. */
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "service/github/call.h"
#include "service/github/pool.h"

#include <string.h>

enum { HOPS_MAX = 3 };

/* The last `max` bytes of what comes: two halves that take turns would need no copy, but a
 * log is some MiB and a move once for each `max` bytes costs nothing. */
struct tail {
	struct strbuf kept; /* at most twice max */
	size_t max;
	size_t seen;
};

static int take(void *arg, const void *data, size_t len, struct err *err)
{
	struct tail *tail = arg;

	tail->seen += len;
	if (tail->seen > LIMIT_JOB_LOG_READ)
		return err_set(err, ERR_LIMIT, "the log of the job has more than %lu MiB",
			LIMIT_JOB_LOG_READ / LIMIT_MIB);
	if (len >= tail->max) {
		strbuf_reset(&tail->kept);
		strbuf_add(
			&tail->kept, (const char *)data + (len - tail->max), tail->max);
		return 0;
	}
	if (tail->kept.len + len > 2 * tail->max)
		strbuf_consume(&tail->kept, tail->kept.len + len - tail->max);
	strbuf_add(&tail->kept, data, len);
	return 0;
}

static bool allowed(const struct github *gh, const char *url)
{
	return str_starts(url, "https://") ||
	       (gh->plain_http && str_starts(url, "http://"));
}

static int refused(int status, struct err *err)
{
	enum err_kind kind = status == 404 || status == 410 || status == 403
				     ? ERR_NOT_FOUND
			     : status >= 500 || status == 429 ? ERR_TRANSIENT
							      : ERR_INTERNAL;

	/* 403 is an address that is over: they live for minutes. */
	return err_set(err, kind, "the place of the log answered %d", status);
}

/* One fetch without any credential: 0 done, 1 it led to a further address in `url`. */
static int fetch(struct github *gh, char *url, size_t size, struct tail *tail,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(http_answer) struct http_answer answer = {0};
	struct http_header headers[] = {{.name = "User-Agent", .value = gh->user_agent}};
	struct http_request request = {.method = "GET",
		.url = url,
		.headers = headers,
		.nheaders = ARRAY_LEN(headers),
		.sink = take,
		.sink_arg = tail,
		.max_body = SIZE_MAX,
		.silence_ms = gh->timeout_ms,
		.total_ms = gh->timeout_ms};

	if (!allowed(gh, url))
		return err_set(err, ERR_INTERNAL,
			"GitHub's answer: the log is at an address that is not https");
	struct http_client *client = pool_take(gh->pool, cancel, err);
	if (!client)
		return -1;
	int rc = http_perform(client, &request, &answer, cancel, err);
	pool_give(gh->pool, client);
	if (rc < 0)
		return -1;
	if (answer.status >= 300 && answer.status < 400 &&
		http_answer_header(&answer, "location", url, size))
		return 1;
	return answer.status == 200 ? 0 : refused(answer.status, err);
}

static int follow(struct github *gh, char *url, size_t size, struct tail *tail,
	struct cancel *cancel, struct err *err)
{
	for (int hop = 0; hop < HOPS_MAX; hop++) {
		int more = fetch(gh, url, size, tail, cancel, err);

		if (more <= 0)
			return more;
		strbuf_reset(&tail->kept);
		tail->seen = 0;
	}
	return err_set(err, ERR_INTERNAL, "the log of the job moves around in a circle");
}

int github_job_log(struct github *gh, const struct github_repo *repo, int64_t id,
	size_t max, struct strbuf *out, struct cancel *cancel, struct err *err)
{
	CLEANUP(call) struct call call = CALL_INIT("GET", CALL_INSTALLATION);
	CLEANUP(reply) struct reply reply = {0};
	CLEANUP(strbuf) struct strbuf kept = STRBUF_INIT(2 * max);
	struct tail tail = {.max = max};

	if (max == 0)
		return 0;
	call.purpose = GITHUB_LOG;
	call.elsewhere = true;
	if (call_path_repo(&call, repo, err) < 0)
		return -1;
	call_path(&call, "/actions/jobs/");
	call_path_number(&call, id);
	call_path(&call, "/logs");
	if (call_send(gh, &call, &reply, cancel, err) < 0)
		return err_wrap(err, "the log of job %lld", (long long)id);
	if (reply.location[0] == '\0')
		return err_set(err, ERR_INTERNAL,
			"GitHub's answer: the log of job %lld must be a redirect",
			(long long)id);
	tail.kept = kept;
	int rc = follow(gh, reply.location, sizeof reply.location, &tail, cancel, err);
	kept = tail.kept;
	if (rc < 0)
		return err_wrap(err, "the log of job %lld", (long long)id);
	size_t len = kept.len < max ? kept.len : max;
	if (len > 0)
		strbuf_add(out, kept.data + (kept.len - len), len);
	return strbuf_check(out, "the log of a job", err);
}
