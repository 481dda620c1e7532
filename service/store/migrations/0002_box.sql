-- SPDX-License-Identifier: MIT
-- Boxes as a product of their own.  Every object belongs to an account.  Times are Unix
-- milliseconds, 0 for one that has not come.  A `sealed` text is encrypted with the key of
-- the state folder (service/box/seal.h): it holds what callers entrusted to us.

-- Keys of the API beside those of api_keys_file, which are the operator's and stand in no row.
CREATE TABLE api_key(
	id TEXT PRIMARY KEY,
	account TEXT NOT NULL CHECK(account <> ''),
	name TEXT NOT NULL,
	hash TEXT NOT NULL UNIQUE, -- SHA-256 of the key in hex; keys are 256 random bits
	hint TEXT NOT NULL, -- its last four characters, for people
	scope TEXT NOT NULL CHECK(scope IN ('full', 'read')),
	created_ms INTEGER NOT NULL,
	used_ms INTEGER NOT NULL DEFAULT 0,
	revoked_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX api_key_account ON api_key(account, created_ms);

-- Variables that each new box of the account gets.
CREATE TABLE account_env(
	account TEXT NOT NULL,
	name TEXT NOT NULL,
	sealed TEXT NOT NULL,
	updated_ms INTEGER NOT NULL,
	PRIMARY KEY(account, name)
) STRICT, WITHOUT ROWID;

-- What an account has used, by UTC day; stays when its boxes go.
CREATE TABLE account_usage(
	account TEXT NOT NULL,
	day TEXT NOT NULL, -- "2026-01-31"
	cpu_us INTEGER NOT NULL DEFAULT 0,
	storage_mb_s INTEGER NOT NULL DEFAULT 0, -- MiB times seconds, of disks and snapshots
	runs INTEGER NOT NULL DEFAULT 0,
	tokens_in INTEGER NOT NULL DEFAULT 0,
	tokens_out INTEGER NOT NULL DEFAULT 0,
	compute_usd REAL NOT NULL DEFAULT 0,
	tokens_usd REAL NOT NULL DEFAULT 0,
	PRIMARY KEY(account, day)
) STRICT, WITHOUT ROWID;

-- What is long stands last, so that a change of the figures rewrites little.
CREATE TABLE box(
	id TEXT PRIMARY KEY CHECK(id <> ''),
	account TEXT NOT NULL CHECK(account <> ''),
	name TEXT CHECK(name <> ''),
	state TEXT NOT NULL CHECK(state IN ('creating', 'ready', 'paused', 'error', 'deleting')),
	active_ms INTEGER NOT NULL, -- last work, or the end of it
	expires_ms INTEGER NOT NULL, -- of an ephemeral one; 0: never
	keep_alive INTEGER NOT NULL CHECK(keep_alive IN (0, 1)),
	ephemeral INTEGER NOT NULL CHECK(ephemeral IN (0, 1)),
	created_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL,
	-- metering
	boot TEXT, -- of the box's present start
	boot_cpu_us INTEGER NOT NULL DEFAULT 0, -- seen of this boot, contained in cpu_us
	cpu_us INTEGER NOT NULL DEFAULT 0, -- the whole box, all its boots
	run_cpu_us INTEGER NOT NULL DEFAULT 0, -- of it, by runs
	memory_peak INTEGER NOT NULL DEFAULT 0,
	disk_bytes INTEGER NOT NULL DEFAULT 0, -- what it changed over its image
	disk_ms INTEGER NOT NULL DEFAULT 0, -- when that was measured
	tokens_in INTEGER NOT NULL DEFAULT 0,
	tokens_out INTEGER NOT NULL DEFAULT 0,
	tokens_cached INTEGER NOT NULL DEFAULT 0,
	prompts INTEGER NOT NULL DEFAULT 0,
	tokens_usd REAL NOT NULL DEFAULT 0,
	compute_usd REAL NOT NULL DEFAULT 0,
	-- why it is as it is
	error TEXT,
	pause_reason TEXT, -- "idle for 30 minutes", "asked by the API"
	wake_reason TEXT,
	-- as asked for
	runtime TEXT NOT NULL,
	image TEXT NOT NULL, -- what it is made of: a reference, or a snapshot's image
	snapshot_id TEXT, -- the one it was restored from
	size TEXT NOT NULL,
	git_name TEXT NOT NULL,
	git_email TEXT NOT NULL,
	-- the agent
	agent TEXT, -- harness
	model TEXT,
	session_id TEXT,
	runner TEXT, -- JSON: custom_runner
	labels TEXT NOT NULL, -- JSON list
	network TEXT NOT NULL, -- JSON: the policy as the client gave it
	skills TEXT NOT NULL, -- JSON list
	mcp TEXT NOT NULL, -- JSON list; headers of it stand in sealed
	sealed TEXT NOT NULL, -- {env, agent_key, github_token, mcp_headers}
	init_command TEXT NOT NULL
) STRICT;
-- A box that is being deleted gives its name back.
CREATE UNIQUE INDEX box_name ON box(account, name)
	WHERE name IS NOT NULL AND state <> 'deleting';
CREATE INDEX box_newest ON box(account, created_ms);
CREATE INDEX box_state ON box(state);
CREATE INDEX box_image ON box(image);
CREATE INDEX box_expires ON box(expires_ms) WHERE expires_ms > 0;
CREATE INDEX box_idle ON box(active_ms) WHERE state = 'ready' AND keep_alive = 0;

CREATE TRIGGER box_tally_add AFTER INSERT ON box BEGIN
	INSERT INTO tally VALUES('box', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER box_tally_move AFTER UPDATE OF state ON box WHEN new.state <> old.state BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'box' AND state = old.state;
	INSERT INTO tally VALUES('box', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER box_tally_drop AFTER DELETE ON box BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'box' AND state = old.state;
END;

CREATE TABLE box_run(
	id TEXT PRIMARY KEY CHECK(id <> ''),
	box_id TEXT NOT NULL,
	account TEXT NOT NULL,
	type TEXT NOT NULL CHECK(type IN ('shell', 'agent')),
	state TEXT NOT NULL
		CHECK(state IN ('running', 'completed', 'failed', 'cancelled', 'skipped')),
	settled INTEGER NOT NULL DEFAULT 0 CHECK(settled IN (0, 1)), -- what it used is booked
	schedule_id TEXT,
	created_ms INTEGER NOT NULL,
	completed_ms INTEGER NOT NULL DEFAULT 0,
	exit_code INTEGER NOT NULL DEFAULT -1,
	tokens_in INTEGER NOT NULL DEFAULT 0,
	tokens_out INTEGER NOT NULL DEFAULT 0,
	tokens_cached INTEGER NOT NULL DEFAULT 0,
	tokens_usd REAL NOT NULL DEFAULT 0,
	compute_usd REAL NOT NULL DEFAULT 0,
	cpu_us INTEGER NOT NULL DEFAULT 0,
	memory_peak INTEGER NOT NULL DEFAULT 0,
	webhook_state TEXT NOT NULL DEFAULT '' CHECK(webhook_state IN ('', 'due', 'sent', 'failed')),
	webhook_at_ms INTEGER NOT NULL DEFAULT 0, -- next try
	webhook_tries INTEGER NOT NULL DEFAULT 0,
	offset INTEGER NOT NULL DEFAULT 0, -- of the run's spool
	model TEXT,
	session_id TEXT,
	prompt TEXT NOT NULL, -- or the command, joined by spaces
	error TEXT,
	sealed TEXT, -- the webhook: {url, headers}
	detail TEXT NOT NULL, -- JSON: what the driver needs to know
	output TEXT, -- of an agent
	reader TEXT -- saved agent reader, until it is settled
) STRICT;
CREATE INDEX box_run_newest ON box_run(box_id, created_ms);
CREATE INDEX box_run_open ON box_run(box_id) WHERE settled = 0;
CREATE INDEX box_run_webhook ON box_run(webhook_at_ms) WHERE webhook_state = 'due';

CREATE TRIGGER box_run_tally_add AFTER INSERT ON box_run BEGIN
	INSERT INTO tally VALUES('box_run', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER box_run_tally_move AFTER UPDATE OF state ON box_run
WHEN new.state <> old.state BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'box_run' AND state = old.state;
	INSERT INTO tally VALUES('box_run', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER box_run_tally_drop AFTER DELETE ON box_run BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'box_run' AND state = old.state;
END;

CREATE TABLE box_log(
	box_id TEXT NOT NULL,
	seq INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	level TEXT NOT NULL CHECK(level IN ('info', 'warn', 'error')),
	source TEXT NOT NULL CHECK(source IN ('system', 'agent', 'user')),
	message TEXT NOT NULL,
	PRIMARY KEY(box_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE box_snapshot(
	id TEXT PRIMARY KEY CHECK(id <> ''),
	account TEXT NOT NULL,
	box_id TEXT NOT NULL, -- which may be gone
	name TEXT NOT NULL,
	state TEXT NOT NULL CHECK(state IN ('creating', 'ready', 'error', 'deleting')),
	error TEXT,
	image TEXT NOT NULL, -- "" until ready
	size_bytes INTEGER NOT NULL,
	-- what a restored box takes over
	runtime TEXT NOT NULL,
	agent TEXT,
	model TEXT,
	runner TEXT,
	skills TEXT NOT NULL,
	mcp TEXT NOT NULL,
	git_name TEXT NOT NULL,
	git_email TEXT NOT NULL,
	sealed TEXT NOT NULL,
	created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX box_snapshot_box ON box_snapshot(account, box_id, created_ms);
CREATE INDEX box_snapshot_account ON box_snapshot(account, created_ms);
CREATE INDEX box_snapshot_state ON box_snapshot(state);
CREATE INDEX box_snapshot_image ON box_snapshot(image);

CREATE TABLE box_schedule(
	id TEXT PRIMARY KEY CHECK(id <> ''),
	box_id TEXT NOT NULL,
	account TEXT NOT NULL,
	type TEXT NOT NULL CHECK(type IN ('exec', 'prompt')),
	state TEXT NOT NULL CHECK(state IN ('active', 'paused')),
	cron TEXT NOT NULL,
	detail TEXT NOT NULL, -- JSON: command, prompt, folder, model, agent_options, timeout, webhook_url
	sealed TEXT, -- webhook headers
	next_ms INTEGER NOT NULL, -- the next slot; 0: none
	last_run_ms INTEGER NOT NULL DEFAULT 0,
	last_run_id TEXT,
	last_status TEXT,
	total_runs INTEGER NOT NULL DEFAULT 0,
	total_failures INTEGER NOT NULL DEFAULT 0,
	created_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX box_schedule_box ON box_schedule(box_id, created_ms);
CREATE INDEX box_schedule_due ON box_schedule(next_ms) WHERE state = 'active' AND next_ms > 0;

CREATE TABLE box_preview(
	box_id TEXT NOT NULL,
	port INTEGER NOT NULL,
	account TEXT NOT NULL,
	token_hash TEXT, -- SHA-256 of the bearer token in hex; NULL: none
	password_hash TEXT, -- of the password of `user`
	listen_port INTEGER NOT NULL, -- of ours; 0 with a wildcard domain
	created_ms INTEGER NOT NULL,
	PRIMARY KEY(box_id, port)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX box_preview_listen ON box_preview(listen_port) WHERE listen_port > 0;

-- For what is forgotten after a time: the events of tasks that ended long ago.
CREATE INDEX task_finished ON task(finished_ms) WHERE finished_ms > 0;
