-- SPDX-License-Identifier: MIT
-- The first tables.  Times are Unix milliseconds; 0 in a time means that it has not come.

CREATE TABLE setting(
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How many rows of a table are in which state, kept by triggers: nobody counts rows.
CREATE TABLE tally(
	tbl TEXT NOT NULL,
	state TEXT NOT NULL,
	n INTEGER NOT NULL,
	PRIMARY KEY(tbl, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE task(
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	lane TEXT NOT NULL CHECK(lane <> ''),
	verb TEXT NOT NULL,
	text TEXT NOT NULL,
	repo_id INTEGER NOT NULL,
	installation_id INTEGER NOT NULL,
	owner TEXT NOT NULL,
	repo TEXT NOT NULL,
	number INTEGER NOT NULL,
	is_pull INTEGER NOT NULL CHECK(is_pull IN (0, 1)),
	title TEXT NOT NULL,
	issue_body TEXT NOT NULL,
	issue_author_login TEXT NOT NULL,
	requester_id INTEGER NOT NULL,
	requester_login TEXT NOT NULL,
	comment_id INTEGER NOT NULL,
	comment_url TEXT NOT NULL,
	trigger_kind TEXT NOT NULL,
	delivery_id TEXT,
	created_ms INTEGER NOT NULL,
	state TEXT NOT NULL DEFAULT 'ready'
		CHECK(state IN ('ready', 'running', 'done', 'failed', 'cancelled', 'refused')),
	lease TEXT CHECK((lease IS NOT NULL) = (state = 'running')),
	run_at_ms INTEGER NOT NULL,
	attempt INTEGER NOT NULL DEFAULT 0,
	crashes INTEGER NOT NULL DEFAULT 0,
	cancel_reason TEXT,
	last_error TEXT,
	started_ms INTEGER NOT NULL DEFAULT 0,
	finished_ms INTEGER NOT NULL DEFAULT 0,
	outcome_code TEXT,
	outcome TEXT,
	step TEXT NOT NULL,
	default_branch TEXT NOT NULL,
	base_oid TEXT,
	image TEXT,
	prepared_key TEXT,
	box_id TEXT,
	run_id TEXT,
	run_offset INTEGER NOT NULL DEFAULT 0,
	run_state TEXT,
	harness TEXT,
	model TEXT,
	session_id TEXT,
	tree_oid TEXT,
	commit_oid TEXT,
	branch TEXT,
	pr_number INTEGER NOT NULL DEFAULT 0,
	pr_url TEXT,
	comment_status_id INTEGER NOT NULL DEFAULT 0,
	files INTEGER NOT NULL DEFAULT 0,
	added INTEGER NOT NULL DEFAULT 0,
	deleted INTEGER NOT NULL DEFAULT 0,
	tokens_in INTEGER NOT NULL DEFAULT 0,
	tokens_out INTEGER NOT NULL DEFAULT 0,
	tokens_cached INTEGER NOT NULL DEFAULT 0,
	cost_usd REAL NOT NULL DEFAULT 0,
	summary TEXT
) STRICT;
CREATE INDEX task_ready ON task(run_at_ms, id) WHERE state = 'ready';
-- One running task a lane, whatever a program does.
CREATE UNIQUE INDEX task_running_lane ON task(lane) WHERE state = 'running';
CREATE INDEX task_running_repo ON task(repo_id) WHERE state = 'running';
CREATE INDEX task_state ON task(state, id);
CREATE INDEX task_lane ON task(lane, id);
CREATE INDEX task_outcome ON task(outcome_code, id) WHERE outcome_code IS NOT NULL;

CREATE TRIGGER task_tally_add AFTER INSERT ON task BEGIN
	INSERT INTO tally VALUES('task', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER task_tally_move AFTER UPDATE OF state ON task WHEN new.state <> old.state BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'task' AND state = old.state;
	INSERT INTO tally VALUES('task', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER task_tally_drop AFTER DELETE ON task BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'task' AND state = old.state;
END;

CREATE TABLE delivery(
	id TEXT PRIMARY KEY,
	event TEXT NOT NULL,
	action TEXT,
	received_ms INTEGER NOT NULL,
	body_raw_size INTEGER NOT NULL,
	state TEXT NOT NULL CHECK(state IN ('task', 'command', 'ignored', 'unparsed')),
	reason_code TEXT NOT NULL,
	reason TEXT NOT NULL,
	task_id INTEGER REFERENCES task(id),
	body BLOB NOT NULL -- one zstd frame; last, so that the rest is read without it
) STRICT;
CREATE INDEX delivery_received ON delivery(received_ms, id);
CREATE INDEX delivery_task ON delivery(task_id) WHERE task_id IS NOT NULL;

CREATE TRIGGER delivery_tally_add AFTER INSERT ON delivery BEGIN
	INSERT INTO tally VALUES('delivery', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER delivery_tally_drop AFTER DELETE ON delivery BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'delivery' AND state = old.state;
END;

CREATE TABLE command(
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	lane TEXT NOT NULL CHECK(lane <> ''),
	verb TEXT NOT NULL,
	word TEXT NOT NULL,
	text TEXT NOT NULL,
	repo_id INTEGER NOT NULL,
	installation_id INTEGER NOT NULL,
	owner TEXT NOT NULL,
	repo TEXT NOT NULL,
	number INTEGER NOT NULL,
	is_pull INTEGER NOT NULL CHECK(is_pull IN (0, 1)),
	requester_id INTEGER NOT NULL,
	requester_login TEXT NOT NULL,
	comment_id INTEGER NOT NULL,
	delivery_id TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	state TEXT NOT NULL DEFAULT 'ready'
		CHECK(state IN ('ready', 'taken', 'done', 'failed')),
	lease TEXT CHECK((lease IS NOT NULL) = (state = 'taken')),
	run_at_ms INTEGER NOT NULL,
	attempt INTEGER NOT NULL DEFAULT 0,
	finished_ms INTEGER NOT NULL DEFAULT 0,
	outcome TEXT
) STRICT;
CREATE INDEX command_ready ON command(run_at_ms, id) WHERE state = 'ready';
CREATE INDEX command_taken ON command(id) WHERE state = 'taken';

CREATE TRIGGER command_tally_add AFTER INSERT ON command BEGIN
	INSERT INTO tally VALUES('command', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER command_tally_move AFTER UPDATE OF state ON command WHEN new.state <> old.state BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'command' AND state = old.state;
	INSERT INTO tally VALUES('command', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER command_tally_drop AFTER DELETE ON command BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'command' AND state = old.state;
END;

CREATE TABLE step(
	task_id INTEGER NOT NULL REFERENCES task(id),
	seq INTEGER NOT NULL,
	name TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	state TEXT NOT NULL CHECK(state IN ('running', 'done', 'failed')),
	started_ms INTEGER NOT NULL,
	finished_ms INTEGER NOT NULL DEFAULT 0,
	detail TEXT NOT NULL DEFAULT '',
	PRIMARY KEY(task_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE task_event(
	task_id INTEGER NOT NULL REFERENCES task(id),
	seq INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,
	kind TEXT NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY(task_id, seq)
) STRICT, WITHOUT ROWID;

-- task_id is 0 for what belongs to no task, such as the answer to a command.
CREATE TABLE effect(
	task_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	slot TEXT NOT NULL,
	state TEXT NOT NULL CHECK(state IN ('planned', 'sent', 'done', 'refused')),
	want TEXT NOT NULL,
	sent_ms INTEGER NOT NULL DEFAULT 0,
	remote_id TEXT,
	remote_url TEXT,
	err TEXT,
	PRIMARY KEY(task_id, kind, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE prepared(
	key TEXT PRIMARY KEY,
	repo_id INTEGER NOT NULL,
	base_oid TEXT NOT NULL,
	image TEXT NOT NULL,
	setup_hash TEXT NOT NULL,
	snapshot_image TEXT NOT NULL,
	state TEXT NOT NULL CHECK(state IN ('building', 'ready', 'failed')),
	size_bytes INTEGER NOT NULL,
	layers INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	used_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX prepared_newest ON prepared(repo_id, image, setup_hash, created_ms)
	WHERE state = 'ready';
CREATE INDEX prepared_used ON prepared(used_ms);
