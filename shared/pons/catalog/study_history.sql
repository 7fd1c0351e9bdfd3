-- What happened to a study, as far as the logs know.

-- name: changes_of_study
-- The latest $2 changes of the study $1 and of its series, newest first.
SELECT c.seq, c.change_type, c.level, c.resource_id, c.date
  FROM (SELECT s.study_key AS key FROM studies s WHERE s.id = $1
         UNION ALL
        SELECT r.series_key FROM studies s JOIN series r USING (study_key) WHERE s.id = $1) own
  JOIN changes c ON c.resource_key = own.key
 ORDER BY c.seq DESC LIMIT $2

-- name: sent_of_study
-- What each job sent of the study $1 to a destination, newest first, among the latest $3 exports.
SELECT e.job_id, e.remote_modality, e.level, count(*) AS sent, max(e.date) AS date
  FROM (SELECT * FROM exports ORDER BY seq DESC LIMIT $3) e
  JOIN studies s ON s.id = $1 AND s.study_uid = e.study_uid
  JOIN patients p ON p.patient_key = s.patient_key AND p.patient_id = e.patient_id
 GROUP BY e.job_id, e.remote_modality, e.level
 ORDER BY date DESC LIMIT $2
