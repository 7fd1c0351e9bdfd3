-- The pieces of a statement about resources: what each part of a resource's object costs one
-- expression, of its own row only, so that nothing is read that nobody asked for. shown.py puts
-- them between SELECT and FROM.

-- name: patient_row
-- What every resource has: its key and its identifier.
p.patient_key AS key, p.id

-- name: study_row
-- As patient_row.
s.study_key AS key, s.id

-- name: series_row
-- As patient_row.
r.series_key AS key, r.id

-- name: instance_row
-- As patient_row.
i.instance_key AS key, i.id

-- name: patient_tags
-- Main DICOM tags.
p.tags

-- name: study_tags
-- Main DICOM tags, and the study's own copy of its patient's.
s.tags, s.patient_tags

-- name: series_tags
-- Main DICOM tags.
r.tags

-- name: instance_tags
-- Main DICOM tags.
i.tags

-- name: study_parent
-- Identifier one level up.
(SELECT p.id FROM patients p WHERE p.patient_key = s.patient_key) AS parent

-- name: series_parent
-- As study_parent.
(SELECT s.id FROM studies s WHERE s.study_key = r.study_key) AS parent

-- name: instance_parent
-- As study_parent.
(SELECT r.id FROM series r WHERE r.series_key = i.series_key) AS parent

-- name: patient_children
-- Identifiers one level down, ascending, one after the other.
(SELECT string_agg(s.id, '' ORDER BY s.id) FROM studies s
  WHERE s.patient_key = p.patient_key) AS children

-- name: study_children
-- As patient_children.
(SELECT string_agg(r.id, '' ORDER BY r.id) FROM series r
  WHERE r.study_key = s.study_key) AS children

-- name: series_children
-- As patient_children.
(SELECT string_agg(i.id, '' ORDER BY i.id) FROM instances i
  WHERE i.series_key = r.series_key) AS children

-- name: series_status
-- How many instances it says it has, and how many distinct indices lie inside and outside 1..expected.
r.expected_instances AS expected,
CASE WHEN r.expected_instances IS NOT NULL THEN
(SELECT ARRAY[count(DISTINCT i.index_in_series)
                FILTER (WHERE i.index_in_series BETWEEN 1 AND r.expected_instances),
              count(*) FILTER (WHERE i.index_in_series NOT BETWEEN 1 AND r.expected_instances)]
   FROM instances i WHERE i.series_key = r.series_key) END AS places

-- name: patient_stable
-- True while it still receives. No EXISTS: a plan for many rows would read all of the table first.
(SELECT true FROM unstable u WHERE u.resource_key = p.patient_key) AS unstable

-- name: study_stable
-- As patient_stable.
(SELECT true FROM unstable u WHERE u.resource_key = s.study_key) AS unstable

-- name: series_stable
-- As patient_stable.
(SELECT true FROM unstable u WHERE u.resource_key = r.series_key) AS unstable

-- name: patient_protected
-- Whether recycling passes it over.
p.protected

-- name: patient_details
-- What has no word of its own, and where the patient came from (metadata 5 and 6).
p.last_update,
(SELECT jsonb_object_agg(m.number, m.text_value) FROM metadata m
  WHERE m.resource_key = p.patient_key AND m.number IN (5, 6)) AS sources

-- name: study_details
-- As patient_details.
s.last_update,
(SELECT jsonb_object_agg(m.number, m.text_value) FROM metadata m
  WHERE m.resource_key = s.study_key AND m.number IN (5, 6)) AS sources

-- name: series_details
-- As patient_details.
r.last_update,
(SELECT jsonb_object_agg(m.number, m.text_value) FROM metadata m
  WHERE m.resource_key = r.series_key AND m.number IN (5, 6)) AS sources

-- name: instance_details
-- As patient_details, and where its file is.
i.size, i.object_key, i.index_in_series,
(SELECT jsonb_object_agg(m.number, m.text_value) FROM metadata m
  WHERE m.resource_key = i.instance_key AND m.number IN (5, 6)) AS sources

-- name: series_of_study_tags
-- The main tags of a series' study.
(SELECT s.tags FROM studies s WHERE s.study_key = r.study_key) AS study_tags

-- name: series_of_patient_tags
-- The main tags of a series' patient.
(SELECT s.patient_tags FROM studies s WHERE s.study_key = r.study_key) AS patient_tags

-- name: instance_of_series_tags
-- The main tags of an instance's series.
(SELECT r.tags FROM series r WHERE r.series_key = i.series_key) AS series_tags

