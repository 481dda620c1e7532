/* SPDX-License-Identifier: MIT */
/* The parent's side of a git child: poll until it has spoken and died. */
#include "service/repo/child.h"

#include "service/repo/spawn.h"
#include "service/repo/wire.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>

#define COMPLAINT_MAX 2048 /* of standard error: the reason of a crash */
/* At a time, so that a child that floods us meets its deadline; a frame may be small. */
#define READS_MAX 2
#define COMPLAINTS_MAX 16

struct talk {
	const struct child_call *call;
	struct spawned *child;
	struct iovec out[4]; /* what is still to be sent */
	int nout;
	struct strbuf in;
	struct strbuf complaint;
	json_t *result;
	struct err failure; /* what the child reported */
};

static void talk_release(struct talk *t)
{
	strbuf_release(&t->in);
	strbuf_release(&t->complaint);
	json_decref(t->result);
}
DEFINE_CLEANUP(talk, struct talk, talk_release(value))

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Sends what the pipe takes; closes it when all is sent or the child is gone. */
static void feed(struct talk *t)
{
	int fd = t->child->in;
	ssize_t n = writev(fd, t->out, t->nout);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (int i = 0; n > 0 && i < t->nout; i++) {
		size_t took =
			(size_t)n < t->out[i].iov_len ? (size_t)n : t->out[i].iov_len;
		t->out[i].iov_base = (char *)t->out[i].iov_base + took;
		t->out[i].iov_len -= took;
		n -= (ssize_t)took;
	}
	for (int i = 0; n >= 0 && i < t->nout; i++)
		if (t->out[i].iov_len > 0)
			return;
	close_fd(&t->child->in);
}

static int take_error(struct talk *t, const json_t *json, struct err *err)
{
	int64_t kind, retry = json_or_int(json, "retry_after", 0);
	const char *text = json_need_string(json, "text", err);

	if (!text || json_need_int(json, "kind", ERR_INPUT, ERR_INTERNAL, &kind, err) < 0)
		return -1;
	err_set(&t->failure, (enum err_kind)kind, "%s", text);
	t->failure.retry_after_s = retry > 0 && retry < 86400 ? (int)retry : 0;
	/* A push that lost its lease says where the branch stands. */
	t->result = json_incref(json_at(json, "result"));
	return 0;
}

static int take_frame(
	struct talk *t, char type, const char *data, size_t len, struct err *err)
{
	CLEANUP(json) json_t *json = NULL;

	if (t->result || t->failure.kind)
		return err_set(err, ERR_INTERNAL, "the git child spoke after its answer");
	if (type == WIRE_DATA && t->call->data) {
		strbuf_add(t->call->data, data, len);
		return strbuf_check(t->call->data, "the answer of git", err);
	}
	json = json_parse(data, len, err);
	if (!json) {
		err->kind = ERR_INTERNAL;
		return -1;
	}
	if (type == WIRE_PROGRESS) {
		if (t->call->progress)
			t->call->progress(t->call->progress_arg, json);
		return 0;
	}
	if (type == WIRE_ERROR)
		return take_error(t, json, err);
	if (type != WIRE_RESULT || !json_is_object(json))
		return err_set(
			err, ERR_INTERNAL, "the git child sent a frame out of place");
	t->result = TAKE(json);
	return 0;
}

/* 1 while the pipe is open, 0 at its end. */
static int listen_to(struct talk *t, int fd, struct err *err)
{
	for (int i = 0; i < READS_MAX; i++) {
		char *room = strbuf_room(&t->in, 64 * 1024);
		const char *data;
		size_t len;
		char type;
		int whole;
		if (!room)
			return strbuf_check(&t->in, "the answer of git", err);
		ssize_t n = read(fd, room, 64 * 1024);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 1;
		if (n <= 0)
			return 0;
		strbuf_grown(&t->in, (size_t)n);
		while ((whole = wire_next(&t->in, LIMIT_REPO_ANSWER, &type, &data, &len,
				err)) > 0) {
			if (take_frame(t, type, data, len, err) < 0)
				return -1;
			strbuf_consume(&t->in, WIRE_HEAD + len);
		}
		if (whole < 0)
			return -1;
	}
	return 1;
}

