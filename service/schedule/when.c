/* SPDX-License-Identifier: MIT */
/* Words into cron's five fields, with what they leave open chosen by hash. */
#include "service/schedule/when.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/base/strbuf.h"

#include <stdio.h>
#include <string.h>

#define WORDS_MAX 16
#define WORD_SIZE 24
#define DAY_MINUTES 1440
#define NIGHT_HOURS 6 /* a day's work without a time of its own is done by night */

uint64_t when_hash(int64_t repo_id, const char *name)
{
	CLEANUP(mem) char *text = mem_printf("%lld/%s", (long long)repo_id, name);
	uint8_t digest[SHA256_SIZE];
	uint64_t hash = 0;

	crypto_sha256(text, strlen(text), digest);
	for (size_t i = 0; i < sizeof hash; i++)
		hash = hash << 8 | digest[i];
	return hash;
}

/* ---- words ----------------------------------------------------------------------------- */

struct words {
	char at[WORDS_MAX][WORD_SIZE];
	size_t count, next;
	uint64_t hash;
};

/* Lower case; commas are white space. */
static bool split(struct words *words, const char *text)
{
	while (*(text += strspn(text, " \t,"))) {
		size_t len = strcspn(text, " \t,");

		if (words->count == WORDS_MAX || len >= WORD_SIZE)
			return false;
		for (size_t i = 0; i < len; i++) {
			char c = text[i];
			words->at[words->count][i] =
				c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		}
		words->at[words->count++][len] = '\0';
		text += len;
	}
	return true;
}

static const char *peek(const struct words *words)
{
	return words->next < words->count ? words->at[words->next] : "";
}

static bool take(struct words *words, const char *word)
{
	if (!str_eq(peek(words), word))
		return false;
	words->next++;
	return true;
}

/* The next choice out of n; each call another part of the hash. */
static unsigned choose(struct words *words, unsigned n)
{
	unsigned chosen = (unsigned)(words->hash % n);

	words->hash /= n;
	return chosen;
}

static int refuse(const char *text, struct err *err)
{
	return err_set(err, ERR_INPUT,
		"'%.60s' says no time: write \"hourly\", \"every 2 hours\", \"daily\", "
		"\"daily around 6:00\", \"daily at 6:00\", \"weekdays around 7:00\", "
		"\"weekly on monday around 9:30\", \"monthly on 15\", or five fields of "
		"cron",
		text);
}

/* ---- parts of a sentence --------------------------------------------------------------- */

struct when {
	unsigned minute, hour;
	char minutes[16], hours[16], days[8], weekdays[24];
};

/* "6:00" */
static bool read_clock(const char *word, unsigned *ret_hour, unsigned *ret_minute)
{
	uint64_t hour, minute;
	const char *colon = strchr(word, ':');
	char digits[3] = "";

	if (!colon || colon == word || colon - word > 2 || strlen(colon + 1) != 2)
		return false;
	memcpy(digits, word, (size_t)(colon - word));
	if (!str_to_u64(digits, 0, 23, &hour) || !str_to_u64(colon + 1, 0, 59, &minute))
		return false;
	*ret_hour = (unsigned)hour;
	*ret_minute = (unsigned)minute;
	return true;
}

/* "at 6:00", "around 6:00", or nothing. */
static bool read_time(struct words *words, struct when *when)
{
	bool around = take(words, "around");
	unsigned at, room;

	if (!around && !take(words, "at")) {
		when->hour = choose(words, NIGHT_HOURS);
		when->minute = choose(words, 60);
		return true;
	}
	if (!read_clock(peek(words), &when->hour, &when->minute))
		return false;
	words->next++;
	if (!around)
		return true;
	at = when->hour * 60 + when->minute;
	room = DAY_MINUTES - at < 60 ? DAY_MINUTES - at : 60;
	at += choose(words, room);
	when->hour = at / 60;
	when->minute = at % 60;
	return true;
}

static int weekday_of(const char *word)
{
	static const char *const names[] = {"sunday", "monday", "tuesday", "wednesday",
		"thursday", "friday", "saturday"};
	size_t len = strlen(word);

	for (int i = 0; i < 7; i++)
		if (str_eq(word, names[i]) || (len == 3 && str_starts(names[i], word)))
			return i;
	return -1;
}

/* "on monday, thursday and sunday"; a day of the hash's without any. */
static bool read_weekdays(struct words *words, struct when *when)
{
	bool on = take(words, "on");
	unsigned days = 0;

	for (int day; (day = weekday_of(peek(words))) >= 0;) {
		days |= 1U << day;
		words->next++;
		take(words, "and");
	}
	if (!days && on)
		return false;
	if (!days)
		days = 1U << choose(words, 7);
	for (unsigned day = 0; day < 7; day++)
		if (days & 1U << day) {
			size_t len = strlen(when->weekdays);
			snprintf(when->weekdays + len, sizeof when->weekdays - len,
				"%s%u", len ? "," : "", day);
		}
	return true;
}

/* "on 15"; a day of the hash's without one. */
static bool read_day(struct words *words, struct when *when)
{
	uint64_t day;

	if (!take(words, "on")) {
		day = 1 + choose(words, 28);
	} else {
		take(words, "the");
		char *word = words->at[words->next];
		size_t len = strspn(peek(words), "0123456789");
		if (words->next == words->count || len > 2 ||
			(word[len] && !strchr("snrt", word[len])))
			return false;
		word[len] = '\0'; /* 15th */
		if (!str_to_u64(word, 1, 28, &day))
			return false;
		words->next++;
	}
	snprintf(when->days, sizeof when->days, "%u", (unsigned)day);
	return true;
}

