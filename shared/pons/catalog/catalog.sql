-- What is read of the index beside lists of resources, which find.sql is about.
-- One statement answers one request, so that each answer is one snapshot.

-- name: totals
-- The one row that every writing transaction keeps exact: the same cost at any size.
SELECT patients, studies, series, instances, size, stored_size, last_change FROM totals

-- name: patient_statistics
-- What a patient takes, files and attachments apart. No row when there is no such patient.
WITH tree AS MATERIALIZED (
    SELECT p.patient_key, s.study_key, r.series_key, i.instance_key, i.size, i.stored_size
      FROM patients p JOIN studies s USING (patient_key) JOIN series r USING (study_key)
      JOIN instances i USING (series_key)
     WHERE p.id = $1
), hanging AS (
    SELECT sum(a.size)::bigint AS size, sum(a.stored_size)::bigint AS stored_size
      FROM attachments a
     WHERE a.resource_key IN (
           SELECT patient_key FROM tree UNION SELECT study_key FROM tree
           UNION SELECT series_key FROM tree UNION SELECT instance_key FROM tree)
)
SELECT count(DISTINCT study_key) AS studies, count(DISTINCT series_key) AS series,
       count(*) AS instances, sum(size)::bigint AS size, sum(stored_size)::bigint AS stored_size,
       coalesce((SELECT size FROM hanging), 0) AS attached_size,
       coalesce((SELECT stored_size FROM hanging), 0) AS attached_stored_size
  FROM tree
HAVING count(*) > 0

-- name: study_statistics
-- As patient_statistics.
WITH tree AS MATERIALIZED (
    SELECT s.study_key, r.series_key, i.instance_key, i.size, i.stored_size
      FROM studies s JOIN series r USING (study_key) JOIN instances i USING (series_key)
     WHERE s.id = $1
), hanging AS (
    SELECT sum(a.size)::bigint AS size, sum(a.stored_size)::bigint AS stored_size
      FROM attachments a
     WHERE a.resource_key IN (
           SELECT study_key FROM tree UNION SELECT series_key FROM tree
           UNION SELECT instance_key FROM tree)
)
SELECT count(DISTINCT series_key) AS series, count(*) AS instances,
       sum(size)::bigint AS size, sum(stored_size)::bigint AS stored_size,
       coalesce((SELECT size FROM hanging), 0) AS attached_size,
       coalesce((SELECT stored_size FROM hanging), 0) AS attached_stored_size
  FROM tree
HAVING count(*) > 0

-- name: series_statistics
-- As patient_statistics.
WITH tree AS MATERIALIZED (
    SELECT r.series_key, i.instance_key, i.size, i.stored_size
      FROM series r JOIN instances i USING (series_key)
     WHERE r.id = $1
), hanging AS (
    SELECT sum(a.size)::bigint AS size, sum(a.stored_size)::bigint AS stored_size
      FROM attachments a
     WHERE a.resource_key IN (
           SELECT series_key FROM tree UNION SELECT instance_key FROM tree)
)
SELECT count(*) AS instances,
       sum(size)::bigint AS size, sum(stored_size)::bigint AS stored_size,
       coalesce((SELECT size FROM hanging), 0) AS attached_size,
       coalesce((SELECT stored_size FROM hanging), 0) AS attached_stored_size
  FROM tree
HAVING count(*) > 0

-- name: instance_statistics
-- As patient_statistics.
SELECT i.size, i.stored_size, coalesce(a.size, 0) AS attached_size,
       coalesce(a.stored_size, 0) AS attached_stored_size
  FROM instances i
 CROSS JOIN LATERAL (
       SELECT sum(size)::bigint AS size, sum(stored_size)::bigint AS stored_size
         FROM attachments WHERE resource_key = i.instance_key) a
 WHERE i.id = $1

