/* SPDX-License-Identifier: MIT */
/* SIGTERM and SIGINT as something that main can wait for. */
#ifndef SERVICE_APP_SIGNALS_H
#define SERVICE_APP_SIGNALS_H

#include "boxcore/base/err.h"

/* Before the first thread is started. */
int signals_block(struct err *err);
/* Waits for one of them and gives its number; further ones end the process at once. */
int signals_wait(void);

#endif
