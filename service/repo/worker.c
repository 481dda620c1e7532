/* SPDX-License-Identifier: MIT */
/* The git child: one request in, one answer out. */
#include "service/repo/worker.h"

#include "service/repo/git.h"
#include "service/repo/net.h"
#include "service/repo/wire.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define REQUEST_MAX (4 * LIMIT_MIB)
#define PROGRESS_MS 200

static const struct {
	const char *name;
	job_run run;
} jobs[] = {
	{"mirror", job_mirror},
	{"drop", job_drop},
	{"remote-ref", job_remote_ref},
	{"file-read", job_file_read},
	{"diff-text", job_diff_text},
	{"compare", job_compare},
	{"pack", job_pack},
	{"import", job_import},
	{"commit", job_commit},
	{"replay", job_replay},
	{"push", job_push},
};

int job_data(struct job *job, const void *data, size_t len, struct err *err)
{
	for (size_t at = 0; at < len;) {
		size_t n = len - at < LIMIT_MIB ? len - at : LIMIT_MIB;
		if (wire_write(job->answer_fd, WIRE_DATA, (const char *)data + at, n,
			    err) < 0)
			return -1;
		at += n;
	}
	return 0;
}

void job_progress(struct job *job, int64_t bytes, int64_t objects, int64_t total)
{
	static int64_t last_ms = -PROGRESS_MS;
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(256);
	struct err ignored = {0};
	int64_t now = clock_mono_ms();

	if (now - last_ms < PROGRESS_MS)
		return;
	last_ms = now;
	strbuf_addf(&text, "{\"bytes\":%lld,\"objects\":%lld,\"total\":%lld}",
		(long long)bytes, (long long)objects, (long long)total);
	wire_write(job->answer_fd, WIRE_PROGRESS, text.data, text.len, &ignored);
}

int job_net(struct job *job, struct err *err)
{
	static char spool[LIMIT_PATH];
	const json_t *q = job->request;
	struct net_config config = {
		.url = json_need_string(q, "url", err),
		.token = job->token,
		.ca_file = json_or_string(q, "ca_file", NULL),
		.plain_http = json_or_bool(q, "plain_http", false),
		.silence_ms = json_or_int(q, "silence_ms", 30000),
		.max_bytes =
			(size_t)json_or_int(q, "fetch_bytes", (int64_t)LIMIT_REPO_FETCH),
		.spool_dir = spool,
	};

	snprintf(spool, sizeof spool, "%s/git-tmp", job->state);
	return config.url ? net_install(&config, err) : -1;
}

static int read_request(struct strbuf *in, struct err *err)
{
	for (;;) {
		char *room = strbuf_room(in, 65536);
		if (!room)
			return strbuf_check(in, "a request to the git child", err);
		ssize_t n = read(0, room, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "read the request");
		if (n == 0)
			return 0;
		strbuf_grown(in, (size_t)n);
	}
}

/* One frame with the request, perhaps one with the token. */
static int take_request(
	struct strbuf *in, json_t **ret_json, struct secret *ret_token, struct err *err)
{
	const char *data;
	size_t len;
	char type;
	int whole;

	while ((whole = wire_next(in, REQUEST_MAX, &type, &data, &len, err)) > 0) {
		if (type == WIRE_REQUEST && !*ret_json)
			*ret_json = json_parse(data, len, err);
		else if (type == WIRE_TOKEN && len <= LIMIT_SECRET)
			secret_set(ret_token, data, len);
		if (!*ret_json)
			return err_wrap(err, "the request");
		strbuf_consume(in, WIRE_HEAD + len);
	}
	if (whole < 0)
		return -1;
	if (!*ret_json || in->len > 0)
		return err_set(err, ERR_INTERNAL, "the request to the git child is cut");
	return 0;
}

static int run(struct job *job, struct err *err)
{
	const char *verb = json_need_string(job->request, "verb", err);

	job->state = json_need_string(job->request, "state", err);
	if (!verb || !job->state)
		return -1;
	job->repo_id = json_or_int(job->request, "repo_id", 0);
	if (git_setup(job->state, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		if (str_eq(jobs[i].name, verb))
			return jobs[i].run(job, err);
	return err_set(err, ERR_INTERNAL, "the git child knows no verb %s", verb);
}

/* An error may come with a result: what a push found. */
static int answer(struct job *job, int rc, const struct err *why)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_REPO_ANSWER);
	CLEANUP(json) json_t *error = NULL;
	struct err err = {0};

	if (rc < 0) {
		error = json_object();
		json_put(error, "kind", json_integer(why->kind));
		json_put(error, "text", json_str(why->text));
		json_put(error, "retry_after", json_integer(why->retry_after_s));
		json_put(error, "result", json_incref(job->result));
	}
	if (json_print(&text, rc < 0 ? error : job->result, &err) < 0 ||
		wire_write(job->answer_fd, rc < 0 ? WIRE_ERROR : WIRE_RESULT, text.data,
			text.len, &err) < 0) {
		dprintf(2, "%s", err.text);
		return 1;
	}
	return 0;
}

/* When memory is short, it is the child that should go. */
static void offer_to_die_first(void)
{
	struct err ignored = {0};
	CLEANUP(fd) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "500", 3) < 0)
		err_errno(&ignored, errno, "oom_score_adj");
}

int repo_worker_main(int argc, char **argv)
{
	CLEANUP(strbuf)
	struct strbuf in = STRBUF_INIT(REQUEST_MAX + LIMIT_SECRET + 128 * 1024);
	CLEANUP(json) json_t *request = NULL;
	CLEANUP(secret) struct secret token = {0};
	struct job job = {.answer_fd = 1, .token = &token};
	struct err err = {0};
	int rc, status;

	(void)argc;
	(void)argv;
	offer_to_die_first();
	job.result = json_object();
	rc = read_request(&in, &err);
	if (rc == 0)
		rc = take_request(&in, &request, &token, &err);
	mem_wipe(in.data, in.cap); /* the token went through it */
	job.request = request;
	if (rc == 0)
		rc = run(&job, &err);
	status = answer(&job, rc, &err);
	json_decref(job.result);
	net_release();
	git_libgit2_shutdown();
	return status;
}
