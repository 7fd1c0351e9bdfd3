-- Worklist entries. One that was deleted stays for a while without its tags, so that neither a
-- database that was set back nor a note beside the objects brings it back.
CREATE TABLE worklists (
    id        uuid PRIMARY KEY,
    tags      bytea NOT NULL,               -- DICOM JSON; empty when it is deleted
    study_uid text NOT NULL,                -- whose stable study ends the entry; empty: none
    first_day text NOT NULL,                -- YYYYMMDD; empty: not known
    last_day  text NOT NULL,
    created   timestamptz NOT NULL,
    changed   timestamptz NOT NULL,         -- when it was written or deleted last
    ends      timestamptz,                  -- from when on it is old; null: never
    deleted   boolean NOT NULL DEFAULT false
);
CREATE INDEX worklists_there ON worklists (id) WHERE NOT deleted;
CREATE INDEX worklists_to_end ON worklists (ends) WHERE NOT deleted;
CREATE INDEX worklists_of_studies ON worklists (upper(study_uid), id) WHERE NOT deleted AND study_uid <> '';
CREATE INDEX worklists_to_forget ON worklists (changed) WHERE deleted;
