-- Objects that the index does not know: finding them, and what becomes of them.

-- piece: unreferred
-- The condition that no row refers to an object that is `listed`.
NOT EXISTS (SELECT FROM instances WHERE instances.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM headers WHERE header_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM attachments WHERE attachments.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM refused WHERE refused.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM refused WHERE refused.header_key = listed.object_key);

-- name: find_unknown
-- Which of these objects neither the index nor a finding knows.
SELECT object_key, size
FROM unnest($1::uuid[], $2::bigint[]) AS listed (object_key, size)
WHERE {unreferred}
    AND NOT EXISTS (SELECT FROM garbage WHERE garbage.object_key = listed.object_key)
    AND NOT EXISTS (SELECT FROM findings WHERE findings.object_key = listed.object_key);

-- name: file_unknown
-- These objects are to be looked at.
INSERT INTO findings (object_key, kind, size)
SELECT object_key, 'unannounced', size
FROM unnest($1::uuid[], $2::bigint[]) AS listed (object_key, size)
ON CONFLICT (object_key) DO NOTHING;

-- name: next_unannounced
-- The oldest objects that are to be looked at, after $1.
SELECT object_key, size
FROM findings
WHERE kind = 'unannounced' AND object_key > $1
    AND NOT EXISTS (SELECT FROM instances WHERE instances.object_key = findings.object_key)
ORDER BY object_key
LIMIT $2;

-- name: settle_findings
-- What became of these objects.
UPDATE findings
SET kind = found.kind, instance_id = found.instance_id, detail = found.detail, since = now()
FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[])
    AS found (object_key, kind, instance_id, detail)
WHERE findings.object_key = found.object_key;

-- name: forget_findings
-- Objects of which nothing is left to say.
DELETE FROM findings WHERE object_key = ANY ($1::uuid[]);

-- name: count_findings
-- How many there are of each kind, and of how many bytes.
SELECT kind, count(*) AS objects, sum(size)::bigint AS size FROM findings GROUP BY kind;

-- name: forget_returned
-- What came back so long ago that nobody asks any more.
DELETE FROM findings WHERE kind = 'returned' AND since < now() - $1::interval;

-- name: forget_known
-- Findings that the index knows by now.
DELETE FROM findings
WHERE kind IN ('unannounced', 'leftover', 'damaged', 'attachment')
    AND (
        EXISTS (SELECT FROM instances WHERE instances.object_key = findings.object_key)
        OR EXISTS (SELECT FROM attachments WHERE attachments.object_key = findings.object_key)
        OR EXISTS (SELECT FROM headers WHERE header_key = findings.object_key)
    );

-- name: expired_leftovers
-- What has been in quarantine for so long, and how many objects the store has.
SELECT
    array(
        SELECT object_key FROM findings WHERE kind = 'leftover' AND since < now() - $1::interval
    ) AS expired,
    (SELECT instances FROM totals) + (SELECT count(*) FROM attachments) AS objects;

-- name: hold_references
-- Wait for every transaction that refers to new objects, and keep out new ones.
LOCK TABLE instances, attachments IN SHARE MODE;

-- name: discard_unused
-- Those of these objects that nothing refers to become garbage, so that an announcement that comes now is refused.
INSERT INTO garbage (object_key, reason)
SELECT object_key, $2
FROM unnest($1::uuid[]) AS listed (object_key)
WHERE {unreferred}
ON CONFLICT (object_key) DO NOTHING
RETURNING object_key;

-- name: count_unreadable
-- Announcements of which nobody can tell what objects they meant.
SELECT count(*) FROM refused WHERE object_key IS NULL;

-- name: file_attachments
-- Objects that a record beside them calls attachments, and that the index does not know.
INSERT INTO findings (object_key, kind, size, detail)
SELECT object_key, 'attachment', size, detail
FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS named (object_key, size, detail)
WHERE NOT EXISTS (SELECT FROM attachments WHERE attachments.object_key = named.object_key)
    AND NOT EXISTS (SELECT FROM garbage WHERE garbage.object_key = named.object_key)
ON CONFLICT (object_key) DO UPDATE SET kind = 'attachment', detail = excluded.detail;

-- name: leave_attachments
-- Attachments whose resource did not come back: kept in quarantine, where people find them.
UPDATE findings SET kind = 'leftover', since = now() WHERE kind = 'attachment';

-- name: back_from_the_dead
-- Instances that the index has although they were deleted: with one of these objects, or with one of these ids and an object from before $3.
SELECT instance_key FROM instances WHERE object_key = ANY ($1::uuid[])
UNION
SELECT instance_key FROM instances WHERE id = ANY ($2::bytea[]) AND object_key < $3;

-- name: trees_of_the_dead
-- The trees of these instances, held in the order of their ids.
SELECT patient_key
FROM patients
WHERE patient_key IN (
    SELECT patient_key
    FROM instances JOIN series USING (series_key) JOIN studies USING (study_key)
    WHERE object_key = ANY ($1::uuid[])
    UNION
    SELECT patient_key
    FROM instances JOIN series USING (series_key) JOIN studies USING (study_key)
    WHERE instances.id = ANY ($2::bytea[]) AND object_key < $3
)
ORDER BY id
FOR UPDATE;

