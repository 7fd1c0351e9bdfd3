-- What the store did: a point for each minute of the last day, and for each ten minutes of a week.
-- A minute without a point is one that nobody looked at.
CREATE TABLE history (
    step           smallint NOT NULL,           -- seconds: 60 or 600
    at             timestamptz NOT NULL,        -- when the step begins, by the database's clock
    seconds        integer NOT NULL,            -- of the step that were looked at
    received       bigint NOT NULL,             -- instances that came and are indexed
    received_bytes bigint NOT NULL,
    settled        boolean NOT NULL,            -- everything that came by then is indexed
    studies        bigint NOT NULL,             -- at the end of the step, as what follows
    instances      bigint NOT NULL,
    stored_size    bigint NOT NULL,
    free           bigint,                      -- bytes on the disk of the objects, where there is one
    queue          bigint NOT NULL,             -- announcements that wait for the index; the most
    lag            real NOT NULL,               -- seconds that the oldest has waited; the most
    jobs_waiting   integer NOT NULL,            -- jobs that have not begun; the most
    jobs_failed    integer NOT NULL,            -- dead letters of jobs
    PRIMARY KEY (step, at)
);
