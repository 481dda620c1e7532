/* SPDX-License-Identifier: MIT */
/*
 * Every maximum in one list, each with its reason.  Sizes are bytes, times milliseconds.
 *
 * A number that bounds input from outside stands here and nowhere else; an error that
 * reports one names the thing and the number.
 */
#ifndef BOXCORE_BASE_LIMITS_H
#define BOXCORE_BASE_LIMITS_H

#define LIMIT_KIB 1024UL
#define LIMIT_MIB (1024UL * 1024UL)

/* Deliveries */
#define LIMIT_DELIVERY_BODY (25 * LIMIT_MIB) /* GitHub's own cap on a payload */
#define LIMIT_DELIVERY_ID 64                 /* a GUID is 36 */
#define LIMIT_EVENT_NAME 64                  /* the longest of GitHub's is 40 */
#define LIMIT_HEAD_MS 10000                  /* GitHub gives up after 10 s */
#define LIMIT_BODY_MS 30000                  /* 25 MiB at 7 Mbit/s */

/* Our own API */
#define LIMIT_API_BODY (1 * LIMIT_MIB)  /* a JSON request */
#define LIMIT_API_HEAD (32 * LIMIT_KIB) /* request line and headers together */
#define LIMIT_PATH 4096                 /* PATH_MAX of Linux */

/* Text */
#define LIMIT_TEXT_CLEAN (64 * LIMIT_MIB) /* largest text that is made valid UTF-8 */
#define LIMIT_COMMENT 60000               /* GitHub refuses 65,536; a margin */
#define LIMIT_PROMPT (512 * LIMIT_KIB)    /* a rendered prompt */
#define LIMIT_TASK_TEXT                                                                  \
	(64 * LIMIT_KIB) /* what a person asked for: GitHub's comment size */
#define LIMIT_LOG_LINE (8 * LIMIT_KIB)
#define LIMIT_SECRET (16 * LIMIT_KIB)  /* a 4096-bit RSA key is 3.3 KiB */
#define LIMIT_CONFIG (256 * LIMIT_KIB) /* a YAML file */

/* Peers */
#define LIMIT_HTTP_HEAD (64 * LIMIT_KIB)     /* headers of an answer */
#define LIMIT_GITHUB_ANSWER (16 * LIMIT_MIB) /* a page of 100 large objects */
#define LIMIT_ENGINE_ANSWER (32 * LIMIT_MIB) /* a list of some thousand containers */
#define LIMIT_MODEL_REQUEST (64 * LIMIT_MIB) /* an agent's request with pictures */

/* The link to a box */
#define LIMIT_FRAME (64 * LIMIT_KIB)        /* payload of one frame */
#define LIMIT_STREAM_CREDIT (1 * LIMIT_MIB) /* bytes under way on one stream */
#define LIMIT_RUN_ARGS (1 * LIMIT_MIB)      /* argv and environment; Linux allows 2 MiB */
#define LIMIT_RUN_SPOOL (1024 * LIMIT_MIB)  /* output that nobody has taken yet */

/* Results of an agent */
#define LIMIT_AGENT_LINE (16 * LIMIT_MIB)   /* 1.2 MiB was seen */
#define LIMIT_RESULT_PACK (200 * LIMIT_MIB) /* objects that an agent's change brings */
#define LIMIT_RESULT_BLOB (50 * LIMIT_MIB)  /* GitHub warns above 50 and refuses 100 MB  \
					     */
#define LIMIT_RESULT_FILES 5000             /* changed files in one pull request */
#define LIMIT_RESULT_DEPTH 100              /* folders below each other */

#endif
