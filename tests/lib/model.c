/* SPDX-License-Identifier: MIT */
/* Starting and ending the scripted model. */
#include "tests/lib/model.h"

#include "boxcore/base/file.h"
#include "boxcore/base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct model {
	pid_t pid;
	int in;  /* closing it ends the process */
	int out; /* a line for each request; nobody has to read them */
	char script[64];
	char url[64];
};

static void spawn(struct model *model, const char *provider, const char *key)
{
	char *const argv[] = {mem_strdup("node"), mem_strdup("tests/model/main.mjs"),
		mem_strdup(provider), mem_strdup(key), model->script, NULL};
	posix_spawn_file_actions_t actions;
	int in[2];
	int out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	int rc = posix_spawnp(&model->pid, "node", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < 4; i++)
		free(argv[i]);
	close(in[0]);
	close(out[1]);
	model->in = in[1];
	model->out = out[0];
	if (rc != 0)
		fail_msg("node cannot be started: %s", strerror(rc));
}

static void read_url(struct model *model)
{
	char line[256];
	size_t n = 0;

	while (n + 1 < sizeof line && read(model->out, line + n, 1) == 1 &&
		line[n] != '\n')
		n++;
	line[n] = '\0';
	if (sscanf(line, "{\"url\":\"%63[^\"]\"}", model->url) != 1)
		fail_msg("the scripted model did not start: %s", line);
}

struct model *model_start(const char *provider, const char *key, const char *script)
{
	struct model *model = mem_zalloc(sizeof *model);
	struct err err = {0};

	snprintf(model->script, sizeof model->script, "/tmp/boxwright-model-XXXXXX");
	int fd = mkstemp(model->script);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, script, strlen(script), &err), 0);
	close(fd);
	spawn(model, provider, key);
	read_url(model);
	return model;
}

const char *model_url(const struct model *model)
{
	return model->url;
}

void model_stop(struct model *model)
{
	if (!model)
		return;
	close(model->in);
	close(model->out);
	waitpid(model->pid, NULL, 0);
	unlink(model->script);
	free(model);
}
