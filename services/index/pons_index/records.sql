-- What clients hang on resources, as it is noted beside the objects (see records.py).

-- name: read_record
-- Labels and protection of a resource at level $1, in a tree that is held.
SELECT
    coalesce((SELECT protected FROM patients WHERE $1 = 0 AND patient_key = $2), false) AS protected,
    array(SELECT label FROM labels WHERE resource_key = $2 ORDER BY label) AS labels;

-- name: read_all_metadata
-- Every metadata of a resource.
SELECT number, value, text_value, revision FROM metadata WHERE resource_key = $1 ORDER BY number;

-- name: read_all_attachments
-- Every attachment of a resource.
SELECT number, object_key, size, stored_size, compression, md5, stored_md5, revision
FROM attachments
WHERE resource_key = $1
ORDER BY number;

-- name: described_resources
-- Resources on which something hangs.
WITH described AS (
    SELECT resource_key FROM labels
    UNION
    SELECT resource_key FROM metadata
    UNION
    SELECT resource_key FROM attachments
)
SELECT 0::smallint AS level, id FROM patients
WHERE protected OR patient_key IN (SELECT resource_key FROM described)
UNION ALL
SELECT 1, id FROM studies JOIN described ON study_key = resource_key
UNION ALL
SELECT 2, id FROM series JOIN described ON series_key = resource_key
UNION ALL
SELECT 3, id FROM instances JOIN described ON instance_key = resource_key;

-- name: lived_before
-- Whether a resource has an object that was made before $3: otherwise it was made anew since.
SELECT EXISTS ({instances_before});
