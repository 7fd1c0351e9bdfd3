-- What is read of a resource: each piece costs one expression, of its own row only, so that nothing is
-- read that nobody asked for. They fit into any statement over patients p, studies s, series r or
-- instances i; fields.py puts them between SELECT and FROM. Names in braces are filled in by
-- `schema.at` for a level: {row} and {key} are the resource's, {up} what it belongs to, {down} what it
-- has below.

-- name: row
-- What every resource has: its key and its identifier.
{key} AS key, {row}.id

-- name: tags
-- Main DICOM tags.
{row}.tags

-- name: study_tags
-- Main DICOM tags, and the study's own copy of its patient's.
s.tags, s.patient_tags

-- name: parent
-- Identifier one level up.
(SELECT {up}.id FROM {up_table} WHERE {up}.{up_column} = {row}.{up_column}) AS parent

-- name: children
-- Identifiers one level down, ascending, one after the other.
(SELECT string_agg({down}.id, '' ORDER BY {down}.id) FROM {down_table}
  WHERE {down}.{column} = {key}) AS children

-- name: status
-- How many instances a series says it has, and how many distinct indices lie inside and outside 1..expected.
r.expected_instances AS expected,
CASE WHEN r.expected_instances IS NOT NULL THEN
(SELECT ARRAY[count(DISTINCT i.index_in_series)
                FILTER (WHERE i.index_in_series BETWEEN 1 AND r.expected_instances),
              count(*) FILTER (WHERE i.index_in_series NOT BETWEEN 1 AND r.expected_instances)]
   FROM instances i WHERE i.series_key = r.series_key) END AS places

-- name: stable
-- True while it still receives. No EXISTS: a plan for many rows would read all of the table first.
(SELECT true FROM unstable u WHERE u.resource_key = {key}) AS unstable

-- name: protected
-- Whether recycling passes a patient over.
p.protected

-- name: details
-- What has no word of its own.
{row}.last_update

-- name: instance_details
-- As details, and where its file is.
i.size, i.object_key, i.index_in_series

-- name: sources
-- Where a resource came from (metadata 5 and 6).
(SELECT jsonb_object_agg(m.number, m.text_value) FROM metadata m
  WHERE m.resource_key = {key} AND m.number IN (5, 6)) AS sources

-- name: owned
-- A value of what a resource belongs to, further up.
(SELECT {value} FROM {path} WHERE {up}.{up_column} = {row}.{up_column})

-- name: header
-- The header of any one instance: its key, the bytes where they are few, and where they are when they are kept apart.
(SELECT ROW(h.instance_key,
            CASE WHEN octet_length(h.header) <= 65536 THEN h.header END, h.header_key)
   FROM {path} WHERE {down}.{column} = {key} LIMIT 1) AS header

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

-- name: labels
-- The labels of a resource, sorted.
ARRAY(SELECT l.label FROM labels l WHERE l.resource_key = {key} ORDER BY l.label COLLATE "C")

-- name: attachment_numbers
-- The numbers of what clients attached to a resource.
ARRAY(SELECT a.number FROM attachments a WHERE a.resource_key = {key} ORDER BY a.number)

-- name: attachments
-- What clients attached to a resource, as Orthanc's JSON.
coalesce((
    SELECT jsonb_agg(jsonb_build_object(
               'Uuid', a.object_key, 'ContentType', a.number,
               'UncompressedSize', a.size, 'CompressedSize', a.stored_size,
               'UncompressedMD5', encode(a.md5, 'hex'), 'CompressedMD5', encode(a.stored_md5, 'hex')
           ) ORDER BY a.number)
      FROM attachments a WHERE a.resource_key = {key}), '[]')

-- name: dicom_file
-- The attachment that is an instance's own file; nobody keeps its MD5.
jsonb_build_array(jsonb_build_object(
    'Uuid', i.object_key, 'ContentType', 1, 'UncompressedSize', i.size,
    'CompressedSize', i.stored_size, 'UncompressedMD5', '', 'CompressedMD5', ''))

-- name: metadata
-- Every metadata of a resource: a JSON object of numbers to text, empty for what is no text.
jsonb_strip_nulls(jsonb_build_object({columns})) || coalesce((
    SELECT jsonb_object_agg(m.number, coalesce(m.text_value, ''))
      FROM metadata m WHERE m.resource_key = {key}), '{}')

-- name: written_text
-- A metadata that was written, as text.
(SELECT m.text_value FROM metadata m WHERE m.resource_key = {key} AND m.number = {number})

-- name: signature
-- The list of main tags that was in force when the resource came; number 0 is the one built in.
coalesce((
    SELECT string_agg(lower(left(tag, 4) || ',' || right(tag, 4)), ';' ORDER BY tag)
      FROM signatures g, jsonb_array_elements_text(g.tags -> '{level}' || '{sequences}') AS t (tag)
     WHERE g.signature = {row}.signature), '{built_in}')

-- name: main_sequences
-- Main sequences as Orthanc has them in a metadata.
jsonb_build_object('Sequences', coalesce({row}.sequences, '{}'), 'Version', 1)::text

-- name: pixel_data_offset
-- Where the element of the pixel data begins, which is 12 bytes before its value, or 8 in an implicit syntax. There is no such place in a deflated file, and Orthanc tells none of one without meta information.
CASE WHEN i.transfer_syntax = '1.2.840.10008.1.2.1.99' THEN NULL
     WHEN i.transfer_syntax <> '1.2.840.10008.1.2' THEN (i.pixel_offset - 12)::text
     WHEN EXISTS (SELECT FROM headers h WHERE h.instance_key = i.instance_key AND h.meta <> '{}')
     THEN (i.pixel_offset - 8)::text END

-- name: read_value
-- One expression about a resource.
SELECT {expression} AS value FROM {table} WHERE {row}.id = $1

-- name: read_written
-- One metadata that was written, with its revision.
SELECT m.value, m.revision
  FROM {table} JOIN metadata m ON m.resource_key = {key}
 WHERE {row}.id = $1 AND m.number = $2

-- name: read_attachment
-- What a client attached to a resource.
SELECT a.number, a.object_key, a.size, a.stored_size, a.compression, a.revision,
       encode(a.md5, 'hex') AS md5, encode(a.stored_md5, 'hex') AS stored_md5, ''::bytea AS checksum
  FROM {table} JOIN attachments a ON a.resource_key = {key}
 WHERE {row}.id = $1 AND a.number = $2

-- name: read_dicom_file
-- The file of an instance, as an attachment.
SELECT 1 AS number, i.object_key, i.size, i.stored_size, i.compression, 0::bigint AS revision,
       '' AS md5, '' AS stored_md5, i.checksum
  FROM instances i
 WHERE i.id = $1
