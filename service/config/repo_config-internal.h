/* SPDX-License-Identifier: MIT */
/*
 * The keys of a repository's file as a table.  Only for the files of this folder.
 */
#ifndef SERVICE_CONFIG_REPO_CONFIG_INTERNAL_H
#define SERVICE_CONFIG_REPO_CONFIG_INTERNAL_H

#include "service/config/repo_config.h"
#include "service/config/settings.h"

/* What a file says, before the service's part is put in. */
struct repo_said {
#define PARAM(field, path, type, def, min, max, flags, sentence) config_type_##type field;
#include "service/config/repo_config.def"
#undef PARAM
};

enum repo_row {
#define PARAM(field, path, type, def, min, max, flags, sentence) ROW_##field,
#include "service/config/repo_config.def"
#undef PARAM
	REPO_ROWS,
};

extern const struct setting repo_rows[REPO_ROWS];

/* repo_config_allow.c */

/* What a verb needs when nobody says anything. */
const char *repo_config_least_role(
	enum repo_config_verb verb, const struct config *service);
/* Adds a bot that the service lets in; any other is passed over. */
void repo_config_let_bot(
	struct repo_config *rc, const struct config *service, const char *id);
/* The role that counts for a verb when a file says `said`: never below the service's. */
const char *repo_config_bounded(
	enum repo_config_verb verb, const char *said, const struct config *service);

#endif
