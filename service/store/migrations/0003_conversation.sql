-- SPDX-License-Identifier: MIT
-- Conversations, maintenance jobs, limits, and what `boxwright why` needs.  Times are Unix
-- milliseconds; 0 in a time means that it has not come.

-- One conversation an issue, pull request or maintenance job: its box, its agent's session,
-- its branch.  Made by the first task of its lane; every later task of the lane goes on with
-- it.  Also found by the pull request that came out of it.
CREATE TABLE conversation(
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	lane TEXT NOT NULL UNIQUE CHECK(lane <> ''),
	repo_id INTEGER NOT NULL,
	number INTEGER NOT NULL,               -- where it began; 0: a job's
	is_pull INTEGER NOT NULL CHECK(is_pull IN (0, 1)),
	state TEXT NOT NULL DEFAULT 'open' CHECK(state IN ('open', 'closed')),
	created_ms INTEGER NOT NULL,
	used_ms INTEGER NOT NULL,
	-- The pull request.  ours: the service opened it; else it is a person's that is worked on
	pr_number INTEGER NOT NULL DEFAULT 0,
	pr_url TEXT,
	ours INTEGER NOT NULL DEFAULT 0 CHECK(ours IN (0, 1)),
	branch TEXT,
	target TEXT,                           -- the branch it is to be merged into
	base_oid TEXT,                         -- the commit of target that the work starts from
	head_oid TEXT,                         -- where we left the branch; NULL: never pushed
	-- The box, paused between runs
	box_id TEXT,                           -- NULL: there is none
	box_oid TEXT,                          -- HEAD of its work tree
	prepared_key TEXT,
	image TEXT,
	harness TEXT,
	session_id TEXT,
	-- Before the last run, for `undo`
	undo_image TEXT,
	undo_oid TEXT,                         -- the branch then; NULL: there was none
	undo_session_id TEXT,
	undo_task_id INTEGER NOT NULL DEFAULT 0,
	-- A plan that waits for its word
	plan TEXT,
	plan_state TEXT NOT NULL DEFAULT 'none'
		CHECK(plan_state IN ('none', 'waiting', 'approved', 'rejected')),
	plan_task_id INTEGER NOT NULL DEFAULT 0,
	-- Repairs in a row without a person's word between, and whether they are wanted at all
	repairs INTEGER NOT NULL DEFAULT 0,
	repairs_off INTEGER NOT NULL DEFAULT 0 CHECK(repairs_off IN (0, 1)),
	budget_usd REAL NOT NULL DEFAULT 0     -- added by `budget +`, spent by its tasks to come
) STRICT;
CREATE UNIQUE INDEX conversation_pull ON conversation(repo_id, pr_number) WHERE pr_number > 0;
CREATE INDEX conversation_branch ON conversation(repo_id, branch) WHERE branch IS NOT NULL;
CREATE INDEX conversation_target ON conversation(repo_id, target) WHERE state = 'open';
CREATE INDEX conversation_box ON conversation(used_ms) WHERE box_id IS NOT NULL;
CREATE INDEX conversation_number ON conversation(repo_id, number);
CREATE INDEX conversation_closed ON conversation(used_ms) WHERE state = 'closed';

