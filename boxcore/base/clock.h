/* SPDX-License-Identifier: MIT */
/*
 * Time: one monotonic clock for waiting, one wall clock for people.
 *
 * Deadlines, leases held in memory and timeouts use clock_mono_ms() (CLOCK_BOOTTIME: goes
 * on over a suspend, never jumps).  What is stored, shown or sent uses clock_wall_s() /
 * clock_wall_ms().  Tests replace either with clock_set_source(); nothing else in the
 * program calls time(), gettimeofday() or clock_gettime().  Thread-safe.
 */
#ifndef BOXCORE_BASE_CLOCK_H
#define BOXCORE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_mono_ms(void); /* milliseconds since boot */
int64_t clock_mono_us(void); /* microseconds since boot: for measuring */
int64_t clock_wall_s(void);  /* Unix seconds */
int64_t clock_wall_ms(void); /* Unix milliseconds */

#define CLOCK_DAY_MS INT64_C(86400000)

/* "2026-11-22T20:35:01Z" into buf (at least CLOCK_ISO_SIZE bytes); returns buf. */
#define CLOCK_ISO_SIZE 32
char *clock_iso(int64_t wall_s, char *buf, size_t size);

/* Tests only, before threads start.  NULL brings the real clock back. */
typedef int64_t (*clock_source)(void);
void clock_set_source(clock_source mono_us, clock_source wall_ms);

#endif
