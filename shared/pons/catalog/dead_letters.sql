-- What could not be indexed. An instance that has a row by now is none of them any more, even if the
-- index has not noted that yet.

-- piece: letters
-- All of them.
SELECT d.refused_key AS number, d.reason, d.since, d.tried, d.dismissed, d.object_key,
       d.announcement
  FROM refused d
 WHERE NOT EXISTS (SELECT FROM instances i WHERE i.object_key = d.object_key)

-- name: dead_letters
-- Those after $1 that nobody has dismissed.
{letters} AND d.refused_key > $1 AND d.dismissed IS NULL ORDER BY d.refused_key LIMIT $2

-- name: dead_letter
-- One of them.
{letters} AND d.refused_key = $1