CREATE TRIGGER conversation_tally_add AFTER INSERT ON conversation BEGIN
	INSERT INTO tally VALUES('conversation', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER conversation_tally_move AFTER UPDATE OF state ON conversation
WHEN new.state <> old.state BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'conversation' AND state = old.state;
	INSERT INTO tally VALUES('conversation', new.state, 1)
		ON CONFLICT(tbl, state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER conversation_tally_drop AFTER DELETE ON conversation BEGIN
	UPDATE tally SET n = n - 1 WHERE tbl = 'conversation' AND state = old.state;
END;

ALTER TABLE task ADD COLUMN conversation_id INTEGER NOT NULL DEFAULT 0;
-- What the trigger was about, as JSON: see store_task.h
ALTER TABLE task ADD COLUMN about TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN head_oid TEXT;     -- where the branch must stand to be moved
ALTER TABLE task ADD COLUMN rules_oid TEXT;    -- whose configuration and AGENTS.md count
ALTER TABLE task ADD COLUMN target TEXT;       -- the branch a pull request is merged into
ALTER TABLE task ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;  -- fix x3
ALTER TABLE task ADD COLUMN parent_id INTEGER NOT NULL DEFAULT 0; -- an attempt's
ALTER TABLE task ADD COLUMN waits INTEGER NOT NULL DEFAULT 0 CHECK(waits IN (0, 1));
ALTER TABLE task ADD COLUMN taken_by INTEGER NOT NULL DEFAULT 0;  -- the task that took it up
ALTER TABLE task ADD COLUMN job_id INTEGER NOT NULL DEFAULT 0;
CREATE INDEX task_parent ON task(parent_id) WHERE parent_id > 0;
CREATE INDEX task_taken ON task(taken_by) WHERE taken_by > 0;
CREATE INDEX task_job ON task(job_id, id) WHERE job_id > 0;
CREATE INDEX task_waits ON task(lane) WHERE waits = 1;
-- Who used how much: all that is asked for, so that no long row is read for it.
CREATE INDEX task_repo_day
	ON task(repo_id, created_ms, parent_id, taken_by, state, cost_usd);
CREATE INDEX task_person_day
	ON task(requester_id, created_ms, parent_id, taken_by, state, cost_usd);
-- The ready ones of a lane, which may have a long history.
CREATE INDEX task_ready_lane ON task(lane, id) WHERE state = 'ready';
-- What waits for its attempts is not due.
DROP INDEX task_ready;
CREATE INDEX task_ready ON task(run_at_ms, id) WHERE state = 'ready' AND waits = 0;

-- Pull requests of before have their conversation too; their boxes are gone.
INSERT INTO conversation(lane, repo_id, number, is_pull, created_ms, used_ms, pr_number, pr_url,
		ours, branch, target, base_oid, head_oid)
	SELECT lane, repo_id, number, is_pull, created_ms, max(created_ms, finished_ms),
		pr_number, pr_url, 1, branch, default_branch, base_oid, commit_oid
	FROM task WHERE id IN (SELECT max(id) FROM task WHERE pr_number > 0 GROUP BY lane)
	ORDER BY id
	ON CONFLICT DO NOTHING;
UPDATE task SET conversation_id = (SELECT id FROM conversation c WHERE c.lane = task.lane)
	WHERE lane IN (SELECT lane FROM conversation);

ALTER TABLE command ADD COLUMN about TEXT NOT NULL DEFAULT '';
CREATE INDEX command_delivery ON command(delivery_id);
CREATE INDEX command_finished ON command(finished_ms) WHERE finished_ms > 0;

-- Where a delivery happened, for those who ask why: the address of its comment, review,
-- issue or pull request as people see it.
CREATE TABLE delivery_url(
	url TEXT NOT NULL,
	received_ms INTEGER NOT NULL,
	delivery_id TEXT NOT NULL,
	PRIMARY KEY(url, received_ms, delivery_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_url_id ON delivery_url(delivery_id);
CREATE TRIGGER delivery_url_drop AFTER DELETE ON delivery BEGIN
	DELETE FROM delivery_url WHERE delivery_id = old.id;
END;

-- Scheduled maintenance.  A row is a job as its source says it now, with what happened to it.
CREATE TABLE job(
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	repo_id INTEGER NOT NULL,
	installation_id INTEGER NOT NULL,
	owner TEXT NOT NULL,
	repo TEXT NOT NULL,
	name TEXT NOT NULL,
	source TEXT NOT NULL CHECK(source IN ('repository', 'operator')),
	spec TEXT NOT NULL,                    -- the job's settings as canonical JSON
	spec_hash TEXT NOT NULL,               -- changes when the job's meaning does
	cron TEXT NOT NULL,                    -- five fields, after scattering
	timezone TEXT NOT NULL,
	next_ms INTEGER NOT NULL,              -- 0: never
	last_slot_ms INTEGER NOT NULL DEFAULT 0, -- the newest slot that is settled
	state TEXT NOT NULL DEFAULT 'active'
		CHECK(state IN ('active', 'paused', 'gone')),
	paused_why TEXT,
	failures INTEGER NOT NULL DEFAULT 0,   -- in a row
	task_id INTEGER NOT NULL DEFAULT 0,    -- the newest
	last_note TEXT,                        -- what became of the last slot, for people
	last_ms INTEGER NOT NULL DEFAULT 0,
	pr_number INTEGER NOT NULL DEFAULT 0,  -- open now; 0: none
	declined TEXT,                         -- the tree that a closed pull request offered
	UNIQUE(repo_id, name)
) STRICT;
CREATE INDEX job_due ON job(next_ms) WHERE state = 'active' AND next_ms > 0;

-- Repositories that the App is installed on, and their one dashboard issue.
CREATE TABLE repository(
	repo_id INTEGER PRIMARY KEY,
	installation_id INTEGER NOT NULL,
	owner TEXT NOT NULL,
	repo TEXT NOT NULL,
	state TEXT NOT NULL DEFAULT 'active' CHECK(state IN ('active', 'suspended', 'gone')),
	rules_oid TEXT,                        -- commit whose schedules were read last
	looked_ms INTEGER NOT NULL DEFAULT 0,  -- when they were
	dashboard INTEGER NOT NULL DEFAULT 0,  -- number of the issue; 0: none
	dashboard_hash TEXT                    -- of the text that stands there
) STRICT;
CREATE INDEX repository_looked ON repository(looked_ms) WHERE state = 'active';
CREATE INDEX repository_name ON repository(owner COLLATE NOCASE, repo COLLATE NOCASE);
CREATE INDEX repository_installation ON repository(installation_id, repo_id);
