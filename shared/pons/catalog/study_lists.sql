-- Lists of studies that people look at. study_lists.py fills in the braces: conditions and orders from
-- selection.py and study_order.py. A page is put together by list_pages.py.

-- name: row
-- What a row shows beside the study's own tags.
s.id, s.study_uid, s.tags, s.patient_tags, s.last_update, p.id AS patient, p.protected,
u.series, u.instances, u.size, {labels} AS labels, {modalities} AS modalities, {stable},
ARRAY(SELECT DISTINCT r.remote_aet FROM series r
       WHERE r.study_key = s.study_key AND r.remote_aet <> '' ORDER BY 1) AS origins

-- name: labels
-- How many of these studies have which label.
SELECT l.label AS value, count(*) AS count
  FROM {source} JOIN labels l ON l.resource_key = s.study_key
 WHERE {where} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}

-- name: modalities
-- How many of these studies have series of which modality.
SELECT value, count(*) AS count
  FROM (SELECT DISTINCT s.study_key, upper(r.tags ->> '00080060') AS value
          FROM {source} JOIN series r ON r.study_key = s.study_key WHERE {where}) named
 WHERE value <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {most}

-- name: sums
-- What these studies are together, those of protected patients apart.
SELECT coalesce(sum(studies) FILTER (WHERE NOT protected), 0)::bigint AS studies,
       count(*) FILTER (WHERE NOT protected) AS patients,
       coalesce(sum(series) FILTER (WHERE NOT protected), 0)::bigint AS series,
       coalesce(sum(instances) FILTER (WHERE NOT protected), 0)::bigint AS instances,
       coalesce(sum(size) FILTER (WHERE NOT protected), 0)::bigint AS size,
       coalesce(sum(studies) FILTER (WHERE protected), 0)::bigint AS protected_studies
  FROM (SELECT p.protected, count(*) AS studies, sum(u.series) AS series,
               sum(u.instances) AS instances, sum(u.size) AS size
          FROM {source} JOIN study_sums u ON u.study_key = s.study_key
          JOIN patients p ON p.patient_key = s.patient_key
         WHERE {where} GROUP BY p.patient_key) of_patients

-- name: protected
-- The protected patients that these studies are of, with how many are.
SELECT p.id, p.tags, count(*) AS studies
  FROM {source} JOIN patients p ON p.patient_key = s.patient_key
 WHERE p.protected AND {where}
 GROUP BY p.patient_key ORDER BY p.patient_key LIMIT {most}

-- name: named
-- Which of the identifiers $1 are those of studies.
SELECT s.id FROM studies s WHERE s.id = ANY ($1)

-- name: held
-- Which of the studies with the UIDs $1 there are; where several have one UID, that of the patient $2, else the largest.
SELECT DISTINCT ON (a.uid, a.patient) a.uid, a.patient, s.id, s.patient_id, u.series, u.instances
  FROM unnest($1::text[], $2::text[]) a (uid, patient)
  JOIN LATERAL (
    SELECT study_key, id, coalesce(patient_tags ->> '00100020', '') AS patient_id
      FROM studies WHERE upper(study_uid) = a.uid
  ) s ON true
  JOIN study_sums u USING (study_key)
 ORDER BY a.uid, a.patient, s.patient_id = a.patient DESC, u.instances DESC, study_key
