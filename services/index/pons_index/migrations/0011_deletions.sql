-- Resources that were deleted, until the relay has told of it. They are in no log that can be read.
CREATE TABLE deletions (
    after       bigint NOT NULL,            -- the last change that was logged before
    number      bigint GENERATED ALWAYS AS IDENTITY,
    level       smallint NOT NULL,
    resource_id bytea NOT NULL,
    PRIMARY KEY (after, number)
);