-- name: changes
-- Changes after $1 up to $2, of the types $3 (NULL: all), in ascending order.
SELECT c.seq, c.change_type, c.level, c.resource_id, c.date, t.last_change
  FROM totals t LEFT JOIN LATERAL (
       SELECT * FROM changes
        WHERE seq > $1 AND ($2::bigint IS NULL OR seq <= $2)
          AND ($3::smallint[] IS NULL OR change_type = ANY ($3))
        ORDER BY seq LIMIT $4) c ON true
 ORDER BY c.seq

-- name: latest_changes
-- The latest changes up to $1 (NULL: of all), of the types $2 (NULL: all), newest first.
SELECT c.seq, c.change_type, c.level, c.resource_id, c.date, t.last_change
  FROM totals t LEFT JOIN LATERAL (
       SELECT * FROM changes
        WHERE ($1::bigint IS NULL OR seq <= $1)
          AND ($2::smallint[] IS NULL OR change_type = ANY ($2))
        ORDER BY seq DESC LIMIT $3) c ON true
 ORDER BY c.seq DESC

-- name: exports
-- Instances that were sent, after $1, in ascending order.
SELECT * FROM exports WHERE seq > $1 ORDER BY seq LIMIT $2

-- name: latest_exports
-- The latest exports, newest first.
SELECT * FROM exports ORDER BY seq DESC LIMIT $1

-- name: object
-- Where instances' bytes are, and what is in them.
SELECT i.id, i.object_key, i.size, i.stored_size, i.compression, i.transfer_syntax, i.sop_class_uid,
       i.sop_instance_uid, i.pixel_offset, i.pixel_length, i.pixel_vr, i.checksum
  FROM instances i WHERE i.id = ANY ($1)

-- name: header
-- Instances' headers as they were scanned, and whether pixel data follows; those of more than
-- 64 KiB stay behind, so that a page of them has a bound (`packed_header` gives one).
SELECT i.id, i.instance_key, h.header_key, h.meta, i.pixel_offset, i.pixel_vr,
       CASE WHEN octet_length(h.header) <= 65536 THEN h.header END AS header
  FROM instances i JOIN headers h USING (instance_key) WHERE i.id = ANY ($1)

-- name: instance_keys_below
-- The instances of the resource $2 of level $1, in order of arrival.
SELECT i.instance_key FROM instances i WHERE $1 = 3 AND i.id = $2
 UNION ALL
SELECT i.instance_key FROM series r JOIN instances i USING (series_key) WHERE $1 = 2 AND r.id = $2
 UNION ALL
SELECT i.instance_key FROM studies s JOIN series r USING (study_key)
  JOIN instances i USING (series_key) WHERE $1 = 1 AND s.id = $2
 UNION ALL
SELECT i.instance_key FROM patients p JOIN studies s USING (patient_key)
  JOIN series r USING (study_key) JOIN instances i USING (series_key) WHERE $1 = 0 AND p.id = $2
 ORDER BY 1

-- name: packed_header
-- The header of one instance, however long.
SELECT header FROM headers WHERE instance_key = $1

-- name: headers
-- The headers of these instances, in order of arrival, as `header` gives them.
SELECT i.id, i.instance_key, h.header_key, h.meta, i.pixel_offset, i.pixel_vr,
       CASE WHEN octet_length(h.header) <= 65536 THEN h.header END AS header
  FROM instances i JOIN headers h USING (instance_key)
 WHERE i.instance_key = ANY ($1)
 ORDER BY i.instance_key

-- name: series_indices
-- The instances of a series with their index in it, in order of arrival.
SELECT i.id, i.index_in_series FROM series r JOIN instances i USING (series_key)
 WHERE r.id = $1 ORDER BY i.instance_key