/* "every 2 hours", "every 15 minutes": parts of a day or an hour that come out even. */
static bool read_every(struct words *words, struct when *when)
{
	uint64_t n = 1;
	bool number = str_to_u64(peek(words), 1, 59, &n);

	if (number)
		words->next++;
	if (take(words, "hours") || take(words, "hour")) {
		if (n > 12 || 24 % n)
			return false;
		snprintf(when->minutes, sizeof when->minutes, "%u", choose(words, 60));
		if (n == 1)
			snprintf(when->hours, sizeof when->hours, "*");
		else
			snprintf(when->hours, sizeof when->hours, "%u/%u",
				choose(words, (unsigned)n), (unsigned)n);
		return true;
	}
	if (!take(words, "minutes") || n < WHEN_DISTANCE_MIN || n > 30 || 60 % n)
		return false;
	snprintf(when->hours, sizeof when->hours, "*");
	snprintf(when->minutes, sizeof when->minutes, "%u/%u", choose(words, (unsigned)n),
		(unsigned)n);
	return true;
}

/* All of a sentence. */
static bool read_words(struct words *words, struct when *when)
{
	if (take(words, "every"))
		return read_every(words, when);
	if (take(words, "hourly")) {
		snprintf(when->minutes, sizeof when->minutes, "%u", choose(words, 60));
		snprintf(when->hours, sizeof when->hours, "*");
		return true;
	}
	if (take(words, "weekdays"))
		snprintf(when->weekdays, sizeof when->weekdays, "1-5");
	else if (take(words, "weekends"))
		snprintf(when->weekdays, sizeof when->weekdays, "0,6");
	else if (take(words, "weekly")) {
		if (!read_weekdays(words, when))
			return false;
	} else if (take(words, "monthly")) {
		if (!read_day(words, when))
			return false;
	} else if (!take(words, "daily"))
		return false;
	if (!read_time(words, when))
		return false;
	snprintf(when->minutes, sizeof when->minutes, "%u", when->minute);
	snprintf(when->hours, sizeof when->hours, "%u", when->hour);
	return true;
}

/* ---- cron ------------------------------------------------------------------------------ */

/* Slots of a day, also from its last to the next day's first. */
static int check_distance(const struct cron *cron, struct err *err)
{
	int first = -1, last = -DAY_MINUTES, least = DAY_MINUTES;

	for (int minute = 0; minute < DAY_MINUTES; minute++) {
		if (!(cron->hours >> (minute / 60) & 1) ||
			!(cron->minutes >> (minute % 60) & 1))
			continue;
		if (first < 0)
			first = minute;
		else if (minute - last < least)
			least = minute - last;
		last = minute;
	}
	if (first + DAY_MINUTES - last < least)
		least = first + DAY_MINUTES - last;
	if (least < WHEN_DISTANCE_MIN)
		return err_set(err, ERR_INPUT,
			"is due again after %d minutes; the least distance is %d", least,
			WHEN_DISTANCE_MIN);
	return 0;
}

/* The minute of "30 6 * * 1" chosen anew. */
static int scatter_minute(
	const char *text, uint64_t hash, char ret[CRON_TEXT_MAX + 1], struct err *err)
{
	size_t lead = strspn(text, " \t"), digits = strspn(text + lead, "0123456789");

	if (digits == 0 || !strchr(" \t", text[lead + digits]))
		return err_set(err, ERR_INPUT,
			"scatter chooses the minute: the first field of '%.60s' must be "
			"one number",
			text);
	snprintf(ret, CRON_TEXT_MAX + 1, "%u%s", (unsigned)(hash % 60),
		text + lead + digits);
	return 0;
}

static bool looks_like_cron(const char *text)
{
	text += strspn(text, " \t");
	return strchr("*@0123456789", *text) && *text;
}

static int from_cron(const char *text, bool scatter, uint64_t hash,
	char ret[CRON_TEXT_MAX + 1], struct err *err)
{
	if (scatter)
		return scatter_minute(text, hash, ret, err);
	if (!str_copy(ret, CRON_TEXT_MAX + 1, text))
		return err_set(
			err, ERR_INPUT, "cron: longer than %d bytes", CRON_TEXT_MAX);
	return 0;
}

static const char *or_any(const char *field)
{
	return *field ? field : "*";
}

static int from_words(
	const char *text, uint64_t hash, char ret[CRON_TEXT_MAX + 1], struct err *err)
{
	struct words words = {.hash = hash};
	struct when when = {0};

	if (!split(&words, text) || !read_words(&words, &when) ||
		words.next != words.count)
		return refuse(text, err);
	snprintf(ret, CRON_TEXT_MAX + 1, "%s %s %s * %s", when.minutes, when.hours,
		or_any(when.days), or_any(when.weekdays));
	return 0;
}

int when_parse(const char *text, bool scatter, uint64_t hash,
	char ret_text[CRON_TEXT_MAX + 1], struct cron *ret, struct err *err)
{
	struct cron cron;

	if (strlen(text) > CRON_TEXT_MAX)
		return err_set(err, ERR_INPUT, "longer than %d bytes", CRON_TEXT_MAX);
	if ((looks_like_cron(text) ? from_cron(text, scatter, hash, ret_text, err)
				   : from_words(text, hash, ret_text, err)) < 0 ||
		cron_parse(&cron, ret_text, err) < 0 || check_distance(&cron, err) < 0)
		return -1;
	if (ret)
		*ret = cron;
	return 0;
}
