/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server and the store alone, without workers: what the intake's tests and bench
 * send to.
 *
 *	bench_intake_server <state folder>
 *
 * Prints "listening <port>" and serves until SIGTERM.  INTAKE_SECRET and INTAKE_SECRET_2
 * are the webhook secrets, INTAKE_KEY an API key; INTAKE_HEAD_MS, INTAKE_BODY_MS and
 * INTAKE_IDLE_MS shorten the deadlines; INTAKE_APP_ID and INTAKE_BOT_ID name the App.
 */
#include "boxcore/base/json.h"
#include "boxcore/base/log.h"
#include "boxcore/base/str.h"
#include "service/http/server.h"
#include "service/store/store.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static int64_t number(const char *name)
{
	const char *text = getenv(name);
	int64_t n = 0;

	return text && str_to_i64(text, 0, INT64_MAX, &n) ? n : 0;
}

static void set(struct secret *secret, const char *name)
{
	const char *text = getenv(name);

	if (text)
		secret_set(secret, text, strlen(text));
}

static void on_change(void *arg, const struct store_change *change)
{
	struct server *server = atomic_load((struct server * _Atomic *)arg);

	(void)change;
	if (server)
		server_wake(server);
}

static int serve(const char *folder, struct err *err)
{
	struct secret key = {0};
	struct http_app app = {
		.triggers = {.slug = "boxwright",
			.label = "boxwright",
			.listen = TRIGGER_REVIEWS,
			.app_id = number("INTAKE_APP_ID"),
			.bot_user_id = number("INTAKE_BOT_ID")},
		.version = "test",
	};
	struct server_options options = {.port = -1,
		.head_ms = number("INTAKE_HEAD_MS"),
		.body_ms = number("INTAKE_BODY_MS"),
		.idle_ms = number("INTAKE_IDLE_MS")};
	struct server *server = NULL;
	struct server *_Atomic heard = NULL;
	sigset_t signals;
	int rc, got;

	set(&app.hook_secrets[0], "INTAKE_SECRET");
	set(&app.hook_secrets[1], "INTAKE_SECRET_2");
	set(&key, "INTAKE_KEY");
	app.keys = &key;
	app.key_count = secret_is_set(&key) ? 1 : 0;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (store_open(&app.store, folder, err))
		return -1;
	store_on_change(app.store, on_change, &heard);
	rc = server_start(&server, &options, http_routes, &app, err);
	if (rc == 0) {
		atomic_store(&heard, server);
		printf("listening %d\n", server_port(server));
		fflush(stdout);
		sigwait(&signals, &got);
	}
	atomic_store(&heard, NULL);
	server_stop(server);
	store_close(app.store);
	for (size_t i = 0; i < SIGNATURE_SECRETS_MAX; i++)
		secret_release(&app.hook_secrets[i]);
	secret_release(&key);
	return rc;
}

int main(int argc, char **argv)
{
	struct err err = {0};

	log_open();
	signal(SIGPIPE, SIG_IGN);
	json_object_seed(0);
	if (argc != 2) {
		fprintf(stderr, "usage: %s <state folder>\n", argv[0]);
		return 2;
	}
	if (serve(argv[1], &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return 0;
}
