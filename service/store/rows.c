/* SPDX-License-Identifier: MIT */
/* Moving rows between statements and structures by tables of fields. */
#include "service/store/store-internal.h"

#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stddef.h>
#include <string.h>

#define WORD(name, word) word,
const char *const words_task_state[] = {STORE_TASK_STATES(WORD) NULL};
const char *const words_command_state[] = {STORE_COMMAND_STATES(WORD) NULL};
const char *const words_delivery_state[] = {STORE_DELIVERY_STATES(WORD) NULL};
const char *const words_step_state[] = {STORE_STEP_STATES(WORD) NULL};
const char *const words_effect_state[] = {STORE_EFFECT_STATES(WORD) NULL};
const char *const words_prepared_state[] = {STORE_PREPARED_STATES(WORD) NULL};

/* ROW names the structure that the lists are turned into fields of. */
#define FIELD(kind, name) {FIELD_##kind, offsetof(ROW, name), NULL},
#define STATE(words)                                                                     \
	{                                                                                \
		FIELD_STATE, offsetof(ROW, state), words                                 \
	}
#define TABLE(name, type)                                                                \
	const struct table name = {fields_##name, ARRAY_LEN(fields_##name), sizeof(type)}

#define ROW struct store_task_new
static const struct field fields_table_task_given[] = {TASK_GIVEN(FIELD)};
TABLE(table_task_given, ROW);
#undef ROW

#define ROW struct store_task
static const struct field fields_table_task_facts[] = {TASK_FACTS(FIELD)};
TABLE(table_task_facts, ROW);
static const struct field fields_table_task[] = {
	TASK_GIVEN(FIELD) TASK_FACTS(FIELD) TASK_MANAGED(FIELD) STATE(words_task_state)};
TABLE(table_task, ROW);
#undef ROW

#define ROW struct store_command_new
static const struct field fields_table_command_given[] = {COMMAND_GIVEN(FIELD)};
TABLE(table_command_given, ROW);
#undef ROW

#define ROW struct store_command
static const struct field fields_table_command[] = {
	COMMAND_GIVEN(FIELD) COMMAND_MANAGED(FIELD) STATE(words_command_state)};
TABLE(table_command, ROW);
#undef ROW

#define ROW struct store_conversation
static const struct field fields_table_conversation_facts[] = {CONVERSATION_FACTS(FIELD)};
TABLE(table_conversation_facts, ROW);
static const struct field fields_table_conversation[] = {
	CONVERSATION_FIXED(FIELD) CONVERSATION_FACTS(FIELD) CONVERSATION_MANAGED(FIELD)};
TABLE(table_conversation, ROW);
#undef ROW

#define ROW struct store_job
static const struct field fields_table_job[] = {JOB_COLUMNS(FIELD)};
TABLE(table_job, ROW);
#undef ROW

#define ROW struct store_repository
static const struct field fields_table_repository[] = {REPOSITORY_COLUMNS(FIELD)};
TABLE(table_repository, ROW);
#undef ROW

#define ROW struct store_delivery
static const struct field fields_table_delivery[] = {DELIVERY_COLUMNS(FIELD)
							     STATE(words_delivery_state),
	{FIELD_INT, offsetof(ROW, task_id), NULL}};
TABLE(table_delivery, ROW);
#undef ROW

#define ROW struct store_step
static const struct field fields_table_step[] = {
	STEP_COLUMNS(FIELD) STATE(words_step_state)};
TABLE(table_step, ROW);
#undef ROW

#define ROW struct store_event
static const struct field fields_table_event[] = {EVENT_COLUMNS(FIELD)};
TABLE(table_event, ROW);
#undef ROW

#define ROW struct store_effect
static const struct field fields_table_effect[] = {
	EFFECT_COLUMNS(FIELD) STATE(words_effect_state)};
TABLE(table_effect, ROW);
#undef ROW

#define ROW struct store_prepared
static const struct field fields_table_prepared[] = {
	PREPARED_COLUMNS(FIELD) STATE(words_prepared_state)};
TABLE(table_prepared, ROW);
#undef ROW

int words_find(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (str_eq(words[i], word))
			return i;
	return -1;
}

void row_bind(struct stmt *q, const struct table *table, const void *row)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		const char *at = (const char *)row + field->offset;

		switch (field->kind) {
		case FIELD_INT: stmt_int(q, *(const int64_t *)(const void *)at); break;
		case FIELD_BOOL: stmt_int(q, *(const bool *)at); break;
		case FIELD_REAL: stmt_real(q, *(const double *)(const void *)at); break;
		case FIELD_TEXT:
			stmt_text(q, *(const char *const *)(const void *)at);
			break;
		case FIELD_OPT:
			stmt_optional(q, *(const char *const *)(const void *)at);
			break;
		case FIELD_STATE:
			stmt_text(q, field->words[*(const unsigned *)(const void *)at]);
			break;
		}
	}
}

static int read_state(
	struct stmt *q, const struct field *field, char *at, struct err *err)
{
	CLEANUP(mem) char *word = stmt_get_text(q);
	int state = words_find(field->words, word);

	if (state < 0)
		return err_set(err, ERR_INTERNAL, "store: unknown state '%s'",
			word ? word : "(null)");
	memcpy(at, &state, sizeof state);
	return 0;
}

