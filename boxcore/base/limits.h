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
#define LIMIT_EVENT_WORD (1 * LIMIT_KIB)     /* a login, branch or URL of an event */
#define LIMIT_EVENT_TITLE (1 * LIMIT_KIB)    /* GitHub's 256 characters */
#define LIMIT_EVENT_HUNK (4 * LIMIT_KIB) /* the end of a diff that a comment is about */
#define LIMIT_HEAD_MS 10000              /* GitHub gives up after 10 s */
#define LIMIT_BODY_MS 30000              /* 25 MiB at 7 Mbit/s */

/* Our own API */
#define LIMIT_API_BODY (1 * LIMIT_MIB)  /* a JSON request */
#define LIMIT_API_HEAD (32 * LIMIT_KIB) /* request line and headers together */
#define LIMIT_HTTP_IDLE_MS 75000        /* clients keep connections for a minute */
#define LIMIT_HTTP_REPLY_MS 60000       /* 1 MiB at 140 kbit/s */
#define LIMIT_HTTP_STREAM_MS 900000     /* an event stream; clients resume it */
#define LIMIT_HTTP_PING_MS 10000        /* silence in one, so that dead peers are found */
#define LIMIT_HTTP_STREAM_ROOM                                                           \
	(256 * LIMIT_KIB)                   /* output that a slow client lags behind */
#define LIMIT_HTTP_ANSWER (64 * LIMIT_MIB)  /* a page of events of LIMIT_TASK_EVENT */
#define LIMIT_HTTP_INLINE (128 * LIMIT_KIB) /* larger bodies go to a handler thread */
#define LIMIT_HTTP_PORT 7331                /* the service's own, by default */
#define LIMIT_EXEC_OUTPUT (16 * LIMIT_MIB)  /* a command's, in one JSON answer */
#define LIMIT_HTTP_STREAMS 1000             /* open at once: 22 KB each */
#define LIMIT_HTTP_CONNECTIONS 2000         /* 500 slow ones must not shut others out */
#define LIMIT_HTTP_PER_ADDRESS 1000         /* a proxy is one address */
#define LIMIT_HTTP_HANDLERS 64              /* blocking requests at once */
#define LIMIT_HTTP_WAITING 256              /* blocking requests in the queue */
#define LIMIT_HTTP_LONG 1024 /* commands, streams, creations at once: a thread each */
#define LIMIT_HTTP_LONG_STACK (512 * LIMIT_KIB) /* of such a thread; 30 KiB are touched */
#define LIMIT_POOL_IDLE_MS 30000   /* a handler thread without work ends then */
#define LIMIT_HTTP_STALL_MS 600000 /* a stream's client that takes nothing is gone */
#define LIMIT_HTTP_QUIET_MS 60000  /* before a JSON answer keeps its client by spaces */
#define LIMIT_HTTP_TARGET (16 * LIMIT_KIB) /* a path of LIMIT_PATH, all escaped */
#define LIMIT_HTTP_BODY_STEP                                                             \
	(256 * LIMIT_KIB)                /* so much of a body starts its deadline anew */
#define LIMIT_UPLOAD (32768 * LIMIT_MIB) /* an upload: no box has a larger disk */
#define LIMIT_UPLOAD_FILES 1000          /* in one form */
#define LIMIT_UPLOAD_ROOM (512 * LIMIT_KIB) /* of it in memory */
#define LIMIT_DOWNLOAD_KEPT (1 * LIMIT_MIB) /* a file that is answered in one piece */
#define LIMIT_PART_HEAD (8 * LIMIT_KIB)     /* headers of a part of multipart/form-data */
#define LIMIT_PROMPT_FILES 10               /* of the contract */
#define LIMIT_PROMPT_FILE (10 * LIMIT_MIB)  /* of the contract */
#define LIMIT_PROMPT_BODY (136 * LIMIT_MIB) /* those files as base64, and the prompt */
#define LIMIT_SESSIONS 256 /* WebSockets open at once: two threads each */
#define LIMIT_SESSION_MESSAGE (1 * LIMIT_MIB) /* a message of a session's client */
#define LIMIT_SESSION_START_MS 30000          /* from the handshake to `start` */
#define LIMIT_SESSION_PING_MS 30000           /* silence before the peer is asked */
#define LIMIT_HTTP_BODIES (512 * LIMIT_MIB)   /* bodies in memory, of all requests */
#define LIMIT_HTTP_DRAIN (256 * LIMIT_KIB)    /* a refused body that is read to its end */
#define LIMIT_PATH 4096                       /* PATH_MAX of Linux */

