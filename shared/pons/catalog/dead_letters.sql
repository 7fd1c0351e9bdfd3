-- What could not be indexed. An instance that has a row by now is none of them any more, even if the
-- index has not noted that yet.

-- name: dead_letters
-- Dead letters after $1 that nobody has dismissed.
SELECT d.refused_key AS number, d.reason, d.since, d.tried, d.dismissed, d.object_key,
       d.announcement
  FROM refused d
 WHERE d.refused_key > $1 AND d.dismissed IS NULL
   AND NOT EXISTS (SELECT FROM instances i WHERE i.object_key = d.object_key)
 ORDER BY d.refused_key
 LIMIT $2

-- name: dead_letter
-- One dead letter.
SELECT d.refused_key AS number, d.reason, d.since, d.tried, d.dismissed, d.object_key,
       d.announcement
  FROM refused d
 WHERE d.refused_key = $1
   AND NOT EXISTS (SELECT FROM instances i WHERE i.object_key = d.object_key)
