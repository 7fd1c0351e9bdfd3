-- Who is told that an instance is missing is told so only while the index lacks nothing that it had.
ALTER TABLE continuity
    ADD COLUMN suspected bigint NOT NULL DEFAULT 0, -- how often announcements may have been lost
    ADD COLUMN compared  bigint NOT NULL DEFAULT 0, -- of these, after how many objects were compared
    ADD COLUMN beaten_at timestamptz;               -- the last beat
