-- Deleting, at every level the same statements. Order of locks: the patient, what is below it,
-- unstable, changes, the log of deletions, totals.

-- name: find_patient
-- The tree of a resource at level $1, held; nothing if there is no such resource.
SELECT patient_key FROM patients WHERE patient_key = ({patients_of_one}) FOR UPDATE;

-- name: find_instances
-- The instances of a resource at level $1, in a tree that is held.
{instances_of_one};

-- name: find_patients_of
-- The trees of resources, each with a level or NULL for any, held in the order of their ids.
WITH named AS (SELECT level, id FROM unnest($1::int[], $2::bytea[]) AS named (level, id))
SELECT patient_key FROM patients WHERE patient_key IN ({patients_of_named}) ORDER BY id FOR UPDATE;

-- name: find_instances_of
-- The instances of these resources, each once, in trees that are held ($3).
WITH named AS (SELECT level, id FROM unnest($1::int[], $2::bytea[]) AS named (level, id)),
found (instance_key) AS ({instances_of_named})
SELECT instance_key
FROM found JOIN instances USING (instance_key) JOIN series USING (series_key)
    JOIN studies USING (study_key)
WHERE patient_key = ANY ($3::bigint[]);

-- name: delete_instances
-- Instances with their headers; their objects become garbage, their series count what is left.
WITH bare AS (
    DELETE FROM headers WHERE instance_key = ANY ($1::bigint[]) RETURNING header_key
), doomed AS (
    DELETE FROM instances WHERE instance_key = ANY ($1::bigint[])
    RETURNING series_key, id, object_key, size, stored_size
), thrown_away AS (
    INSERT INTO garbage (object_key, reason)
    SELECT object_key, $2 FROM doomed
    UNION ALL
    SELECT header_key, $2 FROM bare WHERE header_key IS NOT NULL
    ON CONFLICT (object_key) DO NOTHING
), gone AS (
    SELECT series_key, count(*) AS instances, sum(size) AS size, sum(stored_size) AS stored_size,
        array_agg(object_key) AS objects, array_agg(id) AS ids
    FROM doomed
    GROUP BY series_key
)
UPDATE series
SET instances = series.instances - gone.instances, completed = false, last_update = now()
FROM gone
WHERE series.series_key = gone.series_key
RETURNING series.series_key, series.study_key, series.id, series.instances AS remaining,
    gone.instances::bigint AS instances, gone.size::bigint AS size,
    gone.stored_size::bigint AS stored_size, gone.objects, gone.ids;

-- name: delete_series
-- Series that have no instance left.
DELETE FROM series WHERE series_key = ANY ($1::bigint[]) RETURNING series_key, study_key;

-- name: find_described
-- Those of these instances on which something hangs.
SELECT id
FROM instances
WHERE instance_key IN (
    SELECT resource_key FROM labels WHERE resource_key = ANY ($1::bigint[])
    UNION ALL
    SELECT resource_key FROM metadata WHERE resource_key = ANY ($1::bigint[])
    UNION ALL
    SELECT resource_key FROM attachments WHERE resource_key = ANY ($1::bigint[])
);

-- name: delete_empty
-- Those of these studies, or patients, that have nothing left below; the others' last update is now.
WITH doomed AS (
    DELETE FROM {table}
    WHERE {key} = ANY ($1::bigint[])
        AND NOT EXISTS (SELECT FROM {down_table} WHERE {down}.{column} = {key})
    RETURNING {key}, {above} {row}.id
), refreshed AS (
    UPDATE {table} SET last_update = now()
    WHERE {key} = ANY ($1::bigint[])
        AND EXISTS (SELECT FROM {down_table} WHERE {down}.{column} = {key})
    RETURNING {key}, {above} {row}.id
)
SELECT *, true AS deleted FROM doomed UNION ALL SELECT *, false FROM refreshed;

-- name: forget_unstable
-- Resources that are gone never become stable. Before forget_changes: this waits for a replica that is just logging one of them as stable.
DELETE FROM unstable WHERE resource_key = ANY ($1::bigint[]);

-- name: forget_changes
-- The change log has no lines about resources that are gone.
DELETE FROM changes WHERE resource_key = ANY ($1::bigint[]);

-- name: tell_deletions
-- Resources of trees that are held are gone: what was logged of them has lower numbers, and what will
-- be, should they come back, has higher ones.
INSERT INTO deletions (after, level, resource_id)
SELECT last_change, level, id
FROM totals, unnest($1::smallint[], $2::bytea[]) WITH ORDINALITY AS gone (level, id, place)
ORDER BY place;

-- name: log_deletions
-- Resources are gone, for a cause and by somebody; of one that came back and went again, the last time.
INSERT INTO deletion_log (resource_id, level, at, cause, by)
SELECT id, level, now(), $3, $4 FROM unnest($1::smallint[], $2::bytea[]) AS gone (level, id)
ON CONFLICT (resource_id) DO UPDATE
SET at = excluded.at, cause = excluded.cause, by = excluded.by;

-- name: forget_logged
-- Instances went with their series: of one that once went alone, that was not the last time.
DELETE FROM deletion_log WHERE resource_id = ANY ($1::bytea[]);

-- name: forget_logged_deletions
-- What was deleted a year ago, at most a thousand, or twice as much as came now ($1), without waiting
-- for others who do this.
DELETE FROM deletion_log
WHERE resource_id IN (
    SELECT resource_id FROM deletion_log
    WHERE at < now() - interval '1 year'
    ORDER BY at
    LIMIT greatest(1000, 2 * $1::int)
    FOR UPDATE SKIP LOCKED
);
