/* SPDX-License-Identifier: MIT */
/* Models are written with their provider before them; programs want them without. */
#include "service/box/agent.h"

#include <string.h>

static const struct {
	const char *prefix, *provider;
} providers[] = {
	{"anthropic/", "anthropic"},
	{"openai/", "openai"},
};

/* A provider that is known and not relayed. */
static const char *const elsewhere[] = {
	"openrouter/", "vercel/", "opencode/", "cursor/", "google/"};

int agent_model(const char *harness, const char *model, const char **ret_model,
	const char **ret_provider, struct err *err)
{
	const struct harness *known = harness_find(harness);
	const char *speaks = known ? harness_provider(known) : "";

	*ret_provider = speaks;
	*ret_model = str_empty(model) ? NULL : model;
	if (str_eq(harness, "custom") || str_empty(model))
		return 0; /* a custom program is given what the box was given */
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
		if (str_starts(model, elsewhere[i]))
			return err_set(err, ERR_UNSUPPORTED,
				"the model %.100s is not to be had from this server: it "
				"relays anthropic/... and openai/...",
				model);
	for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
		if (!str_starts(model, providers[i].prefix))
			continue;
		*ret_model = model + strlen(providers[i].prefix);
		if (!str_empty(speaks) && !str_eq(speaks, providers[i].provider))
			return err_set(err, ERR_INPUT,
				"%s does not speak to the model %.100s; change the box's "
				"model or its agent",
				harness, model);
		*ret_provider = providers[i].provider;
		return 0;
	}
	if (str_empty(speaks) && known) /* OpenCode, by the model's name */
		*ret_provider = str_starts(model, "claude") ? "anthropic" : "openai";
	return 0;
}
