/* SPDX-License-Identifier: MIT */
/*
 * Git by the API's verbs: the box is a boxinit with a loopback of its own, which cannot reach
 * the forge on the host's; only the relay does.
 */
#include "tests/unit/service/box/fake_work.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/thread.h"
#include "service/box/box_git.h"
#include "service/box/git-internal.h"
#include "tests/lib/git_server.h"
#include "tests/lib/git_tool.h"

#define TOKEN "ghp_canary0123456789abcdefABCDEF"

static struct git_server *server;
static struct config config;
static char *web_url;
static char forge[64];
static json_t *answer;

static int call(const char *verb, json_t *args)
{
	CLEANUP(json) json_t *own = args;

	json_decref(TAKE(answer));
	return boxes_git(&boxes, &full, "test", verb, own, &answer, NULL, E);
}

static const char *said(const char *member)
{
	return json_or_string(answer, member, "(none)");
}

/* `git ARGS` in a folder of the box, by the verb exec; its exit code. */
static int exec_in(const char *in, const char *args_json)
{
	CLEANUP(json) json_t *list = json_parse(args_json, strlen(args_json), E);

	assert_non_null(list);
	OK(call("exec", json_pack("{s:s, s:O}", "folder", in, "args", list)));
	return (int)json_or_int(answer, "exit_code", -1);
}

static int in_box(const char *script, char *out, size_t size)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct run_spec spec = {.argv = argv, .cwd = folder};
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_MIB), .err_out = STRBUF_INIT(LIMIT_MIB)};

	OK(run_capture(boxes.options.core, "test", &spec, NULL, 0, &result, NULL, E));
	if (out)
		str_copy(out, size, strbuf_str(&result.out));
	int code = result.exit_code;
	run_result_release(&result);
	return code;
}

/* ---- the forge ------------------------------------------------------------------------- */

static void make_repo(const char *name)
{
	char *bare = mem_printf("%s/octo/%s.git", forge, name);
	char *work = mem_printf("%s/work-%s", forge, name);

	free(git_run(forge, "init", "-q", "--bare", "-b", "main", bare, NULL));
	free(git_run(bare, "config", "http.receivepack", "true", NULL));
	free(git_run(forge, "clone", "-q", bare, work, NULL));
	put_text(work, "README.md", "hello\n");
	free(git_run(work, "add", "-A", NULL));
	free(git_run(work, "commit", "-q", "-m", "first", NULL));
	free(git_run(work, "push", "-q", "origin", "HEAD:main", NULL));
	free(git_run(work, "push", "-q", "origin", "HEAD:dev", NULL));
	free(bare);
	free(work);
}

static int setup(void **state)
{
	static char api[] = "http://127.0.0.1:1", empty[] = "";
	char *octo;

	if (fake_setup(state) < 0)
		return -1;
	snprintf(forge, sizeof forge, "/tmp/bw-forge-XXXXXX");
	if (!mkdtemp(forge))
		return -1;
	octo = mem_printf("%s/octo", forge);
	mkdir(octo, 0755);
	free(octo);
	make_repo("sample");
	make_repo("other");
	server = git_server_start(forge, TOKEN);
	web_url = git_server_url(server, "");
	web_url[strlen(web_url) - 1] = '\0';
	config.github_web_url = web_url;
	config.github_api_url = api;
	config.ca_bundle = empty;
	boxes.options.config = &config;
	crypto_random(boxes.seal_key, sizeof boxes.seal_key);
	return 0;
}

static int teardown(void **state)
{
	struct err err = {0};

	git_server_stop(server);
	free(web_url);
	file_remove_tree(forge, &err);
	return fake_teardown(state);
}

static void set_network(const char *policy)
{
	static char text[200];

	assert_true(str_copy(text, sizeof text, policy));
	box_row.network = text;
}

static int after(void **state)
{
	json_decref(TAKE(answer));
	git_server_fault(server, GIT_FAULT_NONE, NULL, 0);
	set_network("");
	return fake_check(state);
}