/* Public URLs */
#define LIMIT_PREVIEW_CONNECTIONS 512  /* at once; a thread each */
#define LIMIT_PREVIEW_PER_BOX 128      /* of them into one box; browsers open six */
#define LIMIT_PREVIEW_WAKE_MS 30000    /* to wake a box and for its port to listen */
#define LIMIT_PREVIEW_ANSWER_MS 300000 /* for the box to begin its answer */
#define LIMIT_PREVIEW_STALL_MS 120000  /* a side that takes nothing is gone */

/* Text */
#define LIMIT_TEXT_CLEAN (64 * LIMIT_MIB) /* largest text that is made valid UTF-8 */
#define LIMIT_COMMENT 60000               /* GitHub refuses 65,536; a margin */
#define LIMIT_CHECK_TEXT 65000            /* of a check run's parts; GitHub's is 65,535 */
#define LIMIT_PROMPT (512 * LIMIT_KIB)    /* a rendered prompt */
#define LIMIT_TASK_ABOUT (16 * LIMIT_KIB) /* what a trigger was about, as JSON */
#define LIMIT_TASK_TEXT                                                                  \
	(64 * LIMIT_KIB) /* what a person asked for: GitHub's comment size */
#define LIMIT_LOG_LINE (8 * LIMIT_KIB)
#define LIMIT_SETUP_OUTPUT (8 * LIMIT_MIB) /* of one set-up command */
#define LIMIT_CHECK_OUTPUT (8 * LIMIT_KIB) /* kept of a check: its first and its last */
#define LIMIT_MEND_LOG (32 * LIMIT_KIB)    /* of failed checks in a prompt */
#define LIMIT_MEND_RAW (2 * LIMIT_MIB)     /* of one log that is looked at: its end */
#define LIMIT_MEND_CHECKS 8                /* failed checks whose log is fetched */
#define LIMIT_CHECKS_TEXT (20 * LIMIT_KIB) /* of failed ones in a pull request */
#define LIMIT_REVIEW_DIFF (4 * LIMIT_MIB)  /* GitHub shows 20,000 lines, 1 MB */
#define LIMIT_GIT_TALK (64 * LIMIT_KIB)    /* what a git command says */
#define LIMIT_SECRET (16 * LIMIT_KIB)      /* a 4096-bit RSA key is 3.3 KiB */
#define LIMIT_CONFIG (256 * LIMIT_KIB)     /* a YAML file */
#define LIMIT_RULES_CACHED                                                               \
	64 /* texts of repositories' files that are remembered: 16 MiB */

/* The store */
#define LIMIT_STORE_READ_MS 2000 /* a reader that stays holds up the log */
#define LIMIT_STORE_QUEUE_BYTES (256 * LIMIT_MIB) /* deliveries that wait for the disk */
#define LIMIT_STORE_SETTING (16 * LIMIT_KIB)      /* a small fact by name */
#define LIMIT_STORE_TEXT (1 * LIMIT_MIB)          /* any other text of a row */
#define LIMIT_STORE_PAGE_BYTES (8 * LIMIT_MIB)    /* events that are read at once */
#define LIMIT_DELIVERY_URL 2048                   /* of a comment: a look-up's key */
#define LIMIT_TASK_EVENT (64 * LIMIT_KIB)         /* text of one event, cut */
#define LIMIT_TASK_EVENTS 100000                  /* a run that prints for ever */
#define LIMIT_BOX_LOG_ROWS 10000                  /* lines of a box's log that are kept */
#define LIMIT_BOX_RUN_ROWS 10000               /* settled runs of a box that are kept */
#define LIMIT_BOX_RUN_PROMPT (64 * LIMIT_KIB)  /* kept of a prompt or command line */
#define LIMIT_BOX_RUN_OUTPUT (512 * LIMIT_KIB) /* kept of an agent's answer */
#define LIMIT_BOX_SCHEDULES 100                /* of one box; each may fire a minute */
#define LIMIT_ACCOUNT_ENV 200                  /* variables that new boxes get */

/* Peers */
#define LIMIT_HTTP_HEAD (64 * LIMIT_KIB) /* headers of an answer */
#define LIMIT_HTTP_REFUSAL                                                               \
	(64 * LIMIT_KIB) /* text of an answer >= 400; the rest is cut */
#define LIMIT_GITHUB_ANSWER (16 * LIMIT_MIB) /* a page of 100 large objects */
#define LIMIT_STRANGER_REACTIONS 5           /* an hour to one person without a role */
#define LIMIT_STRANGERS_REACTIONS                                                        \
	60                         /* to all of them in a repository: GitHub gives 500 */
