-- Announcements that could not be indexed: dead letters.

-- name: refuse
-- An instance that cannot be indexed; repeating it adds nothing, another reason replaces the first.
INSERT INTO refused (object_key, header_key, reason, announcement)
VALUES ($1, $2, $3, $4)
ON CONFLICT (object_key) DO UPDATE
    SET reason = excluded.reason, announcement = excluded.announcement, dismissed = NULL;

-- name: refuse_unreadable
-- An announcement that cannot be read; repeating it adds nothing.
INSERT INTO refused (reason, announcement)
VALUES ($1, $2)
ON CONFLICT (sha256(announcement)) WHERE object_key IS NULL DO NOTHING;

-- name: take_refused
-- The next dead letters to announce again, of these numbers (NULL: all that nobody has dismissed).
UPDATE refused SET tried = now()
WHERE refused_key IN (
    SELECT refused_key
    FROM refused
    WHERE refused_key > $2
        AND CASE WHEN $1::bigint[] IS NULL THEN dismissed IS NULL
            ELSE refused_key = ANY ($1) END
    ORDER BY refused_key
    LIMIT $3
)
RETURNING refused_key, object_key, announcement;

-- name: forget_refused
-- Dead letters that are dealt with: their object has a row now, or was a duplicate. (An unreadable one is when all that it announced has been announced again.)
DELETE FROM refused
WHERE EXISTS (SELECT FROM instances WHERE instances.object_key = refused.object_key)
    OR EXISTS (SELECT FROM garbage WHERE garbage.object_key = refused.object_key);

-- name: forget_unreadable
-- A dead letter whose instances were all announced again.
DELETE FROM refused WHERE refused_key = $1 AND object_key IS NULL;

-- name: dismiss_refused
-- Somebody has looked at it: it stays, and its object, but is not counted any more.
UPDATE refused SET dismissed = coalesce(dismissed, now()) WHERE refused_key = $1
RETURNING refused_key;

-- name: count_refused
-- Dead letters that nobody has dismissed.
SELECT count(*) FROM refused WHERE dismissed IS NULL;
