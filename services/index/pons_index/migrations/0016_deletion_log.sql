-- What was deleted, when and by whom, so that who follows a link to it is told. Of instances only those
-- whose series stayed.
-- oldest: 0014
CREATE TABLE deletion_log (
    resource_id bytea PRIMARY KEY,
    level       smallint NOT NULL,
    at          timestamptz NOT NULL,
    cause       text NOT NULL,              -- asked, script, age, room
    by          text NOT NULL               -- the user who asked, the rule of an age; empty: nobody known
);
CREATE INDEX deletion_log_by_time ON deletion_log (at);