#define LIMIT_UNKNOWN_REACTIONS 20 /* to one person's words that are no verbs */
#define LIMIT_QUIET_PEOPLE 512     /* told apart at a time */
#define LIMIT_JOB_LOG_READ (256 * LIMIT_MIB) /* read of a CI job's log; its end is kept */
#define LIMIT_ENGINE_ANSWER (32 * LIMIT_MIB) /* a list of some thousand containers */
#define LIMIT_ENGINE_CALL_MS 30000           /* a verb that only looks or notes down */
#define LIMIT_ENGINE_WORK_MS 120000          /* start, remove, archive: a busy disk */
#define LIMIT_ENGINE_COMMIT_MS 1800000       /* 180 MB a second were measured */
#define LIMIT_ENGINE_SILENCE_MS 300000       /* of a pull: a layer is being unpacked */
#define LIMIT_ENGINE_BUILD_MS 1800000        /* a language over a slow mirror */
#define LIMIT_BOXINIT (16 * LIMIT_MIB) /* the program as an archive; 1 MiB with debug */
#define LIMIT_ENGINE_MESSAGE 300       /* of the engine's own words in an error */
#define LIMIT_MODEL_REQUEST (64 * LIMIT_MIB) /* an agent's request with pictures */

/* The model relay; a box is the client */
#define LIMIT_RELAY_HEAD (32 * LIMIT_KIB)    /* request line and headers */
#define LIMIT_RELAY_HEADERS 100              /* agents send about 30 */
#define LIMIT_RELAY_LEASE_CONNECTIONS 16     /* of one task; agents use one to five */
#define LIMIT_RELAY_MEMORY (512 * LIMIT_MIB) /* request bodies held at a time, by all */
#define LIMIT_RELAY_EVENT (8 * LIMIT_MIB)    /* an event that is read for its usage */
#define LIMIT_RELAY_ANSWER (256 * LIMIT_MIB) /* one answer of a model, with pictures */
#define LIMIT_RELAY_ERROR (64 * LIMIT_KIB)   /* of an error answer that is passed on */
#define LIMIT_RELAY_LEASE_MEMORY (128 * LIMIT_MIB) /* of one task: two of the largest */
#define LIMIT_RELAY_READ (64 * LIMIT_KIB)          /* taken from a box at a time */
#define LIMIT_RELAY_LINGER_MS 500                  /* for the box to read a refusal */
#define LIMIT_RELAY_HEAD_MS 10000                  /* first to last byte of a head */
#define LIMIT_RELAY_BODY_MS 120000                 /* a body of 64 MiB over a busy link */
#define LIMIT_RELAY_IDLE_MS 60000                  /* kept open between requests */

/* Git in a box */
#define LIMIT_GIT_RELAY_CONNECTIONS 8 /* of one command; git uses one or two */
#define LIMIT_GIT_RELAY_PORTS 16      /* commands with a token at a time, in one box */
#define LIMIT_GIT_SILENCE_MS 300000 /* GitHub counts the objects of a large repository */
#define LIMIT_GIT_MS 3600000        /* one command: a clone of 8 GB at 20 Mbit/s */
#define LIMIT_GIT_OUTPUT (16 * LIMIT_MIB)  /* of one command, in one JSON answer */
#define LIMIT_GIT_MESSAGE (64 * LIMIT_KIB) /* of a commit, as LIMIT_REPO_MESSAGE */
#define LIMIT_GIT_ARGS 1000                /* arguments of one git/exec */
#define LIMIT_GIT_NAME 256                 /* a person's name, address, or a branch */

/* The link to a box */
#define LIMIT_FRAME (64 * LIMIT_KIB)        /* payload of one frame */
#define LIMIT_STREAM_CREDIT (1 * LIMIT_MIB) /* bytes under way on one stream */
#define LIMIT_RUN_ARGS (1 * LIMIT_MIB)      /* argv and environment; Linux allows 2 MiB */
#define LIMIT_RUN_SPOOL (1024 * LIMIT_MIB)  /* output that nobody has taken yet */
#define LIMIT_LINK_STREAMS 512           /* open on one link; each may hold its credit */
#define LIMIT_LINK_QUEUE (8 * LIMIT_MIB) /* frames that a box does not take */
#define LIMIT_BOX_STARTS 6   /* containers that start at a time; more only wait */
#define LIMIT_BOX_RUNS 512   /* in one box at a time, with finished ones */
#define LIMIT_BOX_KEPT 256   /* finished kept runs that nobody has forgotten */
#define LIMIT_BOX_LISTENS 64 /* ports that a box offers to the host */
#define LIMIT_FILE_LIST (16 * LIMIT_MIB) /* a folder of some 100,000 entries */
#define LIMIT_FILE_READ (32 * LIMIT_MIB) /* in one JSON answer; a download has no limit */
#define LIMIT_FILE_WRITE                                                                 \
	(48 * LIMIT_MIB)                 /* in one JSON request; an upload has no limit */
