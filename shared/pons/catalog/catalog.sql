-- What is read of the index beside the fields of resources, which fields.sql is about. One statement
-- answers one request, so that each answer is one snapshot. statements.py fills in the braces.

-- name: totals
-- The one row that every writing transaction keeps exact: the same cost at any size. Asked for by `true`.
SELECT one AS id, patients, studies, series, instances, size, stored_size FROM totals WHERE one = ANY ($1)

-- name: statistics
-- What a resource takes, files and attachments apart. No row when there is no such resource.
WITH tree AS MATERIALIZED (
    SELECT {keys}, i.size, i.stored_size FROM {path} WHERE {row}.id = $1
), hanging AS (
    SELECT coalesce(sum(a.size), 0)::bigint AS attached_size,
           coalesce(sum(a.stored_size), 0)::bigint AS attached_stored_size
      FROM attachments a WHERE a.resource_key IN ({each_key})
)
SELECT {counts} sum(size)::bigint AS size, sum(stored_size)::bigint AS stored_size,
       (SELECT attached_size FROM hanging), (SELECT attached_stored_size FROM hanging)
  FROM tree
HAVING count(*) > 0

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

-- piece: exported
-- What is told of an export.
SELECT seq, level, resource_id, remote_modality, patient_id, study_uid, series_uid, sop_instance_uid,
       date FROM exports

-- name: exports
-- Instances that were sent, after $1, in ascending order.
{exported} WHERE seq > $1 ORDER BY seq LIMIT $2

-- name: latest_exports
-- The latest exports, newest first.
{exported} ORDER BY seq DESC LIMIT $1

-- name: object
-- Where instances' bytes are, and what is in them.
SELECT i.id, i.object_key, i.size, i.stored_size, i.compression, i.transfer_syntax, i.sop_class_uid,
       i.sop_instance_uid, i.pixel_offset, i.pixel_length, i.pixel_vr, i.checksum
  FROM instances i WHERE i.id = ANY ($1)

-- piece: all_headers
-- Headers as they were scanned, and whether pixel data follows; those of more than 64 KiB stay behind, so that a page of them has a bound (`packed_header` gives one).
SELECT i.id, i.instance_key, h.header_key, h.meta, i.pixel_offset, i.pixel_vr,
       CASE WHEN octet_length(h.header) <= 65536 THEN h.header END AS header
  FROM instances i JOIN headers h USING (instance_key)

-- name: header
-- Those of instances by their identifiers.
{all_headers} WHERE i.id = ANY ($1)

-- name: headers
-- Those of the instances with these keys, in order of arrival.
{all_headers} WHERE i.instance_key = ANY ($1) ORDER BY i.instance_key

-- name: instance_keys_below
-- The instances of the resource $2 of level $1, in order of arrival.
{instances_of_one}
ORDER BY 1

-- name: packed_header
-- The header of one instance, however long.
SELECT header FROM headers WHERE instance_key = $1

-- name: series_slices
-- The instances of a series with their index in it, in order of arrival.
SELECT i.id, i.index_in_series, i.object_key FROM series r JOIN instances i USING (series_key)
 WHERE r.id = $1 ORDER BY i.instance_key

-- piece: middle
-- The instance in the middle of those of one series that have pixels, in the order of their index.
SELECT id, object_key
  FROM (SELECT i.id, i.object_key, count(*) OVER () AS all_of_them,
               row_number() OVER (ORDER BY i.index_in_series NULLS LAST, i.instance_key) AS place
          FROM instances i
         WHERE i.pixel_offset IS NOT NULL AND i.series_key = (SELECT series_key FROM one)) pictured
 WHERE place = all_of_them / 2 + 1

-- name: middle_of_series
-- That of a series.
WITH one AS (SELECT series_key FROM series WHERE id = $1)
{middle}

-- name: middle_of_study
-- That of the series of a study that has the most such instances, the first of equals.
WITH one AS (SELECT r.series_key FROM studies s JOIN series r USING (study_key)
               JOIN instances i USING (series_key)
              WHERE s.id = $1 AND i.pixel_offset IS NOT NULL
              GROUP BY r.series_key ORDER BY count(*) DESC, r.series_key LIMIT 1)
{middle}

-- name: instances_to_send
-- The instances of resources of any level, each once, in an order that keeps series together.
WITH named (instance_key) AS ({instances_of_ids})
SELECT i.id, i.object_key, i.size, i.stored_size, i.compression, i.transfer_syntax,
       i.sop_class_uid, i.sop_instance_uid, i.checksum, r.series_uid, s.study_uid, p.patient_id,
       ARRAY[p.id, s.id, r.id] AS parents
  FROM named JOIN instances i USING (instance_key) JOIN series r USING (series_key)
  JOIN studies s USING (study_key) JOIN patients p USING (patient_key)
 ORDER BY s.study_key, r.series_key, i.index_in_series NULLS LAST, i.instance_key

-- name: instances_named
-- The instances with these SOP Instance UIDs, each as often as the store has it, of whatever patients.
SELECT i.id, i.object_key, i.size, i.stored_size, i.compression, i.transfer_syntax, i.sop_class_uid,
       i.sop_instance_uid, i.pixel_offset, i.pixel_length, i.pixel_vr, i.checksum
  FROM unnest($1::text[]) AS asked (uid)
  JOIN instances i ON upper(i.sop_instance_uid) = upper(asked.uid) AND i.sop_instance_uid = asked.uid

-- name: restoring
-- Whether objects are being compared with the index, or it has not said for $1 that they are not; no row: the index has not begun.
SELECT comparing <> '' OR compared < suspected OR beaten_at IS NULL
    OR beaten_at < clock_timestamp() - make_interval(secs => $1) AS restoring
FROM continuity

-- name: known_resources
-- Which of the identifiers name a resource, of whatever level.
{own_ids}

-- name: archived_series
-- The series of resources of any level, each once, those of a study and of a patient together.
WITH whole (series_key) AS ({series_of_ids}), named AS (
    SELECT series_key, true AS whole FROM whole
    UNION ALL
    SELECT DISTINCT i.series_key, false FROM instances i
     WHERE i.id = ANY ($1) AND i.series_key NOT IN (SELECT series_key FROM whole)
)
SELECT series_key, n.whole, r.tags, study_key, s.tags AS study_tags, s.patient_key, s.patient_tags
  FROM named n JOIN series r USING (series_key) JOIN studies s USING (study_key)
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
        SELECT i.instance_key, i.size FROM instances i WHERE i.id = ANY ($2::bytea[])) AS named

-- name: all_labels
-- Every label that some resource has: one step in the index for each, however often it is used.
WITH RECURSIVE found AS (
    (SELECT label FROM labels ORDER BY label LIMIT 1)
    UNION ALL
    SELECT (SELECT l.label FROM labels l WHERE l.label > found.label ORDER BY l.label LIMIT 1)
      FROM found WHERE found.label IS NOT NULL
)
SELECT label FROM found WHERE label IS NOT NULL ORDER BY label COLLATE "C"

-- name: bulk_any
-- Which resources identifiers name: level and key in the order of the identifiers.
WITH asked AS (SELECT * FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place))
{own_keys}
 ORDER BY place

-- name: bulk
-- The resources of a level that these are, belong to or have below, each once, in their order.
WITH asked AS (SELECT * FROM unnest($1::bytea[]) WITH ORDINALITY asked (id, place)),
found (key, place) AS ({related})
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
