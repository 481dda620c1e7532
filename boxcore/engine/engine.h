/* SPDX-License-Identifier: MIT */
/*
 * The Docker Engine API, one function a verb.
 *
 * An engine is an address.  The struct keeps a few idle HTTP clients, so any number of
 * threads may call verbs at once; each verb is one exchange (unless said) with a deadline
 *of its own from limits.h beside the caller's cancel, and an answer bounded by
 * LIMIT_ENGINE_ANSWER.  Only what exists in every API from 1.41 to 1.55 is sent or read;
 *the version spoken is the engine's own, at most 1.44.
 *
 * Names and ids are the caller's and go URL-encoded.  Verbs that find their work already
 * done succeed (start of a running container, removal of a missing one), so a caller that
 * lost an answer just calls again.  How a refusal becomes a kind of error:
 *
 *	400 input   401, 403 denied   404 not found   409 conflict   413 limit
 *	500 and above transient, but for causes that trying again cannot cure, which are
 *limit (too many layers, no address pool left, disk full)
 *
 * The engine's own sentence is part of the text and is never compared, except to tell
 *those few causes apart that come with no status of their own.
 */
#ifndef BOXCORE_ENGINE_ENGINE_H
#define BOXCORE_ENGINE_ENGINE_H

#include "boxcore/base/cancel.h"
#include "boxcore/base/err.h"
#include "boxcore/base/json.h"
#include "boxcore/net/http_client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

#define ENGINE_ID_SIZE 80 /* 64 hex digits, "sha256:" before an image's, and the NUL */
#define ENGINE_NAME_SIZE 128

/* url: "unix:///var/run/docker.sock", "tcp://host:2376"; NULL: $DOCKER_HOST, else the
 * usual socket.  tcp:// needs tls_dir (ca.pem, cert.pem, key.pem; NULL:
 * $DOCKER_CERT_PATH) unless it names loopback.  The version is negotiated; an engine that
 * does not answer is ERR_TRANSIENT and one that is too old ERR_CONFLICT, both with what
 * to do about it. */
int engine_open(struct engine **ret_engine, const char *url, const char *tls_dir,
	struct cancel *cancel, struct err *err);
void engine_close(struct engine *engine); /* no verb may be running */
DEFINE_CLEANUP(engine, struct engine *, engine_close(*value))

const char *engine_url(const struct engine *engine);
const char *engine_api(const struct engine *engine);              /* "1.41" */
bool engine_api_at_least(const struct engine *engine, int minor); /* 42: 1.42 or newer */
bool engine_is_local(const struct engine *engine); /* a unix socket: shares our host */

int engine_ping(struct engine *engine, struct cancel *cancel, struct err *err);

struct engine_info {
	char version[64]; /* "20.10.24" */
	char os[128];
	char architecture[32];
	char storage_driver[32];
	char backing_fs[32]; /* "extfs", "xfs", or empty */
	char data_root[256];
	char default_runtime[64];
	char cgroup_version[8]; /* "1" or "2" */
	int cpus;
	int64_t memory_bytes;
	int containers_running;
	bool live_restore;
	bool bridge_filters; /* bridge-nf-call-iptables is on: icc=false works */
};
int engine_info(struct engine *engine, struct engine_info *ret_info,
	struct cancel *cancel, struct err *err);

/* ---- containers
 * ------------------------------------------------------------------------ */

enum engine_state {
	ENGINE_CREATED,
	ENGINE_RUNNING,
	ENGINE_PAUSED, /* frozen by the engine: a commit, or one that was cut off */
	ENGINE_EXITED,
	ENGINE_OTHER, /* restarting, removing, dead */
};

struct engine_container {
	char id[ENGINE_ID_SIZE];
	char name[ENGINE_NAME_SIZE]; /* without the leading slash */
	char image[256];             /* as it was asked for at creation */
	char image_id[ENGINE_ID_SIZE];
	enum engine_state state;
	int64_t created_s;
	int exit_code;   /* while ENGINE_EXITED; -1: the engine told none */
	bool oom_killed; /* inspect only: some process of it was, not always the first */
	char ip[64];     /* inspect only: the first network's address, or empty */
	json_t *labels;  /* object, never NULL after success */
};
void engine_container_release(struct engine_container *container);
DEFINE_CLEANUP(engine_container, struct engine_container, engine_container_release(value))