-- name: remember_dead
-- Files of these instances from before $2 do not come back.
INSERT INTO deleted (instance_id, before)
SELECT instance_id, $2 FROM unnest($1::bytea[]) AS named (instance_id)
ON CONFLICT (instance_id) DO UPDATE SET before = greatest(deleted.before, excluded.before);

-- name: is_dead
-- Whether a file of this instance was there when it was deleted.
SELECT EXISTS (SELECT FROM deleted WHERE instance_id = $1 AND $2 < before);

-- name: forget_dead
-- All objects have been compared.
DELETE FROM deleted;

-- name: bury
-- Objects of which a tombstone says that they may go.
INSERT INTO garbage (object_key, reason, tombstone)
SELECT object_key, 'deleted', $2 FROM unnest($1::uuid[]) AS named (object_key)
ON CONFLICT (object_key) DO UPDATE SET tombstone = excluded.tombstone;

-- name: note_tombstone
-- A note beside the objects says, too, that these may go.
UPDATE garbage SET tombstone = $2 WHERE object_key = ANY ($1::uuid[]);

-- name: settle_times
-- Resources of what came back were updated last when their newest instance came. One whose time changes meanwhile keeps it, and what did not come back counts with the time that it has.
WITH back AS (
    SELECT series_key, last_update AS before, max(received_at) AS received
    FROM series JOIN instances USING (series_key)
    WHERE series_key IN (
        SELECT series_key FROM findings JOIN instances ON instances.id = findings.instance_id
        WHERE findings.kind = 'returned'
    )
    GROUP BY 1, 2
), of_studies AS (
    SELECT study_key, studies.last_update AS before, max(least(series.last_update, received)) AS latest
    FROM studies JOIN series USING (study_key) LEFT JOIN back USING (series_key)
    WHERE study_key IN (SELECT study_key FROM back JOIN series USING (series_key))
    GROUP BY 1, 2
), of_patients AS (
    SELECT patient_key, patients.last_update AS before,
        max(least(studies.last_update, latest)) AS latest
    FROM patients JOIN studies USING (patient_key) LEFT JOIN of_studies USING (study_key)
    WHERE patient_key IN (SELECT patient_key FROM of_studies JOIN studies USING (study_key))
    GROUP BY 1, 2
), dated_series AS (
    UPDATE series SET last_update = received
    FROM back
    WHERE series.series_key = back.series_key AND last_update = before AND before > received
), dated_studies AS (
    UPDATE studies SET last_update = latest
    FROM of_studies
    WHERE studies.study_key = of_studies.study_key AND last_update = before AND before > latest
    RETURNING studies.study_key, latest
), dated_sums AS (
    UPDATE study_sums SET last_update = latest
    FROM dated_studies
    WHERE study_sums.study_key = dated_studies.study_key
)
UPDATE patients SET last_update = latest
FROM of_patients
WHERE patients.patient_key = of_patients.patient_key AND last_update = before AND before > latest;

-- name: keys_since
-- Objects of instances, after a key.
SELECT object_key FROM instances WHERE object_key > $1 ORDER BY object_key LIMIT $2;

-- name: read_arrivals
-- When and from where the instances came whose keys are in a range.
SELECT object_key, received_at, origin
FROM instances
WHERE object_key >= $1 AND object_key < $2;

-- name: referred_in_ranges
-- What rows refer to objects whose keys are in these ranges.
WITH ranges AS (
    SELECT first, beyond FROM unnest($1::uuid[], $2::uuid[]) AS given (first, beyond)
)
SELECT 'instance' AS kind, id, object_key, stored_size, size, compression, checksum
FROM ranges JOIN instances ON object_key >= first AND object_key < beyond
UNION ALL
SELECT 'attachment', NULL, object_key, stored_size, size, compression, NULL
FROM ranges JOIN attachments ON object_key >= first AND object_key < beyond
UNION ALL
SELECT 'header', id, header_key, NULL, NULL, '', NULL
FROM ranges JOIN headers ON header_key >= first AND header_key < beyond
    JOIN instances USING (instance_key);

-- name: first_and_last_key
-- The oldest and the newest object that a row refers to.
SELECT
    (SELECT object_key FROM instances ORDER BY object_key LIMIT 1) AS first_instance,
    (SELECT object_key FROM instances ORDER BY object_key DESC LIMIT 1) AS last_instance,
    (SELECT object_key FROM attachments ORDER BY object_key LIMIT 1) AS first_attachment,
    (SELECT object_key FROM attachments ORDER BY object_key DESC LIMIT 1) AS last_attachment;

-- name: list_findings
-- Findings of a kind, the oldest first.
SELECT object_key, size, since, instance_id, detail FROM findings WHERE kind = $1 ORDER BY since;

-- name: list_refused
-- Announcements that the index does not take.
SELECT object_key, reason, since FROM refused ORDER BY since;
