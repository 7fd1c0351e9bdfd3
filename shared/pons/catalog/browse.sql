-- Resources as folders and files: what a name is made of, and nothing of what hangs below.
-- Top-level lists are read in pages after a key; `{where}` is filled in by browse.py.

-- name: browse_patients
-- Patients as folders.
SELECT p.patient_key AS key, 0::bigint AS above, p.id, p.tags, p.last_update AS modified,
       0::bigint AS size
  FROM patients p
 {where}

-- name: browse_studies
-- Studies; what is above them is told by its key.
SELECT s.study_key AS key, s.patient_key AS above, s.id, s.tags, s.last_update AS modified,
       0::bigint AS size
  FROM studies s
 {where}

-- name: browse_series
-- As browse_studies.
SELECT r.series_key AS key, r.study_key AS above, r.id, r.tags, r.last_update AS modified,
       0::bigint AS size
  FROM series r
 {where}

-- name: browse_instances
-- Instances as files, with the size of each.
SELECT i.instance_key AS key, i.series_key AS above, i.id, i.tags, i.received_at AS modified, i.size
  FROM instances i
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
