/* SPDX-License-Identifier: MIT */
/* What codes of outcomes mean. */
#include "service/task/context.h"

#include "boxcore/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct outcome *of(const char *text)
{
	struct task_ctx ctx = {.outcome = (char *)(uintptr_t)text};

	return outcome_of(&ctx);
}

static void codes_have_states(void **state)
{
	(void)state;
	assert_int_equal(of("pull_request\nopened x")->state, STORE_TASK_DONE);
	assert_int_equal(of("no_change")->state, STORE_TASK_DONE);
	assert_int_equal(of("attempted\n")->state, STORE_TASK_DONE);
	assert_int_equal(of("cancelled\nby @mona")->state, STORE_TASK_CANCELLED);
	assert_int_equal(of("refused_verb\n")->state, STORE_TASK_REFUSED);
	assert_int_equal(of("refused_limit\n")->state, STORE_TASK_REFUSED);
	assert_int_equal(of("stopped_person\n")->state, STORE_TASK_FAILED);
	assert_int_equal(of("failed_time\n")->state, STORE_TASK_FAILED);
}

/* Nothing that is not written down counts as a success. */
static void unknown_codes_are_failures(void **state)
{
	(void)state;
	assert_int_equal(of("pull_requests\n")->state, STORE_TASK_FAILED);
	assert_int_equal(of("refused")->state, STORE_TASK_FAILED);
	assert_int_equal(of("")->state, STORE_TASK_FAILED);
	assert_string_equal(of(NULL)->heading, "This did not work.");
}

static void the_code_and_the_sentence(void **state)
{
	char text[] = "failed_checks\n1 of 2 checks failed\nand more";
	struct task_ctx ctx = {.outcome = text};
	CLEANUP(mem) char *code = outcome_code(&ctx);

	(void)state;
	assert_string_equal(code, "failed_checks");
	assert_string_equal(outcome_sentence(&ctx), "1 of 2 checks failed\nand more");
	assert_true(outcome_is(&ctx, "failed_checks"));
	assert_true(outcome_begins(&ctx, "failed_"));
	assert_false(outcome_is(&ctx, "failed"));
	ctx.outcome = NULL;
	assert_false(outcome_is(&ctx, "failed_checks"));
	assert_string_equal(outcome_sentence(&ctx), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_have_states),
		cmocka_unit_test(unknown_codes_are_failures),
		cmocka_unit_test(the_code_and_the_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