/* `config` is the Engine's own body of the call.  A taken name is ERR_CONFLICT. */
int engine_container_create(struct engine *engine, const char *name, const json_t *config,
	char ret_id[ENGINE_ID_SIZE], struct cancel *cancel, struct err *err);
int engine_container_start(
	struct engine *engine, const char *id, struct cancel *cancel, struct err *err);
/* TERM, then KILL after grace_s; returns when the container has ended. */
int engine_container_stop(struct engine *engine, const char *id, int grace_s,
	struct cancel *cancel, struct err *err);
int engine_container_kill(struct engine *engine, const char *id, const char *signal,
	struct cancel *cancel, struct err *err); /* a container that has ended is fine */
/* Blocks until it is not running (or as long as the cancel allows). */
int engine_container_wait(struct engine *engine, const char *id, int *ret_exit_code,
	struct cancel *cancel, struct err *err);
int engine_container_unpause(struct engine *engine, const char *id, struct cancel *cancel,
	struct err *err); /* one that is not paused is fine */
int engine_container_inspect(struct engine *engine, const char *id,
	struct engine_container *ret_container, struct cancel *cancel, struct err *err);
/* Bytes of the files in the container's own layer; the engine walks it. */
int engine_container_size(struct engine *engine, const char *id, int64_t *ret_bytes,
	struct cancel *cancel, struct err *err);
/* By force, with its anonymous volumes; a missing one is fine. */
int engine_container_remove(
	struct engine *engine, const char *id, struct cancel *cancel, struct err *err);
/* All states, in one call; each label "key" or "key=value", NULL-ended. */
int engine_container_list(struct engine *engine, const char *const *labels,
	struct engine_container **ret_containers, size_t *ret_count,
	struct cancel *cancel, struct err *err);
void engine_containers_free(struct engine_container *containers, size_t count);

/* Both directions of the container's stdin, stdout and stderr, from now on.  The bytes
 * that come are the Engine's frames (8-byte head, "multiplexed stream") for a container
 * without a terminal. */
int engine_container_attach(struct engine *engine, const char *id,
	struct http_duplex **ret_duplex, struct cancel *cancel, struct err *err);

/* Unpacks an uncompressed tar archive at `path` in the container, which may be in any
 * state.  Never on a container whose files are not ours: the engine follows its links. */
int engine_archive_put(struct engine *engine, const char *id, const char *path,
	const void *tar, size_t len, struct cancel *cancel, struct err *err);
/* The path as a tar archive, at most max bytes (ERR_LIMIT). */
int engine_archive_get(struct engine *engine, const char *id, const char *path,
	struct strbuf *ret_tar, struct cancel *cancel, struct err *err);

/* Freezes the container meanwhile.  `config` is the whole Config of the new image (only
 * what stands in it is kept when the engine merges; see snapshot.c).  ERR_LIMIT when the
 * image has too many layers. */
int engine_container_commit(struct engine *engine, const char *id, const char *repo,
	const char *tag, const json_t *config, char ret_image[ENGINE_ID_SIZE],
	struct cancel *cancel, struct err *err);

/* ---- images
 * ---------------------------------------------------------------------------- */

struct engine_image {
	char id[ENGINE_ID_SIZE]; /* "sha256:..." */
	int64_t size_bytes;
	int layers;
	int64_t created_s;
	json_t *labels; /* object, never NULL after success */
	json_t *env;    /* array of "K=V", never NULL after success */
	json_t *tags;   /* array of its names, never NULL after success */
};
void engine_image_release(struct engine_image *image);
DEFINE_CLEANUP(engine_image, struct engine_image, engine_image_release(value))

int engine_image_inspect(struct engine *engine, const char *ref,
	struct engine_image *ret_image, struct cancel *cancel, struct err *err);