-- name: instance_of_study_tags
-- The main tags of an instance's study.
(SELECT s.tags FROM series r JOIN studies s USING (study_key)
  WHERE r.series_key = i.series_key) AS study_tags

-- name: instance_of_patient_tags
-- The main tags of an instance's patient.
(SELECT s.patient_tags FROM series r JOIN studies s USING (study_key)
  WHERE r.series_key = i.series_key) AS patient_tags

-- name: patient_of_patient_sequences
-- Main tags that are sequences, as DICOM JSON.
p.sequences

-- name: study_of_study_sequences
-- As patient_of_patient_sequences.
s.sequences

-- name: study_of_patient_sequences
-- The main sequences of a study's patient.
(SELECT p.sequences FROM patients p WHERE p.patient_key = s.patient_key) AS patient_sequences

-- name: series_of_series_sequences
-- As patient_of_patient_sequences.
r.sequences

-- name: series_of_study_sequences
-- The main sequences of a series' study.
(SELECT s.sequences FROM studies s WHERE s.study_key = r.study_key) AS study_sequences

-- name: series_of_patient_sequences
-- The main sequences of a series' patient.
(SELECT p.sequences FROM studies s JOIN patients p USING (patient_key)
  WHERE s.study_key = r.study_key) AS patient_sequences

-- name: instance_of_instance_sequences
-- As patient_of_patient_sequences.
i.sequences

-- name: instance_of_series_sequences
-- The main sequences of an instance's series.
(SELECT r.sequences FROM series r WHERE r.series_key = i.series_key) AS series_sequences

-- name: instance_of_study_sequences
-- The main sequences of an instance's study.
(SELECT s.sequences FROM series r JOIN studies s USING (study_key)
  WHERE r.series_key = i.series_key) AS study_sequences

-- name: instance_of_patient_sequences
-- The main sequences of an instance's patient.
(SELECT p.sequences FROM series r JOIN studies s USING (study_key)
   JOIN patients p USING (patient_key) WHERE r.series_key = i.series_key) AS patient_sequences

-- name: tag_00201200
-- NumberOfPatientRelatedStudies.
(SELECT count(*) FROM studies s WHERE s.patient_key = p.patient_key)::text

-- name: tag_00201202
-- NumberOfPatientRelatedSeries.
(SELECT count(*) FROM studies s JOIN series r USING (study_key)
  WHERE s.patient_key = p.patient_key)::text

-- name: tag_00201204
-- NumberOfPatientRelatedInstances; each series knows its own, so that nothing is counted.
(SELECT coalesce(sum(r.instances), 0) FROM studies s JOIN series r USING (study_key)
  WHERE s.patient_key = p.patient_key)::text

-- name: tag_00080061
-- ModalitiesInStudy.
coalesce((SELECT string_agg(DISTINCT r.tags ->> '00080060', '\' ORDER BY r.tags ->> '00080060')
            FROM series r WHERE r.study_key = s.study_key), '')

-- name: tag_00080062
-- SOPClassesInStudy.
coalesce((SELECT string_agg(DISTINCT i.sop_class_uid, '\' ORDER BY i.sop_class_uid)
            FROM series r JOIN instances i USING (series_key)
           WHERE r.study_key = s.study_key), '')

-- name: tag_00201206
-- NumberOfStudyRelatedSeries.
(SELECT count(*) FROM series r WHERE r.study_key = s.study_key)::text

-- name: tag_00201208
-- NumberOfStudyRelatedInstances.
(SELECT coalesce(sum(r.instances), 0) FROM series r WHERE r.study_key = s.study_key)::text

-- name: tag_00201209
-- NumberOfSeriesRelatedInstances.
r.instances::text

-- name: tag_00080056
-- InstanceAvailability.
'ONLINE'

-- name: patient_header
-- The header of any one instance: its key, the bytes where they are few, and where they are when
-- they are kept apart.
(SELECT ROW(h.instance_key,
            CASE WHEN octet_length(h.header) <= 65536 THEN h.header END, h.header_key)
   FROM studies s JOIN series r USING (study_key) JOIN instances i USING (series_key)
   JOIN headers h USING (instance_key)
  WHERE s.patient_key = p.patient_key LIMIT 1) AS header

-- name: study_header
-- As patient_header.
(SELECT ROW(h.instance_key,
            CASE WHEN octet_length(h.header) <= 65536 THEN h.header END, h.header_key)
   FROM series r JOIN instances i USING (series_key) JOIN headers h USING (instance_key)
  WHERE r.study_key = s.study_key LIMIT 1) AS header

-- name: series_header
-- As patient_header.
(SELECT ROW(h.instance_key,
            CASE WHEN octet_length(h.header) <= 65536 THEN h.header END, h.header_key) FROM instances i JOIN headers h USING (instance_key)
  WHERE i.series_key = r.series_key LIMIT 1) AS header

-- name: instance_header
-- As patient_header.
(SELECT ROW(h.instance_key,
            CASE WHEN octet_length(h.header) <= 65536 THEN h.header END, h.header_key) FROM headers h
  WHERE h.instance_key = i.instance_key) AS header

-- name: bulk_any
-- Which resources identifiers name: level and key in the order of the identifiers.
SELECT 0 AS level, p.patient_key AS key, asked.place
  FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place) JOIN patients p USING (id)
UNION ALL SELECT 1, s.study_key, asked.place
  FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place) JOIN studies s USING (id)
