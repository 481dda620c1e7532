/* SPDX-License-Identifier: MIT */
/* Tokens and money out of answers, whatever pieces they come in. */
#include "service/relay/meter.h"
#include "service/relay/price.h"
#include "service/relay/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char anthropic[] =
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":"
	"\"claude-opus-4-8\",\"usage\":{\"input_tokens\":100,\"cache_creation_input_"
	"tokens\":"
	"3000,\"cache_read_input_tokens\":500,\"output_tokens\":1}}}\n\n"
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n"
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n";
static const char anthropic_end[] =
	"event: message_delta\r\ndata: {\"type\":\"message_delta\",\"usage\":"
	"{\"output_tokens\":40}}\r\n\r\nevent: message_stop\ndata: "
	"{\"type\":\"message_stop\"}";
static const char openai[] =
	"data: {\"type\":\"response.output_item.done\"}\n\n"
	"data: "
	"{\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-5.5\",\"usage\":"
	"{\"input_tokens\":1000,\"input_tokens_details\":{\"cached_tokens\":900},"
	"\"output_tokens\":5}}}\n\n";

static void play(struct relay_meter *meter, enum relay_provider_id provider, bool events,
	const char *text, size_t piece)
{
	relay_meter_init(meter, provider, events);
	for (size_t at = 0; at < strlen(text); at += piece)
		relay_meter_feed(meter, text + at,
			strlen(text) - at < piece ? strlen(text) - at : piece);
	relay_meter_end(meter, 4000);
}

static void events_of_both_providers(void **state)
{
	CLEANUP(strbuf) struct strbuf whole = STRBUF_INIT(10000);

	(void)state;
	strbuf_adds(&whole, anthropic);
	strbuf_adds(&whole, anthropic_end);
	for (size_t piece = 1; piece < 600; piece = piece * 2 + 1) {
		CLEANUP(relay_meter) struct relay_meter a = {0};
		play(&a, RELAY_ANTHROPIC, true, whole.data, piece);
		assert_string_equal(a.model, "claude-opus-4-8");
		assert_int_equal(a.usage.input_tokens, 100);
		assert_int_equal(a.usage.cache_write_tokens, 3000);
		assert_int_equal(a.usage.cached_tokens, 500);
		assert_int_equal(a.usage.output_tokens, 40);
		assert_int_equal(a.usage.estimated, 0);
		CLEANUP(relay_meter) struct relay_meter o = {0};
		play(&o, RELAY_OPENAI, true, openai, piece);
		assert_string_equal(o.model, "gpt-5.5");
		assert_int_equal(o.usage.input_tokens, 100);
		assert_int_equal(o.usage.cached_tokens, 900);
		assert_int_equal(o.usage.output_tokens, 5);
	}
}

static void documents_of_both_providers(void **state)
{
	CLEANUP(relay_meter) struct relay_meter a = {0};
	CLEANUP(relay_meter) struct relay_meter c = {0};

	(void)state;
	play(&a, RELAY_ANTHROPIC, false,
		"{\"type\":\"message\",\"model\":\"m\",\"usage\":{\"input_tokens\":7,"
		"\"output_tokens\":8}}",
		9);
	assert_int_equal(a.usage.input_tokens, 7);
	assert_int_equal(a.usage.output_tokens, 8);
	assert_int_equal(a.usage.estimated, 0);
	play(&c, RELAY_OPENAI, false,
		"{\"object\":\"chat.completion\",\"model\":\"m\",\"usage\":{\"prompt_"
		"tokens\":7,"
		"\"completion_tokens\":8}}",
		9);
	assert_int_equal(c.usage.input_tokens, 7);
	assert_int_equal(c.usage.output_tokens, 8);
}

static void what_was_not_told_is_estimated(void **state)
{
	CLEANUP(relay_meter) struct relay_meter cut = {0};
	CLEANUP(relay_meter) struct relay_meter silent = {0};
	CLEANUP(relay_meter) struct relay_meter lies = {0};

	(void)state;
	play(&cut, RELAY_ANTHROPIC, true, anthropic, 100);
	assert_int_equal(cut.usage.input_tokens, 100);
	assert_int_equal(cut.usage.output_tokens, 3); /* events */
	assert_int_equal(cut.usage.estimated, 1);
	play(&silent, RELAY_OPENAI, true, "data: {}\n\ndata: [DONE]\n\n", 100);
	assert_int_equal(silent.usage.input_tokens, 1001);
	assert_int_equal(silent.usage.estimated, 1);
	play(&lies, RELAY_ANTHROPIC, false,
		"{\"usage\":{\"input_tokens\":-7,\"output_tokens\":9223372036854775807}}",
		99);
	assert_int_equal(lies.usage.input_tokens, 0);
	assert_int_equal(lies.usage.output_tokens, 1000000000);
}

static void prices(void **state)
{
	static const struct relay_price given[] = {
		{"gpt-5", 100, 0, 0, 0}, {"house-model", 1, 2, 0, 0}};
	struct relay_prices table;
	struct relay_usage usage = {.input_tokens = 1960,
		.output_tokens = 185,
		.cached_tokens = 13500,
		.cache_write_tokens = 3000};
	bool unpriced;

	(void)state;
	relay_prices_init(&table, given, 2);
	/* The figure that Claude Code itself printed for this usage. */
	assert_int_equal(relay_cost(&table, "claude-opus-4-8", &usage, &unpriced), 39925);
	assert_false(unpriced);
	assert_true(relay_price_find(&table, "gpt-5.5")->input > 99);
	assert_true(relay_price_find(&table, "gpt-5-mini")->input < 1);
	assert_null(relay_price_find(&table, "unheard-of"));
	usage = (struct relay_usage){.output_tokens = 2};
	assert_int_equal(relay_cost(&table, "unheard-of", &usage, &unpriced), 150);
	assert_true(unpriced);
	usage = (struct relay_usage){.cached_tokens = 1};
	assert_int_equal(relay_cost(&table, "claude-opus-4-8", &usage, &unpriced), 1);
	relay_prices_release(&table);
}

static void the_top_level_of_a_request(void **state)
{
	struct relay_scan scan;
	static const char *const bad[] = {"", "[]", "{", "{\"a\"}", "{\"a\":}",
		"{\"a\":1", "{\"a\":[}", "{\"a\":\"x", "{a:1}", "nonsense"};
	static const char good[] = " {\"messages\":[{\"model\":\"no\",\"x\":\"}\\\"]\"}],"
				   " \"model\" : \"m-1\", "
				   "\"stream\":true,\"max_tokens\":77,\"n\":-1.5e3,\"o\":"
				   "{\"max_tokens\":1}} ";

	(void)state;
	assert_true(relay_scan(good, strlen(good), &scan));
	assert_string_equal(scan.model, "m-1");
	assert_int_equal(scan.max_tokens, 77);
	assert_true(relay_scan("{}", 2, &scan));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (relay_scan(bad[i], strlen(bad[i]), &scan))
			fail_msg("%s", bad[i]);
	}
	static const char twice[] =
		"{\"model\":\"a\",\"model\":\"b\",\"max_output_tokens\":5}";
	assert_true(relay_scan(twice, strlen(twice), &scan));
	assert_string_equal(scan.model, "b");
	assert_int_equal(scan.max_tokens, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_of_both_providers),
		cmocka_unit_test(documents_of_both_providers),
		cmocka_unit_test(what_was_not_told_is_estimated),
		cmocka_unit_test(prices),
		cmocka_unit_test(the_top_level_of_a_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
