/* SPDX-License-Identifier: MIT */
/*
 * Images of boxes: there already, built by us, or pulled.
 *
 * A runtime's image is named after all that it is made from: its language, the very base image
 * and the Dockerfile.  So a new base gives a new image, and deploy/setup/images.sh, which
 * reckons alike, finds what the service has built and the other way round.
 */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"
#include "boxcore/runtime.h"

#include <stdio.h>
#include <string.h>

#define RECIPE_HEX 12

static const char *base_of(const struct image_want *want)
{
	return want->base ? want->base : RUNTIME_BASE;
}

static int check_ref(const char *ref, struct err *err)
{
	size_t len = ref ? strlen(ref) : 0;

	/* The Engine knows what a name is; this keeps control characters out of messages. */
	if (len == 0 || len >= IMAGE_REF_SIZE)
		return err_set(err, ERR_INPUT, "an image's name has 1 to %d bytes",
			IMAGE_REF_SIZE - 1);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)ref[i] <= ' ' || (unsigned char)ref[i] >= 0x7f)
			return err_set(err, ERR_INPUT,
				"an image's name holds a character that is not allowed");
	}
	return 0;
}

/* ---- names ----------------------------------------------------------------------------- */

static void recipe_of(const struct runtime *runtime, const char *base_id,
	char ret_recipe[SHA256_HEX_SIZE])
{
	CLEANUP(strbuf) struct strbuf text = STRBUF_INIT(LIMIT_CONFIG);
	size_t len = 0;
	const char *dockerfile = runtime_dockerfile(&len);

	strbuf_addf(&text, "%s\n%s\n", runtime->name, base_id);
	strbuf_add(&text, dockerfile, len);
	crypto_sha256_hex(strbuf_str(&text), text.len, ret_recipe);
	ret_recipe[RECIPE_HEX] = '\0';
}

/* What the want comes down to.  `missing` when it is not there. */
struct found {
	char ref[IMAGE_REF_SIZE];
	char base_id[ENGINE_ID_SIZE]; /* of a runtime with an image of its own */
	bool missing;
	bool base_missing; /* then ref is not known yet */
};

static int look_for(struct boxcore *core, const char *ref, char id[ENGINE_ID_SIZE],
	bool *ret_missing, struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_image) struct engine_image image = {0};
	struct err why = {0};

	if (engine_image_inspect(core->engine, ref, &image, cancel, &why) == 0) {
		str_copy(id, ENGINE_ID_SIZE, image.id);
		*ret_missing = false;
		return 0;
	}
	*ret_missing = true;
	if (why.kind == ERR_NOT_FOUND)
		return 0;
	*err = why;
	return -1;
}

static int find(struct boxcore *core, const struct image_want *want, struct found *found,
	struct cancel *cancel, struct err *err)
{
	const struct runtime *runtime = want->runtime;
	const char *first = runtime ? base_of(want) : want->image;
	char recipe[SHA256_HEX_SIZE], id[ENGINE_ID_SIZE];

	*found = (struct found){0};
	if (check_ref(first, err) < 0 ||
		look_for(core, first, found->base_id, &found->missing, cancel, err) < 0)
		return -1;
	str_copy(found->ref, sizeof found->ref, first);
	if (!runtime || !runtime->own_image)
		return 0;
	found->base_missing = found->missing;
	if (found->base_missing)
		return 0;
	recipe_of(runtime, found->base_id, recipe);
	snprintf(found->ref, sizeof found->ref, "boxwright/%s:%s", runtime->name, recipe);
	return look_for(core, found->ref, id, &found->missing, cancel, err);
}

int image_exists(struct boxcore *core, const struct image_want *want, bool *ret_exists,
	struct cancel *cancel, struct err *err)
{
	struct found found;

	if (find(core, want, &found, cancel, err) < 0)
		return -1;
	*ret_exists = !found.missing;
	return 0;
}