int row_read(struct stmt *q, const struct table *table, void *row, struct err *err)
{
	row_release(table, row);
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		char *at = (char *)row + field->offset;
		int64_t number;
		double real;
		char *text;

		switch (field->kind) {
		case FIELD_INT:
			number = stmt_get_int(q);
			memcpy(at, &number, sizeof number);
			break;
		case FIELD_BOOL: *(bool *)at = stmt_get_int(q) != 0; break;
		case FIELD_REAL:
			real = stmt_get_real(q);
			memcpy(at, &real, sizeof real);
			break;
		case FIELD_TEXT:
		case FIELD_OPT:
			text = stmt_get_text(q);
			memcpy(at, &text, sizeof text);
			break;
		case FIELD_STATE:
			if (read_state(q, field, at, err) < 0)
				return -1;
			break;
		}
	}
	return 0;
}

void row_release(const struct table *table, void *row)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];

		if (field->kind == FIELD_TEXT || field->kind == FIELD_OPT)
			free(*(char **)(void *)((char *)row + field->offset));
	}
	memset(row, 0, table->row_size);
}

void rows_release(const struct table *table, void *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		row_release(table, (char *)rows + i * table->row_size);
	free(rows);
}

size_t row_copy(const struct table *table, void *to, const void *from)
{
	size_t bytes = 0;

	memcpy(to, from, table->row_size);
	for (size_t i = 0; i < table->count; i++) {
		char **at = (char **)(void *)((char *)to + table->fields[i].offset);

		if (table->fields[i].kind != FIELD_TEXT &&
			table->fields[i].kind != FIELD_OPT)
			continue;
		*at = mem_strdup(*at);
		bytes += *at ? strlen(*at) : 0;
	}
	return bytes;
}

static size_t row_bytes(const struct table *table, const char *row)
{
	size_t bytes = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		const char *text;

		if (field->kind != FIELD_TEXT && field->kind != FIELD_OPT)
			continue;
		memcpy(&text, row + field->offset, sizeof text);
		bytes += text ? strlen(text) : 0;
	}
	return bytes;
}

int rows_read(struct stmt *q, const struct table *table, void **ret_rows,
	size_t *ret_count, struct err *err)
{
	return rows_read_page(q, table, SIZE_MAX, ret_rows, ret_count, err);
}

int rows_read_page(struct stmt *q, const struct table *table, size_t most,
	void **ret_rows, size_t *ret_count, struct err *err)
{
	char *rows = NULL;
	size_t count = 0, cap = 0, bytes = 0;
	int rc = 0;

	while (bytes < most && (rc = stmt_step(q, err)) > 0) {
		if (count == cap) {
			cap = cap ? cap * 2 : 16;
			rows = mem_grow(rows, cap, table->row_size);
		}
		char *row = rows + count++ * table->row_size;
		memset(row, 0, table->row_size);
		rc = row_read(q, table, row, err);
		if (rc < 0)
			break;
		if (most != SIZE_MAX)
			bytes += row_bytes(table, row);
	}
	if (rc < 0) {
		rows_release(table, rows, count);
		return -1;
	}
	*ret_rows = rows;
	*ret_count = count;
	return 0;
}

void text_clean(struct strbuf *ret, const char *text, size_t most, bool keep_control)
{
	size_t len = strnlen(text, most + 1);

	strbuf_init(ret, 3 * most); /* U+FFFD has 3 bytes */
	str_clean_utf8(
		ret, text, len > most ? str_utf8_cut(text, most) : len, keep_control);
	if (ret->len > most) {
		ret->len = str_utf8_cut(ret->data, most);
		ret->data[ret->len] = '\0';
	}
}

int page_limit(int limit, int usual)
{
	if (limit <= 0)
		return usual;
	return limit > STORE_PAGE_MAX ? STORE_PAGE_MAX : limit;
}

void store_set(char **field, const char *value)
{
	char *copy = mem_strdup(value); /* value may be the field itself */

	free(*field);
	*field = copy;
}

/* The exported names and releases of each kind of row. */

const char *store_task_state_name(enum store_task_state state)
{
	return words_task_state[state];
}

bool store_task_state_parse(const char *word, enum store_task_state *ret)
{
	int state = words_find(words_task_state, word);

	if (state >= 0)
		*ret = (enum store_task_state)state;
	return state >= 0;
}

bool store_task_state_ended(enum store_task_state state)
{
	return state != STORE_TASK_READY && state != STORE_TASK_RUNNING;
}

const char *store_delivery_state_name(enum store_delivery_state state)
{
	return words_delivery_state[state];
}

const char *store_step_state_name(enum store_step_state state)
{
	return words_step_state[state];
}

const char *store_effect_state_name(enum store_effect_state state)
{
	return words_effect_state[state];
}

RELEASE_ROW(task)
RELEASE_ROW(command)
RELEASE_ROW(conversation)
RELEASE_ROW(job)
RELEASE_ROW(repository)
RELEASE_ROW(effect)
RELEASE_ROW(prepared)
RELEASE_ROWS(tasks, task)
RELEASE_ROWS(conversations, conversation)
RELEASE_ROWS(jobs, job)
RELEASE_ROWS(repositories, repository)
RELEASE_ROWS(deliveries, delivery)
RELEASE_ROWS(steps, step)
RELEASE_ROWS(events, event)
RELEASE_ROWS(effects, effect)
RELEASE_ROWS(prepared_rows, prepared)

void store_delivery_release(struct store_delivery *delivery)
{
	free(delivery->body); /* no column of the list */
	row_release(&table_delivery, delivery);
}
