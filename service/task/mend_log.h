/* SPDX-License-Identifier: MIT */
/*
 * The part of a failed check's log that tells why it failed.  Pure but for the list of known
 * secrets; internal to service/task.
 */
#ifndef SERVICE_TASK_MEND_LOG_H
#define SERVICE_TASK_MEND_LOG_H

#include "boxcore/base/strbuf.h"

/* Appends at most `max` bytes of valid UTF-8 text.  Gone are terminal sequences, timestamps,
 * group markers, debug lines, progress that was overwritten, and known secrets; lines that
 * repeat stand once.  What does not fit is left out around the first failure: `##[error]` of
 * GitHub Actions and the first line before it that looks like one. */
void mend_log_clean(const char *log, size_t len, size_t max, struct strbuf *out);

#endif