/* ---- making ---------------------------------------------------------------------------- */

static int build(struct boxcore *core, const struct image_want *want,
	const struct found *found, image_on_progress on_progress, void *arg,
	struct cancel *cancel, struct err *err)
{
	const struct runtime *runtime = want->runtime;
	CLEANUP(strbuf) struct strbuf context = STRBUF_INIT(LIMIT_CONFIG);
	CLEANUP(mem) char *latest = mem_printf("boxwright/%s:latest", runtime->name);
	CLEANUP(mem) char *from = mem_printf("FROM=%s", found->base_id);
	CLEANUP(mem) char *language = mem_printf("RUNTIME=%s", runtime->name);
	CLEANUP(mem) char *label = mem_printf("boxwright.image=%s", runtime->name);
	/* The short name is for the usual base alone. */
	const char *tags[] = {
		found->ref, str_eq(base_of(want), RUNTIME_BASE) ? latest : NULL, NULL};
	const char *args[] = {from, language, NULL};
	const char *labels[] = {label, NULL};
	size_t len = 0;
	const char *dockerfile = runtime_dockerfile(&len);

	core_tar_file(&context, "Dockerfile", dockerfile, len);
	struct engine_build spec = {.tags = tags,
		.context = strbuf_str(&context),
		.context_len = context.len,
		.args = args,
		.labels = labels};
	return engine_image_build(core->engine, &spec, on_progress, arg, cancel, err);
}

static int pull(struct boxcore *core, const struct image_want *want, const char *ref,
	image_on_progress on_progress, void *arg, struct cancel *cancel, struct err *err)
{
	if (want->runtime && str_eq(ref, RUNTIME_BASE))
		return err_set(err, ERR_NOT_FOUND,
			"the image %s is not on the engine: make it with "
			"deploy/setup/images.sh agents",
			ref);
	if (!want->pull)
		return err_set(err, ERR_NOT_FOUND,
			"the image %s is not on the engine and may not be pulled", ref);
	return engine_image_pull(core->engine, ref, on_progress, arg, cancel, err);
}

/* Within the image's gate, so what another caller has made meanwhile is found. */
static int ensure_gated(struct boxcore *core, const struct image_want *want,
	struct found *found, image_on_progress on_progress, void *arg,
	struct cancel *cancel, struct err *err)
{
	if (find(core, want, found, cancel, err) < 0)
		return -1;
	if (found->base_missing) {
		if (pull(core, want, base_of(want), on_progress, arg, cancel, err) < 0 ||
			find(core, want, found, cancel, err) < 0)
			return -1;
		if (found->base_missing)
			return err_set(err, ERR_NOT_FOUND,
				"the image %s was pulled and is gone again",
				base_of(want));
	}
	if (!found->missing)
		return 0;
	if (want->runtime && want->runtime->own_image)
		return build(core, want, found, on_progress, arg, cancel, err);
	return pull(core, want, found->ref, on_progress, arg, cancel, err);
}

int image_ensure(struct boxcore *core, const struct image_want *want,
	char ret_image[IMAGE_REF_SIZE], image_on_progress on_progress, void *arg,
	struct cancel *cancel, struct err *err)
{
	struct found found;
	char gate[64], digest[SHA256_HEX_SIZE];

	if (find(core, want, &found, cancel, err) < 0)
		return -1;
	if (found.missing) {
		/* No box has a name with a colon. */
		const char *name = want->runtime ? want->runtime->name : want->image;
		crypto_sha256_hex(name, strlen(name), digest);
		snprintf(gate, sizeof gate, "image:%.40s", digest);
		if (core_gate_enter(core, gate, cancel, err) < 0)
			return -1;
		int rc = ensure_gated(core, want, &found, on_progress, arg, cancel, err);
		core_gate_leave(core, gate);
		if (rc < 0)
			return -1;
	}
	str_copy(ret_image, IMAGE_REF_SIZE, found.ref);
	return 0;
}
