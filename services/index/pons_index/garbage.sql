-- Objects that nothing refers to any more.

-- name: take_garbage
-- The oldest objects to delete, held; another replica takes others.
SELECT object_key
FROM garbage
WHERE collected IS NULL
ORDER BY since
LIMIT $1
FOR UPDATE SKIP LOCKED;

-- name: mark_collected
-- These objects are deleted.
UPDATE garbage SET collected = now() WHERE object_key = ANY ($1::uuid[]);

-- name: forget_garbage
-- Objects that were deleted so long ago that no announcement of theirs can still be on its way.
DELETE FROM garbage WHERE collected < now() - interval '24 hours';

-- name: count_garbage
-- Objects that wait to be deleted.
SELECT count(*) FROM garbage WHERE collected IS NULL;

-- name: find_orphans
-- Which of these objects nothing refers to.
SELECT object_key
FROM unnest($1::uuid[]) AS listed (object_key)
WHERE NOT EXISTS (SELECT FROM instances WHERE instances.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM headers WHERE header_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM attachments WHERE attachments.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM garbage WHERE garbage.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM refused WHERE refused.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM refused WHERE refused.header_key = listed.object_key);

-- name: hold_references
-- Wait for every transaction that refers to new objects, and keep out new ones.
LOCK TABLE instances, attachments IN SHARE MODE;

-- name: discard_orphans
-- Those of these objects that still nothing refers to become garbage, so that an announcement that comes now is refused.
INSERT INTO garbage (object_key, reason)
SELECT object_key, 'orphan'
FROM unnest($1::uuid[]) AS listed (object_key)
WHERE NOT EXISTS (SELECT FROM instances WHERE instances.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM headers WHERE header_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM attachments WHERE attachments.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM refused WHERE refused.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM refused WHERE refused.header_key = listed.object_key)
ON CONFLICT (object_key) DO NOTHING
RETURNING object_key;

-- name: count_unreadable
-- Announcements of which nobody can tell what objects they meant.
SELECT count(*) FROM refused WHERE object_key IS NULL;

-- name: try_sweep
-- One replica sweeps at a time; the lock ends with the transaction.
SELECT pg_try_advisory_xact_lock($1);

-- name: begin_run
-- A process of the index starts on a machine that was booted as $2.
INSERT INTO runs (run_id, boot_id) VALUES ($1, $2);

-- name: see_run
-- The process still works.
INSERT INTO runs (run_id, boot_id) VALUES ($1, $2)
ON CONFLICT (run_id) DO UPDATE SET seen = now(), stopped = NULL;

-- name: end_run
-- The process ends in order.
UPDATE runs SET seen = now(), stopped = now() WHERE run_id = $1;

-- name: find_broken_runs
-- Since when the objects of processes that their machine ended may lack their announcement.
SELECT run_id, started, seen FROM runs WHERE stopped IS NULL AND boot_id <> $1;

-- name: close_runs
-- What these processes left behind is dealt with.
UPDATE runs SET stopped = now() WHERE run_id = ANY ($1::uuid[]);

-- name: forget_runs
-- Processes that ended long ago, in order or on this machine as it runs now.
DELETE FROM runs
WHERE stopped < now() - interval '1 day' OR (boot_id = $1 AND seen < now() - interval '1 day');
