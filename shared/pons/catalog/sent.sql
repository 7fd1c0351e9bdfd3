-- What was sent, as people look for it.

-- name: sent
-- The latest of what was sent and matches, with what is known of its study as long as that is here.
-- {where} is conditions on exports, {limit} how many.
SELECT e.*, s.id AS study_id, s.patient_tags ->> '00100010' AS patient_name,
       s.tags ->> '00081030' AS description
  FROM (SELECT x.seq, x.level, x.resource_id, x.remote_modality, x.patient_id, x.study_uid, x.date
          FROM exports x WHERE {where} ORDER BY x.seq DESC LIMIT {limit}) e
  LEFT JOIN LATERAL (
       SELECT id, tags, patient_tags FROM studies
        WHERE upper(study_uid) = upper(e.study_uid) AND study_uid = e.study_uid
          AND btrim(coalesce(patient_tags ->> '00100020', '')) = btrim(e.patient_id)
        LIMIT 1) s ON true
 ORDER BY e.seq DESC

-- name: named
-- Identifiers of patients whose names are so.
SELECT p.patient_id FROM patients p WHERE {where}
