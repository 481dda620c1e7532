/* SPDX-License-Identifier: MIT */
/*
 * What the measurements of a bench share: samples of two sides that take turns, so that a
 * busy machine slows both; their p50 and p99; one object a row for the table.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include "boxcore/base/clock.h"
#include "boxcore/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define BENCH_SIDES 4
#define BENCH_MAX 2000 /* samples of a side */

/* One thing done one way.  Returns the microseconds that count, -1 with err. */
typedef int64_t (*bench_once)(void *arg, struct err *err);

struct bench_side {
	const char *what;
	const char *name; /* of the row that compares side 0 with this one */
	double aim;       /* the most that ours may be of this one's; 0: no aim */
	bench_once once;
	void *arg;
	int64_t us[BENCH_MAX];
	int n;
};

/* Side 0 is ours.  The first round is a warm-up that does not count. */
struct bench {
	const char *subject; /* for progress */
	struct bench_side sides[BENCH_SIDES];
	int count;
	int rounds, batch; /* batch samples of a side in a row, then the next side's */
};

static inline int bench_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Nearest rank, in milliseconds. */
static inline double bench_at(const struct bench_side *side, int percent)
{
	int rank = (side->n * percent + 99) / 100;

	return side->n ? (double)side->us[rank > 0 ? rank - 1 : 0] / 1000.0 : 0;
}

static inline json_t *bench_figures(const struct bench_side *side)
{
	return json_pack("{s:s, s:s, s:f, s:f, s:i}", "what", side->what, "unit", "ms",
		"p50", bench_at(side, 50), "p99", bench_at(side, 99), "n", side->n);
}

static inline void bench_write(const struct bench *bench, FILE *out)
{
	const struct bench_side *ours = &bench->sides[0];

	for (int i = 1; i < bench->count; i++) {
		const struct bench_side *peer = &bench->sides[i];
		json_t *row = json_pack("{s:s, s:o, s:o, s:f}", "name", peer->name,
			"ours", bench_figures(ours), "peer", bench_figures(peer), "ratio",
			bench_at(ours, 50) / bench_at(peer, 50));
		if (peer->aim > 0)
			json_object_set_new(row, "aim_at_most", json_real(peer->aim));
		json_dumpf(row, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
		fputc('\n', out);
		json_decref(row);
	}
	fflush(out);
}

static inline int bench_turn(
	struct bench_side *side, int batch, bool counts, struct err *err)
{
	for (int i = 0; i < batch; i++) {
		int64_t us = side->once(side->arg, err);
		if (us < 0)
			return err_wrap(err, "%s", side->what);
		if (counts && side->n < BENCH_MAX)
			side->us[side->n++] = us;
	}
	return 0;
}

/* Measures and writes the rows; progress on stderr. */
static inline int bench_run(struct bench *bench, FILE *out, struct err *err)
{
	int64_t began = clock_mono_ms(), told = began;

	fprintf(stderr, "  %s\n", bench->subject);
	for (int round = 0; round <= bench->rounds; round++) {
		for (int side = 0; side < bench->count; side++) {
			/* Each goes first as often as the others. */
			int who = (side + round) % bench->count;
			if (bench_turn(&bench->sides[who], bench->batch, round > 0, err) <
				0)
				return -1;
		}
		if (clock_mono_ms() - told < 3000)
			continue;
		told = clock_mono_ms();
		fprintf(stderr, "      %d of %d\n", round, bench->rounds);
	}
	for (int i = 0; i < bench->count; i++)
		qsort(bench->sides[i].us, (size_t)bench->sides[i].n, sizeof(int64_t),
			bench_compare);
	for (int i = 0; i < bench->count; i++)
		fprintf(stderr, "      %-44s p50 %9.2f ms  p99 %9.2f ms  n %d\n",
			bench->sides[i].what, bench_at(&bench->sides[i], 50),
			bench_at(&bench->sides[i], 99), bench->sides[i].n);
	fprintf(stderr, "      took %.1f s\n",
		(double)(clock_mono_ms() - began) / 1000.0);
	bench_write(bench, out);
	return 0;
}

#endif
