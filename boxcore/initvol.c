/* SPDX-License-Identifier: MIT */
/*
 * boxinit on the engine: a named volume that boxes mount read-only.
 *
 * It is filled through a helper container that is never started (so nothing of a stranger's
 * can stand in the archive's way), and compared byte for byte each time a core is opened, so
 * that a fill that was cut off is never used.  The helper's name is the lock between
 * processes: an engine gives a name once.
 */
#include "boxcore/boxcore-internal.h"

#include "boxcore/base/clock.h"
#include "boxcore/base/crypto.h"
#include "boxcore/base/limits.h"
#include "boxcore/base/mem.h"
#include "boxcore/base/str.h"

#include <stdio.h>
#include <string.h>

#define VOID_IMAGE "boxwright-void"
#define FILL_PATH "/fill"
#define HELPER_STALE_MS 15000 /* a fill takes a tenth of a second */
#define TAR_BLOCK 512
#define FORMER_S 86400 /* a volume younger than a day may be another version's at work */

/* ---- tar ------------------------------------------------------------------------------- */

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
	char type, link[100], magic[6], version[2], rest[247];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a tar header is one block");

void core_tar_file(struct strbuf *tar, const char *name, const void *data, size_t len)
{
	struct tar_header header = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
	unsigned char bytes[TAR_BLOCK];
	unsigned sum = 0;
	static const char zeros[3 * TAR_BLOCK];

	snprintf(header.name, sizeof header.name, "%s", name);
	snprintf(header.mode, sizeof header.mode, "%07o", 0555U);
	snprintf(header.uid, sizeof header.uid, "%07o", 0U);
	snprintf(header.gid, sizeof header.gid, "%07o", 0U);
	snprintf(header.size, sizeof header.size, "%011zo", len);
	snprintf(header.mtime, sizeof header.mtime, "%011o", 0U);
	memset(header.checksum, ' ', sizeof header.checksum);
	memcpy(bytes, &header, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		sum += bytes[i];
	snprintf(header.checksum, sizeof header.checksum, "%06o", sum);
	strbuf_add(tar, &header, sizeof header);
	strbuf_add(tar, data, len);
	strbuf_add(tar, zeros, (TAR_BLOCK - len % TAR_BLOCK) % TAR_BLOCK + 2 * TAR_BLOCK);
}

/* Is the archive's first file exactly this, and executable? */
static bool tar_holds(const struct strbuf *tar, const void *data, size_t len)
{
	size_t at = 0;

	while (tar->len - at >= TAR_BLOCK) {
		struct tar_header header;
		memcpy(&header, tar->data + at, sizeof header);
		header.uid[0] = '\0'; /* ends mode for strtoul */
		header.mtime[0] = '\0';
		size_t size = strtoul(header.size, NULL, 8);
		at += TAR_BLOCK;
		if (size > tar->len - at)
			return false;
		if (header.type == '0')
			return size == len && memcmp(tar->data + at, data, len) == 0 &&
			       (strtoul(header.mode, NULL, 8) & 0111) == 0111;
		at += (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK; /* an extension */
		if (at > tar->len)
			return false;
	}
	return false;
}

/* ---- the helper ------------------------------------------------------------------------ */

static ssize_t empty_tar(void *arg, void *buf, size_t size, struct err *err)
{
	size_t *left = arg;
	size_t n = *left < size ? *left : size;

	(void)err;
	memset(buf, 0, n); /* two blocks of zeros end an archive of nothing */
	*left -= n;
	return (ssize_t)n;
}

static int ensure_void_image(
	struct engine *engine, struct cancel *cancel, struct err *err)
{
	CLEANUP(engine_image) struct engine_image image = {0};
	char id[ENGINE_ID_SIZE];
	size_t left = 2L * TAR_BLOCK;
	struct err missing = {0};

	if (engine_image_inspect(engine, VOID_IMAGE, &image, cancel, &missing) == 0)
		return 0;
	if (missing.kind != ERR_NOT_FOUND) {
		*err = missing;
		return -1;
	}
	return engine_image_import(
		engine, VOID_IMAGE, "latest", empty_tar, &left, id, cancel, err);
}

static json_t *role_label(const char *role)
{
	json_t *labels = json_object();

	json_put(labels, "boxwright.role", json_str(role));
	return labels;
}

static json_t *helper_config(const char *volume)
{
	json_t *config = json_object(), *host = json_object(), *mounts = json_array();
	json_t *mount = json_object(), *cmd = json_array();

	json_put(mount, "Type", json_str("volume"));
	json_put(mount, "Source", json_str(volume));
	json_put(mount, "Target", json_str(FILL_PATH));
	json_array_append_new(mounts, mount);
	json_put(host, "Mounts", mounts);
	json_put(host, "NetworkMode", json_str("none"));
	json_array_append_new(cmd, json_str("/never-started"));
	json_put(config, "Image", json_str(VOID_IMAGE));
	json_put(config, "Cmd", cmd);
	json_put(config, "Labels", role_label("init-helper"));
	json_put(config, "HostConfig", host);
	return config;
}

/* One round of waiting for another process's helper to go; one that stays is a leftover. */
static int wait_for_other(struct engine *engine, const char *name,
	char seen[ENGINE_ID_SIZE], int64_t *since_ms, struct cancel *cancel,
	struct err *err)
{
	CLEANUP(engine_container) struct engine_container other = {0};
	struct err gone = {0};

	if (engine_container_inspect(engine, name, &other, cancel, &gone) < 0) {
		if (gone.kind == ERR_NOT_FOUND)
			return 0;
		*err = gone;
		return -1;
	}
	if (!str_eq(seen, other.id)) {
		str_copy(seen, ENGINE_ID_SIZE, other.id);
		*since_ms = clock_mono_ms();
	} else if (clock_mono_ms() - *since_ms > HELPER_STALE_MS) {
		return engine_container_remove(engine, other.id, cancel, err);
	}
	return cancel_sleep(cancel, 50, err);
}

static int make_helper(struct engine *engine, const char *name, const char *volume,
	char ret_id[ENGINE_ID_SIZE], struct cancel *cancel, struct err *err)
{
	CLEANUP(json) json_t *config = helper_config(volume);
	char seen[ENGINE_ID_SIZE] = "";
	int64_t since_ms = 0;

	for (;;) {
		struct err taken = {0};
		if (engine_container_create(
			    engine, name, config, ret_id, cancel, &taken) == 0)
			return 0;
		if (taken.kind != ERR_CONFLICT) {
			*err = taken;
			return -1;
		}
		if (wait_for_other(engine, name, seen, &since_ms, cancel, err) < 0)
			return -1;
	}
}

/* ---- the volume ------------------------------------------------------------------------ */

struct content {
	const char *volume;
	const void *bytes;
	size_t len;
};

/* 1: whole; 0: not; -1: cannot be told. */
static int is_filled(struct engine *engine, const char *helper,
	const struct content *want, struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf tar = STRBUF_INIT(LIMIT_BOXINIT);
	struct err missing = {0};

	if (engine_archive_get(
		    engine, helper, FILL_PATH "/boxinit", &tar, cancel, &missing) < 0) {
		if (missing.kind == ERR_NOT_FOUND || missing.kind == ERR_LIMIT)
			return 0;
		*err = missing;
		return -1;
	}
	return tar_holds(&tar, want->bytes, want->len);
}

static int fill(struct engine *engine, const char *helper, const struct content *want,
	struct cancel *cancel, struct err *err)
{
	CLEANUP(strbuf) struct strbuf tar = STRBUF_INIT(LIMIT_BOXINIT);

	int filled = is_filled(engine, helper, want, cancel, err);
	if (filled != 0)
		return filled < 0 ? -1 : 0;
	core_tar_file(&tar, "boxinit", want->bytes, want->len);
	if (strbuf_check(&tar, "boxinit", err) < 0 ||
		engine_archive_put(
			engine, helper, FILL_PATH, tar.data, tar.len, cancel, err) < 0)
		return -1;
	filled = is_filled(engine, helper, want, cancel, err);
	if (filled < 0)
		return -1;
	if (!filled)
		return err_set(err, ERR_INTERNAL,
			"the volume %s does not hold what was put into it", want->volume);
	return 0;
}

int initvol_fill(struct engine *engine, const char *volume, const void *bytes, size_t len,
	struct cancel *cancel, struct err *err)
{
	struct content want = {.volume = volume, .bytes = bytes, .len = len};
	char helper[80], id[ENGINE_ID_SIZE];
	CLEANUP(json) json_t *labels = role_label("init");
	struct err ignored = {0};

	snprintf(helper, sizeof helper, "%s-fill", volume);
	if (ensure_void_image(engine, cancel, err) < 0 ||
		engine_volume_create(engine, volume, labels, cancel, err) < 0 ||
		make_helper(engine, helper, volume, id, cancel, err) < 0)
		return -1;
	int rc = fill(engine, id, &want, cancel, err);
	/* Also after a cancel; one that stays all the same is removed by the next. */
	engine_container_remove(engine, id, NULL, &ignored);
	return rc;
}

/* The volumes of former versions, once no box is left that mounts them.  One that another
 * process of another version is about to use is made again by its next open or start. */
static void sweep_former(struct boxcore *core, struct cancel *cancel)
{
	char(*names)[ENGINE_NAME_SIZE] = NULL;
	size_t count = 0;
	struct err ignored = {0};

	if (engine_volume_list_unused(core->engine, "boxwright.role=init",
		    clock_wall_s() - FORMER_S, &names, &count, cancel, &ignored) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!str_eq(names[i], core->init_volume))
			engine_volume_remove(core->engine, names[i], cancel, &ignored);
	}
	free(names);
}

int initvol_ensure(struct boxcore *core, struct cancel *cancel, struct err *err)
{
	size_t len = 0;
	const void *blob = boxinit_blob(&len);
	char hex[SHA256_HEX_SIZE];

	crypto_sha256_hex(blob, len, hex);
	snprintf(
		core->init_volume, sizeof core->init_volume, "boxwright-init-%.16s", hex);
	if (initvol_fill(core->engine, core->init_volume, blob, len, cancel, err) < 0)
		return -1;
	sweep_former(core, cancel);
	return 0;
}
