-- What is read of studies to find out which may go, oldest arrival first. Ages are by the database's
-- clock; last updates are no further from it than an hour where receivers have another.

-- piece: aged
-- A study with what keeps it whatever rules say.
SELECT s.study_key AS key, s.id, s.last_update, now() - s.last_update AS age, p.protected,
       NOT EXISTS (SELECT FROM unstable u WHERE u.resource_key = s.study_key) AS stable
  FROM studies s JOIN patients p USING (patient_key)

-- name: old_studies
-- Those after the key $1 that nothing was added to, or taken from, for $2.
{aged} WHERE s.study_key > $1 AND s.last_update <= now() - $2::interval ORDER BY s.study_key LIMIT $3

-- name: these_studies
-- Those of them with these keys.
{aged} WHERE s.study_key = ANY ($1::bigint[]) ORDER BY s.study_key

-- name: held_instances
-- The instances of a study after the key $2: who sent each, and all labels that it, its series, study and patient have.
SELECT i.instance_key AS key, i.id, coalesce(i.origin ->> 'remote_aet', '') AS remote_aet,
       ARRAY(SELECT l.label FROM labels l
              WHERE l.resource_key IN (i.instance_key, r.series_key, s.study_key, s.patient_key)
       ) AS labels
  FROM studies s JOIN series r USING (study_key) JOIN instances i USING (series_key)
 WHERE s.study_key = $1 AND i.instance_key > $2
 ORDER BY i.instance_key LIMIT $3

-- name: labels_digest
-- Stands for all labels of a study, of its patient, and of what is below it, and where they are.
WITH tree (key) AS (
    SELECT s.study_key FROM studies s WHERE s.study_key = $1
    UNION ALL SELECT s.patient_key FROM studies s WHERE s.study_key = $1
    UNION ALL SELECT r.series_key FROM series r WHERE r.study_key = $1
    UNION ALL SELECT i.instance_key FROM series r JOIN instances i USING (series_key)
     WHERE r.study_key = $1
)
SELECT md5(coalesce(string_agg(l.resource_key || ' ' || l.label, ','
                               ORDER BY l.resource_key, l.label), '')) AS digest
  FROM tree JOIN labels l ON l.resource_key = tree.key

-- name: relayed_changes
-- The number of the last change, and of the last one that was published.
SELECT t.last_change, r.relayed FROM totals t, relay r