static void forget_token(void)
{
	sealed_row[0] = '\0';
	box_row.sealed = sealed_row;
}

static json_t *clone_args(const char *repo, const char *to, const char *token)
{
	json_t *args = json_pack("{s:s, s:s}", "repo", repo, "folder", in_folder(to));

	if (token)
		json_put(args, "github_token", json_str(token));
	return args;
}

/* How often what comes on stdin stands in the output of a command of the box. */
static void expect_nowhere(const char *script, const char *patterns)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct run_spec spec = {.argv = argv, .cwd = folder, .root = true};
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_MIB), .err_out = STRBUF_INIT(LIMIT_MIB)};

	OK(run_capture(boxes.options.core, "test", &spec, patterns, strlen(patterns),
		&result, NULL, E));
	if (result.out.len > 0)
		fail_msg("the token stands in %s", strbuf_str(&result.out));
	assert_int_equal(result.exit_code, 1); /* of grep: nothing found */
	run_result_release(&result);
}

/* Anywhere in what the box can read: files, environments and command lines. */
static void assert_no_token(void)
{
	CLEANUP(strbuf) struct strbuf patterns = STRBUF_INIT(LIMIT_KIB);
	char plain[] = "x-access-token:" TOKEN;

	strbuf_adds(&patterns, TOKEN "\n");
	str_base64(&patterns, plain, strlen(plain));
	expect_nowhere("grep -rlaF -f - .", strbuf_str(&patterns));
	expect_nowhere("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null > all; "
		       "exec grep -laF -f - all",
		strbuf_str(&patterns));
}

/* ---- a private repository -------------------------------------------------------------- */

static void test_clone_commit_push(void **state)
{
	char *repo = mem_printf("%s/octo/sample", web_url);
	char out[400];

	(void)state;
	forget_token();
	OK(call("clone", clone_args(repo, "a", TOKEN)));
	assert_string_equal(said("folder"), in_folder("a"));
	assert_no_token();
	/* The remote is what people know, and nothing of the relay stays. */
	assert_int_equal(
		exec_in(in_folder("a"), "[\"config\", \"--list\", \"--local\"]"), 0);
	assert_non_null(strstr(said("output"), repo));
	assert_null(strstr(said("output"), "7333"));
	/* A change, seen and recorded. */
	OK(call("status", json_pack("{s:s}", "folder", in_folder("a"))));
	assert_string_equal(said("status"), "");
	assert_int_equal(
		in_box("cd a && echo new > new.txt && echo more >> README.md", NULL, 0),
		0);
	OK(call("status", json_pack("{s:s}", "folder", in_folder("a"))));
	assert_string_equal(said("status"), " M README.md\n?? new.txt\n");
	OK(call("diff", json_pack("{s:s}", "folder", in_folder("a"))));
	assert_non_null(strstr(said("diff"), "+more"));
	OK(call("commit", json_pack("{s:s, s:s}", "folder", in_folder("a"), "message",
				  "-m is no option\n\n# nor is this a comment")));
	assert_int_equal(strlen(said("sha")), 40);
	char *sha = mem_strdup(said("sha"));
	assert_int_equal(
		exec_in(in_folder("a"), "[\"log\", \"-1\", \"--format=%an %ae%n%B\"]"),
		0);
	assert_string_equal(said("output"), "Ann ann@example.com\n-m is no option\n\n"
					    "# nor is this a comment\n\n");
	/* The token of the clone is remembered, sealed. */
	OK(call("push", json_pack("{s:s}", "folder", in_folder("a"))));
	assert_string_equal(said("branch"), "main");
	char *bare = mem_printf("%s/octo/sample.git", forge);
	char *got = git_run(bare, "rev-parse", "main", NULL);
	assert_string_equal(got, sha);
	free(got);
	OK(call("push", json_pack("{s:s, s:s}", "folder", in_folder("a"), "branch",
				"feature/x")));
	got = git_run(bare, "rev-parse", "feature/x", NULL);
	assert_string_equal(got, sha);
	/* fetch and push by hand use it too. */
	assert_int_equal(exec_in(in_folder("a"), "[\"fetch\", \"origin\"]"), 0);
	assert_int_equal(
		exec_in(in_folder("a"), "[\"push\", \"origin\", \"HEAD:by-hand\"]"), 0);
	assert_null(strstr(said("output"), "7333"));
	assert_null(strstr(box_row.sealed, "canary"));
	assert_no_token();
	/* Afterwards nobody listens any more. */
	assert_int_not_equal(in_box("timeout 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/7333'",
				     out, sizeof out),
		0);
	free(got);
	free(sha);
	free(bare);
	free(repo);
}

