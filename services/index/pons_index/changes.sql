-- The change log's way out, and what else is in it.

-- name: take_turn
-- The relay's turn, if no other replica has it, and how far the log is published.
SELECT relayed FROM relay FOR UPDATE SKIP LOCKED;

-- name: await_turn
-- As take_turn, but after whoever has the turn now.
SELECT relayed FROM relay FOR UPDATE;

-- name: read_run
-- The next changes, in the order of their numbers, and the next deletions, in the order of what was
-- logged between them. One look at both: what came back after a deletion is not seen without it.
(
    SELECT NULL::bigint AS number, seq, change_type, level, resource_id,
        extract(epoch FROM date)::float8 AS date
    FROM changes
    WHERE seq > $1
    ORDER BY seq
    LIMIT $2
) UNION ALL (
    SELECT number, after, NULL, level, resource_id, NULL
    FROM deletions
    ORDER BY after, number
    LIMIT $2
);

-- name: forget_deletions
-- These deletions are told.
DELETE FROM deletions
USING unnest($1::bigint[], $2::bigint[]) AS told (after, number)
WHERE deletions.after = told.after AND deletions.number = told.number;

-- name: advance
-- The log is published up to this number.
UPDATE relay SET relayed = $1;

-- name: clear_changes
-- Empty the log, as far as it is published; totals.last_change goes on.
DELETE FROM changes WHERE seq <= $1;

-- name: clear_exports
-- Empty the exports log; its numbers go on.
DELETE FROM exports;

-- name: lock_exports
-- One writer at a time, so that a reader never sees a number appear below one that it has seen.
LOCK TABLE exports IN SHARE ROW EXCLUSIVE MODE;

-- name: log_exports
-- What a job sent; what is there already from the same job is not logged again.
INSERT INTO exports (
    level, resource_id, remote_modality, patient_id, study_uid, series_uid, sop_instance_uid,
    job_id, date
)
SELECT level, id, $2, patient_id, study_uid, series_uid, sop_instance_uid, $1, now()
FROM unnest($3::smallint[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[])
    WITH ORDINALITY AS new (level, id, patient_id, study_uid, series_uid, sop_instance_uid, place)
WHERE NOT EXISTS (SELECT FROM exports WHERE job_id = $1 AND resource_id = new.id)
ORDER BY place
ON CONFLICT (job_id, resource_id) DO NOTHING;

-- name: take_due
-- Resources that have been quiet for long enough, but for those that are being written or deleted.
DELETE FROM unstable
WHERE resource_key IN (
    SELECT resource_key
    FROM unstable
    WHERE due <= clock_timestamp()
    ORDER BY due, level DESC
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
RETURNING level, resource_key, resource_id, due;

-- name: next_due
-- Seconds until the next resource counts as stable; nothing when all do.
SELECT extract(epoch FROM min(due) - clock_timestamp())::float8 FROM unstable;
