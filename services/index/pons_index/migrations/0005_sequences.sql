-- Sequences among the main tags of every level (`index.extra_main_tags`), as series have them since
-- 0002: DICOM JSON by tag, null where there is none. Older versions neither read nor write them.
ALTER TABLE patients ADD COLUMN sequences jsonb;
ALTER TABLE studies ADD COLUMN sequences jsonb;
ALTER TABLE instances ADD COLUMN sequences jsonb;
