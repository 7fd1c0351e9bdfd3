-- Metadata, labels and attachments of a resource: expressions for a place in any statement over
-- patients p, studies s, series r or instances i, and the statements that read one resource.
-- The braces are filled in by metadata.py, from its own tables only.

-- name: labels
-- The labels of a resource, sorted.
ARRAY(SELECT l.label FROM labels l WHERE l.resource_key = {key} ORDER BY l.label COLLATE "C")

-- name: signature
-- The list of main tags that was in force when the resource came; number 0 is the one built in.
coalesce((
    SELECT string_agg(lower(left(tag, 4) || ',' || right(tag, 4)), ';' ORDER BY tag)
      FROM signatures g, jsonb_array_elements_text(g.tags -> '{level}' || '{sequences}') AS t (tag)
     WHERE g.signature = {alias}.signature), '{built_in}')

-- name: pixel_data_offset
-- Where the element of the pixel data begins, which is 12 bytes before its value, or 8 in an implicit syntax. There is no such place in a deflated file, and Orthanc tells none of one without meta information.
CASE WHEN i.transfer_syntax = '1.2.840.10008.1.2.1.99' THEN NULL
     WHEN i.transfer_syntax <> '1.2.840.10008.1.2' THEN (i.pixel_offset - 12)::text
     WHEN EXISTS (SELECT FROM headers h WHERE h.instance_key = i.instance_key AND h.meta <> '{}')
     THEN (i.pixel_offset - 8)::text END

-- name: written_text
-- A metadata that was written, as text.
(SELECT m.text_value FROM metadata m WHERE m.resource_key = {key} AND m.number = {number})

-- name: all_metadata
-- Every metadata of a resource: a JSON object of numbers to text, empty for what is no text.
jsonb_strip_nulls(jsonb_build_object({columns})) || coalesce((
    SELECT jsonb_object_agg(m.number, coalesce(m.text_value, ''))
      FROM metadata m WHERE m.resource_key = {key}), '{}')

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

-- name: read_value
-- One expression about a resource.
SELECT {expression} AS value FROM {table} {alias} WHERE {alias}.id = $1

-- name: read_written
-- One metadata that was written, with its revision.
SELECT m.value, m.revision
  FROM {table} {alias} JOIN metadata m ON m.resource_key = {key}
 WHERE {alias}.id = $1 AND m.number = $2

-- name: attachment_numbers
-- The numbers of what clients attached to a resource.
ARRAY(SELECT a.number FROM attachments a WHERE a.resource_key = {key} ORDER BY a.number)

-- name: read_attachment
-- What a client attached to a resource.
SELECT a.number, a.object_key, a.size, a.stored_size, a.compression, a.revision,
       encode(a.md5, 'hex') AS md5, encode(a.stored_md5, 'hex') AS stored_md5, ''::bytea AS checksum
  FROM {table} {alias} JOIN attachments a ON a.resource_key = {key}
 WHERE {alias}.id = $1 AND a.number = $2

-- name: read_dicom_file
-- The file of an instance, as an attachment.
SELECT 1 AS number, i.object_key, i.size, i.stored_size, i.compression, 0::bigint AS revision,
       '' AS md5, '' AS stored_md5, i.checksum
  FROM instances i
 WHERE i.id = $1
