/* SPDX-License-Identifier: MIT */
/*
 * The child process's side: what main() calls when argv[1] is REPO_WORKER_VERB, before it
 * starts anything else.
 *
 * Reads one request from descriptor 0, writes progress and one answer to descriptor 1,
 * returns the exit status.  Not for people.
 */
#ifndef SERVICE_REPO_WORKER_H
#define SERVICE_REPO_WORKER_H

#define REPO_WORKER_VERB "git-worker"

int repo_worker_main(int argc, char **argv);

#endif