#define LIMIT_FILE_BODY (72 * LIMIT_MIB) /* that request: base64 and some escapes */
#define LIMIT_LINK_REPLY (1 * LIMIT_MIB) /* a list of runs */

/* Boxes of the API */
#define LIMIT_BOX_MAKERS 16  /* containers made at once: the Engine gains no more */
#define LIMIT_BOX_KEEPERS 16 /* pauses, deletions and snapshots at once */
#define LIMIT_BOX_INITS 2000 /* init commands that run: one a box, 16 KB each */
#define LIMIT_BOX_CREW_WAITING 2000     /* requests of one kind that wait for a thread */
#define LIMIT_BOX_NAME 63               /* a label of DNS */
#define LIMIT_BOX_LABELS 5              /* of the contract */
#define LIMIT_BOX_LABEL 20              /* of the contract */
#define LIMIT_BOX_TTL_S 259200          /* of the contract: three days */
#define LIMIT_BOX_INIT (64 * LIMIT_KIB) /* an init command, of the contract */
#define LIMIT_BOX_WORD 256  /* a model, a git identity, the name of a snapshot */
#define LIMIT_BOX_SKILLS 50 /* skills of a box */
#define LIMIT_BOX_MCP 50    /* MCP servers of a box */
#define LIMIT_BOX_ARGS 64   /* words of a harness's or MCP server's command */
#define LIMIT_BOX_ENVS 200  /* variables of a box or account */
#define LIMIT_BOX_ENV (32 * LIMIT_KIB) /* one variable */
#define LIMIT_BOX_ENV_SUM                                                                \
	(256 * LIMIT_KIB)             /* all of a box; Linux allows 2 MiB with argv */
#define LIMIT_BOX_NETWORK 1000        /* entries in one list of a policy */
#define LIMIT_BOX_IDS 1000            /* in one request that deletes */
#define LIMIT_BOX_LOG (4 * LIMIT_KIB) /* one line of it */
#define LIMIT_BOX_KEYS 1000           /* API keys of an account */
#define LIMIT_BOX_CREATE_MS 20000     /* then the answer is `creating`; clients poll */

#define LIMIT_BOX_DRIVES 400 /* runs of a box at a time; LIMIT_BOX_RUNS holds them */
#define LIMIT_BOX_AFTER 64 /* threads for what follows runs: webhooks, ends of sessions */
#define LIMIT_BOX_AFTER_WAITING 1000
#define LIMIT_BOX_DETACHED 200         /* runs without a client: one thread each */
#define LIMIT_BOX_CODE (1 * LIMIT_MIB) /* of a `code` call */
#define LIMIT_BOX_TIMEOUT_MS 86400000  /* a day: of a `code` call, a schedule */
#define LIMIT_BOX_PROMPT_FILES 10      /* of the contract */
#define LIMIT_BOX_PROMPT_FILE (10 * LIMIT_MIB) /* of the contract */
#define LIMIT_BOX_AGENTS 16 /* in one box at a time: each has a port for its model */
#define LIMIT_BOX_STDERR_LINES 500 /* of an agent's, in the box's log */
#define LIMIT_AGENT_QUIET_MS                                                             \
	3600000                     /* an agent that says nothing: a long build is less */
#define LIMIT_AGENT_LINGER_MS 30000 /* from its last event to its end */
#define LIMIT_WEBHOOK_URL (2 * LIMIT_KIB)
#define LIMIT_WEBHOOK_HEADERS 32
#define LIMIT_WEBHOOK_HEADER (4 * LIMIT_KIB)  /* name and value */
#define LIMIT_WEBHOOK_ANSWER (64 * LIMIT_KIB) /* which nobody reads */
#define LIMIT_WEBHOOK_MS 30000                /* one delivery */
#define LIMIT_WEBHOOK_TRIES 8                 /* over an hour */
#define LIMIT_WEBHOOKS_AT_ONCE 16             /* one that hangs must not hold up all */
#define LIMIT_WEBHOOKS_OF_ONE 8               /* of them, of one account */

/* The gate of boxes with a network policy */
#define LIMIT_EGRESS_RULES 256       /* entries in one list of a policy */
#define LIMIT_EGRESS_NAME 253        /* a host's name, as DNS has it */
#define LIMIT_EGRESS_CONNECTIONS 256 /* of one box; half of LIMIT_LINK_STREAMS */
#define LIMIT_EGRESS_TOTAL 4096      /* of all boxes: 3 descriptors each */
#define LIMIT_EGRESS_HELLO                                                               \
	(18 * LIMIT_KIB) /* a TLS hello: one record of 16 KiB, and room for headers */
