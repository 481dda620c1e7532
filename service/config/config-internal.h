/* SPDX-License-Identifier: MIT */
/*
 * The service's settings as a table.  Only for the files of this folder and its tests.
 */
#ifndef SERVICE_CONFIG_CONFIG_INTERNAL_H
#define SERVICE_CONFIG_CONFIG_INTERNAL_H

#include "service/config/settings.h"

extern const struct setting config_settings[];
extern const size_t config_settings_count;

/* "BOXWRIGHT_GITHUB_API_URL" */
#define CONFIG_VARIABLE_SIZE 96
void config_variable(const struct setting *setting, char name[CONFIG_VARIABLE_SIZE]);

#endif