UNION ALL SELECT 2, r.series_key, asked.place
  FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place) JOIN series r USING (id)
UNION ALL SELECT 3, i.instance_key, asked.place
  FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place) JOIN instances i USING (id)
 ORDER BY place

-- name: bulk_patient
-- The patients of resources of any level, each once.
WITH asked AS (SELECT * FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place)),
found (key, place) AS (
    SELECT p.patient_key, place FROM asked JOIN patients p USING (id)
    UNION ALL SELECT s.patient_key, place FROM asked JOIN studies s USING (id)
    UNION ALL SELECT s.patient_key, place FROM asked JOIN series r USING (id)
      JOIN studies s USING (study_key)
    UNION ALL SELECT s.patient_key, place FROM asked JOIN instances i USING (id)
      JOIN series r USING (series_key) JOIN studies s USING (study_key)
)
SELECT key FROM found GROUP BY key ORDER BY min(place), key

-- name: bulk_study
-- The studies of, or in, resources of any level, each once.
WITH asked AS (SELECT * FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place)),
found (key, place) AS (
    SELECT s.study_key, place FROM asked JOIN patients p USING (id)
      JOIN studies s USING (patient_key)
    UNION ALL SELECT s.study_key, place FROM asked JOIN studies s USING (id)
    UNION ALL SELECT r.study_key, place FROM asked JOIN series r USING (id)
    UNION ALL SELECT r.study_key, place FROM asked JOIN instances i USING (id)
      JOIN series r USING (series_key)
)
SELECT key FROM found GROUP BY key ORDER BY min(place), key

-- name: bulk_series
-- The series of, or in, resources of any level, each once.
WITH asked AS (SELECT * FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place)),
found (key, place) AS (
    SELECT r.series_key, place FROM asked JOIN patients p USING (id)
      JOIN studies s USING (patient_key) JOIN series r USING (study_key)
    UNION ALL SELECT r.series_key, place FROM asked JOIN studies s USING (id)
      JOIN series r USING (study_key)
    UNION ALL SELECT r.series_key, place FROM asked JOIN series r USING (id)
    UNION ALL SELECT i.series_key, place FROM asked JOIN instances i USING (id)
)
SELECT key FROM found GROUP BY key ORDER BY min(place), key

-- name: bulk_instance
-- The instances in resources of any level, each once.
WITH asked AS (SELECT * FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place)),
found (key, place) AS (
    SELECT i.instance_key, place FROM asked JOIN patients p USING (id)
      JOIN studies s USING (patient_key) JOIN series r USING (study_key)
      JOIN instances i USING (series_key)
    UNION ALL SELECT i.instance_key, place FROM asked JOIN studies s USING (id)
      JOIN series r USING (study_key) JOIN instances i USING (series_key)
    UNION ALL SELECT i.instance_key, place FROM asked JOIN series r USING (id)
      JOIN instances i USING (series_key)
    UNION ALL SELECT i.instance_key, place FROM asked JOIN instances i USING (id)
)
SELECT key FROM found GROUP BY key ORDER BY min(place), key

-- name: look_up
-- Resources by the identifier that DICOM gives them, whole and whatever its case.
SELECT 0 AS level, p.id, p.patient_key AS key FROM patients p
 WHERE left(upper(p.patient_id), 200) = left(upper($1), 200) AND upper(p.patient_id) = upper($1)
UNION ALL SELECT 1, s.id, s.study_key FROM studies s WHERE upper(s.study_uid) = upper($1)
UNION ALL SELECT 2, r.id, r.series_key FROM series r WHERE upper(r.series_uid) = upper($1)
UNION ALL SELECT 3, i.id, i.instance_key FROM instances i
 WHERE upper(i.sop_instance_uid) = upper($1)
 ORDER BY level, key