#define LIMIT_EGRESS_HEAD (32 * LIMIT_KIB) /* an HTTP request's head */
#define LIMIT_EGRESS_FIRST_MS 300     /* silence after which the server speaks first */
#define LIMIT_EGRESS_HELLO_MS 10000   /* first to last byte of a hello or head */
#define LIMIT_EGRESS_RESOLVE_MS 10000 /* name servers are asked twice, 5 s each */
#define LIMIT_EGRESS_CONNECT_MS 15000 /* to all of a name's addresses */
#define LIMIT_EGRESS_LINGER_MS 2000   /* for the box to read a refusal */
#define LIMIT_EGRESS_HALF_MS 300000   /* one side has ended, the other is silent */
#define LIMIT_EGRESS_ADDRESSES 16     /* of one name that are tried */
#define LIMIT_EGRESS_RESOLVERS 8      /* names that are looked up at a time */
#define LIMIT_EGRESS_TOLD 60          /* verdicts of a box that are told in a minute */
#define LIMIT_EGRESS_TOLD_MS 10000    /* the same one again after this time */
#define LIMIT_EGRESS_BUFFER (64 * LIMIT_KIB) /* of a connection, each way */
#define LIMIT_GATE_NAMES 4096 /* names of a box that have a made-up address */

/* Results of an agent */
#define LIMIT_AGENT_LINE (16 * LIMIT_MIB)   /* 1.2 MiB was seen */
#define LIMIT_AGENT_EVENT (64 * LIMIT_KIB)  /* text of one event that is kept */
#define LIMIT_AGENT_REASON (4 * LIMIT_KIB)  /* why an agent gave up */
#define LIMIT_AGENT_STDERR (2 * LIMIT_KIB)  /* of one line of its stderr */
#define LIMIT_AGENT_STATE (512 * LIMIT_KIB) /* a reader's state: its answer, escaped */
#define LIMIT_AGENT_ARG (120 * LIMIT_KIB)   /* Linux allows 128 KiB in one argument */
#define LIMIT_AGENT_SCHEMA (64 * LIMIT_KIB) /* a JSON Schema of an answer */
#define LIMIT_AGENT_MCP 32                  /* servers of one box; each is a process */
#define LIMIT_AGENT_NAME 200                /* name of a tool, id of a call */
#define LIMIT_RESULT_PACK (200 * LIMIT_MIB) /* objects that an agent's change brings */
#define LIMIT_RESULT_BLOB                                                                \
	(50 * LIMIT_MIB)        /* GitHub warns above 50 and refuses 100 MB              \
				 */
#define LIMIT_RESULT_FILES 5000 /* changed files in one pull request */
#define LIMIT_RESULT_DEPTH 100  /* folders below each other */

/* Git on the host */
#define LIMIT_RESULT_SUM (400 * LIMIT_MIB)  /* changed files together, unpacked */
#define LIMIT_RESULT_OBJECTS 200000         /* in a pack from a box: 5,000 deep paths */
#define LIMIT_RESULT_TREE (16 * LIMIT_MIB)  /* one folder's listing: 300,000 names */
#define LIMIT_REPO_FETCH (8192 * LIMIT_MIB) /* a clone; GitHub advises below 5 GB */
#define LIMIT_REPO_REFS (64 * LIMIT_MIB)    /* a list of 500,000 refs */
#define LIMIT_REPO_MEMORY                                                                \
	(3072 * LIMIT_MIB) /* address space of a git child: maps packs */
#define LIMIT_REPO_IMPORT (1536 * LIMIT_MIB) /* the same where the bytes are hostile */
#define LIMIT_REPO_CPU_S 1800               /* of a git child: a clone indexes 1 GB/min */
#define LIMIT_REPO_IMPORT_CPU_S 300         /* a pack that unpacks without end */
#define LIMIT_REPO_ANSWER (64 * LIMIT_MIB)  /* what a git child may say to us */
#define LIMIT_REPO_PACKS 32                 /* packs in a mirror before they are merged */
#define LIMIT_REPO_HISTORY 20000            /* commits sent into a box */
#define LIMIT_REPLAY_SHOWN 200              /* names of files in conflict */
#define LIMIT_REPLAY_COMMITS 10000          /* of a change whose authors are looked at */
#define LIMIT_REPO_MESSAGE (64 * LIMIT_KIB) /* a commit message with its trailers */

#endif
