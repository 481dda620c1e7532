/* SPDX-License-Identifier: MIT */
/* Signals are waited for, not handled: no code of ours runs in a handler. */
#include "service/app/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

static void stop_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
}

int signals_block(struct err *err)
{
	sigset_t set;

	stop_signals(&set);
	int rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
	return rc ? err_errno(err, rc, "block signals") : 0;
}

int signals_wait(void)
{
	sigset_t set;
	int number = 0;

	stop_signals(&set);
	while (sigwait(&set, &number) == EINTR)
		;
	pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* the second one kills */
	return number;
}
