-- SPDX-License-Identifier: MIT
-- What changes something is taken before what only asks for words, however many those are.

ALTER TABLE command ADD COLUMN only_says INTEGER NOT NULL DEFAULT 0
	CHECK(only_says IN (0, 1));
DROP INDEX command_ready;
CREATE INDEX command_ready ON command(only_says, run_at_ms, id) WHERE state = 'ready';
CREATE INDEX command_asked ON command(lane, id) WHERE state = 'ready' AND only_says = 1;