/* Removes the name, and the image with its last one; by id with all names.  Missing is
 * fine; one that a container uses is ERR_CONFLICT. */
int engine_image_remove(
	struct engine *engine, const char *ref, struct cancel *cancel, struct err *err);
/* Images without a name and without children that carry the label ("key=value"): what is left
 * of commits that were lost sight of.  Only those made before `before_s` (Unix seconds).
 * free() the array. */
int engine_image_list_unnamed(struct engine *engine, const char *label, int64_t before_s,
	char (**ret_ids)[ENGINE_ID_SIZE], size_t *ret_count, struct cancel *cancel,
	struct err *err);
/* The names that begin with `prefix` of images that carry the label; longer ones than
 * ENGINE_IMAGE_NAME_SIZE are left out.  free() the array. */
#define ENGINE_IMAGE_NAME_SIZE 256
int engine_image_list_named(struct engine *engine, const char *label, const char *prefix,
	char (**ret_names)[ENGINE_IMAGE_NAME_SIZE], size_t *ret_count,
	struct cancel *cancel, struct err *err);
int engine_image_tag(struct engine *engine, const char *ref, const char *repo,
	const char *tag, struct cancel *cancel, struct err *err);
/* "debian:12" or with a digest; told of progress now and then (may be NULL). */
typedef void (*engine_on_progress)(void *arg, const char *status);
int engine_image_pull(struct engine *engine, const char *ref,
	engine_on_progress on_progress, void *arg, struct cancel *cancel,
	struct err *err);
/* An image from a Dockerfile; told of each line of the build (may be NULL).  A build whose
 * caller hangs up ends.  ERR_INPUT with the last words of the build when a step of it
 * fails. */
struct engine_build {
	const char *const *tags; /* "repo:tag", NULL-ended; the names of the image */
	const void *context; /* an uncompressed tar archive with the file "Dockerfile" */
	size_t context_len;
	const char *const *args;   /* "K=V", NULL-ended: build arguments, no secrets */
	const char *const *labels; /* "K=V", NULL-ended */
};
int engine_image_build(struct engine *engine, const struct engine_build *build,
	engine_on_progress on_progress, void *arg, struct cancel *cancel,
	struct err *err);
/* An image of one layer from a tar archive read from `source`. */
int engine_image_import(struct engine *engine, const char *repo, const char *tag,
	http_source source, void *arg, char ret_image[ENGINE_ID_SIZE],
	struct cancel *cancel, struct err *err);

/* ---- volumes and networks
 * -------------------------------------------------------------- */

/* An existing volume of that name is fine. */
int engine_volume_create(struct engine *engine, const char *name, const json_t *labels,
	struct cancel *cancel, struct err *err);
int engine_volume_inspect(struct engine *engine, const char *name, struct cancel *cancel,
	struct err *err); /* ERR_NOT_FOUND */
/* Volumes that no container uses and that carry the label, made before `before_s`.  free() the
 * array. */
int engine_volume_list_unused(struct engine *engine, const char *label, int64_t before_s,
	char (**ret_names)[ENGINE_NAME_SIZE], size_t *ret_count, struct cancel *cancel,
	struct err *err);
int engine_volume_remove(struct engine *engine, const char *name, struct cancel *cancel,
	struct err *err); /* missing is fine; one in use is ERR_CONFLICT */

struct engine_network {
	char id[ENGINE_ID_SIZE];
	char driver[32];
	char subnet[64];  /* the first IPv4 one, "172.18.0.0/16" */
	char gateway[64]; /* "172.18.0.1" */
	bool icc;         /* boxes may talk to each other */
	bool ipv6;
};
/* ERR_CONFLICT when the name is taken, ERR_LIMIT when no address pool is left. */
int engine_network_create(struct engine *engine, const json_t *config,
	struct cancel *cancel, struct err *err);
int engine_network_inspect(struct engine *engine, const char *name,
	struct engine_network *ret_network, struct cancel *cancel, struct err *err);
int engine_network_remove(struct engine *engine, const char *name, struct cancel *cancel,
	struct err *err); /* missing is fine */

#endif
