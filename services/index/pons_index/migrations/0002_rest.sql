-- What the REST interface hangs on resources, what storage policies need, and the indexes of searches.
-- Searches compare upper(value), so that the database's own idea of case holds on both sides; dates
-- are compared as they are, in the order of their bytes.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Metadata that clients or jobs wrote. What ingest knows (ReceptionDate, Origin, ...) is read from the
-- resource's own columns.
CREATE TABLE metadata (
    resource_key bigint NOT NULL,
    number       integer NOT NULL,
    value        bytea NOT NULL,                -- as it was sent
    text_value   text,                          -- the same for searches; null when it is no text
    revision     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (resource_key, number)
);
CREATE INDEX metadata_by_text ON metadata (number, left(upper(text_value), 200) text_pattern_ops);

CREATE TABLE labels (
    resource_key bigint NOT NULL,
    label        text NOT NULL,
    PRIMARY KEY (resource_key, label)
);
CREATE INDEX labels_by_name ON labels (label, resource_key);

-- Attachments of clients. The DICOM file itself is the instance's own object.
CREATE TABLE attachments (
    resource_key bigint NOT NULL,
    number       integer NOT NULL,
    object_key   uuid NOT NULL UNIQUE,
    size         bigint NOT NULL,
    stored_size  bigint NOT NULL,
    compression  text NOT NULL,
    md5          bytea NOT NULL,                -- of what was sent
    stored_md5   bytea NOT NULL,                -- of the object
    revision     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (resource_key, number)
);

-- The lists of main DICOM tags that were ever in force; 0 is the one built in.
CREATE TABLE signatures (
    signature smallint PRIMARY KEY,
    tags      jsonb NOT NULL                    -- level -> [tag, ...]
);
ALTER TABLE patients ADD COLUMN signature smallint NOT NULL DEFAULT 0;
ALTER TABLE studies ADD COLUMN signature smallint NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN signature smallint NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN signature smallint NOT NULL DEFAULT 0;

-- Whether native pixel data has another VR than its syntax and depth call for: such files have it as
-- metadata.
ALTER TABLE instances ADD COLUMN odd_pixel_vr boolean NOT NULL DEFAULT false;

-- Main sequences of a series (RequestAttributesSequence) as DICOM JSON; null when it has none.
ALTER TABLE series ADD COLUMN sequences jsonb;

-- Recycling takes the patient that was updated, or released from protection, longest ago.
ALTER TABLE patients ADD COLUMN unprotected_at timestamptz;
CREATE INDEX patients_to_recycle ON patients (greatest(last_update, unprotected_at))
    WHERE NOT protected;

CREATE INDEX patients_by_id ON patients (upper(patient_id) text_pattern_ops);
CREATE INDEX patients_by_name ON patients (upper(tags ->> '00100010') text_pattern_ops);
CREATE INDEX patients_in_name ON patients USING gin (upper(tags ->> '00100010') gin_trgm_ops);
CREATE INDEX patients_by_birth ON patients ((tags ->> '00100030') COLLATE "C");

CREATE INDEX studies_by_uid ON studies (upper(study_uid) text_pattern_ops);
CREATE INDEX studies_by_date ON studies ((tags ->> '00080020') COLLATE "C");
-- The usual order of lists: newest first, those without a date last.
CREATE INDEX studies_newest_first ON studies
    (((tags ->> '00080020') COLLATE "C") DESC NULLS LAST, study_key);
CREATE INDEX studies_by_accession ON studies (upper(tags ->> '00080050') text_pattern_ops);
CREATE INDEX studies_in_description ON studies USING gin (upper(tags ->> '00081030') gin_trgm_ops);
CREATE INDEX studies_by_patient_id ON studies (upper(patient_tags ->> '00100020') text_pattern_ops);
CREATE INDEX studies_by_name ON studies (upper(patient_tags ->> '00100010') text_pattern_ops);
CREATE INDEX studies_in_name ON studies
    USING gin (upper(patient_tags ->> '00100010') gin_trgm_ops);
CREATE INDEX studies_by_birth ON studies ((patient_tags ->> '00100030') COLLATE "C");

CREATE INDEX series_by_uid ON series (upper(series_uid) text_pattern_ops);
CREATE INDEX series_by_modality ON series (upper(tags ->> '00080060') text_pattern_ops);

CREATE INDEX instances_by_uid ON instances (upper(sop_instance_uid) text_pattern_ops);
