/* SPDX-License-Identifier: MIT */
/* Verb: move or delete one branch of the remote, from where it is expected to stand. */
#include "service/repo/git.h"
#include "service/repo/job_fetch.h"
#include "service/repo/net.h"

#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

struct pushing {
	struct job *job;
	struct mirror mirror;
	const char *commit; /* GIT_OID_HEX_ZERO: the branch is to go */
	const char *expected;
	char *remote_ref;
	char local_ref[96];
	char found[GIT_OID_HEXSZ + 1];
	git_oid expected_oid;
	struct strbuf said; /* the server's words */
	bool reported;      /* it told the ref's status */
	bool accepted;
	bool lease_lost;
	char status[200];
};

static void pushing_release(struct pushing *p)
{
	if (p->mirror.repo && *p->local_ref)
		git_reference_remove(p->mirror.repo, p->local_ref);
	mirror_close(&p->mirror);
	strbuf_release(&p->said);
	free(p->remote_ref);
}
DEFINE_CLEANUP(pushing, struct pushing, pushing_release(value))

static bool deletes(const struct pushing *p)
{
	return str_eq(p->commit, GIT_OID_HEX_ZERO);
}

/* ---- callbacks ---- */

static int on_words(const char *text, int len, void *arg)
{
	struct pushing *p = arg;

	if (p->said.len + (size_t)len < p->said.max)
		strbuf_add(&p->said, text, (size_t)len);
	return 0;
}

/* After the server's list of refs, before anything is sent: the same old name that is
 * compared here goes to the server, which compares again. */
static int on_negotiation(const git_push_update **updates, size_t n, void *arg)
{
	struct pushing *p = arg;

	if (n != 1 || !git_oid_equal(&updates[0]->src, &p->expected_oid)) {
		p->lease_lost = true;
		return GIT_EUSER;
	}
	return 0;
}

static int on_status(const char *ref, const char *status, void *arg)
{
	struct pushing *p = arg;

	if (!str_eq(ref, p->remote_ref))
		return 0;
	p->reported = true;
	p->accepted = status == NULL;
	str_copy(p->status, sizeof p->status, status ? status : "");
	return 0;
}

static int on_sent(unsigned current, unsigned total, size_t bytes, void *arg)
{
	struct pushing *p = arg;

	job_progress(p->job, (int64_t)bytes, current, total);
	return 0;
}

/* ---- the server's words for people ---- */

/* Lines without the "remote: " that clients add and without decoration. */
static void clean_words(struct strbuf *out, const struct strbuf *said)
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	char *save = NULL;

	str_clean_utf8(&text, strbuf_str(said), said->len, false);
	for (char *line = text.len ? strtok_r(text.data, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		while (*line == ' ' || *line == '\t')
			line++;
		if (str_starts(line, "remote: "))
			line += 8;
		if (line[strspn(line, "-=*# \t")] == '\0')
			continue;
		strbuf_addf(out, "%s%s", out->len ? "; " : "", line);
	}
}

static int refused(struct pushing *p, struct err *err)
{
	CLEANUP(strbuf) struct strbuf words = STRBUF_INIT(LIMIT_TEXT_CLEAN);
	CLEANUP(strbuf) struct strbuf status = STRBUF_INIT(4096);

	clean_words(&words, &p->said);
	str_clean_utf8(&status, p->status, strlen(p->status), false);
	return err_set(err, ERR_DENIED, "the forge refused the push (%s)%s%s",
		strbuf_str(&status), words.len ? ": " : "", strbuf_str(&words));
}

static int conflict(struct pushing *p, struct err *err)
{
	bool was_none = str_eq(p->expected, GIT_OID_HEX_ZERO);
	bool is_none = str_eq(p->found, GIT_OID_HEX_ZERO);

	/* What people read when they used the name first, or went on with our branch. */
	if (was_none)
		return err_set(err, ERR_CONFLICT,
			"the branch %s is there already, at %.12s, which is not ours; it "
			"is "
			"left as it is",
			p->remote_ref + 11, p->found);
	return err_set(err, ERR_CONFLICT, "the branch %s stands at %.12s, not at %.12s",
		p->remote_ref + 11, is_none ? "nothing" : p->found, p->expected);
}

/* ---- steps ---- */

/* Whether the server's list names a commit that the mirror has: without one libgit2 would
 * send the whole history. */