-- name: instances_to_send
-- The instances of resources of any level, each once, in an order that keeps series together.
WITH wanted AS (
    SELECT i.instance_key FROM instances i WHERE i.id = ANY ($1)
    UNION
    SELECT i.instance_key FROM series r JOIN instances i USING (series_key) WHERE r.id = ANY ($1)
    UNION
    SELECT i.instance_key FROM studies s JOIN series r USING (study_key)
      JOIN instances i USING (series_key) WHERE s.id = ANY ($1)
    UNION
    SELECT i.instance_key FROM patients p JOIN studies s USING (patient_key)
      JOIN series r USING (study_key) JOIN instances i USING (series_key) WHERE p.id = ANY ($1)
)
SELECT i.id, i.object_key, i.size, i.stored_size, i.compression, i.transfer_syntax,
       i.sop_class_uid, i.sop_instance_uid, i.checksum, r.series_uid, s.study_uid, p.patient_id,
       ARRAY[p.id, s.id, r.id] AS parents
  FROM wanted JOIN instances i USING (instance_key) JOIN series r USING (series_key)
  JOIN studies s USING (study_key) JOIN patients p USING (patient_key)
 ORDER BY s.study_key, r.series_key, i.index_in_series NULLS LAST, i.instance_key

-- name: known_resources
-- Which of the identifiers name a resource, of whatever level.
SELECT p.id FROM patients p WHERE p.id = ANY ($1)
UNION ALL SELECT s.id FROM studies s WHERE s.id = ANY ($1)
UNION ALL SELECT r.id FROM series r WHERE r.id = ANY ($1)
UNION ALL SELECT i.id FROM instances i WHERE i.id = ANY ($1)

-- name: archived_series
-- The series of resources of any level, each once, those of a study and of a patient together.
WITH whole AS (
    SELECT r.series_key FROM series r WHERE r.id = ANY ($1)
    UNION
    SELECT r.series_key FROM studies s JOIN series r USING (study_key) WHERE s.id = ANY ($1)
    UNION
    SELECT r.series_key FROM patients p JOIN studies s USING (patient_key)
      JOIN series r USING (study_key) WHERE p.id = ANY ($1)
), wanted AS (
    SELECT series_key, true AS whole FROM whole
    UNION ALL
    SELECT DISTINCT i.series_key, false FROM instances i
     WHERE i.id = ANY ($1) AND i.series_key NOT IN (SELECT series_key FROM whole)
)
SELECT series_key, w.whole, r.tags, study_key, s.tags AS study_tags, s.patient_key, s.patient_tags
  FROM wanted w JOIN series r USING (series_key) JOIN studies s USING (study_key)
 ORDER BY s.patient_key, study_key, series_key

-- name: archived_instances
-- The instances of the series $1, of those in $2 where that is not NULL, in the order of the series.
SELECT i.id, i.index_in_series, i.object_key, i.size, i.stored_size, i.compression,
       i.transfer_syntax, i.sop_class_uid, i.sop_instance_uid, i.pixel_offset, i.pixel_length,
       i.pixel_vr, i.checksum
  FROM instances i
 WHERE i.series_key = $1 AND ($2::bytea[] IS NULL OR i.id = ANY ($2))
 ORDER BY i.index_in_series NULLS LAST, i.instance_key

-- name: archived_totals
-- How much the instances of the series $1, and the instances $2 themselves, are together.
SELECT count(*) AS instances, coalesce(sum(size), 0)::bigint AS size
  FROM (SELECT i.instance_key, i.size FROM instances i WHERE i.series_key = ANY ($1::bigint[])
        UNION
        SELECT i.instance_key, i.size FROM instances i WHERE i.id = ANY ($2::bytea[])) AS wanted

-- name: all_labels
-- Every label that some resource has: one step in the index for each, however often it is used.
WITH RECURSIVE found AS (
    (SELECT label FROM labels ORDER BY label LIMIT 1)
    UNION ALL
    SELECT (SELECT l.label FROM labels l WHERE l.label > found.label ORDER BY l.label LIMIT 1)
      FROM found WHERE found.label IS NOT NULL
)
SELECT label FROM found WHERE label IS NOT NULL ORDER BY label COLLATE "C"
