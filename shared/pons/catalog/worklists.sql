-- The worklist entries of the store; files in a folder are not among them.

-- name: worklists
-- At most $4 entries after $1 that may have a step between the days $2 and $3, in order of their ids:
-- who lacks a day, or whose days are not known, has no bound.
SELECT id, tags, created, changed
  FROM worklists
 WHERE NOT deleted AND id > $1
   AND (last_day = '' OR last_day >= $2)
   AND (first_day = '' OR $3 = '' OR first_day <= $3)
 ORDER BY id
 LIMIT $4

-- name: worklist
-- One entry.
SELECT id, tags, created, changed FROM worklists WHERE NOT deleted AND id = $1