static bool shares_history(struct pushing *p, git_remote *remote)
{
	CLEANUP(git_odb) git_odb *odb = NULL;
	const git_remote_head **heads = NULL;
	size_t n = 0;

	if (git_repository_odb(&odb, p->mirror.repo) < 0 ||
		git_remote_ls(&heads, &n, remote) < 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (git_odb_exists(odb, &heads[i]->oid))
			return true;
	return n == 0;
}

/* Where the branch stands: 1 when there is nothing left to do. */
static int look(struct pushing *p, git_remote *remote, struct err *err)
{
	if (remote_find(remote, p->remote_ref, p->found, err) < 0)
		return -1;
	json_put(p->job->result, "found", json_str(p->found));
	if (str_eq(p->found, p->commit)) {
		json_put(p->job->result, "already", json_true());
		return 1;
	}
	return str_eq(p->found, p->expected) ? 0 : conflict(p, err);
}

/* The mirror has the lock for writing already. */
static int catch_up(struct pushing *p, struct err *err)
{
	struct fetched got = {0};

	return fetch_branch(p->job, p->mirror.repo, NULL, &got, err);
}

static int upload(struct pushing *p, git_remote *remote, struct err *err)
{
	CLEANUP(mem)
	char *spec = deletes(p) ? mem_printf(":%s", p->remote_ref)
				: mem_printf("+%s:%s", p->local_ref, p->remote_ref);
	git_strarray specs = {.strings = &spec, .count = 1};
	git_push_options options;

	git_push_options_init(&options, GIT_PUSH_OPTIONS_VERSION);
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.proxy_opts.type = GIT_PROXY_NONE;
	options.pb_parallelism = 0;
	options.callbacks.sideband_progress = on_words;
	options.callbacks.push_negotiation = on_negotiation;
	options.callbacks.push_update_reference = on_status;
	options.callbacks.push_transfer_progress = on_sent;
	options.callbacks.payload = p;
	int rc = git_remote_upload(remote, &specs, &options);
	if (rc < 0 && !p->lease_lost && !p->reported)
		return git_fail(err, rc, "push");
	return 0;
}

/* The server said no, or nothing: where the branch stands now tells a lost race from a
 * refusal. */
static int judge(struct pushing *p, struct err *err)
{
	CLEANUP(git_remote) git_remote *remote = NULL;

	if (p->reported && p->accepted && !p->lease_lost)
		return 0;
	if (remote_open(p->job, p->mirror.repo, GIT_DIRECTION_PUSH, &remote, err) < 0)
		return -1;
	int done = look(p, remote, err);
	if (done != 0)
		return done < 0 ? -1 : 0;
	if (p->lease_lost || !p->reported)
		return err_set(err, ERR_TRANSIENT,
			"the forge did not say what became of the push");
	if (strstr(p->status, "unpack") || strstr(p->status, "failed to update ref") ||
		strstr(p->status, "lock"))
		return err_set(err, ERR_TRANSIENT,
			"the forge could not store the push: %s", p->status);
	return refused(p, err);
}

static int push(struct pushing *p, bool may_catch_up, struct err *err)
{
	CLEANUP(git_remote) git_remote *remote = NULL;

	if (remote_open(p->job, p->mirror.repo, GIT_DIRECTION_PUSH, &remote, err) < 0)
		return -1;
	int done = look(p, remote, err);
	if (done != 0)
		return done < 0 ? -1 : 0;
	if (may_catch_up && !deletes(p) && !shares_history(p, remote)) {
		git_remote_disconnect(remote);
		return catch_up(p, err) < 0 ? -1 : push(p, false, err);
	}
	if (upload(p, remote, err) < 0)
		return -1;
	git_remote_disconnect(remote);
	return judge(p, err);
}

static int prepare(struct pushing *p, struct err *err)
{
	CLEANUP(git_commit) git_commit *commit = NULL;
	CLEANUP(git_reference) git_reference *ref = NULL;
	git_oid oid;

	if (job_oid(p->job, "commit", &oid, err) < 0 ||
		job_oid(p->job, "expected", &p->expected_oid, err) < 0 ||
		mirror_open(p->job, MIRROR_WRITE, &p->mirror, err) < 0)
		return -1;
	if (deletes(p))
		return 0;
	if (mirror_commit(&p->mirror, &oid, &commit, err) < 0)
		return -1;
	/* The source of a push must be a ref; it goes away with us.  One for each commit, so
	 * that a repeat after a crash is the same. */
	snprintf(p->local_ref, sizeof p->local_ref, "refs/boxwright-push/%s", p->commit);
	int rc = git_reference_create(&ref, p->mirror.repo, p->local_ref, &oid, 1, NULL);
	return rc < 0 ? git_fail(err, rc, "name the commit") : 0;
}

int job_push(struct job *job, struct err *err)
{
	CLEANUP(pushing) struct pushing p = {.job = job, .mirror = MIRROR_NONE};
	const char *branch = json_need_string(job->request, "branch", err);

	if (!branch)
		return -1;
	strbuf_init(&p.said, 64 * LIMIT_KIB);
	p.commit = json_need_string(job->request, "commit", err);
	p.expected = p.commit ? json_need_string(job->request, "expected", err) : NULL;
	if (!p.expected || job_net(job, err) < 0)
		return -1;
	p.remote_ref = mem_printf("refs/heads/%s", branch);
	json_put(job->result, "already", json_false());
	if (prepare(&p, err) < 0)
		return -1;
	return push(&p, true, err);
}
