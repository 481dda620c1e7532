/* SPDX-License-Identifier: MIT */
/*
 * The running service: everything opened in its order, workers, janitor, server; and all of
 * it closed again.
 */
#ifndef SERVICE_APP_APP_H
#define SERVICE_APP_APP_H

#include "service/config/config.h"

/* Runs until SIGTERM or SIGINT (a second one ends the process at once): no new work is
 * claimed, running steps are put back into the queue, agents' runs go on in their boxes.
 * `version` is shown by the API.  Main's thread; call it once. */
int app_run(const struct config *config, const char *version, struct err *err);

/* Opens only what doctor and tests need to look at: the engine. */
struct boxcore;
struct cancel;
int app_open_boxes(const struct config *config, const char *instance,
	struct boxcore **ret_core, struct cancel *cancel, struct err *err);

/* The folder for the database and mirrors, from the configuration or by who we are;
 * free(). */
char *app_state_dir(const struct config *config);

#endif