/* Keeps the beginning; the rest is read and dropped, so that nobody waits. */
static int hear_complaint(struct talk *t, int fd)
{
	char chunk[4096];
	ssize_t n = 1;

	for (int i = 0; i < COMPLAINTS_MAX && n > 0; i++) {
		n = read(fd, chunk, sizeof chunk);
		size_t room = COMPLAINT_MAX - t->complaint.len;
		if (n > 0)
			strbuf_add(&t->complaint, chunk,
				(size_t)n < room ? (size_t)n : room);
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Until the child is dead and its pipes are dry. */
static int converse(struct talk *t, struct cancel *cancel, struct err *err)
{
	struct spawned *c = t->child;

	for (;;) {
		struct pollfd fds[4] = {
			{.fd = c->pidfd, .events = POLLIN},
			{.fd = c->out, .events = POLLIN},
			{.fd = c->complaint, .events = POLLIN},
			{.fd = c->in, .events = POLLOUT},
		};
		if (cancel_poll(cancel, fds, 4, -1, err) < 0)
			return -1;
		if (fds[3].revents)
			feed(t);
		if (fds[2].revents && !hear_complaint(t, c->complaint))
			close_fd(&c->complaint);
		if (fds[1].revents || fds[0].revents) {
			/* A pipe holds 64 KiB: one read takes all that the dead have left. */
			if (fds[0].revents)
				spawn_kill(c);
			int open = c->out >= 0 ? listen_to(t, c->out, err) : 0;
			if (open < 0)
				return -1;
			if (open == 0)
				close_fd(&c->out);
		}
		if (fds[0].revents) {
			if (c->complaint >= 0)
				hear_complaint(t, c->complaint);
			return 0;
		}
	}
}

/* A child that died without an answer. */
static int explain_death(struct talk *t, int status, struct err *err)
{
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(4 * COMPLAINT_MAX);
	const char *verb = t->call->verb;

	strbuf_addf(&words, "%s", t->complaint.len ? ": " : "");
	str_clean_utf8(&words, strbuf_str(&t->complaint), t->complaint.len, false);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return err_set(err, ERR_LIMIT, "git %s used more than %d s of CPU time",
			verb, t->call->cpu_s);
	if (WIFSIGNALED(status))
		return err_set(err, ERR_INTERNAL,
			"the child for git %s died of signal %d%s", verb,
			WTERMSIG(status), strbuf_str(&words));
	return err_set(err, ERR_INTERNAL,
		"the child for git %s ended with status %d and no answer%s", verb,
		WEXITSTATUS(status), strbuf_str(&words));
}

static int hold_call(struct talk *t, const char *text, size_t len, struct cancel *cancel,
	struct err *err)
{
	const struct secret *token = t->call->token;
	uint8_t head[WIRE_HEAD], token_head[WIRE_HEAD];
	int status = 0;

	wire_head(head, WIRE_REQUEST, len);
	t->out[t->nout++] = (struct iovec){head, sizeof head};
	t->out[t->nout++] = (struct iovec){(void *)(uintptr_t)text, len};
	if (token && secret_is_set(token)) {
		wire_head(token_head, WIRE_TOKEN, token->len);
		t->out[t->nout++] = (struct iovec){token_head, sizeof token_head};
		t->out[t->nout++] = (struct iovec){token->value, token->len};
	}
	int ret = converse(t, cancel, err);
	status = spawn_end(t->child);
	if (ret < 0)
		return err_wrap(err, "git %s", t->call->verb);
	if (t->failure.kind) {
		*err = t->failure;
		return -1;
	}
	if (!t->result || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return explain_death(t, status, err);
	return 0;
}

int child_run(const struct child_call *call, json_t **ret_result, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(cancel) struct cancel *limit = cancel_new(cancel);
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(4 * LIMIT_MIB);
	CLEANUP(spawned) struct spawned child = SPAWNED_NONE;
	CLEANUP(talk) struct talk t = {.call = call, .child = &child};
	struct spawn_limits limits = {
		.memory = call->memory,
		.file_bytes = call->file_bytes,
		.cpu_s = call->cpu_s,
	};

	strbuf_init(&t.in, 2 * LIMIT_REPO_ANSWER);
	strbuf_init(&t.complaint, COMPLAINT_MAX);
	if (json_print(&text, call->request, err) < 0 || cancel_check(cancel, err) < 0)
		return -1;
	cancel_deadline(limit, call->limit_ms, "the time limit of a git call");
	if (spawn_worker(&child, call->program, &limits, err) < 0)
		return -1;
	int ret = hold_call(&t, strbuf_str(&text), text.len, limit, err);
	if (ret_result)
		*ret_result = TAKE(t.result);
	return ret;
}
