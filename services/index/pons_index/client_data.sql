-- What clients hang on a resource: metadata, labels, attachments. Order of locks as in deletion.sql.

-- name: find_resource
-- The key of a resource at level $1, in a tree that is held.
{key_of_one};

-- name: read_metadata
-- The state of a metadata, in a tree that is held.
SELECT revision, md5(value) AS md5 FROM metadata WHERE resource_key = $1 AND number = $2;

-- name: put_metadata
-- A metadata, new or instead of the one that was there.
INSERT INTO metadata (resource_key, number, value, text_value, revision)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (resource_key, number) DO UPDATE
    SET value = excluded.value, text_value = excluded.text_value, revision = excluded.revision;

-- name: delete_metadata
-- One metadata less.
DELETE FROM metadata WHERE resource_key = $1 AND number = $2;

-- name: put_label
-- A label; one that is there already stays.
INSERT INTO labels (resource_key, label) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: delete_label
-- One label less, if it was there.
DELETE FROM labels WHERE resource_key = $1 AND label = $2;

-- name: read_attachment
-- The state of an attachment, in a tree that is held.
SELECT object_key, size, stored_size, compression, revision, encode(md5, 'hex') AS md5
FROM attachments
WHERE resource_key = $1 AND number = $2;

-- name: put_attachment
-- An attachment, new or instead of the one that was there.
INSERT INTO attachments (
    resource_key, number, object_key, size, stored_size, compression, md5, stored_md5, revision
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (resource_key, number) DO UPDATE
    SET object_key = excluded.object_key, size = excluded.size, stored_size = excluded.stored_size,
        compression = excluded.compression, md5 = excluded.md5, stored_md5 = excluded.stored_md5,
        revision = excluded.revision;

-- name: delete_attachment
-- One attachment less.
DELETE FROM attachments WHERE resource_key = $1 AND number = $2;

-- name: read_file
-- Where the DICOM file of an instance is, in a tree that is held.
SELECT object_key, stored_size FROM instances WHERE instance_key = $1;

-- name: restore_file
-- The DICOM file of an instance lies in another object, in another form.
UPDATE instances SET object_key = $2, stored_size = $3, compression = $4 WHERE instance_key = $1;

-- name: restore_attachment
-- An attachment lies in another object, in another form.
UPDATE attachments
SET object_key = $3, stored_size = $4, compression = $5, stored_md5 = decode($6, 'hex')
WHERE resource_key = $1 AND number = $2;

-- name: is_garbage
-- Whether an object was collected, or will be.
SELECT EXISTS (SELECT FROM garbage WHERE object_key = $1);

-- name: forget_client_data
-- What hung on resources, and how many bytes that was; objects that are not among $3 become garbage.
WITH unlabelled AS (
    DELETE FROM labels WHERE resource_key = ANY ($1::bigint[])
), undescribed AS (
    DELETE FROM metadata WHERE resource_key = ANY ($1::bigint[])
), detached AS (
    DELETE FROM attachments WHERE resource_key = ANY ($1::bigint[])
    RETURNING object_key, size, stored_size
), thrown_away AS (
    INSERT INTO garbage (object_key, reason)
    SELECT object_key, $2 FROM detached WHERE object_key <> ALL ($3::uuid[])
    ON CONFLICT (object_key) DO NOTHING
)
SELECT coalesce(sum(size), 0)::bigint AS size, coalesce(sum(stored_size), 0)::bigint AS stored_size
FROM detached;
