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
-- Objects that were deleted so long ago that no announcement of theirs can still be on its way; gives the tombstones that name none any more.
WITH forgotten AS (
    DELETE FROM garbage WHERE collected < now() - $1::interval RETURNING object_key, tombstone
)
SELECT DISTINCT tombstone
FROM forgotten
WHERE tombstone IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM garbage
        WHERE garbage.tombstone = forgotten.tombstone
            AND garbage.object_key NOT IN (SELECT object_key FROM forgotten)
    );

-- name: count_garbage
-- Objects that wait to be deleted.
SELECT count(*) FROM garbage WHERE collected IS NULL;

-- name: delete_again
-- Those of these objects, which are there, that count as deleted since a while.
UPDATE garbage SET collected = NULL
WHERE object_key = ANY ($1::uuid[]) AND collected < now() - interval '1 minute';
