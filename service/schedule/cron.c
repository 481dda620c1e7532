/* SPDX-License-Identifier: MIT */
/* Cron expressions: read, and walked from field to field without trying each minute. */
#include "service/schedule/cron.h"

#include "boxcore/base/str.h"

#include <stddef.h>
#include <string.h>

/* ---- reading --------------------------------------------------------------------------- */

struct field {
	const char *name;
	int min, max;
	const char *allowed;
	const char *const *words; /* of min, min + 1, ...; NULL: numbers only */
	int nwords;
};

static const char *const months[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL",
	"AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const weekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const struct field fields[FIELDS] = {
	{"minute", 0, 59, "0-59", NULL, 0},
	{"hour", 0, 23, "0-23", NULL, 0},
	{"day of month", 1, 31, "1-31", NULL, 0},
	{"month", 1, 12, "1-12 or JAN-DEC", months, 12},
	{"day of week", 0, 7, "0-7 or SUN-SAT", weekdays, 7},
};

/* A stretch of the text. */
struct span {
	const char *at;
	size_t len;
};

static int refuse(
	const struct field *field, struct span part, const char *why, struct err *err)
{
	int shown = part.len > 40 ? 40 : (int)part.len;

	return err_set(err, ERR_INPUT,
		"cron: %s '%.*s' %s; it holds *, numbers and ranges of %s, steps (/n) "
		"and "
		"lists with commas",
		field->name, shown, part.at, why, field->allowed);
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_word(struct span span, const char *word)
{
	if (span.len != strlen(word))
		return false;
	for (size_t i = 0; i < span.len; i++)
		if (upper(span.at[i]) != word[i])
			return false;
	return true;
}

/* -1 for what is neither a number of one or two digits nor a name. */
static int read_value(const struct field *field, struct span span)
{
	int value = 0;

	for (int i = 0; i < field->nwords; i++)
		if (is_word(span, field->words[i]))
			return field->min + i;
	if (span.len < 1 || span.len > 2)
		return -1;
	for (size_t i = 0; i < span.len; i++) {
		if (span.at[i] < '0' || span.at[i] > '9')
			return -1;
		value = value * 10 + (span.at[i] - '0');
	}
	return value;
}

/* Up to `stop`, which is passed over; the rest, when there is none. */
static struct span cut(struct span *rest, char stop)
{
	const char *at = memchr(rest->at, stop, rest->len);
	struct span head = {rest->at, at ? (size_t)(at - rest->at) : rest->len};
	size_t gone = head.len + (at ? 1 : 0);

	rest->at += gone;
	rest->len -= gone;
	return head;
}

static bool has(struct span span, char c)
{
	return memchr(span.at, c, span.len) != NULL;
}

/* `a`, `a-b` or `*`. */
static int read_range(const struct field *field, struct span part, struct span range,
	int *ret_from, int *ret_to, struct err *err)
{
	bool two = has(range, '-');
	struct span rest = range;
	int from, to;

	*ret_from = field->min;
	*ret_to = field->max;
	if (is_word(range, "*"))
		return 0;
	from = read_value(field, cut(&rest, '-'));
	to = two ? read_value(field, rest) : from;
	if (from < field->min || from > field->max || to < field->min || to > field->max)
		return refuse(field, part, "is out of range, or no number", err);
	if (from > to)
		return refuse(field, part, "runs backwards", err);
	*ret_from = from;
	*ret_to = to;
	return 0;
}

static int read_part(
	const struct field *field, struct span part, uint64_t *bits, struct err *err)
{
	bool stepped = has(part, '/');
	struct span step_text = part;
	struct span range = cut(&step_text, '/');
	int last = field->max == 7 ? 6 : field->max; /* Sunday has two numbers */
	int from, to, step = 1;

	if (read_range(field, part, range, &from, &to, err) < 0)
		return -1;
	if (stepped) {
		static const struct field steps = {.name = "step"};

		step = read_value(&steps, step_text);
		if (step < 1)
			return refuse(field, part, "has no step of 1 to 99", err);
		if (!has(range, '-') && from <= last)
			to = last; /* a/n: from there on */
	}
	for (int value = from; value <= to; value += step)
		*bits |= 1ULL << value;
	return 0;
}

static int read_field(const struct field *field, struct span text, uint64_t *ret_bits,
	bool *ret_any, struct err *err)
{
	struct span rest = text;
	bool more = true;

	*ret_bits = 0;
	*ret_any = text.at[0] == '*';
	while (more) {
		more = has(rest, ',');
		struct span part = cut(&rest, ',');
		if (part.len == 0)
			return refuse(field, text, "has an empty part", err);
		if (read_part(field, part, ret_bits, err) < 0)
			return -1;
	}
	return 0;
}

static const char *spelled_out(const char *text)
{
	static const struct {
		const char *word, *means;
	} words[] = {
		{"@hourly", "0 * * * *"},
		{"@daily", "0 0 * * *"},
		{"@midnight", "0 0 * * *"},
		{"@weekly", "0 0 * * 0"},
		{"@monthly", "0 0 1 * *"},
		{"@yearly", "0 0 1 1 *"},
		{"@annually", "0 0 1 1 *"},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(text, words[i].word))
			return words[i].means;
	return text;
}

static const char *skip_space(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* Splits at white space; more than five fields are told by the count. */
static int split(const char *text, struct span *parts)
{
	int count = 0;

	for (text = skip_space(text); *text; text = skip_space(text)) {
		size_t len = strcspn(text, " \t");

		if (count == FIELDS)
			return FIELDS + 1;
		parts[count++] = (struct span){text, len};
		text += len;
	}
	return count;
}

int cron_parse(struct cron *ret, const char *text, struct err *err)
{
	struct span parts[FIELDS];
	uint64_t bits[FIELDS];
	bool any[FIELDS];

	if (strlen(text) > CRON_TEXT_MAX)
		return err_set(
			err, ERR_INPUT, "cron: longer than %d bytes", CRON_TEXT_MAX);
	text = spelled_out(text);
	if (split(text, parts) != FIELDS)
		return err_set(err, ERR_INPUT,
			"cron: '%.60s' has not five fields: minute, hour, day of month, "
			"month, day of week (or @hourly, @daily, @weekly, @monthly, "
			"@yearly)",
			text);
	for (int i = 0; i < FIELDS; i++)
		if (read_field(&fields[i], parts[i], &bits[i], &any[i], err) < 0)
			return -1;
	*ret = (struct cron){.minutes = bits[MINUTE],
		.hours = (uint32_t)bits[HOUR],
		.days = (uint32_t)bits[DAY],
		.months = (uint32_t)bits[MONTH],
		.weekdays = (uint8_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f),
		.any_day = any[DAY],
		.any_weekday = any[WEEKDAY]};
	return 0;
}

/* ---- the calendar ---------------------------------------------------------------------- */

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1 January 1970; years count from March, so that the leap day ends one. */
static int64_t days_from_date(int year, int month, int day)
{
	int y = month > 2 ? year : year - 1;
	int m = month > 2 ? month - 3 : month + 9;
	int64_t era = y / 400;
	int64_t of_era = (int64_t)(y % 400) * 365 + y % 400 / 4 - y % 400 / 100 +
			 (153 * m + 2) / 5 + day - 1;

	return era * 146097 + of_era - 719468;
}

static struct cron_minute minute_from_unix(int64_t seconds)
{
	int64_t days = seconds / 86400;
	int in_day = (int)(seconds % 86400);
	int64_t since = days + 719468;
	int64_t era = since / 146097;
	int64_t doe = since % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int doy = (int)(doe - (365 * yoe + yoe / 4 - yoe / 100));
	int m = (5 * doy + 2) / 153;
	int month = m < 10 ? m + 3 : m - 9;

	return (struct cron_minute){
		.year = (int)(yoe + era * 400) + (month <= 2),
		.month = month,
		.day = doy - (153 * m + 2) / 5 + 1,
		.hour = in_day / 3600,
		.minute = in_day / 60 % 60,
	};
}

static int64_t minute_to_unix(const struct cron_minute *at)
{
	return days_from_date(at->year, at->month, at->day) * 86400 + at->hour * 3600 +
	       at->minute * 60;
}

/* ---- walking --------------------------------------------------------------------------- */

/* The first set bit at or after `from`; -1. */
static int next_bit(uint64_t bits, int from)
{
	uint64_t left = from > 63 ? 0 : bits >> from << from;

	return left ? __builtin_ctzll(left) : -1;
}

static bool day_fits(const struct cron *cron, const struct cron_minute *at)
{
	int weekday = (int)((days_from_date(at->year, at->month, at->day) + 4) % 7);
	bool day = cron->days >> at->day & 1;
	bool of_week = cron->weekdays >> weekday & 1;

	if (!cron->any_day && !cron->any_weekday)
		return day || of_week;
	return day && of_week;
}

static void start_of_month(struct cron_minute *at, int year, int month)
{
	*at = (struct cron_minute){.year = year, .month = month, .day = 1};
}

static void next_day(struct cron_minute *at)
{
	at->hour = at->minute = 0;
	if (++at->day <= days_in(at->year, at->month))
		return;
	at->day = 1;
	if (++at->month <= 12)
		return;
	at->month = 1;
	at->year++;
}

/* Within at's day. */
static bool next_in_day(const struct cron *cron, struct cron_minute *at)
{
	int hour = next_bit(cron->hours, at->hour);
	int minute = hour == at->hour ? next_bit(cron->minutes, at->minute) : -1;

	if (hour == at->hour && minute < 0)
		hour = next_bit(cron->hours, at->hour + 1);
	if (hour < 0)
		return false;
	at->minute = minute >= 0 ? minute : next_bit(cron->minutes, 0);
	at->hour = hour;
	return true;
}

bool cron_next_minute(const struct cron *cron, struct cron_minute *at, int until_year)
{
	while (at->year <= until_year) {
		int month = next_bit(cron->months, at->month);

		if (month < 0) {
			start_of_month(at, at->year + 1, 1);
			continue;
		}
		if (month != at->month)
			start_of_month(at, at->year, month);
		if (day_fits(cron, at) && next_in_day(cron, at))
			return true;
		next_day(at);
	}
	return false;
}

int64_t cron_next(const struct cron *cron, int64_t after_s)
{
	struct cron_minute at = minute_from_unix((after_s / 60 + 1) * 60);
	int year = at.year;

	/* 29 February may be eight years away: 2096 to 2104. */
	return cron_next_minute(cron, &at, year + 8) ? minute_to_unix(&at) : 0;
}
