/* SPDX-License-Identifier: MIT */
/* Names of boxes: those that people give, and the ids that we make.  Pure. */
#ifndef SERVICE_BOX_NAMES_H
#define SERVICE_BOX_NAMES_H

#include "boxcore/base/err.h"

#define BOX_ID_SIZE 64

/* "sweet-shark-26021": host name, SSH user and label of DNS at once. */
void name_make(char ret_id[BOX_ID_SIZE]);
/* [a-z0-9-]{1,63} and no word that stands in the place of a box in URLs; ERR_INPUT. */
int name_check(const char *name, struct err *err);

#endif
