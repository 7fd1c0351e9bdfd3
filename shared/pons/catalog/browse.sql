-- Resources as folders and files: what a name is made of, and nothing of what hangs below.
-- Top-level lists are read in pages after a key; browse.py fills in the braces.

-- name: entries
-- Resources of a level; what is above them is told by its key, and only files have a size.
SELECT {key} AS key, {above} AS above, {row}.id, {row}.tags, {row}.{modified} AS modified,
       {size} AS size
  FROM {table}
 {where}

-- name: study_date_prefixes
-- The first $2 characters of study dates from $1 up to $3, each once: one step in the index for each.
WITH RECURSIVE found AS (
    (SELECT left(s.tags ->> '00080020', 200) COLLATE "C" AS date FROM studies s
      WHERE left(s.tags ->> '00080020', 200) COLLATE "C" >= $1
        AND left(s.tags ->> '00080020', 200) COLLATE "C" < $3
      ORDER BY left(s.tags ->> '00080020', 200) COLLATE "C" LIMIT 1)
    UNION ALL
    SELECT (SELECT left(s.tags ->> '00080020', 200) COLLATE "C" FROM studies s
             WHERE left(s.tags ->> '00080020', 200) COLLATE "C" > left(found.date, $2) || '~'
               AND left(s.tags ->> '00080020', 200) COLLATE "C" < $3
             ORDER BY left(s.tags ->> '00080020', 200) COLLATE "C" LIMIT 1)
      FROM found WHERE found.date IS NOT NULL
)
SELECT left(date, $2) AS prefix FROM found WHERE date IS NOT NULL
