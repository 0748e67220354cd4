-- A till that sends unusable codes waits for a moment, and for nobody: kept is until when they count. What was a
-- count, of ten at most, is a time long past, so no till waits for what it sent before.

ALTER TABLE terminal RENAME COLUMN code_misses TO misses_until;
