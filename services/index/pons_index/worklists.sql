-- Worklist entries: written, ended, forgotten. No lock of these is held while resources are locked.

-- name: count_worklists
-- How many there are.
SELECT count(*) FROM worklists WHERE NOT deleted;

-- name: hold_worklist
-- An entry, held until the transaction ends.
SELECT id, deleted, tags, created, changed FROM worklists WHERE id = $1 FOR UPDATE;

-- name: put_worklist
-- An entry, new or instead of what was there, if that is older; a row when it was written.
INSERT INTO worklists AS w (id, tags, study_uid, first_day, last_day, created, changed, ends, deleted)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET
    tags = excluded.tags, study_uid = excluded.study_uid, first_day = excluded.first_day,
    last_day = excluded.last_day, created = excluded.created, changed = excluded.changed,
    ends = excluded.ends, deleted = excluded.deleted
WHERE w.changed < excluded.changed
RETURNING id;

-- name: old_worklists
-- At most $2 entries that are to end at $1.
SELECT id, changed FROM worklists WHERE NOT deleted AND ends < $1 LIMIT $2;

-- name: done_worklists
-- At most $1 entries whose study has come since they were written, and is stable.
SELECT w.id, w.changed
FROM worklists w
JOIN studies s ON upper(s.study_uid) = upper(w.study_uid)
WHERE NOT w.deleted AND w.study_uid <> '' AND s.last_update > w.changed
    AND NOT EXISTS (SELECT FROM unstable u WHERE u.resource_key = s.study_key)
    AND EXISTS (  -- what is deleted of a study makes its last update later, too
        SELECT FROM series e JOIN instances i ON i.series_key = e.series_key
        WHERE e.study_key = s.study_key AND i.received_at > w.changed
    )
LIMIT $1;

-- name: deleted_worklists
-- At most $2 entries that were deleted before $1.
SELECT id, changed FROM worklists WHERE deleted AND changed < $1 LIMIT $2;

-- name: forget_worklists
-- Deleted entries that nothing brings back any more.
DELETE FROM worklists WHERE id = ANY ($1) AND deleted;
