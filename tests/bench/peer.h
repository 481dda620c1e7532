/* SPDX-License-Identifier: MIT */
/*
 * The peers of the box bench: the docker program, and the Engine's own calls over its
 * socket, through the same HTTP client that boxcore uses.
 */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include "boxcore/base/cleanup.h"
#include "boxcore/base/clock.h"
#include "boxcore/base/json.h"
#include "boxcore/base/limits.h"
#include "boxcore/engine/engine-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PEER_CALL_MS 60000 /* of any one call of a peer */

/* Reads to the end, or to the deadline.  Returns when the first byte came; -1: none.  `said`
 * (256 bytes) gets the beginning. */
static inline int64_t peer_drain(int fd, int64_t began, char *said)
{
	char buf[4096];
	int64_t first = -1;

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int64_t left = PEER_CALL_MS - (clock_mono_us() - began) / 1000;
		if (left <= 0 || poll(&ready, 1, (int)left) <= 0)
			return first;
		ssize_t n = read(fd, buf, sizeof buf);
		if (n <= 0)
			return first;
		if (first < 0) {
			first = clock_mono_us();
			snprintf(said, 256, "%.*s", (int)n, buf);
		}
	}
}

/* Runs the docker program; microseconds to its end, or to its first byte on stdout.  Else its
 * stderr is read too: newer ones tell there that they have copied. */
static inline int64_t peer_docker(
	const char *const *argv, bool to_first_byte, struct err *err)
{
	posix_spawn_file_actions_t actions;
	char said[256] = "";
	int pipes[2], status = 0;
	pid_t pid = -1;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_set(err, ERR_INTERNAL, "pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(
		&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	int64_t began = clock_mono_us();
	int rc = posix_spawnp(
		&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	if (rc != 0) {
		close(pipes[0]);
		return err_set(err, ERR_NOT_FOUND, "%s: %s", argv[0], strerror(rc));
	}
	int64_t first = peer_drain(pipes[0], began, said);
	close(pipes[0]);
	if (clock_mono_us() - began >= PEER_CALL_MS * 1000LL)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	int64_t ended = clock_mono_us();
	if (status != 0 || (to_first_byte && first < 0))
		return err_set(err, ERR_INTERNAL, "%s %s ended with status %d: %s",
			argv[0], argv[1], status, said);
	return (to_first_byte ? first : ended) - began;
}

static inline int peer_call(struct engine *engine, const char *method, const char *text,
	const json_t *body, json_t **ret_json, struct err *err)
{
	CLEANUP(strbuf) struct strbuf path = ENGINE_PATH;
	struct engine_call call = {
		.method = method, .what = text, .path = &path, .body = body};

	strbuf_adds(&path, text);
	return engine_call(engine, &call, ret_json, NULL, NULL, err);
}

/* The Engine's three calls for a command: create, start (its output to the end), inspect. */
static inline int64_t peer_exec(
	struct engine *engine, const char *container, struct err *err)
{
	CLEANUP(json) json_t *made = NULL;
	CLEANUP(json) json_t *ended = NULL;
	CLEANUP(json)
	json_t *config = json_pack("{s:b, s:b, s:s, s:[s]}", "AttachStdout", 1,
		"AttachStderr", 1, "User", "1000", "Cmd", "true");
	CLEANUP(json) json_t *how = json_pack("{s:b, s:b}", "Detach", 0, "Tty", 0);
	char path[256];

	int64_t began = clock_mono_us();
	snprintf(path, sizeof path, "/containers/%s/exec", container);
	if (peer_call(engine, "POST", path, config, &made, err) < 0)
		return -1;
	const char *id = json_need_string(made, "Id", err);
	if (!id)
		return -1;
	snprintf(path, sizeof path, "/exec/%s/start", id);
	if (peer_call(engine, "POST", path, how, NULL, err) < 0)
		return -1;
	snprintf(path, sizeof path, "/exec/%s/json", id);
	if (peer_call(engine, "GET", path, NULL, &ended, err) < 0)
		return -1;
	if (json_or_int(ended, "ExitCode", -1) != 0)
		return err_set(
			err, ERR_INTERNAL, "the Engine's command did not end well");
	return clock_mono_us() - began;
}

#endif
