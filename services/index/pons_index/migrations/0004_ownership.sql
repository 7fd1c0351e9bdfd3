-- Whose database this is, how far it was when last seen, and what a comparison of the objects with the
-- index has found. Nothing here is needed by a version that does not know it.

-- The store's mark, the same as in object store and streams; `settled` once it is in all three.
CREATE TABLE owner (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    store   text NOT NULL,
    id      uuid NOT NULL,
    settled boolean NOT NULL DEFAULT false
);

-- What the index last saw of the database and of the stream of announcements. A copy of it lies with
-- the objects: a database or a stream that fits neither was set back.
CREATE TABLE continuity (
    one            boolean PRIMARY KEY DEFAULT true CHECK (one),
    beats          bigint NOT NULL DEFAULT 0,
    stream_created text NOT NULL DEFAULT '',    -- empty: no stream was seen yet
    stream_last    bigint NOT NULL DEFAULT 0,
    safe_at        timestamptz,                 -- all that was announced before is indexed
    comparing      text NOT NULL DEFAULT ''     -- why all objects are to be compared; empty: they are not
) WITH (fillfactor = 10);

-- Objects that the index does not know, and what became of them.
CREATE TABLE findings (
    object_key  uuid PRIMARY KEY,
    kind        text NOT NULL,      -- unannounced, returned, leftover, damaged, attachment
    size        bigint NOT NULL,
    since       timestamptz NOT NULL DEFAULT now(),
    instance_id bytea,
    detail      text NOT NULL DEFAULT ''
);
CREATE INDEX findings_by_key ON findings (kind, object_key);
CREATE INDEX findings_by_age ON findings (kind, since);

-- Instances that were deleted on purpose, from the tombstones beside the objects: only while all objects
-- are compared. A file of theirs from before may be an earlier one that was replaced.
CREATE TABLE deleted (
    instance_id bytea PRIMARY KEY,
    before      uuid NOT NULL       -- as a key: what is older was there when the instance was deleted
);

-- The note beside the objects that says, too, that this object may go; null where none was written.
ALTER TABLE garbage ADD COLUMN tombstone uuid;
CREATE INDEX garbage_by_tombstone ON garbage (tombstone) WHERE tombstone IS NOT NULL;