static void test_where_a_clone_goes(void **state)
{
	char *repo = mem_printf("%s/octo/sample.git", web_url);
	char out[400];

	(void)state;
	assert_int_equal(in_box("mkdir -p there", NULL, 0), 0);
	OK(call("clone", clone_args(repo, "there", TOKEN)));
	assert_string_equal(said("folder"), in_folder("there/sample"));
	FAILS(ERR_UNABLE, "already exists",
		call("clone", clone_args(repo, "there", TOKEN)));
	json_t *args = clone_args(repo, "deep/er", TOKEN);
	json_put(args, "branch", json_str("dev"));
	json_put(args, "depth", json_integer(1));
	OK(call("clone", args));
	assert_int_equal(in_box("cd deep/er && git branch --show-current && git rev-list "
				"--count HEAD",
				 out, sizeof out),
		0);
	assert_string_equal(out, "dev\n1\n");
	args = clone_args(repo, "nobranch", TOKEN);
	json_put(args, "branch", json_str("nowhere"));
	FAILS(ERR_UNABLE, "nowhere", call("clone", args));
	assert_int_equal(access(in_folder("nobranch"), F_OK), -1);
	free(repo);
}

static void test_refused_clones(void **state)
{
	char *repo = mem_printf("%s/octo/sample", web_url);
	char *missing = mem_printf("%s/octo/missing", web_url);
	static const char *const bad[] = {"{\"repo\": \"ext::sh -c id\"}",
		"{\"repo\": \"/etc\"}", "{\"repo\": \"file:///etc\"}",
		"{\"repo\": \"--upload-pack=id\"}", "{\"repo\": 1}", "{}",
		"{\"repo\": \"o/r\", \"branch\": \"-b\"}",
		"{\"repo\": \"o/r\", \"branch\": \"a..b\"}",
		"{\"repo\": \"o/r\", \"branch\": \"a b\"}",
		"{\"repo\": \"o/r\", \"branch\": \"a.lock\"}",
		"{\"repo\": \"o/r\", \"depth\": 0}",
		"{\"repo\": \"o/r\", \"depth\": \"1\"}", "{\"repo\": \"o/r\\u0000x\"}",
		"{\"repo\": \"https://gitlab.com/a/b\", \"github_token\": \"x\"}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		FAILS(ERR_INPUT, "`",
			call("clone", json_parse(bad[i], strlen(bad[i]), E)));
	FAILS(ERR_DENIED, "refused the token",
		call("clone", clone_args(repo, "no", "ghp_wrong_wrong_wrong")));
	FAILS(ERR_NOT_FOUND, "missing", call("clone", clone_args(missing, "no", TOKEN)));
	forget_token();
	/* Without a token git is on its own, and this box reaches nothing. */
	FAILS(ERR_UNABLE, "git clone", call("clone", clone_args(repo, "no", NULL)));
	assert_int_equal(access(in_folder("no"), F_OK), -1);
	CLEANUP(json) json_t *args = clone_args(repo, "no", NULL);
	FAILS(ERR_DENIED, "",
		boxes_git(&boxes, &looker, "test", "clone", args, &answer, NULL, E));
	FAILS(ERR_NOT_FOUND, "verb", call("gc", json_object()));
	free(missing);
	free(repo);
}

/* A forge that misbehaves ends the command with an error, in time, with nothing left. */
static void test_broken_forge(void **state)
{
	static const enum git_fault faults[] = {GIT_FAULT_REDIRECT, GIT_FAULT_CUT,
		GIT_FAULT_BUSY, GIT_FAULT_FORBIDDEN, GIT_FAULT_HTML, GIT_FAULT_GARBAGE,
		GIT_FAULT_FLIP};
	char *repo = mem_printf("%s/octo/sample", web_url);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		git_server_fault(server, faults[i],
			faults[i] == GIT_FAULT_CUT || faults[i] == GIT_FAULT_FLIP
				? "/git-upload-pack"
				: "",
			faults[i] == GIT_FAULT_FLIP ? 2 : 0);
		if (call("clone", clone_args(repo, "broken", TOKEN)) == 0)
			fail_msg("fault %d did no harm", (int)faults[i]);
		assert_true(failed.kind == ERR_UNABLE || failed.kind == ERR_DENIED);
		assert_null(strstr(failed.text, TOKEN));
		assert_int_equal(access(in_folder("broken"), F_OK), -1);
	}
	free(repo);
}

static void test_policy(void **state)
{
	char *repo = mem_printf("%s/octo/sample", web_url);

	(void)state;
	set_network("{\"mode\": \"deny-all\"}");
	FAILS(ERR_DENIED, "127.0.0.1", call("clone", clone_args(repo, "p", TOKEN)));
	set_network("{\"mode\": \"custom\", \"allowed_domains\": "
		    "[\"127.0.0.1\"]}");
	OK(call("clone", clone_args(repo, "p", TOKEN)));
	assert_true(git_policy_allows("", "github.com"));
	assert_true(git_policy_allows("{\"mode\": \"allow-all\"}", "github.com"));
	assert_false(git_policy_allows("{\"mode\": \"deny-all\"}", "github.com"));
	assert_false(git_policy_allows("{\"mode\": \"new\"}", "github.com"));
	assert_false(git_policy_allows("damaged", "github.com"));
	assert_false(git_policy_allows("{\"mode\": \"custom\"}", "github.com"));
	assert_true(git_policy_allows(
		"{\"mode\":\"custom\",\"allowed_domains\":[\"x.y\",\"GitHub.com\"]}",
		"github.com"));
	assert_true(git_policy_allows(
		"{\"mode\":\"custom\",\"allowed_domains\":[\"*.example.com\"]}",
		"git.example.com"));
	assert_false(git_policy_allows(
		"{\"mode\":\"custom\",\"allowed_domains\":[\"*.example.com\"]}",
		"example.com"));
	assert_false(git_policy_allows(
		"{\"mode\":\"custom\",\"allowed_domains\":[\"*.example.com\"]}",
		"evilexample.com"));
	free(repo);
}

/* ---- who else listens in --------------------------------------------------------------- */

struct spy {
	pthread_t thread;
	bool stop;
	char out[4096];
};

/* In the box, beside the clone: asks the relay for what is not the clone's. */
static void *spy_run(void *arg)
{
	static const char script[] =
		"for i in $(seq 100); do "
		"for p in octo/other.git/info/refs?service=git-upload-pack "
		"octo/sample.git/info/refs?service=git-receive-pack "
		"octo/sample.git/HEAD octo/sample.git/info/lfs/x / ; do "
		"curl -s -m 2 -o /dev/null -w '%{http_code} ' http://127.0.0.1:7333/$p "
		"&& "
		"n=$((n+1)); done; [ \"${n:-0}\" -ge 5 ] && break; sleep 0.02; done";
	const char *argv[] = {"bash", "-c", script, NULL};
	struct run_spec spec = {.argv = argv, .cwd = "/"};
	struct run_result result = {
		.out = STRBUF_INIT(LIMIT_MIB), .err_out = STRBUF_INIT(LIMIT_MIB)};
	struct spy *spy = arg;
	struct err err = {0};

	run_capture(boxes.options.core, "test", &spec, NULL, 0, &result, NULL, &err);
	str_copy(spy->out, sizeof spy->out, strbuf_str(&result.out));
	run_result_release(&result);
	return NULL;
}

static void test_another_process(void **state)
{
	char *repo = mem_printf("%s/octo/sample", web_url);
	CLEANUP(cancel) struct cancel *cancel = cancel_new(NULL);
	CLEANUP(json) json_t *args = clone_args(repo, "spied", TOKEN);
	struct spy spy = {0};

	(void)state;
	/* The clone waits for a forge that says nothing, until its caller goes away. */
	git_server_fault(server, GIT_FAULT_SILENT, "/git-upload-pack", 0);
	OK(thread_start(&spy.thread, "spy", spy_run, &spy, E));
	cancel_deadline(cancel, 3000, "the test's patience");
	FAILS(ERR_TRANSIENT, "patience",
		boxes_git(&boxes, &full, "test", "clone", args, &answer, cancel, E));
	thread_join(spy.thread);
	if (!strstr(spy.out, "403 403 404 404 403"))
		fail_msg("the relay answered %s", spy.out);
	assert_null(strstr(spy.out, "200"));
	assert_int_equal(access(in_folder("spied"), F_OK), -1); /* git took it away */
	assert_int_equal(in_box("pgrep -x git", NULL, 0), 1);
	free(repo);
}

/* Many at a time have a port each. */
static void *clone_run(void *arg)
{
	char name[20];
	char *repo = mem_printf("%s/octo/sample", web_url);
	json_t *ret = NULL;
	struct err err = {0};

	snprintf(name, sizeof name, "many-%d", (int)(intptr_t)arg);
	CLEANUP(json) json_t *args = clone_args(repo, name, TOKEN);
	int rc = boxes_git(&boxes, &full, "test", "clone", args, &ret, NULL, &err);
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", name, err.text);
	json_decref(ret);
	free(repo);
	return (void *)(intptr_t)rc;
}

static void test_many_clones(void **state)
{
	pthread_t threads[6];
	char out[200];

	(void)state;
	for (int i = 0; i < 6; i++)
		OK(thread_start(&threads[i], "clone", clone_run, (void *)(intptr_t)i, E));
	for (int i = 0; i < 6; i++)
		thread_join(threads[i]);
	in_box("cat many-*/README.md | sort | uniq -c", out, sizeof out);
	assert_non_null(strstr(out, "6 hello"));
}

/* ---- without a remote ------------------------------------------------------------------ */

static void test_local_repository(void **state)
{
	char *here = mem_strdup(in_folder("local"));

	(void)state;
	FAILS(ERR_NOT_FOUND, "local", call("status", json_pack("{s:s}", "folder", here)));
	assert_int_equal(
		in_box("git init -q -b main local && echo a > local/a", NULL, 0), 0);
	FAILS(ERR_UNABLE, "not a git repository",
		call("status", json_pack("{s:s}", "folder", folder)));
	FAILS(ERR_UNABLE, "not a git repository",
		call("push", json_pack("{s:s}", "folder", folder)));
	/* Before the first commit. */
	OK(call("diff", json_pack("{s:s}", "folder", here)));
	assert_string_equal(said("diff"), "");
	assert_int_equal(in_box("cd local && git add a && echo b >> a", NULL, 0), 0);
	OK(call("diff", json_pack("{s:s}", "folder", here)));
	assert_non_null(strstr(said("diff"), "+b"));
	OK(call("commit",
		json_pack("{s:s, s:s, s:s, s:s}", "folder", here, "message", "one",
			"author_name", "Bob", "author_email", "bob@example.com")));
	assert_int_equal(exec_in(here, "[\"log\", \"--format=%an %ae %cn\"]"), 0);
	assert_string_equal(said("output"), "Bob bob@example.com Ann\n");
	FAILS(ERR_UNABLE, "nothing to commit",
		call("commit",
			json_pack("{s:s, s:s}", "folder", here, "message", "two")));
	FAILS(ERR_INPUT, "`message`",
		call("commit",
			json_pack("{s:s, s:s}", "folder", here, "message", " \n")));
	FAILS(ERR_INPUT, "author_name",
		call("commit", json_pack("{s:s, s:s, s:s}", "folder", here, "message",
				       "x", "author_name", "a <b>")));
	FAILS(ERR_INPUT, "author_name",
		call("commit", json_pack("{s:s, s:s, s:s}", "folder", here, "message",
				       "x", "author_name", "a\nb")));
	FAILS(ERR_UNABLE, "origin", call("push", json_pack("{s:s}", "folder", here)));
	FAILS(ERR_UNABLE, "origin",
		call("create-pr", json_pack("{s:s, s:s}", "folder", here, "title", "x")));
	free(here);
}

static void test_checkout(void **state)
{
	char *here = mem_strdup(in_folder("co"));

	(void)state;
	assert_int_equal(
		in_box("git init -q -b main co && cd co && git -c user.name=a -c "
		       "user.email=b commit -q --allow-empty -m x && "
		       "git branch other && echo > file",
			NULL, 0),
		0);
	OK(call("checkout", json_pack("{s:s, s:s}", "folder", here, "branch", "other")));
	char *branch = NULL;
	assert_int_equal(exec_in(here, "[\"branch\", \"--show-current\"]"), 0);
	assert_string_equal(said("output"), "other\n");
	free(branch);
	FAILS(ERR_UNABLE, "nowhere",
		call("checkout",
			json_pack("{s:s, s:s}", "folder", here, "branch", "nowhere")));
	FAILS(ERR_UNABLE, "file",
		call("checkout",
			json_pack("{s:s, s:s}", "folder", here, "branch", "file")));
	FAILS(ERR_INPUT, "`branch`",
		call("checkout",
			json_pack("{s:s, s:s}", "folder", here, "branch", "--orphan")));
	FAILS(ERR_INPUT, "`branch`",
		call("checkout", json_pack("{s:s}", "folder", here)));
	assert_int_equal(exec_in(here, "[\"checkout\", \"--detach\"]"), 0);
	FAILS(ERR_INPUT, "detached", call("push", json_pack("{s:s}", "folder", here)));
	free(here);
}

static void test_exec(void **state)
{
	(void)state;
	assert_int_equal(
		exec_in(folder, "[\"rev-parse\", \"--is-inside-work-tree\"]"), 128);
	assert_non_null(strstr(said("output"), "not a git repository"));
	assert_int_equal(exec_in(folder, "[\"version\"]"), 0);
	assert_true(str_starts(said("output"), "git version"));
	assert_int_equal(exec_in(folder, "[\"no-such-command\"]"), 1);
	/* The box's variables and name are there; nobody is asked anything. */
	assert_int_equal(
		exec_in(folder, "[\"-c\", \"alias.e=!echo $FROM_THE_BOX\", \"e\"]"), 0);
	assert_string_equal(said("output"), "yes\n");
	assert_int_equal(exec_in(folder, "[\"config\", \"user.email\"]"), 0);
	assert_string_equal(said("output"), "ann@example.com\n");
	FAILS(ERR_INPUT, "`args`", call("exec", json_object()));
	FAILS(ERR_INPUT, "`args`", call("exec", json_pack("{s:[]}", "args")));
	FAILS(ERR_INPUT, "`args`", call("exec", json_pack("{s:[i]}", "args", 1)));
	FAILS(ERR_INPUT, "`args`", call("exec", json_pack("{s:s}", "args", "status")));
	FAILS(ERR_LIMIT, "git says",
		call("exec", json_pack("{s:s, s:[s,s,s]}", "folder", folder, "args", "-c",
				     "alias.e=!yes", "e")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_clone_commit_push, after),
		cmocka_unit_test_teardown(test_where_a_clone_goes, after),
		cmocka_unit_test_teardown(test_refused_clones, after),
		cmocka_unit_test_teardown(test_broken_forge, after),
		cmocka_unit_test_teardown(test_policy, after),
		cmocka_unit_test_teardown(test_another_process, after),
		cmocka_unit_test_teardown(test_many_clones, after),
		cmocka_unit_test_teardown(test_local_repository, after),
		cmocka_unit_test_teardown(test_checkout, after),
		cmocka_unit_test_teardown(test_exec, after),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
