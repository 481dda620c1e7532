/* SPDX-License-Identifier: MIT */
/* The two clocks and their replacements for tests. */
#include "boxcore/base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic clock_source fake_mono_us;
static _Atomic clock_source fake_wall_ms;

static int64_t now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	clock_source source = atomic_load(&fake_mono_us);

	return source ? source() : now_us(CLOCK_BOOTTIME);
}

int64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t clock_wall_ms(void)
{
	clock_source source = atomic_load(&fake_wall_ms);

	return source ? source() : now_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_wall_s(void)
{
	return clock_wall_ms() / 1000;
}

char *clock_iso(int64_t wall_s, char *buf, size_t size)
{
	time_t t = (time_t)wall_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	if (strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0 && size > 0)
		buf[0] = '\0';
	return buf;
}

void clock_set_source(clock_source mono_us, clock_source wall_ms)
{
	atomic_store(&fake_mono_us, mono_us);
	atomic_store(&fake_wall_ms, wall_ms);
}
