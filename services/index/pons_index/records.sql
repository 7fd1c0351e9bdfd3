-- What hangs on resources, as it is noted beside the objects (see records.py).

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
SELECT EXISTS (SELECT FROM instances WHERE $1 = 3 AND instance_key = $2 AND object_key < $3)
    OR EXISTS (SELECT FROM instances WHERE $1 = 2 AND series_key = $2 AND object_key < $3)
    OR EXISTS (
        SELECT FROM series JOIN instances USING (series_key)
        WHERE $1 = 1 AND study_key = $2 AND object_key < $3
    )
    OR EXISTS (
        SELECT FROM studies JOIN series USING (study_key) JOIN instances USING (series_key)
        WHERE $1 = 0 AND patient_key = $2 AND object_key < $3
    );

-- name: replace_record
-- What hung on a resource gives way to what its note says; objects that are not among $2 become garbage.
WITH unlabelled AS (
    DELETE FROM labels WHERE resource_key = $1
), undescribed AS (
    DELETE FROM metadata WHERE resource_key = $1
), detached AS (
    DELETE FROM attachments WHERE resource_key = $1
    RETURNING object_key, size, stored_size
), thrown_away AS (
    INSERT INTO garbage (object_key, reason)
    SELECT object_key, 'replaced' FROM detached WHERE object_key <> ALL ($2::uuid[])
    ON CONFLICT (object_key) DO NOTHING
)
SELECT coalesce(sum(size), 0)::bigint AS size, coalesce(sum(stored_size), 0)::bigint AS stored_size
FROM detached;

-- name: restore_metadata
-- A metadata as it was noted.
INSERT INTO metadata (resource_key, number, value, text_value, revision)
VALUES ($1, $2, $3, $4, $5);

-- name: restore_attachment_row
-- An attachment as it was noted.
INSERT INTO attachments (
    resource_key, number, object_key, size, stored_size, compression, md5, stored_md5, revision
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);
