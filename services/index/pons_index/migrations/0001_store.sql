-- The store's four levels, what hangs on them, and the change log.
-- Keys of all levels come from one sequence, so that a row elsewhere names any resource with one number.

CREATE SEQUENCE resource_key;

CREATE TABLE patients (
    patient_key bigint PRIMARY KEY DEFAULT nextval('resource_key'),
    id          bytea NOT NULL UNIQUE,          -- SHA-1, 20 bytes
    patient_id  text NOT NULL,                  -- trimmed, as in the file
    tags        jsonb NOT NULL,                 -- main DICOM tags, "GGGGEEEE" -> text
    protected   boolean NOT NULL DEFAULT false,
    last_update timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE studies (
    study_key    bigint PRIMARY KEY DEFAULT nextval('resource_key'),
    id           bytea NOT NULL UNIQUE,
    patient_key  bigint NOT NULL REFERENCES patients,
    study_uid    text NOT NULL,
    tags         jsonb NOT NULL,
    patient_tags jsonb NOT NULL,                -- the study's own copy of its patient's tags
    last_update  timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX studies_of_patient ON studies (patient_key);

CREATE TABLE series (
    series_key         bigint PRIMARY KEY DEFAULT nextval('resource_key'),
    id                 bytea NOT NULL UNIQUE,
    study_key          bigint NOT NULL REFERENCES studies,
    series_uid         text NOT NULL,
    tags               jsonb NOT NULL,
    remote_aet         text NOT NULL,
    instances          integer NOT NULL,        -- how many there are, so that nothing ever counts them
    expected_instances integer,
    completed          boolean NOT NULL DEFAULT false,   -- CompletedSeries is in the change log
    last_update        timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX series_of_study ON series (study_key);

CREATE TABLE instances (
    instance_key     bigint PRIMARY KEY DEFAULT nextval('resource_key'),
    id               bytea NOT NULL UNIQUE,
    series_key       bigint NOT NULL REFERENCES series,
    sop_instance_uid text NOT NULL,
    sop_class_uid    text NOT NULL,
    transfer_syntax  text NOT NULL,
    tags             jsonb NOT NULL,
    index_in_series  integer,
    received_at      timestamptz NOT NULL,
    origin           jsonb NOT NULL,
    object_key       uuid NOT NULL UNIQUE,      -- UUIDv7: ascending, so the index only grows at its end
    size             bigint NOT NULL,
    stored_size      bigint NOT NULL,
    compression      text NOT NULL,
    checksum         bytea NOT NULL,            -- xxh3_128 of the DICOM file
    pixel_offset     bigint,
    pixel_length     bigint,
    pixel_vr         text
);
CREATE INDEX instances_of_series ON instances (series_key);

-- Beside the instances, not in them: lists and counts never touch these pages.
CREATE TABLE headers (
    instance_key bigint PRIMARY KEY REFERENCES instances ON DELETE CASCADE,
    header       bytea NOT NULL,                -- DICOM JSON, zstd; empty when header_key names an object
    header_key   uuid,
    meta         bytea NOT NULL                 -- group 0002, DICOM JSON
);
ALTER TABLE headers ALTER COLUMN header SET STORAGE EXTERNAL;  -- it is compressed already
CREATE UNIQUE INDEX headers_apart ON headers (header_key) WHERE header_key IS NOT NULL;

CREATE TABLE changes (
    seq          bigint PRIMARY KEY,
    change_type  smallint NOT NULL,
    level        smallint NOT NULL,             -- 0 patient, 1 study, 2 series, 3 instance
    resource_key bigint NOT NULL,
    resource_id  bytea NOT NULL,
    date         timestamptz NOT NULL
);
CREATE INDEX changes_of_resource ON changes (resource_key);

CREATE TABLE exports (
    seq                bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    level              smallint NOT NULL,
    resource_id        bytea NOT NULL,
    remote_modality    text NOT NULL,
    patient_id         text NOT NULL,
    study_uid          text NOT NULL,
    series_uid         text NOT NULL,
    sop_instance_uid   text NOT NULL,
    job_id             text NOT NULL,
    date               timestamptz NOT NULL
);
CREATE UNIQUE INDEX exports_once ON exports (job_id, resource_id);

-- One row. Updated last in every transaction that writes: its lock puts commits, and so the numbers
-- of the change log, in one order, and keeps the totals exact at any size.
CREATE TABLE totals (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one),
    patients     bigint NOT NULL DEFAULT 0,
    studies      bigint NOT NULL DEFAULT 0,
    series       bigint NOT NULL DEFAULT 0,
    instances    bigint NOT NULL DEFAULT 0,
    size         bigint NOT NULL DEFAULT 0,
    stored_size  bigint NOT NULL DEFAULT 0,
    last_change  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO totals DEFAULT VALUES;

-- How far the relay has published the change log. One row; its lock is the relay's turn.
CREATE TABLE relay (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    relayed bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO relay DEFAULT VALUES;

-- Resources that received an instance lately, and when they count as stable.
CREATE TABLE unstable (
    resource_key bigint PRIMARY KEY,
    level        smallint NOT NULL,
    resource_id  bytea NOT NULL,
    due          timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX unstable_due ON unstable (due);

-- Objects that nothing refers to any more. A row outlives its object for a while, because an
-- announcement that comes again must not bring a deleted instance back.
CREATE TABLE garbage (
    object_key uuid PRIMARY KEY,
    reason     text NOT NULL,                   -- deleted, replaced, duplicate, orphan
    since      timestamptz NOT NULL DEFAULT now(),
    collected  timestamptz
);
CREATE INDEX garbage_to_collect ON garbage (since) WHERE collected IS NULL;
CREATE INDEX garbage_to_forget ON garbage (collected) WHERE collected IS NOT NULL;

-- Announcements that cannot be indexed. What they announced is kept, because it was acknowledged.
CREATE TABLE refused (
    refused_key bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    object_key  uuid UNIQUE,                    -- null: not even that could be read
    header_key  uuid,
    reason      text NOT NULL,
    since       timestamptz NOT NULL DEFAULT now()
);

-- The life of each index process, by the boot of the machine that it ran on. One that has no end
-- and another boot's id was ended by its machine.
CREATE TABLE runs (
    run_id  uuid PRIMARY KEY,
    boot_id text NOT NULL,
    started timestamptz NOT NULL DEFAULT now(),
    seen    timestamptz NOT NULL DEFAULT now(),
    stopped timestamptz
);
